"""How warm the breaker may be by now, when it would trip, what overload it would survive (R19).

A breaker is a heat that follows the square of the current and trips at a threshold. With
x = power ÷ rating and the heat h in units of x²:

1. h moves towards x² with a time constant, and the breaker trips when h reaches k².
2. A profile is a band of such breakers, and nobody knows which one hangs in the hall. The
   heat kept here is never below that of any of them, relative to its own threshold: the
   least k of the band, warming up as fast as the fastest, cooling down as slowly as the
   slowest. A breaker that has not tripped has not reached its threshold: the heat ends there.
3. From ``edge`` on no time is promised: the magnetic release, or the end of what a norm says.
4. Supply meters with a timer count the seconds above a threshold instead of a heat.

Display and warning only: shedding never waits for the breaker.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from balancer.core.model import Breaker

Heat = float
"""What is remembered of a breaker: h of a thermal profile, seconds of a timer."""

PRELOAD = 0.95
"""Part of the limit that the circuit carries steadily before an overload comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thermal:
    """A heat that follows the square of the current.

    Attributes:
        k: Multiple of the rating that even the weakest breaker of the band carries for ever.
        warming_s: Time constant that no breaker of the band outruns while it warms up.
        cooling_s: Greatest time constant of the band, for cooling down.
        edge: Multiple of the rating from which on no time is promised.
        lead_s: How much earlier than the formula a device may trip, because it looks at the
            power only so often.
    """

    k: float
    warming_s: float
    cooling_s: float
    edge: float = math.inf
    lead_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Timer:
    """Seconds above the first threshold, which fall back to 0 under it.

    Attributes:
        stages: Pairs of a multiple of the rating and the seconds on the timer with which a
            power above it trips; thresholds rise, times fall.
    """

    stages: tuple[tuple[float, float], ...]

    def trips_after_s(self, load: float) -> float:
        """Return the seconds on the timer that trip at a multiple of the rating, maybe infinite."""
        after_s = math.inf
        for threshold, seconds in self.stages:
            if load > threshold:
                after_s = seconds
        return after_s


Profile = Thermal | Timer


def _between(
    k: tuple[float, float], at: float, cold_s: tuple[float, float], edge: float, lead_s: float = 0.0
) -> Thermal:
    """Return the pessimistic edge of all breakers within two ranges.

    Args:
        k: Least and greatest threshold, as multiples of the rating.
        at: Multiple of the rating at which ``cold_s`` was measured.
        cold_s: Least and greatest time to trip from cold, in seconds.
        edge: Multiple of the rating from which on no time is promised.
        lead_s: See ``Thermal``.

    A breaker with a high threshold and the same time at ``at`` has the shorter time constant:
    far above ``at`` it overtakes the one with the low threshold. ``warming_s`` is therefore
    scaled so that heat ÷ threshold rises as fast as in the worst of both.
    """
    least, greatest = k[0] ** 2, k[1] ** 2
    return Thermal(
        k=k[0],
        warming_s=cold_s[0] / -math.log1p(-greatest / at**2) * greatest / least,
        cooling_s=cold_s[1] / -math.log1p(-least / at**2),
        edge=edge,
        lead_s=lead_s,
    )


def _norm(edge: float) -> Thermal:
    """Return the edge of IEC 60898-1: 1.13 and 1.45 In, 1 s (all) to 120 s (above 32 A)."""
    return _between(k=(1.13, 1.45), at=2.55, cold_s=(1.0, 120.0), edge=edge)


def _single(k: float, at: float, cold_s: float, edge: float) -> Thermal:
    return _between(k=(k, k), at=at, cold_s=(cold_s, cold_s), edge=edge)


# The filter of the meter: y += 0.008 (power² - y), once a second, so up to a second early.
_LINKY_S = -1.0 / math.log1p(-0.008)

# A fuse must hold 2.08 In for 10 s and melt within 5 s at 4.4 In (IEC 60269-1, 25 A); between
# its gates it is steeper than any heat with one time constant, so nothing is promised there.
_FUSE = Thermal(
    k=1.25,
    warming_s=_between(k=(1.25, 1.6), at=2.08, cold_s=(10.0, 10.0), edge=2.08).warming_s,
    cooling_s=_single(1.25, 4.4, 5.0, 2.08).cooling_s,
    edge=2.08,
)

PROFILES: Mapping[str, Profile] = {
    "worst_norm": _norm(3.0),  # nothing is known: the weakest breaker that may be sold
    "B": _norm(3.0),
    "C": _norm(5.0),
    "D": _norm(10.0),
    "fast_practical": _single(1.13, 2.55, 5.0, 3.0),
    "typical": _single(1.28, 2.55, 20.0, 4.0),
    "slow_norm": _single(1.45, 2.55, 60.0, 5.0),
    # Some meters are said to compare with the subscribed power itself, most with 1.3 times it.
    "linky": Thermal(k=1.0, warming_s=_LINKY_S, cooling_s=_LINKY_S, lead_s=1.0),
    "linky_nominal": Thermal(k=1.3, warming_s=_LINKY_S, cooling_s=_LINKY_S, lead_s=1.0),
    "enel": Timer(((1.10, 10_800.0), (1.33, 120.0))),
    "es_smart": Thermal(k=1.395, warming_s=450.0, cooling_s=450.0),  # fits 900 s at 1.5, 300 at 2
    "gG": _FUSE,
    "gG25": _FUSE,
    "instant": Timer(((1.0, 1.0),)),  # the strictest: one second above the rating
}
"""By the name used in config.toml."""


def initial_heat(breaker: Breaker) -> Heat:
    """Return the heat to begin with when nothing is known: long at 0.95 of the rating."""
    return steady_heat(breaker, PRELOAD * breaker.rating_w)


def steady_heat(breaker: Breaker, power_w: float) -> Heat:
    """Return the heat after a long time at a power that does not trip, in watts."""
    profile = PROFILES[breaker.profile]
    if isinstance(profile, Timer):
        return 0.0
    return min((power_w / breaker.rating_w) ** 2, profile.k**2)


def advance(breaker: Breaker, heat: Heat, power_w: float, dt_s: float) -> Heat:
    """Return the heat after ``dt_s`` seconds at a constant power in watts (export warms too)."""
    assert dt_s >= 0.0, dt_s
    profile = PROFILES[breaker.profile]
    load = power_w / breaker.rating_w
    if isinstance(profile, Timer):
        return heat + dt_s if load > profile.stages[0][0] else 0.0
    square = load * load
    constant_s = profile.warming_s if square > heat else profile.cooling_s
    return min(square + (heat - square) * math.exp(-dt_s / constant_s), profile.k * profile.k)


def heat_ratio(breaker: Breaker, heat: Heat, power_w: float) -> float:
    """Return heat ÷ threshold at the present power in watts; 1 is where it may trip, never more."""
    profile = PROFILES[breaker.profile]
    if isinstance(profile, Timer):
        return min(1.0, heat / profile.trips_after_s(power_w / breaker.rating_w))
    return min(1.0, heat / (profile.k * profile.k))


def trip_margin_s(breaker: Breaker, heat: Heat, power_w: float) -> float:
    """Return the seconds until it may trip if this power, in watts, goes on; infinite if never."""
    profile = PROFILES[breaker.profile]
    load = power_w / breaker.rating_w
    if isinstance(profile, Timer):
        return max(0.0, profile.trips_after_s(load) - heat)
    if abs(load) >= profile.edge:
        return 0.0
    square, trips_at = load * load, profile.k * profile.k
    if square <= trips_at:
        return math.inf
    until_s = profile.warming_s * math.log((square - min(heat, trips_at)) / (square - trips_at))
    return max(0.0, until_s - profile.lead_s)


def survivable_overload(
    breaker: Breaker, reaction_s: float, limit_w: float, preload: float = PRELOAD
) -> float:
    """Return the greatest load, as a multiple of the limit, that is shed before it may trip.

    Args:
        breaker: The breaker before the circuit.
        reaction_s: Time from the overload to the last relay that opened, in seconds.
        limit_w: The circuit's limit, in watts; not negative.
        preload: Part of the limit that was carried steadily before.

    Returns:
        At most the edge of the profile; 0 if the preload itself may trip it, infinite if
        nothing trips it so soon.
    """
    profile = PROFILES[breaker.profile]
    before = preload * limit_w / breaker.rating_w
    if isinstance(profile, Timer):
        if before > profile.stages[0][0]:
            return 0.0
        greatest = min(
            (load for load, after_s in profile.stages if reaction_s >= after_s), default=math.inf
        )
    else:
        trips_at = profile.k * profile.k
        if before * before > trips_at or before >= profile.edge:
            return 0.0
        constants = (reaction_s + profile.lead_s) / profile.warming_s
        warmed = -math.expm1(-constants)
        greatest = profile.edge
        if warmed > 0.0:
            square = trips_at + (trips_at - before * before) * math.exp(-constants) / warmed
            greatest = min(greatest, math.sqrt(square))
    return greatest * breaker.rating_w / limit_w if limit_w > 0.0 else math.inf
