"""Zigbee2MQTT relays and energy meters.

Sources: Zigbee2MQTT documentation, MQTT topics and messages; behind it publish.ts,
availability.ts, controller.ts and, for on_time, zigbee-herdsman-converters' toZigbee.ts.
"""

import json
import re
from collections.abc import Mapping
from functools import partial

from balancer.core.model import RelayTraits
from balancer.devices.base import Family, MeterCodec, RelayCodec
from balancer.devices.payload import (
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


def relay(
    device: str,
    *,
    channel: str | None = None,
    base_topic: str = BASE_TOPIC,
    inverted: bool = False,
    dead_man_s: float | None = None,
    retries: int = 3,
    confirm_within_s: float | None = None,
    qos: int = 0,
) -> RelayCodec:
    """Return one relay of a Zigbee device.

    A state after a command means that the device acknowledged it; but states are merged,
    so a metering report in between repeats the old one. The dead-man is ``on_time``, part of
    each ON.

    Args:
        device: Its friendly name; may have slashes.
        channel: Endpoint (``l1``, ``left``, …); None: it has one relay only.
        base_topic: Of Zigbee2MQTT; also names the bridge.
        inverted: The heater is on while the relay is off.
        dead_man_s: See ``RelayTraits``.
        retries: See ``RelayTraits``.
        confirm_within_s: See ``RelayTraits``.
        qos: Of the commands.

    Raises:
        ValueError: There is no such topic, endpoint or on_time.
    """
    if channel is not None and (not channel or "/" in channel):
        raise ValueError(f"channel {channel!r} is no endpoint such as l1 or left")
    topic = exact(f"{base_topic}/{named(device)}")
    key = "state" if channel is None else f"state_{channel}"
    commands = {
        on: Message(f"{topic}/set", _compact({key: "ON" if on is not inverted else "OFF"}), qos=qos)
        for on in (False, True)
    }
    if dead_man_s is not None:
        if inverted:
            raise ValueError("dead_man with inverted would turn the heater on")
        leased = f"{topic}/set" if channel is None else f"{topic}/{channel}/set"
        commands[True] = Message(leased, _lease(dead_man_s), qos=qos)
    return RelayCodec(
        traits=RelayTraits(
            confirms=True,
            merged=True,
            bridge=base_topic,
            dead_man_s=dead_man_s,
            retries=retries,
            confirm_within_s=confirm_within_s,
        ),
        inverted=inverted,
        commands=commands,
        query=(Message(f"{topic}/get", _compact({key: ""}), qos=qos),),
        states={
            topic: partial(_decode_state, key=key, inverted=inverted),
            # advanced.output = attribute: one topic per property
            f"{topic}/{key}": partial(_decode_attribute, inverted=inverted),
        },
        online={
            f"{base_topic}/bridge/state": _decode_online,
            f"{topic}/availability": _decode_online,
        },
    )


def meter(
    device: str,
    *,
    path: str | None = None,
    watts_per_unit: float = 1.0,
    scale: float = 1.0,
    qos: int = 0,
    base_topic: str = BASE_TOPIC,
) -> MeterCodec:
    """Return a number in the state of a Zigbee device.

    Args:
        device: Its friendly name; may have slashes.
        path: Where the number is; None: ``power``.
        watts_per_unit: Watts that one unit of the number stands for.
        scale: Factor before that.
        qos: Of the subscription.
        base_topic: Of Zigbee2MQTT.

    Raises:
        ValueError: It is no topic or no path.
    """
    where = parse_path(POWER_PATH if path is None else path)
    return MeterCodec(
        topic=exact(f"{base_topic}/{named(device)}"),
        qos=qos,
        decode=partial(read_watts, path=where, factor=scale * watts_per_unit),
    )


FAMILY = Family(relay=relay, meter=meter, unit_of=unit_of, least_period_s=LEAST_PERIOD_S)


def _lease(dead_man_s: float) -> bytes:
    """Return an ON that ends by itself; always state and timer in one message."""
    if not 0.1 <= dead_man_s <= _LONGEST_ON_TIME_S:
        raise ValueError(f"{dead_man_s:g} s is beyond an on_time of 0.1 s … 6553 s")
    tenths = round(dead_man_s * 10.0)
    on_time = tenths // 10 if tenths % 10 == 0 else tenths / 10
    return _compact({"state": "ON", "on_time": on_time})


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
