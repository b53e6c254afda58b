"""Faults of relays, radio and devices: F27 to F42 of the catalogue."""

import functools
import json
from random import Random
from typing import TYPE_CHECKING

from balancer.sim.devices.contact import Copper
from balancer.sim.devices.tasmota import TasmotaRelays
from balancer.sim.devices.wiring import Relay
from balancer.sim.devices.zigbee import ZigbeeBridge, ZigbeeRelay
from balancer.sim.faults.base import any_relay, fault
from balancer.wire import Message

if TYPE_CHECKING:
    from balancer.sim.world import World


def _spoil(world: "World", relay: Relay | None, copper: Copper, for_s: float) -> bool:
    """Break a contact; its heater obeys nobody until then."""
    if relay is None or not world.troubles.take(f"relay/{relay.load}"):
        return False
    relay.contact.spoil(copper)
    world.house.unsheddable.add(relay.load)

    def heal() -> None:
        world.house.unsheddable.discard(relay.load)
        relay.contact.spoil(Copper.SOUND)

    world.troubles.on_heal(f"relay/{relay.load}", heal, after_s=for_s)
    return True


def _bridge(world: "World", chance: Random) -> ZigbeeBridge | None:
    found = [
        bridge
        for base, bridge in world.devices.bridges.items()
        if f"bridge/{base}" not in world.troubles.taken and bridge.powered
    ]
    return chance.choice(found) if found else None


@fault("F27", "commands and reports are lost", lasts_s=(60.0, 900.0))
def lost(world: "World", chance: Random, for_s: float) -> bool:
    relay = any_relay(world, chance)
    if relay is None or not world.troubles.take(f"relay/{relay.load}"):
        return False
    share = chance.choice((0.1, 0.3, 0.5))
    target: ZigbeeRelay | None = relay.zigbee
    if target is not None:
        target.loss = share
    else:
        relay.device.link.drop = share
    world.house.unsheddable.add(relay.load)

    def heal() -> None:
        world.house.unsheddable.discard(relay.load)
        if target is not None:
            target.loss = 0.0
        else:
            relay.device.link.drop = 0.0

    world.troubles.on_heal(f"relay/{relay.load}", heal, after_s=for_s)
    return True


@fault("F28", "a relay acknowledges and does not switch", lasts_s=(60.0, 1800.0))
def lying(world: "World", chance: Random, for_s: float) -> bool:
    return _spoil(world, any_relay(world, chance), Copper.STUCK, for_s)


@fault("F29", "a contact is welded", lasts_s=(300.0, 3600.0))
def welded(world: "World", chance: Random, for_s: float) -> bool:
    return _spoil(world, any_relay(world, chance), Copper.WELDED, for_s)


@fault("F30", "a relay never switches on", lasts_s=(300.0, 3600.0))
def dead(world: "World", chance: Random, for_s: float) -> bool:
    sound = any_relay(world, chance, lambda relay: not relay.contact.inverted)
    return _spoil(world, sound, Copper.DEAD, for_s)


@fault("F31", "somebody presses the button on a relay", lasts_s=(1.0, 1.0))
def by_hand(world: "World", chance: Random, for_s: float) -> bool:
    relay = any_relay(world, chance)
    if relay is None or not world.troubles.take(f"relay/{relay.load}"):
        return False
    presses = chance.choice((1, 1, 1, 2, 6))
    for number in range(presses):
        world.clock.after(20.0 * number, relay.toggle)
    world.troubles.on_heal(f"relay/{relay.load}", lambda: None, after_s=20.0 * presses + for_s)
    return True


@fault("F32", "a device starts anew with its relay on", lasts_s=(5.0, 120.0))
def rejoin_on(world: "World", chance: Random, for_s: float) -> bool:
    relay = any_relay(world, chance)
    if relay is None or not world.troubles.take(f"relay/{relay.load}"):
        return False
    before, relay.contact.power_on = relay.contact.power_on, "on"
    relay.power_off()

    def heal() -> None:
        relay.power_on()
        relay.contact.power_on = before

    world.troubles.on_heal(f"relay/{relay.load}", heal, after_s=for_s)
    return True


@fault("F33", "a device comes and goes", lasts_s=(60.0, 300.0))
def flapping(world: "World", chance: Random, for_s: float) -> bool:
    relay = any_relay(world, chance)
    if relay is None or not world.troubles.take(f"relay/{relay.load}"):
        return False
    for number in range(int(for_s // 15.0)):
        world.clock.after(15.0 * number, lambda: world.broker.reset(relay.device.name))
    world.troubles.on_heal(f"relay/{relay.load}", lambda: None, after_s=for_s)
    return True


@fault("F34", "a device is online and dead", lasts_s=(60.0, 1800.0))
def zombie(world: "World", chance: Random, for_s: float) -> bool:
    relay = any_relay(world, chance)
    if relay is None or not world.troubles.take(f"relay/{relay.load}"):
        return False
    relay.deafen(True)
    relay.silence(True)
    world.house.unsheddable.add(relay.load)

    def heal() -> None:
        world.house.unsheddable.discard(relay.load)
        relay.deafen(False)
        relay.silence(False)

    world.troubles.on_heal(f"relay/{relay.load}", heal, after_s=for_s)
    return True


@fault("F35", "the radio loses bursts", lasts_s=(600.0, 3600.0))
def burst(world: "World", chance: Random, for_s: float) -> bool:
    bridge = _bridge(world, chance)
    if bridge is None or not world.troubles.take(f"bridge/{bridge.base}"):
        return False
    bridge.burst_loss = 0.5

    def heal() -> None:
        bridge.burst_loss = 0.0

    world.troubles.on_heal(f"bridge/{bridge.base}", heal, after_s=for_s)
    return True


@fault("F36", "a dead device takes a place on the radio for ten seconds", lasts_s=(300.0, 1200.0))
def blocking(world: "World", chance: Random, for_s: float) -> bool:
    relay = any_relay(world, chance, lambda each: each.zigbee is not None)
    if relay is None or not world.troubles.take(f"relay/{relay.load}"):
        return False
    bridge = relay.device
    assert isinstance(bridge, ZigbeeBridge)
    bridge.places = 5
    relay.deafen(True)
    world.house.unsheddable.add(relay.load)

    def heal() -> None:
        world.house.unsheddable.discard(relay.load)
        bridge.places = 16
        relay.deafen(False)

    world.troubles.on_heal(f"relay/{relay.load}", heal, after_s=for_s)
    return True


@fault("F37", "the radio bridge is down", lasts_s=(10.0, 900.0))
def bridge_down(world: "World", chance: Random, for_s: float) -> bool:
    bridge = _bridge(world, chance)
    if bridge is None or not world.troubles.take(f"bridge/{bridge.base}"):
        return False
    loads = [relay.load for relay in world.devices.relays.values() if relay.device is bridge]
    bridge.bridge_off()
    world.house.unsheddable.update(loads)

    def heal() -> None:
        world.house.unsheddable.difference_update(loads)
        bridge.bridge_on()

    world.troubles.on_heal(f"bridge/{bridge.base}", heal, after_s=for_s)
    return True


@fault("F38", "the broker keeps a command for a relay", lasts_s=(60.0, 600.0))
def ghost(world: "World", chance: Random, for_s: float) -> bool:
    relay = any_relay(world, chance, lambda each: each.zigbee is None)
    if relay is None or not world.troubles.take(f"relay/{relay.load}"):
        return False
    codec = world.setup.relays[relay.load]
    topic = codec.switch(on=True).topic
    payload = codec.switch(on=True).payload
    world.broker.retained[topic] = Message(topic, payload, 1, retain=True)
    world.broker.reset(relay.device.name)

    def heal() -> None:
        world.broker.retained.pop(topic, None)

    world.troubles.on_heal(f"relay/{relay.load}", heal, after_s=for_s)
    return True


@fault("F39", "the coil of a pilot-wire relay is dead: comfort", lasts_s=(300.0, 3600.0))
def comfort(world: "World", chance: Random, for_s: float) -> bool:
    relay = any_relay(world, chance, lambda each: each.contact.inverted)
    return _spoil(world, relay, Copper.DEAD, for_s)


@fault("F40", "firmware takes a timed ON its own way", lasts_s=(1800.0, 7200.0))
def odd_timer(world: "World", chance: Random, for_s: float) -> bool:
    relay = any_relay(
        world,
        chance,
        lambda each: (
            each.zigbee is not None
            and world.setup.house.loads[each.load].relay.dead_man_s is not None
        ),
    )
    if relay is None or relay.zigbee is None or not world.troubles.take(f"relay/{relay.load}"):
        return False
    device = relay.zigbee
    device.on_time = chance.choice(("ignore", "refuse"))

    def heal() -> None:
        device.on_time = "lease"

    world.troubles.on_heal(f"relay/{relay.load}", heal, after_s=for_s)
    return True


@fault("F41", "renewals of a lease do not arrive", lasts_s=(30.0, 2400.0))
def lease_lost(world: "World", chance: Random, for_s: float) -> bool:
    relay = any_relay(
        world, chance, lambda each: world.setup.house.loads[each.load].relay.dead_man_s is not None
    )
    if relay is None or not world.troubles.take(f"relay/{relay.load}"):
        return False
    relay.deafen(True)
    world.house.unsheddable.add(relay.load)

    def heal() -> None:
        world.house.unsheddable.discard(relay.load)
        relay.deafen(False)

    world.troubles.on_heal(f"relay/{relay.load}", heal, after_s=for_s)
    return True


@fault("F42", "a device answers with a part of its state", lasts_s=(1.0, 2.0))
def partial(world: "World", chance: Random, for_s: float) -> bool:
    relay = any_relay(world, chance)
    if relay is None:
        return False
    device = relay.device
    if isinstance(device, ZigbeeBridge):
        assert relay.zigbee is not None
        topic = f"{device.base}/{relay.zigbee.name}"
        for key in ("linkquality", relay.zigbee.key(_endpoint(relay))):
            part = json.dumps({key: relay.zigbee.cached[key]})
            world.clock.after(
                chance.uniform(0.0, for_s),
                functools.partial(device.publish, topic, part),
            )
        return True
    if isinstance(device, TasmotaRelays):
        world.clock.after(for_s, device.tell_part)
        return True
    return False


def _endpoint(relay: Relay) -> str | None:
    return relay.channel if isinstance(relay.channel, str) else None
