"""Control figures: seven heaters, real base load, ten winters, every breaker profile at once.

Run ``python tests/bench/control.py`` (``--help`` for less). Nothing trips in the house itself:
every profile's breaker is watched beside it, so one run judges them all. A winter is a seed: it
draws rooms, heaters, thermostats, mains voltage, breakers, lags and the day of the trace at which
it starts.
"""

import argparse
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

from balancer.config.load import read_setup
from balancer.config.setup import Setup
from balancer.sim.breakers import PROFILES
from balancer.sim.drive import EVERY_SECOND, ON_CHANGE
from balancer.sim.figures import Figures
from balancer.sim.strategies import Case, Contest
from balancer.sim.traces import shipped_trace, shipped_weather

HEATERS_W = {
    "equal": (1286, 1286, 1286, 1286, 1286, 1286, 1286),
    "mixed": (1500, 1000, 2000, 1000, 750, 1500, 1250),
}
LIMITS_W = (6000, 9000)


@dataclass(frozen=True, kw_only=True)
class Winter:
    """One run."""

    seed: int
    limit_w: int
    heaters: str
    days: float
    on_change: bool
    saturated: bool
    circuit: str = ""
    load: str = ""
    rotation: str = ""


@dataclass(frozen=True)
class Result:
    """What came of it; trips are (all, avoidable) by profile."""

    winter: Winter
    figures: dict[str, Figures]
    trips: dict[str, tuple[int, int]]
    took_s: float
    violations: tuple[str, ...]


def house(winter: Winter) -> Setup:
    """Return the house as it would be configured."""
    lines = [
        "[rotation]",
        winter.rotation,
        "[circuits.main]",
        f"limit = {winter.limit_w}",
        'meter = { type = "mqtt", topic = "meter/main", stale_after = "15 s" }',
        winter.circuit,
    ]
    for number, watts in enumerate(HEATERS_W[winter.heaters], start=1):
        topic = f"relay/{number}"
        lines += [
            f"[zones.room{number}]",
            f"[loads.heater{number}]",
            f'zone = "room{number}"',
            'circuit = "main"',
            f"power = {watts}",
            f'relay = {{ type = "mqtt", command_topic = "{topic}/set", state_topic = "{topic}" }}',
            winter.load,
        ]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_text("\n".join(lines))
        return read_setup(path, environ={})


def live(winter: Winter, names: tuple[str, ...]) -> Result:
    """Simulate one winter."""
    began_s = time.process_time()
    case = Case(
        setup=house(winter),
        trace=shipped_trace(),
        weather=shipped_weather(),
        seed=winter.seed,
        days=winter.days,
        lags=ON_CHANGE if winter.on_change else EVERY_SECOND,
        breaker="quarter_hour",
        watched=PROFILES,
        first_day=(winter.seed * 3) % 14,
        oversize=0.4 if winter.saturated else None,
    )
    contest = Contest(case, names)
    contest.run()
    watched = contest.houses["balancer"].watched["main"]
    return Result(
        winter,
        contest.figures(),
        {
            profile: (len(each.trips), sum(trip.avoidable for trip in each.trips))
            for profile, each in zip(PROFILES, watched, strict=True)
        },
        time.process_time() - began_s,
        tuple(contest.referees["balancer"].violations[:5]),
    )


def row(results: list[Result]) -> dict[str, Any]:
    """Return a line of the table: the mean or the worst of all winters."""
    own = [each.figures["balancer"] for each in results]
    days = results[0].winter.days
    unfair = [each.unfairness_points for each in own if each.unfairness_points is not None]
    found: dict[str, Any] = {
        "heat %": round(100.0 * sum(each.heat_kwh for each in own)
                        / sum(each.figures["bound"].heat_kwh for each in results), 2),
        "worst": round(100.0 * min(each.heat_share or 0.0 for each in own), 2),
        "over min/d": round(mean(each.minutes_over_limit for each in own) / days, 2),
        "worst ": round(max(each.minutes_over_limit for each in own) / days, 2),
        "longest s": round(max(each.longest_over_limit_s for each in own), 1),
        "unfair": round(max(unfair, default=0.0), 1),
        "bound's": round(
            max((each.figures["bound"].unfairness_points or 0.0) for each in results), 1
        ),
        "switch/d": round(mean(each.switchings_per_load_day for each in own), 1),
        "violations": sum(each.violations or 0 for each in own),
    }  # fmt: skip
    if "seed" in results[0].figures:
        seeds = mean(each.figures["seed"].switchings_per_load_day for each in results)
        found["vs seed %"] = round(100.0 * (found["switch/d"] / seeds - 1.0))
    found["trips"] = {
        profile: f"{sum(each.trips[profile][0] for each in results)}"
        f"({sum(each.trips[profile][1] for each in results)})"
        for profile in PROFILES
        if any(each.trips[profile][0] for each in results)
    }
    found["cpu s/d"] = round(mean(each.took_s for each in results) / days, 1)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--days", type=float, default=14.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limits", default=",".join(map(str, LIMITS_W)))
    parser.add_argument("--heaters", default=",".join(HEATERS_W))
    parser.add_argument("--on-change", action="store_true", help="a meter that speaks on change")
    parser.add_argument("--saturated", action="store_true", help="all ask for heat all day")
    parser.add_argument("--with-seed", action="store_true", help="compare switchings, too")
    parser.add_argument("--circuit", default="", help="further line of the circuit's table")
    parser.add_argument("--load", default="", help="further line of each load's table")
    parser.add_argument("--rotation", default="", help="further line of the rotation's table")
    options = parser.parse_args()
    names = ("balancer", "seed") if options.with_seed else ("balancer",)
    base = Winter(
        seed=1,
        limit_w=6000,
        heaters="equal",
        days=options.days,
        on_change=options.on_change,
        saturated=options.saturated,
        circuit=options.circuit,
        load=options.load,
        rotation=options.rotation,
    )
    cases = [
        (int(limit), heaters)
        for limit in options.limits.split(",")
        for heaters in options.heaters.split(",")
    ]
    winters = [
        replace(base, seed=seed, limit_w=limit, heaters=heaters)
        for limit, heaters in cases
        for seed in range(1, options.seeds + 1)
    ]
    with ProcessPoolExecutor(options.jobs) as pool:
        results = pool.map(partial(live, names=names), winters)
        for limit, heaters in cases:
            found = [next(results) for _ in range(options.seeds)]
            print(f"{limit} W, {heaters}: {json.dumps(row(found))}", flush=True)
            for each in found:
                for line in each.violations:
                    print(f"  seed {each.winter.seed}: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
