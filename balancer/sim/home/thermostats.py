"""Room thermostats: a daily programme of set points, and two ways of asking for heat."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from random import Random
from typing import Protocol

from balancer.sim.home.rooms import Room

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Programme:
    """Set points over the day.

    Attributes:
        from_s: Second of the day from which each set point holds; rising.
        set_c: The set points, as many.
    """

    from_s: tuple[float, ...]
    set_c: tuple[float, ...]

    def at(self, day_s: float) -> float:
        """Return the set point at a second of the day."""
        return self.set_c[bisect_right(self.from_s, day_s) - 1]

    def next_change_s(self, day_s: float) -> float:
        """Return the second of the day of the next change; after midnight it exceeds a day."""
        index = bisect_right(self.from_s, day_s)
        return self.from_s[index] if index < len(self.from_s) else DAY_S + self.from_s[0]


def programme_for(chance: Random) -> Programme:
    """Return a household's programme: warm when people are up, cooler at night."""
    comfort_c = chance.choice((19.0, 19.5, 20.0, 20.0, 20.5, 21.0))
    night_c = comfort_c - chance.choice((0.0, 2.0, 3.0, 3.0))
    up_s = 3600.0 * chance.uniform(5.5, 7.5)
    bed_s = 3600.0 * chance.uniform(21.5, 23.5)
    return Programme((0.0, up_s, bed_s), (night_c, comfort_c, night_c))


class Thermostat(Protocol):
    """Asks for heat; told the time and the room, says when to be told again."""

    @property
    def requested(self) -> bool: ...
    @property
    def demand(self) -> float:
        """Return the demand in per cent, 0 to 100."""
        ...

    def look(self, room: Room, set_c: float, at_s: float) -> float:
        """Judge the room now; return the instant at which the request may change by itself."""
        ...


class BandThermostat:
    """Asks below a band around the set point, stops above it."""

    __slots__ = ("band_c", "requested")

    def __init__(self, band_c: float) -> None:
        self.band_c = band_c
        self.requested = False

    @property
    def demand(self) -> float:
        """Return 100 while it asks."""
        return 100.0 if self.requested else 0.0

    def look(self, room: Room, set_c: float, at_s: float) -> float:
        """Judge the room now."""
        edge_c = set_c + self.band_c / 2.0 if self.requested else set_c - self.band_c / 2.0
        air_c = room.air_c(at_s)
        if (air_c >= edge_c - 2e-6) if self.requested else (air_c <= edge_c + 2e-6):
            self.requested = not self.requested
            edge_c = set_c + self.band_c / 2.0 if self.requested else set_c - self.band_c / 2.0
        reached_s = room.reaches_s(edge_c, at_s)
        return inf if reached_s is None else max(reached_s, at_s + 1.0)


class PulseThermostat:
    """Asks for a part of each period: proportional to how much is missing (PWM, TPI)."""

    __slots__ = ("_edge_s", "_period_end_s", "demand", "gain_per_k", "period_s", "requested")

    def __init__(self, *, period_s: float, gain_per_k: float, first_s: float) -> None:
        self.period_s = period_s
        self.gain_per_k = gain_per_k
        self.demand = 0.0
        self.requested = False
        self._period_end_s = first_s
        self._edge_s = first_s

    def look(self, room: Room, set_c: float, at_s: float) -> float:
        """Judge the room at the start of a period, end the pulse within it."""
        if at_s >= self._period_end_s:
            missing = set_c - room.air_c(at_s)
            loss = 0.025 * (set_c - room.outside_c)  # what the outdoor temperature alone asks for
            part = min(1.0, max(0.0, self.gain_per_k * missing + loss))
            part = 0.0 if part < 0.05 else 1.0 if part > 0.95 else part
            self.demand = 100.0 * part
            self._edge_s = at_s + part * self.period_s
            self._period_end_s = at_s + self.period_s
        self.requested = at_s < self._edge_s
        return self._edge_s if self.requested else self._period_end_s


def thermostat_for(chance: Random, kinds: Sequence[str] = ("band", "band", "pulse")) -> Thermostat:
    """Return a thermostat of a kind drawn from ``kinds``."""
    if chance.choice(kinds) == "band":
        return BandThermostat(chance.choice((0.5, 0.6, 0.8, 1.0)))
    period_s = chance.choice((900.0, 1200.0, 1800.0))
    return PulseThermostat(
        period_s=period_s, gain_per_k=0.6, first_s=round(chance.uniform(0.0, period_s), 1)
    )
