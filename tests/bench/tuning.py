"""What the defaults of the controller are chosen from: each alone, moved around its value.

    python tests/bench/tuning.py --json tuning.json
    python tests/bench/tuning.py --keys hysteresis min_on --seeds 10

Seven mixed heaters that draw 80 to 120 % of their labels on 6 kVA, the hardest of the control
figures' houses, with a meter that speaks when something changes. A row with ``*`` is the default.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.control import Result, Winter, live, workers
from tests.bench.stand import bench_parser, conclude


@dataclass(frozen=True)
class Key:
    """A key of config.toml and the values that are tried.

    Attributes:
        table: Which table of the house it belongs to: a field of ``Winter``.
        values: As in the file, the default among them.
    """

    table: str
    values: tuple[str, ...]
    default: str


KEYS = {
    "safe_ratio": Key("circuit", ("1.0", "1.15", "1.3", "1.5"), "1.3"),
    "hysteresis": Key("circuit", ("1.0", "1.1", "1.3", "1.6"), "1.1"),
    "restore_delay": Key("circuit", ("5", "15", "30", "60", "120"), "30"),
    "settle": Key("circuit", ("1", "2", "3", "5", "10"), "3"),
    "every": Key("rotation", ("*/3", "*/5", "*/10", "*/15", "*/30"), "*/10"),
    "min_on": Key("load", ("0", "120", "300", "600"), "300"),
    "min_off": Key("load", ("0", "60", "120", "300"), "120"),
}
PROFILE = "worst_norm"


def line(key: str, value: str) -> str:
    """Return the line of config.toml."""
    return f'{key} = "{value} * * * *"' if key == "every" else f"{key} = {value}"


def row(key: str, value: str, results: Sequence[Result]) -> dict[str, Any]:
    """Return a line of the table."""
    own = [each.figures["balancer"] for each in results]
    days = results[0].winter.days * len(results)
    heat, bound = (
        sum(each.figures[name].heat_kwh for each in results) for name in ("balancer", "bound")
    )
    unfair = (each.unfairness_points for each in own)
    trips = [each.trips["balancer"][PROFILE] for each in results]
    return {
        "key": key,
        "value": f"{value}{'*' if value == KEYS[key].default else ''}",
        "heat %": round(100.0 * heat / bound, 2),
        "over min/d": round(sum(each.minutes_over_limit for each in own) / days, 2),
        "longest s": round(max(each.longest_over_limit_s for each in own), 1),
        "unfair": round(max((each for each in unfair if each is not None), default=0.0), 1),
        "moves/d": round(mean(each.switchings_per_load_day for each in own), 1),
        PROFILE: f"{sum(each for each, _ in trips)} ({sum(each for _, each in trips)})",
    }


def changed(base: Winter, key: str, value: str) -> Winter:
    """Return the house with another setting; with its default, the house itself."""
    change: dict[str, Any] = {KEYS[key].table: line(key, value)}
    return base if value == KEYS[key].default else replace(base, **change)


def rows(base: Winter, keys: Sequence[str], seeds: int, jobs: int) -> Iterator[dict[str, Any]]:
    """Yield the table; the house with all defaults is simulated once."""
    points = [(key, value) for key in keys for value in KEYS[key].values]
    houses = {(key, value): changed(base, key, value) for key, value in points}
    runs = [
        replace(house, seed=seed)
        for house in dict.fromkeys(houses.values())
        for seed in range(1, seeds + 1)
    ]
    with workers(jobs) as each_of:
        found: dict[Winter, list[Result]] = {}
        for done, result in enumerate(each_of(live, [(run, ("balancer",)) for run in runs]), 1):
            found.setdefault(replace(result.winter, seed=0), []).append(result)
            print(f"\r{done} of {len(runs)} runs ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for (key, value), house in houses.items():
        yield row(key, value, found[replace(house, seed=0)])


def main() -> None:
    """Print the table."""
    parser = bench_parser(__doc__)
    parser.add_argument("--keys", nargs="+", default=list(KEYS), choices=KEYS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--days", type=float, default=3.0)
    parser.add_argument("--limit", type=int, default=6000, help="in watts")
    parser.add_argument("--heaters", default="mixed")
    parser.add_argument("--every-second", action="store_true", help="a meter that always speaks")
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    base = Winter(
        seed=0,
        limit_w=asked.limit,
        heaters=asked.heaters,
        days=asked.days,
        on_change=not asked.every_second,
        saturated=False,
    )
    table = list(rows(base, asked.keys, asked.seeds, asked.jobs))
    conclude("tuning", table, ("key", "value"), asked)


if __name__ == "__main__":
    main()
