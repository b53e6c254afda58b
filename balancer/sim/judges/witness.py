"""An observer at the balancer's socket: what it was told, what it said, and what was true then.

It knows the wire and the simulated house, never the balancer's state. The checkers ask it.
"""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from balancer.core.model import House
from balancer.sim.devices.meters import Meter
from balancer.sim.judges.ear import Ear
from balancer.views.topics import Topics
from balancer.wire import Message

KEPT_READINGS = 4
KEPT_SAMPLES = 40


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading that reached the balancer.

    Attributes:
        at_s: When it was delivered.
        sample_s: When the meter looked.
        power_w: As the meter told it, in watts.
        drawing_w: What each load drew at that instant, in watts; loads that drew nothing are absent.
        heating: Loads whose contact let them heat at that instant.
    """

    at_s: float
    sample_s: float
    power_w: float
    drawing_w: Mapping[str, float]
    heating: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Sample:
    at_s: float
    payload: bytes
    power_w: Mapping[str, float]
    drawing_w: Mapping[str, float]
    heating: frozenset[str]


@dataclass(slots=True)
class Seen:
    """One load, as told and said over the wire in this life of the balancer.

    Attributes:
        commanded: Last command, None if none was sent.
        commanded_s: When.
        sent_on_s, sent_off_s: When an ON or OFF was last sent.
        reported: Last report, None if none came.
        reported_s: When.
        went_on_s, went_off_s: When a report or an unreported command last changed it.
        boost_until_s: End of its boost; 0 if it has none.
        known_on: It was reported on before it was last told to go off.
    """

    commanded: bool | None = None
    commanded_s: float = -inf
    sent_on_s: float = -inf
    sent_off_s: float = -inf
    reported: bool | None = None
    reported_s: float = -inf
    went_on_s: float = -inf
    went_off_s: float = -inf
    boost_until_s: float = 0.0
    known_on: bool = False

    @property
    def believed_on(self) -> bool | None:
        """Return what follows from the last command or report, whichever came later."""
        if self.commanded_s > self.reported_s:
            return self.commanded
        return self.reported


@dataclass(slots=True)
class Witness:
    """Everything that the checkers may know.

    Attributes:
        readings: The last readings, by meter name, oldest first.
        requests: By zone; None: unknown.
        request_s: When a request last came in, by zone.
        away: As last told.
        mode: Set from outside, by circuit; None: auto.
        limit_w: Limit in force, by circuit.
        loads: By load.
        connected_s: When the balancer last became connected; infinite while it is not.
        status: The last status that it published.
        said_off: Loads of which its state topics said last, in this life, that they are off.
    """

    house: House
    topics: Topics
    ear: Ear
    now: Callable[[], float]
    heater_w: Callable[[str], float]
    heating: Callable[[str], bool]
    readings: dict[str, deque[Reading]] = field(default_factory=dict)
    requests: dict[str, bool | None] = field(default_factory=dict)
    request_s: dict[str, float] = field(default_factory=dict)
    away: bool = False
    mode: dict[str, int | None] = field(default_factory=dict)
    limit_w: dict[str, float] = field(default_factory=dict)
    loads: dict[str, Seen] = field(default_factory=dict)
    connected_s: float = inf
    status: dict[str, Any] | None = None
    said_off: set[str] = field(default_factory=set)
    _samples: dict[str, deque[_Sample]] = field(default_factory=dict)
    _handlers: dict[str, Callable[[Message], None]] = field(default_factory=dict)
    _states: dict[str, str] = field(default_factory=dict)
    _believable: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        house, topics = self.house, self.topics
        self.loads = {name: Seen() for name in house.loads}
        self.limit_w = {name: circuit.limit_w for name, circuit in house.circuits.items()}
        self.mode = dict.fromkeys(house.circuits)
        self.requests = dict.fromkeys(house.zones, False)
        self.request_s = dict.fromkeys(house.zones, -inf)
        self._states = {topics.load_state(load): load for load in house.loads}
        self._handlers[f"{topics.away}/set"] = self._away_set
        for zone in house.zones:
            self._handlers[f"{topics.zone(zone)}/set"] = self._request_set(zone)
        for load in house.loads:
            self._handlers[f"{topics.boost(load)}/set"] = self._boost_set(load)
        for circuit in house.circuits:
            self._handlers[f"{topics.mode(circuit)}/set"] = self._mode_set(circuit)
            self._handlers[f"{topics.limit(circuit)}/set"] = self._limit_set(circuit)
        meters = [
            meter
            for circuit in house.circuits.values()
            for meter in (circuit.meter, circuit.available, *circuit.non_heating_meters)
        ]
        for each in (*meters, *(load.meter for load in house.loads.values())):
            if each is not None:
                self._believable[each.name] = (each.min_w, each.max_w)
        for topic in {*self.ear.reports} - {*self._handlers}:
            self._handlers[topic] = self._report

    def watch(self, meter: Meter) -> None:
        """Keep what this meter samples."""
        samples: deque[_Sample] = deque(maxlen=KEPT_SAMPLES)
        self._samples[meter.topic] = samples
        for quantity in meter.quantities:
            self.readings[quantity.name] = deque(maxlen=KEPT_READINGS)

        def sampled(payload: bytes, power_w: dict[str, float]) -> None:
            heating = frozenset(load for load in self.loads if self.heating(load))
            drawing_w = {load: watts for load in heating if (watts := self.heater_w(load)) > 0.0}
            samples.append(_Sample(self.now(), payload, power_w, drawing_w, heating))

        meter.on_sample = sampled

    # what it is told -----------------------------------------------------------------------------

    def received(self, message: Message) -> tuple[str, ...]:
        """Note a message that reaches the balancer; return the meters that it is a reading of."""
        samples = self._samples.get(message.topic)
        if samples is not None:
            return () if message.retain else self._reading(message, samples)
        handler = self._handlers.get(message.topic)
        if handler is not None:
            handler(message)
        return ()

    def _reading(self, message: Message, samples: deque[_Sample]) -> tuple[str, ...]:
        found = next((each for each in samples if each.payload == message.payload), None)
        if found is None:
            return ()
        while samples and samples[0] is not found:
            samples.popleft()
        if len(samples) > 1:
            samples.popleft()
        names = []
        for name, watts in found.power_w.items():
            low_w, high_w = self._believable[name]
            if low_w <= watts <= high_w:
                reading = Reading(self.now(), found.at_s, watts, found.drawing_w, found.heating)
                self.readings[name].append(reading)
                names.append(name)
        return tuple(names)

    def _report(self, message: Message) -> None:
        now_s = self.now()
        for load, decode in self.ear.reports[message.topic]:
            on = decode(message.payload)
            if on is None:
                continue
            seen = self.loads[load]
            if seen.reported is not None and seen.reported != on:
                if on:
                    seen.went_on_s = now_s
                else:
                    seen.went_off_s = now_s
            seen.reported, seen.reported_s = on, now_s

    def _away_set(self, message: Message) -> None:
        word = _on_off(message)
        if word is not None:
            self.away = word

    def _request_set(self, zone: str) -> Callable[[Message], None]:
        def handle(message: Message) -> None:
            word = _on_off(message)
            if word is not None:
                self.requests[zone] = word
                self.request_s[zone] = self.now()

        return handle

    def _boost_set(self, load: str) -> Callable[[Message], None]:
        longest_s = self.house.loads[load].boost_max_s

        def handle(message: Message) -> None:
            if message.retain:
                return
            word = _on_off(message)
            seen = self.loads[load]
            if word is not None:
                seen.boost_until_s = self.now() + longest_s if word else 0.0
                return
            try:
                minutes = float(message.payload)
            except ValueError:
                return
            if minutes > 0.0 and minutes != inf:
                seen.boost_until_s = self.now() + min(minutes * 60.0, longest_s)

        return handle

    def _mode_set(self, circuit: str) -> Callable[[Message], None]:
        steps = self.house.circuits[circuit].steps

        def handle(message: Message) -> None:
            text = message.payload.decode(errors="replace").strip()
            if message.retain or steps is None:
                return
            if text.lower() == "auto":
                self.mode[circuit] = None
            elif text.isascii() and text.isdigit() and int(text) < len(steps):
                self.mode[circuit] = int(text)

        return handle

    def _limit_set(self, circuit: str) -> Callable[[Message], None]:
        model = self.house.circuits[circuit]

        def handle(message: Message) -> None:
            if message.retain:
                return
            try:
                value = float(message.payload) * model.watts_per_unit
            except ValueError:
                return
            if 0.0 <= value <= model.limit_w + 1e-6:
                self.limit_w[circuit] = value

        return handle

    # what it says --------------------------------------------------------------------------------

    def said(self, message: Message) -> list[tuple[str, bool]]:
        """Note a relay command of the balancer; return the loads that it switches."""
        now_s = self.now()
        switched = []
        for load, decode in self.ear.commands.get(message.topic, ()):
            on = decode(message.payload)
            if on is None:
                continue
            switched.append((load, on))
            seen = self.loads[load]
            if seen.commanded != on or seen.believed_on != on:
                seen.known_on = seen.reported is True
            seen.commanded, seen.commanded_s = on, now_s
            if on:
                seen.sent_on_s = now_s
            else:
                seen.sent_off_s = now_s
        return switched

    def published(self, message: Message) -> None:
        """Note what the balancer publishes of itself."""
        if message.topic == self.topics.status:
            self.status = json.loads(message.payload)
        load = self._states.get(message.topic)
        if load is not None:
            (self.said_off.add if message.payload == b"OFF" else self.said_off.discard)(load)

    # lives ---------------------------------------------------------------------------------------

    def began(self, retained: Mapping[str, Message]) -> None:
        """Note a new life: the wire's memory is what the broker keeps."""
        self.said_off.clear()
        for readings in self.readings.values():
            readings.clear()
        for seen in self.loads.values():
            seen.commanded = seen.reported = None
            seen.commanded_s = seen.reported_s = -inf
        topics = self.topics
        if not _kept(retained, topics.status).startswith('{"version":1,"sequence"'):
            for seen in self.loads.values():  # nothing tells the next life of switch times
                seen.went_on_s = seen.went_off_s = -inf
        self.away = _kept(retained, topics.away) == "ON"
        for zone in self.house.zones:
            word = _kept(retained, topics.zone(zone))
            self.requests[zone] = {"ON": True, "OFF": False}.get(word)
        for name, circuit in self.house.circuits.items():
            word = _kept(retained, topics.mode(name))
            self.mode[name] = int(word) if word.isascii() and word.isdigit() else None
            try:
                value = float(_kept(retained, topics.limit(name))) * circuit.watts_per_unit
            except ValueError:
                value = circuit.limit_w
            self.limit_w[name] = min(value, circuit.limit_w)
        for load, seen in self.loads.items():
            if _kept(retained, topics.boost(load)) != "ON":
                seen.boost_until_s = 0.0


def _on_off(message: Message) -> bool | None:
    if message.retain:
        return None
    text = message.payload.decode(errors="replace").strip().upper()
    return {"ON": True, "OFF": False}.get(text)


def _kept(retained: Mapping[str, Message], topic: str) -> str:
    message = retained.get(topic)
    return "" if message is None else message.payload.decode(errors="replace")
