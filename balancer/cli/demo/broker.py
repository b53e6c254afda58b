"""The embedded broker, on a loop of its own, and the simulated devices' way to it."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from random import Random
from typing import Any

from amqtt.broker import Broker as AmqttBroker

from balancer.sim.broker import Broker
from balancer.sim.clock import Clock
from balancer.wire import Message

START_WITHIN_S = 10.0
STOP_WITHIN_S = 3.0


def silence_library() -> None:
    """Keep the broker's own log out of the terminal."""
    for name in ("amqtt", "transitions", "asyncio", "aiomqtt", "mqtt"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


class EmbeddedBroker:
    """A real MQTT broker in a thread, listening on a free port of this machine only.

    Attributes:
        port: Where it listens; known after ``start``.
    """

    def __init__(self) -> None:
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._broker: AmqttBroker | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="broker", daemon=True)

    def start(self) -> None:
        """Return when it accepts connections.

        Raises:
            RuntimeError: It did not start.
        """
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(self._serve(), self._loop)
        try:
            starting.result(START_WITHIN_S)
        except Exception as error:
            why = str(error) or "too slow"
            raise RuntimeError(f"the embedded broker did not start: {why}") from error

    def stop(self) -> None:
        """Close every connection and end the thread."""
        if not self._thread.is_alive():
            return
        if self._broker is not None:
            closing = asyncio.run_coroutine_threadsafe(self._broker.shutdown(), self._loop)
            with contextlib.suppress(Exception):  # it ends with the process at the latest
                closing.result(STOP_WITHIN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_WITHIN_S)

    async def _serve(self) -> None:
        plugin = "amqtt.plugins.authentication.AnonymousAuthPlugin"
        settings: dict[str, Any] = {
            "listeners": {"default": {"type": "tcp", "bind": "127.0.0.1:0"}},
            "plugins": {plugin: {"allow_anonymous": True}},
        }
        self._broker = AmqttBroker(settings)
        await self._broker.start()
        server = self._broker._servers["default"].instance  # noqa: SLF001 - only it knows the free port
        assert server is not None
        self.port = server.sockets[0].getsockname()[1]


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
