"""Strategies side by side: the same house, seed, trace and weather; who decides differs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from balancer.config.setup import Setup
from balancer.sim.contest.baselines import RULES
from balancer.sim.contest.bound import Clairvoyant
from balancer.sim.contest.controller import Controller, meters_of
from balancer.sim.contest.drive import EVERY_SECOND, Drive, Lags, Strategy
from balancer.sim.contest.figures import DAY_S, Figures, figures_of, heat_kwh
from balancer.sim.contest.referee import Referee
from balancer.sim.home.building import build
from balancer.sim.home.heaters import FOUND
from balancer.sim.home.house import SimHouse
from balancer.sim.home.traces import Trace, Weather

NAMES = ("balancer", "seed", "threshold", "priority", "none", "bound")
"""In the order of the results."""

HOUR_S = 3600.0


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
        oversize: Power of the heaters by their rooms' loss; None: as installers choose it.
        draws: Least and greatest draw of the heaters, as multiples of what is configured.
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
    oversize: float | None = None
    draws: tuple[float, float] = FOUND
    journal: bool = False


class Contest:
    """All strategies in one case, driven hour by hour, so that it can be left at any hour.

    Attributes:
        done_s: How far all of them are.
        houses: The house of each strategy, by its name.
        drives: What moves it.
        controllers: The engine in it; only the balancer has one.
        referees: Who watches, by the name of the strategy; only the balancer has one.
    """

    def __init__(self, case: Case, names: Sequence[str] = NAMES) -> None:
        """Put every strategy into a house of its own; ``bound`` is always one of them."""
        self.case = case
        self.done_s = 0.0
        self.houses: dict[str, SimHouse] = {}
        self.controllers: dict[str, Controller] = {}
        self.referees: dict[str, Referee] = {}
        self.drives: dict[str, Drive] = {}
        for name in NAMES:
            if name in names or name == "bound":
                self.houses[name] = self._fresh(name)
                self.drives[name] = self._driven(name)

    @property
    def days(self) -> float:
        """Return the days that all of them are through."""
        return self.done_s / DAY_S

    def run(self, going_on: Callable[[float], bool] = lambda _days: True) -> None:
        """Drive all strategies to the end, or until ``going_on`` says no.

        Args:
            going_on: Asked after each hour, told the days that are done.
        """
        end_s = self.case.days * DAY_S
        while self.done_s < end_s:
            at_s = min(self.done_s + HOUR_S, end_s)
            for drive in self.drives.values():
                drive.run_until(at_s)
            self.done_s = at_s
            if not going_on(self.days):
                break

    def figures(self) -> dict[str, Figures]:
        """Return the figures so far by strategy; something has been simulated."""
        bound_kwh = heat_kwh(self.houses["bound"])
        return {
            name: figures_of(
                house,
                bound_kwh=bound_kwh,
                violations=len(self.referees[name].violations) if name in self.referees else None,
            )
            for name, house in self.houses.items()
        }

    def _fresh(self, name: str) -> SimHouse:
        case = self.case
        return build(
            case.setup,
            seed=case.seed,
            trace=case.trace,
            weather=case.weather,
            breaker=case.breaker,
            watched=case.watched,
            reaction_s=self._lags(name).reaction_s,
            first_day=case.first_day,
            oversize=case.oversize,
            draws=case.draws,
            journal=case.journal,
        )

    def _driven(self, name: str) -> Drive:
        case, house = self.case, self.houses[name]
        strategy: Strategy
        meters: Mapping[str, Callable[[], float]] = {
            circuit: _power_of(house, circuit) for circuit in case.setup.house.circuits
        }
        match name:
            case "balancer":
                self.controllers[name] = Controller(case.setup, house.start)
                strategy = self.referees[name] = Referee(self.controllers[name], case.setup)
                meters = meters_of(house)
            case "bound":
                strategy = Clairvoyant(case.setup, house.start)
            case _:
                strategy = RULES[name](case.setup.house)
        plugs = [each.meter.name for each in case.setup.house.loads.values() if each.meter]
        return Drive(house, strategy, meters, self._lags(name), seed=case.seed, seldom=plugs)

    def _lags(self, name: str) -> Lags:
        """Return the lags for a strategy: for all but the balancer's only what is new is said.

        Rules make nothing of a reading that repeats the one before, and the clairvoyant reads no
        meter; the engine learns its meter's period from every single one.
        """
        lags = self.case.lags
        if name == "balancer" or lags.step_w >= 0.0:
            return lags
        return replace(lags, step_w=0.0, heartbeat_s=10.0 if name == "bound" else 3.0)


def _power_of(house: SimHouse, circuit: str) -> Callable[[], float]:
    supply = house.supplies[circuit]
    return lambda: supply.power_w
