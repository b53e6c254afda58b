"""``balancer simulate --sweep``: the same days with several values of one key."""

import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from balancer.cli.outcome import ROWS, cell, print_table
from balancer.cli.patience import patience
from balancer.sim.contest.figures import Figures
from balancer.sim.contest.strategies import Case, Contest
from balancer.sim.contest.sweep import WARM_K_H, Sweep, setup_with, smallest_warm


@dataclass(frozen=True, slots=True)
class Tried:
    """One value of a sweep."""

    value: float
    limit_w: float
    figures: Mapping[str, Figures]


@dataclass(slots=True)
class Search:
    """What a sweep has found so far.

    Attributes:
        unlimited: What an endless supply would do.
        tried: Values, in the order in which they were tried.
    """

    case: Case
    sweep: Sweep
    unlimited: Figures
    tried: list[Tried] = field(default_factory=list)

    @property
    def for_limit(self) -> bool:
        """Return whether the smallest value is looked for."""
        return self.sweep.key.rsplit(".", 1)[-1] == "limit"

    def kept_warm(self, tried: Tried) -> bool:
        """Return whether a value kept the rooms warm without a trip."""
        found = tried.figures["balancer"]
        missed = found.cold_degree_hours - self.unlimited.cold_degree_hours
        rooms = len(self.case.setup.house.zones)
        return found.trips == 0 and missed <= WARM_K_H * rooms * self.case.days

    def edges(self) -> tuple[float | None, float | None]:
        """Return the greatest cold value below the smallest warm one, and that one."""
        return smallest_warm([(each.value, self.kept_warm(each)) for each in self.tried])

    def next_value(self) -> float | None:
        """Return what to try next; None: the smallest is found, or there is none."""
        cold, warm = self.edges()
        if not self.for_limit or cold is None or warm is None:
            return None
        return self.sweep.between(cold, warm)


def run_sweep(case: Case, path: Path, sweep: Sweep, *, jobs: int, as_json: bool) -> int:
    """Simulate every value and print what came of it; return the exit status.

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
    search: Search | None = None
    status = 0
    try:
        search = Search(case, sweep, _unlimited(case))
        values: Sequence[float] = sweep.values()
        while values:
            sys.stderr.write(f"{sweep.key}: {', '.join(f'{each:g}' for each in values)}\n")
            for each in _round(case, path, sweep.key, values, jobs):
                search.tried.append(each)
            value = search.next_value()
            values = () if value is None else (value,)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        status = 1
    if search is None or not search.tried:
        return 1
    search.tried.sort(key=lambda each: each.value)
    if as_json:
        print(json.dumps(_document(search)))
    else:
        _show(search)
    return status


def _document(search: Search) -> dict[str, Any]:
    return {
        "days": search.case.days,
        "seed": search.case.seed,
        "sweep": search.sweep.key,
        "values": [
            {
                "value": each.value,
                "limit_w": round(each.limit_w, 1),
                "warm": search.kept_warm(each),
                "strategies": {key: one.document() for key, one in each.figures.items()},
            }
            for each in search.tried
        ],
        "smallest_warm": search.edges()[1],
    }


def _unlimited(case: Case) -> Figures:
    """Return what an endless supply would do: every thermostat has its heater."""
    contest = Contest(replace(case, breaker="quarter_hour"), ("none",))
    contest.run()
    return contest.figures()["none"]


def _round(case: Case, path: Path, key: str, values: Sequence[float], jobs: int) -> Iterator[Tried]:
    """Yield each value as soon as it has been tried.

    Raises:
        KeyboardInterrupt: Somebody wants to leave; the value that is under way is lost.
    """
    with patience(len(values) * case.days, f"{key} {values[0]:g}…") as going_on:
        if jobs <= 1:
            for index, value in enumerate(values):

                def so_far(days: float, before: float = index * case.days) -> bool:
                    return going_on(before + days)

                yield _try(case, path, key, value, so_far)
            return
        pool = ProcessPoolExecutor(jobs, initializer=_leave_it_to_the_parent)
        try:
            for index, each in enumerate(pool.map(partial(_try, case, path, key), values), 1):
                yield each
                if not going_on(index * case.days):
                    raise KeyboardInterrupt
        finally:
            pool.shutdown(cancel_futures=True)


def _leave_it_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _try(
    case: Case,
    path: Path,
    key: str,
    value: float,
    going_on: Callable[[float], bool] = lambda _days: True,
) -> Tried:
    setup = setup_with(path, key, value)
    contest = Contest(replace(case, setup=setup), ("balancer",))
    contest.run(going_on)
    if contest.days < case.days:
        raise KeyboardInterrupt
    root = next(each for each in setup.house.circuits.values() if each.parent is None)
    return Tried(value, root.limit_w, contest.figures())


def _show(search: Search) -> None:
    case, sweep, unlimited = search.case, search.sweep, search.unlimited
    rows = []
    for each in search.tried:
        found = each.figures["balancer"]
        kept = search.kept_warm(each)
        cells = [cell(get(found), form) for _, get, form in ROWS]
        rows.append([f"{each.value:g}", *cells[:1], *cells[2:9], "yes" if kept else "no"])
    heads = ["trips", "over", "longest", "kWh", "% bound", "cold", "unfair", "moves", "warm"]
    title = f"{case.setup.house.name}: {case.days:.3g} days, seed {case.seed}, by {sweep.key}"
    print_table(title, [sweep.key, *heads], rows)
    print(
        "over: minutes over the limit; longest: of these, in seconds; % bound: of the "
        "clairvoyant's heat; cold: degree hours; unfair: % points; moves: of a relay, a day."
    )
    print(
        f"Without any limit: {unlimited.heat_kwh:.0f} kWh, "
        f"{unlimited.cold_degree_hours:.0f} degree hours too cold. Warm: not colder than that by "
        f"more than {WARM_K_H:g} degree hour per room and day, and no trip."
    )
    if search.for_limit:
        warm = search.edges()[1]
        print(
            f"The smallest {sweep.key} that keeps the rooms warm: {warm:g}."
            if warm is not None
            else f"No {sweep.key} up to {sweep.highest:g} keeps the rooms warm."
        )
