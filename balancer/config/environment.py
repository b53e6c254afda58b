"""Settings from the environment: ``BALANCER_MQTT__PASSWORD`` is ``mqtt.password``.

Names are compared without case, and ``_`` stands for ``-`` too, because variables cannot
have either. Container platforms add variables of their own for a service that is named
balancer (``BALANCER_PORT=tcp://…``); they are left alone. A variable that was probably meant
as a setting is a problem: an ignored BALANCER_DRYRUN=true would switch relays.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from balancer.config.devices import Table
from balancer.config.findings import Findings
from balancer.config.problems import KeyPath, fold, listed
from balancer.config.schema import Config
from balancer.nesting import MAX_DEPTH, parse_json, parse_toml

PREFIX = "BALANCER_"
DELIMITER = "__"

_PLATFORM = re.compile(r"(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT\w*|PORT(?:_\d+_(?:TCP|UDP)\w*)?)")
_ADDRESS = re.compile(r"(?:tcp|udp|sctp)://")
_ALLOWED = "BALANCER_, then the key path in capitals with two underscores between keys"


def read_environment(
    environ: Mapping[str, str], file: Mapping[str, Any], findings: Findings
) -> tuple[dict[str, Any], dict[KeyPath, str]]:
    """Return the settings that variables make, nested, and the variable of each.

    Args:
        environ: All variables.
        file: The settings of the file; circuits, zones and loads are known from it.
        findings: Takes problems and warnings.
    """
    settings: dict[str, Any] = {}
    origins: dict[KeyPath, str] = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or _ADDRESS.match(environ[variable]):
            continue
        steps = variable.removeprefix(PREFIX).split(DELIMITER)
        if len(steps) > MAX_DEPTH:
            findings.add_elsewhere(variable, "it is no setting", _ALLOWED, f"unset {variable}")
        elif (path := _path_of(steps, file)) is None:
            _note_unknown(variable, steps, file, findings)
        elif not environ[variable]:
            findings.warnings.append(f"{variable} is empty and ignored")
        else:
            _put(settings, path, _value_of(environ[variable]))
            origins[path] = variable
    return settings, origins


def variable_of(path: KeyPath) -> str:
    """Return the variable for a key path."""
    return PREFIX + DELIMITER.join(str(step).upper().replace("-", "_") for step in path)


def _path_of(steps: list[str], file: Mapping[str, Any]) -> KeyPath | None:
    """Return the key path that a variable is for, or None if its first part is no key."""
    path: list[str] = []
    kind: Any = Config
    node: Any = file
    for step in steps:
        known = _names(kind, node)
        name = next((each for each in known if fold(each) == fold(step)), None)
        if name is None and not path:
            return None
        path.append(name if name is not None else step.lower())
        kind = _below(kind, path[-1])
        node = node.get(path[-1]) if isinstance(node, Mapping) else None
    return tuple(path)


def _names(kind: Any, node: Any) -> list[str]:
    """Return the keys of a table, or the names that a group of tables has in the file."""
    keys = [key for table in _tables(kind) for key in table.model_fields]
    if get_origin(kind) is dict:
        keys = list(node) if isinstance(node, Mapping) else []
    return keys


def _below(kind: Any, key: str) -> Any:
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    for table in _tables(kind):
        if key in table.model_fields:
            return table.model_fields[key].annotation
    return None


def _tables(kind: Any) -> Iterator[type[Table]]:
    if isinstance(kind, type) and issubclass(kind, Table):
        yield kind
    elif get_origin(kind) not in {dict, tuple}:
        for each in get_args(kind):
            yield from _tables(each)


def _value_of(text: str) -> Any:
    """Return lists and tables, written as JSON or TOML; anything else is text."""
    if text.lstrip().startswith(("[", "{")):
        for parse in (parse_json, lambda value: parse_toml(f"value = {value}")["value"]):
            try:
                return parse(text)
            except ValueError:
                continue
    return text


def _put(settings: dict[str, Any], path: KeyPath, value: Any) -> None:
    node = settings
    for step in path[:-1]:
        inner = node.setdefault(str(step), {})
        if not isinstance(inner, dict):
            inner = node[str(step)] = {}
        node = inner
    node[str(path[-1])] = value


def _note_unknown(
    variable: str, steps: list[str], file: Mapping[str, Any], findings: Findings
) -> None:
    """Note a variable whose first part is no key: a problem if it was meant as one."""
    if (path := _slip(fold("_".join(steps)), Config, file)) is not None:
        fix = f"rename it to {variable_of(path)}"
        findings.add_elsewhere(variable, "it is no setting", _ALLOWED, fix)
    elif _PLATFORM.fullmatch("_".join(steps)):
        return
    elif close := difflib.get_close_matches(
        fold(steps[0]), Config.model_fields, n=1, cutoff=0.6 if len(steps) > 1 else 0.8
    ):
        fix = f"rename it to {variable_of((close[0], *steps[1:]))}"
        findings.add_elsewhere(variable, "it is no setting", _ALLOWED, fix)
    elif len(steps) > 1:
        keys = listed(key.upper() for key in Config.model_fields)
        findings.add_elsewhere(
            variable, "it is no setting", f"BALANCER_ and one of {keys}", f"unset {variable}"
        )
    else:
        findings.warnings.append(f"{variable} is no setting and ignored")


def _slip(rest: str, kind: Any, node: Any) -> KeyPath | None:
    """Return the key path that is meant if one underscore was written for two."""
    for name in sorted(_names(kind, node), key=len, reverse=True):
        below = _below(kind, name)
        if rest == fold(name) or rest == fold(name).replace("_", ""):
            return (name,)
        if rest.startswith(f"{fold(name)}_"):
            inner = node.get(name) if isinstance(node, Mapping) else None
            path = _slip(rest.removeprefix(f"{fold(name)}_").lstrip("_"), below, inner)
            if path is not None:
                return (name, *path)
    return None
