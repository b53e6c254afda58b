"""A connection that stands: what is subscribed, what ends it, what it leaves."""

import asyncio
import gc

import pytest

from balancer.service import session as session_module
from balancer.service.backoff import Loss
from balancer.service.packets import Received, publish_packet
from balancer.service.session import Session, SessionError
from balancer.wire import Message
from tests.service.patience import until
from tests.service.scripted import (
    CONNACK,
    READING,
    SUBACK,
    Talk,
    leavings,
    packet,
    scripted,
    session,
    unhandled,
    welcoming,
)


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


async def test_session_that_ends_leaves_nothing_behind() -> None:
    """Nor when the broker does not close: reconnects are many in a year."""
    raised = unhandled()
    kept: list[Session] = []  # so that nobody tidies up for us

    async with scripted(welcoming) as port:
        left = leavings()
        for _ in range(3):
            async with session(port) as made:
                kept.append(made)
        await until(lambda: not left())
    kept.clear()
    gc.collect()
    assert not raised


async def test_session_that_has_ended_hears_nothing() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        while True:
            writer.write(READING)
            await writer.drain()
            await asyncio.sleep(0)

    received: list[Received] = []
    async with scripted(talk) as port:
        async with session(port, received):
            await until(lambda: received)
        heard = len(received)
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(received) == heard
