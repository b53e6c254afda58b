"""MQTT packets as bytes, as far as the hot path needs them.

Source: OASIS MQTT 3.1.1, sections 2.2 (fixed header), 3.3 (PUBLISH), 3.4 (PUBACK).
"""

from typing import NamedTuple

from balancer.wire import Message

_PUBLISH = 0x30
_PUBACK = 0x40
DISCONNECT = b"\xe0\x00"
_RETAIN = 0x01
_DUP = 0x08


class Received(NamedTuple):
    """A PUBLISH as it came.

    Attributes:
        topic: Raw bytes, maybe not UTF-8.
        payload: Raw bytes, cut after the splitter's ``longest``.
        packet_id: What has to be acknowledged, None with QoS 0.
        retain: It was kept from before.
        duplicate: The broker sent it before (DUP).
    """

    topic: bytes
    payload: bytes
    packet_id: int | None
    retain: bool
    duplicate: bool


class ProtocolError(ConnectionError):
    """What comes is no MQTT; the connection is of no use."""


def publish_packet(message: Message, packet_id: int | None = None) -> bytes:
    """Return a PUBLISH packet; with QoS 1 it needs a packet id."""
    assert (packet_id is None) == (message.qos == 0), (message.topic, message.qos, packet_id)
    topic = message.topic.encode()
    first = _PUBLISH | message.qos << 1 | (_RETAIN if message.retain else 0)
    between = b"" if packet_id is None else packet_id.to_bytes(2, "big")
    length = 2 + len(topic) + len(between) + len(message.payload)
    return b"".join(
        (
            bytes((first,)),
            _encode_length(length),
            len(topic).to_bytes(2, "big"),
            topic,
            between,
            message.payload,
        )
    )


def puback_packet(packet_id: int) -> bytes:
    """Return the acknowledgement of a QoS 1 message."""
    return b"\x40\x02" + packet_id.to_bytes(2, "big")


def _encode_length(length: int) -> bytes:
    if length < 0x80:
        return bytes((length,))
    encoded = bytearray()
    while True:
        length, digit = divmod(length, 0x80)
        if length == 0:
            encoded.append(digit)
            return bytes(encoded)
        encoded.append(digit | 0x80)


class Splitter:
    """Cuts what comes from the socket into packets; its memory is bounded.

    Args:
        longest: Bytes of a packet's body that are kept; what is beyond is
            thrown away while it arrives (a payload of 5 MB costs 5 MB of
            traffic, not of memory).
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._wanted = 0  # bytes that _rest must have before looking again makes sense
        self._skip = 0  # bytes of a cut packet that are still to come

    @property
    def between_packets(self) -> bool:
        """Nothing of a packet is waiting for its other half."""
        return not self._rest and not self._skip

    def feed(
        self, data: bytes, received: list[Received], acknowledged: list[int], other: bytearray
    ) -> None:
        """Sort packets: PUBLISH, PUBACK ids, and whole packets of every other kind.

        Raises:
            ProtocolError: A length or a PUBLISH that MQTT does not allow.
        """
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return
            data = bytes(self._rest)
            self._rest.clear()
        at, end = 0, len(data)
        while at < end:
            # the fixed header: one byte of type and flags, one to four of length
            length, body, shift = 0, at + 1, 0
            while body < end:
                digit = data[body]
                body += 1
                length |= (digit & 0x7F) << shift
                if digit < 0x80:
                    break
                shift += 7
                if shift > 21:
                    raise ProtocolError(f"length of a packet in {data[at : at + 5]!r}")
            else:
                self._keep(data, at, end - at + 1)
                return
            after = body + length
            if after > end:
                if length <= self._longest:
                    self._keep(data, at, after - at)
                    return
                if end - body < self._longest:
                    self._keep(data, at, body - at + self._longest)
                    return
                self._skip = after - end
                after = end
            first = data[at]
            kind = first & 0xF0
            if kind == _PUBLISH:
                received.append(_decode_publish(first, data, body, after, self._longest))
            elif kind == _PUBACK and length == 2:
                acknowledged.append(data[body] << 8 | data[body + 1])
            elif self._skip:
                raise ProtocolError(f"packet of {length} bytes, type {kind:#x}")
            else:
                other += data[at:after]
            at = after

    def _keep(self, data: bytes, at: int, wanted: int) -> None:
        self._rest += data[at:]
        self._wanted = wanted


def _decode_publish(first: int, data: bytes, body: int, after: int, longest: int) -> Received:
    if after - body < 2:
        raise ProtocolError(f"PUBLISH of {after - body} bytes")
    topic_at = body + 2
    payload_at = topic_at + (data[body] << 8 | data[body + 1])
    topic = data[topic_at:payload_at]
    packet_id = None
    if first & 0x06:
        packet_id = int.from_bytes(data[payload_at : payload_at + 2], "big")
        payload_at += 2
    if payload_at > after or first & 0x06 == 0x06:
        raise ProtocolError(f"PUBLISH with {data[body : body + 8]!r}")
    payload = data[payload_at : min(after, payload_at + longest)]
    return Received(topic, payload, packet_id, bool(first & _RETAIN), bool(first & _DUP))
