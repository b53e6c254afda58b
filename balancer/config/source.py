"""Where settings come from: file, then environment, then options; the later wins."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from balancer.config.environment import read_environment
from balancer.config.findings import Findings
from balancer.config.problems import shown
from balancer.nesting import TooDeepError, parse_toml

_LONGEST_BYTES = 4 * 1024 * 1024  # thousands of loads; more is no configuration
_POSITION = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end.*)\)")
_UNQUOTED = re.compile(r"\s*(?P<key>[\w.\"-]+)\s*=\s*(?P<value>[A-Za-z][^\s#,]*)")
_DECIMAL_COMMA = re.compile(r"=\s*[0-9]+,[0-9]")


def read_sources(
    path: Path, environ: Mapping[str, str], options: Mapping[str, Any], findings: Findings
) -> bool:
    """Fill ``findings.raw`` with the merged settings; return whether the file can be read."""
    text = _read_text(path, findings)
    file = None if text is None else _parse(text, path, findings)
    if file is None:
        return False
    environment, findings.origins = read_environment(environ, file, findings)
    _choose_password(environment, file)
    findings.raw = _merge(file, environment, options)
    return True


def _merge(
    file: Mapping[str, Any], environment: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    class Merged(BaseSettings):
        """Anything; it is judged later, with all problems at once."""

        model_config = SettingsConfigDict(extra="allow")

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del init_settings, env_settings, dotenv_settings, file_secret_settings
            return tuple(
                InitSettingsSource(settings_cls, dict(each))
                for each in (options, environment, file)
            )

    return dict(Merged().model_extra or {})


def _choose_password(environment: Mapping[str, Any], file: Mapping[str, Any]) -> None:
    """Drop the file's password where the environment has one, in whichever form."""
    theirs, ours = environment.get("mqtt"), file.get("mqtt")
    keys = ("password", "password_file")
    if isinstance(theirs, dict) and isinstance(ours, dict) and any(key in theirs for key in keys):
        for key in keys:
            ours.pop(key, None)


def _read_text(path: Path, findings: Findings) -> str | None:
    """Return the file's text, or note why there is none."""
    allowed = "a TOML file that can be read"
    other = "name another with --config PATH"
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST_BYTES + 1)
    except FileNotFoundError:
        findings.add_elsewhere(str(path), "there is no such file", allowed, other)
    except IsADirectoryError:
        findings.add_elsewhere(str(path), "it is a folder", allowed, other)
    except PermissionError:
        findings.add_elsewhere(
            str(path), "it may not be read by this user", allowed, f"chmod +r {path}"
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = getattr(error, "strerror", None) or str(error)
        findings.add_elsewhere(shown(str(path)), f"it cannot be read: {why}", allowed, other)
    else:
        if len(content) > _LONGEST_BYTES:
            findings.add_elsewhere(str(path), "it is larger than 4 MiB", allowed, other)
            return None
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            what = f"line {line}: byte 0x{content[error.start]:02x} is not UTF-8"
            findings.add_elsewhere(str(path), what, "text in UTF-8", "save the file as UTF-8")
    return None


def _parse(text: str, path: Path, findings: Findings) -> dict[str, Any] | None:
    """Return the file's tables, or note where it is no TOML."""
    try:
        return parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        _note_syntax(str(error), text, path, findings)
    except TooDeepError:
        findings.add_elsewhere(
            str(path), "its lists or tables lie too deep in each other", "TOML", "flatten them"
        )
    except ValueError as error:  # integers of thousands of digits
        findings.add_elsewhere(str(path), str(error), "TOML", "write a smaller number")
    return None


def _note_syntax(message: str, text: str, path: Path, findings: Findings) -> None:
    found = _POSITION.fullmatch(message)
    lines = text.splitlines() or [""]
    number = int(found["line"]) if found is not None and found["line"] else len(lines)
    line = lines[number - 1] if number <= len(lines) else ""
    what = found["what"] if found is not None else message
    what = re.sub(r"^Invalid (.*)", r"no \1 can be read here", what)
    column = f", column {found['column']}" if found is not None and found["column"] else ""
    fix = "see that line"
    if any(word in message for word in ("overwrite", "declare", "twice", "Duplicate", "mutate")):
        fix = "name each table and each key once"
    elif line.count('"') % 2:
        fix = 'close the quotes: "…"'
    elif _DECIMAL_COMMA.search(line):
        fix = "write a decimal point instead of the comma"
    elif (unquoted := _UNQUOTED.match(line)) is not None and "pass" not in line.lower():
        fix = f'put text in quotes: {unquoted["key"]} = "{unquoted["value"]}"'
    findings.add_elsewhere(str(path), f"line {number}{column}: {what}", "TOML", fix)
