"""Where the payloads go: anything that takes a topic and a payload."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from balancer.devices import METERS, RELAYS, REQUESTS
from balancer.devices.base import DecodeError, MeterCodec, RelayCodec, RequestCodec

CODECS_OF_RELAYS: Mapping[str, tuple[RelayCodec, ...]] = {
    "tasmota": (
        RELAYS["tasmota"](device="one"),
        RELAYS["tasmota"](device="two", channel=2, dead_man_s=60.0),
        RELAYS["tasmota"](device="two", channel=1, inverted=True),
    ),
    "zigbee2mqtt": (
        RELAYS["zigbee2mqtt"](device="plug"),
        RELAYS["zigbee2mqtt"](device="box", channel="l1", dead_man_s=60.0),
        RELAYS["zigbee2mqtt"](device="box", channel="l2", inverted=True),
    ),
    "mqtt": (
        RELAYS["mqtt"](command_topic="heat/a/set", state_topic="heat/a"),
        RELAYS["mqtt"](command_topic="heat/b/set", state_topic="heat/b", state_path="a[0].b"),
        RELAYS["mqtt"](command_topic="heat/c/set", on="0", off="1", state_topic="heat/c"),
    ),
}
CODECS_OF_METERS: Mapping[str, tuple[MeterCodec, ...]] = {
    "tasmota": (
        METERS["tasmota"](device="main"),
        METERS["tasmota"](device="amps", path="ENERGY.Current", watts_per_unit=230.0),
        METERS["tasmota"](device="linky", path="TIC.PAPP"),
    ),
    "zigbee2mqtt": (
        METERS["zigbee2mqtt"](device="plug"),
        METERS["zigbee2mqtt"](device="clamp", path="power_ab", scale=-1.0),
    ),
    "mqtt": (
        METERS["mqtt"](topic="meter/plain", watts_per_unit=1000.0),
        METERS["mqtt"](topic="meter/json", path="a[0].b"),
    ),
}
CODECS_OF_REQUESTS: Mapping[str, tuple[RequestCodec, ...]] = {
    "mqtt": (
        REQUESTS["mqtt"](topic="trv/word", on="heat", off="idle"),
        REQUESTS["mqtt"](topic="trv/path", path="a.b", on="heat", off="idle"),
        REQUESTS["mqtt"](topic="trv/demand", above=20.0),
        REQUESTS["mqtt"](topic="trv/demand_path", path="a", above=20.0),
    ),
}


class Target(Protocol):
    """Something to be fuzzed. Whatever it raises is a counterexample."""

    def topics(self, family: str, kind: str) -> Sequence[str]:
        """Return the topics on which such payloads are expected; may be empty."""
        ...

    def __call__(self, topic: str, payload: bytes) -> bool | None:
        """Take a message; return whether it was accepted, or None if that is not known."""
        ...


class Decoders:
    """The decoders of all families, without anything around them."""

    def __init__(self) -> None:
        self._checks: dict[str, list[Callable[[bytes], bool]]] = {}
        self._topics: dict[tuple[str, str], list[str]] = {}
        for family, relays in CODECS_OF_RELAYS.items():
            for relay in relays:
                for topic, decode in relay.states.items():
                    self._add(family, "state", topic, partial(_check_state, decode))
                for topic, decode in relay.online.items():
                    self._add(family, "online", topic, partial(_check_state, decode))
                for topic, reply in relay.setup_replies.items():
                    self._add(family, "setup", topic, partial(_check_setup, reply))
        for family, meters in CODECS_OF_METERS.items():
            for meter in meters:
                self._add(family, "meter", meter.topic, partial(_check_meter, meter))
        for family, requests in CODECS_OF_REQUESTS.items():
            for request in requests:
                self._add(family, "request", request.topic, partial(_check_request, request))

    def _add(self, family: str, kind: str, topic: str, check: Callable[[bytes], bool]) -> None:
        self._checks.setdefault(topic, []).append(check)
        self._topics.setdefault((family, kind), []).append(topic)

    def topics(self, family: str, kind: str) -> Sequence[str]:
        return self._topics.get((family, kind), ())

    def __call__(self, topic: str, payload: bytes) -> bool:
        accepted = [check(payload) for check in self._checks[topic]]
        return True in accepted


def _outcome(decode: Callable[[bytes], Any], payload: bytes) -> tuple[bool, Any]:
    try:
        return True, decode(payload)
    except DecodeError as error:
        message = f"{error.reason}: {error}"
    assert len(message.encode()) < 500, "a message that no log wants"
    return False, None


def _check_state(decode: Callable[[bytes], bool | None], payload: bytes) -> bool:
    accepted, on = _outcome(decode, payload)
    assert on is None or type(on) is bool, on
    assert on is None or payload.strip(), "a word out of nothing"
    return accepted


def _check_setup(reply: Callable[[bytes], tuple[Any, ...]], payload: bytes) -> bool:
    accepted, written = _outcome(reply, payload)
    assert not accepted or len(written) <= 1, written
    assert not written or (not written[0].retain and written[0].payload.isdigit()), written
    return accepted


def _check_meter(meter: MeterCodec, payload: bytes) -> bool:
    accepted, watts = _outcome(meter.decode, payload)
    assert not accepted or (type(watts) is float and math.isfinite(watts)), watts
    assert not accepted or any(48 <= byte <= 57 for byte in payload), "a number without a digit"
    return accepted


def _check_request(request: RequestCodec, payload: bytes) -> bool:
    off, wanted_off = _outcome(partial(request.decode, requested=False), payload)
    on, wanted_on = _outcome(partial(request.decode, requested=True), payload)
    assert off == on, "accepted or not, by what was requested before"
    assert wanted_off is None or type(wanted_off) is bool, wanted_off
    assert wanted_on is not False or wanted_off is False, "ends and begins at the same demand"
    return on
