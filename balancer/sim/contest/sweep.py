"""The same house with several values of one key: which is the smallest that still serves?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from balancer.config.environment import variable_of
from balancer.config.load import read_setup
from balancer.config.problems import KeyPath
from balancer.config.setup import Setup

MOST_VALUES = 11
LOAD_KEYS = ("power", "priority", "min_on", "min_off")
WARM_K_H = 1.0
"""Rooms are kept warm if, against a supply without a limit, each misses on average at most so many
degree hours a day."""


class SweepError(ValueError):
    """What was asked for is no sweep; the message says why."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A key and its range.

    Attributes:
        key: As given.
        lowest, highest: Of the range, in the unit of the key.
    """

    key: str
    lowest: float
    highest: float

    def values(self) -> tuple[float, ...]:
        """Return the values that are tried first, evenly spread, the ends among them."""
        span = self.highest - self.lowest
        whole = self.lowest == int(self.lowest) and self.highest == int(self.highest)
        if whole and span < MOST_VALUES:
            return tuple(self.lowest + step for step in range(int(span) + 1))
        steps = 5 if whole else 4
        found = (self.lowest + span * step / steps for step in range(steps + 1))
        return tuple(dict.fromkeys(float(round(each)) if whole else each for each in found))

    def between(self, cold: float, warm: float) -> float | None:
        """Return a value between two that were tried, or None if they are neighbours."""
        middle = (cold + warm) / 2.0
        if self.lowest == int(self.lowest) and self.highest == int(self.highest):
            middle = float(int(middle))
        near = abs(warm - cold) <= (self.highest - self.lowest) / 50.0
        return None if middle in (cold, warm) or near else middle


def parse_sweep(text: str) -> Sweep:
    """Return the sweep that ``KEY=A..B`` asks for.

    Raises:
        SweepError: It is none.
    """
    key, equals, span = text.partition("=")
    first, dots, last = span.partition("..")
    if not (key and equals and dots):
        raise SweepError(f"--sweep {text}: is not KEY=A..B, such as limit=20..45")
    try:
        lowest, highest = float(first), float(last)
    except ValueError as error:
        raise SweepError(f"--sweep {text}: {span!r} is not two numbers with .. between") from error
    if not lowest < highest < float("inf"):
        raise SweepError(f"--sweep {text}: {first} is not less than {last}")
    return Sweep(key.strip(), lowest, highest)


def setup_with(path: Path, key: str, value: float) -> Setup:
    """Return the house of a file with one key at another value.

    Args:
        path: config.toml.
        key: A key path such as ``circuits.main.limit``; or the key alone: of the first circuit
            that none feeds, or, for keys of loads, of all loads.
        value: In the unit of the key.

    Raises:
        ConfigError: The house cannot be built so.
    """
    setup = read_setup(path, environ={})
    environ = {variable_of(each): f"{value:g}" for each in _paths(setup, key)}
    return read_setup(path, environ=environ)


def smallest_warm(tried: Sequence[tuple[float, bool]]) -> tuple[float | None, float | None]:
    """Return the greatest value below all warm ones that is cold, and the smallest warm one.

    Args:
        tried: Values, and whether the rooms were kept warm.
    """
    warm = min((value for value, kept in tried if kept), default=None)
    below = [value for value, kept in tried if not kept and (warm is None or value < warm)]
    return max(below, default=None), warm


def _paths(setup: Setup, key: str) -> Iterator[KeyPath]:
    if "." in key:
        yield tuple(key.split("."))
    elif key in LOAD_KEYS:
        for load in setup.house.loads:
            yield "loads", load, key
    else:
        root = next(name for name, each in setup.house.circuits.items() if each.parent is None)
        yield "circuits", root, key
