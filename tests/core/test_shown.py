"""R2, R10: what the meter shows of an OFF, or seems to."""

import pytest

from balancer.core.commands import Cause, NoteKind, Reason, SwitchRelay
from tests.core.house import FREE, METER, A, a_circuit, a_house, a_load
from tests.core.metered import with_known_lag
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


def test_a_fall_of_the_meter_confirms_an_off_that_the_relay_does_not() -> None:
    """R10: the circuit's meter fell by at least half the draw."""
    rig = Rig(a_house(2, a_circuit(steps=(1, 0)), load_options=FREE), requested=True)
    rig.run(60.0)
    rig.relays["a"].mute = True
    since_s = rig.now_s
    rig.rotate()
    rig.run(10.0)
    assert rig.on() == {"b"}
    assert rig.times("a", False, since_s) == [0.0]
    assert rig.load("a").reason != Reason.FAULT
    assert rig.most_on["main"] == 1


def test_a_relay_that_said_on_and_went_off_without_a_word_has_switched_twice() -> None:
    """R8, I21: its OFF came before the meter had shown its ON for good."""
    rig = Rig(a_house(1, load_options=FREE), base_w=3 * A)
    rig.run(60.0)
    rig.request("a")
    rig.run(2.0)
    rig.relays["a"].mute = True
    rig.request("a", False)
    rig.run(10.0)
    assert rig.load("a").switches == 2


def test_the_first_reading_that_surely_shows_an_off_confirms_it() -> None:
    """R10: however long it had to be waited for."""
    # given a meter that tells every 15 s, and whose lag is known
    rig = with_known_lag(15.0, lead_s=0.5)
    last = rig.state.meters[METER].last
    assert last is not None
    rig.run_until(last.at_s + 15.01)
    # when a silent relay goes off just after it has told
    rig.relays["a"].mute = True
    rig.request("a", False)
    rig.run(14.9)
    assert rig.state.loads["a"].live
    rig.run(0.2)
    # then its next reading is believed
    assert not rig.state.loads["a"].live


@pytest.mark.parametrize("period_s", [1.0, 3.0, 5.0])
@pytest.mark.parametrize(("moves", "heats"), [(True, {"b"}), (False, set[str]())])
def test_a_place_taken_by_an_on_that_was_never_reported_is_free_once_the_meter_fell(
    moves: bool, heats: set[str], period_s: float
) -> None:
    """R11: it counts as on until then; one that never moved lets no meter fall."""
    # given a relay that says nothing, and one that waits for its place
    house = a_house(2, a_circuit(steps=(1, 0)), load_options=FREE)
    rig = Rig(house, base_w=3 * A, period_s=period_s)
    rig.run(60.0)
    rig.relays["a"].mute, rig.relays["a"].stuck = True, not moves
    since_s = rig.now_s
    rig.request("a")
    rig.run(2.0)
    rig.request("b")
    # when its ON is answered with OFF, and if it did nothing something else goes off
    rig.run(4.0)
    if not moves:
        rig.base_w["main"] -= 3 * A
    rig.run(36.0)
    assert rig.times("a", False, since_s)[0] == 5.5
    # then the other has the place if the meter showed it
    assert rig.load("a").reason is Reason.FAULT
    assert rig.on() == heats
    assert rig.most_on["main"] == 1 - (not moves)
    # and what the first one does later changes nothing
    rig.run(600.0)
    assert rig.on() == heats


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
        [5.5, *(67.5 + 60.0 * minute for minute in range(6))], abs=1.0
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
    assert rig.queried[-1][0] == since_s
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
    assert len(rig.times("a", False, since_s)) == 9


@pytest.mark.parametrize(("draw", "heats"), [(1.85, set[str]()), (2.0, {"b"})])
def test_an_on_that_was_never_reported_was_obeyed_if_the_meter_rose_by_half(
    draw: float, heats: set[str]
) -> None:
    """R10, R11: of the least that a heater of 5 A may take, 3.85 A."""
    rig = Rig(a_house(2, a_circuit(steps=(1, 0)), load_options=FREE), base_w=3 * A)
    rig.heater_w["a"] = draw * A
    rig.run(60.0)
    rig.relays["a"].mute = True
    rig.request("a")
    rig.run(2.0)
    rig.request("b")
    rig.run(40.0)
    assert rig.on() == heats


def test_a_fall_that_is_too_small_for_two_offs_confirms_neither() -> None:
    """R10: it leaves doubt about both."""
    # given two silent relays, of which the smaller one obeys
    house = a_house([a_load("a", 5 * A, **FREE), a_load("b", 3 * A, **FREE)])
    rig = Rig(house, requested=True)
    rig.run(60.0)
    rig.relays["a"].dead = rig.relays["b"].mute = True
    rig.request("a", False)
    rig.request("b", False)
    rig.run(1.9)
    # then both are believed to be on
    assert rig.on() == {"a"}
    assert {name for name, load in rig.state.loads.items() if load.live} == {"a", "b"}


def test_a_heater_that_goes_off_late_confirms_no_other() -> None:
    """R10: one that was stuck may go off at any time."""
    # given a heater that did not go off and does not say so
    rig = Rig(a_house(2, load_options=FREE), requested=True)
    rig.run(60.0)
    rig.relays["a"].dead = True
    rig.request("a", False)
    rig.run(40.0)
    assert rig.load("a").reason is Reason.FAULT
    # when it does just when another one is told, and does not
    rig.relays["b"].dead = True
    rig.request("b", False)
    rig.relays["a"].on = False
    rig.run(1.9)
    # then that one counts as on
    assert rig.on() == {"b"}
    assert rig.state.loads["b"].live


def test_a_relay_that_says_late_that_it_is_on_is_nobody_elses_doing() -> None:
    """R11: it went on as it was told, and never off."""
    rig = Rig(a_house(1, load_options=FREE), base_w=10 * A)
    _falls_beside(rig, wanted=False)
    rig.relays["a"].mute = False
    rig.report("a")
    rig.run(1.0)
    assert rig.on() == set()
    assert not rig.noted(NoteKind.FOREIGN)


def test_a_relay_that_never_moved_has_no_switching_counted() -> None:
    """R8: whatever falls while it is told OFF in vain."""
    rig = Rig(a_house(1), base_w=3 * A)
    rig.run(60.0)
    rig.relays["a"].dead = True

    def pulse(power_w: float, next_w: float) -> None:
        rig.base_w["main"] = power_w
        rig.after(37.0, lambda: pulse(next_w, power_w))

    pulse(13 * A, 3 * A)
    rig.request("a")
    rig.run(4 * 3600.0)
    assert rig.load("a").switches == 0
    assert rig.load("a").switched_s is None


@pytest.mark.parametrize("wait_s", [12.0, 25.0, 50.0, 600.0])
def test_a_fall_that_comes_long_after_an_off_confirms_it_no_more(wait_s: float) -> None:
    """R10, R11: whatever goes off then, the heater that stays on keeps its place."""
    # given a heater that does not go off, nor says anything, and one that waits for its place
    rig = Rig(a_house(2, a_circuit(steps=(1, 0)), load_options=FREE), base_w=8 * A)
    rig.run(30.0)
    rig.request("a")
    rig.run(30.0)
    rig.relays["a"].dead = True
    rig.request("a", False)
    rig.request("b")
    rig.run(wait_s)
    # when something else goes off that takes more
    rig.base_w["main"] = 2 * A
    rig.run(30.0)
    # then the place is not given away
    assert rig.load("a").reason is Reason.FAULT
    assert rig.on() == {"a"}
    assert rig.most_on["main"] == 1


def test_the_fall_of_one_load_confirms_no_other() -> None:
    """R10, R11: the meter's fall is spent on the OFF that was confirmed."""
    # given two OFFs a moment apart, one lost for good on its way
    house = a_house([a_load("a", 1500.0, **FREE), a_load("b", 1250.0, **FREE)])
    rig = Rig(house, requested=True)
    rig.heater_w["b"] = 1365.0
    rig.run(60.0)
    rig.relays["a"].dead = True
    rig.request("a", False)
    rig.run(0.006)
    rig.request("b", False)
    # when the other's fall has long been seen
    rig.run(20.0)
    # then the first is in fault, and told again every minute
    assert rig.on() == {"a"}
    assert rig.snapshot().loads["a"].reason == "fault"
    rig.relays["a"].dead = False
    rig.run(61.0)
    assert rig.on() == set()


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


def test_a_switching_that_meter_and_relay_show_is_counted_once() -> None:
    """I21: the relay reports later than the meter."""
    rig = Rig(a_house(1, load_options=FREE), requested=True)
    rig.run(60.0)
    rig.relays["a"].report_s = 1.7
    before = rig.load("a").switches
    rig.request("a", False)
    rig.run(30.0)
    assert rig.load("a").switches == before + 1
    assert not any(each.cause is Cause.FOREIGN for _, each in rig.notes)


def test_min_off_runs_from_the_relays_own_report_where_the_meter_was_quicker() -> None:
    """R8: other power fell just then; the contact opened later."""
    house = a_house(1, load_options={"min_on_s": 0.0, "min_off_s": 20.0}, hold_off_s=0.0)
    rig = Rig(house, base_w=3000.0, requested=True)
    rig.run(60.0)
    rig.relays["a"].latency_s = 1.8
    rig.request("a", False)
    rig.base_w["main"] = 1500.0
    rig.run(5.0)
    rig.request("a")
    rig.run(60.0)
    (_, off, on) = rig.switched
    assert on[0] - off[0] >= 20.0


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


@pytest.mark.parametrize("fault", ["none", "dead", "stuck"])
def test_a_fall_that_the_meter_has_shown_is_credited_no_longer(fault: str) -> None:
    """R2, R9: a reading that fell and is still over the limit sheds the next load at once."""
    # given three heaters that run, and perhaps another that is told OFF every minute in vain
    house = a_house([a_load(name, 1500.0, **FREE) for name in "abcd"], a_circuit(limit_w=6000.0))
    rig = Rig(house, requested="abc")
    rig.run(60.0)
    if fault != "none":
        rig.relays["d"].dead = fault == "dead"
        rig.request("d")
        rig.run(30.0)
        rig.relays["d"].stuck = True
        rig.request("d", False)
        rig.run(30.0)
        assert rig.load("d").reason is Reason.FAULT
    assert rig.on() >= {"a", "b", "c"}
    # when so much is added that one OFF is believed to do, which takes less than believed
    since_s = rig.now_s
    rig.heater_w.update(dict.fromkeys("abcd", 1000.0))
    rig.base_w["main"] += 6000.0 + 1100.0 - rig.power_w("main")
    rig.run(3.0)
    # then the reading that shows its fall takes the next one off
    off = [each.at_s for each in rig.commands(since_s, on=False) if each.load != "d"]
    assert len(off) == 2
    assert 0.5 <= off[1] - off[0] <= 1.5
    assert rig.over["main"].longest_s <= 2.5
