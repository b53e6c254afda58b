"""The embedded broker, on a loop of its own, and the simulated devices' way to it."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from random import Random
from typing import Any

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker as AmqttBroker

from balancer.sim.broker import Broker
from balancer.sim.clock import Clock
from balancer.wire import Message

START_WITHIN_S = 10.0
STOP_WITHIN_S = 3.0
ANYBODY: Mapping[str, Any] = {
    "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
}
_LISTENER = "default"  # the only name that the library always looks for


def silence_library() -> None:
    """Keep the broker's own log out of the terminal."""
    for name in ("amqtt", "transitions", "asyncio", "aiomqtt", "mqtt"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


@contextlib.asynccontextmanager
async def embedded(plugins: Mapping[str, Any]) -> AsyncIterator[int]:
    """Run a real MQTT broker in this loop; yields the free port of this machine it is given.

    The listening is ours: the broker would not tell its port.

    Args:
        plugins: Of the broker, with their settings: who may do what.
    """
    listeners = {_LISTENER: {"type": "external", "bind": "127.0.0.1"}}
    broker = AmqttBroker({"listeners": listeners, "plugins": dict(plugins)})

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await broker.external_connected(
            StreamReaderAdapter(reader), StreamWriterAdapter(writer), _LISTENER
        )

    await broker.start()
    try:
        with contextlib.closing(await asyncio.start_server(welcome, "127.0.0.1", 0)) as server:
            yield server.sockets[0].getsockname()[1]
    finally:
        await broker.shutdown()


class EmbeddedBroker:
    """A real MQTT broker in a thread, listening on a free port of this machine only.

    Attributes:
        port: Where it listens; known after ``start``.
    """

    def __init__(self) -> None:
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._running = contextlib.AsyncExitStack()
        self._thread = threading.Thread(target=self._loop.run_forever, name="broker", daemon=True)

    def start(self) -> None:
        """Return when it accepts connections.

        Raises:
            RuntimeError: It did not start.
        """
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self._thread.start()
        entering = self._running.enter_async_context(embedded(ANYBODY))
        try:
            self.port = asyncio.run_coroutine_threadsafe(entering, self._loop).result(
                START_WITHIN_S
            )
        except Exception as error:
            why = str(error) or "too slow"
            raise RuntimeError(f"the embedded broker did not start: {why}") from error

    def stop(self) -> None:
        """Close every connection and end the thread."""
        if not self._thread.is_alive():
            return
        closing = asyncio.run_coroutine_threadsafe(self._running.aclose(), self._loop)
        with contextlib.suppress(Exception):  # it ends with the process at the latest
            closing.result(STOP_WITHIN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_WITHIN_S)


class Outlet(Broker):
    """What simulated devices take for their broker: it hands everything to a real one."""

    def __init__(self, clock: Clock, random: Random, publish: Callable[[Message], None]) -> None:
        super().__init__(clock, random)
        self._publish = publish

    @property
    def topics(self) -> list[str]:
        """Return what the devices have subscribed to."""
        return [topic for topic, sessions in self._subscribers.items() if sessions]

    def arrived(self, message: Message) -> None:
        """Deliver a message of the real broker to the devices that want it."""
        for session in tuple(self._subscribers.get(message.topic, {}).values()):
            session.client.deliver(message)

    def _accept(self, sender: str, message: Message) -> None:
        del sender
        self._publish(message)
