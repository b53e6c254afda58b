"""Inwards: which topic means what, and what a message on it says; nothing is trusted."""

import logging
import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from balancer.config.setup import Setup
from balancer.core.events import (
    AwaySet,
    BoostSet,
    DeviceReported,
    Event,
    LimitSet,
    MeterReadings,
    ModeSet,
    RelayReported,
    RequestReported,
    RotateDue,
)
from balancer.core.model import Circuit, Load, Meter, Zone
from balancer.devices.base import DecodeError, OnlineDecoder, Rejection, StateDecoder
from balancer.views.counts import Counts
from balancer.views.topics import Topics, setter
from balancer.wire import Message

MOST_SETTING_BYTES = 64  # a number or a word
SECONDS_PER_MINUTE = 60.0

Log = Callable[[int, str], None]


class MeterRoute(NamedTuple):
    """A meter that a topic feeds."""

    meter: Meter
    decode: Callable[[bytes], float]


class Routes:
    """All topics that are listened to, and how each is read.

    Attributes:
        topics: QoS to subscribe with, by topic.
        setters: For each ``…/set`` topic the state topic that answers it.
    """

    def __init__(self, setup: Setup, topics: Topics, counts: Counts, log: Log) -> None:
        self._setup = setup
        self._topics = topics
        self._counts = counts
        self._log = log
        self._rejected: dict[str, str] = {}
        self._meters: dict[str, list[MeterRoute]] = {}
        self._states: dict[str, list[tuple[str, StateDecoder]]] = {}
        self._online: dict[str, list[tuple[str, OnlineDecoder]]] = {}
        self._requests: dict[str, list[str]] = {}
        self._replies: dict[str, list[tuple[str, Callable[[bytes], tuple[Message, ...]]]]] = {}
        self._settings: dict[str, Callable[[str, float], Event]] = {}
        self._reachable: dict[str, dict[str, bool | None]] = {}
        self._known_online: dict[str, bool] = {}
        self._written: set[str] = set()
        self.topics: dict[str, int] = {}
        self.setters: dict[str, str] = {}
        self._add_devices()
        self._add_settings()

    def _listen(self, topic: str, qos: int) -> None:
        self.topics[topic] = max(qos, self.topics.get(topic, 0))

    def _add_devices(self) -> None:
        house = self._setup.house
        circuit_meters = [
            meter
            for circuit in house.circuits.values()
            for meter in (circuit.meter, *circuit.non_heating_meters, circuit.available)
        ]
        for meter in (*circuit_meters, *(load.meter for load in house.loads.values())):
            if meter is not None:
                codec = self._setup.meters[meter.name]
                self._meters.setdefault(codec.topic, []).append(MeterRoute(meter, codec.decode))
                self._listen(codec.topic, codec.qos)
        for name, relay in self._setup.relays.items():
            for topic, decode in relay.states.items():
                self._states.setdefault(topic, []).append((name, decode))
                self._listen(topic, 1)
            for topic, decode_online in relay.online.items():
                self._online.setdefault(topic, []).append((name, decode_online))
                self._listen(topic, 1)
            self._reachable[name] = dict.fromkeys(relay.online)
            for topic, reply in relay.setup_replies.items():
                self._replies.setdefault(topic, []).append((name, reply))
                self._listen(topic, 1)
        for zone, request in self._setup.requests.items():
            self._requests.setdefault(request.topic, []).append(zone)
            self._listen(request.topic, max(1, request.qos))

    def _add_settings(self) -> None:
        house, topics = self._setup.house, self._topics
        self._set(topics.away, _away)
        self._settings[setter(topics.rotate)] = _rotate
        self._listen(setter(topics.rotate), 1)
        for zone in house.zones.values():
            if zone.own_switch:
                self._set(topics.zone(zone.name), partial(_zone, zone))
        for load in house.loads.values():
            self._set(topics.boost(load.name), partial(_boost, load))
        for circuit in house.circuits.values():
            if circuit.steps is not None:
                self._set(topics.mode(circuit.name), partial(_mode, circuit))
            self._set(topics.limit(circuit.name), partial(_limit, circuit))

    def _set(self, topic: str, read: Callable[[str, float], Event]) -> None:
        self._settings[setter(topic)] = read
        self.setters[setter(topic)] = topic
        self._listen(setter(topic), 1)

    def is_setting(self, topic: str) -> bool:
        """Return whether people command the balancer on this topic."""
        return topic in self._settings

    def forget_online(self) -> None:
        """After a connect: what is retained says anew who can be reached."""
        for topics in self._reachable.values():
            for topic in topics:
                topics[topic] = None

    def setting(self, message: Message, at_s: float) -> Event | None:
        """Return what somebody wants, None if it is not allowed (counted and logged)."""
        source = message.topic.removeprefix(f"{self._topics.root}/")
        if message.retain:
            self._reject(source, Rejection.RETAINED, "a retained message on a set topic")
            return None
        try:
            event = self._settings[message.topic](_text(message.payload), at_s)
        except DecodeError as error:
            self._reject(source, error.reason, str(error))
            return None
        self._accept(source)
        return event

    def understands(self, message: Message) -> bool:
        """Return whether somebody's wish can be read from a message; nothing is counted."""
        read = self._settings.get(message.topic)
        try:
            if read is not None:
                read(_text(message.payload), 0.0)
                return True
            return any(
                self._setup.requests[zone].decode(message.payload, requested=False) is not None
                for zone in self._requests.get(message.topic, ())
            )
        except DecodeError:
            return False

    def forget_setups(self) -> None:
        """After a connect: an answer to ``setup`` may be acted upon once more."""
        self._written.clear()

    def replies(self, message: Message) -> list[Message]:
        """Return what has to be written after an answer to ``setup``; once a connect.

        A device that does not keep what it is told shall not have its flash worn out. Bytes
        that are no such answer were judged as a state already.
        """
        found: list[Message] = []
        for name, decode in self._replies.get(message.topic, ()):
            if name in self._written:
                continue
            try:
                writes = decode(message.payload)
            except DecodeError:
                continue
            if writes:
                self._written.add(name)
                found += writes
        return found

    def reads(self, message: Message) -> bool:
        """Return whether every meter of its topic gets a reading from it; nothing is counted."""
        try:
            for route in self._meters.get(message.topic, ()):
                _watts(route, message)
        except DecodeError:
            return False
        return True

    def judge(self, message: Message) -> None:
        """Count what is no reading, of a message that nothing follows from."""
        for route in self._meters.get(message.topic, ()):
            self._reading(route, message)

    def events(
        self, message: Message, at_s: float, requested: Callable[[str], bool]
    ) -> list[Event]:
        """Return what a device's message says: relays first, then requests, then meters."""
        topic = message.topic
        found: list[Event] = []
        for name, decode in self._states.get(topic, ()):
            on = self._state(name, decode, message)
            if on is not None:
                found.append(RelayReported(at_s, name, on))
        for name, decode_online in self._online.get(topic, ()):
            online = self._heard(name, decode_online, message)
            if online is not None:
                anew = online and not message.retain
                found.append(DeviceReported(at_s, name, online, anew=anew))
        for zone in self._requests.get(topic, ()):
            wanted = self._request(zone, message, requested=requested(zone))
            if wanted is not None:
                found.append(RequestReported(at_s, zone, wanted))
        power_w = {}
        for route in self._meters.get(topic, ()):
            watts = self._reading(route, message)
            if watts is not None:
                power_w[route.meter.name] = watts
        if power_w:
            found.append(MeterReadings(at_s, power_w))
        return found

    def _state(self, name: str, decode: StateDecoder, message: Message) -> bool | None:
        relay = self._setup.relays[name]
        if message.retain and relay.query:
            return None  # it is asked; what was kept may be hours old
        source = f"loads.{name}.relay"
        try:
            on = decode(message.payload)
        except DecodeError as error:
            self._reject(source, error.reason, str(error))
            return None
        if on is not None:
            self._accept(source)
        return on

    def _heard(self, name: str, decode: OnlineDecoder, message: Message) -> bool | None:
        source = f"loads.{name}.relay.online"
        try:
            online = decode(message.payload)
        except DecodeError as error:
            self._reject(source, error.reason, str(error))
            return None
        if online is None:
            return None
        self._accept(source)
        topics = self._reachable[name]
        before, topics[message.topic] = topics[message.topic], online
        now = all(each is not False for each in topics.values())
        came = now and not message.retain  # a bridge that dies with the broker leaves no will
        if self._known_online.get(name) is now and before is not None and not came:
            return None
        self._known_online[name] = now
        return now

    def _request(self, zone: str, message: Message, *, requested: bool) -> bool | None:
        source = f"zones.{zone}.request"
        try:
            wanted = self._setup.requests[zone].decode(message.payload, requested=requested)
        except DecodeError as error:
            self._reject(source, error.reason, str(error))
            return None
        if wanted is not None:
            self._accept(source)
        return wanted

    def _reading(self, route: MeterRoute, message: Message) -> float | None:
        meter = route.meter
        try:
            watts = _watts(route, message)
        except DecodeError as error:
            self._reject(meter.name, error.reason, str(error))
            return None
        if self._rejected:
            self._accept(meter.name)
        return watts

    def _reject(self, source: str, reason: Rejection, why: str) -> None:
        """Count it; log it when the reason is new (style: a repeated condition logs once)."""
        self._counts.rejected[source, reason.value] += 1
        if self._rejected.get(source) != reason.value:
            self._rejected[source] = reason.value
            self._log(logging.WARNING, f'rejected source={source} reason={reason} why="{why}"')

    def _accept(self, source: str) -> None:
        if self._rejected.pop(source, None) is not None:
            self._log(logging.WARNING, f"rejected_over source={source}")


def _watts(route: MeterRoute, message: Message) -> float:
    if message.retain:
        raise DecodeError(Rejection.RETAINED, "a retained message is no reading")
    watts, meter = route.decode(message.payload), route.meter
    if not meter.min_w <= watts <= meter.max_w:
        raise DecodeError(
            Rejection.RANGE,
            f"{watts:g} W is not within {meter.min_w:g} W … {meter.max_w:g} W",
        )
    return watts


def _text(payload: bytes) -> str:
    if len(payload) > MOST_SETTING_BYTES:
        raise DecodeError(Rejection.OVERSIZE, f"{len(payload)} bytes are no setting")
    try:
        text = payload.decode().strip()
    except UnicodeDecodeError as error:
        raise DecodeError(Rejection.UTF8, f"no text: {payload!r}") from error
    return text


def _switch(text: str) -> bool:
    match text.lower():
        case "on":
            return True
        case "off":
            return False
    raise DecodeError(Rejection.WORD, f"{text!r} is neither ON nor OFF")


def _number(text: str) -> float:
    if not text.isascii() or "_" in text:
        raise DecodeError(Rejection.PARSE, f"{text!r} is no number")
    try:
        number = float(text)
    except ValueError as error:
        raise DecodeError(Rejection.PARSE, f"{text!r} is no number") from error
    if not math.isfinite(number):
        raise DecodeError(Rejection.NONFINITE, f"{text!r} is not finite")
    return number


def _away(text: str, at_s: float) -> AwaySet:
    return AwaySet(at_s, _switch(text))


def _rotate(_: str, at_s: float) -> RotateDue:
    return RotateDue(at_s, asked=True)


def _zone(zone: Zone, text: str, at_s: float) -> RequestReported:
    return RequestReported(at_s, zone.name, _switch(text))


def _boost(load: Load, text: str, at_s: float) -> BoostSet:
    """ON, OFF, or minutes."""
    if text.lower() in {"on", "off"}:
        return BoostSet(at_s, load.name, load.boost_max_s if _switch(text) else 0.0)
    minutes = _number(text)
    if minutes <= 0.0:
        raise DecodeError(Rejection.RANGE, f"{text!r} minutes are not more than 0")
    return BoostSet(at_s, load.name, min(minutes * SECONDS_PER_MINUTE, load.boost_max_s))


def _mode(circuit: Circuit, text: str, at_s: float) -> ModeSet:
    """``auto`` or an index into ``steps``."""
    if text.lower() == "auto":
        return ModeSet(at_s, circuit.name, None)
    steps = len(circuit.steps or ())
    if not (text.isascii() and text.isdigit() and int(text) < steps):
        raise DecodeError(Rejection.WORD, f"{text!r} is neither auto nor 0 to {steps - 1}")
    return ModeSet(at_s, circuit.name, int(text))


def _limit(circuit: Circuit, text: str, at_s: float) -> LimitSet:
    """A number in the circuit's unit, at most the configured limit."""
    number = _number(text)
    limit_w = number * circuit.watts_per_unit
    if not 0.0 <= limit_w <= circuit.limit_w * (1.0 + 1e-9):
        most = circuit.limit_w / circuit.watts_per_unit
        raise DecodeError(Rejection.RANGE, f"{text!r} is not within 0 and {most:g}")
    return LimitSet(at_s, circuit.name, min(limit_w, circuit.limit_w))
