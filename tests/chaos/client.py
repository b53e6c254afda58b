"""A small MQTT client for devices and observers: it never waits, and always comes back."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from tests.chaos.packets import (
    CONNACK,
    PUBLISH,
    SUBACK,
    Publish,
    Splitter,
    connect,
    puback,
    publish,
    read_publish,
    subscribe,
)

_AGAIN_S = 0.05
_CHUNK_BYTES = 65_536

Listener = Callable[[Publish], None]


class Client:
    """Connects to a broker on this machine for as long as ``run`` runs.

    Attributes:
        connected: Its subscriptions are granted.
        refused: Return code of the last CONNACK that was none, else 0.
        connects: How often it was let in.
    """

    def __init__(
        self,
        port: int,
        client_id: str,
        topics: dict[str, int],
        on_message: Listener,
        *,
        on_connected: Callable[[], None] = lambda: None,
        again_s: float = _AGAIN_S,
    ) -> None:
        """Prepare.

        Args:
            port: Of the broker.
            client_id: Unlike any other.
            topics: To subscribe, with QoS.
            on_message: Gets every message, in order.
            on_connected: Called whenever the subscriptions are granted.
            again_s: Pause before connecting again, in seconds.
        """
        self._port = port
        self._client_id = client_id
        self._topics = topics
        self._on_message = on_message
        self._on_connected = on_connected
        self._again_s = again_s
        self._writer: asyncio.StreamWriter | None = None
        self._next_id = 1
        self.connected = False
        self.connects = 0
        self.refused = 0

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            with contextlib.suppress(OSError):
                await self._visit()
            await asyncio.sleep(self._again_s)

    async def _visit(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        splitter = Splitter()
        try:
            writer.write(connect(self._client_id))
            while data := await reader.read(_CHUNK_BYTES):
                for packet in splitter.feed(data):
                    if packet.kind == CONNACK:
                        self.refused = packet.body[1]
                        self.connects += 1
                        self._writer = writer
                        if self._topics:
                            writer.write(subscribe(1, self._topics))
                        else:
                            self._let_in()
                    elif packet.kind == SUBACK:
                        self._let_in()
                    elif packet.kind == PUBLISH:
                        message = read_publish(packet)
                        if message.packet_id is not None:
                            writer.write(puback(message.packet_id))
                        self._on_message(message)
        finally:
            self.connected = False
            self._writer = None
            writer.close()

    def _let_in(self) -> None:
        self.connected = True
        self._on_connected()

    def publish(
        self, topic: str, payload: bytes | str = b"", *, qos: int = 0, retain: bool = False
    ) -> bool:
        """Send a message if there is a connection; return whether there is."""
        if self._writer is None or not self.connected:
            return False
        data = payload.encode() if isinstance(payload, str) else payload
        number = None
        if qos:
            number = self._next_id
            self._next_id = number % 0xFFFF + 1
        self._writer.write(publish(Publish(topic, data, qos, retain, number)))
        return True
