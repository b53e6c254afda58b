"""Made-up houses: another for every seed, each one that somebody could live in."""

from collections import Counter

import pytest

from balancer.core.model import Estimation
from balancer.sim.contest.figures import heat_kwh
from balancer.sim.home.traces import shipped_trace
from balancer.sim.made_up import made_up
from balancer.sim.world import World

SEEDS = range(200)


def test_a_house_is_a_function_of_its_seed() -> None:
    assert made_up(7) == made_up(7)
    assert len({str(made_up(seed).document) for seed in SEEDS}) == len(SEEDS)


def test_every_house_can_be_lived_in() -> None:
    """Each is a valid configuration in which every heater fits, alone and beside the fridge."""
    for seed in SEEDS:
        house = made_up(seed).setup().house
        for each in house.circuits.values():
            assert each.breaker.rating_w >= each.limit_w - 5.0, (seed, each.name)
        for load in house.loads.values():
            for circuit, watts in house.power_w[load.name].items():
                assert watts + 300.0 < house.circuits[circuit].limit_w, (seed, load.name)


def test_houses_differ_in_all_that_the_rules_speak_of() -> None:
    """Of two hundred, every kind stands in several."""
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        scenario = made_up(seed)
        setup = scenario.setup()
        house = setup.house
        traits = [load.relay for load in house.loads.values()]
        circuits = house.circuits.values()
        seen.update(
            {
                f"{len(circuits)} circuits",
                f"power_on {scenario.power_on}",
                f"keep {house.keep_on_exit}",
                *(f"estimation {each.estimation.value}" for each in circuits),
                *(f"unit {each.unit}" for each in circuits),
                *(f"profile {each.breaker.profile}" for each in circuits),
                *(f"steps {each.steps is not None}" for each in circuits),
                *(f"cadence {each}" for each in scenario.cadences.values()),
                *(f"confirms {each.confirms}" for each in traits),
                *(f"bridge {each.bridge}" for each in traits),
                *(f"lease {each.dead_man_s is not None}" for each in traits),
                *(f"inverted {each.inverted}" for each in setup.relays.values()),
                *(f"priority {each.priority}" for each in house.loads.values()),
                *(f"turns {min(each.turns, 2)}" for each in house.loads.values()),
                *(f"meter {each.meter is not None}" for each in house.loads.values()),
                *(f"over {len(each.power_w_by_circuit)}" for each in house.loads.values()),
                *(f"own switch {each.own_switch}" for each in house.zones.values()),
            }
        )
    expected = {
        *(f"estimation {each.value}" for each in Estimation),
        *(f"{number} circuits" for number in (1, 2, 3, 4)),
        *(f"unit {unit}" for unit in ("W", "A", "kW", "VA")),
        *(f"power_on {each}" for each in ("previous", "off", "on")),
        *(f"cadence {each}" for each in ("p1", "linky", "shelly", "power_delta", "on_change")),
        *(f"bridge {each}" for each in (None, "zigbee2mqtt")),
        *(f"priority {each}" for each in (-1, 0, 1)),
        *(f"turns {each}" for each in (1, 2)),
        *(f"over {each}" for each in (1, 3)),
        *(
            f"{what} {whether}"
            for what in ("keep", "steps", "confirms", "lease", "inverted", "meter", "own switch")
            for whether in (True, False)
        ),
    }
    assert {each for each in expected if seen[each] < 5} == set()


@pytest.mark.parametrize("seed", range(8))
def test_without_faults_its_rooms_get_heat_and_nothing_trips(seed: int) -> None:
    """Its meters are heard and its relays obey."""
    world = World(made_up(seed), seed=seed, trace=shipped_trace())
    world.run_until(1800.0)
    assert world.findings.violations == []
    assert world.house.trips == []
    assert heat_kwh(world.house) > 0.1
