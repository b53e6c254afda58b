"""What the meters of a configuration measure in a house."""

from collections.abc import Callable
from functools import partial

from balancer.core.model import Circuit, House

PowerOf = Callable[[str], float]
"""Returns the present power of a circuit or a load, in watts, by its name."""


def measures_of(
    house: House, *, supply_w: PowerOf, others_w: PowerOf, heater_w: PowerOf
) -> dict[str, Callable[[], float]]:
    """Return what each meter of a configuration measures, by its name.

    Args:
        house: What is configured.
        supply_w: What flows through a circuit.
        others_w: Of that, what is no heating.
        heater_w: What a load takes.
    """
    measures: dict[str, Callable[[], float]] = {}
    for circuit in house.circuits.values():
        if circuit.meter is not None:
            measures[circuit.meter.name] = partial(supply_w, circuit.name)
        if circuit.available is not None:
            measures[circuit.available.name] = partial(_available_w, circuit, others_w)
        for number, each in enumerate(circuit.non_heating_meters):
            measures[each.name] = partial(_appliance_w, circuit, number, others_w)
    for load in house.loads.values():
        if load.meter is not None:
            measures[load.meter.name] = partial(heater_w, load.name)
    return measures


def _available_w(circuit: Circuit, others_w: PowerOf) -> float:
    return circuit.limit_w - circuit.reserve_w - others_w(circuit.name)


def _appliance_w(circuit: Circuit, number: int, others_w: PowerOf) -> float:
    """Return what one appliance meter of a circuit reads.

    What the security margin covers is seen by none; the rest fills one meter after the other, up
    to its greatest believable reading.
    """
    rest_w = max(0.0, others_w(circuit.name) - circuit.security_margin_w)
    highest_w = [max(0.0, each.max_w) for each in circuit.non_heating_meters]
    for each_w in highest_w[:number]:
        rest_w -= min(rest_w, each_w)
    return min(rest_w, highest_w[number])
