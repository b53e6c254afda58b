"""Numbers, powers and durations in config.toml, each within its bounds.

What is read here returns what is written, or raises UnreadableError.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from balancer.config.problems import shown
from balancer.config.quantity import (
    Amount,
    UnreadableError,
    parse_duration,
    parse_number,
    parse_power,
)

_LONGEST_S = 366 * 86_400.0  # instants stay far inside what a calendar can show


def number(low: float, high: float, *, above: bool = False) -> Callable[[Any], float]:
    """Return what reads a number from ``low`` (or above it) to ``high``."""

    def read(value: Any) -> float:
        found = parse_number(value)
        _within(value, found, low, high, above=above)
        return found

    return read


def whole(low: int, high: int) -> Callable[[Any], int]:
    """Return what reads a whole number from ``low`` to ``high``."""

    def read(value: Any) -> int:
        found = parse_number(value)
        if found != int(found) or isinstance(value, float):
            raise UnreadableError(f"{shown(value)} is not a whole number")
        _within(value, found, low, high)
        return int(found)

    return read


def power(low: float | None, *, above: bool = False) -> Callable[[Any], Amount]:
    """Return what reads a power of at least (or above) a bare number; None: of any size."""

    def read(value: Any) -> Amount:
        amount = parse_power(value)
        if low is not None:
            _within(value, amount.value, low, None, above=above)
        return amount

    return read


def duration(*, above: bool = False, least_s: float = 0.0) -> Callable[[Any], float]:
    """Return what reads a duration of at least ``least_s`` (or above 0), in seconds."""

    def read(value: Any) -> float:
        seconds = parse_duration(value)
        if above and seconds <= 0.0:
            raise UnreadableError(f"{shown(value)} is not more than 0")
        if seconds < least_s:
            raise UnreadableError(f"{shown(value)} is less than {least_s:g} s")
        if seconds > _LONGEST_S:
            raise UnreadableError(f"{shown(value)} is more than a year")
        return seconds

    return read


def read_scale(value: Any) -> float:
    """Return the factor on a meter's number."""
    found = parse_number(value)
    if found == 0.0:
        raise UnreadableError(f"{shown(value)} makes every reading 0")
    return found


def read_steps(value: Any) -> tuple[int, ...]:
    """Return the greatest number of active loads per mode."""
    if not isinstance(value, list | tuple):
        raise UnreadableError(f"{shown(value)} is not a list of whole numbers")
    if not value:
        raise UnreadableError("the list is empty")
    steps = tuple(map(whole(0, 10_000), value))
    if any(later > earlier for earlier, later in pairwise(steps)):
        raise UnreadableError(f"{shown(value)} rises")
    if steps[-1] != 0:
        raise UnreadableError(f"{shown(value)} does not end in 0")
    return steps


def _within(
    value: Any, found: float, low: float, high: float | None, *, above: bool = False
) -> None:
    if above and found <= low:
        raise UnreadableError(f"{shown(value)} is not more than {low:g}")
    if found < low:
        raise UnreadableError(f"{shown(value)} is less than {low:g}")
    if high is not None and found > high:
        raise UnreadableError(f"{shown(value)} is more than {high:g}")
