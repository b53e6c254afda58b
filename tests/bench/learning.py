"""What learning brings (R14): the same winters with and without it.

    python tests/bench/learning.py --json learning.json

Heaters draw 80 to 120 % of what their labels say, follow the mains voltage and have thermostats
of their own. Without learning a load counts as its label when it is admitted and as its label
divided by ``safe_ratio`` while it runs, and nobody knows that one is idle.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from balancer.core import learn
from balancer.sim.contest.figures import Figures
from balancer.sim.home.breakers import PROFILES
from tests.bench.control import HEATERS_W, LIMITS_W, Winter, contest, workers
from tests.bench.stand import bench_parser, conclude

VARIANTS = {  # whether it learns, and what is done with power that idle heaters leave
    "labels only": (False, "reserve"),
    "learns": (True, "reserve"),
    "learns, idle = use": (True, "use"),
}


@dataclass(frozen=True)
class Lived:
    """What came of one winter."""

    figures: Figures
    bound_kwh: float
    sheds: int
    trips: int


def live(job: tuple[Winter, str]) -> Lived:
    """Simulate one winter in one of the variants."""
    winter, variant = job
    learns, idle = VARIANTS[variant]
    run = contest(replace(winter, circuit=f'idle = "{idle}"'), ("balancer",))
    if learns:
        run.run()
    else:
        with patch.object(learn, "keep", _nothing), patch.object(learn, "with_step", _nothing):
            run.run()
    figures = run.figures()
    counts = run.controllers["balancer"].engine.counts
    watched = dict(zip(PROFILES, run.houses["balancer"].watched["main"], strict=True))
    return Lived(
        figures["balancer"],
        figures["bound"].heat_kwh,
        sum(number for (_, cause), number in counts.sheds.items() if cause == "overload"),
        len(watched["instant"].trips),
    )


def _nothing(*_args: object, **_kwargs: object) -> None:
    """Learn nothing."""


def row(winter: Winter, variant: str, lived: Sequence[Lived]) -> dict[str, Any]:
    """Return a line of the table."""
    days = winter.days * len(lived)
    heat, bound = (
        sum(each.figures.heat_kwh for each in lived),
        sum(each.bound_kwh for each in lived),
    )
    unfair = (each.figures.unfairness_points for each in lived)
    return {
        "house": f"{winter.limit_w / 1000:g} kVA, {winter.heaters}",
        "variant": variant,
        "heat %": round(100.0 * heat / bound, 1),
        "over min/d": round(sum(each.figures.minutes_over_limit for each in lived) / days, 2),
        "longest s": round(max(each.figures.longest_over_limit_s for each in lived), 1),
        "sheds/d": round(sum(each.sheds for each in lived) / days, 1),
        "over 1 s/d": round(sum(each.trips for each in lived) / days, 1),
        "unfair": round(max((each for each in unfair if each is not None), default=0.0), 1),
        "moves/d": round(mean(each.figures.switchings_per_load_day for each in lived)),
    }


def rows(winters: Sequence[Winter], jobs: int) -> Iterator[dict[str, Any]]:
    """Yield the table, each house with every variant."""
    runs = [(winter, variant) for winter in winters for variant in VARIANTS]
    with workers(jobs) as each_of:
        found = dict(zip(runs, each_of(live, runs), strict=True))
    houses = dict.fromkeys(replace(winter, seed=0) for winter in winters)
    for house in houses:
        for variant in VARIANTS:
            own = [found[each, variant] for each in winters if replace(each, seed=0) == house]
            yield row(house, variant, own)


def main() -> None:
    """Print the table."""
    parser = bench_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--days", type=float, default=5.0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--every-second", action="store_true", help="a meter that always speaks")
    asked = parser.parse_args()
    winters = [
        Winter(
            seed=seed,
            limit_w=limit_w,
            heaters=heaters,
            days=asked.days,
            on_change=not asked.every_second,
            saturated=False,
        )
        for limit_w in LIMITS_W
        for heaters in HEATERS_W
        for seed in range(1, asked.seeds + 1)
    ]
    table = list(rows(winters, asked.jobs))
    conclude("learning", table, ("house", "variant"), asked)


if __name__ == "__main__":
    main()
