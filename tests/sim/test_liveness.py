"""Who waits rightly: L01 misses nobody who waits for those who have had clearly less."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from balancer.sim.liveness import is_ahead
from balancer.sim.world import World
from tests.core.house import A, a_circuit, a_house, a_load


def as_seen(
    shares: Mapping[str, float | None], on: str, *, base_w: float = 20 * A, **other: Any
) -> World:
    """Return what a judge sees of a house of 30 A, with loads of 5 A of which some are on.

    Args:
        shares: By load, of the time that it contended.
        on: Their names, one letter each.
        base_w: What everything else takes.
        other: Options of the load b.
    """
    circuits = [a_circuit(), a_circuit("panel", parent="main"), a_circuit("garage")]
    loads = [a_load(name, **(other if name == "b" else {})) for name in shares]
    house = a_house(loads, *circuits)
    power_w = {
        circuit.name: base_w + 5 * A * sum(name in house.loads_of[circuit.name] for name in on)
        for circuit in circuits
    }
    return cast(
        "World",
        SimpleNamespace(
            setup=SimpleNamespace(house=house),
            house=SimpleNamespace(
                supplies={name: SimpleNamespace(power_w=each) for name, each in power_w.items()},
                shares=SimpleNamespace(share=shares.get),
                heating=lambda name: name in on,
                takes_w=lambda name: 0.8 * house.rated_w[name],
            ),
            witness=SimpleNamespace(
                wishes=SimpleNamespace(limit_w={each.name: each.limit_w for each in circuits})
            ),
        ),
    )


@pytest.mark.parametrize(
    ("world", "ahead"),
    [
        pytest.param(as_seen({"a": 0.6, "b": 0.4}, "b", base_w=24 * A), True, id="clearly"),
        pytest.param(as_seen({"a": 0.6, "b": 0.5}, "b", base_w=24 * A), False, id="hardly"),
        pytest.param(as_seen({"a": 0.6, "b": 0.4}, "b"), False, id="it would fit beside"),
        pytest.param(
            as_seen({"a": 0.6, "b": 0.4, "c": 0.7}, "bc"), False, id="one of them has had more"
        ),
        pytest.param(
            as_seen({"a": 0.6, "b": 0.4, "c": 0.7}, "b", base_w=24 * A), True, id="who had is off"
        ),
        pytest.param(
            as_seen({"a": None, "b": 0.0}, "b", base_w=24 * A), False, id="it never contended"
        ),
        pytest.param(
            as_seen({"a": 0.6, "b": None}, "b", base_w=24 * A), False, id="the other never did"
        ),
        pytest.param(
            as_seen({"a": 0.6, "b": 0.4}, "b", base_w=24 * A, priority=-1), False, id="it is lower"
        ),
        pytest.param(
            as_seen({"a": 0.6, "b": 0.4}, "b", base_w=24 * A, circuit="panel"),
            False,
            id="it is on a circuit of its own below",
        ),
        pytest.param(
            as_seen({"a": 0.6, "b": 0.7}, "b", base_w=27 * A, circuit="garage"),
            True,
            id="it is on another supply",
        ),
        pytest.param(
            as_seen({"a": 0.6, "b": 0.7}, "b", base_w=24 * A, turns=2), True, id="it has two turns"
        ),
    ],
)
def test_who_waits_for_those_who_have_had_less_is_not_missed(
    world: World,
    ahead: bool,
) -> None:
    """L01."""
    assert is_ahead(world, "a") is ahead
