"""Zigbee2MQTT relays and energy meters.

Sources: Zigbee2MQTT documentation, MQTT topics and messages; behind it publish.ts,
availability.ts, controller.ts and, for on_time, zigbee-herdsman-converters' toZigbee.ts.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from balancer.core.model import RelayTraits
from balancer.devices.base import Family, OnlineDecoder, SetupDecoder, StateDecoder
from balancer.devices.payload import (
    Path,
    parse_path,
    read_object,
    read_switch,
    read_watts,
    to_switch,
    vocabulary,
)
from balancer.devices.topic import exact, named
from balancer.wire import Message

BASE_TOPIC = "zigbee2mqtt"
POWER_PATH = "power"
LEAST_PERIOD_S = 10.0  # metering is reported at most so often by default; some plugs every 60 s

_STATES = vocabulary("ON", "OFF")
_ONLINE = vocabulary("online", "offline")
_LONGEST_ON_TIME_S = 6553.0  # sent over the air as tenths of a second in 16 bits

_PHASE = r"(?:_(?:ph(?:ase)?_)?(?:[a-c]|ab|l[1-8]|[1-8]|left|center|right|top|bottom|neutral))?"
_UNITS = (
    (re.compile(rf"(?:active_)?power{_PHASE}"), "W"),
    (re.compile(rf"(?:apparent_power|power_apparent){_PHASE}"), "VA"),
    (re.compile(rf"(?:rms_)?current{_PHASE}"), "A"),
)


def unit_of(path: str | None) -> str | None:
    """Return the unit of the number at a path of a device's state, or None."""
    name = POWER_PATH if path is None else path
    return next((unit for known, unit in _UNITS if known.fullmatch(name)), None)


@dataclass(frozen=True, slots=True)
class Zigbee2MqttRelay:
    """One relay of a Zigbee device.

    A state after a command means that the device acknowledged it; but states are merged,
    so a metering report in between repeats the old one. The dead-man is ``on_time``.

    Attributes:
        device: Its friendly name; may have slashes.
        channel: Endpoint (``l1``, ``left``, …); None: it has one relay only.
        base_topic: Of Zigbee2MQTT; also names the bridge.
        inverted: The heater is on while the relay is off.
        dead_man_s: See ``RelayTraits``, as are retries and confirm_within_s.
        qos: Of the commands.
    """

    device: str
    channel: str | None = None
    base_topic: str = BASE_TOPIC
    inverted: bool = False
    dead_man_s: float | None = None
    retries: int = 3
    confirm_within_s: float | None = None
    qos: int = 0
    traits: RelayTraits = field(init=False, repr=False, compare=False)
    states: Mapping[str, StateDecoder] = field(init=False, repr=False, compare=False)
    online: Mapping[str, OnlineDecoder] = field(init=False, repr=False, compare=False)
    setup_replies: Mapping[str, SetupDecoder] = field(init=False, repr=False, compare=False)
    command_topics: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _commands: Mapping[bool, Message] = field(init=False, repr=False, compare=False)
    _query: tuple[Message, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.channel is not None and (not self.channel or "/" in self.channel):
            raise ValueError(f"channel {self.channel!r} is no endpoint such as l1 or left")
        device = exact(f"{self.base_topic}/{named(self.device)}")
        key = "state" if self.channel is None else f"state_{self.channel}"
        commands = {
            on: Message(
                f"{device}/set",
                _compact({key: "ON" if on is not self.inverted else "OFF"}),
                qos=self.qos,
            )
            for on in (False, True)
        }
        if self.dead_man_s is not None:
            commands[True] = self._lease(device, self.dead_man_s)
        query = Message(f"{device}/get", _compact({key: ""}), qos=self.qos)
        derived = {
            "traits": RelayTraits(
                confirms=True,
                merged=True,
                bridge=self.base_topic,
                dead_man_s=self.dead_man_s,
                retries=self.retries,
                confirm_within_s=self.confirm_within_s,
            ),
            "states": {
                device: partial(_decode_state, key=key, inverted=self.inverted),
                # advanced.output = attribute: one topic per property
                f"{device}/{key}": partial(_decode_attribute, inverted=self.inverted),
            },
            "online": {
                f"{self.base_topic}/bridge/state": _decode_online,
                f"{device}/availability": _decode_online,
            },
            "setup_replies": {},
            "command_topics": tuple(
                dict.fromkeys((commands[False].topic, commands[True].topic, query.topic))
            ),
            "_commands": commands,
            "_query": (query,),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def _lease(self, device: str, dead_man_s: float) -> Message:
        """Return an ON that ends by itself; always state and timer in one message."""
        if self.inverted:
            raise ValueError("dead_man with inverted would turn the heater on")
        if not 0.1 <= dead_man_s <= _LONGEST_ON_TIME_S:
            raise ValueError(f"{dead_man_s:g} s is beyond an on_time of 0.1 s … 6553 s")
        tenths = round(dead_man_s * 10.0)
        on_time = tenths // 10 if tenths % 10 == 0 else tenths / 10
        topic = f"{device}/set" if self.channel is None else f"{device}/{self.channel}/set"
        return Message(topic, _compact({"state": "ON", "on_time": on_time}), qos=self.qos)

    def switch(self, *, on: bool) -> Message:
        """Return the command; never retained. With ``dead_man`` an ON is a lease."""
        return self._commands[on]

    def query(self) -> tuple[Message, ...]:
        """Return what makes the bridge read the state from the device."""
        return self._query

    def setup(self) -> tuple[Message, ...]:
        """Return nothing: a lease is part of each ON."""
        return ()


@dataclass(frozen=True, slots=True)
class Zigbee2MqttMeter:
    """A number in the state of a Zigbee device.

    Attributes:
        device: Its friendly name; may have slashes.
        path: Where the number is; None: ``power``.
        watts_per_unit: Watts that one unit of the number stands for.
        scale: Factor before that.
        qos: Of the subscription.
        base_topic: Of Zigbee2MQTT.
    """

    device: str
    path: str | None = POWER_PATH
    watts_per_unit: float = 1.0
    scale: float = 1.0
    qos: int = 0
    base_topic: str = BASE_TOPIC
    topic: str = field(init=False, repr=False, compare=False)
    _path: Path = field(init=False, repr=False, compare=False)
    _factor: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        path = self.path if self.path is not None else POWER_PATH
        object.__setattr__(self, "topic", exact(f"{self.base_topic}/{named(self.device)}"))
        object.__setattr__(self, "_path", parse_path(path))
        object.__setattr__(self, "_factor", self.scale * self.watts_per_unit)

    def decode(self, payload: bytes) -> float:
        """Return finite watts, negative while exporting. Raises DecodeError."""
        return read_watts(payload, self._path, self._factor)


FAMILY = Family(
    relay=Zigbee2MqttRelay, meter=Zigbee2MqttMeter, unit_of=unit_of, least_period_s=LEAST_PERIOD_S
)


def _compact(document: Mapping[str, str | float]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _decode_state(payload: bytes, *, key: str, inverted: bool) -> bool | None:
    document = read_object(payload)
    if key not in document:
        return None
    return to_switch(document[key], _STATES) is not inverted


def _decode_attribute(payload: bytes, *, inverted: bool) -> bool:
    return read_switch(payload, _STATES) is not inverted


def _decode_online(payload: bytes) -> bool | None:
    """Return whether a bridge or device is online; plain text came from versions 1.x."""
    if not payload.lstrip().startswith(b"{"):
        return read_switch(payload, _ONLINE)
    document = read_object(payload)
    return to_switch(document["state"], _ONLINE) if "state" in document else None
