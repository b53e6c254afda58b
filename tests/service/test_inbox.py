"""What is decided of what was received together."""

from hypothesis import given
from hypothesis import strategies as st

from balancer.service.inbox import MOST_PIECES, newest
from balancer.service.packets import Received

METERS = frozenset({b"m1", b"m2"})


def received(topic: bytes, payload: bytes, *, retain: bool = False) -> Received:
    return Received(topic, payload, None, retain, False)


def whole(message: Received) -> bool:
    return message.payload.isdigit()


def test_of_each_meter_only_the_newest_reading_stays() -> None:
    batch = [
        received(b"m1", b"1"),
        received(b"relay", b"on"),
        received(b"m2", b"2"),
        received(b"m1", b"3"),
        received(b"relay", b"on"),
    ]
    assert newest(batch, METERS, whole) == ([batch[1], batch[2], batch[3], batch[4]], [batch[0]])


def test_what_is_no_reading_hides_none() -> None:
    """R13: a reading is decided on although rubbish comes right after it."""
    batch = [received(b"m1", payload) for payload in (b"1", b"2", b"", b"?")]
    assert newest(batch, METERS, whole) == (batch[1:], batch[:1])


def test_rubbish_without_end_hides_what_is_far_behind_it() -> None:
    """Or a flood of it would cost more than one of readings."""
    batch = [received(b"m1", b"1"), *(received(b"m1", b"?") for _ in range(1_000))]
    kept, overtaken = newest(batch, METERS, whole)
    assert kept == batch[-MOST_PIECES:]
    assert overtaken == batch[:-MOST_PIECES]


def test_retained_reading_hides_no_live_one() -> None:
    """A broker may deliver what it kept after what is new."""
    batch = [received(b"m1", b"1"), received(b"m1", b"0", retain=True)]
    assert newest(batch, METERS, whole) == (batch, [])


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"m1", b"m2", b"r1", b"r2"]), st.booleans(), st.sampled_from(["", "?"])
        )
    )
)
def test_order_stays_and_nothing_is_lost_but_readings_before_the_last(
    topics: list[tuple[bytes, bool, str]],
) -> None:
    batch = [
        received(topic, f"{number}{rubbish}".encode(), retain=retain)
        for number, (topic, retain, rubbish) in enumerate(topics)
    ]
    kept, overtaken = newest(batch, METERS, whole)
    assert sorted([*kept, *overtaken], key=batch.index) == batch
    for some in (kept, overtaken):
        assert list(some) == sorted(some, key=batch.index)
    for each in batch:
        if each.topic not in METERS or each.retain:
            assert each in kept
    for meter in METERS:
        live = [each for each in batch if each.topic == meter and not each.retain]
        readings = [number for number, each in enumerate(live) if whole(each)]
        last = readings[-1] if readings else 0
        assert [each for each in kept if each in live] == live[last:]
