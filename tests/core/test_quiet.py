"""The short path for readings that change nothing decides as the full step does."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from balancer.core.events import Event
from balancer.core.model import Circuit, Estimation, House
from balancer.core.state import INFINITY, State, copied
from balancer.core.step import Decision, step
from tests.core.depth import few
from tests.core.driver import Turn, drive
from tests.core.fakes import FakeRelay
from tests.core.house import FREE, a_circuit, a_house, a_load, a_meter
from tests.core.rig import Rig
from tests.strategies import Life, houses, lives


def a_hall(**told: Any) -> Circuit:
    """Return a circuit below the main one, of which another program tells."""
    return a_circuit(
        "hall", limit_w=3000.0, parent="main", estimation=Estimation.EXTERNAL, meter=None, **told
    )


class Shadow:
    """Hears what a rig's controller hears, and never takes the short path."""

    def __init__(self, rig: Rig) -> None:
        self.house = rig.house
        self.state = rig.state
        self.short = 0
        rig.watch.append(self.follow)

    def follow(self, event: Event, before: State, decision: Decision) -> None:
        """Take the full step; what is decided, and when a load went on or off, is the same."""
        state = copied(self.state)
        state.calm = None
        full = step(self.house, state, event)
        self.state = full.state
        self.short += decision.state.calm is before.calm and before.calm is not None
        assert full.commands == decision.commands, event
        assert full.decided == decision.decided, event
        assert full.notes == decision.notes, event
        assert full.deadline_s > event.at_s
        for name, mine in decision.state.circuits.items():
            its = full.state.circuits[name]
            assert abs(mine.usable_w - its.usable_w) < 1e-3 or mine.usable_w == its.usable_w, event
            assert mine.window == its.window or len(mine.window) == len(its.window), event
            assert mine.spike_w == its.spike_w, event
        for load, ls in decision.state.loads.items():
            assert ls.too_big is full.state.loads[load].too_big, (event, load)


def changed(house: House, metered: frozenset[str], told: frozenset[str]) -> House:
    """Return the house with own meters on some loads; others say what some circuits have."""
    loads = {
        name: replace(load, meter=a_meter(f"loads.{name}.meter", 10 * house.rated_w[name], 900.0))
        if name in metered
        else load
        for name, load in house.loads.items()
    }
    circuits = {
        name: replace(
            circuit,
            estimation=Estimation.EXTERNAL,
            meter=None,
            available=a_meter(f"circuits.{name}.available", circuit.limit_w, 120.0),
        )
        if name in told
        else circuit
        for name, circuit in house.circuits.items()
    }
    return House(
        name=house.name,
        circuits=circuits,
        zones=house.zones,
        loads=loads,
        order=house.order,
        hold_off_s=house.hold_off_s,
    )


@given(house=houses(only_global=True, only_honest=True), data=st.data())
@settings(few, phases=[Phase.reuse, Phase.generate])  # a day is long; shrinking takes minutes
def test_the_short_path_decides_as_the_full_step(house: House, data: st.DataObject) -> None:
    """Commands, decisions and notes of a random day are the same, event by event."""
    # given a house, some loads with meters of their own, heaters with thermostats of their own,
    # and perhaps a program that says what a circuit has
    draw = data.draw
    loads = sorted(house.loads)
    circuits, zones = sorted(house.circuits), sorted(house.zones)
    told = draw(st.frozensets(st.sampled_from(circuits), max_size=1))
    house = changed(house, draw(st.frozensets(st.sampled_from(loads), max_size=3)), told)
    relays = {name: FakeRelay(report_s=draw(st.sampled_from([0.0, 0.1]))) for name in loads}
    rig = Rig(house, relays=relays, requested=True)
    available_w = {name: draw(st.sampled_from([1000.0, 3000.0, 9000.0])) for name in told}
    for name in told:
        rig.add_meter(f"circuits.{name}.available", partial(available_w.__getitem__, name), 4.0)
    Shadow(rig)
    # when a random day passes, then (in the shadow) nothing differs
    kinds = ["base"] * 4 + ["wobble"] * 3 + ["idle"] * 3 + ["request", "request", "rotate"]
    kinds += ["told"] * len(told)
    for _ in range(15):
        match draw(st.sampled_from([*kinds, "boost", "limit", "away", "silent"])):
            case "base":
                rig.base_w[draw(st.sampled_from(circuits))] = draw(
                    st.sampled_from([0.0, 300.0, 1000.0, 2500.0, 6000.0])
                )
            case "told":
                available_w[min(told)] = draw(st.sampled_from([0.0, 800.0, 2500.0, 6000.0]))
            case "wobble":
                rig.base_w[draw(st.sampled_from(circuits))] += draw(st.floats(-50.0, 50.0))
            case "idle":
                name = draw(st.sampled_from(loads))
                part = draw(st.sampled_from([0.0, 0.0, 0.8, 1.0, 1.15]))
                rig.heater_w[name] = house.rated_w[name] * part
            case "request":
                rig.request(draw(st.sampled_from(zones)), draw(st.booleans()))
            case "rotate":
                rig.rotate()
            case "boost":
                rig.boost(draw(st.sampled_from(loads)), draw(st.sampled_from([0.0, 120.0])))
            case "limit":
                name = draw(st.sampled_from(circuits))
                rig.limit(house.circuits[name].limit_w * draw(st.sampled_from([0.5, 1.0])), name)
            case "away":
                rig.away(draw(st.booleans()))
            case _:
                meter = rig.meters[draw(st.sampled_from(sorted(rig.meters)))]
                meter.silent = not meter.silent
        rig.run(draw(st.sampled_from([0.3, 1.0, 5.0, 31.0, 130.0])))


def test_readings_that_change_nothing_take_the_short_path() -> None:
    """The common case: running heaters, one that waits for want of room, one that is idle."""
    house = a_house(
        [a_load("a", 2000.0, **FREE), a_load("b", 2000.0, **FREE), a_load("c", 2000.0, **FREE)],
        a_circuit(limit_w=6000.0),
    )
    rig = Rig(house, requested=True, base_w=500.0)
    shadow = Shadow(rig)
    rig.run(60.0)
    assert len(rig.on()) == 2
    short = shadow.short
    rig.run(100.0)
    assert shadow.short - short == 100


def test_readings_of_a_meter_beside_a_told_circuit_take_the_short_path() -> None:
    """What another program says holds until it says something else."""
    told = a_hall(available=a_meter("told", 3000.0, 120.0))
    loads = [a_load(name, 1000.0, "hall", **FREE) for name in "ab"]
    rig = Rig(a_house(loads, a_circuit(limit_w=6000.0), told), requested=True, base_w=500.0)
    rig.add_meter("told", lambda: 1500.0, 20.0)
    shadow = Shadow(rig)
    rig.run(105.0)
    assert len(rig.on()) == 1
    short = shadow.short
    rig.run(100.0)
    assert shadow.short - short == 100  # all but what the program said


@pytest.mark.parametrize("mode", [False, True], ids=["power", "mode only"])
def test_a_load_of_a_told_circuit_comes_on_at_the_reading_that_leaves_it_room(mode: bool) -> None:
    told = a_hall(
        available=None if mode else a_meter("told", 3000.0, 1200.0),
        steps=(2, 1, 0) if mode else None,
    )
    loads = [a_load("a", 1000.0, "hall", **FREE), a_load("b", 2000.0, **FREE)]
    rig = Rig(a_house(loads, a_circuit(limit_w=6000.0), told), base_w={"main": 3500.0})
    if not mode:
        rig.add_meter("told", lambda: 1500.0, 10.0)
    rig.run(30.0)
    rig.request("b")
    rig.run(30.0)
    rig.request("a")
    if not mode:
        rig.meters["told"].period_s = 1000.0  # what it said holds
    rig.run(30.0)
    assert rig.on() == {"b"}
    # when other things go off
    rig.base_w["main"] = 1500.0
    rig.run(60.0)
    # then it comes on
    assert rig.on() == {"a", "b"}


def test_who_is_too_big_is_told_by_the_reading_that_says_so() -> None:
    """R6: 5 kW fit alone beside 900 W, not beside 1.1 kW, of 6 kW."""
    rig = Rig(
        a_house(
            [a_load("a", 2000.0, **FREE), a_load("b", 5000.0, **FREE)], a_circuit("main", 6000.0)
        ),
        base_w=900.0,
    )
    rig.run(60.0)
    rig.request("a")
    rig.run(60.0)
    rig.request("b")
    rig.run(60.0)
    assert rig.on() == {"a"}
    for base_w, too_big in ((1100.0, True), (900.0, False)):
        rig.base_w["main"] = base_w
        rig.run(3.0)  # two readings
        assert rig.state.loads["b"].too_big is too_big


@given(lives())
@few
def test_what_an_event_does_not_touch_is_as_if_it_were_looked_at(life: Life) -> None:
    """R18: with nothing kept from before, every load comes out the same, in every house."""

    def look(turn: Turn) -> None:
        before = copied(turn.before)
        before.calm = before.known = None
        before.timers_s = -INFINITY
        full = step(life.house, before, turn.event)
        assert full.commands == turn.decision.commands, turn.event
        assert full.decided == turn.decision.decided, turn.event
        assert full.notes == turn.decision.notes, turn.event
        assert full.state.wanted == turn.decision.state.wanted, turn.event
        for name, ls in full.state.loads.items():
            mine = turn.decision.state.loads[name]
            assert replace(ls, due_s=0.0) == replace(mine, due_s=0.0), (turn.event, name)

    drive(life, look)
