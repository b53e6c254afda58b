"""R10, R11, R17: OFF before ON; commands are sent once, verified, repeated, given up."""

from collections import deque

import pytest

from balancer.core.commands import Cause, NoteKind, Reason
from tests.core.fakes import FakeRelay
from tests.core.house import FREE, A, a_circuit, a_house, a_load
from tests.core.rig import Rig


def test_off_goes_before_on_in_every_plan() -> None:
    """R10, I02: also where the ON needs nothing of the OFF's place, and stands first in the file."""
    # given changes of two requests that hold_off merges to the same instant
    loads = [a_load("b", circuit="right", **FREE), a_load("a", circuit="left", **FREE)]
    rig = Rig(a_house(loads, a_circuit("left"), a_circuit("right"), hold_off_s=1.0))
    rig.run(30.0)
    rig.request("b")
    rig.run(30.0)
    since_s = rig.now_s
    for wanted in (True, False):
        rig.request("a", wanted)
        rig.request("b", not wanted)
        rig.run(0.2)
    # when it has passed
    rig.run(1.0)
    # then one plan switches both
    assert [(each.at_s, each.load, each.on) for each in rig.commands(since_s + 0.5)] == [
        (since_s + 1.0, "a", False),
        (since_s + 1.0, "b", True),
    ]


def test_an_on_waits_for_the_off_whose_place_it_takes() -> None:
    """R10: on a cap of one, with power for both, the place is free when the OFF is confirmed."""
    rig = Rig(
        a_house(2, a_circuit(steps=(1, 0)), load_options=FREE),
        requested=True,
        relays={"a": FakeRelay(report_s=1.0)},
    )
    rig.run(60.0)
    assert rig.on() == {"a"}
    rig.heater_w["a"] = 100.0  # the meter will not tell
    rig.run(10.5)
    since_s = rig.now_s
    rig.rotate()
    rig.run(10.0)
    assert rig.times("a", False, since_s) == [0.0]
    (on,) = rig.commands(since_s, load="b", on=True)
    assert on.at_s >= since_s + 1.05
    assert rig.most_on["main"] == 1


def test_an_off_that_is_never_confirmed_frees_no_place() -> None:
    """R10: from fault on the stuck load counts as on, and the successor is tested anew."""
    # given one place by cap
    rig = Rig(a_house(2, a_circuit(steps=(1, 0)), load_options=FREE), requested=True)
    rig.run(60.0)
    rig.relays["a"].stuck = True
    rig.rotate()
    rig.run(600.0)
    assert rig.commands(load="b", on=True) == []
    assert rig.most_on["main"] == 1
    # given two places: then R4 admits the successor beside the stuck one
    rig = Rig(a_house(3, a_circuit(steps=(2, 0)), load_options=FREE), requested=True)
    rig.run(60.0)
    rig.relays["a"].stuck = True
    rig.rotate()
    rig.run(10.0)
    rig.rotate()
    rig.run(600.0)
    assert "a" in rig.on()
    assert len(rig.on()) == 2
    assert rig.most_on["main"] == 2


def test_an_unconfirmed_off_is_repeated_and_then_the_load_is_in_fault() -> None:
    """R11: confirm_within (2 s), then 0.5, 1 and 2 s apart; in fault every minute."""
    rig = Rig(a_house(1, load_options=FREE), requested=True)
    rig.run(60.0)
    rig.relays["a"].stuck = rig.relays["a"].mute = True
    since_s = rig.now_s
    rig.request("a", False)
    rig.run(5.4)
    assert rig.times("a", False, since_s) == [0.0, 2.0, 2.5, 3.5]
    assert not rig.noted(NoteKind.FAULT)
    rig.run(0.2)
    assert [at_s - since_s for at_s, _ in rig.noted(NoteKind.FAULT)] == pytest.approx([5.5])
    assert rig.load("a").reason == Reason.FAULT
    rig.run_until(since_s + 5.5 + 185.0)
    assert rig.times("a", False, since_s)[4:] == [65.5, 125.5, 185.5]
    # then it is mended, and the next repetition ends the fault
    rig.relays["a"].stuck = rig.relays["a"].mute = False
    rig.run(61.0)
    assert rig.on() == set()
    assert rig.noted(NoteKind.FAULT_OVER)
    assert rig.load("a").reason == Reason.IDLE


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_retries_are_as_configured(retries: int) -> None:
    """R11: `retries` times."""
    rig = Rig(a_house([a_load("a", relay={"retries": retries}, **FREE)]), requested=True)
    rig.run(60.0)
    rig.relays["a"].dead = True
    since_s = rig.now_s
    rig.request("a", False)
    rig.run(30.0)
    assert len(rig.commands(since_s)) == 1 + retries
    assert rig.load("a").reason == Reason.FAULT


def test_confirm_within_is_measured() -> None:
    """R11: 1.5 times the slowest of the last confirmations when that is more than 2 s."""
    slow = FakeRelay(latency_s=2.5, report_s=0.5)
    rig = Rig(a_house([a_load("a", relay={"confirm_within_s": 8.0}, **FREE)]), relays={"a": slow})
    rig.run(30.0)
    for requested in (True, False, True):
        rig.request("a", requested)
        rig.run(30.0)
    assert len(rig.commands()) == 3
    # and without a fixed time it takes one repetition to learn it
    rig = Rig(a_house(1, load_options=FREE), relays={"a": FakeRelay(latency_s=1.5, report_s=0.3)})
    rig.run(30.0)
    for requested in (True, False, True, False):
        rig.request("a", requested)
        rig.run(30.0)
    rig.relays["a"].dead = True
    since_s = rig.now_s
    rig.request("a")
    rig.run(4.0)
    assert rig.times("a", True, since_s)[:2] == [0.0, 2.7]


def test_a_dead_relay_gives_its_turn_away_and_is_tried_every_ten_minutes() -> None:
    """R11: an ON that is never confirmed is answered with OFF."""
    rig = Rig(a_house(3, load_options=FREE), base_w=17 * A)
    rig.run(60.0)
    rig.relays["a"].stuck = True  # a coil that has burnt out: it says truly that it is off
    since_s = rig.now_s
    rig.request("a")
    rig.request("b")
    rig.request("c")
    rig.run(60.0)
    assert rig.times("a", True, since_s) == [0.0, 2.0, 2.5, 3.5]
    assert rig.times("a", False, since_s)[0] == 5.5
    assert rig.load("a").reason == Reason.FAULT
    # given room for it, when time passes, then it is tried again
    rig.base_w["main"] = 12 * A
    rig.run(1500.0)
    again = [at for at in rig.times("a", True, since_s) if at > 10.0]
    assert again
    assert all(at > 590.0 for at in again)
    # and its turn went to the next as soon as it was known not to be on
    (on,) = rig.commands(since_s, load="c", on=True)[:1]
    assert on.at_s - since_s < 60.0


def test_a_relay_that_is_not_heard_gets_off_until_it_is_and_then_its_turn() -> None:
    """R11: it might heat unseen; OFF every minute, ON when it can be believed."""
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(30.0)
    rig.relays["a"].dead = True
    since_s = rig.now_s
    rig.request("a")
    rig.run(400.0)
    assert len(rig.commands(since_s, on=False)) >= 6
    rig.relays["a"].dead = False
    rig.run(700.0)
    assert rig.on() == {"a"}
    assert rig.load("a").reason == Reason.SERVING


@pytest.mark.parametrize("speaks", [False, True])
def test_a_relay_that_is_heard_again_has_its_turn_in_a_full_house(speaks: bool) -> None:
    """R11, L01: nobody makes room for a dead relay, so it must not stay one."""
    rig = Rig(a_house(2, load_options=FREE), base_w=24 * A)
    rig.run(60.0)
    rig.relays["a"].dead = True
    rig.request("a")
    rig.request("b")
    rig.run(400.0)
    assert rig.load("a").reason == Reason.FAULT
    assert rig.on() == {"b"}
    # when the device is back, whether it says that it is on or answers the OFF of the next minute
    rig.relays["a"].dead = False
    if speaks:
        rig.push("a", on=True)
    rig.run(61.0)
    assert rig.noted(NoteKind.FAULT_OVER)
    # and a tick gives it the place of the other
    rig.rotate()
    rig.run(10.0)
    assert rig.on() == {"a"}


def test_one_silent_relay_delays_nobody_elses_command() -> None:
    """R11."""
    rig = Rig(a_house(3), relays={"a": FakeRelay(dead=True)})
    rig.run(30.0)
    since_s = rig.now_s
    for zone in "abc":
        rig.request(zone)
    rig.run(0.2)
    assert rig.on() == {"b", "c"}
    assert rig.times("b", True, since_s) == [0.0]


def test_a_shed_that_nothing_confirms_is_not_believed() -> None:
    """R11: within confirm_within its credit ends and the next load is shed."""
    rig = Rig(a_house(2, a_circuit(safe_ratio=1.0)), base_w=15 * A, requested=True)
    rig.run(60.0)
    assert len(rig.on()) == 2
    for relay in rig.relays.values():
        relay.dead = True
    rig.base_w["main"] = 23 * A
    rig.run(1.0)
    (first,) = rig.commands(rig.now_s - 1.0, on=False)
    other = "b" if first.load == "a" else "a"
    rig.relays[other].dead = False
    rig.run(5.0)
    (second,) = rig.commands(first.at_s, load=other, on=False)
    assert second.at_s - first.at_s <= 2.0 + 0.011
    causes = [each.cause for at_s, each in rig.decided if at_s >= first.at_s]
    assert causes == [Cause.OVERLOAD, Cause.UNCONFIRMED]


def test_a_stuck_load_is_not_subtracted_from_the_meter() -> None:
    """R11, global: its power is nobody's but the house's."""
    rig = Rig(a_house(2, a_circuit(safe_ratio=1.0), load_options=FREE), requested=True)
    rig.run(60.0)
    before_w = rig.snapshot().circuits["main"].non_heating_w
    assert before_w is not None
    rig.relays["a"].stuck = True
    rig.request("a", False)
    rig.run(30.0)
    assert rig.snapshot().circuits["main"].non_heating_w == pytest.approx(before_w + 5 * A)


def test_a_late_report_after_a_lost_one_confirms() -> None:
    """R11: two lost commands, the third arrives."""
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(30.0)
    rig.relays["a"].lose = 2
    since_s = rig.now_s
    rig.request("a")
    rig.run(20.0)
    assert rig.times("a", True, since_s) == [0.0, 2.0, 2.5]
    assert rig.on() == {"a"}
    assert not rig.noted(NoteKind.FAULT)


def test_an_off_that_arrives_late_after_its_repetition_does_no_harm() -> None:
    """R11, F57: duplicates."""
    rig = Rig(a_house(1, load_options=FREE), requested=True)
    rig.run(60.0)
    rig.relays["a"].latencies_s = deque([3.0, 3.0, 3.0])
    rig.request("a", False)
    rig.run(60.0)
    assert rig.on() == set()
    assert not rig.noted(NoteKind.FAULT)
    assert not rig.noted(NoteKind.FOREIGN)


def test_an_unconfirmed_on_is_taken_back_when_nobody_asks_any_more() -> None:
    """R11, I04: a slow relay must not begin to heat late."""
    rig = Rig(a_house(1, load_options=FREE), base_w=5 * A)
    rig.run(60.0)
    rig.relays["a"].dead = True
    since_s = rig.now_s
    rig.request("a")
    rig.run(1.5)
    rig.request("a", requested=False)
    rig.run(60.0)
    assert rig.times("a", True, since_s) == [0.0]
    assert rig.times("a", False, since_s)[0] == 2.0


def test_in_a_dry_run_nothing_is_sent_and_everything_is_decided() -> None:
    """R17: commands count as confirmed at once, faults and foreign switching rest."""
    house = a_house(3, load_options=FREE, dry_run=True)
    rig = Rig(house, base_w=20 * A, requested=True)
    rig.run(60.0)
    seen = rig.snapshot()
    # two or three fit: the meter does not see them
    assert sum(load.on for load in seen.loads.values()) >= 2
    assert rig.on() == set()
    assert rig.sent == []
    assert any(each.switchings for _, each in rig.decided)
    # and what the relays do is no contradiction
    rig.push("a", on=True)
    rig.run(60.0)
    assert not rig.noted(NoteKind.FOREIGN)
    assert not rig.noted(NoteKind.FAULT)
    # a reading over the limit sheds on paper
    rig.base_w["main"] = 40 * A
    rig.run(5.0)
    assert not any(load.on for load in rig.snapshot().loads.values())
    assert rig.sent == []
