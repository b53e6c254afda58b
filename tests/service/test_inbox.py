"""What is decided of what was received together."""

from hypothesis import given
from hypothesis import strategies as st

from balancer.service.inbox import newest
from balancer.service.packets import Received

METERS = frozenset({b"m1", b"m2"})


def received(topic: bytes, payload: bytes, *, retain: bool = False) -> Received:
    return Received(topic, payload, None, retain, False)


def test_of_each_meter_only_the_newest_reading_stays() -> None:
    batch = [
        received(b"m1", b"1"),
        received(b"relay", b"on"),
        received(b"m2", b"2"),
        received(b"m1", b"3"),
        received(b"relay", b"on"),
    ]
    assert newest(batch, METERS) == ([batch[1], batch[2], batch[3], batch[4]], [batch[0]])


def test_retained_reading_hides_no_live_one() -> None:
    """A broker may deliver what it kept after what is new."""
    batch = [received(b"m1", b"1"), received(b"m1", b"0", retain=True)]
    assert newest(batch, METERS) == (batch, [])


@given(st.lists(st.tuples(st.sampled_from([b"m1", b"m2", b"r1", b"r2"]), st.booleans())))
def test_order_stays_and_no_report_is_lost(topics: list[tuple[bytes, bool]]) -> None:
    batch = [
        received(topic, str(number).encode(), retain=retain)
        for number, (topic, retain) in enumerate(topics)
    ]
    kept, overtaken = newest(batch, METERS)
    for some in (kept, overtaken):
        assert list(some) == sorted(some, key=lambda each: int(each.payload))
    assert len(kept) + len(overtaken) == len(batch)
    for each in batch:
        if each.topic not in METERS or each.retain:
            assert each in kept
    for meter in METERS:
        live = [each for each in batch if each.topic == meter and not each.retain]
        assert [each for each in kept if each.topic == meter and not each.retain] == live[-1:]
