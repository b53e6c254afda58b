"""The engine: routes messages to the controller and its commands and views back.

``receive`` answers with relay commands only and is short: it stands between the meter and
the relay. Everything that shows something is made by ``wake``, whose deadline is then now.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from balancer.config.setup import Setup
from balancer.core.commands import Command, QueryRelay, RenewLease, SwitchRelay
from balancer.core.events import (
    Connected,
    Disconnected,
    Event,
    RotateDue,
    Started,
    StopRequested,
    Wake,
)
from balancer.core.observe import snapshot
from balancer.core.snapshot import Snapshot
from balancer.core.state import initial_state
from balancer.core.step import Decision, step
from balancer.engine.display import CHANGES_S, Display
from balancer.engine.routes import Log, Routes
from balancer.views import event_log
from balancer.views.counts import Counts
from balancer.views.memory import memory, read_back
from balancer.views.topics import Topics
from balancer.wire import Message

OVERDUE_S = 0.1  # views that wait longer than this go with the next message
CLOCK_JUMP_S = 2.0
CLOCK_DRIFT_S = 0.05


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What has to be published.

    Attributes:
        commands: To relays and devices, in this order, before everything else.
        rest: Status, state topics, events, discovery; may wait.
    """

    commands: tuple[Message, ...] = ()
    rest: tuple[Message, ...] = ()


class Engine:
    """One house. All times are monotonic seconds, given by the driver.

    Attributes:
        counts: What has been counted so far.
        topics: Names of the balancer's own topics.
    """

    def __init__(
        self,
        setup: Setup,
        *,
        at_s: float,
        wall_s: float,
        log: Log | None = None,
        views: bool = True,
        changes_s: float = CHANGES_S,
    ) -> None:
        """Make an engine that knows nothing yet.

        Args:
            setup: The house and its devices.
            at_s: Now, on the monotonic line.
            wall_s: The same instant in seconds since 1970.
            log: Takes a level of ``logging`` and a line.
            views: False: nothing is shown, for a simulation that nobody looks at.
            changes_s: Numbers that change are shown not more often; longer in a simulation.
        """
        self._setup = setup
        self._house = setup.house
        self._log: Log = log or (lambda _level, _line: None)
        self.counts = Counts()
        self.topics = Topics(setup.broker.base_topic, setup.house.name)
        self._routes = Routes(setup, self.topics, self.counts, self._log)
        self._state = initial_state(setup.house, at_s)
        self._deadline_s = float("inf")
        self._offset_s = wall_s - at_s
        self._tick_s = self._next_tick_s(at_s)
        self._retained: dict[str, bytes] = {}
        self._read_back = frozenset(read_back(setup.house, self.topics))
        self._held_back: dict[str, Message] = {}  # settings before the start; the newest counts
        self._display = Display(setup, self.topics, self.counts, changes_s=changes_s)
        self._views = views
        self._switch = {
            (name, on): relay.switch(on=on)
            for name, relay in setup.relays.items()
            for on in (False, True)
        }
        self.will = Message(self.topics.availability, b"offline", qos=1, retain=True)
        self.emergency = (
            () if self._house.dry_run else tuple(self._switch[name, False] for name in setup.relays)
        )

    # what a driver asks

    def subscriptions(self) -> dict[str, int]:
        """Return the QoS of every topic to subscribe to at each connect."""
        wanted = dict(self._routes.topics)
        if not self._state.started:
            wanted.update(dict.fromkeys(self._read_back, 1))
        wanted.update(self._display.subscriptions())
        return wanted

    def read_back_done(self) -> tuple[str, ...]:
        """Return the topics that need no subscription after ``start``."""
        return tuple(self._read_back - self._routes.topics.keys())

    @property
    def started(self) -> bool:
        """Memory has been read back; decisions are made."""
        return self._state.started

    @property
    def stopped(self) -> bool:
        """Whether the relays are as ``on_exit`` wants them, and the last status tells so."""
        if self._house.keep_on_exit or self._house.dry_run or not self._state.started:
            return True
        return not (any(ls.live for ls in self._state.loads.values()) or self._display.owes)

    @property
    def deadline_s(self) -> float:
        """When ``wake`` has to be called at the latest, on the monotonic line."""
        return min(self._deadline_s, self._tick_s, self._views_due_s)

    def snapshot(self, at_s: float) -> Snapshot:
        """Return what can be seen now."""
        return snapshot(self._house, self._state, at_s, self._tick_s)

    # what a driver tells

    def connected(self, at_s: float) -> Outgoing:
        """Take note of a connection whose subscriptions are granted."""
        self._routes.forget_online()
        commands = self._decide(Connected(at_s))
        self._routes.forget_setups()
        setups: list[Message] = []
        if not self._house.dry_run:
            setups += (each for relay in self._setup.relays.values() for each in relay.setup)
        if self._state.started:
            self._display.everything(at_s)
        return Outgoing((*commands, *setups))

    def start(self, at_s: float) -> Outgoing:
        """Begin to decide: everything that was retained has been received."""
        assert not self._state.started
        remembered, sentences, left = memory(
            self._retained,
            self._house,
            self.topics,
            to_monotonic=lambda at: at.timestamp() - self._offset_s,
            now_s=at_s,
        )
        fresh = not self._retained.get(self.topics.status)  # the first sentence then says so
        for number, sentence in enumerate(sentences):
            self._log(logging.INFO if fresh and number == 0 else logging.WARNING, sentence)
        self._display.take_over(left, self._to_datetime(at_s).date())
        self._display.everything(at_s)
        self._retained.clear()
        commands = list(self._decide(Started(at_s, remembered)))
        held_back, self._held_back = self._held_back, {}
        for message in held_back.values():
            commands += self.receive(message, at_s).commands
        return Outgoing(tuple(commands))

    def disconnected(self, at_s: float) -> None:
        """Take note that the broker is gone."""
        self._decide(Disconnected(at_s))

    def set_wall(self, at_s: float, wall_s: float) -> None:
        """Follow the wall clock; a jump arms the tick anew and changes nothing else (F71)."""
        jump_s = wall_s - at_s - self._offset_s
        if abs(jump_s) < CLOCK_DRIFT_S:
            return  # an instant to come is shown as the same one each time
        self._offset_s += jump_s
        if abs(jump_s) > CLOCK_JUMP_S:
            self._log(logging.WARNING, f"clock_jump seconds={jump_s:.0f}")
            self._tick_s = self._next_tick_s(at_s)
        elif self._tick_s > at_s:
            self._tick_s = max(at_s, self._tick_s - jump_s)

    def stop(self, at_s: float) -> Outgoing:
        """Follow ``on_exit``; then ``stopped`` tells when it is done."""
        return Outgoing(self._decide(StopRequested(at_s)))

    def receive(self, message: Message, at_s: float) -> Outgoing:
        """Decide what follows from a message.

        Args:
            message: As delivered; ``retain`` tells that it was kept from before.
            at_s: When it was received.
        """
        at_s = max(at_s, self._state.at_s)
        commands: list[Message] = []
        if at_s >= min(self._deadline_s, self._tick_s):
            commands += self._on_time(at_s)
        if message.topic in self._display.reads:
            self._display.read(message, at_s)
        elif self._routes.is_setting(message.topic):
            commands += self._set(message, at_s)
        else:
            if not self._state.started and message.retain and message.topic in self._read_back:
                self._retained[message.topic] = message.payload
            for event in self._routes.events(message, at_s, self._requested):
                commands += self._decide(event)
            if not (self._house.dry_run or message.retain):
                commands += self._routes.replies(message)
        rest = self._show(at_s) if at_s >= self._views_due_s + OVERDUE_S else ()
        return Outgoing(tuple(commands), rest)

    def overtaken(self, count: int, judged: Iterable[Message]) -> None:
        """Count readings that newer ones have overtaken unread.

        Args:
            count: How many.
            judged: Those of them of which it is told if they are none (R13).
        """
        self.counts.conflated += count
        for message in judged:
            self._routes.judge(message)

    def reads(self, message: Message) -> bool:
        """Return whether every meter of a topic gets its reading from a message."""
        return self._routes.reads(message)

    def understands(self, message: Message) -> bool:
        """Return whether a message on a topic for people or thermostats says what they want."""
        return self._routes.understands(message)

    def wake(self, at_s: float) -> Outgoing:
        """Do what time brings: due decisions, then due views."""
        at_s = max(at_s, self._state.at_s)
        commands: tuple[Message, ...] = ()
        if at_s >= min(self._deadline_s, self._tick_s):
            commands = self._on_time(at_s)
        return Outgoing(commands, self._show(at_s) if at_s >= self._views_due_s else ())

    # inside

    @property
    def _views_due_s(self) -> float:
        return self._display.due_s if self._views else float("inf")

    def _requested(self, zone: str) -> bool:
        return self._state.zones[zone].requested

    def _set(self, message: Message, at_s: float) -> Iterable[Message]:
        event = self._routes.setting(message, at_s)
        if not self._state.started:
            if event is not None:
                self._held_back.pop(message.topic, None)
                self._held_back[message.topic] = message
            return ()
        if not message.retain:
            self._display.answer(self._routes.setters.get(message.topic), at_s)
        return () if event is None else self._decide(event)

    def _on_time(self, at_s: float) -> tuple[Message, ...]:
        if at_s >= self._tick_s:
            self._tick_s = self._next_tick_s(at_s)
            return self._decide(RotateDue(at_s))
        return self._decide(Wake(at_s))

    def _decide(self, event: Event) -> tuple[Message, ...]:
        before = self._state
        decision = step(self._house, before, event)
        self._state = decision.state
        self._deadline_s = decision.deadline_s
        messages = self._encode(decision.commands) if decision.commands else ()
        if decision.decided or decision.notes:
            self._tell(decision)
        if self._views:
            self._display.follow(before, decision, event.at_s)
        return messages

    def _encode(self, commands: Iterable[Command]) -> tuple[Message, ...]:
        messages: list[Message] = []
        for command in commands:
            match command:
                case SwitchRelay():
                    messages.append(self._switch[command.load, command.on])
                case RenewLease():
                    messages.append(self._switch[command.load, True])
                case QueryRelay():
                    messages += self._setup.relays[command.load].query
        return tuple(messages)

    def _tell(self, decision: Decision) -> None:
        for decided in decision.decided:
            self.counts.decided(decided)
            circuit = decision.state.circuits.get(decided.circuit or "")
            line = event_log.log_line(
                decided,
                self._house,
                limit_w=None if circuit is None else circuit.limit_w,
                dry_run=self._house.dry_run,
            )
            self._log(line.level, line.text)
        for note in decision.notes:
            self.counts.note(note)
            line = event_log.note_line(note)
            self._log(line.level, line.text)

    def _show(self, at_s: float) -> tuple[Message, ...]:
        seen = self.snapshot(at_s)
        return self._display.messages(
            self._state,
            seen,
            to_datetime=self._to_datetime,
            next_tick=self._to_datetime(self._tick_s),
        )

    def _to_datetime(self, at_s: float) -> datetime:
        return datetime.fromtimestamp(at_s + self._offset_s, tz=UTC)

    def _next_tick_s(self, at_s: float) -> float:
        due = self._setup.schedule.next_after(self._to_datetime(at_s)).timestamp() - self._offset_s
        return max(due, at_s + 1e-3)
