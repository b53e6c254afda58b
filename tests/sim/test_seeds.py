"""Runs that once found a mistake in the controller, each with what it was; all are sound now."""

import pytest

from balancer.sim.scenarios import MADE_UP
from balancer.sim.trial import Job, run_job

SEEDS = (
    pytest.param(
        Job(house="flat", seed=5, hours=4.0, per_day=24.0),
        id="a waiting load came on at the reading that had just shed",
    ),
    pytest.param(
        Job(house="flat", seed=3, hours=4.0, per_day=24.0),
        id="a relay that was never on was credited when it went off",
    ),
    pytest.param(
        Job(house="flat", seed=33, hours=4.0, per_day=240.0),
        id="idle loads were shed, and their power given to others",
    ),
    pytest.param(
        Job(house="flat", seed=32, hours=4.0, per_day=240.0),
        id="a small excess exchanged one load for another at once",
    ),
    pytest.param(
        Job(house="seed", seed=33, hours=4.0, per_day=240.0),
        id="the last status at a stop did not know the last switching",
    ),
    pytest.param(
        Job(house="flat", seed=61, hours=4.0, per_day=120.0),
        id="another load's fall confirmed an OFF that was never heard",
    ),
    pytest.param(
        Job(house="seed", seed=74, hours=4.0, per_day=240.0),
        id="wishes were not answered after a slow reconnect",
    ),
    pytest.param(
        Job(
            house="pilot",
            seed=41_000_177,
            cadence="power_delta",
            first=("F64", "F43", "F01", "F34", "F02"),
        ),
        id="nobody made room for a relay that was dead and had answered since",
    ),
    pytest.param(
        Job(
            house="pilot",
            seed=61_000_469,
            cadence="on_change",
            trace="household:water_heater,electric_vehicle",
            first=("F68", "F50", "F55", "F34", "F56"),
        ),
        id="a heater that takes more than its label was shed whenever it went on, for ever",
    ),
    pytest.param(
        Job(
            house="pilot",
            seed=61_000_709,
            trace="household:water_heater,electric_vehicle",
            first=("F65", "F74", "F38", "F24", "F51"),
        ),
        id="a wish that was read after the line was given up was expected to be answered on it",
    ),
    pytest.param(
        Job(house="flat", seed=71_000_501, first=("F34", "F08", "F18", "F30", "F15")),
        id="what was learned of a heater that secretly draws nothing was no excuse",
    ),
    pytest.param(
        Job(house="seed", seed=81_000_424, first=("F11", "F51", "F34", "F44", "F35")),
        id="who had been served twice as long as the others was expected to be served again",
    ),
    pytest.param(
        Job(house="pilot", seed=81_000_859, first=("F63", "F04", "F02", "F68", "F24")),
        id="two steps below the label counted as five after a restart",
    ),
    pytest.param(
        Job(
            house="seed",
            seed=81_001_276,
            cadence="power_delta",
            first=("F39", "F13", "F69", "F04", "F67"),
        ),
        id="the meter was expected to show at once that somebody else switched a heater off",
    ),
    pytest.param(
        Job(
            house="pilot",
            seed=81_001_261,
            cadence="power_delta",
            trace="household:shower",
            first=("F09", "F58", "F24", "F07", "F54"),
        ),
        id="a server began to boot, and went on to when its house was dark again",
    ),
    pytest.param(
        Job(
            house="pilot",
            seed=1_000_105,
            cadence="on_change",
            first=("F14", "F46", "F50", "F36", "F79"),
        ),
        id="an OFF was credited with what its heater takes at 239 V, more than a fifth above rated",
    ),
    pytest.param(
        Job(house=MADE_UP, seed=4_242_012_804, first=("F54", "F33", "F48", "F05", "F51")),
        id="who was off before an outage stayed off in our eyes, though its own meter showed it on",
    ),
    pytest.param(
        Job(
            house=MADE_UP,
            seed=9_091_027_356,
            trace="household",
            first=("F03", "F37", "F01", "F31", "F50"),
        ),
        id="nine heaters were expected to take turns faster than on two places they can",
    ),
    pytest.param(
        Job(
            house=MADE_UP,
            seed=9_091_027_396,
            trace="household:water_heater",
            first=("F27", "F05", "F59", "F76", "F63"),
        ),
        id="one that takes more than its label went on and off again at each tick, never learned",
    ),
    pytest.param(
        Job(
            house=MADE_UP,
            seed=5_511_016_558,
            trace="household:shower",
            first=("F40", "F14", "F53", "F69", "F03"),
        ),
        id="a relay that had not gone on once was never tried again in a full house",
    ),
    pytest.param(
        Job(
            house=MADE_UP,
            seed=7_701_023_172,
            trace="household:electric_vehicle",
            first=("F07", "F27", "F24", "F64", "F13"),
        ),
        id="somebody's ON and OFF within a second looked like an old state, and min_off began before",
    ),
)


@pytest.mark.parametrize("job", SEEDS)
def test_it_is_sound(job: Job) -> None:
    # given the run that found it, when it runs again
    result = run_job(job)
    # then nothing is found
    assert (result.violations, result.avoidable) == ((), ())
