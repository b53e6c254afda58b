"""A TCP proxy between the service and the broker that can be as bad as a network.

It reads the MQTT packets that pass, so that an observer knows what the service was told and
what it said, and when.
"""

import asyncio
import contextlib
import random
import socket
import struct
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import StrEnum

from tests.chaos.packets import PUBLISH, SUBACK, Packet, Splitter, repeated

_CHUNK_BYTES = 65_536
_MOST_WAITING_BYTES = 65_536
_LOOK_S = 1.0  # how often to look whether a direction still holds
_RESET = struct.pack("ii", 1, 0)


class Way(StrEnum):
    """A direction."""

    UP = "up"  # from the service to the broker
    DOWN = "down"


@dataclass
class Toxics:
    """What is wrong with one direction; nothing by default.

    Attributes:
        latency_s: Every packet comes so much later, in seconds.
        jitter_s: And up to so much more; the order stays.
        bytes_per_s: Bandwidth; None: all there is.
        slice_bytes: Every write is cut into pieces of so many bytes; None: not.
        held: Nothing arrives; what is sent meanwhile comes at the end.
        repeat_share: Share of PUBLISH packets that come twice.
    """

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float | None = None
    slice_bytes: int | None = None
    held: bool = False
    repeat_share: float = 0.0


@dataclass(frozen=True)
class Passed:
    """A packet that went through.

    Attributes:
        at_s: When the service handed it over, or had it handed over; monotonic.
        link: Name of the proxy.
        connection: Number of the connection, from 1.
    """

    at_s: float
    link: str
    connection: int
    way: Way
    packet: Packet


class Tap:
    """Whoever listens; does nothing by itself."""

    def opened(self, link: str, connection: int, at_s: float) -> None:
        """Take note that the service has connected."""

    def passed(self, passed: Passed) -> None:
        """Take note of a packet."""

    def closed(self, link: str, connection: int, at_s: float, *, by_service: bool) -> None:
        """Take note that the service's side has ended."""


@dataclass
class _Pipe:
    """What is on its way in one direction."""

    writer: asyncio.StreamWriter
    waiting: list[tuple[float, bytes, Packet | None]] = field(default_factory=list)
    waiting_bytes: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False  # nothing more will be put in
    gone: asyncio.Event = field(default_factory=asyncio.Event)  # something was taken out

    async def room(self) -> None:
        """Wait until not too much is on its way."""
        while self.waiting_bytes > _MOST_WAITING_BYTES:
            self.gone.clear()
            await self.gone.wait()


class Proxy:
    """Forwards connections from one port to another.

    Attributes:
        port: Where the service connects to.
        toxics: By direction.
        refusing: A new connection is closed at once.
        half_open: A new connection is accepted and nothing more.
        lost_subacks: So many SUBACKs will not arrive.
        opened: How many connections were asked for.
        cut: The next PUBLISH in this direction is cut in half and both sides are reset.
    """

    def __init__(self, name: str, target_port: int, tap: Tap, seed: int = 0) -> None:
        self.name = name
        self.port = 0
        self.toxics = {way: Toxics() for way in Way}
        self.refusing = False
        self.half_open = False
        self.lost_subacks = 0
        self.cut: Way | None = None
        self.passed = 0
        self._target_port = target_port
        self._tap = tap
        self._random = random.Random(seed)
        self._connections: dict[int, _Connection] = {}
        self.opened = 0
        self._server: asyncio.Server | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Proxy"]:
        """Listen on a free port of the loopback."""
        await self.listen()
        try:
            yield self
        finally:
            self.deafen()
            self.reset()
            for each in list(self._connections.values()):
                await each.over.wait()

    async def listen(self) -> None:
        """Take connections."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def deafen(self) -> None:
        """Take no more connections: the kernel refuses them, as where nobody listens."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def heal(self) -> None:
        """Let everything pass as it should; what was held comes now."""
        self.toxics = {way: Toxics() for way in Way}
        self.refusing = self.half_open = False
        self.lost_subacks = 0
        self.cut = None
        for each in list(self._connections.values()):
            each.healed()
        self.changed()

    def changed(self) -> None:
        """Look at ``toxics`` again."""
        for each in self._connections.values():
            each.look()

    def blackhole(self, *ways: Way) -> None:
        """Let nothing through, in these directions or both; not even the end of a connection."""
        for way in ways or tuple(Way):
            self.toxics[way].held = True

    def reset(self) -> None:
        """Reset every connection."""
        for each in list(self._connections.values()):
            each.reset()

    @property
    def connections(self) -> int:
        return len(self._connections)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        number = self.opened
        if self.refusing:
            abort(writer)
            return
        connection = _Connection(self, number, reader, writer)
        self._connections[number] = connection
        self._tap.opened(self.name, number, time.monotonic())
        try:
            await connection.serve()
        finally:
            self._connections.pop(number, None)
            connection.over.set()

    # what its connections ask for

    def due_s(self, way: Way, now_s: float) -> float:
        """Return when a packet that has just come may go on."""
        toxics = self.toxics[way]
        return now_s + toxics.latency_s + self._random.uniform(0.0, toxics.jitter_s)

    def prepared(self, way: Way, packet: Packet) -> list[bytes]:
        """Return what is sent for a packet: it, it twice, or nothing."""
        if packet.kind == SUBACK and self.lost_subacks > 0:
            self.lost_subacks -= 1
            return []
        if packet.kind == PUBLISH and self._random.random() < self.toxics[way].repeat_share:
            return [packet.raw, repeated(packet)]
        return [packet.raw]

    def tell(self, number: int, way: Way, packet: Packet) -> None:
        """Tell the tap."""
        self.passed += 1
        self._tap.passed(Passed(time.monotonic(), self.name, number, way, packet))

    def tell_closed(self, number: int, *, by_service: bool) -> None:
        """Tell the tap of the end of the service's side."""
        self._tap.closed(self.name, number, time.monotonic(), by_service=by_service)


class _Connection:
    def __init__(
        self,
        proxy: Proxy,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._number = number
        self._reader = reader
        self._pipes = {Way.DOWN: _Pipe(writer)}
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False
        self._to_reset = False
        self._half_open = proxy.half_open
        self.over = asyncio.Event()

    async def serve(self) -> None:
        nodelay(self._pipes[Way.DOWN].writer)
        try:
            if self._half_open:
                await self._gaze()
                return
            try:
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self._proxy._target_port
                )
            except OSError:
                self._over(by_service=False)
                return
            nodelay(writer)
            self._pipes[Way.UP] = _Pipe(writer)
            self._tasks = [
                asyncio.create_task(self._take(Way.UP, self._reader)),
                asyncio.create_task(self._take(Way.DOWN, reader)),
                asyncio.create_task(self._give(Way.UP)),
                asyncio.create_task(self._give(Way.DOWN)),
            ]
            await asyncio.wait(self._tasks)
        finally:
            for pipe in self._pipes.values():
                abort(pipe.writer) if self._to_reset else pipe.writer.close()

    async def _gaze(self) -> None:
        """Swallow whatever comes."""
        with contextlib.suppress(OSError):
            while await self._reader.read(_CHUNK_BYTES):
                pass
        self._over(by_service=not self._to_reset)

    async def _take(self, way: Way, reader: asyncio.StreamReader) -> None:
        """Take in one direction and put on its way."""
        pipe, splitter, proxy = self._pipes[way], Splitter(), self._proxy
        aborted = False
        try:
            while data := await reader.read(_CHUNK_BYTES):
                packets = splitter.feed(data)
                now_s = time.monotonic()
                for packet in packets:
                    if way is Way.UP:
                        proxy.tell(self._number, way, packet)
                    if packet.kind == PUBLISH and proxy.cut is way:
                        proxy.cut = None
                        pipe.waiting.append((now_s, packet.raw[: len(packet.raw) // 2], None))
                        pipe.news.set()
                        await asyncio.sleep(0.005)
                        self.reset()
                        return
                    for raw in proxy.prepared(way, packet):
                        pipe.waiting.append((proxy.due_s(way, now_s), raw, packet))
                        pipe.waiting_bytes += len(raw)
                pipe.news.set()
                await pipe.room()
        except OSError:
            aborted = True
        if way is Way.UP:
            self._over(by_service=True)
        pipe.ended = True
        self._to_reset = self._to_reset or aborted
        pipe.news.set()

    async def _give(self, way: Way) -> None:
        """Let arrive what is on its way, as the toxics allow; then end the other side."""
        pipe = self._pipes[way]
        last_s = 0.0
        try:
            while True:
                toxics = self._proxy.toxics[way]
                now_s = time.monotonic()
                if not pipe.waiting and pipe.ended and not toxics.held:
                    break
                due_s = max(pipe.waiting[0][0], last_s) if pipe.waiting else float("inf")
                if toxics.held or due_s > now_s:
                    left_s = _LOOK_S if toxics.held else min(_LOOK_S, due_s - now_s)
                    pipe.news.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(left_s):
                            await pipe.news.wait()
                    continue
                _, data, packet = pipe.waiting.pop(0)
                pipe.waiting_bytes -= len(data)
                pipe.gone.set()
                last_s = due_s
                await self._write(pipe.writer, data, toxics)
                if way is Way.DOWN and packet is not None:
                    self._proxy.tell(self._number, way, packet)
        except OSError:
            self._to_reset = True
        self._end()

    async def _write(self, writer: asyncio.StreamWriter, data: bytes, toxics: Toxics) -> None:
        size = toxics.slice_bytes or len(data)
        if toxics.bytes_per_s is not None:
            size = min(size, max(1, int(toxics.bytes_per_s / 20.0)))
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            writer.write(piece)
            await writer.drain()
            if toxics.bytes_per_s is not None:
                await asyncio.sleep(len(piece) / toxics.bytes_per_s)
            elif toxics.slice_bytes is not None:
                await asyncio.sleep(0)

    def reset(self) -> None:
        """End both sides with a reset."""
        self._to_reset = True
        for pipe in self._pipes.values():
            abort(pipe.writer)
        self._over(by_service=False)
        self._end()

    def healed(self) -> None:
        """Go on; a connection that never was one is reset."""
        if self._half_open:
            self.reset()

    def look(self) -> None:
        for pipe in self._pipes.values():
            pipe.news.set()

    def _over(self, *, by_service: bool) -> None:
        if not self._closed:
            self._closed = True
            self._proxy.tell_closed(self._number, by_service=by_service)

    def _end(self) -> None:
        self._over(by_service=False)
        for task in self._tasks:
            task.cancel()


def nodelay(writer: asyncio.StreamWriter) -> None:
    """Send every write at once."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def abort(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST."""
    sock: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
