"""The control figures on a small scale; ``tests/bench/control.py`` measures them over winters."""

import pytest

from balancer.sim.contest.figures import Figures
from balancer.sim.contest.strategies import Case, Contest
from balancer.sim.home.breakers import PROFILES
from balancer.sim.home.house import SimHouse
from balancer.sim.home.traces import shipped_trace, shipped_weather
from tests.bench.control import Winter, house

DAYS = 0.5


def lived(limit_w: int, heaters: str, *, saturated: bool) -> tuple[Figures, SimHouse]:
    winter = Winter(
        seed=4,
        limit_w=limit_w,
        heaters=heaters,
        days=DAYS,
        on_change=False,
        saturated=saturated,
    )
    contest = Contest(
        Case(
            setup=house(winter),
            trace=shipped_trace(),
            weather=shipped_weather(),
            seed=winter.seed,
            days=DAYS,
            breaker="quarter_hour",
            watched=PROFILES,
            first_day=12,  # Saturday: two hours above 4.5 kW, half an hour above 6 kW
            oversize=0.4 if saturated else None,
        ),
        ("balancer",),
    )
    contest.run()
    return contest.figures()["balancer"], contest.houses["balancer"]


@pytest.mark.parametrize(
    ("limit_w", "heaters", "saturated", "least_share"),
    [
        (6000, "mixed", True, 0.93),
        (6000, "equal", False, 0.93),
        (9000, "mixed", False, 0.97),
    ],
)
def test_a_busy_day_is_warm_and_no_breaker_trips_that_could_have_held(
    limit_w: int, heaters: str, saturated: bool, least_share: float
) -> None:
    figures, lived_in = lived(limit_w, heaters, saturated=saturated)
    assert figures.heat_share is not None
    assert figures.heat_share >= least_share
    assert figures.minutes_over_limit <= 2.5 * DAYS
    assert figures.longest_over_limit_s <= 10.0
    assert figures.violations == 0
    for profile, watched in zip(PROFILES, lived_in.watched["main"], strict=True):
        if profile != "instant":  # a second above the limit: any ambiguous reading is too late
            assert [trip for trip in watched.trips if trip.avoidable] == [], profile
