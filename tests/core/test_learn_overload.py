"""R14: what a reading over the limit tells of the heater that has just gone on."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from balancer.core.commands import Cause
from balancer.core.events import MeterReadings
from tests.core.house import FREE, A, a_circuit, a_house, a_load, a_meter
from tests.core.rig import Rig

EQUAL_A: Mapping[str, float] = {"a": 4.0, "b": 4.0, "c": 4.0}


def a_full_house(
    takes_a: Mapping[str, float],
    labels_a: Mapping[str, float] = EQUAL_A,
    known: Iterable[str] = (),
    **options: Any,
) -> Rig:
    """Return a house of 9 A with all of its heaters wanted, and a tick every ten minutes.

    Args:
        takes_a: What heaters take that do not keep to their label, in amperes.
        labels_a: What all of them are rated for.
        known: Those that were switched alone before, so that their draw is learned.
        options: Of the heater called b.
    """
    loads = [
        a_load(name, label_a * A, **(options if name == "b" else {}))
        for name, label_a in labels_a.items()
    ]
    rig = Rig(a_house(loads, a_circuit(limit_w=9.0 * A)))
    rig.heater_w |= {name: each * A for name, each in takes_a.items()}
    rig.run(60.0)
    for zone in known:
        for _ in range(3):
            rig.request(zone)
            rig.run(200.0)
            rig.request(zone, requested=False)
            rig.run(200.0)
    for zone in labels_a:
        rig.request(zone)
    rig.ticks()
    return rig


def served(rig: Rig, hours: float = 3.0) -> dict[str, float]:
    """Return the part of the next hours that each heater is on; overloads are forgotten before."""
    rig.forget_over()
    rig.on_s = dict.fromkeys(rig.house.loads, 0.0)
    rig.slow_down(5.0)
    rig.run(hours * 3600.0)
    return {name: on_s / (hours * 3600.0) for name, on_s in rig.on_s.items()}


@pytest.mark.parametrize("lag_s", [0.0, 1.0, 4.0])
def test_one_that_takes_more_than_its_label_has_its_turns(lag_s: float) -> None:
    """In a full house nobody is switched alone: it went on and off again at each tick."""
    # given three of which two fit, but for one that takes 5.2 A and says 4
    rig = a_full_house({"b": 5.2}, known="ac")
    rig.meter().lag_s = lag_s
    rig.run(3.0 * 1200.0)
    # when hours pass, then all have half of them, and nothing is over the limit any more
    assert all(share == pytest.approx(0.5, abs=0.06) for share in served(rig).values())
    assert rig.load("b").learned_w == pytest.approx(5.2 * A)
    assert rig.over["main"].total_s == 0.0


def test_it_is_learned_when_another_one_is_shed_for_it() -> None:
    """What goes off is the smallest that suffices: never the one that is to blame."""
    rig = a_full_house({"c": 5.2}, {"a": 8.0, "b": 4.0, "c": 4.0}, known="ab")
    rig.run(3.0 * 1200.0)
    assert min(served(rig).values()) > 0.25
    assert rig.load("c").learned_w == pytest.approx(5.2 * A)
    assert rig.over["main"].total_s == 0.0


def a_house_of_two(a_takes_a: float = 4.0, base_a: float = 4.0, **options: Any) -> Rig:
    """Return a house of 9 A where a is on, and well known, and b takes 5.2 A instead of 4.

    A small one, c, is not asked for.
    """
    options = {"priority": 1, **FREE, **options}
    loads = [
        a_load("a", a_takes_a * A, **FREE),
        a_load("b", 4.0 * A, **options),
        a_load("c", 0.8 * A, **FREE),
    ]
    rig = Rig(a_house(loads, a_circuit(limit_w=9.0 * A)), base_w=base_a * A)
    rig.heater_w["b"] = 5.2 * A
    rig.run(60.0)
    for _ in range(3):
        rig.request("a", requested=False)
        rig.run(60.0)
        rig.request("a")
        rig.run(60.0)
    return rig


def overloads(rig: Rig) -> int:
    """Return how often something was shed."""
    return sum(each.cause is Cause.OVERLOAD for _, each in rig.decided)


def exchange(rig: Rig, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Give b the place of a for as long as it may have it, and a its own again."""
    rig.request("b")
    rig.rotate()
    rig.run(1.5)
    meanwhile()
    rig.run(20.0)
    rig.request("b", requested=False)
    rig.run(120.0)
    assert rig.on() == {"a"}


def test_three_exchanges_are_three_steps() -> None:
    """The reference of those that follow."""
    rig = a_house_of_two()
    for times in (0, 2, 3, 3):  # one is not sure yet, and after three nobody makes room for 4 A
        exchange(rig)
        assert rig.load("b").learned_steps == times
    assert rig.load("b").learned_w == pytest.approx(5.2 * A)
    assert rig.load("a").learned_w == pytest.approx(4.0 * A)


def test_a_draw_below_the_label_is_not_learned_from_an_overload() -> None:
    """It is the least that it may be, since an OFF may have relieved more than it was sure to."""
    rig = a_house_of_two()
    rig.heater_w["b"] = 3.6 * A

    def lower() -> None:
        rig.limit(7.5 * A)
        rig.run(5.0)
        assert rig.on() == set()
        rig.limit(9.0 * A)

    for _ in range(3):
        exchange(rig, lower)
    assert rig.load("b").learned_w is None


def test_a_switching_of_its_own_is_one_step_and_not_two() -> None:
    """It is over the limit, goes off again, and its fall tells."""
    rig = a_house_of_two(base_a=4.5)
    rig.request("a", requested=False)
    rig.run(60.0)
    for times in (0, 2, 3):
        rig.request("b")
        rig.run(20.0)
        rig.request("b", requested=False)
        rig.run(60.0)
        assert rig.load("b").learned_steps == times


def test_its_own_meter_knows_better() -> None:
    rig = a_house_of_two(meter=a_meter("loads.b.meter", 4.0 * A))
    rig.meters["loads.b.meter"].silent = True
    for _ in range(3):
        exchange(rig)
    assert rig.load("b").learned_w is None


def test_what_went_off_before_the_reading_is_counted_once() -> None:
    """The reading before its ON shows that it has fallen, although its flight goes on."""
    rig = a_house_of_two(a_takes_a=0.8, base_a=4.9)
    rig.heater_w["b"] = 4.4 * A
    for _ in range(3):
        rig.request("a", requested=False)
        rig.run(1.2)
        rig.request("b")
        rig.run(20.0)
        rig.request("b", requested=False)
        rig.run(60.0)
        rig.request("a")
        rig.run(60.0)
    assert overloads(rig) == 3
    assert rig.load("b").learned_w is None


def test_nothing_is_learned_before_its_relay_has_said_that_it_is_on() -> None:
    """Until then it was something else."""
    rig = a_house_of_two(relay={"confirm_within_s": 8.0})
    rig.relays["b"].latency_s = 4.0
    rig.heater_w["b"] = 4.0 * A

    def kettle() -> None:
        rig.base_w["main"] = 9.3 * A
        rig.run(1.0)
        rig.base_w["main"] = 4.0 * A

    for _ in range(3):
        exchange(rig, kettle)
    assert overloads(rig) == 3
    assert rig.load("b").learned_w is None


def test_nothing_is_learned_from_a_reading_from_before_it_was_on() -> None:
    """The limit falls before the meter has spoken again."""
    rig = a_house_of_two(a_takes_a=5.0)
    for _ in range(3):
        rig.run(1.0 - rig.now_s % 1.0 + 0.1)
        rig.request("b")
        rig.rotate()
        rig.run(0.3)
        assert rig.on() == {"b"}
        rig.limit(2.0 * A)
        rig.run(1.0)
        assert rig.on() == set()
        rig.request("b", requested=False)
        rig.limit(9.0 * A)
        rig.run(120.0)
    assert rig.load("b").learned_w is None


def test_who_goes_on_beside_it_is_not_taken_for_it() -> None:
    """Its relay is slow: another one was switched and seen meanwhile."""
    rig = a_house_of_two(base_a=4.1, relay={"confirm_within_s": 8.0})
    rig.relays["b"].latency_s = 5.1
    rig.heater_w["b"] = 4.2 * A
    rig.request("a", requested=False)
    rig.run(60.0)
    for _ in range(3):
        rig.request("b")
        rig.run(1.5)
        rig.request("c")
        rig.run(20.0)
        assert rig.on() == {"b"}
        for zone in "bc":
            rig.request(zone, requested=False)
        rig.run(60.0)
    assert overloads(rig) == 3
    assert rig.load("b").learned_w == pytest.approx(4.2 * A)  # from its OFF
    assert rig.load("b").learned_steps == 3


def test_one_message_of_two_meters_is_one_step() -> None:
    """Both phases that a heater hangs on are over the limit at once."""
    phases = {"l1": 9.0 * A, "l2": 9.0 * A}
    loads = [
        a_load("a", power_w_by_circuit=dict.fromkeys(phases, 4.0 * A), **FREE),
        a_load("b", power_w_by_circuit=dict.fromkeys(phases, 4.0 * A), priority=1, **FREE),
    ]
    rig = Rig(a_house(loads, *(a_circuit(name, limit_w=watts) for name, watts in phases.items())))
    rig.heater_w |= {"b": 2.0 * 5.2 * A}
    rig.base_w |= dict.fromkeys(phases, 4.0 * A)
    for phase in phases:
        rig.meter(phase).silent = True

    def read() -> None:
        shown = {f"circuits.{phase}.meter": rig.power_w(phase) for phase in phases}
        rig.tell(MeterReadings(rig.now_s, shown))
        rig.after(1.0, read)

    read()
    rig.run(60.0)
    for _ in range(3):
        rig.request("a", requested=False)
        rig.run(60.0)
        rig.request("a")
        rig.run(60.0)
    for times in (0, 2, 3):
        exchange(rig)
        assert rig.load("b").learned_steps == times


@pytest.mark.parametrize("welded", [False, True])
def test_a_small_one_that_drew_nothing_makes_no_other_look_greater(welded: bool) -> None:
    """Its own thermostat has opened, or its contact is welded: its OFF takes nothing away."""
    # given a towel rail of 1.2 A that is on, and a heater of 4 A that keeps to its label
    rig = Rig(
        a_house(
            [a_load("t", 1.2 * A, **FREE), a_load("b", 4.0 * A, **FREE)], a_circuit(limit_w=9 * A)
        )
    )
    rig.run(60.0)
    for _ in range(5):
        rig.request("t")
        rig.run(100.0)
        rig.request("t", requested=False)
        rig.run(100.0)
    rig.request("t")
    rig.run(100.0)
    if welded:
        rig.relays["t"].liar = True
        rig.base_w["main"] = 4.0 * A
    else:
        rig.heater_w["t"] = 0.0
        rig.base_w["main"] = 5.2 * A
    # when ticks give its place to the heater, which is over the limit each time
    rig.run(60.0)
    rig.request("b")
    rig.ticks()
    rig.run(2.0 * 3600.0)
    assert overloads(rig) > 3
    # then nobody believes that it takes more
    assert rig.load("b").learned_w is None
