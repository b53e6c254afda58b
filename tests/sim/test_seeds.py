"""Runs that once found a mistake in the controller, each with what it was; all are sound now."""

import pytest

from balancer.sim.trial import Job, run_job

SEEDS = (
    pytest.param("flat", 5, 24.0, id="a waiting load came on at the reading that had just shed"),
    pytest.param("flat", 3, 24.0, id="a relay that was never on was credited when it went off"),
    pytest.param("flat", 33, 240.0, id="idle loads were shed, and their power given to others"),
    pytest.param("flat", 32, 240.0, id="a small excess exchanged one load for another at once"),
    pytest.param("seed", 33, 240.0, id="the last status at a stop did not know the last switching"),
    pytest.param("flat", 61, 120.0, id="another load's fall confirmed an OFF that was never heard"),
    pytest.param("seed", 74, 240.0, id="wishes were not answered after a slow reconnect"),
)


@pytest.mark.parametrize(("house", "seed", "per_day"), SEEDS)
def test_it_is_sound(house: str, seed: int, per_day: float) -> None:
    # given the run that found it, when it runs again
    result = run_job(Job(house=house, seed=seed, hours=4.0, per_day=per_day))
    # then nothing is found
    assert (result.violations, result.avoidable, result.error) == ((), (), None)
