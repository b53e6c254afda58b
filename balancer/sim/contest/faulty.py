"""The balancer in the virtual world, with real payloads of all its devices and with faults."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from balancer.sim.contest.figures import Figures, figures_of
from balancer.sim.contest.strategies import HOUR_S, Case
from balancer.sim.liveness import judge_recovery
from balancer.sim.scenarios import Scenario
from balancer.sim.trial import Job, plan_faults
from balancer.sim.world import World


@dataclass(frozen=True, slots=True)
class Faulty:
    """What came of it.

    Attributes:
        violations: What any checker found, a line each.
        interrupted: Somebody did not want to wait for the rest.
    """

    figures: Figures
    violations: list[str]
    interrupted: bool


def faulty_figures(
    scenario: Scenario,
    case: Case,
    *,
    days: float,
    faults: tuple[str, ...],
    bound_kwh: float | None,
    going_on: Callable[[float], bool],
) -> Faulty:
    """Return what came of a house under faults.

    Args:
        scenario: The house, as its devices need it.
        case: The case; trace, weather and seed are taken from it.
        days: To simulate; in the last hour and a half everything is healed and has to recover.
        faults: Ids of the faults to mix.
        bound_kwh: The clairvoyant's heat, without faults.
        going_on: Asked after each hour, told the days that are done; if not, it ends there.
    """
    world = World(
        scenario,
        seed=case.seed,
        trace=case.trace,
        weather=case.weather,
        first_day=case.first_day,
    )
    job = Job(house=scenario.name, seed=case.seed, hours=days * 24.0, faults=faults)
    plan_faults(world, job)
    at_s, interrupted = 0.0, False
    while at_s < job.calm_s and not interrupted:
        at_s = min(at_s + HOUR_S, job.calm_s)
        world.run_until(at_s)
        interrupted = not going_on(at_s / (24.0 * HOUR_S))
    if not interrupted:
        judge_recovery(world, until_s=job.end_s)
    violations = [str(each) for each in world.findings.violations]
    found = figures_of(world.house, bound_kwh=bound_kwh, violations=len(violations))
    avoidable = sum(verdict.avoidable for verdict in world.oracle.verdicts)
    figures = replace(found, avoidable_trips=avoidable)
    return Faulty(figures, violations, interrupted)
