"""The heartbeat: its words, its round trip, and when the broker counts as gone."""

import pytest

from balancer.service.heartbeat import Beat, Heartbeat, read_beat


@pytest.mark.parametrize("commanding", [True, False])
def test_heartbeat_is_read_as_it_was_written(commanding: bool) -> None:
    beat = Beat("0123abcd", 17, commanding)
    assert read_beat(beat.payload()) == beat


def test_heartbeat_has_the_published_form() -> None:
    """Design, section 5."""
    assert Beat("0123abcd", 17, True).payload() == b"0123abcd 17 active"
    assert Beat("0123abcd", 18, False).payload() == b"0123abcd 18 standby"


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"a", b"a 1", b"a 1 boss", b"a x active", b"a -1 active", b" 1 active"),
        *(b"a 1 active extra", b"\xff 1 active", b"a " + b"9" * 5000 + b" active", b"x" * 100),
        b"x" * 65 + b" 1 active",
    ],
)
def test_anything_else_is_no_heartbeat(payload: bytes) -> None:
    assert read_beat(payload) is None


def test_unanswered_heartbeat_is_overdue_after_two_seconds() -> None:
    heartbeat = Heartbeat("me")
    heartbeat.connected(0.001)
    assert heartbeat.overdue_s == float("inf")
    heartbeat.next(100.0, commanding=True)
    heartbeat.next(100.5, commanding=True)
    assert heartbeat.overdue_s == 102.0


@pytest.mark.parametrize(
    ("round_trip_s", "patience_s"),
    [(0.4, 2.0), (0.5, 2.0), (0.6, 2.4), (2.5, 10.0), (3.0, 10.0)],
)
def test_slow_broker_gets_four_round_trips_but_ten_seconds_at_most(
    round_trip_s: float, patience_s: float
) -> None:
    heartbeat = Heartbeat("me")
    heartbeat.connected(round_trip_s)
    heartbeat.next(100.0, commanding=True)
    assert heartbeat.overdue_s == pytest.approx(100.0 + patience_s)


def test_answer_to_a_later_one_answers_those_before() -> None:
    heartbeat = Heartbeat("me")
    heartbeat.connected(0.01)
    first = heartbeat.next(100.0, commanding=True)
    second = heartbeat.next(100.5, commanding=True)
    assert heartbeat.answered(second.number, 100.6) == pytest.approx(0.1)
    assert heartbeat.overdue_s == float("inf")
    assert heartbeat.answered(first.number, 100.7) is None


def test_nothing_from_the_connection_before_is_awaited() -> None:
    heartbeat = Heartbeat("me")
    heartbeat.connected(0.01)
    old = heartbeat.next(100.0, commanding=True)
    heartbeat.connected(0.01)
    assert heartbeat.overdue_s == float("inf")
    assert heartbeat.answered(old.number, 101.0) is None
