"""The overload that a house sheds in time (R19), by its breaker and its meter, and whether it does.

    python tests/bench/promise.py --json promise.json

The house of the control figures at its limit, all rooms cold. For each meter the engine measures
period, lag and relays as the service does; the table shows the largest overload, as a multiple of
the limit, that it promises to shed before a breaker of the profile may trip. Then appliances are
switched on that reach that overload, as far as heaters can make room for them, and the simulated
breakers are asked whether they held.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from balancer.core import breaker, observe
from balancer.core.model import Breaker
from balancer.sim.contest.drive import EVERY_SECOND, Lags
from balancer.sim.contest.strategies import Contest
from balancer.sim.home.breakers import PROFILES
from balancer.sim.home.traces import constant_trace
from tests.bench.control import Winter, contest, workers
from tests.bench.stand import bench_parser, conclude

METERS: Mapping[str, Lags] = {
    "P1, 1 s": replace(EVERY_SECOND, reading_s=(0.1, 0.5)),
    "Linky, 1.8 s": replace(EVERY_SECOND, period_s=1.8, reading_s=(0.2, 1.4)),
    "Tasmota, PowerDelta": Lags(step_w=50.0, heartbeat_s=10.0, reading_s=(0.1, 1.0)),
    "Zigbee, 10 s": replace(EVERY_SECOND, period_s=10.0, reading_s=(0.2, 1.0)),
}
IN_THE_HALL = {  # who may hang there when the configuration names the key
    "worst_norm": ("worst_norm", "fast_practical", "typical", "slow_norm", "B", "C", "D"),
    "fast_practical": ("fast_practical",),
    "typical": ("typical",),
    "B": ("B",),
    "C": ("C",),
    "linky": ("linky_pessimistic", "linky"),
    "linky_nominal": ("linky",),
    "enel": ("enel",),
    "es_smart": ("es_smart",),
    "gG": ("gG",),
    "instant": ("instant",),
}
BASE_W = 300.0
WARM_UP_S = 5400.0
EVERY_S = 1200.0
LASTS_S = 300.0
ROUNDS = 2
AS_FAR_AS = 0.98  # of what is promised


@dataclass(frozen=True)
class Kept:
    """What one house promised with one meter, and how that went.

    Attributes:
        reaction_s: From an overload to the last open relay, as the engine measured it at last.
        tried, broken: Overloads by profile, and those at which a breaker tripped.
    """

    reaction_s: float
    promised: Mapping[str, float]
    tried: Mapping[str, int]
    broken: Mapping[str, int]


def live(job: tuple[str, int, int]) -> Kept:
    """Let one house with one meter shed overloads."""
    meter, seed, limit_w = job
    run = _house(meter, seed, limit_w)
    drive, house = run.drives["balancer"], run.houses["balancer"]
    watched = dict(zip(PROFILES, house.watched["main"], strict=True))
    chance = Random(f"{meter}/{seed}")
    tried, broken = dict.fromkeys(IN_THE_HALL, 0), dict.fromkeys(IN_THE_HALL, 0)
    at_s = WARM_UP_S
    for _ in range(ROUNDS):
        for profile, real in IN_THE_HALL.items():
            drive.run_until(at_s + chance.uniform(0.0, 60.0))
            promised = _promise(run, profile, limit_w)
            wanted_w = AS_FAR_AS * promised * limit_w - house.power_w("main")
            spike_w = min(wanted_w, 0.95 * limit_w - BASE_W)
            if spike_w > 0.0 and promised < inf:
                before = [len(watched[each].trips) for each in real]
                house.plug("main", spike_w)
                drive._plan_sample(house.now_s)
                drive.run_until(house.now_s + LASTS_S)
                house.plug("main", -spike_w)
                drive._plan_sample(house.now_s)
                tried[profile] += 1
                broken[profile] += before != [len(watched[each].trips) for each in real]
            at_s += EVERY_S
    return Kept(
        _reaction_s(run),
        {profile: _promise(run, profile, limit_w) for profile in IN_THE_HALL},
        tried,
        broken,
    )


def _house(meter: str, seed: int, limit_w: int) -> Contest:
    """Return a house without other power whose meter is one of ``METERS``."""
    lags = METERS[meter]
    stale_s = 5.0 * max(lags.period_s, lags.heartbeat_s if lags.step_w >= 0.0 else 0.0)
    winter = Winter(
        seed=seed,
        limit_w=limit_w,
        heaters="mixed",
        days=1.0,
        on_change=False,
        saturated=True,
    )
    case = contest(winter, ("balancer",)).case
    house = case.setup.house
    circuit = house.circuits["main"]
    assert circuit.meter is not None
    patient = replace(circuit, meter=replace(circuit.meter, stale_after_s=max(15.0, stale_s)))
    setup = replace(case.setup, house=replace(house, circuits={"main": patient}))
    return Contest(
        replace(case, setup=setup, trace=constant_trace(BASE_W), lags=lags), ("balancer",)
    )


def _reaction_s(run: Contest) -> float:
    engine = run.controllers["balancer"].engine
    circuit = engine._house.circuits["main"]
    found = observe.reaction_s(engine._house, engine._state, circuit)
    assert found is not None
    return found


def _promise(run: Contest, profile: str, limit_w: float) -> float:
    assumed = Breaker(profile=profile, rating_w=limit_w)
    return breaker.survivable_overload(assumed, _reaction_s(run), limit_w)


def rows(seeds: int, limit_w: int, jobs: int) -> Iterator[dict[str, Any]]:
    """Yield the table: a line a profile, a column a meter."""
    runs = [(meter, seed, limit_w) for meter in METERS for seed in range(1, seeds + 1)]
    with workers(jobs) as each_of:
        found = dict(zip(runs, each_of(live, runs), strict=True))
    by_meter = {
        meter: [each for (name, _, _), each in found.items() if name == meter] for meter in METERS
    }
    yield (
        {"breaker": "reaction, s"}
        | {
            meter: round(max(each.reaction_s for each in kept), 1)
            for meter, kept in by_meter.items()
        }
        | {"overloads": "", "trips": ""}
    )
    for profile in IN_THE_HALL:
        yield (
            {"breaker": profile}
            | {
                meter: round(min(each.promised[profile] for each in kept), 2)
                for meter, kept in by_meter.items()
            }
            | {
                "overloads": sum(each.tried[profile] for each in found.values()),
                "trips": sum(each.broken[profile] for each in found.values()),
            }
        )


def main() -> None:
    """Print the table."""
    parser = bench_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=6000, help="in watts")
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    table = list(rows(asked.seeds, asked.limit, asked.jobs))
    conclude("promise", table, ("breaker",), asked)


if __name__ == "__main__":
    main()
