"""R1, R2, R4, R9: what is on its way is neither relief nor room."""

from collections import deque

from balancer.core.commands import NoteKind, SwitchRelay
from balancer.core.model import Estimation, Meter
from tests.core.fakes import FakeRelay
from tests.core.house import FREE, METER, A, a_circuit, a_house, a_load
from tests.core.rig import Rig


def test_a_load_whose_on_is_not_confirmed_relieves_nothing() -> None:
    """R2, R9: the reading does not contain it; shedding it alone would be shedding nothing."""
    # given a running load, and another whose ON has just been sent
    house = a_house(
        [a_load("a", 2000.0, **FREE), a_load("b", 2000.0, **FREE)], a_circuit(limit_w=6000.0)
    )
    rig = Rig(house, requested=["a"], base_w=1000.0)
    rig.run(60.3)
    rig.request("b")
    assert rig.commands(load="b")
    # when a reading without it is over the limit
    since_s = rig.now_s
    rig.run(0.01)
    rig.base_w["main"] = 4500.0
    rig.read(METER, 6500.0)
    # then the running load goes
    assert "a" in {each.load for each in rig.commands(since_s, on=False)}


def test_a_load_that_a_reading_never_contained_is_not_taken_from_it() -> None:
    """R4: its OFF gives back nothing that the reading shows."""
    # given a meter that lags, and a load switched on and off again before it is shown
    house = a_house(
        [a_load("a", 2000.0, **FREE), a_load("b", 1500.0, **FREE)],
        a_circuit(limit_w=6000.0, steps=(1, 1, 0), settle_s=4.0),
    )
    rig = Rig(house, base_w=4100.0, period_s=0.5)
    rig.meter().lag_s = 2.5
    rig.base_w["main"] = 3900.0
    rig.run(60.3)
    rig.request("a")
    rig.run(0.2)
    assert rig.on() == {"a"}
    rig.base_w["main"] = 4700.0
    rig.run(2.6)
    since_s = rig.now_s
    rig.mode(2)
    rig.run(0.25)
    assert rig.on() == set()
    rig.mode(None)
    rig.request("b")
    rig.run(0.2)
    # then there is no room for the other: 4700 W and 1500 W are more than the limit
    assert rig.commands(since_s, on=True) == []


def test_a_repeated_on_may_be_in_no_reading_from_before_its_last_repeat() -> None:
    """R2: settle runs from the command that it may have obeyed."""
    # given a relay that hears only the third command, and says nothing
    house = a_house(
        [a_load("a", 4000.0, **FREE), a_load("b", 4000.0, **FREE)],
        a_circuit(limit_w=6000.0),
    )
    rig = Rig(house, relays={"a": FakeRelay(lose=3, mute=True)})
    rig.run(40.0)
    rig.request("a")
    rig.run(1.0)
    rig.request("b")
    rig.run(30.0)
    # then the other never finds room that is not there
    assert rig.over["main"].total_s == 0.0


def test_a_tick_does_not_take_a_load_off_whose_on_is_on_its_way() -> None:
    """R6, R8: its min_on has not even begun."""
    house = a_house(2, a_circuit(steps=(1, 0)), load_options={"min_off_s": 0.0, "min_on_s": 60.0})
    rig = Rig(house, requested=["a", "b"])
    rig.run(300.0)
    rig.rotate()
    rig.run_while(lambda: len(rig.commands(on=True)) < 2, 10.0)
    (first, second) = rig.commands(on=True)
    assert (first.load, second.load) == ("a", "b")
    # when ticks come before its relay has answered
    rig.after(0.0, rig.rotate)
    rig.run(0.01)
    rig.rotate()
    rig.run(0.5)
    # then it stays
    assert rig.on() == {"b"}
    assert len(rig.commands()) == 3


def test_blindness_leaves_nothing_on_that_was_not_running() -> None:
    """R13: the fallback is for running loads; an unconfirmed ON is taken back."""
    house = a_house(1, a_circuit(fallback_active=1, stale_after_s=15.0), load_options=FREE)
    rig = Rig(house)
    rig.run(40.0)
    rig.meter().silent = True
    rig.run(14.0)
    rig.relays["a"].lose = 1
    rig.request("a")
    rig.run(1.5)
    assert rig.noted(NoteKind.BLIND)
    assert [each.on for each in rig.commands(load="a")] == [True, False]


def test_a_lower_cap_counts_a_load_that_is_stuck_on() -> None:
    """R4, R11: from fault on it counts as on for power and cap."""
    house = a_house(4, a_circuit(steps=(4, 3, 2, 0)), load_options=FREE)
    rig = Rig(house, requested=True)
    rig.run(60.0)
    assert len(rig.on()) == 4
    rig.relays["a"].stuck = True
    rig.request("a", False)
    rig.run(30.0)
    assert rig.snapshot().loads["a"].reason == "fault"
    rig.mode(1)
    rig.run(10.0)
    assert len(rig.on()) == 3


def allowed(power_w: float) -> Rig:
    """Return two loads that are on, and as much as another program allows them."""
    available = Meter(name="available", stale_after_s=1e6, min_w=-1e5, max_w=1e5)
    house = a_house(
        2,
        a_circuit(estimation=Estimation.EXTERNAL, meter=None, available=available),
        load_options=FREE,
    )
    rig = Rig(house, requested=True)
    rig.read("available", power_w)
    rig.run(10.0)
    assert rig.on() == {"a", "b"}
    return rig


def test_a_stuck_load_counts_against_what_another_program_allows() -> None:
    """R1, R11: it is on, whether we want it or not."""
    rig = allowed(10 * A)
    rig.relays["a"].stuck = True
    rig.request("a", False)
    rig.run(30.0)
    # when less is allowed
    rig.read("available", 6 * A)
    rig.run(10.0)
    assert rig.on() == {"a"}


def test_a_relay_that_is_being_asked_relieves_no_budget() -> None:
    """R1, R9: what was not counted cannot be taken away."""
    washer = Meter(name="washer", stale_after_s=900.0, min_w=0.0, max_w=20 * A)
    house = a_house(
        [a_load("b", **FREE), a_load("a", **FREE)],
        a_circuit(
            estimation=Estimation.INDIVIDUAL,
            meter=None,
            non_heating_meters=(washer,),
            limit_w=20 * A,
        ),
    )
    rig = Rig(house, relays={"b": FakeRelay()})
    rig.read("washer", 0.0)
    rig.request("a")
    rig.run(10.0)
    assert rig.on() == {"a"}
    # given a reconnect after which nothing is known yet
    rig.disconnect()
    rig.run(1.0)
    for relay in rig.relays.values():
        relay.latencies_s = deque([0.0])
    rig.connected = True
    rig.connect()
    # when the appliance leaves room for nothing
    decision = rig.read("washer", 16 * A)
    # then the one that is on goes in the same step
    assert SwitchRelay("a", False) in decision.commands


def test_another_program_allows_no_more_than_the_limit() -> None:
    """R1, I05: a limit of 0 is a limit."""
    rig = allowed(100 * A)
    rig.limit(0.0)
    rig.run(10.0)
    assert rig.on() == set()
    rig.rotate()
    rig.run(100.0)
    assert rig.on() == set()


def test_an_overload_ends_with_a_reading_not_on_paper() -> None:
    """I12: what goes off while a circuit is over its limit makes no room before it is seen."""
    # given a slow meter, a shed, and three requests that end before its next reading
    loads = [a_load(name, 1000.0, **FREE) for name in "abcd"]
    house = a_house([*loads, a_load("e", 1800.0, **FREE)], a_circuit(limit_w=6000.0))
    rig = Rig(house, requested=["a", "b", "c", "d"], period_s=10.0, base_w=500.0)
    rig.run(60.0)
    assert len(rig.on()) == 4
    rig.base_w["main"] = 2500.0
    rig.run_while(lambda: len(rig.on()) == 4, 11.0)
    since_s = rig.now_s
    for zone in rig.on():
        rig.request(zone, False)
    rig.request("e")
    rig.run(5.0)
    assert rig.commands(since_s, on=True) == []
