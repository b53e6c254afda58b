"""What is wrong in config.toml, worded for the person who edits it."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KeyPath = tuple[str | int, ...]
"""Keys and positions from the top of the file down to a value."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 60  # characters of a value that fit into a line


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in config.toml, worded for the person editing it.

    Attributes:
        where: Key path, such as ``loads.towels.power``.
        what: What was found there; one line.
        allowed: What may stand there.
        fix: An edit that helps, as it would stand in the file where that is possible.
    """

    where: str
    what: str
    allowed: str
    fix: str = ""

    def __str__(self) -> str:
        fix = f"\n  fix: {self.fix}" if self.fix else ""
        return f"{self.where}: {self.what}\n  allowed: {self.allowed}{fix}"


class ConfigError(Exception):
    """A configuration that is not to be run; its text lists all problems.

    Attributes:
        problems: In the order of the file; never empty.
        source: The file as it was named.
    """

    def __init__(self, problems: tuple[Problem, ...], source: str = "config.toml") -> None:
        assert problems
        super().__init__(problems, source)
        self.problems = problems
        self.source = source

    def __str__(self) -> str:
        number = f"{len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}"
        return "\n".join([f"{self.source} has {number}", "", *map(str, self.problems)])


def key_path(path: KeyPath) -> str:
    """Return a key path as it would be written in the file: ``circuits.main.steps[2]``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            key = step if _BARE_KEY.fullmatch(step) else _quoted(step)
            text += f".{key}" if text else key
    return text


def shown(value: Any) -> str:
    """Return a value from the file on one short line."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int) and abs(value) > 10**_LONGEST:  # nobody can read it; str() may fail
        return "a huge number"
    if isinstance(value, Sequence):
        return _short(f"[{', '.join(shown(each) for each in value[:20])}]")
    return _short(str(value))


def listed(names: Iterable[str]) -> str:
    """Return names for an ``allowed`` line."""
    return ", ".join(names) or "(there is none)"


def meant(name: str, names: Iterable[str]) -> str | None:
    """Return the name that was probably meant, or None."""
    by_fold = {fold(each): each for each in names}
    if fold(name) in by_fold:
        return by_fold[fold(name)]
    close = difflib.get_close_matches(fold(name), by_fold, n=1, cutoff=0.6)
    return by_fold[close[0]] if close else None


def fold(name: str) -> str:
    """Return a name without what people confuse in it: case, dashes and underscores."""
    return name.casefold().replace("-", "_")


def _quoted(text: str) -> str:
    return json.dumps(_short(text), ensure_ascii=not text.isprintable())


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
