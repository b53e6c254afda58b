"""A network that misbehaves, between the service and the broker."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

_CHUNK = 65_536


@dataclass
class Way:
    """One direction of all connections.

    Attributes:
        delay_s: Added to everything.
        bytes_per_s: Bandwidth, None: as fast as it goes.
        slice_bytes: Largest piece that is passed on, None: as it comes.
        swallows_through: Of connections up to this number everything vanishes, though they stand.
    """

    delay_s: float = 0.0
    bytes_per_s: float | None = None
    slice_bytes: int | None = None
    swallows_through: int = 0


class Proxy:
    """Passes TCP connections on, worse than they came.

    Attributes:
        up: From the service to the broker.
        down: From the broker to the service.
        connections: How many there have been.
    """

    def __init__(self, broker_port: int) -> None:
        self.up = Way()
        self.down = Way()
        self.connections = 0
        self.port = 0
        self._broker_port = broker_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.reset()
            for each in list(self._serving):
                each.cancel()

    def reset(self) -> None:
        """Cut every connection with RST."""
        for writer in list(self._writers):
            if not writer.is_closing():
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            broker = await asyncio.open_connection("127.0.0.1", self._broker_port)
            self._writers |= {writer, broker[1]}
            await asyncio.gather(
                self._pass(reader, broker[1], self.up), self._pass(broker[0], writer, self.down)
            )
        self._serving.discard(serving)
        writer.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way
    ) -> None:
        number = self.connections
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        async def take() -> None:
            while data := await reader.read(_CHUNK if way.slice_bytes is None else way.slice_bytes):
                if way.bytes_per_s is not None:
                    await asyncio.sleep(len(data) / way.bytes_per_s)
                if number > way.swallows_through:
                    late.put_nowait((loop.time() + way.delay_s, data))
            late.put_nowait((loop.time() + way.delay_s, b""))

        taking = asyncio.create_task(take())
        try:
            while True:
                due_s, data = await late.get()
                await asyncio.sleep(max(0.0, due_s - loop.time()))
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            taking.cancel()
            self._writers.discard(writer)
            writer.close()
