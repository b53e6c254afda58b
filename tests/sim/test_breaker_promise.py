"""What the controller says of a breaker, against breakers that were written without it (I24)."""

from math import inf
from random import Random

import pytest

from balancer.core import breaker as estimate
from balancer.core.model import Breaker as Assumed
from balancer.sim.home.breakers import breaker_for

RATING_W = 6900.0
BAND = {  # what may hang in the hall when the configuration names the key
    "worst_norm": ("worst_norm", "fast_practical", "typical", "slow_norm", "B", "C", "D"),
    "linky": ("linky", "linky_pessimistic"),
}


@pytest.mark.parametrize("assumed", sorted(estimate.PROFILES))
def test_every_profile_of_the_configuration_can_be_simulated(assumed: str) -> None:
    breaker = breaker_for(assumed, RATING_W, Random(1))
    breaker.carry(0.0, 0.5)
    assert breaker.trips_at_s == inf


@pytest.mark.parametrize(
    ("assumed", "real"),
    [(name, each) for name in sorted(estimate.PROFILES) for each in BAND.get(name, (name,))],
)
def test_estimated_margin_is_never_longer_than_the_real_one(assumed: str, real: str) -> None:
    for seed in range(12):
        chance = Random(f"{assumed}/{real}/{seed}")
        believed = Assumed(profile=assumed, rating_w=RATING_W)
        breaker = breaker_for(real, RATING_W, chance)
        heat = estimate.initial_heat(believed)
        at_s = 0.0
        for _ in range(60):
            load = chance.choice((0.3, 0.9, 1.05, 1.2, 1.5, 2.4)) * chance.uniform(0.9, 1.1)
            breaker.carry(at_s, load)
            margin_s = estimate.trip_margin_s(believed, heat, load * RATING_W)
            assert margin_s <= breaker.trips_at_s - at_s + 1e-6, (seed, at_s, load)
            left_s = breaker.trips_at_s - at_s - 1.0  # meters have made up their mind by then
            if left_s <= 0.0:
                break
            lasts_s = min(chance.expovariate(1.0 / 30.0), 0.98 * left_s)
            heat = estimate.advance(believed, heat, load * RATING_W, lasts_s)
            at_s += lasts_s


@pytest.mark.parametrize("reaction_s", [0.5, 2.6, 11.9, 60.0])
@pytest.mark.parametrize(
    ("assumed", "real"),
    [(name, each) for name in sorted(estimate.PROFILES) for each in BAND.get(name, (name,))],
)
def test_promised_overload_is_survived_by_every_breaker_of_the_profile(
    assumed: str, real: str, reaction_s: float
) -> None:
    believed = Assumed(profile=assumed, rating_w=RATING_W)
    promised = estimate.survivable_overload(believed, reaction_s, RATING_W)
    for seed in range(12):
        # given any breaker that may hang there, long at nearly the whole limit
        breaker = breaker_for(real, RATING_W, Random(f"{assumed}/{real}/{seed}"))
        breaker.carry(0.0, estimate.PRELOAD)
        at_s = 86_400.0 + seed / 12.0  # somewhere within the second of a meter that filters
        # when what is promised flows until the last relay has opened
        breaker.carry(at_s, min(promised, 50.0) * 0.999)
        # then it holds
        assert breaker.trips_at_s > at_s + reaction_s, (seed, promised)
