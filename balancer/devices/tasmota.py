"""Tasmota relays and energy meters.

Sources: Tasmota documentation, pages MQTT, Commands (Power, PulseTime, TelePeriod, SetOption4,
SetOption26), JSON Status Responses and Teleinfo; firmware behind them: support_command.ino,
support_tasmota.ino, xdrv_03_energy.ino.
"""

import re
from functools import partial
from typing import Any

from balancer.core.model import RelayTraits
from balancer.devices.base import Family, MeterCodec, RelayCodec, SetupDecoder, StateDecoder
from balancer.devices.payload import (
    ABSENT,
    find,
    parse_path,
    read_object,
    read_switch,
    read_watts,
    to_number,
    to_switch,
    vocabulary,
)
from balancer.devices.topic import exact, named
from balancer.wire import Message

FULL_TOPIC = "%prefix%/%topic%/"
POWER_PATH = "ENERGY.Power"
USUAL_PERIOD_S = 300.0  # TelePeriod as delivered
LEAST_PERIOD_S = 10.0  # TelePeriod; PowerDelta is faster but silent while nothing changes
MOST_CHANNELS = 32

_STATES = vocabulary("ON", "OFF")
_ONLINE = vocabulary("Online", "Offline")
_FINE_PULSE_S = 11.1  # up to here PulseTime counts tenths, above it seconds + 100
_LONGEST_PULSE_S = 64_800.0

_UNITS = (
    (re.compile(r"ENERGY\.Power"), "W"),
    (re.compile(r"ENERGY\.ApparentPower"), "VA"),
    (re.compile(r"ENERGY\.Current"), "A"),
    (re.compile(r"ANALOG\.CTEnergy[0-9]+\.Power"), "W"),
    (re.compile(r"ANALOG\.CTEnergy[0-9]+\.Current"), "A"),
    (re.compile(r"TIC\.(?:PAPP|SINSTS[1-3]?)"), "VA"),
    (re.compile(r"TIC\.(?:IINST|IRMS)[1-3]?"), "A"),
    (re.compile(r"METER\.P[1-3]?"), "VA"),  # NicolasBernaerts' Teleinfo: P apparent, W active
    (re.compile(r"METER\.W[1-3]?"), "W"),
    (re.compile(r"METER\.I[1-3]?"), "A"),
)
_POSITION = re.compile(r"\[[0-9]+\]\Z")


def unit_of(path: str | None) -> str | None:
    """Return the unit of the number at a path of ``tele/…/SENSOR``, or None."""
    bare = _POSITION.sub("", path if path is not None else POWER_PATH)  # a phase has the same unit
    return next((unit for known, unit in _UNITS if known.fullmatch(bare)), None)


def topic_prefix(full_topic: str, prefix: str, device: str) -> str:
    """Return a FullTopic with its tokens replaced; ends in a slash.

    Args:
        full_topic: As set on the device.
        prefix: ``cmnd``, ``stat`` or ``tele``.
        device: The device's %topic%.

    Raises:
        ValueError: It has no %prefix%, or other tokens, or makes no topic.
    """
    if "%prefix%" not in full_topic:
        raise ValueError(f"full_topic {full_topic!r} has no %prefix%")
    if "%" in full_topic.replace("%prefix%", "").replace("%topic%", ""):
        raise ValueError(f"full_topic {full_topic!r} has a token other than %prefix% and %topic%")
    topic = full_topic.replace("%prefix%", prefix).replace("%topic%", named(device))
    return exact(topic.removesuffix("/")) + "/"


def pulse_time(duration_s: float) -> int:
    """Return a duration as the value of PulseTime.

    Args:
        duration_s: In seconds; more than 0.

    Raises:
        ValueError: PulseTime cannot count so far.
    """
    if not 0.1 <= duration_s <= _LONGEST_PULSE_S:
        raise ValueError(f"{duration_s:g} s is beyond a PulseTime of 0.1 s … 64800 s")
    if duration_s <= _FINE_PULSE_S:
        return round(duration_s * 10.0)
    return max(round(duration_s) + 100, 112)


def relay(
    device: str,
    *,
    channel: int | None = None,
    full_topic: str = FULL_TOPIC,
    inverted: bool = False,
    dead_man_s: float | None = None,
    retries: int = 3,
    confirm_within_s: float | None = None,
    qos: int = 0,
) -> RelayCodec:
    """Return one relay of a Tasmota device.

    Every POWER command is answered, also one that changes nothing, after the relay was
    switched. The dead-man is PulseTime, which ON starts anew; it is written only when it
    differs (flash wears). Firmware of 2020 and before stops a running PulseTime at the query:
    a lease has to be renewed after it.

    Args:
        device: Its %topic%; may have slashes.
        channel: Number of the relay, from 1; None: it has one only.
        full_topic: FullTopic as set on the device.
        inverted: The heater is on while the relay is off.
        dead_man_s: See ``RelayTraits``.
        retries: See ``RelayTraits``.
        confirm_within_s: See ``RelayTraits``.
        qos: Of the commands.

    Raises:
        ValueError: There is no such topic, channel or PulseTime.
    """
    if channel is not None and not 1 <= channel <= MOST_CHANNELS:
        raise ValueError(f"channel {channel} is not 1 to {MOST_CHANNELS}")
    if inverted and dead_man_s is not None:
        raise ValueError("dead_man with inverted would turn the heater on")
    number = channel or 1
    command = topic_prefix(full_topic, "cmnd", device)
    stat = topic_prefix(full_topic, "stat", device)
    tele = topic_prefix(full_topic, "tele", device)
    keys = ("POWER1", "POWER") if number == 1 else (f"POWER{number}",)
    own = f"POWER{channel or ''}"
    state: StateDecoder = partial(_decode_state, keys=keys, inverted=inverted)
    power_state: StateDecoder = partial(_decode_power, keys=keys, inverted=inverted)
    # With SetOption4 a reply comes on a topic named after its command instead of RESULT.
    states = dict.fromkeys(
        (f"{stat}RESULT", f"{stat}STATE", f"{stat}STATUS11", f"{tele}STATE"), state
    )
    states.update(dict.fromkeys((f"{stat}{key}" for key in keys), power_state))
    replies: dict[str, SetupDecoder] = {}
    setup: tuple[Message, ...] = ()
    if dead_man_s is not None:
        pulse = f"{command}PulseTime{number}"
        value = pulse_time(dead_man_s)
        write = Message(pulse, str(value).encode(), qos=qos)
        reply: SetupDecoder = partial(_decode_pulse_time, number=number, value=value, write=write)
        replies = {f"{stat}RESULT": reply, f"{stat}PULSETIME": reply}
        setup = (Message(pulse, b"", qos=qos),)

    def commands(key: str) -> dict[bool, Message]:
        return {
            on: Message(f"{command}{key}", b"ON" if on is not inverted else b"OFF", qos=qos)
            for on in (False, True)
        }

    return RelayCodec(
        traits=RelayTraits(
            confirms=True,
            merged=False,
            dead_man_s=dead_man_s,
            retries=retries,
            confirm_within_s=confirm_within_s,
        ),
        inverted=inverted,
        commands=commands(own),
        aliases=tuple(each for key in keys if key != own for each in commands(key).values()),
        query=(Message(f"{command}{own}", b"", qos=qos),),
        setup=setup,
        states=states,
        online={f"{tele}LWT": _decode_lwt},
        setup_replies=replies,
    )


def meter(
    device: str,
    *,
    path: str | None = None,
    watts_per_unit: float = 1.0,
    scale: float = 1.0,
    qos: int = 0,
    full_topic: str = FULL_TOPIC,
) -> MeterCodec:
    """Return a number in ``tele/…/SENSOR``; one per phase is summed.

    Args:
        device: Its %topic%.
        path: Where the number is; None: ``ENERGY.Power``.
        watts_per_unit: Watts that one unit of the number stands for.
        scale: Factor before that.
        qos: Of the subscription.
        full_topic: FullTopic as set on the device.

    Raises:
        ValueError: It is no topic or no path.
    """
    where = parse_path(POWER_PATH if path is None else path)
    return MeterCodec(
        topic=f"{topic_prefix(full_topic, 'tele', device)}SENSOR",
        qos=qos,
        decode=partial(read_watts, path=where, factor=scale * watts_per_unit),
        usual_period_s=USUAL_PERIOD_S,
        sooner="set TelePeriod 10 and PowerDelta on the device",
    )


FAMILY = Family(relay=relay, meter=meter, unit_of=unit_of, least_period_s=LEAST_PERIOD_S)


def _decode_state(payload: bytes, *, keys: tuple[str, ...], inverted: bool) -> bool | None:
    """Return whether the heater is on, from any JSON that may have a POWER key."""
    document = read_object(payload)
    status: Any = document.get("StatusSTS")
    if type(status) is dict:
        document = status
    for key in keys:
        if key in document:
            return to_switch(document[key], _STATES) is not inverted
    return None


def _decode_power(payload: bytes, *, keys: tuple[str, ...], inverted: bool) -> bool | None:
    """Return whether the heater is on, from a topic of its own: plain text, or JSON as above."""
    if payload.lstrip().startswith(b"{"):
        return _decode_state(payload, keys=keys, inverted=inverted)
    return read_switch(payload, _STATES) is not inverted


def _decode_lwt(payload: bytes) -> bool:
    return read_switch(payload, _ONLINE)


def _decode_pulse_time(
    payload: bytes, *, number: int, value: int, write: Message
) -> tuple[Message, ...]:
    """Return what sets PulseTime, if a reply says that it is something else than ``value``.

    Forms, newest first: ``{"PulseTime1":{"Set":280,"Remaining":0}}``,
    ``{"PulseTime":{"Set":[280,0],…}}``, ``{"PulseTime1":"280 (Active 0)"}``,
    ``{"PulseTime1":280}``.
    """
    document = read_object(payload)
    own = document.get(f"PulseTime{number}", ABSENT)
    if own is ABSENT:
        own = find(document, ("PulseTime", "Set", number - 1))
    elif type(own) is dict:
        own = own.get("Set")
    elif type(own) is str:
        own = own.partition(" ")[0]
    if own is ABSENT:
        return ()
    return () if to_number(own) == value else (write,)
