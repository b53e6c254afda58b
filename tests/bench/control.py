"""Control figures: seven heaters, real base load, ten winters, every breaker profile at once.

    python tests/bench/control.py --json control.json
    python tests/bench/control.py --seeds 3 --days 2 --compare control.json

Nothing trips in the house itself: every profile's breaker is watched beside it, so one run judges
them all. A winter is a seed: it draws rooms, heaters, thermostats, mains voltage, breakers, lags
and the day of the trace at which it starts. The balancer comes first, in every house, then who
it is compared with; Ctrl-C leaves the table of what was done.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from balancer.config.load import read_setup
from balancer.config.setup import Setup
from balancer.sim.contest.drive import EVERY_SECOND, ON_CHANGE
from balancer.sim.contest.figures import Figures
from balancer.sim.contest.strategies import NAMES, Case, Contest
from balancer.sim.home.breakers import PROFILES
from balancer.sim.home.traces import shipped_trace, shipped_weather
from tests.bench.stand import bench_parser, keep
from tests.bench.winters import show

HEATERS_W = {
    "equal": (1286, 1286, 1286, 1286, 1286, 1286, 1286),
    "mixed": (1500, 1000, 2000, 1000, 750, 1500, 1250),
}
LIMITS_W = (6000, 9000)
OTHERS = tuple(name for name in NAMES if name not in ("balancer", "bound"))


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
    """What came of it, by strategy; trips are (all, avoidable) by profile."""

    winter: Winter
    figures: dict[str, Figures]
    trips: dict[str, dict[str, tuple[int, int]]]
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


def contest(winter: Winter, names: Sequence[str]) -> Contest:
    """Return one winter before its first moment."""
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
    return Contest(case, names)


def live(job: tuple[Winter, tuple[str, ...]]) -> Result:
    """Simulate one winter with some strategies."""
    winter, names = job
    began_s = time.process_time()
    run = contest(winter, names)
    run.run()
    return Result(
        winter,
        run.figures(),
        {
            name: {
                profile: (len(each.trips), sum(trip.avoidable for trip in each.trips))
                for profile, each in zip(PROFILES, lived_in.watched["main"], strict=True)
            }
            for name, lived_in in run.houses.items()
        },
        time.process_time() - began_s,
        tuple(run.referees["balancer"].violations[:5]) if "balancer" in run.referees else (),
    )


def together(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return one document a winter, whatever strategies each result is of."""
    found: dict[Winter, dict[str, Any]] = {}
    for each in results:
        document = found.setdefault(
            each.winter, {**asdict(each.winter), "strategies": {}, "violations": []}
        )
        document["violations"] += each.violations
        for name, figures in each.figures.items():
            document["strategies"][name] = asdict(figures) | {
                "trips_by_profile": each.trips[name],
                "cpu_s": round(each.took_s, 1) if name == "balancer" else None,
            }
    return list(found.values())


@contextmanager
def workers(jobs: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """Return a map over processes that keeps the order."""
    if jobs == 1:
        yield map
        return
    pool = ProcessPoolExecutor(jobs)
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)


def main() -> None:
    """Print the table."""
    parser = bench_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--days", type=float, default=14.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limits", default=",".join(map(str, LIMITS_W)))
    parser.add_argument("--heaters", default=",".join(HEATERS_W))
    parser.add_argument("--others", default=",".join(OTHERS), help="whom to compare with; none: ''")
    parser.add_argument("--on-change", action="store_true", help="a meter that speaks on change")
    parser.add_argument("--saturated", action="store_true", help="all ask for heat all day")
    parser.add_argument("--circuit", default="", help="further line of the circuit's table")
    parser.add_argument("--load", default="", help="further line of each load's table")
    parser.add_argument("--rotation", default="", help="further line of the rotation's table")
    asked = parser.parse_args()
    base = Winter(
        seed=1,
        limit_w=6000,
        heaters="equal",
        days=asked.days,
        on_change=asked.on_change,
        saturated=asked.saturated,
        circuit=asked.circuit,
        load=asked.load,
        rotation=asked.rotation,
    )
    winters = [
        replace(base, seed=seed, limit_w=int(limit), heaters=heaters)
        for seed in range(1, asked.seeds + 1)
        for limit in asked.limits.split(",")
        for heaters in asked.heaters.split(",")
    ]
    others = tuple(name for name in asked.others.split(",") if name)
    jobs = [(winter, ("balancer",)) for winter in winters]
    jobs += [(winter, others) for winter in winters if others]
    results: list[Result] = []
    try:
        with workers(asked.jobs) as each_of:
            for result in each_of(live, jobs):
                results.append(result)
                told = f"\r{len(results)} of {len(jobs)} runs "
                print(told, end="", file=sys.stderr, flush=True)
                if asked.json is not None:
                    keep(asked.json, "control", winters=together(results))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    print(file=sys.stderr)
    if results:
        show(together(results), asked.compare)


if __name__ == "__main__":
    main()
