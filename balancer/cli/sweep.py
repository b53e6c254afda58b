"""``balancer simulate --sweep``: the same days with several values of one key."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from balancer.cli.outcome import ROWS, cell, print_table
from balancer.sim.figures import Figures
from balancer.sim.strategies import Case, Contest
from balancer.sim.sweep import WARM_K_H, Sweep, setup_with, smallest_warm


@dataclass(frozen=True, slots=True)
class Tried:
    """One value of a sweep."""

    value: float
    limit_w: float
    figures: Mapping[str, Figures]


def run_sweep(case: Case, path: Path, sweep: Sweep, *, jobs: int, as_json: bool) -> None:
    """Simulate every value and print what came of it.

    Args:
        case: What all values have in common.
        path: The house's config.toml.
        sweep: The key and its range. Of a ``limit`` the smallest value is looked for that
            keeps the rooms warm.
        jobs: Processes to use.
        as_json: Print one JSON object instead of a table.

    Raises:
        ConfigError: The house cannot be built with the key at the ends of its range.
    """
    for end in (sweep.lowest, sweep.highest):
        setup_with(path, sweep.key, end)
    tried: list[Tried] = []
    with _workers(jobs) as work:
        unlimited = work(_unlimited, [case])[0]
        first = sweep.values()
        sys.stderr.write(f"{sweep.key}: {', '.join(f'{each:g}' for each in first)}\n")
        tried += work(partial(_try, case, path, sweep.key), first)
        while sweep.key.rsplit(".", 1)[-1] == "limit":
            cold, warm = smallest_warm(
                [(each.value, _kept_warm(each, unlimited, case.days)) for each in tried]
            )
            if cold is None or warm is None or (value := sweep.between(cold, warm)) is None:
                break
            sys.stderr.write(f"{sweep.key}: {value:g}\n")
            tried += work(partial(_try, case, path, sweep.key), [value])
    tried.sort(key=lambda each: each.value)
    warm = smallest_warm([(each.value, _kept_warm(each, unlimited, case.days)) for each in tried])[
        1
    ]
    if as_json:
        document = {
            "days": case.days,
            "seed": case.seed,
            "sweep": sweep.key,
            "values": [
                {
                    "value": each.value,
                    "limit_w": round(each.limit_w, 1),
                    "warm": _kept_warm(each, unlimited, case.days),
                    "strategies": {key: one.document() for key, one in each.figures.items()},
                }
                for each in tried
            ],
            "smallest_warm": warm,
        }
        print(json.dumps(document))
    else:
        _show_sweep(case, sweep, tried, unlimited, warm)


def _unlimited(case: Case) -> Figures:
    """Return what an endless supply would do: every thermostat has its heater."""
    contest = Contest(replace(case, breaker="quarter_hour"), ("none",))
    contest.run()
    return contest.figures()["none"]


def _try(case: Case, path: Path, key: str, value: float) -> Tried:
    setup = setup_with(path, key, value)
    contest = Contest(replace(case, setup=setup), ("balancer",))
    contest.run()
    root = next(each for each in setup.house.circuits.values() if each.parent is None)
    return Tried(value, root.limit_w, contest.figures())


def _kept_warm(tried: Tried, unlimited: Figures, days: float) -> bool:
    found = tried.figures["balancer"]
    missed = found.cold_degree_hours - unlimited.cold_degree_hours
    return found.trips == 0 and missed <= WARM_K_H * days


def _show_sweep(
    case: Case, sweep: Sweep, tried: list[Tried], unlimited: Figures, warm: float | None
) -> None:
    rows = []
    for each in tried:
        found = each.figures["balancer"]
        kept = _kept_warm(each, unlimited, case.days)
        cells = [cell(get(found), form) for _, get, form in ROWS]
        rows.append([f"{each.value:g}", *cells[:1], *cells[2:9], "yes" if kept else "no"])
    heads = [
        "trips", "min. over", "longest s", "kWh", "% of bound", "cold K h", "unfair pts",
        "switchings", "warm",
    ]  # fmt: skip
    title = f"{case.setup.house.name}: {case.days:.3g} days, seed {case.seed}, by {sweep.key}"
    print_table(title, [sweep.key, *heads], rows)
    print(
        f"Without any limit: {unlimited.heat_kwh:.0f} kWh, "
        f"{unlimited.cold_degree_hours:.0f} degree hours too cold."
    )
    if sweep.key.rsplit(".", 1)[-1] == "limit":
        print(
            f"The smallest {sweep.key} that keeps the rooms warm: {warm:g}."
            if warm is not None
            else f"No {sweep.key} up to {sweep.highest:g} keeps the rooms warm."
        )


@contextmanager
def _workers(jobs: int) -> Iterator[Callable[..., list[Any]]]:
    """Return a map over one process or many."""
    if jobs <= 1:
        yield lambda call, values: [call(value) for value in values]
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield lambda call, values: list(pool.map(call, values))
