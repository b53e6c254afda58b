"""Faults of requests, people and Home Assistant: F63 to F69 of the catalogue."""

from functools import partial
from random import Random
from typing import TYPE_CHECKING

from balancer.sim.faults.base import fault

if TYPE_CHECKING:
    from balancer.sim.world import World


@fault("F63", "a thermostat falls silent", lasts_s=(600.0, 10_800.0))
def silent(world: "World", chance: Random, for_s: float) -> bool:
    zone = chance.choice(list(world.setup.house.zones))
    if not world.troubles.take(f"silent/{zone}"):
        return False
    world.people.silent.add(zone)

    def heal() -> None:
        world.people.silent.discard(zone)
        world.people.ask(zone)

    world.troubles.on_heal(f"silent/{zone}", heal, after_s=for_s)
    return True


@fault("F64", "a request chatters", lasts_s=(5.0, 30.0))
def chatter(world: "World", chance: Random, for_s: float) -> bool:
    zone = chance.choice(list(world.setup.house.zones))
    if not world.troubles.take(f"request/{zone}"):
        return False
    for number in range(int(for_s * 5.0)):
        world.clock.after(
            0.2 * number,
            partial(world.people.hold, zone, number % 2 == 0),
        )
    world.troubles.on_heal(f"request/{zone}", lambda: world.people.hold(zone, None), after_s=for_s)
    return True


@fault("F65", "all thermostats ask at once", lasts_s=(900.0, 3600.0))
def all_at_once(world: "World", _chance: Random, for_s: float) -> bool:
    zones = list(world.setup.house.zones)
    if not world.troubles.take("request/*"):
        return False
    for zone in zones:
        world.people.hold(zone, False)

    def ask() -> None:
        for zone in zones:
            world.people.hold(zone, True)

    def heal() -> None:
        for zone in zones:
            world.people.hold(zone, None)

    world.clock.after(for_s / 3.0, ask)
    world.troubles.on_heal("request/*", heal, after_s=for_s)
    return True


@fault("F66", "a boost is never cleared", lasts_s=(1.0, 1.0))
def boost(world: "World", chance: Random, _for_s: float) -> bool:
    load = chance.choice(list(world.setup.house.loads))
    word = chance.choice(("ON", "on", "30", "5", "100000"))
    world.people.say(f"{world.topics.boost(load)}/set", word)
    return True


@fault("F67", "away is toggled at a bad moment", lasts_s=(2.0, 600.0))
def away(world: "World", chance: Random, for_s: float) -> bool:
    if not world.troubles.take("away"):
        return False
    topic = f"{world.topics.away}/set"
    world.people.say(topic, "ON")
    if chance.random() < 0.5:
        world.plug(next(iter(world.setup.house.circuits)), 2500.0, for_s=60.0)
    world.troubles.on_heal("away", lambda: world.people.insist(topic, "OFF"), after_s=for_s)
    return True


@fault("F68", "commands that nobody can obey", lasts_s=(1.0, 2.0))
def nonsense(world: "World", chance: Random, for_s: float) -> bool:
    house = world.setup.house
    load, circuit = chance.choice(list(house.loads)), chance.choice(list(house.circuits))
    zone = chance.choice(list(house.zones))
    thermostat = world.scenario.document["zones"][zone].get("request")
    wishes = [
        (f"{world.topics.boost(load)}/set", ("maybe", "-5", "NaN", "inf", "", "0", "{}")),
        (f"{world.topics.limit(circuit)}/set", ("1e9", "-1", "NaN", "", "many")),
        (f"{world.topics.mode(circuit)}/set", ("99", "-1", "auto ", "", "1.5", "x")),
        (f"{world.topics.zone(zone)}/set", ("maybe", "", "1", "2", "\x00")),
        (f"{world.topics.away}/set", ("maybe", "", "1")),
        (f"{world.topics.boost('nobody')}/set", ("ON",)),
    ]
    if thermostat is not None:
        wishes.append((thermostat["topic"], ("maybe", "", "{}", '{"x":', "NaN", "\x00")))
    for _ in range(8):
        topic, words = chance.choice(wishes)
        word = chance.choice(words)
        world.clock.after(
            chance.uniform(0.0, for_s),
            partial(world.people.say, topic, word),
        )
    return True


@fault("F69", "Home Assistant is born fifty times", lasts_s=(2.0, 5.0))
def births(world: "World", chance: Random, for_s: float) -> bool:
    topic = f"{world.setup.discovery_prefix}/status"
    for _ in range(50):
        world.clock.after(chance.uniform(0.0, for_s), lambda: world.people.say(topic, "online"))
    return True
