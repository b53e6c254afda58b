"""Many simulated winters as one table: means of what adds up, the worst of what must not happen."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from balancer.sim.contest.strategies import NAMES

Document = dict[str, Any]
Row = tuple[str, Callable[[Sequence[Document], str], float | None], str]


def _each(winters: Sequence[Document], name: str, figure: str) -> list[float]:
    found = (winter["strategies"][name][figure] for winter in winters)
    return [each for each in found if each is not None]


def _a_day(winters: Sequence[Document], name: str) -> list[float]:
    days = winters[0]["days"]
    return [each / days for each in _each(winters, name, "minutes_over_limit")]


def _heat(winters: Sequence[Document], name: str) -> float:
    own, best = (sum(_each(winters, each, "heat_kwh")) for each in (name, "bound"))
    return 100.0 * own / best


def _least_heat(winters: Sequence[Document], name: str) -> float:
    return 100.0 * min(_each(winters, name, "heat_share"))


def _moves(winters: Sequence[Document], name: str) -> float:
    return mean(_each(winters, name, "switchings_per_load_day"))


def _against_seed(winters: Sequence[Document], name: str) -> float | None:
    if name == "seed" or any("seed" not in winter["strategies"] for winter in winters):
        return None
    return 100.0 * (_moves(winters, name) / _moves(winters, "seed") - 1.0)


ROWS: tuple[Row, ...] = (
    ("heat, % of the bound's", _heat, "{:.1f}"),
    ("  worst winter", _least_heat, "{:.1f}"),
    ("minutes over the limit a day", lambda of, who: mean(_a_day(of, who)), "{:.2f}"),
    ("  worst winter", lambda of, who: max(_a_day(of, who)), "{:.2f}"),
    ("longest overload, s", lambda of, who: max(_each(of, who, "longest_over_limit_s")), "{:.1f}"),
    (
        "unfairness, points, worst day",
        lambda of, who: max(_each(of, who, "unfairness_points"), default=None),
        "{:.1f}",
    ),
    ("switchings per relay and day", _moves, "{:.0f}"),
    ("  against the seed's, %", _against_seed, "{:+.0f}"),
    (
        "broken invariants",
        lambda of, who: sum(found) if (found := _each(of, who, "violations")) else None,
        "{:.0f}",
    ),
)
"""A row's name, its figure of the winters of one case by strategy, and how it is printed."""


def trips(winters: Sequence[Document], name: str, profile: str) -> tuple[int, int]:
    """Return how often a breaker tripped in all winters, and how often that was avoidable."""
    found = [winter["strategies"][name]["trips_by_profile"][profile] for winter in winters]
    return sum(each[0] for each in found), sum(each[1] for each in found)


def names_of(winters: Sequence[Document]) -> list[str]:
    """Return the strategies that every winter has, in their usual order."""
    return [name for name in NAMES if all(name in each["strategies"] for each in winters)]


def cases_of(winters: Sequence[Document]) -> dict[str, list[Document]]:
    """Return the winters of each limit and list of heaters, by their title."""
    found: dict[str, list[Document]] = {}
    for winter in winters:
        title = f"{winter['limit_w'] / 1000:g} kVA, {winter['heaters']} heaters"
        found.setdefault(title, []).append(winter)
    return found


def show(winters: Sequence[Document], compare: Path | None = None) -> None:
    """Print one table of all cases; beside each figure what it was in an earlier run.

    Args:
        winters: Documents, each with the same strategies.
        compare: File of that run.
    """
    before = [] if compare is None else json.loads(compare.read_text())["winters"]
    earlier = cases_of(before)
    lines: list[list[str]] = []
    for title, own in cases_of(winters).items():
        lines += _block(title, own, earlier.get(title, []))
    widths = [max(len(line[0]) for line in lines)]
    columns = max(len(line) for line in lines)
    widths += [
        max(len(line[column]) for line in lines if column < len(line))
        for column in range(1, columns)
    ]
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=False)]
        print("  ".join([line[0].ljust(widths[0]), *cells]).rstrip())
    for winter in winters:
        for broken in winter["violations"]:
            print(f"seed {winter['seed']}, {winter['limit_w']} W: {broken}")


def _block(title: str, own: Sequence[Document], before: Sequence[Document]) -> Iterator[list[str]]:
    names = names_of(own)
    old = names_of(before) if before else []
    seeds = len({winter["seed"] for winter in own})
    yield [f"{title}: {seeds} winters of {own[0]['days']:g} days", *names]
    for label, figure, form in ROWS:
        cells = []
        for name in names:
            cell = _cell(figure(own, name), form)
            if name in old:
                cell += f" (was {_cell(figure(before, name), form)})"
            cells.append(cell)
        yield [f"  {label}", *cells]
    for profile in own[0]["strategies"]["bound"]["trips_by_profile"]:
        counts = {name: trips(own, name, profile) for name in names}
        if any(every for every, _ in counts.values()):
            cells = [f"{every} ({avoidable})" for every, avoidable in counts.values()]
            yield [f"  trips (avoidable), {profile}", *cells]
    yield [""]


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
