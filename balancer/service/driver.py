"""Drives the engine: messages and time in, messages out. Nothing here waits.

Everything happens in the callback that read the messages: decide, write all relay commands of
the decision with one ``send``, and leave the rest to the outbox.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType

from balancer.engine import Engine, Outgoing
from balancer.service.clock import Clock
from balancer.service.inbox import MOST_PIECES, newest
from balancer.service.outbox import Outbox
from balancer.service.packets import DISCONNECT, Received, publish_packet
from balancer.service.stream import Stream
from balancer.views.counts import Session as SessionCounts
from balancer.wire import Message

GAP_S = 3.0
_SHORTEST_SLEEP_S = 0.0005  # a deadline that stays in the past must not starve the loop
_OVERDUE_S = 2.0  # a missed deadline means that decisions do not flow any more
_MOST_EARLY = 10_000  # messages between SUBSCRIBE and its answer
_MOST_EARLY_BYTES = 16_777_216
_MOST_WISH_BYTES = 4_096
_LAST_WORDS_S = 0.5
_LAST_IDS = 0x7000  # of QoS 1 messages after which nothing comes

Log = Callable[[int, str], None]


class Driver:
    """The one place that calls the engine.

    Attributes:
        engine: What decides.
        stream: Where commands go; None without a connection or while standing by.
        counts: Where reactions are counted.
        failed: Gets the exception of the engine; then nothing is decided any more (R16).
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        counts: SessionCounts,
        *,
        meter_topics: frozenset[bytes],
        overtaken: frozenset[bytes],
        wishes: frozenset[bytes],
        log: Log,
        on_gap: Callable[[float], None],
    ) -> None:
        """Begin to keep the engine's deadlines.

        Args:
            engine: What decides.
            clock: When.
            counts: Where reactions are counted.
            meter_topics: Topics that carry readings.
            overtaken: Those of them that carry nothing else: only the newest counts.
            wishes: Topics on which people and thermostats say what they want, and nothing else.
            log: Takes lines after the commands are sent.
            on_gap: Called with the seconds that the process stood still.
        """
        self.engine = engine
        self.stream: Stream | None = None
        self.outbox = Outbox()
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._clock = clock
        self.counts = counts
        self._meter_topics = meter_topics
        self._overtaken = overtaken
        self._wish_topics = wishes
        self._wishes: dict[bytes, Message] = {}  # over a gap; the newest of each topic
        self._topics: dict[bytes, str] = {}
        self._early: _Early | None = None
        self._log = log
        self._lines: list[tuple[int, str]] = []
        self._on_gap = on_gap
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = math.inf
        self._awake_s = clock.awake_s()
        self._pumping = False
        self._resting = False
        self._farewell = DISCONNECT
        self._guard = _Guard(self.fail)

    # -- what happens ----------------------------------------------------------------------------

    def messages(
        self, batch: Sequence[Received], at_s: float, own: Mapping[bytes, Callable[..., None]]
    ) -> None:
        """Decide on what was received together.

        Args:
            batch: In the order in which it came.
            at_s: When, in monotonic seconds.
            own: What takes messages of some topics instead of the engine.
        """
        if self.failed.done() or self.gap(batch):
            return
        with self._guard:
            kept, overtaken = newest(batch, self._overtaken, self._whole)
            if overtaken:
                judged = [_reading(each) for each in overtaken[-MOST_PIECES:]]
                self.engine.overtaken(len(overtaken), judged)
            for each in kept:
                handler = own.get(each.topic)
                if handler is not None:
                    handler(each, at_s)
                    continue
                topic = self._topics.get(each.topic)
                if topic is None or self.stream is None:
                    continue  # not subscribed, or not yet: some brokers send it all the same
                qos = 0 if each.packet_id is None else 1
                message = Message(topic, each.payload, qos, each.retain)
                if self._early is not None:
                    piece = None
                    if each.topic in self._overtaken:
                        piece = topic, self.engine.reads(message)
                    self._early.keep(message, at_s, instead_of=piece)
                    continue
                outgoing = self.engine.receive(message, at_s)
                if outgoing.commands:
                    self.stream.publish_all(outgoing.commands)
                    if each.topic in self._meter_topics:
                        self.counts.reaction.observe(self._clock.monotonic_s() - at_s)
                if outgoing.rest:
                    self.outbox.put(outgoing.rest)
            self._after()

    def _whole(self, received: Received) -> bool:
        return self.engine.reads(_reading(received))

    def tell(self, ask: Callable[[float], Outgoing]) -> None:
        """Give the engine something else to think about: ``connected``, ``start``, ``stop``."""
        if self.failed.done():
            return
        with self._guard:
            outgoing = ask(self._clock.monotonic_s())
            if outgoing.commands and self.stream is not None:
                self.stream.publish_all(outgoing.commands)
            self.outbox.put(outgoing.rest)
            self._after()

    def set_wall(self, at_s: float, wall_s: float) -> None:
        """Tell the engine what the wall clock shows."""
        if self.failed.done() or self._resting:
            return
        with self._guard:
            self.engine.set_wall(at_s, wall_s)
            self._after()

    def rest(self, engine: Engine) -> None:
        """Decide nothing, not even by time, until the next connection: somebody else does."""
        self.engine = engine
        self._resting = True
        self._wishes.clear()

    @property
    def flows(self) -> bool:
        """Decisions are made when they are due."""
        overdue_s = self._clock.monotonic_s() - self.engine.deadline_s
        return self._resting or overdue_s < _OVERDUE_S

    def attach(self, stream: Stream, topics: Mapping[str, int]) -> None:
        """Take a new connection, with what is about to be subscribed.

        What was retained may come before all subscriptions are granted; it waits for
        ``connected``.
        """
        self._resting = False
        self._early = _Early()
        self.stream = stream
        self.outbox.attach(stream)
        self._topics = {topic.encode(): topic for topic in topics}

    def connected(self) -> None:
        """Note that all subscriptions are granted."""
        self.tell(self.engine.connected)
        early, self._early = self._early, None
        for message in self._wishes.values():
            self.tell(partial(self._receive_early, message, self._clock.monotonic_s()))
        self._wishes.clear()
        for message, at_s in () if early is None else early.messages:
            self.tell(partial(self._receive_early, message, at_s))

    def _receive_early(self, message: Message, at_s: float, _: float) -> Outgoing:
        return self.engine.receive(message, at_s)

    def detach(self) -> None:
        """Note that there is no connection any more."""
        self.stream = None
        self.outbox.attach(None)
        with self._guard:
            self.engine.disconnected(self._clock.monotonic_s())
            self._after()

    def gap(self, batch: Sequence[Received] = ()) -> bool:
        """Note that the process runs; return whether it stood still before.

        What lies in the socket after that is old, and nobody renewed a lease or looked at a
        meter: it must not be taken for the present.

        Args:
            batch: What was read already.
        """
        now_s = self._clock.awake_s()
        stood_s, self._awake_s = now_s - self._awake_s, now_s
        if stood_s <= GAP_S:
            return False
        self.keep_wishes(batch)
        self._on_gap(stood_s)
        return True

    def keep_wishes(self, batch: Sequence[Received]) -> None:
        """Keep what people want for the next connection: it is old, but they still want it."""
        for each in batch:
            if each.topic not in self._wish_topics or each.retain:
                continue
            message = Message(each.topic.decode(), each.payload, 1)
            if len(each.payload) <= _MOST_WISH_BYTES and self.engine.understands(message):
                self._wishes.pop(each.topic, None)  # the newest is the last
                self._wishes[each.topic] = message

    def acknowledged(self, packet_id: int) -> None:
        """Note that the broker has a QoS 1 message of ours."""
        self.outbox.acknowledged(packet_id)
        self.pump_soon()

    def note(self, level: int, text: str) -> None:
        """Keep a line of the engine until its commands are sent."""
        self._lines.append((level, text))

    def pump_soon(self) -> None:
        """Send what waits, as far as the socket takes it, once there is nothing better to do."""
        if not self._pumping and len(self.outbox):
            self._pumping = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = False
        with self._guard:
            self.outbox.pump(self._clock.monotonic_s())

    def close(self) -> None:
        """End; nothing is decided any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._emit()
        if not self.failed.done():
            self.failed.cancel()

    # -- failing ---------------------------------------------------------------------------------

    def fail(self, error: BaseException) -> None:
        """Stop deciding: every load off by prepared messages, then offline (R16)."""
        if self.failed.done():
            return
        self.failed.set_exception(error)
        self.last_words()
        self._emit()

    def last_words(self) -> None:
        """Write OFF for every load and offline to the socket; needs no engine, any thread."""
        if self.stream is not None:
            self.stream.send_last(self._farewell, _LAST_WORDS_S)

    def prepare(self, messages: Sequence[Message]) -> None:
        """Keep the bytes of the messages that ``last_words`` sends."""
        packets = [
            publish_packet(each, _LAST_IDS + number if each.qos else None)
            for number, each in enumerate(messages)
        ]
        self._farewell = b"".join((*packets, DISCONNECT))

    # -- afterwards ------------------------------------------------------------------------------

    def _after(self) -> None:
        self._arm()
        self.pump_soon()
        if self._lines:
            self._emit()

    def _arm(self) -> None:
        """Wake up in time; a timer that comes too early is cheaper than one set anew each time."""
        deadline_s = math.inf if self._resting else self.engine.deadline_s
        if deadline_s < self._timer_s:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_s = deadline_s
            at_s = max(deadline_s, self._loop.time() + _SHORTEST_SLEEP_S)
            self._timer = self._loop.call_at(at_s, self._due)

    def _due(self) -> None:
        self._timer, self._timer_s = None, math.inf
        if self.failed.done():
            return
        self.gap()
        now_s = self._clock.monotonic_s()
        if self.engine.deadline_s <= now_s and not self._resting:
            self.tell(self.engine.wake)
        self._arm()

    def _emit(self) -> None:
        for level, text in self._lines:
            self._log(level, text)
        self._lines.clear()


def _reading(received: Received) -> Message:
    return Message(received.topic.decode(), received.payload)


class _Early:
    """What came between SUBSCRIBE and its answer, unless it is too much."""

    def __init__(self) -> None:
        self._kept: dict[object, tuple[Message, float]] = {}
        self._bytes = 0

    @property
    def messages(self) -> Iterable[tuple[Message, float]]:
        """Each with the instant at which it came."""
        return self._kept.values()

    def keep(self, message: Message, at_s: float, *, instead_of: object | None) -> None:
        """Keep one more, instead of the last with the same key unless that is None."""
        key = object() if instead_of is None else instead_of
        if key in self._kept:
            self._bytes -= len(self._kept.pop(key)[0].payload)
        size = self._bytes + len(message.payload)
        if len(self._kept) < _MOST_EARLY and size <= _MOST_EARLY_BYTES:
            self._bytes = size
            self._kept[key] = message, at_s


class _Guard:
    """Whatever fails within it, heat goes off (R16); one for all, it costs half a microsecond."""

    def __init__(self, fail: Callable[[Exception], None]) -> None:
        self._fail = fail

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> bool:
        if isinstance(error, Exception):
            self._fail(error)
            return True
        return False
