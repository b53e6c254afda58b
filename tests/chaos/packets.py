"""MQTT 3.1.1 on the wire, read and written without the service's own code.

Source: OASIS MQTT 3.1.1, chapters 2 and 3.
"""

import struct
from dataclasses import dataclass

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14
_DUP, _RETAIN = 0x08, 0x01


@dataclass(frozen=True, slots=True)
class Packet:
    """One control packet.

    Attributes:
        kind: Its type, 1 to 14.
        flags: The lower half of the first byte.
        body: What follows the remaining length.
        raw: All of it.
    """

    kind: int
    flags: int
    body: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class Publish:
    """What a PUBLISH says."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    packet_id: int | None = None


class Splitter:
    """Makes packets of the bytes of one direction."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """Return the packets that are complete now."""
        self._rest += data
        packets = []
        while (end := _end(self._rest)) is not None:
            start, stop = end
            raw = bytes(self._rest[:stop])
            del self._rest[:stop]
            packets.append(Packet(raw[0] >> 4, raw[0] & 0x0F, raw[start:], raw))
        return packets


def _end(data: bytearray) -> tuple[int, int] | None:
    """Return where body and packet end, None if it is not complete."""
    length = 0
    for number, byte in enumerate(data[1:5]):
        length |= (byte & 0x7F) << (7 * number)
        if not byte & 0x80:
            start = number + 2
            return (start, start + length) if len(data) >= start + length else None
    return None


def read_publish(packet: Packet) -> Publish:
    """Return what a PUBLISH packet says."""
    size = struct.unpack_from(">H", packet.body)[0]
    topic = packet.body[2 : 2 + size].decode(errors="replace")
    qos = (packet.flags >> 1) & 0x03
    start = 2 + size
    packet_id = None
    if qos:
        packet_id = int(struct.unpack_from(">H", packet.body, start)[0])
        start += 2
    retain = bool(packet.flags & _RETAIN)
    return Publish(topic, packet.body[start:], qos, retain, packet_id)


def repeated(packet: Packet) -> bytes:
    """Return a PUBLISH as its sender would repeat it."""
    qos = (packet.flags >> 1) & 0x03
    first = packet.raw[0] | (_DUP if qos else 0)
    return bytes((first,)) + packet.raw[1:]


def publish(message: Publish) -> bytes:
    """Return a PUBLISH packet."""
    flags = message.qos << 1 | message.retain
    number = b"" if message.packet_id is None else struct.pack(">H", message.packet_id)
    return _packet(PUBLISH, flags, _text(message.topic) + number + message.payload)


def connect(
    client_id: str,
    *,
    username: str | None = None,
    password: str | None = None,
    will: Publish | None = None,
) -> bytes:
    """Return a CONNECT packet: clean session, no keep-alive."""
    flags, payload = 0x02, _text(client_id)
    if will is not None:
        flags |= 0x04 | will.qos << 3 | will.retain << 5
        payload += _text(will.topic) + struct.pack(">H", len(will.payload)) + will.payload
    if username is not None:
        flags |= 0x80
        payload += _text(username)
    if password is not None:
        flags |= 0x40
        payload += _text(password)
    return _packet(CONNECT, 0, _text("MQTT") + bytes((4, flags, 0, 0)) + payload)


def subscribe(packet_id: int, topics: dict[str, int]) -> bytes:
    """Return a SUBSCRIBE packet."""
    filters = b"".join(_text(topic) + bytes((qos,)) for topic, qos in topics.items())
    return _packet(SUBSCRIBE, 0x02, struct.pack(">H", packet_id) + filters)


def puback(packet_id: int) -> bytes:
    """Return a PUBACK packet."""
    return _packet(PUBACK, 0, struct.pack(">H", packet_id))


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _packet(kind: int, flags: int, body: bytes) -> bytes:
    length, size = len(body), bytearray()
    while True:
        length, byte = length >> 7, length & 0x7F
        size.append(byte | (0x80 if length else 0))
        if not length:
            return bytes((kind << 4 | flags,)) + bytes(size) + body
