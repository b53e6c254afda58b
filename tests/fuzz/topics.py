"""Topics that nobody should use, and packets around them (F61)."""

from random import Random

from tests.fuzz.payloads import MUTATIONS

_ODD = (
    *(b"", b"\0", b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"#", b"+", b"/", b"//", b"$SYS"),
    *(b"$SYS/broker/version", b"$SYS/broker/uptime", b"$share/a/b", b"balancer", b"balancer/"),
    *(b"balancer/house", b"balancer/house/", b"balancer/house/#", b"balancer/house/+/set"),
    *(b"balancer/house/zone//set", b"balancer/house/zone/../away/set", b"balancer/other/away/set"),
    *("balancer/hous\u0435/away/set".encode(), "\ufeffbalancer/house/away/set".encode()),
    *(b"x" * 65_535, b"\xff" * 65_535, b"/" * 65_535, b"balancer/house/" + b"a" * 65_000),
)
_RARE = 0.02  # the huge ones cost hundreds of small ones


def odd_topic(random: Random, topic: bytes) -> bytes:
    """Return a topic that is nearly right or not at all, of at most 65 535 bytes."""
    draw = random.random()
    if draw < 0.4:
        odd = random.choice(_ODD)
        return odd if len(odd) < 1_000 or random.random() < _RARE else odd[:20]
    if draw < 0.5:
        return b"$SYS/" + topic
    if draw < 0.6:
        return topic + random.choice(
            (b"\0", b"/", b"/#", b" ", b"\n", b"\xff", b"/set", b"/set/set")
        )
    damaged = random.choice(MUTATIONS)(random, topic)
    return damaged[:65_535]


def packet(
    topic: bytes, payload: bytes, *, qos: int, packet_id: int, retain: bool, duplicate: bool
) -> bytes:
    """Return a PUBLISH as a broker would send it that checks nothing."""
    first = 0x30 | duplicate << 3 | qos << 1 | retain
    number = packet_id.to_bytes(2) if qos else b""
    body = len(topic).to_bytes(2) + topic + number + payload
    length, left = bytearray(), len(body)
    while True:
        left, digit = divmod(left, 0x80)
        length.append(digit | (0x80 if left else 0))
        if not left:
            return bytes((first, *length)) + body
