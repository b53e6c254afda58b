"""Cases that plausible readings of the rules get wrong, each in a small house in virtual time.

Limit 30 A, heaters 5 A and a reading a second, unless said otherwise. The numbers of the
docstrings are those of the list that these cases come from.
"""

from collections import deque

import pytest

from balancer.core.commands import Cause, NoteKind, Reason
from balancer.core.memory import LoadMemory, Memory
from balancer.core.model import Breaker, Circuit, Estimation, Meter
from tests.core.fakes import FakeRelay
from tests.core.house import FREE, METER, A, a_circuit, a_house, a_load, a_meter
from tests.core.rig import Rig

LATENCY_S = 0.11
"""Command to report of the rig's relays, and a little."""


def served_share(rig: Rig, over_s: float) -> dict[str, float]:
    """Return the part of the time that each heater was on."""
    return {name: on_s / over_s for name, on_s in rig.on_s.items()}


def test_heaters_that_fill_the_limit_exactly_are_left_in_peace() -> None:
    """R4, scenario 1."""
    # given five heaters of 5 A beside 5 A of other things: 30 A
    rig = Rig(a_house(5), base_w=5 * A, requested=True)
    rig.run(30.0)
    assert rig.on() == set("abcde")
    assert rig.power_w("main") == 30 * A
    # when an hour with its ticks passes
    since_s = rig.now_s
    rig.ticks()
    rig.run(3600.0)
    # then nothing is sent: nobody waits
    assert rig.commands(since_s) == []


def test_with_one_waiting_a_full_house_moves_only_at_ticks() -> None:
    """R4, R6, scenario 1."""
    # given six heaters where five fit exactly
    rig = Rig(a_house(6), base_w=5 * A, requested=True)
    rig.run(30.0)
    assert len(rig.on()) == 5
    # when an hour passes
    start_s = rig.now_s
    rig.ticks()
    rig.run(3600.0)
    # then commands follow ticks only, and each tick exchanges at most one pair
    assert rig.commands(start_s)
    for sent in rig.commands(start_s):
        assert (sent.at_s - start_s) % 600.0 < 20.0
        assert sent.at_s - start_s >= 600.0
    assert len(rig.commands(start_s)) <= 2 * 6
    assert rig.over["main"].total_s == 0.0


def test_a_load_larger_than_the_limit_does_not_hold_up_the_others() -> None:
    """R6, scenario 2: a queue that waits for it freezes."""
    # given six heaters of 5 A and one of 35 A on 30 A, with room for three
    loads = {"giant": 35 * A} | dict.fromkeys("abcdef", 5 * A)
    rig = Rig(a_house(loads, load_options=FREE), base_w=15 * A, requested=True, period_s=5.0)
    rig.ticks()
    # when three hours pass
    rig.run(3 * 3600.0)
    # then the six have equal shares, to a turn, and the giant was never switched on
    shares = served_share(rig, 3 * 3600.0)
    assert shares.pop("giant") == 0.0
    assert max(shares.values()) - min(shares.values()) <= 600.0 / (3 * 3600.0) + 0.01
    assert min(shares.values()) > 0.44
    assert rig.load("giant").reason == Reason.WAITING
    assert rig.load("giant").detail == "too big now"


def test_a_large_load_that_fits_alone_gets_its_share() -> None:
    """R6, scenario 3."""
    # given a heater of 3.5 kW among five of 1 kW where 4 kW is free
    loads = dict.fromkeys("abcde", 1000.0) | {"large": 3500.0}
    rig = Rig(
        a_house(loads, a_circuit(limit_w=6000.0), load_options=FREE),
        base_w=2000.0,
        requested=True,
        period_s=10.0,
    )
    rig.ticks()
    # when ticks pass for a day
    rig.run(86_400.0)
    # then its share is within 5 points of the small ones'
    shares = {name: each.share for name, each in rig.snapshot().loads.items()}
    small = [shares[name] for name in "abcde"]
    assert min(small) - 0.05 <= shares["large"] <= max(small) + 0.05
    assert rig.over["main"].total_s == 0.0


def test_a_swap_of_equal_loads_needs_no_spare_power() -> None:
    """R10, R6, scenario 4: the claim holds the place, readings show the fall, then the ON."""
    # given two heaters and room for one, one place
    rig = Rig(a_house(2, a_circuit(steps=(1, 0)), load_options=FREE), base_w=25 * A, requested=True)
    rig.run(120.0)
    (first,) = rig.on()
    (second,) = set("ab") - {first}
    # when it is the other's turn
    since_s = rig.now_s
    rig.rotate()
    rig.run(30.0)
    # then OFF goes at once, and ON after two readings that have shown the fall
    off, on = rig.commands(since_s)
    assert (off.at_s, off.load, off.on) == (since_s, first, False)
    assert (on.load, on.on) == (second, True)
    assert since_s + 1.0 < on.at_s <= since_s + LATENCY_S + 2.0 + 0.1
    assert rig.on() == {second}
    # and at no instant was the limit or the cap exceeded
    assert rig.over["main"].total_s == 0.0
    assert rig.most_on["main"] == 1


@pytest.mark.parametrize(
    ("min_off_s", "returns_s"), [(0.0, 30.0), (120.0, 115.0)], ids=["restore_delay", "min_off"]
)
def test_after_a_pulse_all_whose_room_covers_hysteresis_return_together(
    min_off_s: float, returns_s: float
) -> None:
    """R7, R9, scenario 5."""
    # given five heaters that fill the limit
    house = a_house(5, load_options={"min_on_s": 0.0, "min_off_s": min_off_s})
    rig = Rig(house, base_w=5 * A, requested=True)
    rig.run(200.0)
    assert len(rig.on()) == 5
    # when 5 kW come for 5 s
    start_s = rig.now_s
    rig.base_w["main"] += 5000.0
    rig.run(5.0)
    rig.base_w["main"] -= 5000.0
    end_s = rig.now_s
    # then there was one shed step
    offs = rig.commands(start_s)
    assert len(offs) == 5
    assert len({each.at_s for each in offs}) == 1
    assert not any(each.on for each in offs)
    # and the four for which there is 1.1 times their power return together, in time
    rig.run(200.0)
    ons = rig.commands(end_s)
    assert [each.on for each in ons] == [True] * 4
    assert len({each.at_s for each in ons}) == 1
    assert end_s + returns_s - 1.0 <= ons[0].at_s <= end_s + returns_s + 5.0
    # and the last one at the next tick
    tick_s = rig.now_s
    rig.rotate()
    rig.run(5.0)
    assert [each.on for each in rig.commands(tick_s)] == [True]
    assert len(rig.on()) == 5
    assert rig.over["main"].longest_s <= 1.0 + LATENCY_S


def test_readings_that_lag_do_not_shed_twice() -> None:
    """R2, scenario 6."""
    # given a meter that lags 3 to 5 s, seen at four switchings
    rig = Rig(a_house(4), base_w=5 * A)
    rig.meter().lags_s = (3.0, 3.6, 4.2, 4.8, 5.0, 4.4, 3.8, 3.4)
    rig.run(40.0)
    for zone in "abcd":
        rig.request(zone)
        rig.run(60.0)
    assert len(rig.on()) == 4
    # when one shed suffices
    since_s = rig.now_s
    rig.base_w["main"] += 6 * A
    rig.run(60.0)
    # then later readings that still contain it shed nothing more
    assert [each.on for each in rig.commands(since_s)] == [False]
    assert rig.over["main"].longest_s <= 1.0 + 5.0 + LATENCY_S


def test_a_shed_load_that_was_idle_brings_nothing_and_the_next_one_follows() -> None:
    """R2, R9, R11, scenario 7."""
    # given two heaters that are on, the one that is shed first about to be idle
    house = a_house([a_load("low"), a_load("high", priority=1)])
    rig = Rig(house, base_w=20 * A, requested=True)
    rig.run(60.0)
    assert rig.on() == {"low", "high"}
    # when its own thermostat opens while something else takes more than its power
    since_s = rig.now_s
    rig.heater_w["low"] = 0.0
    rig.base_w["main"] += 7 * A
    rig.run(20.0)
    # then it goes off first, and the other within settle and confirm_within
    first, second = rig.commands(since_s, on=False)
    assert (first.load, second.load) == ("low", "high")
    assert first.at_s <= since_s + 1.0
    assert second.at_s - first.at_s <= LATENCY_S + 3.0 + 2.0 + 1.0
    assert rig.over["main"].longest_s <= 1.0 + 5.0 + 1.0 + 2 * LATENCY_S


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


def test_an_endless_boost_starves_nobody() -> None:
    """R5, scenario 11."""
    # given one place and a load that is boosted again and again
    rig = Rig(a_house(3, load_options=FREE), base_w=25 * A, requested=True, period_s=10.0)
    rig.ticks()
    for hour in range(24):
        rig.at(rig.now_s + 3600.0 * hour + 1.0, lambda: rig.boost("a", 7200.0))
    # when a day passes
    rig.run(86_400.0)
    # then each of the others had more than 5 % of it, and the boosted one most
    shares = served_share(rig, 86_400.0)
    assert shares["b"] > 0.05
    assert shares["c"] > 0.05
    assert shares["a"] > 0.4
    assert rig.over["main"].total_s == 0.0


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


def test_without_its_meter_a_circuit_falls_back_and_recovers() -> None:
    """R13, R7, scenario 14."""
    # given three heaters on, one of which may stay when nothing is known
    house = a_house(3, a_circuit(fallback_active=1), load_options={"min_on_s": 0.0})
    rig = Rig(house, base_w=5 * A, requested=True)
    rig.run(200.0)
    assert len(rig.on()) == 3
    # when the meter is silent for ten minutes
    last_s = rig.now_s
    rig.meter().silent = True
    rig.run(14.9)
    assert len(rig.on()) == 3
    rig.run(0.6 + LATENCY_S)
    # then only the fallback stays
    assert rig.on() == {"a"}
    assert rig.snapshot().circuits["main"].blind
    assert rig.load("b").reason == Reason.BLIND
    rig.run(600.0)
    assert rig.on() == {"a"}
    assert len(rig.commands(last_s)) == 2
    # when it speaks again, then blindness ends with the third reading
    rig.meter().silent = False
    back_s = rig.now_s
    rig.run_while(lambda: rig.snapshot().circuits["main"].blind, 5.0)
    assert 2.0 < rig.now_s - back_s <= 3.1
    # and the others come back as after a shed: not before restore_delay has been seen
    rig.run_until(back_s + 29.0)
    assert rig.commands(back_s) == []
    rig.run(10.0)
    assert rig.on() == set("abc")


def test_a_blindness_shorter_than_min_off_is_followed_by_min_off() -> None:
    """R13, R8, scenario 14."""
    # given two heaters that are off because the meter is silent
    rig = Rig(a_house(2, load_options={"min_on_s": 0.0}), base_w=5 * A, requested=True)
    rig.run(200.0)
    rig.meter().silent = True
    rig.run(16.0)
    assert rig.on() == set()
    off_s = rig.switched[-1][0]
    # when it speaks again at once
    rig.meter().silent = False
    rig.run_until(off_s + 119.0)
    # then min_off is kept
    assert rig.on() == set()
    rig.run(5.0)
    assert rig.on() == {"a", "b"}


@pytest.mark.parametrize("reserved", [True, False], ids=["reserve", "use"])
def test_idle_heaters_that_start_to_draw_are_answered_within_a_reading(reserved: bool) -> None:
    """R4, R14, R9, scenario 15."""
    # given six heaters and power for four, two of which are idle by their own thermostats
    metered = [a_load(name, meter=a_meter(f"loads.{name}.meter", 5 * A), **FREE) for name in "ab"]
    plain = [a_load(name, **FREE) for name in "cdef"]
    rig = Rig(a_house(metered + plain, a_circuit(idle_reserved=reserved)), base_w=10 * A)
    rig.run(20.0)
    for zone in "abcd":
        rig.request(zone)
        rig.run(20.0)
    rig.heater_w["a"] = rig.heater_w["b"] = 0.0
    rig.run(60.0)
    # given two more that ask: they get that power only with idle = "use"
    rig.request("e")
    rig.request("f")
    rig.run(60.0)
    assert rig.on() == set("abcd" if reserved else "abcdef")
    rig.forget_over()
    # when both start to draw
    rig.heater_w["a"] = rig.heater_w["b"] = 5 * A
    rig.run(60.0)
    # then the limit is exceeded for one reading and one relay at most
    assert rig.over["main"].longest_s <= 1.0 + LATENCY_S
    assert rig.power_w("main") <= 30 * A


def test_other_power_alone_above_the_limit_is_reported_once() -> None:
    """R9, scenario 16."""
    # given four heaters on
    rig = Rig(a_house(4), requested=True)
    rig.run(200.0)
    assert len(rig.on()) == 4
    # when everything else takes 40 A for an hour, through ticks
    since_s = rig.now_s
    rig.base_w["main"] = 40 * A
    rig.ticks()
    rig.run(3600.0)
    # then each load went off once, in one event, and nothing was said again
    assert sorted(each.load for each in rig.commands(since_s)) == list("abcd")
    assert not any(each.on for each in rig.commands(since_s))
    overloads = [each for at_s, each in rig.decided if at_s >= since_s]
    assert [each.cause for each in overloads] == [Cause.OVERLOAD]
    assert len(rig.noted(NoteKind.UNSHEDDABLE, since_s)) <= 1


def test_something_that_switches_every_ten_seconds_does_not_block_restoring() -> None:
    """R7, scenario 17: the peak window."""
    # given two heaters on beside something that takes 5 A every other ten seconds
    rig = Rig(a_house(3, load_options={"min_on_s": 0.0}), base_w=5 * A, requested=True)

    def toggle() -> None:
        rig.base_w["main"] += 5 * A if toggles[0] else -5 * A
        toggles[0] = not toggles[0]
        rig.after(10.0, toggle)

    toggles = [True]
    rig.after(10.0, toggle)
    rig.run(205.0)
    assert len(rig.on()) == 3
    # when a pulse sheds one of them
    rig.base_w["main"] += 12 * A
    rig.run(20.0)
    assert len(rig.on()) < 3
    rig.base_w["main"] -= 12 * A
    # then it is back when min_off and restore_delay are over
    rig.run(160.0)
    assert len(rig.on()) == 3


def test_a_mode_is_a_cap_at_every_instant() -> None:
    """R4, R10, scenario 18."""
    # given six heaters that all fit, in mode 2: at most two on
    house = a_house(6, a_circuit(limit_w=60 * A, steps=(5, 4, 2, 1, 0)), load_options=FREE)
    rig = Rig(house, requested=True, period_s=10.0)
    rig.mode(2)
    rig.ticks()
    # when 144 ticks pass
    rig.run(144 * 600.0 + 30.0)
    # then never more than two relays were on, and two nearly always
    assert rig.most_on["main"] == 2
    assert sum(rig.on_s.values()) > 0.98 * 2 * 144 * 600.0
    shares = served_share(rig, 144 * 600.0)
    assert max(shares.values()) - min(shares.values()) < 0.02


def test_two_circuits_with_a_place_each_rotate_for_themselves() -> None:
    """R6, scenario 19."""
    # given two circuits with three equal loads and one place each
    loads = [
        a_load(f"{circuit}{number}", circuit=circuit, **FREE)
        for circuit in ("left", "right")
        for number in range(3)
    ]
    house = a_house(loads, a_circuit("left", 8 * A), a_circuit("right", 9 * A))
    rig = Rig(house, requested=True, period_s=10.0)
    rig.ticks()
    # when six hours pass
    rig.run(6 * 3600.0)
    # then each load had a third
    for share in served_share(rig, 6 * 3600.0).values():
        assert share == pytest.approx(1 / 3, abs=0.03)
    assert rig.most_on == {"left": 1, "right": 1}


def test_a_reading_that_repeats_itself_over_the_limit_goes_on_shedding() -> None:
    """R2, R9, scenario 20: every accepted message is a reading, changed or not."""
    # given four heaters on
    rig = Rig(a_house(4), base_w=5 * A, requested=True)
    rig.run(200.0)
    assert len(rig.on()) == 4
    # when the meter says 31 A for ever
    rig.meter().shown = lambda _: 31 * A
    rig.run(60.0)
    # then one after the other goes off, until none is left
    assert rig.on() == set()
    assert rig.commands(1200.0, on=True) == []


def test_a_live_reading_that_does_not_change_is_not_stale() -> None:
    """R13, scenario 20."""
    # given two heaters on and a constant reading
    rig = Rig(a_house(2), base_w=5 * A, requested=True)
    rig.run(60.0)
    rig.meter().shown = lambda _: 15 * A
    # when ten minutes pass
    rig.run(600.0)
    # then nobody is blind
    assert not rig.snapshot().circuits["main"].blind
    assert len(rig.on()) == 2


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


def test_requests_that_come_together_are_all_served_and_a_withdrawn_one_is_honoured() -> None:
    """R8, scenario 22."""
    # given an idle house
    rig = Rig(a_house(3))
    rig.run(20.0)
    start_s = rig.now_s
    # when three requests come within 50 ms and one is withdrawn 0.3 s later
    rig.request("a")
    rig.run(0.025)
    rig.request("b")
    rig.run(0.025)
    rig.request("c")
    rig.run(0.25)
    rig.request("a", False)
    # then all are served at once
    assert rig.on() == set("abc")
    assert all(each.at_s - start_s <= 0.05 for each in rig.commands(start_s))
    # and the withdrawal is honoured when hold_off ends
    rig.run_until(start_s + 0.99)
    assert rig.load("a").reason == Reason.SERVING
    rig.run_until(start_s + 1.01)
    assert rig.load("a").reason == Reason.MIN_ON
    # and what is on by then goes off after min_on
    rig.run_until(start_s + 300.0)
    assert rig.on() == set("abc")
    rig.run(0.5)
    assert rig.on() == set("bc")


def test_a_false_zero_switches_nothing_on() -> None:
    """R4, scenario 23."""
    # given no room for one that waits
    rig = Rig(a_house(2), base_w=22 * A)
    rig.run(60.0)
    rig.request("a")
    rig.run(60.0)
    rig.request("b")
    rig.run(60.0)
    assert rig.on() == {"a"}
    # when the meter says 0 once, again and again
    since_s = rig.now_s
    for _ in range(20):
        rig.meter().shown = lambda _: 0.0
        rig.run(1.0)
        rig.meter().shown = lambda power_w: power_w
        rig.run(9.0)
    # then nothing is switched
    assert rig.commands(since_s) == []


def individual_circuit(limit_w: float, **options: object) -> Circuit:
    """Return a circuit with two metered appliances of at most 10 A."""
    return Circuit(
        name="main",
        limit_w=limit_w,
        estimation=Estimation.INDIVIDUAL,
        non_heating_meters=tuple(
            Meter(name=name, stale_after_s=900.0, min_w=0.0, max_w=10 * A)
            for name in ("oven", "washer")
        ),
        breaker=Breaker(profile="worst_norm", rating_w=limit_w),
        **options,
    )


def test_a_silent_appliance_counts_at_its_most_and_nothing_is_blind() -> None:
    """R1, scenario 24."""
    # given two appliances of at most 10 A, of which only one reports: 2 A
    house = a_house(4, individual_circuit(30 * A, security_margin_w=3 * A))
    rig = Rig(house, requested=True)
    rig.add_meter("washer", lambda: 2 * A, 10.0)
    # when time passes
    rig.run(120.0)
    # then 30 - 10 - 2 - 3 = 15 A are there for the heating
    seen = rig.snapshot().circuits["main"]
    assert seen.available_w == pytest.approx(15 * A)
    assert not seen.blind
    assert len(rig.on()) == 3
    # and when the other reports 3 A, 22 A are there
    rig.add_meter("oven", lambda: 3 * A, 10.0)
    rig.run(120.0)
    assert rig.snapshot().circuits["main"].available_w == pytest.approx(22 * A)
    assert len(rig.on()) == 4
    # and when both are silent for 15 minutes, 30 - 20 - 3 = 7 A
    for meter in rig.meters.values():
        meter.silent = True
    rig.run(1000.0)
    seen = rig.snapshot().circuits["main"]
    assert seen.available_w == pytest.approx(7 * A)
    assert not seen.blind
    assert len(rig.on()) == 1


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
