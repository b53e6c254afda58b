"""Which simulated devices a configuration needs: read from its document, not from the codecs.

So a codec that misreads its section meets devices that read it as their makers would.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from balancer.sim.broker import Broker
from balancer.sim.clock import Clock
from balancer.sim.devices.contact import Contact
from balancer.sim.devices.device import Device
from balancer.sim.devices.meters import CADENCES, Meter, Quantity
from balancer.sim.devices.plain import PlainRelay
from balancer.sim.devices.tasmota import TasmotaRelays, full
from balancer.sim.devices.zigbee import ZigbeeBridge, ZigbeeRelay

UNIT_OF_NAME = {
    "Power": "W",
    "ApparentPower": "VA",
    "Current": "A",
    "PAPP": "VA",
    "SINSTS": "VA",
    "IINST": "A",
    "IRMS": "A",
    "power": "W",
    "current": "A",
}


@dataclass(frozen=True, slots=True)
class Relay:
    """One load's relay, whatever its family.

    Attributes:
        device: The client of the broker that it lives in; a bridge for Zigbee.
        zigbee: The device behind the bridge, if it is one.
        channel: Tasmota's channel, or the endpoint behind a bridge.
    """

    load: str
    contact: Contact
    device: Device
    zigbee: ZigbeeRelay | None = None
    channel: int | str | None = None

    def deafen(self, deaf: bool) -> None:
        """Let it ignore commands, or hear them again."""
        if self.zigbee is not None:
            self.zigbee.deaf = deaf
        else:
            assert isinstance(self.device, TasmotaRelays | PlainRelay)
            self.device.deaf = deaf

    def silence(self, mute: bool) -> None:
        """Let it obey without a word, or speak again."""
        if self.zigbee is not None:
            self.zigbee.mute = mute
        else:
            assert isinstance(self.device, TasmotaRelays | PlainRelay)
            self.device.mute = mute

    def power_off(self) -> None:
        """Take the device's power away."""
        if self.zigbee is not None:
            assert isinstance(self.device, ZigbeeBridge)
            self.device.device_off(self.zigbee.name)
        else:
            self.device.power_off()

    def power_on(self) -> None:
        """Give the device power again."""
        if self.zigbee is not None:
            assert isinstance(self.device, ZigbeeBridge)
            self.device.device_on(self.zigbee.name)
        else:
            self.device.power_on()

    def toggle(self) -> None:
        """Press the button on the device."""
        if not self.powered:
            return
        if isinstance(self.device, ZigbeeBridge):
            assert self.zigbee is not None
            endpoint = self.channel if isinstance(self.channel, str) else None
            self.device.toggle(self.zigbee.name, endpoint)
        elif isinstance(self.device, TasmotaRelays):
            assert isinstance(self.channel, int)
            self.device.toggle(self.channel)
        else:
            assert isinstance(self.device, PlainRelay)
            self.device.toggle()

    @property
    def powered(self) -> bool:
        return self.device.powered if self.zigbee is None else self.zigbee.powered


@dataclass(slots=True)
class Devices:
    """Everything on the broker but the balancer and people.

    Attributes:
        relays: By load.
        meters: By topic.
        meter_of: Topic by meter name (key path).
        bridges: By base topic.
    """

    relays: dict[str, Relay] = field(default_factory=dict)
    meters: dict[str, Meter] = field(default_factory=dict)
    meter_of: dict[str, str] = field(default_factory=dict)
    bridges: dict[str, ZigbeeBridge] = field(default_factory=dict)
    others: list[Device] = field(default_factory=list)

    @property
    def all(self) -> list[Device]:
        """Return every client of the broker, each once, in a fixed order."""
        found: dict[int, Device] = {}
        for device in (
            *self.bridges.values(),
            *(relay.device for relay in self.relays.values()),
            *self.meters.values(),
            *self.others,
        ):
            found.setdefault(id(device), device)
        return list(found.values())


def build_devices(
    document: Mapping[str, Any],
    clock: Clock,
    broker: Broker,
    random: Random,
    *,
    switch: Callable[[str, bool], None],
    read_w: Callable[[str], float],
    draw_w: Callable[[str], float],
    cadences: Mapping[str, str],
    power_on: str = "previous",
) -> Devices:
    """Return the devices of a house.

    Args:
        document: config.toml as read.
        clock: Virtual time.
        broker: Where they connect.
        random: Source of their latencies.
        switch: Told when a heater goes on or off.
        read_w: What a meter measures, by its key path, in watts.
        draw_w: What a load takes, in watts.
        cadences: Name of the cadence by key path of the meter; others are P1.
        power_on: State of relays after a blackout: off, on or previous.
    """
    devices = Devices()
    tasmota: dict[tuple[str, str], dict[int, Contact]] = {}
    singles: set[tuple[str, str]] = set()
    zigbee: dict[str, dict[str, dict[str | None, Contact]]] = {}
    places: dict[str, tuple[str, Any]] = {}
    for load, section in document["loads"].items():
        relay = section["relay"]
        contact = Contact(
            load, inverted=relay.get("inverted", False), switch=switch, power_on=power_on
        )
        match relay["type"]:
            case "tasmota":
                key = (relay["device"], relay.get("full_topic", "%prefix%/%topic%/"))
                if "channel" not in relay:
                    singles.add(key)
                channel = relay.get("channel", 1)
                tasmota.setdefault(key, {})[channel] = contact
                places[load] = ("tasmota", (key, channel, contact))
            case "zigbee2mqtt":
                base = relay.get("base_topic", "zigbee2mqtt")
                endpoint = relay.get("channel")
                zigbee.setdefault(base, {}).setdefault(relay["device"], {})[endpoint] = contact
                places[load] = ("zigbee", (base, relay["device"], endpoint, contact))
            case _:
                places[load] = ("plain", (relay, contact))

    boxes = {
        key: TasmotaRelays(
            key[0], contacts, clock, broker, random, single=key in singles, full_topic=key[1]
        )
        for key, contacts in tasmota.items()
    }
    for base, found in zigbee.items():
        relays = {
            name: ZigbeeRelay(name, contacts, power_w=_sum_of(contacts, draw_w))
            for name, contacts in found.items()
        }
        devices.bridges[base] = ZigbeeBridge(relays, clock, broker, random, base=base)
    for load, (family, where) in places.items():
        if family == "tasmota":
            key, channel, contact = where
            devices.relays[load] = Relay(load, contact, boxes[key], None, channel)
        elif family == "zigbee":
            base, name, endpoint, contact = where
            bridge = devices.bridges[base]
            devices.relays[load] = Relay(load, contact, bridge, bridge.relays[name], endpoint)
        else:
            section, contact = where
            device = PlainRelay(
                contact,
                clock,
                broker,
                random,
                command_topic=section["command_topic"],
                on=str(section.get("on", "ON")),
                off=str(section.get("off", "OFF")),
                state_topic=section.get("state_topic"),
                state_path=section.get("state_path"),
                state_on=section.get("state_on"),
                state_off=section.get("state_off"),
            )
            devices.relays[load] = Relay(load, contact, device)
    _build_meters(document, devices, clock, broker, random, read_w, cadences)
    return devices


def _sum_of(
    contacts: Mapping[str | None, Contact], draw_w: Callable[[str], float]
) -> Callable[[], float]:
    return lambda: sum(draw_w(contact.load) for contact in contacts.values())


def meter_sections(document: Mapping[str, Any]) -> dict[str, tuple[Mapping[str, Any], float, str]]:
    """Return every meter of a document: section, voltage and unit of its circuit, by key path."""
    found: dict[str, tuple[Mapping[str, Any], float, str]] = {}
    first = next(iter(document["circuits"].values()))
    for name, circuit in document["circuits"].items():
        voltage, unit = float(circuit.get("voltage", 230)), circuit.get("unit", "W")
        for key in ("meter", "available"):
            if key in circuit:
                found[f"circuits.{name}.{key}"] = (circuit[key], voltage, unit)
        for number, section in enumerate(circuit.get("non_heating_meters", ())):
            found[f"circuits.{name}.non_heating_meters[{number}]"] = (section, voltage, unit)
    for name, load in document["loads"].items():
        if "meter" in load:
            nearest = load.get("circuit") or load["circuits"][0]
            circuit = document["circuits"].get(nearest, first)
            found[f"loads.{name}.meter"] = (
                load["meter"],
                float(circuit.get("voltage", 230)),
                circuit.get("unit", "W"),
            )
    return found


def _build_meters(
    document: Mapping[str, Any],
    devices: Devices,
    clock: Clock,
    broker: Broker,
    random: Random,
    read_w: Callable[[str], float],
    cadences: Mapping[str, str],
) -> None:
    by_topic: dict[str, tuple[list[Quantity], str, dict[str, Any]]] = {}
    for name, (section, voltage, circuit_unit) in meter_sections(document).items():
        background: dict[str, Any] = {}
        path: str | None
        match section["type"]:
            case "tasmota":
                pattern = section.get("full_topic", "%prefix%/%topic%/")
                topic = full(pattern, "tele", section["device"]) + "SENSOR"
                path = section.get("path", "ENERGY.Power")
                background = {"Time": "2026-01-05T18:22:01"}
                if path.startswith("ENERGY."):
                    background["ENERGY"] = {"Total": 120.4, "Voltage": 233}
            case "zigbee2mqtt":
                base = section.get("base_topic", "zigbee2mqtt")
                topic = f"{base}/{section['device']}"
                path = section.get("path", "power")
                background = {"linkquality": 131}
            case _:
                topic, path = section["topic"], section.get("path")
        last = (path or "").split(".")[-1].split("[")[0]
        unit = section.get("unit", UNIT_OF_NAME.get(last, circuit_unit))
        if topic in {f"{base}/{each}" for base, b in devices.bridges.items() for each in b.relays}:
            continue  # the relay's own merged state carries it
        quantity = Quantity(name, path, unit, voltage, partial(read_w, name))
        quantities, _, merged = by_topic.setdefault(topic, ([], cadences.get(name, "p1"), {}))
        quantities.append(quantity)
        merged.update(background)
        devices.meter_of[name] = topic
    for topic, (quantities, cadence, background) in by_topic.items():
        devices.meters[topic] = Meter(
            topic,
            quantities,
            clock,
            broker,
            random,
            cadence=CADENCES[cadence],
            background=background,
        )
