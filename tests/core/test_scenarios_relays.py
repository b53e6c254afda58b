"""Relays that do not do as they are told, and restarts: cases that plausible rules get wrong.

Limit 30 A, heaters 5 A and a reading a second, unless said otherwise. The numbers of the
docstrings are those of one list of 24, by which they are found in three files.
"""

from collections import deque

import pytest

from balancer.core.commands import NoteKind, Reason
from balancer.core.memory import LoadMemory, Memory
from tests.core.fakes import FakeRelay
from tests.core.house import FREE, METER, A, a_circuit, a_house
from tests.core.rig import Rig


def test_a_relay_that_never_reports_is_not_counted_off_while_it_heats() -> None:
    """R11, scenario 8."""
    # given three heaters, room and places for two, and one relay that switches but says nothing
    house = a_house(3, a_circuit(steps=(2, 1, 0)), load_options=FREE)
    rig = Rig(house, base_w=15 * A, relays={"a": FakeRelay(mute=True)})
    rig.run(30.0)
    # when all ask for heat, the silent one first
    start_s = rig.now_s
    for zone in "abc":
        rig.request(zone)
    rig.run(5.0)
    # then the others are not held up
    assert {"b"} <= rig.on()
    # and through hours of ticks neither limit nor cap is ever exceeded by what really heats
    rig.ticks()
    rig.run(2 * 3600.0)
    assert rig.over["main"].total_s == 0.0
    assert rig.most_on["main"] <= 2
    assert {"b", "c"} <= {each.load for each in rig.commands(start_s, on=True)}
    # and an ON that it never confirmed was answered with OFF: it does not heat unseen
    for each in rig.commands(start_s, load="a", on=True):
        until_s = each.at_s + 60.0
        offs = rig.commands(each.at_s, load="a", on=False)
        assert [off for off in offs if off.at_s <= until_s], each


def test_a_relay_stuck_on_at_a_tick_keeps_its_place_until_it_is_mended() -> None:
    """R10, R11, R6, scenario 9."""
    # given four heaters and room for two
    rig = Rig(a_house(4, load_options=FREE), base_w=20 * A, requested=True)
    rig.run(120.0)
    stuck, other = sorted(rig.on())
    waiting = set("abcd") - {stuck, other}
    # when one of those that are on does not open at a tick
    rig.relays[stuck].stuck = True
    tick_s = rig.now_s
    rig.rotate()
    rig.run(5.0)
    # then both OFF went at once, and the other's successor is on
    assert {each.load for each in rig.commands(tick_s, on=False) if each.at_s == tick_s} == {
        stuck,
        other,
    }
    assert len(rig.on() & waiting) == 1
    # and the second successor waits while there is no room for it
    rig.run(120.0)
    assert rig.load(stuck).reason == Reason.FAULT
    assert rig.noted(NoteKind.FAULT, tick_s)
    assert len(rig.on() & waiting) == 1
    assert rig.over["main"].total_s == 0.0
    # when it is mended, then it goes off with a repeated OFF, and the next tick uses its place
    rig.relays[stuck].stuck = False
    rig.run(65.0)
    assert stuck not in rig.on()
    assert rig.load(stuck).reason != Reason.FAULT
    rig.ticks()
    rig.run(610.0)
    assert len(rig.on()) == 2
    # and it rejoins the rotation
    on_s = rig.on_s[stuck]
    rig.run(3600.0)
    assert rig.on_s[stuck] > on_s + 600.0
    assert rig.over["main"].total_s == 0.0


@pytest.mark.parametrize("late", [False, True], ids=["late OFF", "late ON"])
def test_a_command_that_overtakes_another_is_put_right_from_the_report(late: bool) -> None:
    """R11, scenario 10."""
    # given a heater that is on (late OFF) or off (late ON)
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(20.0)
    if not late:
        rig.request("a")
        rig.run(20.0)
    # when two commands are given, and the first one arrives after the second
    rig.relays["a"].latencies_s = deque([3.0, 0.05])
    if late:
        rig.request("a")
        rig.run(0.5)
        rig.away()
    else:
        rig.away()
        rig.run(0.5)
        rig.away(False)
    rig.run(30.0)
    # then the last one wins in the end
    assert rig.relays["a"].on is (not late)
    assert rig.load("a").on is (not late)


def test_a_restart_under_the_limit_moves_no_relay() -> None:
    """R15, scenario 12."""
    # given four heaters on and one waiting for power
    rig = Rig(a_house(5), base_w=10 * A, requested=True)
    rig.run(200.0)
    assert len(rig.on()) == 4
    # when the controller is killed and started again
    since_s = rig.now_s
    rig.restart()
    rig.run(100.0)
    # then no command
    assert rig.commands(since_s) == []
    assert len(rig.on()) == 4


def test_a_restart_switches_off_exactly_the_relay_that_is_unknown() -> None:
    """R15, scenario 12."""
    # given four heaters on
    rig = Rig(a_house(4), base_w=10 * A, requested=True)
    rig.run(200.0)
    assert len(rig.on()) == 4
    # when one of them does not answer after the restart
    rig.relays["c"].mute = True
    rig.restart()
    since_s = rig.now_s
    rig.run(4.9)
    assert rig.commands(since_s) == []
    rig.run(1.0)
    # then it gets OFF after 5 s, and the others stay
    assert [(each.load, each.on) for each in rig.commands(since_s)] == [("c", False)]
    rig.run(30.0)
    assert {each.load for each in rig.commands(since_s)} == {"c"}
    assert rig.on() == set("abd")


def test_a_restart_does_not_forget_min_off() -> None:
    """R8, R15, scenario 13."""
    # given a heater that was just shed
    rig = Rig(a_house(1, load_options={"min_on_s": 0.0}), base_w=20 * A, requested=True)
    rig.run(200.0)
    rig.base_w["main"] = 28 * A
    rig.run(5.0)
    assert rig.on() == set()
    (*_, off) = rig.commands(on=False)
    rig.base_w["main"] = 5 * A
    # when the controller is restarted within min_off
    rig.run(10.0)
    rig.restart()
    rig.run_until(off.at_s + 120.0)
    # then it still waits, and is back when min_off is over
    assert rig.commands(off.at_s, on=True) == []
    rig.run(20.0)
    assert rig.on() == {"a"}


def test_two_readings_within_a_millisecond_end_in_the_state_of_the_last() -> None:
    """R9, R11, scenario 21."""
    # given two heaters on, a third that has just begun to wait, and a reading with room for it
    house = a_house(3, load_options=FREE)
    rig = Rig(house, base_w=15 * A)
    rig.run(60.0)
    rig.request("a")
    rig.request("b")
    rig.run(60.5)
    since_s = rig.now_s
    rig.request("c")
    # when the next reading is far over, a millisecond after
    rig.read(METER, 25 * A)
    rig.base_w["main"] = 28 * A
    rig.run(0.001)
    rig.read(METER, 38 * A)
    rig.run(10.0)
    # then everything is off, each command sent once
    assert rig.on() == set()
    commands = [(each.load, each.on) for each in rig.commands(since_s)]
    assert len(commands) == len(set(commands))
    assert {("a", False), ("b", False)} <= set(commands)


def test_memory_of_a_load_that_was_shed_is_kept() -> None:
    """R15, R18, scenario 13."""
    # given memory of a shed load
    memory = Memory(
        requests={"a": True}, loads={"a": LoadMemory(on=False, shed=True, switched_s=990.0)}
    )
    # when the controller starts with it
    rig = Rig(a_house(1), base_w=28 * A, memory=memory)
    rig.run(200.0)
    # then that is why it is off
    assert rig.load("a").reason == Reason.SHED
