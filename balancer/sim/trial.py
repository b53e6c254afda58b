"""One house over some hours with faults mixed in (safety), then healed and watched (liveness).

The house has to come to rest. The same job gives the same bytes on the wire.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from balancer.sim.faults import FAULTS
from balancer.sim.home.appliances import trace_named
from balancer.sim.liveness import judge_recovery
from balancer.sim.made_up import made_up
from balancer.sim.scenarios import ALL, MADE_UP, Scenario
from balancer.sim.world import World

HOURS = 6.0
RECOVERY_S = 5400.0  # of the hours of a run: healed, and watched
FAULTS_PER_DAY = 24.0
TRACE_DAYS = 14  # of a made-up household; a run begins on any of them
SHOWN_S = 30.0  # of numbers that change; decisions are shown at once, as always


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run; enough to replay it.

    Attributes:
        house: Name of the scenario; ``MADE_UP``: the seed's own.
        seed: Of everything.
        hours: Simulated, recovery included.
        faults: Ids to choose from; those of ``first`` come first.
        first: Ids that this run has to inject.
        per_day: Faults a day.
        cadence: Of the circuits' meters (``meters.CADENCES``); empty: as the house has them.
        trace: What everything but the heaters takes, as ``trace_named`` reads it.
    """

    house: str
    seed: int
    hours: float = HOURS
    faults: tuple[str, ...] = tuple(FAULTS)
    first: tuple[str, ...] = ()
    per_day: float = FAULTS_PER_DAY
    cadence: str = ""
    trace: str = ""

    @property
    def scenario(self) -> Scenario:
        """Return the house, with the meters of this run."""
        scenario = made_up(self.seed) if self.house == MADE_UP else ALL[self.house]
        if not self.cadence:
            return scenario
        circuits = scenario.document["circuits"]
        meters = [f"circuits.{name}.meter" for name, each in circuits.items() if "meter" in each]
        return replace(
            scenario, cadences={**scenario.cadences, **dict.fromkeys(meters, self.cadence)}
        )

    @property
    def end_s(self) -> float:
        """Return how long it takes, in virtual seconds."""
        return self.hours * 3600.0

    @property
    def calm_s(self) -> float:
        """Return the instant at which everything is healed, in seconds."""
        return max(self.end_s - RECOVERY_S, self.end_s / 2.0)

    @property
    def replay(self) -> str:
        """Return the command that runs exactly this again."""
        first = f" --first {','.join(self.first)}" if self.first else ""
        chosen = (
            "" if self.faults == tuple(FAULTS) else f" --faults {','.join(self.faults) or 'none'}"
        )
        cadence = f" --cadence {self.cadence}" if self.cadence else ""
        trace = f" --trace {self.trace}" if self.trace else ""
        return (
            f"python -m balancer.sim.campaign --replay {self.house}:{self.seed} "
            f"--hours {self.hours:g} --per-day {self.per_day:g}{cadence}{trace}{first}{chosen}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one run came to; plain enough to pass between processes."""

    job: Job
    days: float
    digest: str
    violations: tuple[str, ...]
    trips: int
    avoidable: tuple[str, ...]
    faults: dict[str, int]
    messages: int
    commands: int

    @property
    def sound(self) -> bool:
        return not (self.violations or self.avoidable)


def run_job(job: Job, *, watch: Callable[[World], None] | None = None) -> Result:
    """Run one house under faults, then heal it and see whether it comes to rest.

    Raises:
        Exception: Whatever the engine raises, with a note that says when; a defect, too.
    """
    trace = trace_named(job.trace, days=TRACE_DAYS, seed=job.seed)
    world = World(job.scenario, seed=job.seed, trace=trace, changes_s=SHOWN_S)
    if watch is not None:
        watch(world)
    plan_faults(world, job)
    world.run_until(job.calm_s)
    judge_recovery(world, until_s=job.end_s)
    return Result(
        job=job,
        days=world.clock.now_s / 86_400.0,
        digest=world.digest,
        violations=tuple(str(each) for each in world.findings.violations),
        trips=len(world.house.trips),
        avoidable=tuple(
            f"avoidable trip of {each.trip.circuit} at {each.trip.at_s:.3f} s: {each.why}"
            for each in world.oracle.verdicts
            if each.avoidable
        ),
        faults=dict(world.troubles.begun),
        messages=world.messages,
        commands=world.commands,
    )


def plan_faults(world: World, job: Job) -> None:
    """Spread a run's faults over its first part: those asked for, then any."""
    if not job.faults and not job.first:
        return
    chance = Random(f"faults/{job.seed}")
    until_s = job.calm_s
    number = max(len(job.first), round(job.per_day * job.hours / 24.0))
    chosen = list(job.first)
    while len(chosen) < number and job.faults:
        chosen.append(chance.choice(job.faults))
    chance.shuffle(chosen)
    for id_ in chosen:
        at_s = chance.uniform(60.0, until_s - 60.0)
        world.at(at_s, partial(_begin, chance=chance, id_=id_, until_s=until_s))


def _begin(world: World, chance: Random, id_: str, until_s: float) -> None:
    """Let a fault begin; where it finds nothing to befall, try a little later."""
    if not FAULTS[id_].begin(world, chance):
        later_s = world.clock.now_s + 300.0
        if later_s < until_s:
            world.at(later_s, partial(_begin, chance=chance, id_=id_, until_s=until_s))


def overhear(world: World, tell: Callable[[str], None]) -> None:
    """Tell what goes over the balancer's wire from now on, and what begins and is found meanwhile.

    Args:
        world: A world, best before it has begun.
        tell: Given a line at a time.
    """
    world.findings.listeners.append(tell)
    world.process.on_receive.append(
        lambda message: tell(f"<- {message.topic} {message.payload[:160]!r} {'R' * message.retain}")
    )
    world.process.on_send.append(
        lambda message, command: tell(
            f"{'=>' if command else '->'} {message.topic} {message.payload[:400]!r}"
        )
    )
    world.process.on_life.append(lambda what: tell(f"balancer {what}"))
