"""R11: what relays and their devices say of themselves, and what somebody else switches."""

import pytest

from balancer.core.commands import Cause, NoteKind, Reason
from balancer.core.events import RelayReported
from balancer.core.hear import HEARD_AGAIN_S
from tests.core.house import FREE, A, a_house, a_load
from tests.core.rig import Rig


def _in_fault(how: str) -> Rig:
    """Return a house whose only relay broke and was told ON in vain."""
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(30.0)
    setattr(rig.relays["a"], how, True)
    rig.request("a")
    rig.run(30.0)
    assert rig.load("a").reason == Reason.FAULT
    return rig


def _stuck_on() -> Rig:
    """Return a house whose only heater did not go off when nobody wanted it any more."""
    rig = Rig(a_house(1, load_options=FREE), requested=True)
    rig.run(60.0)
    rig.relays["a"].stuck = True
    rig.request("a", False)
    rig.run(20.0)
    assert rig.load("a").reason == Reason.FAULT
    return rig


def test_a_fault_ends_when_the_relay_reports_what_is_wanted() -> None:
    """R11."""
    rig = _stuck_on()
    rig.relays["a"].stuck = False
    rig.push("a", on=False)
    assert rig.load("a").reason == Reason.IDLE


def test_a_fault_ends_when_the_relay_is_as_wanted_after_a_reconnect() -> None:
    """R11, R15: the answer to the question is a report like any other, and may be the only one."""
    # given a heater that did not go off, and does while nobody listens
    rig = _stuck_on()
    rig.disconnect()
    rig.relays["a"].stuck = False
    rig.push("a", on=False)
    rig.run(5.0)
    # when it is asked after the reconnect
    rig.connect()
    rig.run(10.0)
    # then it is mended, and goes on when it is wanted
    assert rig.load("a").reason == Reason.IDLE
    assert rig.noted(NoteKind.FAULT_OVER)
    rig.request("a")
    rig.run(10.0)
    assert rig.on() == {"a"}


def test_a_fault_ends_when_the_device_comes_back() -> None:
    """R11, R15: it is asked, and reconciled."""
    rig = _in_fault("dead")
    rig.device("a", False)
    rig.run(10.0)
    rig.relays["a"].dead = False
    rig.device("a", True)
    rig.run(10.0)
    assert rig.load("a").reason == Reason.SERVING
    assert rig.on() == {"a"}


def test_an_unreachable_device_is_sent_no_on() -> None:
    """F37, R18: unavailable."""
    rig = Rig(a_house(2, load_options=FREE))
    rig.run(30.0)
    rig.device("a", False)
    rig.request("a")
    rig.request("b")
    rig.run(30.0)
    assert rig.on() == {"b"}
    assert rig.load("a").reason == Reason.UNAVAILABLE
    rig.device("a", True)
    rig.run(10.0)
    assert rig.on() == {"a", "b"}


def test_a_flapping_device_switches_nothing() -> None:
    """F33: no relay is switched by flaps alone."""
    rig = Rig(a_house(1), requested=True)
    rig.run(60.0)
    since_s = rig.now_s
    for _ in range(8):
        rig.device("a", False)
        rig.run(7.0)
        rig.device("a", True)
        rig.run(8.0)
    assert rig.commands(since_s) == []
    assert rig.on() == {"a"}


def test_a_relay_in_fault_that_speaks_again_is_told_off_at_once() -> None:
    """R11: it can be reached, so nobody waits for the next minute."""
    rig = Rig(a_house(2, load_options=FREE), base_w=5 * A)
    rig.run(30.0)
    rig.request("a")
    rig.run(30.0)
    rig.relays["a"].dead = True
    rig.request("a", requested=False)
    rig.run(25.0)
    assert rig.load("a").reason == Reason.FAULT
    since_s = rig.now_s
    rig.relays["a"].dead = False
    rig.report("a")
    rig.run(2.0)
    assert rig.times("a", False, since_s)
    assert not rig.on()


def test_a_stuck_relay_that_speaks_again_is_told_off_at_once_but_not_at_every_word() -> None:
    """R11: it may move now; a stuck one that repeats itself is not told more often for that."""
    rig = _stuck_on()
    rig.run(20.0)
    rig.relays["a"].stuck = False
    since_s = rig.now_s
    rig.report("a")
    assert rig.times("a", False, since_s) == [0.0]
    # and when it speaks every second
    rig = _stuck_on()
    since_s = rig.now_s
    for _ in range(30):
        rig.report("a")
        rig.run(1.0)
    assert len(rig.commands(since_s)) <= 30.0 / HEARD_AGAIN_S + 1.0


def test_only_the_next_on_puts_a_foreign_off_right() -> None:
    """R11, R18: later ones have causes of their own."""
    rig = Rig(a_house(1, load_options=FREE), requested=True)
    rig.run(60.0)
    rig.push("a", on=False)
    rig.run(10.0)
    rig.limit(3 * A)
    rig.run(10.0)
    rig.limit(30 * A)
    rig.run(1000.0)
    causes = [each.cause for _, each in rig.decided if each.switchings[0].on]
    assert causes[-2] is Cause.FOREIGN
    assert causes[-1] is not Cause.FOREIGN


@pytest.mark.parametrize("away_s", [3.0, 5.0, 7.0, 12.0, 20.0])
def test_the_first_word_of_a_relay_that_was_away_is_answered_at_once(away_s: float) -> None:
    """R9, R11: it missed a shed and its repeats, and heats over the limit when it is back."""
    # given a shed while a relay is out of reach
    rig = Rig(a_house(1, load_options=FREE), base_w=20 * A, requested=True)
    rig.run(60.3)
    rig.base_w["main"] = 28 * A
    rig.relays["a"].dead = True
    rig.run_while(lambda: not rig.commands(on=False), 2.0)
    rig.run(away_s)
    # when it is back and says that it is on
    rig.relays["a"].dead = False
    rig.report("a")
    # then it is told OFF again in that step
    rig.run(0.1)
    assert rig.on() == set()


def test_a_relay_that_was_away_is_told_again_as_often_as_any_other() -> None:
    """R11: what it is told on its first word may be lost, too."""
    rig = Rig(a_house(1, load_options=FREE), requested=True)
    rig.run(60.0)
    relay = rig.relays["a"]
    relay.dead = True
    since_s = rig.now_s
    rig.request("a", False)
    rig.run(7.0)
    relay.dead = False
    relay.lose = 2
    rig.report("a")
    rig.run(10.0)
    assert rig.times("a", False, since_s) == [0.0, 2.0, 2.5, 3.5, 7.0, 7.5, 8.5]
    assert rig.on() == set()


def test_a_relay_that_answers_every_command_in_vain_is_not_told_more_often() -> None:
    """R11: it is heard, it is stuck."""
    rig = Rig(a_house(1, load_options=FREE), requested=True)
    rig.run(60.0)
    rig.relays["a"].stuck = True
    since_s = rig.now_s
    rig.request("a", False)
    rig.run(60.0)
    assert rig.times("a", False, since_s) == [0.0, 2.0, 2.5, 3.5]


def test_a_dead_relay_that_is_switched_on_by_hand_is_mended_and_put_right() -> None:
    """R11: it can move after all."""
    rig = _in_fault("stuck")
    rig.request("a", False)
    rig.run(10.0)
    rig.relays["a"].stuck = False
    rig.push("a", on=True)
    rig.run(5.0)
    assert rig.on() == set()
    assert rig.noted(NoteKind.FAULT_OVER)


def test_a_foreign_on_is_put_right_at_once() -> None:
    """R11."""
    rig = Rig(a_house(1))
    rig.run(30.0)
    rig.push("a", on=True)
    rig.run(0.2)
    assert rig.on() == set()
    assert len(rig.noted(NoteKind.FOREIGN)) == 1
    (decided,) = [each for _, each in rig.decided]
    assert decided.cause == Cause.FOREIGN


@pytest.mark.parametrize(
    ("wait_s", "on"), [(119.9, False), (120.1, True)], ids=["just before", "just after"]
)
def test_a_foreign_off_is_put_right_after_min_off(wait_s: float, on: bool) -> None:
    """R8: putting right a foreign OFF waits for min_off."""
    rig = Rig(a_house(1), requested=True)
    rig.run(60.0)
    rig.push("a", on=False)
    rig.run(wait_s)
    assert bool(rig.commands(1030.0, on=True)) is on
    rig.run(5.0)
    assert rig.on() == {"a"}


def test_foreign_switching_is_put_right_three_times_and_then_left_alone_for_an_hour() -> None:
    """R11: within ten minutes; reported; still subject to away."""
    rig = Rig(a_house(1, load_options=FREE), period_s=5.0)
    rig.run(30.0)
    for _ in range(3):
        rig.push("a", on=True)
        rig.run(10.0)
        assert rig.on() == set()
    rig.push("a", on=True)
    left_s = rig.now_s
    rig.run(3500.0)
    assert rig.on() == {"a"}
    assert len(rig.noted(NoteKind.LEFT_ALONE)) == 1
    assert rig.snapshot().circuits["main"].active == 1
    # when the hour is over, then it is put right again
    rig.run_until(left_s + 3700.0)
    assert rig.on() == set()


@pytest.mark.parametrize("how", ["away", "shed", "blind"])
def test_a_load_left_alone_stays_subject_to_safety(how: str) -> None:
    """R11."""
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(30.0)
    for _ in range(4):
        rig.push("a", on=True)
        rig.run(10.0)
    assert rig.on() == {"a"}
    if how == "away":
        rig.away()
    elif how == "shed":
        rig.base_w["main"] = 28 * A
    else:
        rig.meter().silent = True
        rig.run(15.0)
    rig.run(1.2)
    assert rig.on() == set()


def test_four_times_in_more_than_ten_minutes_is_put_right_each_time() -> None:
    """R11."""
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(30.0)
    for _ in range(5):
        rig.push("a", on=True)
        rig.run(205.0)
        assert rig.on() == set()
    assert not rig.noted(NoteKind.LEFT_ALONE)


def test_an_old_state_in_a_merged_payload_is_no_contradiction() -> None:
    """R11: within confirm_within of the command."""
    rig = Rig(a_house([a_load("a", relay={"merged": True}, **FREE)]))
    rig.run(30.0)
    rig.request("a")
    rig.run(1.0)
    assert rig.on() == {"a"}
    # when a linkquality message repeats the state from before
    rig.tell(RelayReported(rig.now_s, "a", False))
    rig.run(10.0)
    assert not rig.noted(NoteKind.FOREIGN)
    assert len(rig.commands()) == 1
    # and later it is one
    rig.tell(RelayReported(rig.now_s, "a", False))
    rig.run(1.0)
    assert len(rig.noted(NoteKind.FOREIGN)) == 1


def test_min_off_runs_from_the_last_time_that_a_relay_said_it_had_gone_off() -> None:
    """R8, R11: what seemed to be an old state may have been somebody's hand."""
    # given a relay that has gone off
    rig = Rig(a_house([a_load("a", relay={"merged": True}, min_on_s=0.0, min_off_s=60.0)]))
    rig.run(30.0)
    rig.request("a")
    rig.run(30.0)
    rig.request("a", requested=False)
    rig.run(0.3)
    # when somebody switches it on and off again at once
    rig.push("a", on=True)
    rig.run(0.5)
    rig.push("a", on=False)
    off_s = rig.now_s
    # then it rests from then on
    rig.request("a")
    rig.run(70.0)
    (on,) = rig.commands(off_s, on=True)
    assert on.at_s == pytest.approx(off_s + 60.0)


def test_a_relay_that_repeats_its_state_causes_nothing() -> None:
    """R11: commands are sent only when they change something."""
    rig = Rig(a_house(2), requested=True)
    rig.run(60.0)
    since_s = rig.now_s
    for _ in range(100):
        rig.report("a")
        rig.request("b")
        rig.away(False)
        rig.mode(None)
        rig.limit(30 * A)
        rig.boost("a", 0.0)
        rig.run(1.0)
    assert rig.commands(since_s) == []


def test_a_foreign_off_of_a_load_that_nobody_wants_keeps_no_place() -> None:
    """R6, R11: it was on for its min_on only."""
    rig = Rig(a_house(1, load_options={"min_off_s": 0.0}), requested=True)
    rig.run(30.0)
    rig.request("a", False)
    rig.run(5.0)
    assert rig.on() == {"a"}
    rig.push("a", on=False)
    assert not rig.load("a").claim
