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

# What matters next: outside of everything brackets, and what hides them; inside of a string or a
# comment of TOML, of which JSON has but one kind, where it may end. What never ends hides the rest.
_NEXT = {
    "": re.compile(r"""\"{3}|'{3}|["'#\[\]{}]"""),
    '"': re.compile(r'\\.|"', re.DOTALL),
    "'": re.compile(r"'"),
    '"""': re.compile(r'\\.|"{3,5}', re.DOTALL),
    "'''": re.compile(r"'{3,5}"),
    "#": re.compile(r"\n"),
}


class TooDeepError(ValueError):
    """More lists and tables lie in each other than ``MAX_DEPTH``."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__(f"more than {MAX_DEPTH} lists and tables lie in each other")


def parse_json(text: str) -> Any:
    """Return what a JSON document says.

    Raises:
        TooDeepError: It is deeper than ``MAX_DEPTH``.
        ValueError: It is no JSON, or has integers of thousands of digits.
    """
    refuse_depth(text)
    return json.loads(text)


def parse_toml(text: str) -> dict[str, Any]:
    """Return the tables of a TOML document.

    Raises:
        TooDeepError: It is deeper than ``MAX_DEPTH``.
        tomllib.TOMLDecodeError: It is no TOML.
        ValueError: It has integers of thousands of digits.
    """
    refuse_depth(text)
    document = tomllib.loads(text)
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):  # dotted keys make tables without a bracket
        level = [inner for each in level for inner in _inside(each)]
    if level:
        raise TooDeepError
    return document


def refuse_depth(text: str) -> None:
    """Raise TooDeepError if a parser of JSON or TOML would go deeper than ``MAX_DEPTH``."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth, at, within = 0, 0, ""
    while (found := _NEXT[within].search(text, at)) is not None:
        token, at = found[0], found.end()
        if within:
            if token[0] != "\\":
                within = ""
        elif token in {"[", "{"}:
            depth += 1
            if depth > MAX_DEPTH:
                raise TooDeepError
        elif token in {"]", "}"}:
            depth -= 1
        else:
            within = token


def _inside(value: Any) -> list[Any]:
    """Return the lists and tables in a value."""
    found = list(value.values()) if isinstance(value, dict) else value
    return [each for each in found if isinstance(each, dict | list)]
