"""R14: what a load really draws, and what follows from it."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from balancer.core import learn
from balancer.core.commands import NoteKind
from balancer.core.state import LoadState, Reading
from tests.core.house import FREE, METER, A, a_circuit, a_house, a_load, a_meter
from tests.core.rig import Rig


def cycle(rig: Rig, zone: str, times: int) -> None:
    """Switch a zone on and off alone, so many times: the first one shows the meter's lag too."""
    for _ in range(times):
        rig.request(zone)
        rig.run(15.0)
        rig.request(zone, False)
        rig.run(15.0)


def test_a_draw_is_learned_from_the_step_of_the_meter() -> None:
    """R14: after the load alone was switched."""
    rig = Rig(a_house(2, load_options=FREE), base_w=5 * A)
    rig.heater_w["a"] = 1000.0
    rig.run(30.0)
    assert rig.load("a").learned_w is None
    cycle(rig, "a", 4)
    assert rig.load("a").learned_w == pytest.approx(1000.0)
    rig.request("a")
    rig.run(15.0)
    assert rig.load("a").draw_w == pytest.approx(1000.0)
    assert rig.snapshot().circuits["main"].non_heating_w == pytest.approx(5 * A)
    assert rig.load("b").learned_w is None


def test_a_draw_is_learned_from_the_loads_own_meter() -> None:
    """R14."""
    load = a_load("a", meter=a_meter("loads.a.meter", 5 * A, 900.0), **FREE)
    rig = Rig(a_house([load]), requested=True)
    rig.heater_w["a"] = 1100.0
    rig.run(60.0)
    assert rig.load("a").learned_w == pytest.approx(1100.0)
    assert rig.load("a").draw_w == pytest.approx(1100.0)


@pytest.mark.parametrize(("cycles", "on"), [(1, set()), (4, {"a"})])
def test_a_restart_makes_what_was_learned_neither_surer_nor_forgotten(
    cycles: int, on: set[str]
) -> None:
    """R14, R15: a draw below the label counts once five steps agree, in whichever life."""
    # given a heater that takes 900 W instead of 1150, seen a few times
    rig = Rig(a_house(1, load_options=FREE))
    rig.heater_w["a"] = 900.0
    rig.run(30.0)
    cycle(rig, "a", cycles)
    assert rig.load("a").learned_w == pytest.approx(900.0)
    # when the controller starts anew, and there is room for 950 W
    rig.restart()
    rig.base_w["main"] = 30 * A - 950.0
    rig.run(60.0)
    assert rig.load("a").learned_w == pytest.approx(900.0)
    rig.request("a")
    rig.run(60.0)
    # then it goes on if it would have before
    assert rig.on() == on


def test_five_consistent_steps_let_admission_use_less_than_rated() -> None:
    """R14: the highest draw learned plus 5 %."""
    # given heaters that take 900 W instead of 1150
    rig = Rig(a_house(2, load_options=FREE))
    rig.heater_w.update({"a": 900.0, "b": 900.0})
    rig.run(30.0)
    # when there is room for 950 W: one step is not enough
    cycle(rig, "a", 1)
    rig.base_w["main"] = 30 * A - 950.0
    rig.run(60.0)
    rig.request("a")
    rig.run(5.0)
    assert rig.on() == set()
    rig.request("a", False)
    # after five it is
    rig.base_w["main"] = 0.0
    rig.run(60.0)
    cycle(rig, "a", 3)
    rig.base_w["main"] = 30 * A - 950.0
    rig.run(60.0)
    rig.request("a")
    rig.run(60.0)
    assert rig.on() == {"a"}
    assert rig.over["main"].total_s == 0.0
    # and for 940 W it is not
    rig.request("a", False)
    rig.run(10.0)
    rig.base_w["main"] = 30 * A - 940.0
    rig.run(60.0)
    rig.request("a")
    rig.run(60.0)
    assert rig.on() == set()


@pytest.mark.parametrize(
    ("ratio", "agrees"), [(0.89, False), (0.91, True), (1.09, True), (1.11, False)]
)
def test_steps_within_a_tenth_agree(ratio: float, agrees: bool) -> None:
    """R14."""
    assert learn.consistent(ratio, 1.0) is agrees


def test_more_than_rated_is_used_at_once_and_said() -> None:
    """R14, F21: takes 20 % more than configured."""
    rig = Rig(a_house(1, load_options=FREE))
    rig.heater_w["a"] = 1380.0
    rig.run(30.0)
    cycle(rig, "a", 2)
    assert rig.load("a").detail == "takes 20 % more than configured"
    # when there is room for its rated power only, then it stays off
    rig.base_w["main"] = 30 * A - 1300.0
    rig.run(60.0)
    rig.request("a")
    rig.run(60.0)
    assert rig.on() == set()
    assert rig.over["main"].total_s == 0.0


def test_a_heater_that_is_shed_whenever_it_goes_on_is_known_to_draw_more_and_has_its_turn() -> None:
    """R14, L01: both fit by their labels, and do not by what they take."""
    # given two of which the smaller takes a fifth more than its label says
    circuit = a_circuit(limit_w=12 * A)
    rig = Rig(a_house({"a": 6.5 * A, "b": 4.5 * A}, circuit), base_w=2.1 * A)
    rig.heater_w |= {"a": 5 * A, "b": 5.4 * A}
    rig.run(60.0)
    rig.request("a")
    rig.run(60.0)
    rig.request("b")
    rig.ticks()
    # when both want heat for hours
    rig.run(3600.0)
    rig.on_s = dict.fromkeys("ab", 0.0)
    rig.run(7200.0)
    # then both have it, in turns
    assert rig.load("b").learned_w == pytest.approx(5.4 * A)
    assert min(rig.on_s.values()) > 3000.0


@pytest.mark.parametrize("away_w", [1.5 * A, -1.5 * A])
def test_nothing_is_learned_from_a_heater_shed_at_once_while_something_else_is_switched(
    away_w: float,
) -> None:
    """R14: what rose and what fell are not the same."""
    # given a heater that goes on and off again at once
    rig = Rig(a_house(1, load_options=FREE), base_w=10 * A)
    rig.run(60.0)
    for _ in range(4):
        rig.request("a")
        rig.run(1.5)
        # when something else goes off, or on, with it
        rig.base_w["main"] -= away_w
        rig.request("a", False)
        rig.run(30.0)
        rig.base_w["main"] += away_w
        rig.run(30.0)
    # then nobody knows what it draws
    assert rig.load("a").learned_w is None
    assert rig.state.loads["a"].ratios == ()


def test_a_lag_is_measured_though_a_heater_goes_off_before_the_meter_shows_it() -> None:
    """R2: a reading that shows nothing yet is no evidence."""
    rig = Rig(a_house(1, load_options=FREE), base_w=10 * A)
    rig.meter().lag_s = 6.0
    rig.run(60.0)
    for _ in range(4):
        rig.request("a")
        rig.run(4.5)
        rig.request("a", False)
        rig.run(60.0)
    assert rig.state.meters[METER].lags_s == pytest.approx([6.9, 6.4, 6.9, 6.4], abs=0.11)


def test_a_load_that_draws_nothing_is_idle() -> None:
    """R14: its draw is 0, its power stays reserved."""
    rig = Rig(a_house(2, load_options=FREE), base_w=20.5 * A)
    rig.heater_w["a"] = 0.0
    rig.run(30.0)
    cycle(rig, "b", 1)
    rig.request("a")
    rig.run(30.0)
    assert rig.on() == {"a"}
    assert rig.load("a").draw_w == 0.0
    # 9.5 A are free, 5 A of them reserved for a: b does not fit
    rig.request("b")
    rig.run(60.0)
    assert rig.on() == {"a"}


def test_with_idle_use_the_power_of_an_idle_load_goes_to_others() -> None:
    """R4, R14."""
    house = a_house(2, a_circuit(idle_reserved=False), load_options=FREE)
    rig = Rig(house, base_w=20.5 * A)
    rig.heater_w["a"] = 0.0
    rig.run(30.0)
    cycle(rig, "b", 1)
    rig.request("a")
    rig.run(30.0)
    rig.request("b")
    rig.run(60.0)
    assert rig.on() == {"a", "b"}


def test_a_heater_that_draws_again_is_no_longer_idle() -> None:
    """R14: a rise by its rated power."""
    rig = Rig(a_house(2, load_options=FREE), base_w=5 * A)
    rig.heater_w["a"] = 0.0
    rig.run(30.0)
    cycle(rig, "b", 1)
    rig.request("a")
    rig.run(30.0)
    assert rig.load("a").draw_w == 0.0
    rig.heater_w["a"] = 5 * A
    rig.run(10.0)
    assert rig.load("a").draw_w > 0.0


def test_idle_heaters_that_start_together_are_known_to_draw() -> None:
    """R14, scenario 15: both thermostats close between two readings."""
    rig = Rig(a_house(3, load_options=FREE), base_w=5 * A)
    rig.heater_w.update({"a": 0.0, "b": 0.0})
    rig.run(30.0)
    cycle(rig, "c", 1)
    for zone in "ab":
        rig.request(zone)
        rig.run(30.0)
    assert rig.load("a").draw_w == rig.load("b").draw_w == 0.0
    rig.heater_w.update({"a": 5 * A, "b": 5 * A})
    rig.run(10.0)
    assert rig.load("a").draw_w > 0.0
    assert rig.load("b").draw_w > 0.0


def test_what_was_learned_is_forgotten_after_seven_days() -> None:
    """R14: the highest draw learned in the last 7 days."""
    rig = Rig(a_house(1, a_circuit(stale_after_s=3600.0), load_options=FREE))
    rig.heater_w["a"] = 1300.0
    rig.run(30.0)
    cycle(rig, "a", 3)
    assert rig.load("a").learned_w == pytest.approx(1300.0)
    rig.slow_down(600.0)
    rig.run(6.9 * 86_400.0)
    assert rig.load("a").learned_w == pytest.approx(1300.0)
    rig.run(0.2 * 86_400.0)
    assert rig.load("a").learned_w is None


@pytest.mark.parametrize(("watts", "share"), [(500.0, "a tenth of"), (50_000.0, "ten times")])
def test_a_meter_that_is_out_of_scale_is_reported(watts: float, share: str) -> None:
    """F08: three switchings in a row show a tenth, or ten times, of the rated power."""
    # given a limit that is out of scale as well: nothing has to be shed
    load = a_load("a", 5000.0, **FREE)
    rig = Rig(a_house([load], a_circuit(limit_w=100_000.0)))
    rig.heater_w["a"] = watts
    rig.run(30.0)
    # when it is switched once, nothing is said
    cycle(rig, "a", 1)
    assert rig.snapshot().circuits["main"].detail is None
    cycle(rig, "a", 3)
    # then it is, once, until a switching is shown as it should be
    assert share in (rig.snapshot().circuits["main"].detail or "")
    assert len(rig.noted(NoteKind.WRONG_SCALE)) == 1
    rig.heater_w["a"] = 5000.0
    cycle(rig, "a", 2)
    assert rig.snapshot().circuits["main"].detail is None
    assert len(rig.noted(NoteKind.WRONG_SCALE_OVER)) == 1


def test_a_load_that_is_idle_only_by_mistake_does_not_starve_the_others() -> None:
    """R6, R14: its power would stand in the way twice, in the reading and reserved."""
    # given a heater that was learned to be idle, and then began to draw when nobody noticed
    house = a_house({"a": 1500.0, "b": 1500.0}, a_circuit(limit_w=3000.0), load_options=FREE)
    rig = Rig(house, base_w=300.0)
    rig.heater_w["a"] = 0.0
    rig.run(30.0)
    cycle(rig, "b", 1)
    rig.request("a")
    rig.run(30.0)
    assert rig.state.loads["a"].idle
    for step in range(15):
        rig.heater_w["a"] = 100.0 * (step + 1)
        rig.run(2.0)
    assert rig.state.loads["a"].idle
    # when another one waits, for an hour and a little
    rig.request("b")
    for _ in range(7):
        rig.run(600.0)
        rig.rotate()
    rig.run(60.0)
    # then it gave up its place, and is known to draw
    assert rig.on() == {"b"}
    assert not rig.state.loads["a"].idle


def test_a_step_is_not_learned_from_when_others_were_switched_meanwhile() -> None:
    """R14: an OFF that came and was over within another's settle is in its step, too."""
    # given two heaters on a slow meter, of which one takes long to say that it went off
    house = a_house({"a": 1500.0, "b": 1500.0}, a_circuit(limit_w=6000.0), load_options=FREE)
    rig = Rig(house, base_w=300.0, requested=True, period_s=4.0)
    rig.run_until(1062.0)
    assert rig.on() == {"a", "b"}
    rig.relays["a"].report_s = 1.7
    # when the other goes off just after it, and is shown one reading before it
    rig.request("a", False)
    rig.run(0.3)
    rig.request("b", False)
    rig.run(60.0)
    # then nothing is learned that no heater takes
    assert rig.on() == set()
    assert all(each.power_w == pytest.approx(1.0) for each in rig.state.loads["a"].ratios)


def test_a_step_is_not_learned_from_when_somebody_else_switched_another_meanwhile() -> None:
    """R14: a heater that goes on while another is switched off by hand is not idle."""
    # given a heater whose relay takes long to say that it went on
    loads = [a_load("a", 1500.0, **FREE), a_load("b", 1500.0)]
    rig = Rig(a_house(loads, a_circuit(limit_w=6000.0)), requested=["b"], base_w=500.0)
    rig.run(60.3)
    rig.relays["a"].report_s = 1.9
    rig.request("a")
    # when the other's button is pressed before it has
    rig.run(0.4)
    rig.push("b", on=False)
    rig.run(20.0)
    # then the meter did not move, and nothing is learned from that
    assert rig.on() == {"a"}
    assert not rig.state.loads["a"].idle


def test_a_step_is_not_learned_from_when_another_was_switched_while_nobody_listened() -> None:
    """R14: a heater that goes on just before the connection breaks is not idle."""
    # given a heater that has just gone on
    loads = [a_load("a", 1500.0, **FREE), a_load("b", 1500.0)]
    rig = Rig(a_house(loads, a_circuit(limit_w=6000.0)), requested=["b"], base_w=500.0)
    rig.run(60.3)
    rig.request("a")
    rig.run(0.3)
    # when another goes off by hand while there is no connection
    rig.disconnect()
    rig.push("b", on=False)
    rig.run(0.3)
    rig.connect()
    rig.run(20.0)
    # then the meter did not move, and nothing is learned from that
    assert rig.on() == {"a"}
    assert not rig.state.loads["a"].idle


@given(st.lists(st.floats(0.5, 1.4), min_size=2, max_size=12))
def test_what_an_earlier_life_learned_is_taken_over_as_sure_as_it_was(draws: list[float]) -> None:
    """R14, R15: the highest, the lowest and how many agreed."""
    # given a load of which some draws agree
    before = LoadState()
    learn.keep(before, (Reading(0.0, each) for each in draws), 0.0)
    was = before.learned
    assume(was.steps > 0)
    assert was.highest is not None
    # when another life takes over what is kept of them
    after = LoadState()
    learn.remember(after, highest=was.highest, lowest=was.lowest, steps=was.steps, at_s=0.0)
    # then it knows no more and no less
    now = after.learned
    assert (now.highest, now.lowest, now.steps) == (was.highest, was.lowest, was.steps)
    assert now.admission == was.admission


def test_two_draws_that_never_agreed_count_as_the_higher() -> None:
    """F77: whoever can publish can write what is kept."""
    ls = LoadState()
    learn.remember(ls, highest=1.2, lowest=0.1, steps=12, at_s=0.0)
    assert (ls.learned.highest, ls.learned.lowest) == (1.2, 1.2)


def test_a_draw_kept_without_its_number_counts_only_above_the_label() -> None:
    """R14: one that is more than rated is used at once, one that is less when five agree."""
    more, less = LoadState(), LoadState()
    learn.remember(more, highest=1.2, lowest=None, steps=0, at_s=0.0)
    learn.remember(less, highest=0.8, lowest=None, steps=0, at_s=0.0)
    assert (more.learned.admission, less.learned.admission) == (1.2, 1.0)
