"""Reading payloads: bytes from the field to numbers and words, or a DecodeError; nothing else.

JSON from the field contains NaN, null, numbers as text and lists per phase; a number that is
none must never pass as zero, and nothing that a device sends may raise anything else.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from balancer.devices.base import MAX_PAYLOAD_BYTES, DecodeError, Rejection
from balancer.nesting import parse_json

Path = tuple[str | int, ...]
"""Keys and positions from the top of a JSON document down to a value."""

ABSENT: Any = object()
"""What ``find`` returns for a path that the document does not have."""

_BOM = b"\xef\xbb\xbf"
_SPACE = " \t\r\n"  # what JSON allows around a value
_SHOWN = 60  # characters of a payload that fit into a line of a log

# Linear in the length of the payload: no two parts of it can match the same digits.
_NUMBER = r"[ \t\r\n]*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t\r\n]*"
_is_number = re.compile(_NUMBER).fullmatch
_is_number_bytes = re.compile(_NUMBER.encode()).fullmatch
_is_nonfinite = re.compile(
    r"[ \t\r\n]*[+-]?(?:nan|inf|infinity)[ \t\r\n]*", re.IGNORECASE
).fullmatch

_is_part = re.compile(r"[^.\[\]]+(?:\[[0-9]{1,4}\])*|(?:\[[0-9]{1,4}\])+").fullmatch
_steps = re.compile(r"\[([0-9]{1,4})\]|([^.\[\]]+)").findall

_USUAL_WORDS = {"true": True, "1": True, "false": False, "0": False}


def read_text(payload: bytes) -> str:
    """Return a payload as text without white space around it; never empty.

    Raises:
        DecodeError: It is empty, too large, not UTF-8, or has a BOM or a NUL.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise DecodeError(Rejection.OVERSIZE, f"{len(payload)} bytes")
    if payload.startswith(_BOM):
        raise DecodeError(Rejection.UTF8, f"a byte order mark in {_shown(payload)}")
    if b"\0" in payload:
        raise DecodeError(Rejection.UTF8, f"a NUL in {_shown(payload)}")
    try:
        text = payload.decode("utf-8", "strict").strip(_SPACE)
    except UnicodeDecodeError as error:
        raise DecodeError(Rejection.UTF8, f"no UTF-8: {_shown(payload)}") from error
    if not text:
        raise DecodeError(Rejection.EMPTY, "nothing in it")
    return text


def read_json(payload: bytes) -> Any:
    """Return a payload as JSON.

    Raises:
        DecodeError: As ``read_text``; or it is no JSON, or too deep to be read.
    """
    text = read_text(payload)
    try:
        return parse_json(text)
    except ValueError as error:
        raise DecodeError(Rejection.PARSE, f"no JSON: {_shown(payload)}") from error


def read_object(payload: bytes) -> dict[str, Any]:
    """Return a payload as a JSON object.

    Raises:
        DecodeError: As ``read_json``; or it is something else.
    """
    document = read_json(payload)
    if type(document) is not dict:
        raise DecodeError(Rejection.PARSE, f"no object: {_shown(payload)}")
    return document


def read_number(payload: bytes) -> float:
    """Return a payload that is nothing but a number; finite.

    Raises:
        DecodeError: As ``read_text``; or it is no number, or not finite.
    """
    if len(payload) <= MAX_PAYLOAD_BYTES and _is_number_bytes(payload):
        return _finite(float(payload))
    return to_number(read_text(payload))


def read_switch(payload: bytes, words: Mapping[str, bool]) -> bool:
    """Return what a payload says that is nothing but a word.

    Raises:
        DecodeError: As ``read_text``; or the word is unknown.
    """
    return to_switch(read_text(payload), words)


def read_watts(payload: bytes, path: Path, factor: float) -> float:
    """Return the power at a path; lists, one number per phase, are summed.

    Args:
        payload: As received.
        path: Where the number is; empty: the payload is the number.
        factor: Watts that 1 stands for.

    Raises:
        DecodeError: There is no finite number.
    """
    if not path:
        return _finite(read_number(payload) * factor)
    value = find(read_json(payload), path)
    if type(value) is list and value:
        try:
            value = math.fsum(map(to_number, value))
        except OverflowError as error:
            raise DecodeError(Rejection.NONFINITE, f"too much in {_shown(payload)}") from error
    elif value is ABSENT or value is None or value == []:
        raise DecodeError(Rejection.MISSING, f"no {show_path(path)} in {_shown(payload)}")
    return _finite(to_number(value) * factor)


def to_number(value: Any) -> float:
    """Return a JSON value as a number; finite. Text counts if it is a plain decimal number.

    Raises:
        DecodeError: It is none (booleans and null are not), or not finite.
    """
    kind = type(value)
    if kind is float:
        return _finite(value)
    if kind is int:
        try:
            return float(value)
        except OverflowError as error:
            raise DecodeError(Rejection.NONFINITE, "an integer beyond 1e308") from error
    if kind is str:
        if _is_number(value):
            return _finite(float(value))
        if _is_nonfinite(value):
            raise DecodeError(Rejection.NONFINITE, f"{value.strip()} is not finite")
    raise DecodeError(Rejection.PARSE, f"{_named(value)} is no number")


def to_switch(value: Any, words: Mapping[str, bool]) -> bool:
    """Return what a JSON value says; case and white space around a word do not matter.

    Args:
        value: A word, a boolean or a number.
        words: From ``vocabulary``.

    Raises:
        DecodeError: It is unknown.
    """
    kind = type(value)
    if kind is str:
        said = words.get(value.strip(_SPACE).casefold())
    elif kind is bool:
        said = words.get("true" if value else "false")
    elif kind in {int, float} and value in {0, 1}:
        said = words.get("1" if value else "0")
    else:
        said = None
    if said is None:
        raise DecodeError(Rejection.WORD, f"{_named(value)} is none of {', '.join(words)}")
    return said


def vocabulary(on: str, off: str) -> Mapping[str, bool]:
    """Return the words for on and off, folded.

    Booleans and 1/0 are words too, unless the given ones use them otherwise
    (on = "0", or on = "1" with off = "2").

    Raises:
        ValueError: They are empty or the same.
    """
    words = {on.strip(_SPACE).casefold(): True, off.strip(_SPACE).casefold(): False}
    if len(words) < 2 or "" in words:
        raise ValueError(f"on {on!r} and off {off!r} cannot be told apart")
    numbers = [word for word in words if _is_number(word)]
    if all(_USUAL_WORDS.get(word) is words[word] for word in numbers) and all(
        _USUAL_WORDS.get(word, said) is said for word, said in words.items()
    ):
        words.update(_USUAL_WORDS)
    return words


def find(document: Any, path: Path) -> Any:
    """Return the value at a path, or ABSENT."""
    for step in path:
        if isinstance(step, str):
            if type(document) is not dict or step not in document:
                return ABSENT
            document = document[step]
        else:
            if type(document) is not list or step >= len(document):
                return ABSENT
            document = document[step]
    return document


def parse_path(path: str | None) -> Path:
    """Return a path such as ``ENERGY.Power[0]`` in steps; none for None.

    Raises:
        ValueError: A part is empty or a bracket is not a position.
    """
    if path is None:
        return ()
    parts = path.split(".")
    if not all(_is_part(part) for part in parts):
        raise ValueError(f"path {path!r} is not of keys, dots and positions such as [0]")
    return tuple(
        int(position) if position else key for part in parts for position, key in _steps(part)
    )


def show_path(path: Path) -> str:
    """Return a path as it is written in a configuration."""
    shown = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return shown.removeprefix(".")


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise DecodeError(Rejection.NONFINITE, f"{number} is not finite")
    return number + 0.0  # -0.0 is 0.0


def _named(value: Any) -> str:
    """Return a value for a message; containers may be too large for it."""
    if isinstance(value, str):
        return repr(value[:_SHOWN])
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is ABSENT:
        return "nothing"
    return json.dumps(value)[:_SHOWN]


def _shown(payload: bytes) -> str:
    return repr(payload[:_SHOWN])[1:]
