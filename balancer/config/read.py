"""Merged settings to the tables of ``schema``: as much as can be read, all problems noted."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from balancer.config.devices import Table
from balancer.config.fields import NAME_HINT, Hint, Required
from balancer.config.findings import Findings
from balancer.config.problems import KeyPath, key_path, listed, meant, shown
from balancer.config.schema import Config

_TYPE_ERRORS = {
    *("union_tag_invalid", "union_tag_not_found", "literal_error", "missing"),
    "string_unicode",  # a word that is not UTF-8, from the environment
}
_UNREAD_ENTRY = {"type": "mqtt"}  # keeps the other entries of a list where they are


def read_tables(findings: Findings) -> Config:
    """Return the file's tables; what cannot be read is noted and left at its default."""
    readable: dict[str, Any] = copy.deepcopy(dict(findings.raw))
    try:
        config = Config.model_validate(readable)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            path = _path_of(each["loc"], findings.raw)
            if each["type"] in _TYPE_ERRORS and path[-1] == "type":
                path = path[:-1]  # nothing can be read without it
            _note(each, path, findings)
            _remove(readable, path)
        config = Config.model_validate(readable)
    for path, hint in _missing(config, ()):
        findings.add_missing(path, hint.allowed, f"{path[-1]} = {hint.example}")
    return config


def _path_of(loc: tuple[str | int, ...], raw: Mapping[str, Any]) -> KeyPath:
    """Return the key path of a location of pydantic, which adds the ``type`` of tables."""
    path: list[str | int] = []
    node: Any = raw
    for step in loc:
        if step == "[key]":
            break
        if isinstance(node, Mapping) and step not in node and node.get("type") == step:
            continue
        path.append(step)
        if isinstance(node, Mapping):
            node = node.get(str(step))
        elif isinstance(node, list) and isinstance(step, int):
            node = node[step]
    return tuple(path)


def _remove(readable: dict[str, Any], path: KeyPath) -> None:
    node: Any = readable
    for step in path[:-1]:
        if isinstance(node, Mapping) and step not in node:
            return  # a table around it is gone already
        node = node[step]
    if isinstance(node, list):
        assert isinstance(path[-1], int), path
        node[path[-1]] = _UNREAD_ENTRY
    else:
        node.pop(path[-1], None)


def _note(error: ErrorDetails, path: KeyPath, findings: Findings) -> None:
    """Word one error of pydantic."""
    kind, context = error["type"], error.get("ctx", {})
    if error["loc"][-1] == "[key]":
        findings.add_name(path, context["what"], NAME_HINT.allowed, "rename it")
        return
    if kind in _TYPE_ERRORS:
        _note_type(path, findings)
        return
    if kind == "extra_forbidden":
        _note_unknown(path, findings)
        return
    key = path[-1]
    field = _field_at(path, findings.raw)
    if field is not None:
        hint = hint_of(field)
    else:  # an entry of a list, or a table with a name
        hint = _hint([*_metadata(_kind_at(path, findings.raw))])
    fix = f"{key} = {hint.example}" if hint.example else f"[{key_path(path)}]"
    if isinstance(key, int):
        fix = hint.example
    if kind == "value":
        guess = context.get("meant")
        findings.add(path, context["what"], hint.allowed, f'{key} = "{guess}"' if guess else fix)
    else:
        found = shown(_value(path, findings.raw))
        what = "list" if kind in {"tuple_type", "list_type"} else "table"
        findings.add(path, f"{found} is not a {what}", hint.allowed, fix)


def _note_unknown(path: KeyPath, findings: Findings) -> None:
    table = _kind_at(path[:-1], findings.raw)
    keys = sorted(table.model_fields, key=lambda key: key != "type")
    guess = meant(str(path[-1]), keys)
    fix = f"rename it to {guess}" if guess else f"remove {path[-1]}"
    what = "there is no such key"
    if "type" in table.model_fields:
        what = f'{what} with type = "{_type_of(table)}"'
    findings.add(path, what, listed(keys), fix)


def _note_type(path: KeyPath, findings: Findings) -> None:
    """Note that the ``type`` of a relay, meter or request is missing or unknown."""
    types = sorted(_type_of(each) for each in _tables(_kind_at(path, findings.raw)))
    given = _value(path, findings.raw).get("type")
    guess = meant(given, types) if isinstance(given, str) else None
    what = "it is missing" if given is None else f"there is no type {shown(given)}"
    findings.add(path, what, listed(types), f'type = "{guess or types[0]}"', key="type")


def _missing(table: Table, path: KeyPath) -> Iterator[tuple[KeyPath, Hint]]:
    """Yield the keys that must be there and are not."""
    for key, field in type(table).model_fields.items():
        value = getattr(table, key)
        if value is None and any(isinstance(each, Required) for each in field.metadata):
            yield (*path, key), hint_of(field)
        if isinstance(value, Table):
            yield from _missing(value, (*path, key))
        for step, each in _entries(value):
            if isinstance(each, Table):
                yield from _missing(each, (*path, key, step))


def _entries(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, tuple):
        yield from enumerate(value)


def hint_of(field: FieldInfo) -> Hint:
    """Return what a field allows: its own hint before that of its kind."""
    return _hint([*_metadata(field.annotation), *field.metadata])


def _hint(metadata: Sequence[object]) -> Hint:
    hints = [each for each in metadata if isinstance(each, Hint)]
    return hints[-1] if hints else Hint("a table")


def _field_at(path: KeyPath, raw: Mapping[str, Any]) -> FieldInfo | None:
    table = _kind_at(path[:-1], raw)
    return table.model_fields.get(path[-1]) if _is_table(table) else None


def _kind_at(path: KeyPath, raw: Mapping[str, Any]) -> Any:
    """Return the table, or else the annotation, that stands for a key path in ``raw``.

    The ``type`` of a table tells which one it is, if it is known.
    """
    kind: Any = Config
    node: Any = raw
    for step in path:
        kind = kind.model_fields[step].annotation if _is_table(kind) else _entry(kind)
        node = node[step]
        if _entry(kind) is None:
            given = node.get("type") if isinstance(node, Mapping) else None
            tables = list(_tables(kind))
            fitting = [each for each in tables if len(tables) == 1 or _type_of(each) == given]
            kind = fitting[0] if fitting else kind
    return kind


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Table)


def _tables(annotation: Any) -> Iterator[type[Table]]:
    """Yield the tables that an annotation may stand for."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        yield annotation
    for each in get_args(annotation):
        yield from _tables(each)


def _entry(annotation: Any) -> Any:
    """Return what the entries of a dict or a list are; None for anything else."""
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    if get_origin(annotation) is tuple:
        return get_args(annotation)[0]
    return None


def _metadata(annotation: Any) -> Iterator[Any]:
    yield from getattr(annotation, "__metadata__", ())
    for each in get_args(annotation):
        yield from _metadata(each)


def _type_of(table: type[Table]) -> str:
    return str(get_args(table.model_fields["type"].annotation)[0])


def _value(path: KeyPath, raw: Mapping[str, Any]) -> Any:
    node: Any = raw
    for step in path:
        node = node[step]
    return node
