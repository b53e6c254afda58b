"""Faults of meters: F01 to F18 of the catalogue."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from balancer.sim.devices.meters import Meter
from balancer.sim.faults.base import any_meter, circuit_meter, fault
from balancer.wire import Message

if TYPE_CHECKING:
    from balancer.sim.world import World

GARBAGE = (
    b"",
    b"unavailable",
    b"{",
    b'{"x":',
    b"[]",
    b"null",
    b"true",
    b'"1,234"',
    b'{"power":{"power":1}}',
    b'{"ENERGY":{"Power":null}}',
    b"1_000",
    b"0x10",
    b"1,5",
)


def _distort(
    world: "World", for_s: float, meter: Meter, change: Callable[[str, float], float]
) -> bool:
    key = f"meter/{meter.topic}"
    if not world.troubles.take(key):
        return False
    meter.distort = change

    def heal() -> None:
        meter.distort = None

    world.troubles.on_heal(key, heal, after_s=for_s)
    return True


def _raw(
    world: "World", for_s: float, meter: Meter | None, make: Callable[[Meter], bytes], share: float
) -> bool:
    """Replace a share of a meter's payloads."""
    if meter is None or not world.troubles.take(f"meter/{meter.topic}"):
        return False
    victim = meter
    victim.raw = lambda: make(victim) if world.random.random() < share else None

    def heal() -> None:
        victim.raw = None

    world.troubles.on_heal(f"meter/{victim.topic}", heal, after_s=for_s)
    return True


@fault("F01", "meter goes silent", lasts_s=(10.0, 900.0))
def silent(world: "World", chance: Random, for_s: float) -> bool:
    found = circuit_meter(world, chance)
    if found is None or not world.troubles.take(f"meter/{found[1].topic}"):
        return False
    meter = found[1]
    meter.silent = True

    def heal() -> None:
        meter.silent = False

    world.troubles.on_heal(f"meter/{meter.topic}", heal, after_s=for_s)
    return True


@fault("F02", "meter's period degrades to 10 to 40 s", lasts_s=(300.0, 1800.0))
def slow(world: "World", chance: Random, for_s: float) -> bool:
    found = circuit_meter(world, chance)
    if found is None or not world.troubles.take(f"meter/{found[1].topic}"):
        return False
    meter = found[1]
    before = meter.cadence
    meter.cadence = replace(before, period_s=(10.0, chance.uniform(12.0, 40.0)), step_w=0.0)

    def heal() -> None:
        meter.cadence = before

    world.troubles.on_heal(f"meter/{meter.topic}", heal, after_s=for_s)
    return True


@fault("F03", "meter repeats its last value", lasts_s=(60.0, 1200.0))
def frozen(world: "World", chance: Random, for_s: float) -> bool:
    found = circuit_meter(world, chance)
    if found is None or not world.troubles.take(f"meter/{found[1].topic}"):
        return False
    meter = found[1]
    meter.held_w = {}

    def heal() -> None:
        meter.held_w = None

    world.troubles.on_heal(f"meter/{meter.topic}", heal, after_s=for_s)
    return True


@fault("F04", "meter reads zero now and then", lasts_s=(300.0, 1800.0))
def false_zero(world: "World", chance: Random, for_s: float) -> bool:
    found = circuit_meter(world, chance)
    if found is None:
        return False
    zeros: dict[str, bool] = {"last": False}

    def dip(_name: str, watts: float) -> float:
        zeros["last"] = not zeros["last"] and world.random.random() < 1.0 / 60.0
        return 0.0 if zeros["last"] else watts

    return _distort(world, for_s, found[1], dip)


@fault("F05", "meter reads absurd values", lasts_s=(30.0, 600.0))
def absurd(world: "World", chance: Random, for_s: float) -> bool:
    meter = any_meter(world, chance)
    if meter is None:
        return False
    values = (1e6, -8_388_608.0, 4_294_967.0)
    share = chance.choice((0.1, 0.5, 1.0))
    return _distort(
        world,
        for_s,
        meter,
        lambda _name, watts: (
            world.random.choice(values) if world.random.random() < share else watts
        ),
    )


@fault("F06", "meter's values are no numbers", lasts_s=(30.0, 600.0))
def not_finite(world: "World", chance: Random, for_s: float) -> bool:
    tokens = ("NaN", "Infinity", "-Infinity", "1e999", '"NaN"', "nan", "inf")
    return _raw(
        world,
        for_s,
        any_meter(world, chance),
        lambda meter: meter.token(world.random.choice(tokens)),
        chance.choice((0.1, 0.5, 1.0)),
    )


@fault("F07", "the sun shines: power is exported", lasts_s=(300.0, 3600.0))
def export(world: "World", chance: Random, for_s: float) -> bool:
    circuit = chance.choice(list(world.setup.house.circuits))
    watts = chance.uniform(1000.0, 8000.0)
    if not world.troubles.take(f"sun/{circuit}"):
        return False
    world.plug(circuit, -watts)
    world.troubles.on_heal(f"sun/{circuit}", lambda: world.plug(circuit, watts), after_s=for_s)
    return True


@fault("F08", "meter's unit is wrong by a thousand", lasts_s=(60.0, 900.0))
def wrong_unit(world: "World", chance: Random, for_s: float) -> bool:
    found = circuit_meter(world, chance)
    if found is None:
        return False
    factor = chance.choice((0.001, 1000.0))
    return _distort(world, for_s, found[1], lambda _name, watts: watts * factor)


@fault("F09", "meter's payload is not what it was", lasts_s=(30.0, 600.0))
def garbage(world: "World", chance: Random, for_s: float) -> bool:
    return _raw(
        world,
        for_s,
        any_meter(world, chance),
        lambda _meter: world.random.choice(GARBAGE),
        chance.choice((0.1, 0.5, 1.0)),
    )


@fault("F10", "meter's topic is cleared", lasts_s=(10.0, 60.0))
def empty(world: "World", chance: Random, for_s: float) -> bool:
    return _raw(world, for_s, any_meter(world, chance), lambda _meter: b"", 0.3)


@fault("F11", "meter's payload is no text", lasts_s=(10.0, 300.0))
def no_text(world: "World", chance: Random, for_s: float) -> bool:
    return _raw(
        world,
        for_s,
        any_meter(world, chance),
        lambda _meter: world.random.choice((b"\xff\xfe1\x002\x00", b"\xef\xbb\xbf12", b"1\x002")),
        0.5,
    )


@fault("F12", "meter's payload is enormous", lasts_s=(5.0, 30.0))
def oversize(world: "World", chance: Random, for_s: float) -> bool:
    enormous = b"[" + b"1," * 50_000 + b"1]"
    return _raw(world, for_s, any_meter(world, chance), lambda _meter: enormous, 0.3)


@fault("F13", "meter floods its topic", lasts_s=(1.0, 2.0))
def flood(world: "World", chance: Random, for_s: float) -> bool:
    meter = any_meter(world, chance)
    if meter is None or not world.troubles.take(f"meter/{meter.topic}"):
        return False
    for number in range(300):
        world.clock.after(number * for_s / 300.0, meter.sample_now)
    world.troubles.on_heal(f"meter/{meter.topic}", lambda: None, after_s=for_s)
    return True


@fault(
    "F14", "an old reading is kept by the broker, and readings come twice", lasts_s=(60.0, 600.0)
)
def retained(world: "World", chance: Random, for_s: float) -> bool:
    meter = any_meter(world, chance)
    if meter is None or not world.troubles.take(f"meter/{meter.topic}"):
        return False
    old = meter.payload({quantity.name: 50.0 for quantity in meter.quantities})
    world.broker.retained[meter.topic] = Message(meter.topic, old, 0, retain=True)
    meter.link.duplicate = 0.3
    world.broker.reset(world.process.name)

    def heal() -> None:
        meter.link.duplicate = 0.0
        world.broker.retained.pop(meter.topic, None)

    world.troubles.on_heal(f"meter/{meter.topic}", heal, after_s=for_s)
    return True


@fault("F15", "meter is off by a few per cent and some watts", lasts_s=(600.0, 3600.0))
def gain(world: "World", chance: Random, for_s: float) -> bool:
    found = circuit_meter(world, chance)
    if found is None:
        return False
    circuit, meter = found
    factor, offset_w = chance.uniform(0.9, 1.1), chance.uniform(-200.0, 200.0)
    if not _distort(world, for_s, meter, lambda _name, watts: watts * factor + offset_w):
        return False
    world.troubles.gains[circuit.name] = factor

    def heal() -> None:
        world.troubles.gains.pop(circuit.name, None)

    world.troubles.on_heal(None, heal, after_s=for_s)
    return True


@fault("F16", "two phases are swapped", lasts_s=(300.0, 1200.0))
def swapped(world: "World", chance: Random, for_s: float) -> bool:
    several = [meter for meter in world.devices.meters.values() if len(meter.quantities) > 1]
    if not several:
        return False
    meter = chance.choice(several)
    if not world.troubles.take(f"meter/{meter.topic}"):
        return False
    one, other = chance.sample(meter.quantities, 2)
    one.read_w, other.read_w = other.read_w, one.read_w

    def heal() -> None:
        one.read_w, other.read_w = other.read_w, one.read_w

    world.troubles.on_heal(f"meter/{meter.topic}", heal, after_s=for_s)
    return True


@fault("F18", "an appliance's or a load's meter is missing", lasts_s=(120.0, 1800.0))
def appliance_silent(world: "World", chance: Random, for_s: float) -> bool:
    names = [
        meter.name
        for circuit in world.setup.house.circuits.values()
        for meter in circuit.non_heating_meters
    ]
    found = [
        world.devices.meters[topic]
        for name in names
        if (topic := world.devices.meter_of.get(name)) is not None
    ]
    if not found:
        return False
    meter = chance.choice(found)
    if not world.troubles.take(f"meter/{meter.topic}"):
        return False
    meter.silent = True

    def heal() -> None:
        meter.silent = False

    world.troubles.on_heal(f"meter/{meter.topic}", heal, after_s=for_s)
    return True
