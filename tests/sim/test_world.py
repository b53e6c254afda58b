"""The virtual world is a function of its seed, and the balancer in it does not look at the wall."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from balancer.engine import Engine
from balancer.sim import scenarios
from balancer.sim.faults import FAULTS
from balancer.sim.world import World
from balancer.wire import Message

HOUR_S = 3600.0


def _commands(world: World) -> list[tuple[float, str, bytes]]:
    """Return a list that fills with every relay command and its time."""
    sent: list[tuple[float, str, bytes]] = []

    def note(message: Message, command: bool) -> None:
        if command:
            sent.append((round(world.clock.now_s, 6), message.topic, message.payload))

    world.process.on_send.append(note)
    return sent


def _begin(world: World, id_: str) -> None:
    FAULTS[id_].begin(world, world.random)


def _under_faults(seed: int) -> World:
    world = World(scenarios.SEED, seed=seed)
    for at_s, id_ in ((300.0, "F27"), (900.0, "F43"), (1200.0, "F75"), (2000.0, "F19")):
        world.at(at_s, partial(_begin, id_=id_))
    world.run_until(HOUR_S)
    return world


def test_the_same_seed_puts_the_same_bytes_on_the_wire() -> None:
    """I20."""
    one, other = _under_faults(7), _under_faults(7)
    assert one.digest == other.digest
    assert one.messages == other.messages > 1000
    assert one.commands > 10
    assert set(one.troubles.begun) == {"F27", "F43", "F75", "F19"}


def test_another_seed_is_another_evening() -> None:
    assert _under_faults(7).digest != _under_faults(8).digest


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S, 10 * 365 * 86_400.0, -86_400.0])
def test_a_wall_clock_that_jumps_changes_no_command(jump_s: float) -> None:
    """I19: between two ticks of the rotation; ticks themselves follow the wall."""

    def run(act: Callable[[World], None]) -> list[tuple[float, str, bytes]]:
        world = World(scenarios.FLAT, seed=3)
        sent = _commands(world)
        world.at(630.0, act)
        world.at(1100.0, lambda w: w.plug("main", 3500.0, for_s=20.0))
        world.run_until(1199.0)
        assert world.findings.violations == []
        return [each for each in sent if each[0] > 630.0]

    steady = run(lambda _world: None)
    moved = run(lambda world: world.clock.jump_wall(jump_s))
    assert len(steady) >= 2
    assert moved == steady


def test_kettle_and_oven_at_dinner_never_trip_the_breaker() -> None:
    # given a flat at dinner time, with radio trouble
    world = World(scenarios.FLAT, seed=7)
    world.at(1800.0, lambda w: w.plug("main", 2900.0, for_s=2700.0))
    world.at(2100.0, lambda w: w.plug("main", 2200.0, for_s=180.0))
    world.at(2000.0, lambda w: FAULTS["F35"].begin(w, w.random, for_s=1800.0))
    # when two hours pass
    world.run_until(2 * HOUR_S)
    # then
    assert world.house.trips == []
    assert world.findings.violations == []
    assert world.house.supplies["main"].longest_over_s < 10.0


def test_after_a_kill_the_balancer_goes_on_where_it_was() -> None:
    """R15, L03: no relay moves, shares and switch times are as before."""
    # given a house that has run for two hours and is at rest
    world = World(scenarios.PILOT, seed=5)
    world.run_until(2 * HOUR_S + 60.0)
    assert world.witness.status is not None
    before = world.witness.status
    on = {load: world.house.heating(load) for load in before["loads"]}
    # when the balancer is killed and started again within seconds
    world.process.kill()
    world.run_until(2 * HOUR_S + 63.0)
    world.process.start()
    world.run_until(2 * HOUR_S + 66.0)
    # then
    after = world.witness.status
    assert after is not before
    assert {load: world.house.heating(load) for load in before["loads"]} == on
    for load, seen in after["loads"].items():
        assert seen["share"] == pytest.approx(before["loads"][load]["share"], abs=0.01)
        assert seen["switches"] == before["loads"][load]["switches"]
    assert after["sequence"] > before["sequence"]


def test_a_failure_of_the_engine_says_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given an engine that fails at its first reading
    def fail(*_args: object) -> None:
        raise RuntimeError("broken")

    world = World(scenarios.FLAT, seed=11)
    world.run_until(5.0)
    monkeypatch.setattr(Engine, "receive", fail)
    # when it runs on, then the error carries what has to be known to see it again
    with pytest.raises(RuntimeError) as caught:
        world.run_until(10.0)
    assert re.search(r"at \d+\.\d+ s in the house flat with seed 11", caught.value.__notes__[0])


def test_plugs_that_boot_switched_on_before_their_bridge_are_found_and_switched_off() -> None:
    """R15, F24: the bridge says what it remembers, and that is that they were off."""
    # given a house that nobody heats, whose breaker trips
    world = World(replace(scenarios.FLAT, power_on="on"), seed=2)
    for zone in world.setup.house.zones:
        world.people.hold(zone, wanted=False)
    world.house.rearm_after(60.0)
    world.at(1000.0, lambda w: w.plug("main", 30_000.0, for_s=30.0))
    world.run_until(1050.0)
    assert not world.process.running
    # when the power is back, every plug switches its heater on
    world.run_until(1075.0)
    assert all(world.house.heating(load) for load in world.setup.house.loads)
    # then the balancer, which starts later, switches off all of them
    world.run_until(1200.0)
    assert not any(world.house.heating(load) for load in world.setup.house.loads)


def test_a_blackout_takes_the_balancer_along_and_brings_it_back() -> None:
    """F24: cold start; everything off first, then staged, no second trip."""
    # given a house whose main breaker is overloaded by other things
    world = World(scenarios.FLAT, seed=2)
    world.house.rearm_after(60.0)
    world.at(1000.0, lambda w: w.plug("main", 30_000.0, for_s=30.0))
    world.run_until(1050.0)
    assert [trip.circuit for trip in world.house.trips] == ["main"]
    assert not world.process.running
    # when somebody closes it again
    world.run_until(2400.0)
    # then the balancer is back, heats, and there was no second trip
    assert world.process.running
    assert len(world.house.trips) == 1
    assert not world.oracle.verdicts[0].avoidable
    assert any(world.house.heating(load) for load in world.setup.house.loads)
    assert world.findings.violations == []
