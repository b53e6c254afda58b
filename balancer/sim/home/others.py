"""Where in the house the power of everything but the heaters flows."""

from array import array
from random import Random

from balancer.core.model import House
from balancer.sim.home.traces import Trace

BASE_W = 400.0  # fridges, standby, light: spread over all phases; what is above it is on one
SUB_PANEL_PART = 0.3


def others_for(house: House, trace: Trace, chance: Random) -> dict[str, Trace]:
    """Return what no heater takes, by circuit, from the trace of the whole house.

    One root circuit takes all of it. Of several (phases) each takes its part of the base, and
    every spell above the base is on one of them, drawn anew for each spell. A sub-panel takes a
    part of what its parent takes, never above six tenths of its own limit.
    """
    roots = [name for name, circuit in house.circuits.items() if circuit.parent is None]
    found = dict(zip(roots, _phases(trace, len(roots), chance), strict=True))
    waiting = [name for name in house.circuits if name not in found]
    while waiting:
        for name in waiting:
            circuit = house.circuits[name]
            parent = circuit.parent
            if parent is not None and parent in found:
                siblings = sum(each.parent == parent for each in house.circuits.values())
                part = SUB_PANEL_PART / max(1.0, siblings / 3.0)
                highest_w = 0.6 * circuit.limit_w
                above = found[parent]
                powers = array("d", (min(highest_w, part * each) for each in above.power_w))
                found[name] = Trace(trace.name, trace.start, trace.length_s, above.at_s, powers)
        waiting = [name for name in house.circuits if name not in found]
    return found


def _phases(trace: Trace, number: int, chance: Random) -> list[Trace]:
    if number == 1:
        return [trace]
    parts = [array("d") for _ in range(number)]
    phase = 0
    above = False
    for power_w in trace.power_w:
        spell_w = max(0.0, power_w - BASE_W)
        if spell_w > 0.0 and not above:
            phase = chance.randrange(number)
        above = spell_w > 0.0
        for index, part in enumerate(parts):
            part.append((power_w - spell_w) / number + (spell_w if index == phase else 0.0))
    return [Trace(trace.name, trace.start, trace.length_s, trace.at_s, part) for part in parts]
