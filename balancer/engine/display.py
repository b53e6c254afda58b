"""Outwards: what is shown, and when: state topics, events, status, discovery.

State topics are published when they change, when somebody sets them and after each connect;
the status at once on every decision, on other changes at most every 5 s, at least every 60 s.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta

from balancer import __version__
from balancer.config.setup import Setup
from balancer.core.commands import Decided
from balancer.core.snapshot import Snapshot
from balancer.core.state import INFINITY, State
from balancer.core.step import Decision
from balancer.views import event_log, homeassistant
from balancer.views.counts import Counts
from balancer.views.memory import Left
from balancer.views.status import dump, shown, status
from balancer.views.topics import Topics
from balancer.wire import Message

CHANGES_S = 5.0
HEARTBEAT_S = 60.0
DISCOVERY_AGAIN_S = 5.0
DISCOVERY_AFTER_BIRTH_S = 1.0
MOST_EVENTS = 200  # not yet shown
EPSILON_S = 0.05
_NEARBY = timedelta(days=1)  # what is one day in the house is at most two in UTC


class Display:
    """What the world can see of one house.

    Attributes:
        due_s: When ``messages`` has something to show; infinite before the start.
        reads: Topics of Home Assistant's that it reads itself.
    """

    def __init__(
        self, setup: Setup, topics: Topics, counts: Counts, *, changes_s: float = CHANGES_S
    ) -> None:
        self._changes_s = changes_s
        self._house = setup.house
        self._timezone = setup.schedule.timezone
        self._topics = topics
        self._counts = counts
        self._discovery: Message | None = None
        self._birth: str | None = None
        if setup.discovery_prefix is not None:
            self._discovery = homeassistant.discovery(
                setup.house, topics, prefix=setup.discovery_prefix, version=__version__
            )
            self._birth = f"{setup.discovery_prefix}/status"
        self.reads = frozenset(
            each
            for each in (self._birth, self._discovery and self._discovery.topic)
            if each is not None
        )
        self.due_s = INFINITY
        self._old_discovery: bytes | None = None
        self._discovery_due_s = INFINITY
        self._discovered_s = -INFINITY
        self._availability = False
        self._published: dict[str, bytes] = {}
        self._to_answer: set[str] = set()
        self._to_clear: tuple[str, ...] = ()
        self._events: list[tuple[float, Decided]] = []
        self._sequence = 0
        self._status_s = -INFINITY
        self._status_now = False
        self._changed = False
        self._shown: object = None
        self._words: object = None
        self._started = False
        self._day: date | None = None
        self._at_midnight: dict[str, int] = {}
        self._switches: dict[str, int] = {}  # as last shown
        self._left: Left | None = None
        self._today_before: Mapping[str, int] = {}

    @property
    def owes(self) -> bool:
        """Something was decided or has happened that no status has shown yet."""
        return self._status_now

    def subscriptions(self) -> dict[str, int]:
        """Return what Home Assistant's side needs: birth and, before the start, our document."""
        wanted = {}
        if self._birth is not None:
            wanted[self._birth] = 0
        if self._discovery is not None and not self._started:
            wanted[self._discovery.topic] = 1
        return wanted

    def read(self, message: Message, at_s: float) -> None:
        """Take in a message on one of ``reads``."""
        if message.topic == self._birth:
            if message.payload == b"online" and not message.retain and self._started:
                after_s = max(
                    at_s + DISCOVERY_AFTER_BIRTH_S, self._discovered_s + DISCOVERY_AGAIN_S
                )
                self._discovery_due_s = min(self._discovery_due_s, after_s)
                self.due_s = min(self.due_s, self._discovery_due_s)
        elif not self._started and message.retain:
            self._old_discovery = message.payload

    def take_over(self, left: Left, today: date) -> None:
        """Go on from what the previous run left.

        Args:
            left: By the previous run.
            today: In UTC; which day it is in the house is seen when it is first shown.
        """
        self._sequence = left.sequence
        self._to_clear = left.gone
        if left.at is not None and abs(left.at.date() - today) <= _NEARBY:
            self._left = left

    def everything(self, at_s: float) -> None:
        """After a connect or the start: publish all there is, once."""
        self._started = True
        self._published.clear()
        self._availability = True
        self._discovery_due_s = at_s if self._discovery is not None else INFINITY
        self._status_now = True
        self.due_s = at_s

    def answer(self, topic: str | None, at_s: float) -> None:
        """Publish a state topic that somebody set, changed or not."""
        if topic is not None:
            self._to_answer.add(topic)
            self.due_s = min(self.due_s, at_s)

    def follow(self, before: State, decision: Decision, at_s: float) -> None:
        """Take note of a step."""
        if not self._started:
            return
        if decision.decided:
            self._events += [(at_s, decided) for decided in decision.decided]
            del self._events[:-MOST_EVENTS]
        after = decision.state
        if (
            decision.decided
            or decision.notes
            or after.loads is not before.loads
            or after.zones is not before.zones
            or after.away is not before.away
        ):
            self._status_now = self._status_now or bool(decision.decided or decision.notes)
            self._changed = True
            self.due_s = min(self.due_s, at_s)
        elif after.circuits is not before.circuits:
            self.due_s = min(self.due_s, max(at_s, self._status_s + self._changes_s))

    def messages(
        self,
        state: State,
        seen: Snapshot,
        *,
        to_datetime: Callable[[float], datetime],
        next_tick: datetime,
    ) -> tuple[Message, ...]:
        """Return what is due; ``due_s`` is then the next time."""
        at_s = seen.at_s
        self._counts.follow(seen)
        out: list[Message] = []
        if self._availability:
            self._availability = False
            out.append(Message(self._topics.availability, b"online", qos=1, retain=True))
        out += (Message(topic, b"", qos=1, retain=True) for topic in self._to_clear)
        self._to_clear = ()
        if at_s >= self._discovery_due_s and self._discovery is not None:
            self._discovery_due_s = INFINITY
            self._discovered_s = at_s
            out += self._discover(self._discovery)
        out += self._states(state, seen)
        for happened_s, decided in self._events:
            document = event_log.event(
                decided, self._house, at=to_datetime(happened_s), dry_run=self._house.dry_run
            )
            out.append(Message(self._topics.event, dump(document)))
        self._events.clear()
        out += self._status(seen, to_datetime, next_tick)
        self.due_s = min(
            self._discovery_due_s,
            self._status_s + (self._changes_s if self._changed else HEARTBEAT_S),
        )
        return tuple(out)

    def _discover(self, discovery: Message) -> Iterator[Message]:
        if self._old_discovery is not None:
            leftover = homeassistant.leftovers(self._old_discovery, discovery)
            self._old_discovery = None
            if leftover is not None:
                yield leftover
        yield discovery

    def _states(self, state: State, seen: Snapshot) -> Iterator[Message]:
        for topic, payload in self._state_payloads(state, seen):
            if self._published.get(topic) != payload or topic in self._to_answer:
                self._published[topic] = payload
                yield Message(topic, payload, qos=1, retain=True)
        self._to_answer.clear()

    def _state_payloads(self, state: State, seen: Snapshot) -> Iterator[tuple[str, bytes]]:
        topics = self._topics
        yield topics.away, _switch(seen.away)
        for name, zone in self._house.zones.items():
            if zone.own_switch:
                yield topics.zone(name), _switch(state.zones[name].reported)
        for name, load in seen.loads.items():
            yield topics.load_state(name), _switch(load.on)
            yield topics.boost(name), _switch(load.boosted)
        for name, circuit in self._house.circuits.items():
            cs = state.circuits[name]
            if circuit.steps is not None:
                yield topics.mode(name), b"auto" if cs.mode is None else str(cs.mode).encode()
            yield topics.limit(name), f"{circuit.show(cs.limit_w):g}".encode()

    def _status(
        self, seen: Snapshot, to_datetime: Callable[[float], datetime], next_tick: datetime
    ) -> Iterator[Message]:
        at_s = seen.at_s
        words = _words(seen)
        if words != self._words:  # only numbers have to wait
            self._words = words
            self._status_now = True
        if not self._status_now and at_s < self._status_s + self._changes_s - EPSILON_S:
            return
        document = status(
            self._house,
            seen,
            sequence=self._sequence + 1,
            next_tick=next_tick,
            switches_today=self._today(seen, self._date(to_datetime(at_s))),
            to_datetime=to_datetime,
        )
        self._changed = False
        now = shown(document)
        if self._status_now or now != self._shown or at_s >= self._status_s + HEARTBEAT_S:
            self._status_now = False
            self._shown = now
            self._sequence += 1
            self._status_s = at_s
            yield Message(self._topics.status, dump(document), qos=1, retain=True)

    def _date(self, instant: datetime) -> date:
        """Return the day in the house, not in UTC."""
        return instant.astimezone(self._timezone).date()

    def _today(self, seen: Snapshot, today: date) -> dict[str, int]:
        switches = {name: load.switches for name, load in seen.loads.items()}
        if today != self._day:
            left, self._left = self._left, None
            same = left is not None and left.at is not None and self._date(left.at) == today
            self._today_before = left.switches_today if left is not None and same else {}
            # a tick at midnight belongs to the new day: it was not shown before
            self._at_midnight = switches if self._day is None else self._switches
            self._day = today
        self._switches = switches
        return {
            name: count - self._at_midnight[name] + self._today_before.get(name, 0)
            for name, count in switches.items()
        }


def _words(seen: Snapshot) -> tuple[object, ...]:
    """Return what is shown as words: people wait for it, and it changes seldom."""
    return (
        seen.away,
        seen.starting,
        tuple(seen.zones.values()),
        tuple(
            (each.blind, each.mode, each.mode_source, each.limit_w)
            for each in seen.circuits.values()
        ),
        tuple(
            (each.on, each.relay, each.reason, each.boosted, each.online)
            for each in seen.loads.values()
        ),
    )


def _switch(on: bool) -> bytes:
    return b"ON" if on else b"OFF"
