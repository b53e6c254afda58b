"""What people, programs and thermostats asked of the balancer."""

from collections.abc import Callable, Mapping, Sequence
from math import inf

from balancer.core.model import House
from balancer.sim.judges.ear import Decode, Ear
from balancer.views.topics import Topics
from balancer.wire import Message

SETTLED_S = 0.1  # after the hold-off
WORDS = {"ON": True, "OFF": False}


class Wishes:
    """What is in force, read independently of the balancer.

    Attributes:
        requests: By zone; None: unknown.
        request_s: When a request last came in, by zone.
        away: As last told.
        mode: Set from outside, by circuit; None: auto.
        limit_w: Limit in force, by circuit.
        boost_until_s: End of its boost, by load; 0 if it has none.
        handlers: What notes a wish, by the topic that it comes in on.
    """

    def __init__(self, house: House, topics: Topics, ear: Ear, now: Callable[[], float]) -> None:
        self.requests: dict[str, bool | None] = dict.fromkeys(house.zones, False)
        self.request_s = dict.fromkeys(house.zones, -inf)
        self.away = False
        self.mode: dict[str, int | None] = dict.fromkeys(house.circuits)
        self.limit_w = {name: circuit.limit_w for name, circuit in house.circuits.items()}
        self.boost_until_s = dict.fromkeys(house.loads, 0.0)
        self.handlers: dict[str, Callable[[Message], None]] = {f"{topics.away}/set": self._away_set}
        self._house = house
        self._topics = topics
        self._now = now
        for zone in house.zones:
            self.handlers[f"{topics.zone(zone)}/set"] = self._request_set(zone)
        for topic, decoders in ear.requests.items():
            self.handlers[topic] = self._thermostat_set(decoders)
        for load in house.loads:
            self.handlers[f"{topics.boost(load)}/set"] = self._boost_set(load)
        for circuit in house.circuits:
            self.handlers[f"{topics.mode(circuit)}/set"] = self._mode_set(circuit)
            self.handlers[f"{topics.limit(circuit)}/set"] = self._limit_set(circuit)

    def settled(self, zone: str) -> bool:
        """Return whether the last request is older than the hold-off."""
        return self._now() - self.request_s[zone] > self._house.hold_off_s + SETTLED_S

    def recall(self, retained: Mapping[str, Message]) -> None:
        """Take what the broker keeps for what is in force: a new life knows nothing else.

        When somebody asked is not kept; what is kept counts as asked for now.
        """
        topics = self._topics
        self.away = _kept(retained, topics.away) == "ON"
        for zone in self.requests:
            self.requests[zone] = WORDS.get(_kept(retained, topics.zone(zone)))
            if self.requests[zone]:
                self.request_s[zone] = self._now()
        for name, circuit in self._house.circuits.items():
            word = _kept(retained, topics.mode(name))
            self.mode[name] = int(word) if word.isascii() and word.isdigit() else None
            try:
                value = float(_kept(retained, topics.limit(name))) * circuit.watts_per_unit
            except ValueError:
                value = circuit.limit_w
            self.limit_w[name] = min(value, circuit.limit_w)
        for load in self.boost_until_s:
            if _kept(retained, topics.boost(load)) != "ON":
                self.boost_until_s[load] = 0.0

    def _away_set(self, message: Message) -> None:
        word = _on_off(message)
        if word is not None:
            self.away = word

    def _request_set(self, zone: str) -> Callable[[Message], None]:
        def handle(message: Message) -> None:
            word = _on_off(message)
            if word is not None:
                self._ask(zone, word)

        return handle

    def _thermostat_set(self, decoders: Sequence[tuple[str, Decode]]) -> Callable[[Message], None]:
        def handle(message: Message) -> None:
            for zone, decode in decoders:
                self._ask(zone, decode(message.payload))  # what is not understood is not judged

        return handle

    def _ask(self, zone: str, wanted: bool | None) -> None:
        self.requests[zone] = wanted
        self.request_s[zone] = self._now()

    def _boost_set(self, load: str) -> Callable[[Message], None]:
        longest_s = self._house.loads[load].boost_max_s

        def handle(message: Message) -> None:
            if message.retain:
                return
            word = _on_off(message)
            if word is not None:
                self.boost_until_s[load] = self._now() + longest_s if word else 0.0
                return
            try:
                minutes = float(message.payload)
            except ValueError:
                return
            if minutes > 0.0 and minutes != inf:
                self.boost_until_s[load] = self._now() + min(minutes * 60.0, longest_s)

        return handle

    def _mode_set(self, circuit: str) -> Callable[[Message], None]:
        steps = self._house.circuits[circuit].steps

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
        model = self._house.circuits[circuit]

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


def _on_off(message: Message) -> bool | None:
    if message.retain:
        return None
    return WORDS.get(message.payload.decode(errors="replace").strip().upper())


def _kept(retained: Mapping[str, Message], topic: str) -> str:
    message = retained.get(topic)
    return "" if message is None else message.payload.decode(errors="replace")
