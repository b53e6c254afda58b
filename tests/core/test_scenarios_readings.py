"""What readings say, do not say yet, or say wrongly: cases that plausible rules get wrong.

Limit 30 A, heaters 5 A and a reading a second, unless said otherwise. The numbers of the
docstrings are those of one list of 24, by which they are found in three files.
"""

from typing import Any

import pytest

from balancer.core.commands import Cause, NoteKind, Reason
from balancer.core.model import Breaker, Circuit, Estimation, Meter
from tests.core.fakes import LATENCY_S
from tests.core.house import FREE, A, a_circuit, a_house, a_load, a_meter
from tests.core.rig import Rig


def individual_circuit(limit_w: float, **options: Any) -> Circuit:
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
