"""R11, L01: a relay that does not go on keeps its place in the queue, and wears out nobody."""

import itertools

import pytest

from balancer.core.commands import NoteKind, Reason
from balancer.core.memory import LoadMemory, Memory
from tests.core.house import FREE, A, a_house, a_load
from tests.core.rig import Rig


def tries(rig: Rig, load: str = "a") -> list[float]:
    """Return when it was decided that a load goes on."""
    return [
        at_s
        for at_s, each in rig.decided
        if any(switching.on and switching.load == load for switching in each.switchings)
    ]


def a_dead_one_in_a_full_house() -> Rig:
    """Return a house with a place for one of two; the relay of a says truly that it is off."""
    rig = Rig(a_house(2, load_options=FREE), base_w=24 * A, period_s=10.0)
    rig.run(60.0)
    rig.relays["a"].stuck = True
    for zone in "ab":
        rig.request(zone)
    return rig


def test_others_make_room_for_it_ever_more_seldom() -> None:
    """A full house would never try it again, and each try costs somebody a switching."""
    rig = a_dead_one_in_a_full_house()
    rig.ticks(100.0)
    since_s = rig.now_s
    # when hours pass
    rig.run(6.5 * 3600.0)
    assert rig.load("a").reason == Reason.FAULT
    until_s = rig.load("a").until_s
    assert until_s is None or until_s > rig.now_s  # when there is room; nobody knows of a turn
    # then it is tried ten minutes later each time, an hour later in the end
    waits_s = [later - earlier for earlier, later in itertools.pairwise(tries(rig))]
    longer_s = [600.0 * times for times in (1, 2, 3, 4, 5, 6, 6, 6)]
    assert waits_s == pytest.approx(longer_s, abs=130.0)
    # and the other one has its place but for that
    assert rig.on() == {"b"}
    assert rig.on_s["b"] > 0.98 * (rig.now_s - since_s)


def test_it_has_its_turn_once_it_works_again() -> None:
    rig = a_dead_one_in_a_full_house()
    rig.ticks()
    rig.run(600.0)
    assert rig.load("a").reason == Reason.FAULT
    # when it works again
    rig.relays["a"].stuck = False
    rig.run(1500.0)
    # then it shares the place
    assert rig.noted(NoteKind.FAULT_OVER)
    assert rig.on_s["a"] > 500.0


def test_its_next_fault_finds_the_others_as_patient_as_its_first() -> None:
    # given one that works again after it had to wait for an hour
    rig = a_dead_one_in_a_full_house()
    rig.ticks(100.0)
    rig.run(6.0 * 3600.0)
    rig.relays["a"].stuck = False
    rig.run(3700.0)
    assert rig.noted(NoteKind.FAULT_OVER)
    # when it fails again
    rig.relays["a"].stuck = True
    rig.run_while(lambda: rig.load("a").reason != Reason.FAULT, 3600.0)
    since_s = rig.now_s
    rig.run(2400.0)
    # then it is tried after ten and after twenty minutes
    assert len([at_s for at_s in tries(rig) if at_s > since_s]) == 2


@pytest.mark.parametrize("back", ["device", "broker"])
def test_one_that_comes_back_is_tried_as_if_it_had_never_been(back: str) -> None:
    # given one that was just tried, and would wait for an hour
    rig = a_dead_one_in_a_full_house()
    rig.ticks(100.0)
    rig.run(5.0 * 3600.0)
    rig.run_while(lambda: rig.now_s - tries(rig)[-1] > 60.0, 4000.0)
    rig.run(60.0)
    # when its device comes back, or answers on a new connection
    rig.relays["a"].stuck = False
    if back == "device":
        rig.device("a", online=False)
        rig.device("a", online=True, anew=True)
    else:
        rig.disconnect()
        rig.connect()
    # then the next tick gives it a place
    rig.run(220.0)
    assert rig.on_s["a"] > 0.0


def test_one_that_may_still_be_on_takes_nobody_elses_place() -> None:
    """Nobody hears it: it holds a place already."""
    rig = Rig(a_house(3, load_options=FREE), base_w=14 * A, period_s=10.0)
    rig.run(60.0)
    rig.relays["a"].dead = True
    for zone in "abc":
        rig.request(zone)
    rig.run(60.0)
    assert rig.load("a").reason == Reason.FAULT
    assert rig.on() == {"b", "c"}
    rig.base_w["main"] = 20 * A
    rig.ticks(100.0)
    since_s = rig.now_s
    rig.run(3.0 * 3600.0)
    assert rig.on() == {"b", "c"}
    assert [sent for sent in rig.commands(since_s) if sent.load != "a"] == []


@pytest.mark.parametrize(("priority", "tried"), [(-1, False), (0, True), (1, True)])
def test_its_share_is_no_obstacle_but_its_class_is(priority: int, tried: bool) -> None:
    """R6: it stands still while the others' go on."""
    # given a dead one that had more than the others until then
    loads = [a_load("a", priority=priority, **FREE), a_load("b", **FREE), a_load("c", **FREE)]
    much = LoadMemory(on=False, served_s=70_000.0, wanted_s=80_000.0)
    little = LoadMemory(on=False, served_s=10_000.0, wanted_s=80_000.0)
    memory = Memory(loads={"a": much, "b": little, "c": little})
    rig = Rig(a_house(loads), base_w=14 * A, period_s=10.0, memory=memory)
    rig.run(60.0)
    rig.relays["a"].stuck = True
    rig.request("a")
    rig.run(60.0)
    assert rig.load("a").reason == Reason.FAULT
    # when others want the only place that is left
    rig.base_w["main"] = 24 * A
    rig.request("b")
    rig.request("c")
    rig.ticks()
    since_s = rig.now_s
    rig.run(2.0 * 3600.0)
    # then it is tried in the place of its equals
    assert any(at_s > since_s for at_s in tries(rig)) is tried
