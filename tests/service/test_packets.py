"""MQTT packets: what is written can be read back, however it is cut."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.service.packets import (
    ProtocolError,
    Received,
    Splitter,
    puback_packet,
    publish_packet,
)
from balancer.wire import Message

messages = st.builds(
    Message,
    topic=st.text("abc/é", min_size=1, max_size=20),
    payload=st.binary(max_size=300),
    qos=st.sampled_from([0, 1]),
    retain=st.booleans(),
)


def split(chunks: list[bytes], longest: int = 1000) -> tuple[list[Received], list[int], bytes]:
    splitter = Splitter(longest)
    received: list[Received] = []
    acknowledged: list[int] = []
    other = bytearray()
    for chunk in chunks:
        splitter.feed(chunk, received, acknowledged, other)
    return received, acknowledged, bytes(other)


@settings(max_examples=100)
@given(st.lists(messages, max_size=8), st.lists(st.integers(1, 40), min_size=1, max_size=40))
def test_messages_survive_any_slicing(sent: list[Message], sizes: list[int]) -> None:
    """F47: one byte at a time, or all at once."""
    # given packets of every kind in one stream
    stream = b""
    for number, message in enumerate(sent, start=1):
        stream += publish_packet(message, number if message.qos else None)
        stream += puback_packet(number) + b"\xd0\x00"
    # when it comes in pieces
    chunks, at, turn = [], 0, 0
    while at < len(stream):
        chunks.append(stream[at : at + sizes[turn % len(sizes)]])
        at += sizes[turn % len(sizes)]
        turn += 1
    received, acknowledged, other = split(chunks)
    # then each message is there, once, and whole
    assert [(each.topic.decode(), each.payload, each.retain) for each in received] == [
        (each.topic, each.payload, each.retain) for each in sent
    ]
    ids = [number if each.qos else None for number, each in enumerate(sent, start=1)]
    assert [each.packet_id for each in received] == ids
    assert acknowledged == list(range(1, len(sent) + 1))
    assert other == b"\xd0\x00" * len(sent)


@pytest.mark.parametrize("size", [0, 125, 126, 127, 16_380, 16_384, 70_000])
def test_length_takes_as_many_bytes_as_it_needs(size: int) -> None:
    message = Message("t", b"x" * size)
    received, _, _ = split([publish_packet(message)], longest=100_000)
    assert received[0].payload == message.payload


def test_packet_is_what_the_standard_says() -> None:
    """OASIS MQTT 3.1.1, 3.3."""
    assert publish_packet(Message("a/b", b"hi")) == b"\x30\x07\x00\x03a/bhi"
    assert publish_packet(Message("a/b", b"hi", 1, True), 10) == b"\x33\x09\x00\x03a/b\x00\x0ahi"
    assert puback_packet(0x1234) == b"\x40\x02\x12\x34"


@pytest.mark.parametrize("chunk", [1, 100, 1000, 10**6])
def test_oversized_payload_is_cut_and_the_next_message_is_whole(chunk: int) -> None:
    """F12: what is beyond is thrown away while it arrives."""
    stream = publish_packet(Message("big", b"x" * 50_000)) + publish_packet(Message("t", b"ok"))
    splitter = Splitter(longest=1000)
    received: list[Received] = []
    for at in range(0, len(stream), chunk):
        splitter.feed(stream[at : at + chunk], received, [], bytearray())
        assert len(splitter._rest) <= 1100
    assert [each.topic for each in received] == [b"big", b"t"]
    assert 0 < len(received[0].payload) <= 1000
    assert received[1].payload == b"ok"


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x30\xff\xff\xff\xff\x01",  # a length of five bytes
        b"\x30\x00",  # no topic
        b"\x30\x01a",
        b"\x30\x03\x00\x05a",  # a topic longer than the packet
        b"\x36\x05\x00\x01a\x00\x01",  # QoS 3
        b"\x32\x04\x00\x01a\x00",  # half a packet id
    ],
)
def test_what_is_no_mqtt_ends_the_connection(garbage: bytes) -> None:
    with pytest.raises(ProtocolError):
        split([garbage])


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    """I11."""
    with contextlib.suppress(ProtocolError):
        split([data])
