"""Powers and durations as people write them, turned into watts and seconds (R3)."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from balancer.config.problems import shown

POWER_UNITS: Mapping[str, float] = MappingProxyType(
    {"W": 1.0, "kW": 1000.0, "VA": 1.0, "kVA": 1000.0}
)
"""Watts that one unit stands for; 1 VA counts as 1 W (R3)."""

CURRENT_UNITS: Mapping[str, float] = MappingProxyType({"A": 1.0, "mA": 0.001})
"""Amperes that one unit stands for."""

UNITS = (*POWER_UNITS, *CURRENT_UNITS)

_TIME_UNITS = {
    "ms": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
}
_GREATEST = 1e9  # far above any house, far below what overflows when it is multiplied

_NUMBER = re.compile(r"[+-]?(?:[0-9][0-9_]*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_QUANTITY = re.compile(rf"(?P<number>{_NUMBER.pattern})\s*(?P<unit>[A-Za-zµ%°]*)")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+\s*[A-Za-z]*")
_NONFINITE = re.compile(r"[+-]?(?:nan|inf|infinity)\s*[A-Za-z]*", re.IGNORECASE)


class UnreadableError(ValueError):
    """A value that is none of what is allowed; the message says what was found."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A power or current as it was written.

    Attributes:
        value: Finite number.
        unit: One of ``UNITS``, or None: in the circuit's unit.
    """

    value: float
    unit: str | None = None

    def watts(self, unit: str, voltage: float) -> float:
        """Return watts.

        Args:
            unit: Unit of the circuit, for a bare number.
            voltage: Voltage of the circuit, in volts.
        """
        return self.value * watts_per(self.unit or unit, voltage)


def watts_per(unit: str, voltage: float) -> float:
    """Return the watts that one of ``UNITS`` stands for at a voltage in volts."""
    if unit in CURRENT_UNITS:
        return CURRENT_UNITS[unit] * voltage
    return POWER_UNITS[unit]


def parse_number(value: Any) -> float:
    """Return a finite number; text counts if it is nothing but a number.

    Raises:
        UnreadableError: It is no number, not finite, or beyond 1e9.
    """
    number, unit = _split(value)
    if unit:
        raise UnreadableError(f"{shown(value)} is not a plain number")
    return number


def parse_power(value: Any) -> Amount:
    """Return an amount such as ``"1500 W"``, ``"6.5 A"`` or a bare number.

    Raises:
        UnreadableError: It is no number, not finite, beyond 1e9, or its unit is unknown.
    """
    number, unit = _split(value)
    if not unit:
        return Amount(number)
    # "w", "KW" and "kva" cannot be meant otherwise; "MA" could
    named = {each.casefold(): each for each in UNITS if each != "mA"}
    known = unit if unit in UNITS else named.get(unit.casefold())
    if known is None:
        raise UnreadableError(f'{shown(value)} has the unknown unit "{unit}"')
    return Amount(number, known)


def parse_duration(value: Any) -> float:
    """Return seconds from ``"90 s"``, ``"2 min"``, ``"1 h"``, ``"500 ms"`` or a bare number.

    Raises:
        UnreadableError: It is no number, not finite, negative, or its unit is unknown.
    """
    number, unit = _split(value)
    if unit and unit.casefold() not in _TIME_UNITS:
        raise UnreadableError(f'{shown(value)} has the unknown unit "{unit}"')
    if number < 0.0:
        raise UnreadableError(f"{shown(value)} is negative")
    return number * _TIME_UNITS[unit.casefold() or "s"]


def shown_duration(duration_s: float) -> str:
    """Return seconds in the greatest unit that makes a whole number of them."""
    for unit in ("d", "h", "min", "s"):
        number = duration_s / _TIME_UNITS[unit]
        if number >= 1.0 and number == int(number):
            return f"{number:.0f} {unit}"
    return f"{duration_s:g} s"


def _split(value: Any) -> tuple[float, str]:
    """Return a finite number and the unit behind it."""
    unit = ""
    kind = type(value)
    if kind is float:
        number = value
    elif kind is int:
        number = float(max(-2.0 * _GREATEST, min(value, 2.0 * _GREATEST)))  # may be too large
    elif kind is str:
        text = value.strip()
        found = _QUANTITY.fullmatch(text)
        if found is None:
            if _NONFINITE.fullmatch(text):
                raise UnreadableError(f"{shown(value)} is not a finite number")
            if _COMMA.fullmatch(text):
                raise UnreadableError(f"{shown(value)} has a decimal comma; a point is read")
            raise UnreadableError(f"{shown(value)} is not a number")
        number, unit = float(found["number"]), found["unit"]
    else:
        raise UnreadableError(f"{shown(value)} is not a number")
    if not math.isfinite(number):
        raise UnreadableError(f"{shown(value)} is not a finite number")
    if abs(number) > _GREATEST:
        raise UnreadableError(f"{shown(value)} is beyond 1 000 000 000")
    return number, unit
