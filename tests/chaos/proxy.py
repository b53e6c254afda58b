"""A TCP proxy between the service and the broker that can be as bad as a network.

It reads the MQTT packets that pass, so that an observer knows what the service was told and
what it said, and when.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator

from tests.chaos.packets import PUBLISH, SUBACK, Packet, repeated
from tests.chaos.pipes import Connection, abort
from tests.chaos.toxics import Passed, Tap, Toxics, Way


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
        self.target_port = target_port
        self._tap = tap
        self._random = random.Random(seed)
        self._connections: dict[int, Connection] = {}
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
        connection = Connection(self, number, reader, writer)
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
