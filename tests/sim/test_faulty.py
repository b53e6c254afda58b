"""The balancer under faults beside the others in a comparison."""

from balancer.sim.contest.faulty import faulty_figures
from balancer.sim.contest.strategies import Case
from balancer.sim.home.traces import shipped_trace, shipped_weather
from balancer.sim.scenarios import FLAT


def test_who_interrupts_a_run_with_faults_has_what_was_done() -> None:
    # given a month with faults, and somebody who has had enough after an hour
    case = Case(
        setup=FLAT.setup(), trace=shipped_trace(), weather=shipped_weather(), seed=3, days=30.0
    )
    seen: list[float] = []

    def enough(days: float) -> bool:
        seen.append(days)
        return False

    # when
    faulty = faulty_figures(
        FLAT, case, days=30.0, faults=("F01", "F43"), bound_kwh=None, going_on=enough
    )
    # then that hour is all there is
    assert faulty.interrupted
    assert seen == [1.0 / 24.0]
    assert faulty.violations == []
    assert 0.0 < faulty.figures.heat_kwh < 12.0
