"""Strategies side by side: the same house, seed, trace and weather; who decides differs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from balancer.config.setup import Setup
from balancer.sim.baselines import RULES
from balancer.sim.bound import Clairvoyant
from balancer.sim.controller import Controller, meters_of
from balancer.sim.drive import EVERY_SECOND, ON_CHANGE, Drive, Lags, Strategy
from balancer.sim.figures import DAY_S, Figures, figures_of, heat_kwh
from balancer.sim.house import SimHouse, build
from balancer.sim.traces import Trace, Weather

NAMES = ("balancer", "seed", "threshold", "priority", "none", "bound")
"""In the order of the results; ``bound`` is driven first, the others are measured by it."""

Progress = Callable[[str, float], None]
"""Told the strategy and its simulated seconds now and then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One house to compare strategies in.

    Attributes:
        setup: The house.
        trace: What everything but the heaters takes.
        weather: Outdoor temperatures.
        seed: Draws the rooms, the heaters, the voltage, the breakers and all lags.
        days: To simulate; positive.
        lags: Of meters and relays.
        breaker: Profile of all breakers; None: as configured.
        watched: Profiles that are watched without tripping, see ``SimHouse``.
        first_day: Day of the trace at which it starts.
        journal: Keep what a report draws.
    """

    setup: Setup
    trace: Trace
    weather: Weather
    seed: int = 1
    days: float = 7.0
    lags: Lags = EVERY_SECOND
    breaker: str | None = None
    watched: tuple[str, ...] = ()
    first_day: int = 0
    journal: bool = False


@dataclass(slots=True)
class Run:
    """What came of one strategy."""

    house: SimHouse
    figures: Figures


@dataclass(slots=True)
class Comparison:
    """What came of all strategies so far, by name.

    Attributes:
        days: Simulated by all of them; less than asked for when it was interrupted.
    """

    days: float
    runs: dict[str, Run] = field(default_factory=dict)


def compare(
    case: Case, names: tuple[str, ...] = NAMES, progress: Progress | None = None
) -> Comparison:
    """Drive every strategy through the case; ``bound`` is always driven."""
    line = ("bound", *(name for name in names if name != "bound"))
    comparison = Comparison(case.days)
    bound_kwh: float | None = None
    for name in line:
        house = drive(case, name, progress)
        bound_kwh = heat_kwh(house) if name == "bound" else bound_kwh
        comparison.runs[name] = Run(house, figures_of(house, bound_kwh=bound_kwh))
    return comparison


def drive(case: Case, name: str, progress: Progress | None = None) -> SimHouse:
    """Drive one strategy through the case and return the house as it is then."""
    house = fresh(case, name)
    drive = driven(case, name, house)
    for at_s in hours(case.days):
        drive.run_until(at_s)
        if progress is not None:
            progress(name, at_s)
    return house


def hours(days: float) -> Iterator[float]:
    """Return the instants at which a run may be left, an hour apart, the last at its end."""
    end_s = days * DAY_S
    at_s = 0.0
    while at_s < end_s:
        at_s = min(at_s + 3600.0, end_s)
        yield at_s


def fresh(case: Case, name: str) -> SimHouse:
    """Return the house of the case, at its start."""
    lags = ON_CHANGE if name == "bound" else case.lags
    return build(
        case.setup,
        seed=case.seed,
        trace=case.trace,
        weather=case.weather,
        breaker=case.breaker,
        watched=case.watched,
        reaction_s=lags.reaction_s,
        first_day=case.first_day,
        journal=case.journal,
    )


def driven(case: Case, name: str, house: SimHouse) -> Drive:
    """Return a drive of the house by a strategy."""
    strategy: Strategy
    meters: Mapping[str, Callable[[], float]] = {
        circuit: _power_of(house, circuit) for circuit in case.setup.house.circuits
    }
    lags = case.lags
    match name:
        case "balancer":
            strategy, meters = Controller(case.setup, house.start), meters_of(house)
        case "bound":  # needs no readings; a meter that speaks seldom saves time
            strategy, lags = Clairvoyant(case.setup, house.start), ON_CHANGE
        case _:
            strategy = RULES[name](case.setup.house)
    return Drive(house, strategy, meters, lags, seed=case.seed)


def _power_of(house: SimHouse, circuit: str) -> Callable[[], float]:
    supply = house.supplies[circuit]
    return lambda: supply.power_w
