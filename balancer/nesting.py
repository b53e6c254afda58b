"""Reading JSON and TOML that somebody else wrote, no deeper than anybody means it.

Both parsers go one call deeper with each list and table in another. At the interpreter's limit
not only they fail: the garbage collector may be closing somebody's socket at that very moment.
"""

import json
import re
import tomllib
from typing import Any

MAX_DEPTH = 100
"""Lists and tables in each other; documents of the field and ours have about ten."""

# Brackets, and what hides brackets: strings and comments of TOML, of which JSON has but one kind.
# What is not closed reaches to the end. Nothing is matched twice, so it is linear.
_TOKENS = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:"{3,5}|\Z)'
    r"|'''(?:[^']|'(?!''))*+(?:'{3,5}|\Z)"
    r'|"(?:[^"\\\n]|\\.)*+"?'
    r"|'[^'\n]*+'?"
    r"|\#[^\n]*+"
    r"|[\[{]|[\]}]",
    re.DOTALL,
)


class TooDeepError(ValueError):
    """More lists and tables lie in each other than ``MAX_DEPTH``."""


def parse_json(text: str) -> Any:
    """Return what a JSON document says.

    Raises:
        TooDeepError: See there.
        ValueError: It is no JSON, or has integers of thousands of digits.
    """
    _refuse_depth(text)
    return json.loads(text)


def parse_toml(text: str) -> dict[str, Any]:
    """Return the tables of a TOML document.

    Raises:
        TooDeepError: See there.
        tomllib.TOMLDecodeError: It is no TOML.
        ValueError: It has integers of thousands of digits.
    """
    _refuse_depth(text)
    document = tomllib.loads(text)
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):  # dotted keys make tables without a bracket
        level = [inner for each in level for inner in _inside(each)]
    if level:
        raise TooDeepError
    return document


def _refuse_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for token in _TOKENS.finditer(text):
        if token[0] in {"[", "{"}:
            depth += 1
            if depth > MAX_DEPTH:
                raise TooDeepError
        elif token[0] in {"]", "}"}:
            depth -= 1


def _inside(value: Any) -> list[Any]:
    """Return the lists and tables in a value."""
    found = list(value.values()) if isinstance(value, dict) else value
    return [each for each in found if isinstance(each, dict | list)]
