"""One connection through the proxy: two pipes, as bad as the toxics say."""

import asyncio
import contextlib
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Protocol

from tests.chaos.packets import PUBLISH, Packet, Splitter
from tests.chaos.toxics import Toxics, Way

CHUNK_BYTES = 65_536
_MOST_WAITING_BYTES = 65_536
_LOOK_S = 1.0  # how often to look whether a direction still holds
_RESET = struct.pack("ii", 1, 0)


class Line(Protocol):
    """What a connection asks of its proxy."""

    toxics: dict[Way, Toxics]
    cut: Way | None
    half_open: bool
    target_port: int

    def due_s(self, way: Way, now_s: float) -> float: ...

    def prepared(self, way: Way, packet: Packet) -> list[bytes]: ...

    def tell(self, number: int, way: Way, packet: Packet) -> None: ...

    def tell_closed(self, number: int, *, by_service: bool) -> None: ...


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


class Connection:
    """The service's side and the broker's side, and what is between them."""

    def __init__(
        self,
        proxy: Line,
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
                reader, writer = await asyncio.open_connection("127.0.0.1", self._proxy.target_port)
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
            while await self._reader.read(CHUNK_BYTES):
                pass
        self._over(by_service=not self._to_reset)

    async def _take(self, way: Way, reader: asyncio.StreamReader) -> None:
        """Take in one direction and put on its way."""
        pipe, splitter, proxy = self._pipes[way], Splitter(), self._proxy
        aborted = False
        try:
            while data := await reader.read(CHUNK_BYTES):
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
            if self._proxy.toxics[way].held:
                pipe.waiting.clear()  # a kernel forgets what it could not deliver
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
            if toxics.bytes_per_s is not None:  # first, or the balancer would know before the tap
                await asyncio.sleep(len(piece) / toxics.bytes_per_s)
            writer.write(piece)
            await writer.drain()
            if toxics.slice_bytes is not None:
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
