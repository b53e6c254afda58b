"""Anything on MQTT whose topics and words are told by configuration: relays, meters, requests."""

from collections.abc import Mapping
from functools import partial

from balancer.core.model import RelayTraits
from balancer.devices.base import Family, MeterCodec, RelayCodec, RequestCodec, StateDecoder
from balancer.devices.payload import (
    ABSENT,
    Path,
    find,
    parse_path,
    read_json,
    read_number,
    read_switch,
    read_watts,
    to_number,
    to_switch,
    vocabulary,
)
from balancer.devices.topic import exact
from balancer.wire import Message

RELEASE_POINTS = 5.0  # a demand in per cent ends so far below `above`


def relay(
    command_topic: str,
    *,
    on: str = "ON",
    off: str = "OFF",
    state_topic: str | None = None,
    state_path: str | None = None,
    state_on: str | None = None,
    state_off: str | None = None,
    inverted: bool = False,
    retries: int = 3,
    confirm_within_s: float | None = None,
    qos: int = 0,
) -> RelayCodec:
    """Return a relay with a command topic and perhaps a topic for its state.

    Args:
        command_topic: Where it is commanded.
        on: Payload that closes the relay.
        off: Payload that opens it.
        state_topic: Where it reports; None: it does not.
        state_path: Where in a JSON report; None: the report is the word.
        state_on: Reported word for closed; None: as ``on``.
        state_off: Reported word for open; None: as ``off``.
        inverted: The heater is on while the relay is off.
        retries: See ``RelayTraits``.
        confirm_within_s: See ``RelayTraits``.
        qos: Of the commands.

    Raises:
        ValueError: Words or topics are the same, or no topics or paths.
    """
    if on == off:
        raise ValueError(f"on and off are both {on!r}")
    states: dict[str, StateDecoder] = {}
    if state_topic is not None:
        if state_topic == command_topic:
            raise ValueError(
                f"state_topic is command_topic {command_topic!r}: our own command would "
                "pass for the relay's report"
            )
        words = vocabulary(
            on if state_on is None else state_on, off if state_off is None else state_off
        )
        states[exact(state_topic)] = partial(
            _decode_state, path=parse_path(state_path), words=words, inverted=inverted
        )
    topic = exact(command_topic)
    return RelayCodec(
        traits=RelayTraits(
            confirms=bool(states), retries=retries, confirm_within_s=confirm_within_s
        ),
        inverted=inverted,
        commands={
            heats: Message(topic, (on if heats is not inverted else off).encode(), qos=qos)
            for heats in (False, True)
        },
        states=states,
    )


def meter(
    topic: str,
    *,
    path: str | None = None,
    watts_per_unit: float = 1.0,
    scale: float = 1.0,
    qos: int = 0,
) -> MeterCodec:
    """Return a topic with a number, plain or in JSON.

    Args:
        topic: Where it reports.
        path: Where in a JSON report; None: the report is the number.
        watts_per_unit: Watts that one unit of the number stands for.
        scale: Factor before that.
        qos: Of the subscription.

    Raises:
        ValueError: It is no topic or no path.
    """
    decode = partial(read_watts, path=parse_path(path), factor=scale * watts_per_unit)
    return MeterCodec(topic=exact(topic), qos=qos, decode=decode)


def request(
    topic: str,
    *,
    path: str | None = None,
    on: str = "ON",
    off: str = "OFF",
    above: float | None = None,
    qos: int = 1,
) -> RequestCodec:
    """Return a topic on which a thermostat says whether it wants heat.

    Args:
        topic: Where it reports.
        path: Where in a JSON report; None: the report is the word or number.
        on: Word for wanted.
        off: Word for not wanted.
        above: The report is a demand in per cent that asks for heat above this, until it
            falls ``RELEASE_POINTS`` lower; None: it is a word.
        qos: Of the subscription.

    Raises:
        ValueError: It is no topic or no path, or both words are the same.
    """
    words = vocabulary(on, off)
    decode = partial(_decode_request, path=parse_path(path), words=words, above=above)
    return RequestCodec(topic=exact(topic), qos=qos, decode=decode)


def unit_of(_path: str | None) -> str | None:
    """Return None: the unit of a number on any topic is told by configuration."""
    return None


FAMILY = Family(relay=relay, meter=meter, request=request, unit_of=unit_of)


def _decode_state(
    payload: bytes, *, path: Path, words: Mapping[str, bool], inverted: bool
) -> bool | None:
    if not path:
        return read_switch(payload, words) is not inverted
    value = find(read_json(payload), path)
    return None if value is ABSENT else to_switch(value, words) is not inverted


def _decode_request(
    payload: bytes,
    *,
    path: Path,
    words: Mapping[str, bool],
    above: float | None,
    requested: bool,
) -> bool | None:
    if not path:
        if above is None:
            return read_switch(payload, words)
        return _demanded(read_number(payload), above, requested=requested)
    value = find(read_json(payload), path)
    if value is ABSENT:
        return None
    if above is None:
        return to_switch(value, words)
    return _demanded(to_number(value), above, requested=requested)


def _demanded(demand: float, above: float, *, requested: bool) -> bool:
    # A demand of 0 always ends the request, however small `above` is.
    return demand > (max(above - RELEASE_POINTS, 0.0) if requested else above)
