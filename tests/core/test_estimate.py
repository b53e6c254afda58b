"""R1, R2, R4: what is free, and what a reading may not show yet."""

from typing import Any

import pytest

from balancer.core import estimate
from balancer.core.model import Breaker, Circuit, Estimation, Meter
from tests.core.fakes import FakeRelay
from tests.core.house import FREE, METER, A, a_circuit, a_house, a_load
from tests.core.rig import Rig


def settled_house(base_w: float, loads: int, **circuit: Any) -> Rig:
    """Return a house in which all loads are on and every reading shows it."""
    rig = Rig(a_house(loads, a_circuit(**circuit)), base_w=base_w, requested=True)
    rig.run(60.0)
    assert len(rig.on()) == loads
    return rig


def test_non_heating_power_is_the_meter_without_the_least_draw_of_the_loads() -> None:
    """R1, global: an unmetered load draws power / safe_ratio until it is learned."""
    rig = settled_house(2000.0, 2, safe_ratio=1.25, reserve_w=500.0)
    seen = rig.snapshot().circuits["main"]
    assert seen.meter_w == 2000.0 + 2 * 1150.0
    non_heating_w = 4300.0 - 2 * 1150.0 / 1.25
    assert seen.non_heating_w == pytest.approx(non_heating_w)
    assert seen.available_w == pytest.approx(6900.0 - 500.0 - non_heating_w)
    assert seen.headroom_w == pytest.approx(6900.0 - 4300.0)


def test_a_load_switched_off_after_a_reading_is_no_part_of_the_house_in_it() -> None:
    """R1: the reading contains it, whatever its relay has said since."""
    rig = settled_house(12 * A, 2, safe_ratio=1.0)
    rig.run(400.0)
    seen = rig.snapshot().circuits["main"]
    assert seen.non_heating_w == pytest.approx(12 * A)
    rig.run(0.5)
    rig.request("a", False)
    rig.run(0.2)
    assert not rig.state.loads["a"].live
    assert rig.snapshot().circuits["main"].meter_w == seen.meter_w
    assert rig.snapshot().circuits["main"].non_heating_w == pytest.approx(12 * A)
    assert rig.snapshot().circuits["main"].available_w == seen.available_w
    rig.run(1.0)
    assert rig.snapshot().circuits["main"].non_heating_w == pytest.approx(12 * A)


def test_non_heating_power_is_never_below_zero() -> None:
    """R1: export from a roof is not counted on."""
    rig = Rig(a_house(1), base_w=-2000.0)
    rig.run(10.0)
    seen = rig.snapshot().circuits["main"]
    assert seen.meter_w == -2000.0
    assert seen.non_heating_w == 0.0
    assert seen.available_w == 6900.0


def individual(**options: Any) -> Circuit:
    """Return a circuit of 30 A with a washer of at most 10 A."""
    return Circuit(
        name="main",
        limit_w=30 * A,
        estimation=Estimation.INDIVIDUAL,
        non_heating_meters=(Meter(name="washer", stale_after_s=900.0, min_w=0.0, max_w=10 * A),),
        breaker=Breaker(profile="worst_norm", rating_w=30 * A),
        **options,
    )


@pytest.mark.parametrize(
    ("washer_w", "on"),
    [(10 * A - 1.0, 4), (10 * A, 4), (10 * A + 1.0, 3)],
    ids=["just below", "exactly", "just above"],
)
def test_individual_budget_is_limit_less_reserve_margin_and_appliances(
    washer_w: float, on: int
) -> None:
    """R1, R4, individual: 30 - 10 A for the rest, in heaters of 5 A."""
    circuit = individual(security_margin_w=0.0)
    rig = Rig(a_house(5, circuit))
    rig.add_meter("washer", lambda: min(washer_w, 10 * A) if on == 4 else washer_w, 5.0)
    rig.run(20.0)
    for zone in rig.house.zones:
        rig.request(zone)
    rig.run(20.0)
    assert len(rig.on()) == on


def test_individual_is_over_when_the_rated_power_exceeds_available_and_reserve() -> None:
    """R1, R9, individual: the reserve limits admission only."""
    # given 4 x 5 A on, 30 A less a reserve of 2 A, appliance at 8 A: exactly full
    rig = Rig(a_house(4, individual(reserve_w=2 * A)))
    washer_w = [8 * A]
    rig.add_meter("washer", lambda: washer_w[0], 5.0)
    rig.run(20.0)
    for zone in rig.house.zones:
        rig.request(zone)
    rig.run(20.0)
    assert len(rig.on()) == 4
    # when it takes the reserve too, then nothing happens
    washer_w[0] = 10 * A
    rig.run(20.0)
    assert len(rig.on()) == 4
    # and a watt more takes one off
    washer_w[0] = 10 * A + 1.0
    rig.run(20.0)
    assert len(rig.on()) == 3


def test_external_available_power_is_taken_as_it_is() -> None:
    """R1, external."""
    circuit = Circuit(
        name="main",
        limit_w=30 * A,
        reserve_w=5 * A,
        estimation=Estimation.EXTERNAL,
        available=Meter(name="surplus", stale_after_s=120.0, min_w=-1e5, max_w=1e5),
        breaker=Breaker(profile="worst_norm", rating_w=30 * A),
    )
    rig = Rig(a_house(4, circuit))
    surplus_w = [10 * A]
    rig.add_meter("surplus", lambda: surplus_w[0], 10.0)
    rig.run(40.0)
    for zone in rig.house.zones:
        rig.request(zone)
    rig.run(20.0)
    # given power for two, two are on
    assert len(rig.on()) == 2
    assert rig.snapshot().circuits["main"].available_w == 10 * A
    # when a watt is missing, one goes off
    surplus_w[0] = 10 * A - 1.0
    rig.run(10.5)
    assert len(rig.on()) == 1
    # when it becomes silent for two minutes, nothing stays on
    surplus_w[0] = 20 * A
    rig.run(5.0)
    rig.meters["surplus"].silent = True
    rig.run(125.0)
    assert rig.on() == set()
    assert rig.snapshot().circuits["main"].blind


def test_external_without_available_power_checks_only_the_mode() -> None:
    """R1, external: power is not checked, never blind."""
    circuit = Circuit(
        name="main",
        limit_w=10 * A,
        estimation=Estimation.EXTERNAL,
        steps=(3, 1, 0),
        breaker=Breaker(profile="worst_norm", rating_w=10 * A),
    )
    rig = Rig(a_house(4, circuit), requested=True)
    rig.run(300.0)
    assert len(rig.on()) == 3
    seen = rig.snapshot().circuits["main"]
    assert seen.available_w is None
    assert not seen.blind
    rig.mode(1)
    rig.run(1.0)
    assert len(rig.on()) == 1


@pytest.mark.parametrize(
    ("base_w", "on"),
    [(5 * A - 1.0, 5), (5 * A, 5), (5 * A + 1.0, 4)],
    ids=["just below", "exactly", "just above"],
)
def test_admission_fills_the_limit_exactly(base_w: float, on: int) -> None:
    """R4: measured headroom, so that five 5 A heaters and 5 A of other things fill 30 A."""
    rig = Rig(a_house(5), base_w=base_w, requested=True)
    rig.run(60.0)
    assert len(rig.on()) == on


def test_the_reserve_is_kept_free_at_admission_but_not_defended_by_shedding() -> None:
    """R4: reserve limits admission only; shedding acts at the limit."""
    rig = Rig(a_house(5, a_circuit(reserve_w=1.0)), base_w=5 * A, requested=True)
    rig.run(60.0)
    assert len(rig.on()) == 4
    # when other things take the rest, up to the limit
    since_s = rig.now_s
    rig.base_w["main"] = 10 * A
    rig.run(60.0)
    assert rig.commands(since_s) == []
    # then a watt more sheds
    rig.base_w["main"] = 10 * A + 1.0
    rig.run(1.0)
    assert [each.on for each in rig.commands(since_s)] == [False]


def test_requests_between_two_readings_share_one_room() -> None:
    """R2: what was just switched on stays reserved at its full power."""
    # given room for two
    rig = Rig(a_house(4), base_w=20 * A)
    rig.run(60.5)
    # when four ask before the next reading
    for zone in "abcd":
        rig.request(zone)
    rig.run(60.0)
    # then two go on, and the limit was never exceeded
    assert rig.on() == {"a", "b"}
    assert rig.over["main"].total_s == 0.0
    assert len(rig.commands(on=True)) == 2


@pytest.mark.parametrize("lag_s", [0.0, 2.0, 5.0, 9.0])
def test_a_meter_that_lags_gives_no_phantom_headroom(lag_s: float) -> None:
    """R2: a load just switched on is not subtracted from a meter that may not contain it."""
    # given a lag that three switchings have shown
    rig = Rig(a_house(6, load_options=FREE), base_w=12 * A)
    rig.meter().lag_s = lag_s
    rig.run(30.0)
    for requested in (True, False, True, False):
        rig.request("a", requested)
        rig.run(60.0)
    # when all ask at a time
    for zone in "abcdef":
        rig.request(zone)
        rig.run(0.7)
    rig.run(120.0)
    assert len(rig.on()) == 3
    assert rig.over["main"].total_s == 0.0


def test_a_sub_panel_and_its_parent_both_have_to_fit() -> None:
    """R4: on every circuit of the load, its own and all parents."""
    loads = [a_load(name, circuit="annex") for name in "abc"] + [a_load("d")]
    house = a_house(loads, a_circuit(), a_circuit("annex", 12 * A, parent="main"))
    rig = Rig(house, requested=True)
    rig.run(60.0)
    # then two of three fit the annex, and the one beside it fits too
    assert rig.on() == {"a", "b", "d"}
    # and with 18 A in the house itself only two of those
    rig = Rig(house, requested=True, base_w={"main": 18 * A})
    rig.run(60.0)
    assert len(rig.on()) == 2
    assert rig.over["main"].total_s == 0.0


def test_a_load_on_three_phases_counts_on_each_and_as_a_sum_above() -> None:
    """R4, I22: `power` is per circuit; a common parent takes the sum."""
    phases = [a_circuit(f"l{number}", 20 * A, parent="main") for number in (1, 2, 3)]
    loads = [
        a_load("boiler", power_w_by_circuit={"l1": 10 * A, "l2": 10 * A, "l3": 10 * A}),
        a_load("one", 11 * A, "l1"),
        a_load("two", 10 * A, "l2"),
    ]
    rig = Rig(a_house(loads, a_circuit("main", 45 * A), *phases))
    rig.run(30.0)
    for zone in rig.house.zones:
        rig.request(zone)
    rig.run(30.0)
    # then the boiler leaves no 11 A on l1, but 10 A on l2
    assert rig.on() == {"boiler", "two"}
    assert rig.power_w("main") == 40 * A
    # and on a parent with a little less than its sum it does not fit at all
    rig = Rig(a_house(loads, a_circuit("main", 29.9 * A), *phases))
    rig.run(30.0)
    for zone in rig.house.zones:
        rig.request(zone)
    rig.run(30.0)
    assert rig.on() == {"one", "two"}


def test_one_false_dip_among_readings_admits_nothing() -> None:
    """R4: the greater of the last two readings is judged."""
    rig = Rig(a_house(1), base_w=26 * A)
    rig.run(60.0)
    rig.request("a")
    rig.meter().shown = lambda _: 20 * A
    rig.run(1.0)
    rig.meter().shown = lambda power_w: power_w
    rig.run(60.0)
    assert rig.commands() == []


def test_a_relay_that_says_nothing_counts_its_commands_after_settle() -> None:
    """Words, confirmed: a relay without state_topic is confirmed `settle` after the command."""
    loads = [a_load(name, relay={"confirms": False}, min_on_s=0.0, min_off_s=0.0) for name in "ab"]
    rig = Rig(a_house(loads, a_circuit(steps=(1, 0))), relays={"a": FakeRelay(), "b": FakeRelay()})
    rig.run(60.0)
    rig.request("a")
    rig.request("b")
    rig.run(60.0)
    assert rig.on() == {"a"}
    # when it is the other's turn and the meter cannot tell (the heater takes nothing)
    rig.heater_w["a"] = 0.0
    rig.run(10.0)
    since_s = rig.now_s
    rig.rotate()
    rig.run(30.0)
    off, on = rig.commands(since_s)
    assert (off.load, off.on, on.load, on.on) == ("a", False, "b", True)
    assert on.at_s - off.at_s >= 3.0


def test_settle_is_the_measured_lag_once_a_few_are_known() -> None:
    """R2: a lag holds the wait for the reading already; adding the period would count it twice."""
    # given a meter that speaks every ten seconds
    rig = Rig(a_house([a_load("a", min_on_s=0.0, min_off_s=0.0)]), base_w=500.0, period_s=10.0)
    rig.run(60.0)
    period_and_lag_s = estimate.settle_s(rig.house, rig.state, "main")
    assert period_and_lag_s >= 11.0
    # when three lone switchings were seen
    for _ in range(3):
        rig.request("a")
        rig.run(41.0)
        rig.request("a", False)
        rig.run(43.0)
    # then it is a second more than the longest of them, and never more than what was assumed
    lags_s = rig.state.meters[METER].lags_s
    assert len(lags_s) >= 3
    assert estimate.settle_s(rig.house, rig.state, "main") == max(3.0, max(lags_s) + 1.0)
    assert max(lags_s) <= 10.0
