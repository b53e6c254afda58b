"""Kinds of values in config.toml: how each is read, what is allowed, an example.

Every check is our own, for one reason: its message is for the person who edits the file, and
a wrong value must never pass as a right one (true is not 1, inf is not more than 0).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from balancer.config import bounds, text
from balancer.config.problems import listed, meant, shown
from balancer.config.quantity import UNITS, Amount, UnreadableError
from balancer.config.setup import Secret

T = TypeVar("T")


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


POWER = '"1500 W", "6.5 A" or a number in the circuit\'s unit'
_TIME = 'as "90 s", "2 min", "1 h", "500 ms" or a number of seconds'

NAME_HINT = Hint("1 to 100 letters, digits, _ or -", '"house"')
Name = Annotated[str, _reading(text.read_name), NAME_HINT]
Names = Annotated[tuple[str, ...], _reading(text.read_names), Hint("a list of names", '["…", "…"]')]
Text = Annotated[str, _reading(text.read_words), Hint("text", '"…"')]
Host = Annotated[str, _reading(text.read_host), Hint("a host name or address", '"localhost"')]
Word = Annotated[str, _reading(text.read_word), Hint("a word as it is sent", '"ON"')]
SecretText = Annotated[Secret, _reading(text.read_secret), Hint("text that is not empty", '"…"')]
Topic = Annotated[
    str, _reading(text.read_topic), Hint("an exact topic, without + and #", '"heat/towels"')
]
OwnTopic = Annotated[
    str,
    _reading(text.read_own_topic),
    Hint("names of letters, digits, _ or -, with slashes between them", '"balancer"'),
]
Prefix = Annotated[
    str,
    _reading(text.read_prefix),
    Hint("a topic without wildcards, $ and spaces", '"homeassistant"'),
]
FullTopic = Annotated[
    str,
    _reading(text.read_full_topic),
    Hint("a topic with %prefix% and %topic% and no other token", '"%prefix%/%topic%/"'),
]
JsonPath = Annotated[
    str,
    _reading(text.read_json_path),
    Hint('keys and positions, such as "ENERGY.Power[0]"', '"power"'),
]
Device = Annotated[
    str,
    _reading(text.read_device),
    Hint("the device's name in its topics, without + and #", '"relay_lounge"'),
]
Endpoint = Annotated[
    str, _reading(text.read_endpoint), Hint('letters, digits and _, such as "l1" or "left"', '"l1"')
]
Flag = Annotated[bool, _reading(_flag), Hint("true, false", "true")]
Power = Annotated[Amount, _reading(bounds.power(None)), Hint(POWER, '"1500 W"')]
PowerNotNegative = Annotated[
    Amount, _reading(bounds.power(0.0)), Hint(f"0 or more, as {POWER}", '"500 W"')
]
PowerAboveZero = Annotated[
    Amount, _reading(bounds.power(0.0, above=True)), Hint(f"more than 0, as {POWER}", '"1500 W"')
]
Duration = Annotated[
    float, _reading(bounds.duration()), Hint(f"0 or more, at most a year, {_TIME}", '"30 s"')
]
DurationAboveZero = Annotated[
    float,
    _reading(bounds.duration(above=True)),
    Hint(f"more than 0, at most a year, {_TIME}", '"15 s"'),
]
DeadMan = Annotated[
    float, _reading(bounds.duration(least_s=30.0)), Hint(f"at least 30 s, {_TIME}", '"15 min"')
]
Ratio = Annotated[float, _reading(bounds.number(1.0, 100.0)), Hint("1 to 100", "1.3")]
Scale = Annotated[
    float,
    _reading(bounds.read_scale),
    Hint("a number other than 0, negative to turn the sign", "1"),
]
Voltage = Annotated[
    float,
    _reading(bounds.number(0.0, 1000.0, above=True)),
    Hint("more than 0, at most 1000, in volts", "230"),
]
Percent = Annotated[float, _reading(bounds.number(0.0, 100.0)), Hint("0 to 100", "20")]
Port = Annotated[int, _reading(bounds.whole(1, 65_535)), Hint("1 to 65535", "1883")]
PortOrNone = Annotated[int, _reading(bounds.whole(0, 65_535)), Hint("1 to 65535, 0 = none", "9842")]
Count = Annotated[int, _reading(bounds.whole(0, 10_000)), Hint("a whole number, 0 to 10000", "0")]
CountAboveZero = Annotated[
    int, _reading(bounds.whole(1, 1_000_000_000)), Hint("a whole number, at least 1", "100000")
]
Priority = Annotated[
    int, _reading(bounds.whole(-1_000_000, 1_000_000)), Hint("a whole number", "0")
]
Retries = Annotated[int, _reading(bounds.whole(0, 100)), Hint("a whole number, 0 to 100", "3")]
Qos = Annotated[int, _reading(bounds.whole(0, 1)), Hint("0, 1", "1")]
RelayNumber = Annotated[int, _reading(bounds.whole(1, 32)), Hint("a whole number, 1 to 32", "1")]
Steps = Annotated[
    tuple[int, ...],
    _reading(bounds.read_steps),
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
