"""Faults of broker and network: F43 to F62 of the catalogue, as far as they can be simulated."""

from random import Random
from typing import TYPE_CHECKING

from balancer.sim.broker import Session
from balancer.sim.devices.device import Device
from balancer.sim.faults.base import any_relay, fault

if TYPE_CHECKING:
    from balancer.sim.world import World


class Impostor(Device):
    """A second client that takes somebody's client id."""

    def lost(self) -> None:
        self.session = None


@fault("F43", "the broker is frozen", lasts_s=(1.0, 300.0))
def frozen(world: "World", _chance: Random, for_s: float) -> bool:
    if not world.troubles.take("broker"):
        return False
    world.broker.freeze()
    world.troubles.on_heal("broker", world.broker.thaw, after_s=for_s)
    return True


def _down(world: "World", for_s: float, *, wipe: bool) -> bool:
    if not world.troubles.take("broker"):
        return False
    world.broker.kill(wipe=wipe)
    world.troubles.on_heal("broker", world.broker.restart, after_s=for_s)
    return True


@fault("F44", "the broker is killed and comes back", lasts_s=(0.5, 30.0))
def killed(world: "World", _chance: Random, for_s: float) -> bool:
    return _down(world, for_s, wipe=False)


@fault("F45", "the broker comes back empty", lasts_s=(0.5, 30.0))
def wiped(world: "World", _chance: Random, for_s: float) -> bool:
    return _down(world, for_s, wipe=True)


def _block(world: "World", for_s: float, *, up: bool, down: bool) -> bool:
    if not world.troubles.take("link"):
        return False
    link = world.process.link
    link.up_blocked, link.down_blocked = up, down
    world.process.heartbeat.look()

    def heal() -> None:
        world.broker.unblock(link)
        world.process.heartbeat.look()

    world.troubles.on_heal("link", heal, after_s=for_s)
    return True


@fault("F46", "the connection is half open", lasts_s=(1.0, 120.0))
def half_open(world: "World", _chance: Random, for_s: float) -> bool:
    return _block(world, for_s, up=True, down=True)


@fault("F47", "the connection is reset", lasts_s=(1.0, 5.0))
def reset(world: "World", chance: Random, for_s: float) -> bool:
    for _ in range(chance.choice((1, 1, 3))):
        world.clock.after(
            chance.uniform(0.0, for_s), lambda: world.broker.reset(world.process.name)
        )
    return True


@fault("F48", "the network is slow", lasts_s=(60.0, 900.0))
def slow(world: "World", chance: Random, for_s: float) -> bool:
    if not world.troubles.take("link"):
        return False
    link = world.process.link
    before = link.latency_s
    link.latency_s = (0.02, chance.choice((0.05, 0.3, 1.0)))
    world.process.heartbeat.look()

    def heal() -> None:
        link.latency_s = before

    world.troubles.on_heal("link", heal, after_s=for_s)
    return True


@fault("F50", "one direction is dead", lasts_s=(1.0, 120.0))
def one_way(world: "World", chance: Random, for_s: float) -> bool:
    up = chance.random() < 0.5
    return _block(world, for_s, up=up, down=not up)


@fault("F51", "another client takes the balancer's id", lasts_s=(5.0, 20.0))
def same_id(world: "World", chance: Random, for_s: float) -> bool:
    if not world.process.running:
        return False
    for _ in range(3):
        world.clock.after(chance.uniform(0.0, for_s), lambda: _impostor(world))
    return True


def _impostor(world: "World") -> None:
    impostor = Impostor(world.process.name, world.clock, world.broker, world.random)

    def connected(session: Session) -> None:
        impostor.session = session
        world.clock.after(0.5, session.close)

    world.broker.connect(impostor, impostor.link, None, connected)


@fault("F53", "a subscription is refused, then the connection is renewed", lasts_s=(20.0, 300.0))
def refused(world: "World", chance: Random, for_s: float) -> bool:
    topics = [
        topic for topic in world.devices.meters if f"meter/{topic}" not in world.troubles.taken
    ]
    if not topics:
        return False
    topic = chance.choice(topics)
    if not world.troubles.take(f"meter/{topic}"):
        return False
    world.broker.refused_topics.add(topic)
    world.broker.reset(world.process.name)

    def heal() -> None:
        world.broker.refused_topics.discard(topic)
        world.broker.reset(world.process.name)

    world.troubles.on_heal(f"meter/{topic}", heal, after_s=for_s)
    return True


@fault("F54", "the broker drops commands without a word", lasts_s=(60.0, 900.0))
def denied(world: "World", chance: Random, for_s: float) -> bool:
    relay = any_relay(world, chance)
    if relay is None or not world.troubles.take(f"relay/{relay.load}"):
        return False
    topic = world.setup.relays[relay.load].switch(on=True).topic
    loads = [
        load for load, codec in world.setup.relays.items() if codec.switch(on=True).topic == topic
    ]
    world.broker.silent_topics.add(topic)
    world.house.unsheddable.update(loads)

    def heal() -> None:
        world.broker.silent_topics.discard(topic)
        world.house.unsheddable.difference_update(loads)

    world.troubles.on_heal(f"relay/{relay.load}", heal, after_s=for_s)
    return True


@fault("F55", "the broker is away when the balancer starts", lasts_s=(10.0, 300.0))
def away_at_start(world: "World", _chance: Random, for_s: float) -> bool:
    if not _down(world, for_s, wipe=False):
        return False
    world.process.kill()
    world.clock.after(1.0, world.process.start)
    return True


@fault("F56", "the broker accepts and closes, again and again", lasts_s=(10.0, 30.0))
def storm(world: "World", _chance: Random, for_s: float) -> bool:
    for number in range(int(for_s)):
        world.clock.after(float(number), lambda: world.broker.reset(world.process.name))
    return True


@fault("F57", "messages come twice and overtake one another", lasts_s=(300.0, 1800.0))
def doubled(world: "World", chance: Random, for_s: float) -> bool:
    relay = any_relay(world, chance)
    if relay is None or not world.troubles.take(f"relay/{relay.load}"):
        return False
    link = relay.device.link
    link.duplicate, link.reorder = 0.3, 0.3

    def heal() -> None:
        link.duplicate = link.reorder = 0.0

    world.troubles.on_heal(f"relay/{relay.load}", heal, after_s=for_s)
    return True


@fault(
    "F58", "the broker freezes, then is killed: nothing old may be sent later", lasts_s=(5.0, 15.0)
)
def freeze_and_kill(world: "World", _chance: Random, for_s: float) -> bool:
    if not world.troubles.take("broker"):
        return False
    world.broker.freeze()
    world.clock.after(0.6 * for_s, lambda: world.broker.kill(wipe=False))
    world.troubles.on_heal("broker", world.broker.restart, after_s=for_s)
    return True


@fault("F59", "the balancer is blocked for three seconds", lasts_s=(3.0, 3.0))
def blocked(world: "World", _chance: Random, for_s: float) -> bool:
    if not world.troubles.take("process"):
        return False
    world.process.pause()
    world.troubles.on_heal("process", world.process.resume, after_s=for_s)
    return True


@fault("F60", "the broker is down for ten minutes", lasts_s=(600.0, 600.0))
def long_down(world: "World", _chance: Random, for_s: float) -> bool:
    return _down(world, for_s, wipe=False)


@fault("F62", "the broker drops readings", lasts_s=(60.0, 600.0))
def dropped(world: "World", chance: Random, for_s: float) -> bool:
    topics = [
        topic for topic in world.devices.meters if f"meter/{topic}" not in world.troubles.taken
    ]
    if not topics:
        return False
    topic = chance.choice(topics)
    if not world.troubles.take(f"meter/{topic}"):
        return False
    link = world.devices.meters[topic].link
    link.drop = chance.choice((0.2, 0.6))

    def heal() -> None:
        link.drop = 0.0

    world.troubles.on_heal(f"meter/{topic}", heal, after_s=for_s)
    return True
