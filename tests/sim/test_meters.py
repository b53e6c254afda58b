"""Simulated meters keep the cadence of real ones, and the codecs read what they say."""

import json

import pytest

from balancer.sim.devices.document import put
from balancer.sim.devices.meters import CADENCES, Meter, Quantity
from balancer.sim.scenarios import ALL, Scenario
from balancer.sim.world import World
from tests.sim.wires import Bench


def _meter(bench: Bench, cadence: str, power_w: list[float]) -> Meter:
    quantity = Quantity("m", None, "W", 230.0, lambda: power_w[0])
    meter = Meter(
        "m", [quantity], bench.clock, bench.broker, bench.random, cadence=CADENCES[cadence]
    )
    meter.start()
    bench.run(0.5)
    return meter


@pytest.mark.parametrize(
    ("cadence", "least", "most"),
    [("p1", 58, 61), ("linky", 28, 41), ("slow", 5, 7), ("power_delta", 5, 7), ("shelly", 3, 5)],
)
def test_a_steady_power_is_told_as_often_as_the_family_does(
    cadence: str, least: int, most: int
) -> None:
    bench = Bench("m")
    _meter(bench, cadence, [1000.0])
    bench.run(60.0)
    assert least <= len(bench.ears.heard) <= most


def test_a_meter_that_tells_changes_tells_them_at_once() -> None:
    bench = Bench("m")
    power_w = [1000.0]
    _meter(bench, "shelly", power_w)
    bench.run(5.0)
    power_w[0] = 3000.0
    bench.run(1.6)
    assert bench.ears.on("m")[-1] == "3000"


def test_a_silent_a_held_and_a_distorted_meter_do_what_they_say() -> None:
    bench = Bench("m")
    power_w = [1000.0]
    meter = _meter(bench, "p1", power_w)
    bench.run(3.0)
    meter.held_w = {}
    bench.run(2.0)
    power_w[0] = 2000.0
    bench.run(3.0)
    assert set(bench.ears.on("m")) == {"1000"}
    meter.held_w = None
    meter.distort = lambda _name, watts: -watts
    bench.run(3.0)
    assert bench.ears.on("m")[-1] == "-2000"
    meter.silent = True
    bench.run(2.0)
    bench.ears.heard.clear()
    bench.run(30.0)
    assert bench.ears.heard == []


def test_values_stand_where_their_path_says() -> None:
    assert put({}, "ENERGY.Power[1]", 5) == {"ENERGY": {"Power": [None, 5]}}
    assert put({"ENERGY": {"Power": [1, None]}}, "ENERGY.Power[1]", 5) == {
        "ENERGY": {"Power": [1, 5]}
    }
    assert put({"a": 1}, "b.c", 2) == {"a": 1, "b": {"c": 2}}


@pytest.mark.parametrize("scenario", ALL.values(), ids=str)
def test_the_codecs_read_the_watts_that_the_meters_measured(scenario: Scenario) -> None:
    # given every meter of a house
    world = World(scenario, seed=1)
    for meter in world.devices.meters.values():
        names = [quantity.name for quantity in meter.quantities]
        payload = meter.payload({name: 1234.0 + 100.0 * n for n, name in enumerate(names)})
        # when its codec reads the payload, then it finds what was measured
        for number, name in enumerate(names):
            codec = world.setup.meters[name]
            assert codec.topic == meter.topic
            assert codec.decode(payload) == pytest.approx(1234.0 + 100.0 * number, abs=1.0)


@pytest.mark.parametrize("word", ["NaN", "1e999", '"NaN"'])
def test_a_word_can_stand_in_place_of_every_value(word: str) -> None:
    bench = Bench()
    quantities = [Quantity(name, f"ENERGY.{name}", "W", 230.0, float) for name in ("A", "B")]
    meter = Meter("m", quantities, bench.clock, bench.broker, bench.random, cadence=CADENCES["p1"])
    text = meter.token(word).decode()
    assert text.count(word) == 2
    assert json.loads(text.replace(word, "1")) == {"ENERGY": {"A": 1, "B": 1}}
