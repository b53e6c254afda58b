"""A broker that says what a test wants, and our sessions with it."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from balancer.config.setup import Broker
from balancer.service.clock import SystemClock
from balancer.service.packets import Received, publish_packet
from balancer.service.session import Session, SessionError, open_session
from balancer.wire import Message
from tests.service.patience import until

CONNACK = b"\x20\x02\x00\x00"
SUBACK = b"\x90\x03ID\x00"
READING = publish_packet(Message("meter", b"1"))

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def packet(reader: asyncio.StreamReader) -> bytes:
    """Read one packet of less than 128 bytes."""
    head = await reader.readexactly(2)
    return head + await reader.readexactly(head[1])


@contextlib.asynccontextmanager
async def scripted(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Run a broker that says what the test wants; yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            await talk(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def session(
    port: int, received: list[Received] | None = None, *, host: str = "127.0.0.1", **broker: Any
) -> contextlib.AbstractAsyncContextManager[Session]:
    kept = [] if received is None else received
    return open_session(
        Broker(host=host, port=port, **broker),
        SystemClock(),
        client_id="balancer-test-1",
        will=Message("b/availability", b"offline", 1, True),
        on_messages=lambda batch, _: kept.extend(batch),
        on_acknowledged=lambda _: None,
    )


async def failure(port: int, **options: Any) -> SessionError:
    """Return how connecting fails."""
    with pytest.raises(SessionError) as caught:
        async with session(port, **options):
            pass
    return caught.value


async def given_up(port: int, when: threading.Event, **options: Any) -> None:
    """Begin an attempt and give it up."""
    attempt = asyncio.ensure_future(failure(port, **options))
    await until(when.is_set)
    attempt.cancel()
    await asyncio.wait({attempt})
    assert attempt.cancelled()


def unhandled() -> list[object]:
    """Return the list that gets what is raised in the loop where nobody catches it."""
    raised: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
    return raised


def leavings() -> Callable[[], bool]:
    """Return what tells if files, tasks or watched sockets are left of what begins from now on."""
    loop: Any = asyncio.get_running_loop()

    def watched() -> set[int]:
        return set(loop._selector.get_map())

    files, tasks, sockets = _descriptors(), asyncio.all_tasks(), watched()
    return lambda: (
        _descriptors() > files or asyncio.all_tasks() != tasks or not watched() <= sockets
    )


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def quiet(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def welcoming(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await packet(reader)
    writer.write(CONNACK)
    await reader.read()
