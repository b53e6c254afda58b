"""R19: the promise, the heat and the margin of a running house; what else can be seen."""

import math

import pytest

from balancer.core import breaker
from balancer.core.model import Breaker, Estimation
from tests.core.house import METER, A, a_circuit, a_house, a_load, a_meter
from tests.core.rig import Rig

WORST = Breaker(profile="worst_norm", rating_w=30 * A)


def test_the_margin_is_infinite_under_the_limit_and_short_over_it() -> None:
    """R19."""
    rig = Rig(a_house(1), base_w=20 * A)
    rig.run(120.0)
    seen = rig.snapshot().circuits["main"]
    assert seen.trip_margin_s == math.inf
    assert seen.heat is not None
    assert 0.0 < seen.heat < 1.0
    rig.base_w["main"] = 45 * A
    rig.run(1.2)
    seen = rig.snapshot().circuits["main"]
    assert seen.trip_margin_s is not None
    # never more than a cold breaker's time less what has passed since
    cold_s = breaker.trip_margin_s(WORST, 0.0, 45 * A)
    assert seen.trip_margin_s <= cold_s
    assert seen.trip_margin_s < 5.0


def test_the_heat_follows_readings_of_any_pace_without_optimism() -> None:
    """R19, I24: a slow meter may have missed the rise, the estimate assumes that it did."""
    fast = Rig(a_house(1, a_circuit(stale_after_s=60.0)), base_w=20 * A, period_s=1.0)
    slow = Rig(a_house(1, a_circuit(stale_after_s=60.0)), base_w=20 * A, period_s=10.0)
    for rig in (fast, slow):
        rig.run(95.0)
        rig.base_w["main"] = 33 * A
        rig.run(5.0)
    one, other = fast.snapshot().circuits["main"], slow.snapshot().circuits["main"]
    assert one.heat is not None
    assert other.heat is not None
    assert other.heat >= one.heat - 1e-9


def test_the_promise_falls_when_the_meter_gets_slower() -> None:
    """R19, F02: from the measured meter period and confirm times."""
    promises = []
    for period_s in (1.0, 5.0, 10.0):
        rig = Rig(a_house(2, a_circuit(stale_after_s=60.0)), period_s=period_s, requested=True)
        rig.run(120.0)
        promise = rig.snapshot().circuits["main"].sheddable_overload
        assert promise is not None
        promises.append(promise)
    assert promises == sorted(promises, reverse=True)
    assert promises[0] > promises[-1]
    # and is no better than the reaction allows: a period and the relay
    for promise, period_s in zip(promises, (1.0, 5.0, 10.0), strict=True):
        assert promise <= breaker.survivable_overload(WORST, period_s + 0.1, 30 * A) + 1e-9


def test_the_age_of_a_reading_grows_until_the_next() -> None:
    """Section 5: age."""
    rig = Rig(a_house(1), base_w=5 * A)
    rig.run(10.0)
    rig.run(0.4)
    seen = rig.snapshot()
    assert seen.circuits["main"].age_s == pytest.approx(0.4)
    meter = seen.meters[METER]
    assert meter.age_s == pytest.approx(0.4)
    assert meter.period_s == pytest.approx(1.0)
    assert meter.power_w == 5 * A


def test_every_meter_of_the_house_can_be_seen() -> None:
    """Section 7: meters by name, those of loads too."""
    house = a_house([a_load("a", meter=a_meter("loads.a.meter", 1150.0))])
    rig = Rig(house, requested=True)
    rig.run(20.0)
    seen = rig.snapshot().meters
    assert set(seen) == {METER, "loads.a.meter"}
    assert seen["loads.a.meter"].power_w == pytest.approx(1150.0)


def test_the_spike_is_the_greatest_rise_of_other_power() -> None:
    """R19: the biggest seen spike."""
    rig = Rig(a_house(1), base_w=5 * A)
    rig.run(20.0)
    rig.base_w["main"] = 15 * A
    rig.run(20.0)
    rig.base_w["main"] = 8 * A
    rig.run(20.0)
    seen = rig.snapshot().circuits["main"]
    assert seen.spike_w == pytest.approx(10 * A)
    assert seen.likely_overload == pytest.approx((seen.limit_w + 10 * A) / seen.limit_w)


def test_settled_means_that_nothing_is_unconfirmed() -> None:
    """R16: what stop waits for."""
    rig = Rig(a_house(1))
    rig.run(20.0)
    assert rig.snapshot().settled
    rig.request("a")
    assert not rig.snapshot().settled
    rig.run(0.2)
    assert rig.snapshot().settled


def test_without_a_meter_or_a_limit_there_is_no_promise() -> None:
    """R19: unknown is None."""
    rig = Rig(a_house(1))
    rig.run(60.0)
    assert rig.snapshot().circuits["main"].sheddable_overload is not None
    rig.limit(0.0)
    rig.run(5.0)
    assert rig.snapshot().circuits["main"].sheddable_overload is None
    bare = a_circuit(estimation=Estimation.EXTERNAL, steps=(1, 0), meter=None)
    rig = Rig(a_house(1, bare), requested=True)
    rig.run(60.0)
    seen = rig.snapshot().circuits["main"]
    assert (seen.sheddable_overload, seen.heat, seen.trip_margin_s) == (None, None, None)


def test_power_is_shown_in_the_circuits_unit() -> None:
    """R3."""
    circuit = a_circuit(limit_w=30 * A, unit="A", watts_per_unit=A)
    assert circuit.show(4922.0) == 21.4
