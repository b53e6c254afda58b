"""Every fault of the catalogue that can be simulated begins, ends, and leaves nothing behind."""

from random import Random

import pytest

from balancer.sim import scenarios
from balancer.sim.faults import FAULTS, NOT_SIMULATED
from balancer.sim.world import World


def test_the_catalogue_is_complete() -> None:
    every = {f"F{number:02d}" for number in range(1, 85)}
    assert FAULTS.keys() | NOT_SIMULATED == every
    assert not FAULTS.keys() & NOT_SIMULATED


def _begin_somewhere(id_: str) -> World | None:
    """Return a world in which the fault has begun, one minute after its start."""
    for scenario in scenarios.ALL.values():
        world = World(scenario, seed=1, changes_s=30.0)
        world.run_until(60.0)
        if FAULTS[id_].begin(world, Random(1), for_s=20.0):
            return world
    return None


@pytest.mark.parametrize("id_", FAULTS)
def test_a_fault_begins_and_heals_and_the_house_is_as_before(id_: str) -> None:
    # given a house that the fault can befall
    world = _begin_somewhere(id_)
    assert world is not None, "no shipped house can have this fault"
    assert world.troubles.begun == {id_: 1}
    # when it has passed
    world.run_until(400.0)
    world.troubles.heal_all()
    world.run_until(460.0)
    # then nothing is left of it
    assert world.troubles.taken == set()
    assert world.troubles.healers == {}
    assert world.house.unsheddable == set()
    assert world.broker.up
    assert not world.broker.frozen
    assert not world.broker.refused_topics | world.broker.silent_topics
    assert world.process.running
    assert not world.process.paused
    assert world.process.link.healthy
    for device in world.devices.all:
        assert device.link.drop == device.link.duplicate == device.link.reorder == 0.0
    for meter in world.devices.meters.values():
        assert (meter.silent, meter.held_w, meter.distort, meter.raw) == (False, None, None, None)


def test_two_faults_do_not_befall_the_same_part() -> None:
    # given a house with one meter, which is silent
    world = World(scenarios.FLAT, seed=1)
    world.run_until(60.0)
    assert FAULTS["F01"].begin(world, Random(1), for_s=100.0)
    # when another fault looks for a meter, then there is none
    assert not FAULTS["F03"].begin(world, Random(1))
    # and when the first has healed, there is one
    world.run_until(200.0)
    assert FAULTS["F03"].begin(world, Random(1))
