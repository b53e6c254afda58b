"""Faults of the house and its limiter: F19 to F26 of the catalogue."""

from random import Random
from typing import TYPE_CHECKING

from balancer.core.model import Circuit
from balancer.sim.faults.base import any_relay, fault

if TYPE_CHECKING:
    from balancer.sim.world import World


def _circuit(world: "World", chance: Random) -> Circuit:
    return chance.choice(list(world.setup.house.circuits.values()))


def _root(world: "World", chance: Random) -> Circuit:
    roots = [each for each in world.setup.house.circuits.values() if each.parent is None]
    return chance.choice(roots)


def _plug(world: "World", circuit: Circuit, watts: float, for_s: float) -> None:
    world.plug(circuit.name, watts)
    world.troubles.on_heal(None, lambda: world.plug(circuit.name, -watts), after_s=for_s)


@fault("F19", "kettle, oven or car at full budget", lasts_s=(60.0, 1800.0))
def spike(world: "World", chance: Random, for_s: float) -> bool:
    _plug(world, _circuit(world, chance), chance.choice((1500.0, 2200.0, 2900.0, 3700.0)), for_s)
    return True


@fault("F20", "other power alone is above the limit", lasts_s=(5.0, 60.0))
def alone(world: "World", chance: Random, for_s: float) -> bool:
    circuit = _circuit(world, chance)
    if not world.troubles.take(f"alone/{circuit.name}"):
        return False
    watts = circuit.limit_w * chance.uniform(1.02, 1.15)
    world.plug(circuit.name, watts)
    world.troubles.on_heal(
        f"alone/{circuit.name}", lambda: world.plug(circuit.name, -watts), after_s=for_s
    )
    return True


@fault("F21", "a heater draws a fifth more", lasts_s=(1800.0, 7200.0))
def strong_heater(world: "World", chance: Random, for_s: float) -> bool:
    load = chance.choice(list(world.setup.house.loads))
    if not world.troubles.take(f"strong/{load}"):
        return False
    world.house.strengthen(load, 1.2)
    world.troubles.on_heal(
        f"strong/{load}", lambda: world.house.strengthen(load, 1.0 / 1.2), after_s=for_s
    )
    return True


@fault("F22", "all heaters' own thermostats open again together", lasts_s=(300.0, 1200.0))
def reopen(world: "World", _chance: Random, for_s: float) -> bool:
    if not world.troubles.take("knobs"):
        return False

    def turn(down: bool) -> None:
        for load in world.setup.house.loads:
            world.house.turn_down(load, down)

    turn(True)
    world.troubles.on_heal("knobs", lambda: turn(False), after_s=for_s)
    return True


@fault("F23", "the breaker is warm, then a little too much", lasts_s=(300.0, 900.0))
def warm(world: "World", chance: Random, for_s: float) -> bool:
    circuit = _circuit(world, chance)
    room_w = circuit.limit_w - world.house.power_w(circuit.name)
    if room_w <= 0.0 or not world.troubles.take(f"alone/{circuit.name}"):
        return False
    more_w = chance.uniform(0.05, 0.2) * circuit.limit_w
    world.plug(circuit.name, room_w)
    world.clock.after(0.7 * for_s, lambda: world.plug(circuit.name, more_w))
    world.clock.after(0.7 * for_s + 60.0, lambda: world.plug(circuit.name, -more_w))
    world.troubles.on_heal(
        f"alone/{circuit.name}", lambda: world.plug(circuit.name, -room_w), after_s=for_s + 60.0
    )
    return True


@fault("F24", "the breaker trips; everything is dark, then comes back", lasts_s=(30.0, 60.0))
def trip(world: "World", chance: Random, for_s: float) -> bool:
    circuit = _root(world, chance)
    if not world.troubles.take(f"alone/{circuit.name}"):
        return False
    world.house.rearm_after(chance.choice((10.0, 60.0, 600.0, 1800.0)))
    watts = 3.5 * circuit.limit_w
    world.plug(circuit.name, watts)
    world.troubles.on_heal(
        f"alone/{circuit.name}", lambda: world.plug(circuit.name, -watts), after_s=for_s
    )
    return True


@fault("F25", "mains dips: some devices start anew", lasts_s=(0.2, 5.0))
def brown_out(world: "World", chance: Random, for_s: float) -> bool:
    hit = False
    for _ in range(chance.randint(1, 4)):
        relay = any_relay(world, chance)
        if relay is None or not world.troubles.take(f"relay/{relay.load}"):
            continue
        relay.power_off()
        world.troubles.on_heal(f"relay/{relay.load}", relay.power_on, after_s=for_s)
        hit = True
    return hit


@fault("F26", "the limit is lowered while it runs", lasts_s=(300.0, 3600.0))
def lower_limit(world: "World", chance: Random, for_s: float) -> bool:
    circuit = _circuit(world, chance)
    if not world.troubles.take(f"limit/{circuit.name}"):
        return False
    topic = f"{world.topics.limit(circuit.name)}/set"
    share = chance.choice((0.0, 0.4, 0.6, 0.8))
    world.people.say(topic, f"{circuit.limit_w / circuit.watts_per_unit * share:.3f}")
    full = f"{circuit.limit_w / circuit.watts_per_unit:.6g}"
    world.troubles.on_heal(
        f"limit/{circuit.name}", lambda: world.people.insist(topic, full), after_s=for_s
    )
    return True
