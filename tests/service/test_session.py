"""One connection: made, refused, encrypted, ended."""

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from balancer.config.setup import Broker, Secret, Tls
from balancer.service import session as session_module
from balancer.service.backoff import Loss
from balancer.service.clock import SystemClock
from balancer.service.packets import Received, publish_packet
from balancer.service.session import Session, SessionError, open_session
from balancer.wire import Message
from tests.machine import needed
from tests.service.patience import until

CONNACK = b"\x20\x02\x00\x00"
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


def unhandled() -> list[object]:
    """Return the list that gets what is raised in the loop where nobody catches it."""
    raised: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
    return raised


def descriptors() -> int:
    """Return how many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def quiet(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


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

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        await reader.read()

    for slowly in (False, True):
        if slowly:
            monkeypatch.setattr(aiomqtt.Client, "_client_connect", connect_slowly)
        async with scripted(talk) as port, session(port) as made:
            sock = socket.socket(fileno=os.dup(made.stream.fileno()))
            with sock:
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_refused_topics_are_returned() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        subscribe = await packet(reader)
        writer.write(b"\x90\x05" + subscribe[2:4] + b"\x00\x80\x01")
        await reader.read()

    async with scripted(talk) as port, session(port) as made:
        assert await made.subscribe({"a": 0, "b": 0, "c": 1}) == ("b",)


async def test_message_that_comes_with_the_answer_is_not_lost() -> None:
    """Even when every byte comes alone (F47)."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        subscribe = await packet(reader)
        answer = b"\x90\x03" + subscribe[2:4] + b"\x00" + publish_packet(Message("a", b"kept"))
        for byte in answer:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    received: list[Received] = []
    async with scripted(talk) as port, session(port, received) as made:
        await made.subscribe({"a": 0})
        await until(lambda: received)
    assert received[0].payload == b"kept"


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


@pytest.mark.parametrize("codes", [b"", b"\x00\x00\x00"], ids=["too few", "too many"])
async def test_answer_for_other_topics_is_no_answer(codes: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        subscribe = await packet(reader)
        writer.write(bytes((0x90, 2 + len(codes))) + subscribe[2:4] + codes)
        await reader.read()

    async with scripted(talk) as port, session(port) as made:
        with pytest.raises(SessionError):
            await made.subscribe({"a": 0, "b": 0})


@pytest.mark.parametrize(
    "packet_bytes",
    [b"\x90\x00", b"\xb0\x00", b"\x20\x00", b"\x50\x00", b"\x62\x00", b"\x62\x02\x00\x01"],
    ids=["SUBACK", "UNSUBACK", "CONNACK", "PUBREC", "PUBREL", "PUBREL unknown"],
)
async def test_malformed_packet_ends_or_changes_nothing_but_never_raises(
    packet_bytes: bytes,
) -> None:
    raised = unhandled()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        await packet(reader)
        writer.write(packet_bytes)

    async with scripted(talk) as port:
        with pytest.raises(SessionError):
            async with session(port) as made:
                await made.subscribe({"a": 0})
    assert not raised


async def test_connection_that_ends_while_subscribing_is_noticed_at_once() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        await packet(reader)

    async with scripted(talk) as port, asyncio.timeout(1.0):
        with pytest.raises(SessionError) as caught:
            async with session(port) as made:
                await made.subscribe({"a": 0})
    assert caught.value.loss is Loss.CLOSED


def answering_after(*steps: tuple[float, bytes], welcome_s: float = 0.0) -> Talk:
    """Return a broker that answers SUBSCRIBE with these bytes, each after a pause in seconds."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        await asyncio.sleep(welcome_s)
        writer.write(CONNACK)
        subscribe = await packet(reader)
        for pause_s, data in steps:
            await asyncio.sleep(pause_s)
            writer.write(data.replace(b"ID", subscribe[2:4]))
        await reader.read()

    return talk


SUBACK = b"\x90\x03ID\x00"
READING = publish_packet(Message("meter", b"1"))


async def test_broker_that_answers_twice_changes_nothing() -> None:
    """Neither in the same breath nor later."""
    raised = unhandled()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK + CONNACK)
        subscribe = await packet(reader)
        writer.write(CONNACK + SUBACK.replace(b"ID", subscribe[2:4]) + READING)
        await reader.read()

    received: list[Received] = []
    async with scripted(talk) as port, session(port, received) as made:
        async with asyncio.timeout(2.0):
            assert await made.subscribe({"a": 0}) == ()
        await until(lambda: received)
    assert not raised


async def test_subscription_behind_a_full_socket_leaves_as_soon_as_the_broker_reads() -> None:
    """What waits is sent without anything else being sent or heard."""
    reads = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        await reads.wait()
        arrived = bytearray()
        while not arrived.endswith(b"\x00\x01a\x00"):
            arrived += await reader.read(1 << 20)
        writer.write(SUBACK.replace(b"ID", arrived[-6:-4]))
        await reader.read()

    async with scripted(talk) as port, session(port) as made:
        # given a broker that does not read, and more than the socket takes
        while made.stream.idle:
            made.stream.publish(Message("t", b"x" * 50_000))
            await asyncio.sleep(0)
        for _ in range(15):  # and more than it takes when its buffers have grown a little
            made.stream.publish(Message("t", b"x" * 50_000))
        # when the library has something to say, and then the broker reads
        asking = asyncio.ensure_future(made.subscribe({"a": 0}))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not made.stream.idle
        reads.set()
        # then it gets there
        async with asyncio.timeout(2.0):
            assert await asking == ()


async def test_broker_that_stands_still_before_it_grants_is_left_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """F43, F53: as soon as one that stands still later, by the heartbeat."""
    assert session_module._SILENCE_S <= 2.5
    monkeypatch.setattr(session_module, "_SILENCE_S", 0.2)
    monkeypatch.setattr(session_module, "_LEAST_CARRIED_S", 0.0)
    async with scripted(answering_after((9.0, SUBACK))) as port, session(port) as made:
        with pytest.raises(SessionError) as caught:
            async with asyncio.timeout(1.0):
                await made.subscribe({"a": 0})
    assert caught.value.loss is Loss.SILENT


async def test_answer_that_got_lost_among_messages_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """F53."""
    monkeypatch.setattr(session_module, "_SILENCE_S", 0.2)
    monkeypatch.setattr(session_module, "_LEAST_CARRIED_S", 0.0)
    monkeypatch.setattr(session_module, "_ANSWER_S", 0.5)
    chatter = [(0.05, READING)] * 100
    async with scripted(answering_after(*chatter)) as port, session(port) as made:
        with pytest.raises(SessionError) as caught:
            async with asyncio.timeout(1.5):
                await made.subscribe({"a": 0})
    assert caught.value.loss is Loss.SILENT


@pytest.mark.parametrize(
    ("talk", "topics"),
    [
        (answering_after(*[(0.15, READING)] * 3, (0.0, SUBACK)), {"a": 0}),
        (answering_after((0.5, SUBACK), welcome_s=0.4), {"a": 0}),
        (answering_after((0.5, SUBACK)), {"a" * 120: 0}),
    ],
    ids=["something comes", "a slow line", "much to carry"],
)
async def test_slow_line_gets_the_time_that_it_needs(
    monkeypatch: pytest.MonkeyPatch, talk: Talk, topics: dict[str, int]
) -> None:
    """F48, F49."""
    monkeypatch.setattr(session_module, "_SILENCE_S", 0.3)
    monkeypatch.setattr(session_module, "_LEAST_CARRIED_S", 0.0)
    monkeypatch.setattr(session_module, "_NARROW_BYTES_PER_S", 150.0)
    async with scripted(talk) as port, session(port) as made:
        assert await made.subscribe(topics) == ()


async def test_attempt_that_is_given_up_leaves_no_connection() -> None:
    """Or the broker would know two of us by one name."""
    asked, ended = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await packet(reader)
        asked.set()
        await reader.read()
        ended.set()

    async with scripted(talk) as port, asyncio.timeout(2.0):
        attempt = asyncio.ensure_future(failure(port))
        await asked.wait()
        attempt.cancel()
        await ended.wait()
        assert attempt.cancelled() or attempt.done()


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
        files, tasks = descriptors(), asyncio.all_tasks()
        attempts.append(asyncio.ensure_future(failure(port, received=received)))
        await asyncio.wait(attempts)
        await until(lambda: descriptors() <= files and asyncio.all_tasks() == tasks)
    assert attempts[0].cancelled()
    assert received == []
    assert not raised


async def test_attempt_that_is_given_up_before_it_reaches_the_broker_says_nothing_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its thread cannot be stopped; what that opens later is given up too."""
    raised = unhandled()
    connect = aiomqtt.Client._client_connect
    begun, given_up = threading.Event(), threading.Event()
    said: list[bytes] = []

    def connect_late(client: aiomqtt.Client) -> None:
        begun.set()
        given_up.wait(5.0)
        connect(client)

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        said.append(await reader.read(100))
        await reader.read()

    monkeypatch.setattr(aiomqtt.Client, "_client_connect", connect_late)
    async with scripted(talk) as port:
        # given an attempt that is given up while its thread has no socket yet
        files, tasks = descriptors(), asyncio.all_tasks()
        attempt = asyncio.ensure_future(failure(port))
        await until(begun.is_set)
        attempt.cancel()
        await asyncio.wait({attempt})
        assert attempt.cancelled()
        # when the thread reaches the broker
        given_up.set()
        # then it ends there without a CONNECT
        await until(lambda: said)
        assert said == [b""]
        await until(lambda: descriptors() <= files and asyncio.all_tasks() == tasks)
    assert not raised


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    openssl = needed("openssl")
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-out", files[0], "-keyout", files[1]),
        ],
        check=True,
        capture_output=True,
    )
    return files


async def test_encrypted_connection_carries_much_both_ways(certificate: tuple[Path, Path]) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    big = publish_packet(Message("big", b"x" * 100_000))
    echoed = asyncio.Event()
    total = 20 * len(big)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        subscribe = await packet(reader)
        writer.write(b"\x90\x03" + subscribe[2:4] + b"\x00")
        for _ in range(20):
            writer.write(big)
        await writer.drain()
        assert await reader.readexactly(total) == big * 20
        echoed.set()

    received: list[Received] = []
    async with scripted(talk, context) as port, asyncio.timeout(10.0):
        tls = Tls(ca=certificate[0])
        async with session(port, received, host="localhost", tls=tls) as made:
            await made.subscribe({"big": 0})
            for _ in range(20):
                made.stream.publish(Message("big", b"x" * 100_000))
            await echoed.wait()
            await until(lambda: len(received) == 20)
    assert {len(each.payload) for each in received} == {100_000}


@pytest.mark.parametrize("encrypted", [False, True])
async def test_what_comes_with_connack_is_not_torn(
    encrypted: bool, request: pytest.FixtureRequest
) -> None:
    """F47: nothing that the broker says in the same breath is left in the library's hands."""
    context, options = None, dict[str, Any]()
    if encrypted:
        certificate = request.getfixturevalue("certificate")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
        options = {"host": "localhost", "tls": Tls(ca=certificate[0])}
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


async def test_session_that_ends_leaves_nothing_behind() -> None:
    """Nor when the broker does not close: reconnects are many in a year."""
    raised = unhandled()
    kept: list[Session] = []  # so that nobody tidies up for us

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        await reader.read()

    async with scripted(talk) as port:
        files, tasks = descriptors(), asyncio.all_tasks()
        for _ in range(3):
            async with session(port) as made:
                kept.append(made)
        await until(lambda: descriptors() <= files and asyncio.all_tasks() == tasks)
    assert not raised


async def test_certificate_that_nobody_vouches_for_is_explained(
    certificate: tuple[Path, Path],
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    async with scripted(quiet, context) as port:
        error = await failure(port, host="localhost", tls=Tls())
    assert error.loss is Loss.TLS
    assert "mqtt.tls.ca" in str(error)


async def test_missing_tls_file_is_explained(tmp_path: Path) -> None:
    error = await failure(1, tls=Tls(ca=tmp_path / "gone.pem"))
    assert error.loss is Loss.TLS
    assert "mqtt.tls" in str(error)
