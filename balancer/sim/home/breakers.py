"""Breakers of the simulated house: what trips, and exactly when, under piecewise constant load.

Written from the norms and the algorithms of meters, not from what the controller assumes. Load is
a multiple of the rating. Every breaker is told ``carry(at_s, load)`` when the load changes and
then knows the instant at which it trips if nothing changes again.

Sources: IEC 60898-1 and IEC 60269-1 gates; the Linky meter's filter Yn = B Xn^2 + (1 - B) Yn-1 with
B = 0.008 once a second; Italian electronic meters (+10 % for ever, +33 % for hours, more for two
minutes); Spanish meters fitted through 1.5 for 15 minutes and 2.0 for 5.
"""

from copy import copy
from math import ceil, exp, inf, log
from random import Random
from typing import Protocol, Self

MAGNETIC_S = 0.05
LINKY_B = 0.008


class Breaker(Protocol):
    """Something that interrupts when too much flows for too long."""

    @property
    def trips_at_s(self) -> float:
        """Return the instant at which it trips if the load stays; infinite: never."""
        ...

    def carry(self, at_s: float, load: float) -> None:
        """Let another load flow from an instant on."""
        ...

    def heat(self, at_s: float, /) -> float:
        """Return how far it is, 1 is where it trips."""
        ...

    def twin(self) -> Self:
        """Return an equal breaker in the same state."""
        ...


class Thermal:
    """Heat follows the square of the load with one time constant; a magnet acts at once."""

    __slots__ = (
        "_heat",
        "_load",
        "_magnet_since_s",
        "_since_s",
        "magnetic",
        "ratio",
        "tau_s",
        "trips_at_s",
    )

    def __init__(self, *, ratio: float, tau_s: float, magnetic: float = inf) -> None:
        """Make a cold breaker.

        Args:
            ratio: The greatest load that it carries for ever.
            tau_s: Time constant, in seconds; positive.
            magnetic: The load at which it opens at once.
        """
        assert ratio > 0.0, ratio
        assert tau_s > 0.0, tau_s
        self.ratio = ratio
        self.tau_s = tau_s
        self.magnetic = magnetic
        self.trips_at_s = inf
        self._heat = 0.0
        self._load = 0.0
        self._since_s = 0.0
        self._magnet_since_s = inf

    def carry(self, at_s: float, load: float) -> None:
        self._heat = self._heat_at(at_s)
        self._since_s = at_s
        self._load = max(0.0, load)
        if self._load < self.magnetic:
            self._magnet_since_s = inf
        elif self._magnet_since_s == inf:
            self._magnet_since_s = at_s
        self.trips_at_s = min(self._melts_s(at_s), self._magnet_since_s + MAGNETIC_S)

    def heat(self, at_s: float) -> float:
        return self._heat_at(at_s) / self.ratio**2

    def twin(self) -> Self:
        return copy(self)

    def _heat_at(self, at_s: float) -> float:
        goal = self._load * self._load
        passed_s = at_s - self._since_s
        return goal + (self._heat - goal) * exp(-passed_s / self.tau_s)

    def _melts_s(self, at_s: float) -> float:
        goal, edge = self._load * self._load, self.ratio * self.ratio
        if self._heat >= edge:
            return at_s
        if goal <= edge:
            return inf
        return at_s + self.tau_s * log((goal - self._heat) / (goal - edge))


class Filtered:
    """A meter that filters the square of each second's mean load, once a second.

    Yn = B Xn^2 + (1 - B) Yn-1; it opens at the end of the second in which Y reaches the square of
    the ratio.
    """

    __slots__ = ("_load", "_since_s", "_taken", "_value", "_whole_s", "ratio", "trips_at_s")

    def __init__(self, *, ratio: float) -> None:
        """Start without load; ``ratio``: the greatest load that is carried for ever."""
        self.ratio = ratio
        self.trips_at_s = inf
        self._value = 0.0  # Y at the last whole second
        self._whole_s = 0.0
        self._taken = 0.0  # load times seconds since then
        self._since_s = 0.0
        self._load = 0.0

    def carry(self, at_s: float, load: float) -> None:
        self._value, self._whole_s, self._taken = self._state(at_s)
        self._since_s = at_s
        self._load = max(0.0, load)
        self.trips_at_s = self._opens_s()

    def heat(self, at_s: float) -> float:
        return self._state(at_s)[0] / self.ratio**2

    def twin(self) -> Self:
        return copy(self)

    def _state(self, at_s: float) -> tuple[float, float, float]:
        """Return Y, the whole second that it belongs to, and what has been taken since."""
        seconds = int(at_s - self._whole_s + 1e-9)
        if seconds < 1:
            return self._value, self._whole_s, self._taken + self._load * (at_s - self._since_s)
        value = self._after_first()
        goal = self._load * self._load
        value = goal + (value - goal) * (1.0 - LINKY_B) ** (seconds - 1)
        whole_s = self._whole_s + seconds
        return value, whole_s, self._load * (at_s - whole_s)

    def _after_first(self) -> float:
        """Return Y at the end of the second that has begun."""
        mean = self._taken + self._load * (self._whole_s + 1.0 - self._since_s)
        return LINKY_B * mean * mean + (1.0 - LINKY_B) * self._value

    def _opens_s(self) -> float:
        edge, goal = self.ratio * self.ratio, self._load * self._load
        value = self._after_first()
        if value >= edge:
            return self._whole_s + 1.0
        if goal <= edge:
            return inf
        further = log((goal - edge) / (goal - value)) / log(1.0 - LINKY_B)
        return self._whole_s + 1.0 + ceil(further - 1e-9)


class Counted:
    """Two thresholds, each with its time; both counters start anew once the load is back.

    ``low`` to ``high`` for ``long_s``, above ``high`` for ``short_s``; back means at most ``low``.
    The time above ``high`` goes on counting through a spell between the two.
    """

    __slots__ = (
        "_above_low_s",
        "_load",
        "_over_high_s",
        "_since_s",
        "high",
        "long_s",
        "low",
        "short_s",
        "trips_at_s",
    )

    def __init__(self, *, low: float, high: float, long_s: float, short_s: float) -> None:
        self.low = low
        self.high = high
        self.long_s = long_s
        self.short_s = short_s
        self.trips_at_s = inf
        self._load = 0.0
        self._since_s = 0.0
        self._above_low_s = 0.0
        self._over_high_s = 0.0

    def carry(self, at_s: float, load: float) -> None:
        self._above_low_s, self._over_high_s = self._counts(at_s)
        self._since_s = at_s
        self._load = load
        if load <= self.low:
            self._above_low_s = self._over_high_s = 0.0
            self.trips_at_s = inf
            return
        self.trips_at_s = at_s + max(0.0, self.long_s - self._above_low_s)
        if load > self.high:
            short_s = at_s + max(0.0, self.short_s - self._over_high_s)
            self.trips_at_s = min(self.trips_at_s, short_s)

    def heat(self, at_s: float) -> float:
        above_low_s, over_high_s = self._counts(at_s)
        return max(above_low_s / self.long_s, over_high_s / self.short_s)

    def twin(self) -> Self:
        return copy(self)

    def _counts(self, at_s: float) -> tuple[float, float]:
        passed_s = at_s - self._since_s
        above_low_s = self._above_low_s + (passed_s if self._load > self.low else 0.0)
        over_high_s = self._over_high_s + (passed_s if self._load > self.high else 0.0)
        return above_low_s, over_high_s


class Never:
    """Costs money instead of tripping (capacity tariffs)."""

    __slots__ = ()
    trips_at_s = inf

    def carry(self, at_s: float, load: float) -> None:
        """Take no notice."""

    def heat(self, _at_s: float) -> float:
        return 0.0

    def twin(self) -> Self:
        return self


_MAGNETIC = {"B": (3.0, 5.0), "C": (5.0, 10.0), "D": (10.0, 20.0)}
_FIXED = {  # profile: ratio, time constant, edge of the magnet by curve
    "worst_norm": (1.13, 2.55, 1.0, {"B": 3.0, "C": 5.0, "D": 10.0}),
    "fast_practical": (1.13, 2.55, 5.0, {"B": 3.0, "C": 5.0, "D": 10.0}),
    "typical": (1.28, 2.55, 20.0, {"B": 4.0, "C": 7.5, "D": 14.0}),
    "slow_norm": (1.45, 2.55, 60.0, {"B": 5.0, "C": 10.0, "D": 20.0}),
}
PROFILES = (
    *_FIXED,
    *_MAGNETIC,
    "linky",
    "linky_pessimistic",
    "enel",
    "es_smart",
    "gG",
    "instant",
    "quarter_hour",
)
"""Every profile that ``breaker_for`` knows."""


def thermal_through(ratio: float, load: float, trips_s: float, *, magnetic: float = inf) -> Thermal:
    """Return the cold breaker that trips after a time at a load."""
    tau_s = trips_s / log(load**2 / (load**2 - ratio**2))
    return Thermal(ratio=ratio, tau_s=tau_s, magnetic=magnetic)


def breaker_for(profile: str, rating_w: float, chance: Random) -> Breaker:
    """Return a breaker that a house with that profile may have.

    Profiles that name a point of the band give exactly that point (with curve C's magnet);
    profiles that name a norm (``B``, ``C``, ``D``, ``gG``) are drawn from the whole band.

    Args:
        profile: Its name; one of ``PROFILES``, in any case; ``gG25`` is ``gG``,
            ``linky_nominal`` is ``linky``.
        rating_w: Rating in watts; the bands are wider above 32 A.
        chance: Source of the difference between breakers.
    """
    known = {each.lower(): each for each in PROFILES} | {"gg25": "gG", "linky_nominal": "linky"}
    assert profile.lower() in known, profile
    name = known[profile.lower()]
    if name in _FIXED:
        ratio, load, trips_s, magnetic = _FIXED[name]
        return thermal_through(ratio, load, trips_s, magnetic=magnetic["C"])
    if name in _MAGNETIC:
        return _miniature(rating_w, _MAGNETIC[name], chance)
    match name:
        case "linky":
            return Filtered(ratio=1.3)
        case "linky_pessimistic":
            return Filtered(ratio=1.0)
        case "enel":
            return Counted(low=1.10, high=1.33, long_s=10_800.0, short_s=120.0)
        case "es_smart":
            return Thermal(ratio=1.395, tau_s=450.0)
        case "gG":
            return _fuse(chance)
        case "instant":
            return Counted(low=1.0, high=1.0, long_s=1.0, short_s=1.0)
        case _:
            return Never()


def _miniature(rating_w: float, magnet: tuple[float, float], chance: Random) -> Thermal:
    """Return a breaker of IEC 60898-1: 1.13 to 1.45 for ever, 2.55 for 1 s to 60 s (120 s)."""
    ratio = chance.uniform(1.13, 1.45)
    slowest_s = 60.0 if rating_w <= 32.0 * 230.0 else 120.0
    # where the magnet begins, it holds for 0.1 s at least: so does the bimetal
    least_tau_s = 0.1 / log(magnet[0] ** 2 / (magnet[0] ** 2 - ratio**2))
    fastest_s = max(1.0, least_tau_s * log(2.55**2 / (2.55**2 - ratio**2)))
    trips_s = exp(chance.uniform(log(fastest_s), log(slowest_s)))
    return thermal_through(ratio, 2.55, trips_s, magnetic=chance.uniform(*magnet))


def _fuse(chance: Random) -> Thermal:
    """Return a gG fuse of 25 A: 1.25 to 1.6 for ever, no melt in 10 s at 2.08, in 5 s at 4.4."""
    ratio = chance.uniform(1.25, 1.6)
    slow_s = 10.0 / log(2.08**2 / (2.08**2 - ratio**2))
    fast_s = 5.0 / log(4.4**2 / (4.4**2 - ratio**2))
    tau_s = exp(chance.uniform(log(slow_s), log(fast_s)))
    return Thermal(ratio=ratio, tau_s=tau_s)
