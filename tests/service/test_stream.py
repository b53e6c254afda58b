"""The socket: everything at once, nothing torn, nothing stale."""

import asyncio
import random
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import pytest_asyncio

from balancer.service.clock import SystemClock
from balancer.service.packets import Received, Splitter, publish_packet
from balancer.service.stream import Stream
from balancer.wire import Message


class Line:
    """A stream, what it heard, and the broker's end of its socket."""

    def __init__(self) -> None:
        self.peer, ours = socket.socketpair()
        self.peer.setblocking(False)
        ours.setblocking(False)
        self.batches: list[list[Received]] = []
        self.acknowledged: list[int] = []
        self.library: list[bytes] = []
        self.on_messages: Callable[[], None] = lambda: None
        self.stream = Stream(
            ours,
            SystemClock(),
            on_messages=self._messages,
            on_other=self._other,
            on_acknowledged=self.acknowledged.append,
        )

    def _messages(self, batch: list[Received], at_s: float) -> None:
        self.batches.append(batch)
        self.on_messages()

    def _other(self) -> None:
        """Read as the library does: a byte, then the rest, until nothing is left."""
        try:
            data = self.stream.recv(1)
            if not data:
                self.stream.close()
                return
            self.library.append(data + self.stream.recv(100))
        except BlockingIOError:
            pass

    async def turns(self, count: int = 5) -> None:
        """Give the loop some turns."""
        for _ in range(count):
            await asyncio.sleep(0)

    def taken(self, most: int = 1 << 24) -> bytes:
        """Return what has arrived at the broker."""
        data = b""
        try:
            while len(data) < most:
                piece = self.peer.recv(min(65_536, most - len(data)))
                if not piece:
                    break
                data += piece
        except BlockingIOError:
            pass
        return data


@pytest_asyncio.fixture
async def line() -> AsyncIterator[Line]:
    made = Line()
    yield made
    made.stream.close()
    made.peer.close()


def messages_in(data: bytes) -> list[Received]:
    received: list[Received] = []
    Splitter(10**7).feed(data, received, [], bytearray())
    return received


async def test_all_that_is_there_comes_in_one_batch(line: Line) -> None:
    line.peer.send(b"".join(publish_packet(Message("t", str(n).encode())) for n in range(50)))
    await line.turns()
    assert [len(batch) for batch in line.batches] == [50]
    assert line.stream.drained


async def test_library_gets_whole_what_is_no_message(line: Line) -> None:
    line.peer.send(b"\x90\x03\x00\x01\x00" + publish_packet(Message("t", b"x")) + b"\xd0\x00")
    await line.turns()
    assert b"".join(line.library) == b"\x90\x03\x00\x01\x00\xd0\x00"
    assert len(line.batches) == 1


async def test_commands_leave_before_the_acknowledgement_of_the_reading(line: Line) -> None:
    """The relay comes first, and both go in order in one stream."""
    command = Message("relay/set", b"0")
    line.on_messages = lambda: line.stream.publish_all((command, command))
    line.peer.send(publish_packet(Message("meter", b"9000", 1), 7))
    await line.turns()
    assert line.taken() == publish_packet(command) * 2 + b"\x40\x02\x00\x07"


async def test_packet_ids_of_ours_are_not_those_of_the_library(line: Line) -> None:
    first = line.stream.publish(Message("t", b"", 1))
    second = line.stream.publish(Message("t", b"", 1))
    assert first is not None
    assert second is not None
    assert 0x8000 <= first < second
    assert not line.stream.all_acknowledged
    line.peer.send(b"\x40\x02" + first.to_bytes(2, "big") + b"\x40\x02" + second.to_bytes(2, "big"))
    await line.turns()
    assert line.acknowledged == [first, second]
    assert line.stream.all_acknowledged
    assert line.library == []


async def test_id_in_use_is_skipped_when_they_begin_anew(line: Line) -> None:
    held = line.stream.publish(Message("t", b"", 1))
    line.stream._next_id = 0xFFFF
    assert line.stream.publish(Message("t", b"", 1)) == 0xFFFF
    assert line.stream.publish(Message("t", b"", 1)) == (held or 0) + 1


async def test_no_packet_is_torn_when_the_broker_reads_slowly(line: Line) -> None:
    """Ours and the library's packets in one stream, the socket full again and again."""
    dice = random.Random(5)
    sent: list[bytes] = []
    arrived = b""
    for number in range(600):
        packet = publish_packet(Message(f"t/{number}", b"x" * dice.randrange(3000)))
        if dice.random() < 0.3:
            assert line.stream.send(packet) == len(packet)
            line.stream.flush()
        else:
            line.stream.write(packet)
        sent.append(packet)
        if dice.random() < 0.3:
            arrived += line.taken(dice.randrange(1, 5000))
            await line.turns(2)
    assert not line.stream.idle
    while len(arrived) < sum(map(len, sent)):
        arrived += line.taken()
        await line.turns(2)
    assert arrived == b"".join(sent)
    assert line.stream.idle


async def test_broker_that_reads_nothing_is_left(line: Line) -> None:
    """Memory is bounded."""
    for _ in range(200):
        line.stream.write(b"x" * 20_000)
    await line.turns()
    assert line.stream.closed


async def test_end_of_the_connection_reaches_the_library(line: Line) -> None:
    line.peer.send(publish_packet(Message("t", b"last")))
    line.peer.close()
    await line.turns()
    assert line.batches[0][0].payload == b"last"
    assert line.stream.closed
    # and nothing that is done now raises
    line.stream.publish(Message("t", b"x"))
    line.stream.flush()
    line.stream.read()
    line.stream.abort()
    assert not line.stream.send_last(b"x", 0.1)


async def test_garbage_ends_the_connection(line: Line) -> None:
    line.peer.send(b"\x30\xff\xff\xff\xff\x01")
    await line.turns()
    assert line.stream.closed


async def test_aborted_connection_delivers_nothing_more(line: Line) -> None:
    """F58: an ON that waited in the buffer must not arrive later."""
    while line.stream.idle:
        line.stream.write(publish_packet(Message("relay/set", b"x" * 5000)))
    line.stream.abort()
    assert line.stream.closed
    whole = messages_in(line.taken())
    assert all(len(each.payload) == 5000 for each in whole)


async def test_last_words_come_after_what_was_begun(line: Line) -> None:
    """R16: even then no packet is torn."""
    # given a broker that reads late, and a packet of which it has a part
    packet = publish_packet(Message("t", b"x" * 3000))
    while line.stream.idle:
        line.stream.write(packet)
    last = publish_packet(Message("relay/set", b"0"))
    said = threading.Event()

    def read_until_said() -> bytes:
        arrived = b""
        while not said.wait(0.001):
            arrived += line.taken()
        return arrived + line.taken()

    # when the loop hangs, which nothing else then uses
    with ThreadPoolExecutor(1) as broker:
        reading = broker.submit(read_until_said)
        took_it = line.stream.send_last(last, 2.0)
        said.set()
        arrived = reading.result()
    # then everything is whole, in its order
    assert took_it
    assert messages_in(arrived)[-1].topic == b"relay/set"


async def test_nothing_follows_last_words_that_were_cut_short(line: Line) -> None:
    """R16: a broker that reads again gets what was sent once, and no half packet twice."""
    # given a broker that does not read, and last words that do not fit any more
    packet = publish_packet(Message("t", b"x" * 3000))
    while line.stream.idle:
        line.stream.write(packet)
    last = publish_packet(Message("relay/set", b"0" * 1_000_000))
    assert not line.stream.send_last(last, 0.05)
    # when it reads again, and the connection is closed in order
    arrived = line.taken()
    line.stream.write(packet)
    line.stream.send(b"\xe0\x00")
    line.stream.flush()
    line.stream.close()
    # then nothing came after what was cut
    assert arrived
    assert line.taken() == b""


async def test_broker_that_acknowledges_nothing_is_left(line: Line) -> None:
    """Packet ids are not used up, and looking for a free one ends."""
    for _ in range(70_000):
        line.stream.publish(Message("t", b"", 1))
        if line.stream.ended:
            break
        line.taken()
    await line.turns()
    assert line.stream.closed
    assert line.stream.publish(Message("t", b"", 1)) is not None


class Encrypted(ssl.SSLSocket):
    """A socket that has decrypted more than it says: nothing makes it readable again."""

    def __new__(cls, *_: object) -> Self:
        return socket.socket.__new__(cls)

    def __init__(self, data: bytes, handle: socket.socket) -> None:
        self._data = data
        self._handle = handle
        self.sends = 0

    def recv(self, size: int = 1024, flags: int = 0) -> bytes:
        if not self._data:
            raise ssl.SSLWantReadError
        data, self._data = self._data[: min(size, 16_384)], self._data[min(size, 16_384) :]
        return data

    def send(self, data: object, flags: int = 0) -> int:
        self.sends += 1
        raise ssl.SSLWantReadError

    def fileno(self) -> int:
        return self._handle.fileno()

    def close(self) -> None:
        self._handle.close()


async def test_what_is_decrypted_already_is_read_without_waiting() -> None:
    ours, peer = socket.socketpair()
    received: list[Received] = []
    packets = publish_packet(Message("t", b"x" * 50_000)) * 20
    stream = Stream(
        Encrypted(packets, ours),
        SystemClock(),
        on_messages=lambda batch, _: received.extend(batch),
        on_other=lambda: None,
        on_acknowledged=lambda _: None,
    )
    peer.send(b"x")  # wakes the reader once …
    ours.recv(1)
    stream.read()
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(received) == 20
    stream.close()
    peer.close()


async def test_encryption_that_waits_for_something_to_read_does_not_spin() -> None:
    ours, peer = socket.socketpair()
    encrypted = Encrypted(b"", ours)
    stream = Stream(
        encrypted,
        SystemClock(),
        on_messages=lambda *_: None,
        on_other=lambda: None,
        on_acknowledged=lambda _: None,
    )
    stream.write(b"\xc0\x00")
    for _ in range(50):
        await asyncio.sleep(0)
    assert encrypted.sends < 5
    stream.read()  # then it is tried again
    assert encrypted.sends < 6
    stream.close()
    peer.close()


async def test_encrypted_connection_that_has_ended_is_not_read_again() -> None:
    """Even if the library has not closed it yet."""
    ours, peer = socket.socketpair()
    ends: list[bool] = []
    stream = Stream(
        Encrypted(b"\x30\xff\xff\xff\xff\x01", ours),
        SystemClock(),
        on_messages=lambda *_: None,
        on_other=lambda: ends.append(stream.ended),
        on_acknowledged=lambda _: None,
    )
    for _ in range(50):
        await asyncio.sleep(0)
    assert ends == [True]
    stream.close()
    peer.close()
