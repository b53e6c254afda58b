"""R2, R10: what the meter shows of an OFF."""

import pytest

from balancer.core.commands import Cause, Reason
from tests.core.house import FREE, METER, A, a_circuit, a_house, a_load
from tests.core.metered import with_known_lag
from tests.core.rig import Rig


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


@pytest.mark.parametrize("shed", [False, True])
def test_an_off_that_only_the_meter_has_shown_is_one_for_the_wear(shed: bool) -> None:
    """R8: ``min_off`` runs from it, though the relay has said neither on nor off."""
    rig = Rig(a_house(1, load_options={"min_on_s": 0.0, "min_off_s": 120.0}), base_w=10 * A)
    rig.run(200.0)
    rig.relays["a"].mute = True
    since_s = rig.now_s
    rig.request("a")
    rig.run(1.5)
    # when it goes off before anybody has heard that it was on, and is wanted again
    if shed:
        rig.base_w["main"] = 28 * A
    else:
        rig.request("a", False)
    rig.run(6.0)
    assert not rig.state.loads["a"].live
    rig.base_w["main"] = 10 * A
    rig.request("a")
    rig.run(140.0)
    # then its contact rests as long as any other
    on_s, off_s, again_s = [at_s for at_s, _, _ in rig.switched if at_s > since_s][:3]
    assert on_s < off_s
    assert again_s - off_s >= 120.0


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
