"""Kinds of values in config.toml: how each is read, what is allowed, an example.

Every check is our own, for one reason: its message is for the person who edits the file, and
a wrong value must never pass as a right one (true is not 1, inf is not more than 0).
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from balancer.config.problems import listed, meant, shown
from balancer.config.quantity import (
    UNITS,
    Amount,
    UnreadableError,
    parse_duration,
    parse_number,
    parse_power,
)
from balancer.config.setup import Secret
from balancer.devices.payload import parse_path
from balancer.devices.tasmota import topic_prefix

T = TypeVar("T")

LONGEST_S = 366 * 86_400.0  # instants stay far inside what a calendar can show

_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_OWN_TOPIC = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*")
_LONGEST_TOPIC_BYTES = 65_535  # MQTT 3.1.1, 1.5.3
_MOST_LEVELS = 200  # Mosquitto, TOPIC_HIERARCHY_LIMIT
# refused by brokers: MQTT 3.1.1, 1.5.3, leaves it to them
_NONCHARACTERS = re.compile(
    "[\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
    + "]"
)
_SURROGATES = ("\ud800", "\udfff")


@dataclass(frozen=True, slots=True)
class Hint:
    """What the ``allowed`` and ``fix`` lines of a problem say.

    Attributes:
        allowed: What may stand there.
        example: A value as it would be written.
    """

    allowed: str
    example: str = ""


@dataclass(frozen=True, slots=True)
class Required:
    """Marks a key that must be there.

    It is optional to pydantic, so that what else is wrong with its table is found too.
    """


REQUIRED = Required()


def _reading(read: Callable[[Any], T]) -> PlainValidator:
    """Return a validator for a function that raises UnreadableError."""

    def check(value: Any) -> T:
        try:
            return read(value)
        except UnreadableError as error:
            raise PydanticCustomError("value", "{what}", {"what": str(error)}) from error

    return PlainValidator(check)


def _number(low: float, high: float, *, above: bool = False) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        number = parse_number(value)
        _within(value, number, low, high, above=above)
        return number

    return read


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        number = parse_number(value)
        if number != int(number) or isinstance(value, float):
            raise UnreadableError(f"{shown(value)} is not a whole number")
        _within(value, number, low, high)
        return int(number)

    return read


def _power(low: float | None, *, above: bool = False) -> Callable[[Any], Amount]:
    def read(value: Any) -> Amount:
        amount = parse_power(value)
        if low is not None:
            _within(value, amount.value, low, None, above=above)
        return amount

    return read


def _duration(*, above: bool = False, least_s: float = 0.0) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        seconds = parse_duration(value)
        if above and seconds <= 0.0:
            raise UnreadableError(f"{shown(value)} is not more than 0")
        if seconds < least_s:
            raise UnreadableError(f"{shown(value)} is less than {least_s:g} s")
        if seconds > LONGEST_S:
            raise UnreadableError(f"{shown(value)} is more than a year")
        return seconds

    return read


def _within(
    value: Any, number: float, low: float, high: float | None, *, above: bool = False
) -> None:
    if above and number <= low:
        raise UnreadableError(f"{shown(value)} is not more than {low:g}")
    if number < low:
        raise UnreadableError(f"{shown(value)} is less than {low:g}")
    if high is not None and number > high:
        raise UnreadableError(f"{shown(value)} is more than {high:g}")


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "false": False}
    if isinstance(value, str) and value.strip().casefold() in words:
        return words[value.strip().casefold()]
    raise UnreadableError(f"{shown(value)} is neither true nor false")


def _choice(noun: str, *allowed: str) -> PlainValidator:
    def check(value: Any) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        guess = meant(value, allowed) if isinstance(value, str) else None
        what = f"there is no {noun} {shown(value)}"
        if not isinstance(value, str):
            what = f"{shown(value)} is not text"
        raise PydanticCustomError("value", "{what}", {"what": what, "meant": guess or ""})

    return PlainValidator(check)


def read_text(value: Any) -> str:
    """Return text that can be sent and shown.

    Raises:
        UnreadableError: It is no text, or has control characters or lone surrogates.
    """
    if not isinstance(value, str):
        raise UnreadableError(f"{shown(value)} is not text")
    if any(_SURROGATES[0] <= each <= _SURROGATES[1] for each in value):
        raise UnreadableError(f"{shown(value)} is not UTF-8")
    if any(unicodedata.category(each) == "Cc" for each in value):
        raise UnreadableError(f"{shown(value)} has a control character")
    return value


def read_name(value: Any) -> str:
    """Return the name of a house, circuit, zone or load. Raises UnreadableError."""
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    text = shown(value)
    raise UnreadableError(
        f"{text} is not a name" if isinstance(value, str) else f"{text} is not text"
    )


def read_topic(value: Any) -> str:
    """Return an exact topic.

    Raises:
        UnreadableError: A message cannot be published on it, or a broker may refuse it.
    """
    topic = read_text(value)
    if not topic:
        raise UnreadableError("the topic is empty")
    if topic != topic.strip():
        raise UnreadableError(f"{shown(topic)} has white space around it")
    if any(each in topic for each in "+#"):
        raise UnreadableError(f"{shown(topic)} has a wildcard")
    if _NONCHARACTERS.search(topic):
        raise UnreadableError(f"{shown(topic)} has a code that is no character")
    if len(topic.encode()) > _LONGEST_TOPIC_BYTES:
        raise UnreadableError(f"{shown(topic)} is longer than {_LONGEST_TOPIC_BYTES} bytes")
    if topic.count("/") >= _MOST_LEVELS:
        raise UnreadableError(f"{shown(topic)} has more than {_MOST_LEVELS} levels")
    return topic


def _own_topic(value: Any) -> str:
    topic = read_topic(value)
    if not _OWN_TOPIC.fullmatch(topic) or len(topic) > 200:
        raise UnreadableError(f"{shown(topic)} is not of names with slashes between them")
    return topic


def _prefix(value: Any) -> str:
    topic = read_topic(value)
    if topic.startswith(("/", "$")) or topic.endswith("/") or " " in topic:
        raise UnreadableError(f"{shown(topic)} begins or ends with a slash, or has $ or a space")
    return topic


def _device(value: Any) -> str:
    topic = read_topic(value)
    if topic.strip("/") != topic:
        raise UnreadableError(f"{shown(topic)} begins or ends with a slash")
    return topic


def _full_topic(value: Any) -> str:
    topic = read_topic(value)
    try:
        topic_prefix(topic, "cmnd", "device")
    except ValueError as error:
        raise UnreadableError(f"{shown(topic)} is no FullTopic that can be followed") from error
    if "%topic%" not in topic:
        raise UnreadableError(f"{shown(topic)} has no %topic%")
    return topic


def _json_path(value: Any) -> str:
    path = read_text(value)
    try:
        parse_path(path)
    except ValueError as error:
        raise UnreadableError(f"{shown(path)} is not of keys, dots and positions") from error
    return path


def _word(value: Any) -> str:
    """Return a payload; booleans and whole numbers are read as they are written in JSON."""
    if isinstance(value, (bool, int)):
        return shown(value)
    text = read_text(value)
    if not text.strip():
        raise UnreadableError("the word is empty")
    return text


def _words(value: Any) -> str:
    text = read_text(value).strip()
    if not text:
        raise UnreadableError("the text is empty")
    return text


def _host(value: Any) -> str:
    host = _words(value)
    if "://" in host or re.search(r"[\s/@]", host):
        raise UnreadableError(f"{shown(host)} is more than a host name")
    if re.fullmatch(r"[^:]+:[0-9]*", host):
        raise UnreadableError(f"{shown(host)} has a port; that is a key of its own")
    return host


def _secret(value: Any) -> Secret:
    if not isinstance(value, str):
        raise UnreadableError("the password is not text")
    if not value:
        raise UnreadableError("the password is empty")
    if any(_SURROGATES[0] <= each <= _SURROGATES[1] for each in value):
        raise UnreadableError("the password is not UTF-8")
    return Secret(value)


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise UnreadableError(f"{shown(value)} is not a list of names")
    return tuple(map(read_name, value))


def _steps(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list | tuple):
        raise UnreadableError(f"{shown(value)} is not a list of whole numbers")
    if not value:
        raise UnreadableError("the list is empty")
    steps = tuple(map(_whole(0, 10_000), value))
    if any(later > earlier for earlier, later in pairwise(steps)):
        raise UnreadableError(f"{shown(value)} rises")
    if steps[-1] != 0:
        raise UnreadableError(f"{shown(value)} does not end in 0")
    return steps


def _endpoint(value: Any) -> str:
    text = shown(value) if type(value) is int else read_text(value)
    if not re.fullmatch(r"[A-Za-z0-9_]+", text):
        raise UnreadableError(f"{shown(value)} is not the name of an endpoint")
    return text


_POWER = '"1500 W", "6.5 A" or a number in the circuit\'s unit'
_TIME = 'as "90 s", "2 min", "1 h", "500 ms" or a number of seconds'

NAME_HINT = Hint("1 to 100 letters, digits, _ or -", '"house"')
Name = Annotated[str, _reading(read_name), NAME_HINT]
Names = Annotated[tuple[str, ...], _reading(_names), Hint("a list of names", '["…", "…"]')]
Text = Annotated[str, _reading(_words), Hint("text", '"…"')]
Host = Annotated[str, _reading(_host), Hint("a host name or address", '"localhost"')]
Word = Annotated[str, _reading(_word), Hint("a word as it is sent", '"ON"')]
SecretText = Annotated[Secret, _reading(_secret), Hint("text that is not empty", '"…"')]
Topic = Annotated[
    str, _reading(read_topic), Hint("an exact topic, without + and #", '"heat/towels"')
]
OwnTopic = Annotated[
    str,
    _reading(_own_topic),
    Hint("names of letters, digits, _ or -, with slashes between them", '"balancer"'),
]
Prefix = Annotated[
    str, _reading(_prefix), Hint("a topic without wildcards, $ and spaces", '"homeassistant"')
]
FullTopic = Annotated[
    str,
    _reading(_full_topic),
    Hint("a topic with %prefix% and %topic% and no other token", '"%prefix%/%topic%/"'),
]
JsonPath = Annotated[
    str, _reading(_json_path), Hint('keys and positions, such as "ENERGY.Power[0]"', '"power"')
]
Device = Annotated[
    str,
    _reading(_device),
    Hint("the device's name in its topics, without + and #", '"relay_lounge"'),
]
Endpoint = Annotated[
    str, _reading(_endpoint), Hint('letters, digits and _, such as "l1" or "left"', '"l1"')
]
Flag = Annotated[bool, _reading(_flag), Hint("true, false", "true")]
Power = Annotated[Amount, _reading(_power(None)), Hint(_POWER, '"1500 W"')]
PowerNotNegative = Annotated[
    Amount, _reading(_power(0.0)), Hint(f"0 or more, as {_POWER}", '"500 W"')
]
PowerAboveZero = Annotated[
    Amount, _reading(_power(0.0, above=True)), Hint(f"more than 0, as {_POWER}", '"1500 W"')
]
Duration = Annotated[
    float, _reading(_duration()), Hint(f"0 or more, at most a year, {_TIME}", '"30 s"')
]
DurationAboveZero = Annotated[
    float,
    _reading(_duration(above=True)),
    Hint(f"more than 0, at most a year, {_TIME}", '"15 s"'),
]
DeadMan = Annotated[
    float, _reading(_duration(least_s=30.0)), Hint(f"at least 30 s, {_TIME}", '"15 min"')
]
Ratio = Annotated[float, _reading(_number(1.0, 100.0)), Hint("1 to 100", "1.3")]
Voltage = Annotated[
    float,
    _reading(_number(0.0, 1000.0, above=True)),
    Hint("more than 0, at most 1000, in volts", "230"),
]
Percent = Annotated[float, _reading(_number(0.0, 100.0)), Hint("0 to 100", "20")]
Port = Annotated[int, _reading(_whole(1, 65_535)), Hint("1 to 65535", "1883")]
PortOrNone = Annotated[int, _reading(_whole(0, 65_535)), Hint("1 to 65535, 0 = none", "9842")]
Count = Annotated[int, _reading(_whole(0, 10_000)), Hint("a whole number, 0 to 10000", "0")]
CountAboveZero = Annotated[
    int, _reading(_whole(1, 1_000_000_000)), Hint("a whole number, at least 1", "100000")
]
Priority = Annotated[int, _reading(_whole(-1_000_000, 1_000_000)), Hint("a whole number", "0")]
Retries = Annotated[int, _reading(_whole(0, 100)), Hint("a whole number, 0 to 100", "3")]
Qos = Annotated[int, _reading(_whole(0, 1)), Hint("0, 1", "1")]
RelayNumber = Annotated[int, _reading(_whole(1, 32)), Hint("a whole number, 1 to 32", "1")]
Steps = Annotated[
    tuple[int, ...],
    _reading(_steps),
    Hint("whole numbers that never rise and end in 0", "[5, 4, 2, 1, 0]"),
]

_UNITS = tuple(each for each in UNITS if each != "mA")
CircuitUnit = Annotated[str, _choice("unit", *_UNITS), Hint(listed(_UNITS), '"A"')]
MeterUnit = Annotated[str, _choice("unit", *UNITS), Hint(listed(UNITS), '"W"')]
OnExit = Annotated[
    Literal["off", "keep"], _choice("on_exit", "off", "keep"), Hint("off, keep", '"off"')
]
Idle = Annotated[
    Literal["reserve", "use"], _choice("idle", "reserve", "use"), Hint("reserve, use", '"reserve"')
]
Estimated = Annotated[
    Literal["global", "individual", "external"],
    _choice("estimation", "global", "individual", "external"),
    Hint("global, individual, external", '"global"'),
]


def _scale(value: Any) -> float:
    number = parse_number(value)
    if number == 0.0:
        raise UnreadableError(f"{shown(value)} makes every reading 0")
    return number


Scale = Annotated[
    float, _reading(_scale), Hint("a number other than 0, negative to turn the sign", "1")
]
