"""R10, R11: an OFF that only the meter has shown is told until the relay says so."""

import pytest

from balancer.core.commands import NoteKind, Reason, SwitchRelay
from tests.core.house import FREE, A, a_house
from tests.core.rig import Rig


def after_a_false_fall() -> Rig:
    """Return a house whose meter fell as if a had gone off; it heard no OFF and answers nobody."""
    rig = Rig(a_house(2, load_options=FREE), base_w=6 * A)
    rig.run(30.0)
    rig.request("a")
    rig.run(30.0)
    relay = rig.relays["a"]
    relay.unasked = relay.dead = True
    rig.request("a", False)
    rig.run(0.5)
    rig.base_w["main"] = 1 * A
    rig.run(10.0)
    assert rig.on() == {"a"}
    return rig


def _falls_beside(rig: Rig, *, wanted: bool) -> float:
    """Return since when a silent relay has missed the OFF after its ON, while a kettle went off."""
    rig.run(60.0)
    relay = rig.relays["a"]
    relay.mute = True
    since_s = rig.now_s
    rig.request("a")
    rig.run(5.3)
    relay.lose = 1
    rig.run(0.4)
    rig.base_w["main"] -= 6 * A
    rig.run(4.0)
    rig.request("a", wanted)
    return since_s


@pytest.mark.parametrize("wanted", [False, True])
def test_a_relay_that_has_not_said_off_is_told_every_minute_though_the_meter_fell(
    wanted: bool,
) -> None:
    """R11: a relay that merely does not report must never heat unseen."""
    # given an OFF that was lost when something else went off
    rig = Rig(a_house(1, load_options=FREE), base_w=10 * A)
    since_s = _falls_beside(rig, wanted=wanted)
    assert rig.on() == {"a"}
    # when time passes
    rig.run(400.0)
    # then it is told until it says so
    assert rig.on() == set()
    assert rig.times("a", False, since_s) == pytest.approx(
        [5.5, *(66.0 + 60.0 * minute for minute in range(6))], abs=0.5
    )
    assert len(rig.noted(NoteKind.RETRIED, since_s + 10.0)) == 6
    rig.relays["a"].mute = False
    rig.run(60.0)
    since_s = rig.now_s
    rig.run(120.0)
    assert not rig.commands(since_s, on=False)


def test_a_relay_that_goes_on_after_all_is_told_off_no_more() -> None:
    """R11: its OFF was told every minute until then."""
    rig = Rig(a_house(1, load_options=FREE), base_w=10 * A)
    since_s = _falls_beside(rig, wanted=True)
    rig.run_until(since_s + 604.0)
    rig.relays["a"].mute = False
    rig.run(300.0)
    assert rig.on() == {"a"}
    assert rig.times("a", True, since_s)[-1] == pytest.approx(605.5, abs=0.5)
    assert not rig.commands(since_s + 606.0, on=False)


def test_what_is_told_every_minute_is_told_after_a_reconnect_too() -> None:
    """R11, R15: it is asked first, and has not said off yet."""
    rig = Rig(a_house(1, load_options=FREE), base_w=10 * A)
    _falls_beside(rig, wanted=False)
    rig.run(70.0)
    rig.disconnect()
    rig.relays["a"].dead = True
    rig.run(1.0)
    rig.connect()
    since_s = rig.now_s
    rig.run(200.0)
    assert [at_s - since_s for at_s, _ in rig.queried[-2:]] == pytest.approx([0.0, 2.5])
    assert len(rig.times("a", False, since_s)) == 4


def test_a_stuck_relay_that_speaks_late_is_told_as_often_as_any_other() -> None:
    """R11: not once more for what the meter seemed to show."""
    rig = Rig(a_house(1, load_options=FREE), base_w=10 * A)
    _falls_beside(rig, wanted=False)
    since_s = rig.now_s
    relay = rig.relays["a"]
    relay.mute, relay.stuck = False, True
    rig.report("a")
    rig.run(290.0)
    assert len(rig.times("a", False, since_s)) == 8


def test_a_relay_that_says_late_that_it_is_on_is_nobody_elses_doing() -> None:
    """R11: it went on as it was told, and never off."""
    rig = Rig(a_house(1, load_options=FREE), base_w=10 * A)
    _falls_beside(rig, wanted=False)
    rig.relays["a"].mute = False
    rig.report("a")
    rig.run(1.0)
    assert rig.on() == set()
    assert not rig.noted(NoteKind.FOREIGN)


def test_a_relay_that_says_on_is_believed_over_the_meter() -> None:
    """R11: other power fell by as much just then; the relay is asked, and told again."""
    rig = Rig(a_house(1, load_options=FREE), base_w=3000.0, requested=True)
    rig.run(60.0)
    rig.relays["a"].lose = 1
    rig.request("a", False)
    rig.base_w["main"] = 1500.0
    rig.run(1.5)
    assert not rig.snapshot().loads["a"].on
    assert rig.on() == {"a"}
    rig.run(3.0)
    assert rig.on() == set()
    assert not rig.noted(NoteKind.FOREIGN)
    assert not rig.noted(NoteKind.FAULT)


def test_a_relay_that_contradicts_the_meter_is_told_again() -> None:
    """R10: another appliance's fall may have been taken for the heater's, and it cannot be asked."""
    # given a relay that can be reached again after such a fall
    rig = after_a_false_fall()
    assert not rig.state.loads["a"].live
    relay = rig.relays["a"]
    relay.dead = False
    # when a minute has passed and its last word is still ON
    rig.run(90.0)
    # then it was told again, and is off
    assert not relay.on
    assert rig.load("a").relay is False


def test_a_relay_that_is_told_again_and_wanted_at_once_hears_one_command() -> None:
    """R11: never OFF and ON for one heater in the same step."""
    # given a heater that is wanted in the very step in which it is told again
    rig = after_a_false_fall()
    relay = rig.relays["a"]
    rig.run_until(rig.state.loads["a"].recheck_s - 0.5)
    rig.now_s = rig.state.loads["a"].recheck_s
    # when it is asked for
    decision = rig.request("a")
    # then it is told one thing, that has to be confirmed like any other
    assert decision.commands == (SwitchRelay("a", on=False),)
    relay.dead = False
    rig.run(10.0)
    assert relay.on
    assert rig.on() == {"a"}


def test_a_heater_that_will_not_go_off_becomes_a_fault_though_the_meter_fell() -> None:
    """R10, R11."""
    rig = after_a_false_fall()
    rig.run(110.0)
    assert rig.load("a").reason is Reason.FAULT


def test_an_off_that_is_told_again_goes_before_every_on() -> None:
    """R10: it may still heat."""
    rig = Rig(a_house(2, load_options=FREE), base_w=10 * A)
    _falls_beside(rig, wanted=False)
    rig.run_until(rig.state.loads["a"].retell_s - 0.5)
    rig.now_s = rig.state.loads["a"].retell_s
    decision = rig.request("b")
    assert decision.commands == (SwitchRelay("a", on=False), SwitchRelay("b", on=True))
