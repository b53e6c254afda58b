"""The service from its socket on: odd topics, damaged packets, whatever a broker lets through."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from random import Random

from balancer.engine import Engine
from balancer.service.driver import Driver
from balancer.service.heartbeat import read_beat
from balancer.service.packets import Received, Splitter
from balancer.service.stream import Stream
from balancer.views.counts import Session
from balancer.views.topics import Topics
from tests.fuzz.engine_target import WALL_S, EngineTarget, a_setup
from tests.fuzz.payloads import MUTATIONS
from tests.fuzz.topics import odd_topic, packet
from tests.fuzz.witness import weight

MESSAGES_A_CONNECTION = 400
ODD, DAMAGED, SLICED = 0.3, 0.03, 0.1  # shares of all packets
MOST_STEP_S = 0.4
MOST_BYTES = 4_000_000  # of everything that a service keeps
_CHUNK_BYTES = 1 << 20
_OWN = (b"balancer/house/", b"homeassistant/device/")


class FuzzClock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_s(self) -> float:
        return WALL_S + self.now_s

    def awake_s(self) -> float:
        return self.now_s


class Line:
    """One connection: the service's stream, and the broker's end of its socket."""

    def __init__(self, driver: Driver, clock: FuzzClock) -> None:
        ours, self._theirs = socket.socketpair()
        for each in (ours, self._theirs):
            each.setblocking(False)
        self._driver, self._clock = driver, clock
        self.stream = Stream(
            ours,
            clock,
            on_messages=self._messages,
            on_other=self._other,
            on_acknowledged=driver.acknowledged,
        )
        self._said = Splitter(_CHUNK_BYTES)
        self.beats = 0

    def say(self, data: bytes) -> list[Received]:
        """Let the service read bytes; return what it published."""
        while data and not self.stream.closed:
            try:
                data = data[self._theirs.send(data[:_CHUNK_BYTES]) :]
            except BlockingIOError:
                self.stream.read()
        if not self.stream.closed:
            self.stream.read()
        return self.heard()

    def heard(self) -> list[Received]:
        """Return what the service has published, and acknowledge it."""
        published: list[Received] = []
        try:
            while data := self._theirs.recv(_CHUNK_BYTES):
                self._said.feed(data, published, [], bytearray())
        except (BlockingIOError, ConnectionError):
            pass
        for each in published:
            if each.packet_id is not None and not self.stream.closed:
                self._theirs.send(b"\x40\x02" + each.packet_id.to_bytes(2))
        return published

    def end(self) -> None:
        self.stream.abort()
        self.stream.close()
        self._theirs.close()

    def _messages(self, batch: list[Received], at_s: float) -> None:
        self._driver.messages(batch, at_s, {b"balancer/house/heartbeat": self._beat})

    def _beat(self, received: Received, _: float) -> None:
        self.beats += read_beat(received.payload) is not None

    def _other(self) -> None:
        try:
            while self.stream.recv(_CHUNK_BYTES):
                pass
            self.stream.close()
        except BlockingIOError:
            pass


class WireTarget:
    """A driver and its engine on one socket after another.

    Attributes:
        published: How many messages the service has sent.
        ended: Connections that ended by what was sent.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._random = Random(0)
        self._clock = FuzzClock()
        self._setup = a_setup()
        self._names = Topics("balancer", "house")
        self._known = EngineTarget()
        self.published = self.ended = 0
        self._left = 0
        self._line: Line | None = None
        self._loop.run_until_complete(self._begin())

    def topics(self, family: str, kind: str) -> Sequence[str]:
        if (family, kind) == ("balancer", "heartbeat"):
            return (self._names.heartbeat,)
        return self._known.topics(family, kind)

    async def _begin(self) -> None:
        engine = Engine(self._setup, at_s=0.0, wall_s=WALL_S)
        self._topics = engine.subscriptions()
        self._driver = Driver(
            engine,
            self._clock,
            Session(),
            meter_topics=frozenset(each.topic.encode() for each in self._setup.meters.values()),
            overtaken=frozenset(),
            wishes=frozenset(each.encode() for each in self._topics if each.endswith("/set")),
            log=self._log,
            on_gap=lambda _: None,
        )

    def _log(self, level: int, text: str) -> None:
        assert level < logging.CRITICAL, text
        assert "\n" not in text, text

    def _connect(self) -> Line:
        if self._line is not None:
            self._driver.detach()
            self._line.end()
        self._left = MESSAGES_A_CONNECTION
        line = self._line = Line(self._driver, self._clock)
        self._driver.attach(line.stream, self._topics)
        self._driver.connected()
        if not self._driver.engine.started:
            self._driver.tell(self._driver.engine.start)
        return line

    def __call__(self, topic: str, payload: bytes) -> None:
        self._loop.run_until_complete(self._take(topic.encode(), payload))

    async def _take(self, topic: bytes, payload: bytes) -> None:
        random = self._random
        self._clock.now_s += random.random() * MOST_STEP_S
        line = self._line
        if line is None or line.stream.closed or self._left == 0:
            self.ended += line is not None and line.stream.closed
            line = self._connect()
        self._left -= 1
        if random.random() < ODD:
            topic = odd_topic(random, topic)
        data = packet(
            topic,
            payload,
            qos=random.choice((0, 1)),
            packet_id=random.randrange(1, 65_536),
            retain=random.random() < 0.05,
            duplicate=random.random() < 0.05,
        )
        if random.random() < DAMAGED:
            data = random.choice(MUTATIONS)(random, data)
        cut = random.randrange(len(data) + 1) if random.random() < SLICED else len(data)
        for part in (data[:cut], data[cut:]):
            self._judge(line.say(part))
        await asyncio.sleep(0)
        self._judge(line.heard())
        assert not self._driver.failed.done(), self._driver.failed.exception()
        if self._left == 0:
            kept = weight(
                (
                    self._driver.engine,
                    self._driver._early,
                    self._driver.outbox._waiting,
                    line.stream._splitter,
                    line.stream._out,
                ),
                without=self._setup,
            )
            assert kept < MOST_BYTES, kept

    def _judge(self, published: list[Received]) -> None:
        self.published += len(published)
        for each in published:
            each.topic.decode()
            assert b"\0" not in each.topic, each
            assert not each.retain or each.topic.startswith(_OWN), each
