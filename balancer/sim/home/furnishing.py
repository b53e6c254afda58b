"""What stands in a simulated house, drawn from its seed to fit a configuration."""

from collections.abc import Collection
from math import inf
from random import Random

from balancer.core.model import Circuit, House
from balancer.sim.home.breakers import breaker_for
from balancer.sim.home.heaters import Heater, heater_for
from balancer.sim.home.rooms import Room, room_for
from balancer.sim.home.supply import Supply
from balancer.sim.home.thermostats import programme_for, thermostat_for
from balancer.sim.home.zones import Zone

EMPTY_ROOM_W = 1000.0  # a room without a heater is built as if it had this one


def furnished(
    house: House,
    seed: int,
    *,
    day_s: float,
    outside_c: float,
    inverted: Collection[str],
    oversize: float | None,
    draws: tuple[float, float],
) -> tuple[dict[str, Zone], dict[str, Heater]]:
    """Return rooms with thermostats, and heaters, by their names.

    Args:
        house: What is configured.
        seed: Draws everything that differs between houses; each part has a source of its own.
        day_s: Second of the day at which it begins.
        outside_c: Outdoor temperature then.
        inverted: Loads on pilot wires.
        oversize: Power of the heaters by the loss of their rooms, or None: drawn.
        draws: Least and greatest draw of the heaters, as multiples of what is configured.
    """
    zones: dict[str, Zone] = {}
    heaters: dict[str, Heater] = {}
    for zone in house.zones:
        loads = [load.name for load in house.loads.values() if load.zone == zone]
        chance = Random(f"{seed}/zone/{zone}")
        programme = programme_for(chance)
        rated_w = sum(house.rated_w[load] for load in loads) or EMPTY_ROOM_W
        shape = room_for(rated_w, chance, oversize=oversize)
        thermostat = thermostat_for(chance)
        room = Room(
            shape, air_c=programme.at(day_s) - chance.uniform(0.0, 1.0), outside_c=outside_c
        )
        for load in loads:
            heaters[load] = heater_for(
                house.rated_w[load],
                max(programme.set_c),
                Random(f"{seed}/load/{load}"),
                inverted=load in inverted,
                draws=draws,
            )
        zones[zone] = Zone(room, programme, thermostat, tuple(heaters[load] for load in loads))
    return zones, heaters


def supply_for(circuit: Circuit, profile: str | None, *, seed: int, reaction_s: float) -> Supply:
    """Return a circuit's breaker and account.

    Args:
        circuit: What is configured.
        profile: Of the breaker; None: as configured, and where nothing is (``worst_norm``) one
            drawn from the band of curve C.
        seed: Draws the breaker.
        reaction_s: For the oracle, see ``Supply``.
    """
    configured = circuit.breaker.profile
    chosen = profile or ("C" if configured == "worst_norm" else configured)
    rating_w = circuit.breaker.rating_w
    return Supply(
        circuit.name,
        circuit.limit_w,
        breaker_for(chosen, rating_w, Random(f"{seed}/breaker/{circuit.name}")),
        rating_w,
        reaction_s=reaction_s,
        unseen_s=inf if circuit.meter is None else circuit.meter.stale_after_s,
    )
