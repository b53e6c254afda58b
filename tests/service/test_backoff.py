"""How long we wait before connecting again."""

import pytest

from balancer.service.backoff import Backoff, Loss


def waits(loss: Loss, lived_s: float | None, count: int) -> list[float]:
    backoff = Backoff()
    return [backoff.after(loss, lived_s) for _ in range(count)]


def test_pauses_double_with_jitter_up_to_five_seconds() -> None:
    found = waits(Loss.UNREACHABLE, None, 12)
    for wait_s, middle_s in zip(found, [0.2, 0.4, 0.8, 1.6, 3.2, *[5.0] * 7], strict=True):
        assert 0.8 * middle_s <= wait_s <= 1.2 * middle_s
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("lived_s", [0.0, None])
def test_kicked_at_once_it_tries_at_most_twenty_times_a_minute(lived_s: float | None) -> None:
    """F56."""
    for loss in set(Loss) - {Loss.REFUSED, Loss.GAP, Loss.ROLE}:
        backoff = Backoff()
        at_s, attempts = 0.0, 0
        while at_s < 60.0:
            attempts += 1
            at_s += backoff.after(loss, lived_s)
        assert attempts <= 20, loss


def test_port_where_nobody_listens_is_asked_more_often() -> None:
    """It shall take 1 s at most until we are back."""
    found = waits(Loss.REFUSED, None, 50)
    assert max(found) <= 0.84
    assert min(found[3:]) >= 0.56


@pytest.mark.parametrize(
    ("loss", "took_s"),
    [(Loss.UNREACHABLE, 5.0), (Loss.UNREACHABLE, 3.0), (Loss.SILENT, 2.5)],
)
def test_what_an_unanswered_attempt_took_is_no_time_without_one(loss: Loss, took_s: float) -> None:
    """L04: a line that comes back finds somebody who asks, twenty times a minute at most."""
    backoff = Backoff()
    found = [backoff.after(loss, None, took_s) for _ in range(10_000)]
    assert max(found) <= max(0.24, 3.6 - took_s)
    assert sum(found) / len(found) + took_s >= 2.99
    assert min(found) >= 0.16


def test_connection_that_fell_silent_is_made_anew_at_once() -> None:
    """F43: however short it was."""
    assert Backoff().after(Loss.SILENT, 2.0, 2.1) < 0.25


def test_line_that_answers_again_is_used_at_once() -> None:
    """A half-open line ends with a reset once it is whole."""
    backoff = Backoff()
    for _ in range(8):
        backoff.after(Loss.UNREACHABLE, None, 5.0)
    assert backoff.after(Loss.CLOSED, None, 4.0) < 0.25
    # but who goes on closing is asked as seldom as before
    assert backoff.after(Loss.CLOSED, None, 0.0) >= 4.0


def test_host_that_is_known_to_be_out_of_reach_is_not_hammered() -> None:
    backoff = Backoff()
    found = [backoff.after(Loss.UNREACHABLE, None, 0.01) for _ in range(12)]
    assert found[-1] >= 3.9


def test_connection_that_lasted_begins_with_short_pauses_again() -> None:
    backoff = Backoff()
    for _ in range(6):
        backoff.after(Loss.CLOSED, 0.1)
    assert backoff.after(Loss.CLOSED, 60.0) < 0.25
    assert not backoff.rivalled


def test_third_quick_kick_means_a_rival_and_five_seconds() -> None:
    """F51."""
    backoff = Backoff()
    backoff.after(Loss.CLOSED, 0.1)
    backoff.after(Loss.CLOSED, 0.1)
    assert not backoff.rivalled
    assert backoff.after(Loss.CLOSED, 0.1) >= 5.0
    assert backoff.rivalled


@pytest.mark.parametrize("loss", [Loss.GAP, Loss.ROLE])
def test_what_we_ended_ourselves_is_made_anew_at_once(loss: Loss) -> None:
    assert Backoff().after(loss, 1.0) == 0.0


def test_broker_that_restarts_again_and_again_is_no_rival_and_soon_connected() -> None:
    """L04: each connection worked, then nobody listened for a moment."""
    backoff = Backoff()
    for _ in range(5):
        assert backoff.after(Loss.CLOSED, 1.5) < 0.25
        backoff.after(Loss.REFUSED, None)
        assert not backoff.rivalled


def test_broker_that_dies_as_soon_as_it_is_back_is_still_soon_connected() -> None:
    """L04: it lets us in, dies, and nobody listens for a moment, again and again."""
    backoff = Backoff()
    for _ in range(20):
        assert backoff.after(Loss.CLOSED, 0.1) <= 0.84
        assert backoff.after(Loss.REFUSED, None) <= 0.84
        assert not backoff.rivalled
