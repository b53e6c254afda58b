"""Whose fault a trip was: judged by readings, lags and relays, from outside."""

import pytest

from balancer.core import quiet, shed
from balancer.sim import scenarios
from balancer.sim.faults import FAULTS
from balancer.sim.world import World


def _overloaded(watts: float = 3500.0) -> World:
    """Return a world that has tripped after something was switched on at 1000 s."""
    world = World(scenarios.FLAT, seed=4, ups=True)
    for zone in world.setup.house.zones:
        world.people.hold(zone, True)
    world.at(1000.0, lambda w: w.plug("main", watts))
    return world


def _trip(world: World) -> None:
    at_s = 1000.0
    while not world.oracle.verdicts and at_s < 2000.0:
        at_s += 10.0
        world.run_until(at_s)
    assert world.oracle.verdicts


def test_a_trip_of_a_balancer_that_does_not_shed_was_avoidable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given a balancer that sheds nothing
    monkeypatch.setattr(shed, "shed", lambda *_args: False)
    monkeypatch.setattr(quiet, "quiet", lambda *_args: None)
    # when the kettle and the oven are on
    world = _overloaded()
    _trip(world)
    # then it was its fault
    assert world.oracle.verdicts[0].avoidable


def test_what_other_things_do_alone_is_nobodys_fault() -> None:
    world = _overloaded(40_000.0)
    _trip(world)
    assert not world.oracle.verdicts[0].avoidable


def test_a_balancer_that_was_down_is_excused() -> None:
    # given a balancer that is killed before the overload and comes back after the trip
    world = _overloaded(9000.0)
    world.at(990.0, lambda w: w.process.kill())
    _trip(world)
    # then
    assert not world.oracle.verdicts[0].avoidable


def test_a_balancer_whose_meter_lies_is_excused() -> None:
    world = _overloaded(9000.0)
    world.at(900.0, lambda w: FAULTS["F03"].begin(w, w.random, for_s=1000.0))
    _trip(world)
    assert not world.oracle.verdicts[0].avoidable
    assert "meter" in world.oracle.verdicts[0].why or "policy" in world.oracle.verdicts[0].why
