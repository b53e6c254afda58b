"""Connecting: made, refused, explained, given up."""

import asyncio
import os
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiomqtt
import pytest
from paho.mqtt import client as mqtt

from balancer.config.setup import Secret, Tls
from balancer.service.backoff import Loss
from balancer.service.handover import Line
from balancer.service.packets import Received, publish_packet
from balancer.service.session import SessionError
from balancer.wire import Message
from tests.service.patience import until
from tests.service.scripted import (
    CONNACK,
    READING,
    failure,
    given_up,
    leavings,
    packet,
    quiet,
    scripted,
    session,
    unhandled,
    welcoming,
)


async def test_connect_packet_carries_name_and_will() -> None:
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await packet(reader))
        writer.write(CONNACK)
        seen.append(await packet(reader))

    async with scripted(talk) as port:
        async with session(port, username="me", password=Secret("secret")):
            pass
        await until(lambda: len(seen) == 2)
    assert b"balancer-test-1" in seen[0]
    assert b"b/availability" in seen[0]
    assert b"offline" in seen[0]
    assert b"secret" in seen[0]
    assert seen[1] == b"\xe0\x00"  # and it says goodbye


async def test_nothing_waits_for_acknowledgements(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even when CONNACK comes before the library's thread is back."""
    connect = aiomqtt.Client._client_connect

    def connect_slowly(client: aiomqtt.Client) -> None:
        connect(client)
        time.sleep(0.05)

    for slowly in (False, True):
        if slowly:
            monkeypatch.setattr(aiomqtt.Client, "_client_connect", connect_slowly)
        async with scripted(welcoming) as port, session(port) as made:
            sock = socket.socket(fileno=os.dup(made.stream.fileno()))
            with sock:
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(
    ("code", "loss"),
    [(4, Loss.CREDENTIALS), (5, Loss.CREDENTIALS), (2, Loss.REJECTED), (3, Loss.REJECTED)],
)
async def test_negative_answer_is_explained(code: int, loss: Loss) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(bytes((0x20, 2, 0, code)))
        await reader.read()

    async with scripted(talk) as port:
        error = await failure(port, username="me", password=Secret("secret"))
    assert error.loss is loss
    assert "secret" not in str(error)
    if loss is Loss.CREDENTIALS:
        assert "'me'" in str(error)
        assert "mqtt.password" in str(error)


async def test_port_without_a_broker_is_explained() -> None:
    async with scripted(quiet) as port:
        pass
    error = await failure(port)
    assert error.loss is Loss.REFUSED
    assert "mqtt.host" in str(error)


async def test_unknown_host_is_explained() -> None:
    error = await failure(1883, host="no-such-host.invalid")
    assert error.loss is Loss.UNKNOWN_HOST
    assert "no-such-host.invalid" in str(error)


async def test_connection_that_ends_before_the_answer_is_noticed_at_once() -> None:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await packet(reader)

    async with scripted(talk) as port, asyncio.timeout(1.0):
        assert (await failure(port)).loss is Loss.CLOSED


async def test_connection_that_ends_with_the_answer_is_a_lost_one() -> None:
    """F56: a broker that is going down lets in and puts out in one breath."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)

    async with scripted(talk) as port, asyncio.timeout(5.0):
        assert (await failure(port)).loss is Loss.CLOSED


@pytest.mark.parametrize("encrypted", [False, True])
async def test_what_comes_with_connack_is_not_torn(
    encrypted: bool, request: pytest.FixtureRequest
) -> None:
    """F47: nothing that the broker says in the same breath is left in the library's hands."""
    context, options = None, dict[str, Any]()
    if encrypted:
        context = request.getfixturevalue("encryption")
        ca, _ = request.getfixturevalue("certificate")
        options = {"host": "localhost", "tls": Tls(ca=ca)}
    whole, torn = (publish_packet(Message("a", payload)) for payload in (b"whole", b"torn"))
    seen = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK + whole + torn[:5])
        await seen.wait()
        writer.write(torn[5:])
        await reader.read()

    received: list[Received] = []
    async with scripted(talk, context) as port, session(port, received, **options):
        await until(lambda: received)
        seen.set()
        await until(lambda: len(received) == 2)
    assert [each.payload for each in received] == [b"whole", b"torn"]


async def test_attempt_that_is_given_up_leaves_nothing() -> None:
    """Or the broker would know two of us by one name."""
    raised = unhandled()
    asked = threading.Event()

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await packet(reader)
        asked.set()
        await reader.read()

    async with scripted(talk) as port:
        left = leavings()
        await given_up(port, asked)
        await until(lambda: not left())
    assert not raised


async def test_attempt_that_is_given_up_while_it_is_answered_hears_nothing() -> None:
    """The answer lies in the socket by then, with a message behind it."""
    raised = unhandled()
    received: list[Received] = []
    attempts: list[asyncio.Future[SessionError]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK + READING)
        attempts[0].cancel()
        await reader.read()

    async with scripted(talk) as port:
        left = leavings()
        attempts.append(asyncio.ensure_future(failure(port, received=received)))
        await asyncio.wait(attempts)
        await until(lambda: not left())
    assert attempts[0].cancelled()
    assert received == []
    assert not raised


def held(
    monkeypatch: pytest.MonkeyPatch, owner: type, step: str
) -> tuple[threading.Event, Callable[[], Awaitable[None]]]:
    """Hold the library's thread at a step; return that it is there, and what lets it do it."""
    there, go_on, over = threading.Event(), threading.Event(), threading.Event()
    do = getattr(owner, step)

    def late(*args: object) -> object:
        there.set()
        go_on.wait(5.0)
        try:
            return do(*args)
        finally:
            over.set()

    async def let_go() -> None:
        go_on.set()
        await until(over.is_set)

    monkeypatch.setattr(owner, step, late)
    return there, let_go


async def test_attempt_that_is_given_up_before_it_reaches_the_broker_says_nothing_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its thread cannot be stopped; what that opens later is given up too."""
    raised = unhandled()
    there, let_go = held(monkeypatch, aiomqtt.Client, "_client_connect")
    said: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        said.append(await reader.read(100))
        await reader.read()

    async with scripted(talk) as port:
        # given an attempt that is given up while its thread has no socket yet
        left = leavings()
        await given_up(port, there)
        # when the thread reaches the broker
        await let_go()
        # then it ends there without a CONNECT
        await until(lambda: said)
        assert said == [b""]
        await until(lambda: not left())
    assert not raised


@pytest.mark.parametrize("step", ["_call_socket_open", "_send_connect"])
async def test_attempt_that_is_given_up_as_it_says_connect_fails_nobody(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R16: its thread has a socket already, which is closed beneath it."""
    raised = unhandled()
    there, let_go = held(monkeypatch, mqtt.Client, step)
    async with scripted(quiet) as port:
        left = leavings()
        await given_up(port, there)
        await let_go()
        await until(lambda: not left())
    assert not raised


async def test_attempt_that_is_given_up_as_its_socket_is_open_fails_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R16: what the loop was asked for before finds the socket that it was asked for."""
    raised = unhandled()
    attempts: list[asyncio.Future[SessionError]] = []
    library_opens = aiomqtt.Client._on_socket_open

    def opens(client: aiomqtt.Client, *args: Any) -> None:
        attempts[0].cancel()
        library_opens(client, *args)

    monkeypatch.setattr(aiomqtt.Client, "_on_socket_open", opens)
    async with scripted(quiet) as port:
        left = leavings()
        attempts.append(asyncio.ensure_future(failure(port)))
        await asyncio.wait(attempts)
        await until(lambda: not left())
    assert not raised


async def test_broker_that_resets_before_it_is_spoken_to_is_a_lost_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a forwarder does whose broker is gone; the library's thread is done by then."""
    raised = unhandled()
    connect = aiomqtt.Client._client_connect
    done, reset = threading.Event(), threading.Event()

    def connect_noted(client: aiomqtt.Client) -> None:
        try:
            connect(client)  # may have met the reset itself
        finally:
            done.set()

    def answer(server: socket.socket) -> None:
        taken, _ = server.accept()
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        taken.close()
        reset.set()

    monkeypatch.setattr(aiomqtt.Client, "_client_connect", connect_noted)
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=answer, args=(server,))
        answering.start()
        left = leavings()
        attempt = asyncio.ensure_future(failure(server.getsockname()[1]))
        while not done.is_set():
            await asyncio.sleep(0)
            done.wait(0.1)  # and nothing else happens here
        assert reset.wait(5.0)
        assert (await attempt).loss is Loss.CLOSED
        answering.join()
        await until(lambda: not left())
    assert not raised


async def test_library_asks_for_the_number_of_its_socket_where_nothing_can_close_it_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A broker that resets at once: the number would be none, or another's."""
    askers: set[int] = set()
    ask = Line.fileno

    def noted(line: Line) -> int:
        askers.add(threading.get_ident())
        return ask(line)

    monkeypatch.setattr(Line, "fileno", noted)
    async with scripted(welcoming) as port, session(port):
        pass
    assert askers == {threading.get_ident()}
