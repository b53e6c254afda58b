"""R18: at every moment each load has one reason, with since when and until when."""

import pytest

from balancer.core.commands import Cause, Reason
from tests.core.fakes import FakeRelay
from tests.core.house import FREE, A, a_circuit, a_house, a_load
from tests.core.rig import Rig


def reasons(rig: Rig) -> dict[str, Reason]:
    return {name: load.reason for name, load in rig.snapshot().loads.items()}


def test_a_day_in_the_life_of_one_load() -> None:
    """R18: starting, idle, serving, boosted, min_on, min_off, shed, waiting, away, blind."""
    rig = Rig(a_house(1), base_w=5 * A)
    assert rig.load("a").reason == Reason.STARTING
    rig.run(30.0)
    assert rig.load("a").reason == Reason.IDLE
    rig.request("a")
    rig.run(10.0)
    assert rig.load("a").reason == Reason.SERVING
    rig.boost("a")
    assert rig.load("a").reason == Reason.BOOSTED
    rig.boost("a", 0.0)
    rig.run(2.0)
    rig.request("a", False)
    rig.run(2.0)
    assert rig.load("a").reason == Reason.MIN_ON
    rig.run(400.0)
    assert rig.load("a").reason == Reason.IDLE
    rig.request("a")
    rig.run(2.0)
    assert rig.load("a").reason == Reason.SERVING or rig.load("a").reason == Reason.MIN_OFF
    rig.run(120.0)
    assert rig.load("a").reason == Reason.SERVING
    rig.base_w["main"] = 29 * A
    rig.run(2.0)
    assert rig.load("a").reason == Reason.MIN_OFF
    rig.run(130.0)
    assert rig.load("a").reason == Reason.SHED
    rig.base_w["main"] = 5 * A
    rig.run(60.0)
    assert rig.load("a").reason == Reason.SERVING
    rig.away()
    assert rig.load("a").reason == Reason.AWAY
    rig.away(False)
    rig.run(200.0)
    rig.meter().silent = True
    rig.run(16.0)
    assert rig.load("a").reason == Reason.BLIND


def test_a_wanted_load_that_never_was_shed_waits() -> None:
    """R18: waiting is any other wanted load; mode when the cap is what it waits for."""
    rig = Rig(a_house(3, load_options=FREE), base_w=22 * A, requested=True)
    rig.run(60.0)
    assert reasons(rig) == {"a": Reason.SERVING, "b": Reason.WAITING, "c": Reason.WAITING}
    rig = Rig(a_house(3, a_circuit(steps=(1, 0)), load_options=FREE), requested=True)
    rig.run(60.0)
    assert reasons(rig)["a"] == Reason.SERVING
    assert reasons(rig)["b"] == Reason.MODE


def test_a_load_that_a_tick_took_off_waits_and_is_not_shed() -> None:
    """R18: shed is taken off by R9 and not on since."""
    rig = Rig(a_house(2, load_options=FREE), base_w=22 * A, requested=True)
    rig.run(60.0)
    rig.base_w["main"] = 26 * A
    rig.run(5.0)
    assert reasons(rig)["a"] == Reason.SHED
    rig.base_w["main"] = 22 * A
    rig.run(60.0)
    served = rig.on()
    rig.rotate()
    rig.run(10.0)
    rig.rotate()
    rig.run(700.0)
    rig.rotate()
    rig.run(10.0)
    assert len(served) == 1
    assert set(reasons(rig).values()) == {Reason.SERVING, Reason.WAITING}


def test_fault_comes_before_everything() -> None:
    """R18: then unavailable, away, blind."""
    rig = Rig(a_house(1, load_options=FREE), requested=True)
    rig.run(30.0)
    rig.relays["a"].stuck = True
    rig.request("a", False)
    rig.run(20.0)
    rig.away()
    rig.run(1.0)
    assert rig.load("a").reason == Reason.FAULT
    # unavailable before away
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(30.0)
    rig.device("a", False)
    rig.away()
    assert rig.load("a").reason == Reason.UNAVAILABLE
    # away before blind
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(30.0)
    rig.away()
    rig.meter().silent = True
    rig.run(20.0)
    assert rig.load("a").reason == Reason.AWAY


def test_since_is_when_the_reason_began() -> None:
    """R18."""
    rig = Rig(a_house(1))
    rig.run(30.0)
    rig.request("a")
    since_s = rig.now_s
    rig.run(100.0)
    load = rig.load("a")
    assert (load.reason, load.since_s) == (Reason.SERVING, since_s)


def test_until_is_told_where_it_is_known() -> None:
    """R18: end of min_off, of a boost, of restore_delay."""
    rig = Rig(a_house(1, load_options={"min_on_s": 0.0}))
    rig.run(30.0)
    rig.request("a")
    rig.run(10.0)
    rig.request("a", False)
    rig.run(2.0)
    rig.request("a")
    rig.run(2.0)
    load = rig.load("a")
    assert load.reason == Reason.MIN_OFF
    assert load.switched_s is not None
    assert load.until_s == pytest.approx(load.switched_s + 120.0)
    rig.run(130.0)
    rig.boost("a", 600.0)
    assert rig.load("a").until_s == pytest.approx(rig.now_s + 600.0)


def test_a_load_has_one_reason_at_every_instant_of_a_restless_house() -> None:
    """R18: on loads have reasons of on loads, off loads of off ones."""
    rig = Rig(a_house(4), base_w=18 * A, requested=True, relays={"c": FakeRelay(latency_s=1.0)})
    rig.ticks(61.0)
    on = {Reason.BOOSTED, Reason.SERVING, Reason.MIN_ON}
    off = {Reason.IDLE, Reason.MIN_OFF, Reason.MODE, Reason.SHED, Reason.WAITING}
    for second in range(600):
        rig.run(1.0)
        if second % 97 == 0:
            rig.base_w["main"] = (15 + second % 13) * A
        if second % 71 == 0:
            rig.request("d", second % 2 == 0)
        for load in rig.snapshot().loads.values():
            assert load.reason in (on if load.on else off) or load.reason in (
                Reason.STARTING,
                Reason.FAULT,
            )


def test_unknown_power_is_none_and_never_zero() -> None:
    """Section 5: unknown is null."""
    rig = Rig(a_house([a_load("a")]), start=False)
    seen = rig.snapshot().circuits["main"]
    assert seen.meter_w is None
    assert seen.age_s is None
    assert seen.available_w is None
    assert seen.headroom_w is None
    assert rig.load("a").relay is None
    assert rig.load("a").online is None
    assert rig.load("a").learned_w is None


def test_a_new_request_puts_nothing_right() -> None:
    """R11: what somebody switched off is not told of when the request comes hours later."""
    rig = Rig(a_house(1, load_options={"min_on_s": 0.0, "min_off_s": 60.0}), requested=True)
    rig.run(100.0)
    rig.push("a", on=False)
    rig.request("a", False)
    rig.run(700.0)
    rig.rotate()
    start_s = rig.now_s
    rig.request("a")
    rig.run(10.0)
    assert [each.cause for at_s, each in rig.decided if at_s >= start_s] == [Cause.REQUEST]


def test_a_load_left_alone_is_told_no_end_that_is_past() -> None:
    """R18: somebody else switched it on, and it stays on."""
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(30.0)
    for _ in range(4):
        rig.push("a", on=True)
        rig.run(20.0)
    load = rig.load("a")
    assert load.detail == "switched by somebody else, left alone"
    assert load.until_s is None
