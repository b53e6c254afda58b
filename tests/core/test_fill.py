"""R5, R7: who goes on, and when room may be used."""

import pytest

from balancer.core.commands import Cause, SwitchRelay
from balancer.core.memory import LoadMemory, Memory
from balancer.core.model import Estimation
from tests.core.house import FREE, A, a_circuit, a_house, a_load, a_meter
from tests.core.rig import Rig


def all_waiting(rig: Rig) -> None:
    """Make every load wait: something else takes everything until it is switched off."""
    rig.base_w["main"] = 30 * A
    rig.run(40.0)
    for zone in rig.house.zones:
        rig.request(zone)
    rig.run(5.0)
    assert rig.on() == set()


def test_among_equals_the_order_of_the_file_decides() -> None:
    """R5: ties in `order`."""
    rig = Rig(a_house(3, order=("c", "a", "b")))
    all_waiting(rig)
    rig.base_w["main"] = 18 * A
    rig.run(40.0)
    assert [each.load for each in rig.commands(on=True)] == ["c", "a"]


def test_boost_before_priority_before_share_before_order() -> None:
    """R5."""
    shares = {"a": 0.5, "b": 0.4, "c": 0.6, "d": 0.9, "e": 0.1}
    memory = Memory(
        loads={
            name: LoadMemory(served_s=share * 40_000.0, wanted_s=40_000.0)
            for name, share in shares.items()
        }
    )
    loads = [a_load(name, priority=1 if name == "c" else 0, **FREE) for name in "abcde"]
    rig = Rig(a_house(loads), memory=memory)
    all_waiting(rig)
    rig.boost("d")
    # when there is room for one, two, three, four
    served: list[str] = []
    for places in range(1, 5):
        rig.base_w["main"] = (30 - 5.6 * places) * A
        rig.run(40.0)
        (name,) = rig.on() - set(served)
        served.append(name)
    # then they come in this order
    assert served == ["d", "c", "e", "b"]


def test_a_boosted_and_requested_load_counts_once() -> None:
    """R5."""
    rig = Rig(a_house(2))
    rig.run(20.0)
    rig.request("a")
    rig.boost("a")
    rig.run(20.0)
    assert [(each.load, each.on) for each in rig.commands()] == [("a", True)]
    assert rig.snapshot().circuits["main"].active == 1
    # and when the boost ends the request goes on
    rig.boost("a", 0.0)
    rig.run(400.0)
    assert rig.on() == {"a"}


def test_a_new_request_never_takes_a_running_load_off() -> None:
    """R6: between ticks a load that is on stays on, whatever the priority of the new one."""
    house = a_house([a_load("low", **FREE), a_load("high", priority=9, **FREE)])
    rig = Rig(house, base_w=22 * A)
    rig.run(30.0)
    rig.request("low")
    rig.run(30.0)
    rig.request("high")
    rig.run(500.0)
    assert rig.on() == {"low"}


@pytest.mark.parametrize(
    ("room_w", "restored"),
    [(1264.9, False), (1265.0, True), (1266.0, True)],
    ids=["just below", "exactly", "just above"],
)
def test_room_that_opens_has_to_cover_hysteresis(room_w: float, restored: bool) -> None:
    """R7: 1.1 times the load's own rated power."""
    rig = Rig(a_house(1))
    all_waiting(rig)
    rig.base_w["main"] = 30 * A - room_w
    rig.run(120.0)
    assert rig.on() == ({"a"} if restored else set())


def test_room_that_opens_counts_only_after_restore_delay() -> None:
    """R7: the peak of the last 30 s has to have left it."""
    rig = Rig(a_house(1))
    all_waiting(rig)
    rig.base_w["main"] = 10 * A
    opened_s = rig.now_s
    rig.run(29.0)
    assert rig.commands() == []
    rig.run(4.0)
    (on,) = rig.commands()
    assert opened_s + 30.0 <= on.at_s <= opened_s + 32.1


def test_a_peak_within_the_window_starts_it_anew() -> None:
    """R7."""
    rig = Rig(a_house(1))
    all_waiting(rig)
    rig.base_w["main"] = 10 * A
    rig.run(20.0)
    rig.base_w["main"] = 27 * A
    rig.run(2.0)
    rig.base_w["main"] = 10 * A
    rig.run(28.0)
    assert rig.commands() == []
    rig.run(4.0)
    assert rig.on() == {"a"}


def test_room_that_was_there_before_a_request_is_used_at_once() -> None:
    """R7: exactly the rated power suffices, in the step of the request."""
    rig = Rig(a_house(1), base_w=25 * A)
    rig.run(60.0)
    decision = rig.request("a")
    assert decision.commands == (SwitchRelay("a", True),)
    assert [each.cause for each in decision.decided] == [Cause.REQUEST]


def test_power_that_our_own_loads_give_back_is_used_at_once() -> None:
    """R7: no hysteresis, no restore_delay; only the OFF has to be seen."""
    rig = Rig(a_house(2, load_options=FREE), base_w=25 * A, requested=True)
    rig.run(120.0)
    assert rig.on() == {"a"}
    since_s = rig.now_s
    rig.request("a", False)
    rig.run(5.0)
    off, on = rig.commands(since_s)
    assert (off.load, off.on, on.load, on.on) == ("a", False, "b", True)
    assert on.at_s <= since_s + 2.2
    assert rig.over["main"].total_s == 0.0


def test_a_first_start_needs_two_readings() -> None:
    """R7."""
    rig = Rig(a_house(1), requested=True)
    rig.run(1.5)
    assert rig.commands() == []
    rig.run(1.0)
    assert rig.on() == {"a"}


def test_all_that_fit_are_restored_together() -> None:
    """R7: loads admitted in the same step count at their rated power."""
    rig = Rig(a_house(6))
    all_waiting(rig)
    rig.base_w["main"] = 9.4 * A
    rig.run(60.0)
    # then of 20.6 A the first four take 20 A, the fourth with 5.6 A for its 5.5 A
    ons = rig.commands(on=True)
    assert len(ons) == 4
    assert len({each.at_s for each in ons}) == 1


def test_overload_before_any_quiet_reading_leaves_an_empty_window_and_no_room() -> None:
    """R7: a start into an overload; nothing has entered the window when its width is over."""
    rig = Rig(a_house(2, a_circuit(restore_delay_s=1.0), load_options=FREE), base_w=50 * A)
    for relay in rig.relays.values():
        relay.on = True
    for zone in "ab":
        rig.request(zone)
    rig.run(30.0)
    assert not rig.on()
    rig.base_w["main"] = 5 * A
    rig.run(30.0)
    assert rig.on() == {"a", "b"}


def test_what_an_overload_took_off_comes_back_where_only_the_mode_is_set_from_outside() -> None:
    """R1, R7, L02: power is not checked, but what the meter shed waits for its peak to pass."""
    mode_only = a_circuit(limit_w=6000.0, estimation=Estimation.EXTERNAL, steps=(3, 2, 1, 0))
    rig = Rig(a_house({"a": 2000.0}, mode_only, load_options=FREE), requested=True)
    rig.run(5.0)
    assert rig.on() == {"a"}
    rig.base_w["main"] = 5500.0
    rig.run(60.0)
    assert not rig.on()
    rig.base_w["main"] = 1000.0
    start_s = rig.now_s
    rig.run(60.0)
    (on,) = rig.commands(start_s, on=True)
    assert start_s + 29.0 <= on.at_s <= start_s + 32.0


def test_room_is_proven_beside_an_appliance_that_was_never_heard() -> None:
    """R1, R7: it counts at its most, as long as nothing else is known."""
    oven = a_meter("circuits.main.oven", 100.0)
    silent = a_circuit(
        limit_w=6000.0,
        estimation=Estimation.INDIVIDUAL,
        meter=None,
        non_heating_meters=(oven,),
    )
    house = a_house({"a": 2000.0, "b": 2000.0, "c": 500.0}, silent, load_options=FREE)
    rig = Rig(house, requested=("a", "b"))
    rig.run(30.0)
    assert rig.on() == {"a", "b"}
    # when a lower limit takes more off than it has to, and a smaller load is wanted
    rig.limit(4900.0)
    assert len(rig.on()) == 2
    rig.run(5.0)
    assert len(rig.on()) == 1
    start_s = rig.now_s
    rig.request("c")
    rig.run(40.0)
    # then it goes on when the room is restore_delay old
    (on,) = rig.commands(start_s, on=True)
    assert on.load == "c"
    assert start_s + 20.0 <= on.at_s <= start_s + 30.0


def test_power_given_back_after_an_overload_is_used_at_once_with_an_individual_estimation() -> None:
    """R7: the meter's overload ends what was there before, not what our own loads give back."""
    oven = a_meter("circuits.main.oven", 100.0)
    own = a_circuit(limit_w=6000.0, estimation=Estimation.INDIVIDUAL, non_heating_meters=(oven,))
    rig = Rig(
        a_house({"a": 2000.0, "b": 2000.0}, own, load_options=FREE, hold_off_s=0.0), requested=True
    )
    rig.read("circuits.main.oven", 0.0)
    rig.run(10.0)
    rig.base_w["main"] = 3000.0
    rig.run(5.0)
    (left,) = rig.on()
    rig.request(left, False)
    rig.run(5.0)
    assert rig.on() == {"a", "b"} - {left}
