"""How a simulated house is built to fit a configuration."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from random import Random

from balancer.config.setup import Setup
from balancer.sim.home.board import Board
from balancer.sim.home.furnishing import furnished, supply_for
from balancer.sim.home.happenings import Journal
from balancer.sim.home.heaters import FOUND
from balancer.sim.home.house import SimHouse, second_of_day, second_of_year
from balancer.sim.home.others import others_for
from balancer.sim.home.supply import Voltage
from balancer.sim.home.traces import Trace, Weather

MIDWINTER = datetime.fromisoformat("2007-01-01")  # local time of a house without a place


def build(
    setup: Setup,
    *,
    seed: int,
    trace: Trace,
    weather: Weather,
    breaker: str | None = None,
    watched: Sequence[str] = (),
    reaction_s: float = 0.25,
    rearm_after_s: float = 600.0,
    first_day: int = 0,
    oversize: float | None = None,
    draws: tuple[float, float] = FOUND,
    journal: bool = False,
) -> SimHouse:
    """Return a house for a configuration; the same arguments give the same house.

    Args:
        setup: Its circuits, zones and loads; rooms are made to fit the loads.
        seed: Draws everything that differs between houses.
        trace: What everything but the heaters takes; it repeats when it is over.
        weather: Outdoor temperature by hour of the year.
        breaker: Profile of every breaker; None: as configured, and where nothing is configured
            (``worst_norm``) a breaker drawn from the band of curve C.
        watched: Profiles of further breakers that only count, see ``Board``.
        reaction_s: From a meter's sample to the opening of a relay, for the oracle.
        rearm_after_s: Somebody closes a tripped breaker after so long.
        first_day: Day of the trace at which the run starts.
        oversize: Power of the heaters by the loss of their rooms on the coldest day; well below
            1 everybody asks for heat all day long. None: drawn as installers choose it.
        draws: Least and greatest draw of the heaters at 230 V, as multiples of what is configured.
        journal: Keep what a report draws.
    """
    house = setup.house
    # somewhere within the first minute: ticks at full minutes do not fall on samples of the trace
    within_s = round(Random(f"{seed}/start").uniform(5.0, 55.0), 1)
    start = (trace.start or MIDWINTER) + timedelta(days=first_day, seconds=within_s)
    zones, heaters = furnished(
        house,
        seed,
        day_s=second_of_day(start),
        outside_c=weather.outside_c(second_of_year(start)),
        inverted=[name for name, each in setup.relays.items() if each.inverted],
        oversize=oversize,
        draws=draws,
    )
    kept = Journal(house.circuits, house.loads, house.zones) if journal else None
    behind = partial(supply_for, seed=seed, reaction_s=reaction_s)
    circuits = house.circuits.values()
    board = Board(
        house,
        heaters,
        supplies={each.name: behind(each, breaker) for each in circuits},
        watched={each.name: tuple(behind(each, name) for name in watched) for each in circuits},
        others=others_for(house, trace.from_day(first_day), Random(f"{seed}/others")),
        journal=kept,
    )
    return SimHouse(
        setup,
        start=start,
        weather=weather,
        voltage=Voltage(Random(f"{seed}/voltage")),
        zones=zones,
        heaters=heaters,
        board=board,
        rearm_after_s=rearm_after_s,
        journal=kept,
    )
