"""Pictures of simulated days, as PNG bytes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import BytesIO
from itertools import pairwise
from typing import Any

import matplotlib as mpl
from matplotlib import dates
from matplotlib.figure import Figure

from balancer.sim.home.happenings import Journal
from balancer.sim.home.house import SimHouse

DAY_S = 86_400.0
DATES: Any = dates
WIDTH_IN = 11.0
DPI = 110
OTHERS, HEATING, LIMIT, SHED, COLD, CALM = (
    "#b8bec8", "#f0a04b", "#c0392b", "#8e1b0e", "#3f7fbf", "#4b5563",
)  # fmt: skip
STRATEGY_COLOURS = {
    "balancer": "#1f6f4a",
    "bound": "#9aa3ad",
    "seed": "#b1559b",
    "threshold": "#d08a1d",
    "priority": "#3f7fbf",
    "none": "#c0392b",
}
STYLE: Any = {  # some releases of matplotlib know their types, others do not
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#9aa3ad",
    "axes.grid": True,
    "grid.color": "#e6e9ee",
    "axes.axisbelow": True,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "font.size": 9,
    "legend.frameon": False,
    "figure.facecolor": "white",
}


def busiest_day(house: SimHouse, circuit: str) -> int:
    """Return the day with the most sheds (0 is the first), of whole days if there are any."""
    days = max(1, int(house.now_s // DAY_S))
    sheds = [0] * days
    for at_s in sheds_s(house, circuit):
        sheds[min(days - 1, int(at_s // DAY_S))] += 1
    return sheds.index(max(sheds))


def sheds_s(house: SimHouse, circuit: str) -> list[float]:
    """Return the instants at which loads went off because too much was flowing, in seconds.

    Seen from outside: the power was over the limit when, or within the ten seconds before, a
    contact opened. Contacts that open within five seconds are one shed.
    """
    journal = _journal(house)
    edge_w = house.supplies[circuit].limit_w + 0.5
    over: list[tuple[float, float]] = []
    for (at_s, total_w, _), (next_s, _, _) in pairwise(journal.power_w[circuit]):
        if total_w > edge_w and next_s > at_s:
            over.append((at_s, next_s))
    opened = sorted(
        at_s
        for load in house.setup.house.loads_of[circuit]
        for at_s, on in journal.relays[load]
        if not on
    )
    found: list[float] = []
    index = 0
    for at_s in opened:
        while index < len(over) and over[index][1] < at_s - 0.01:
            index += 1
        near = index < len(over) and over[index][0] <= at_s
        if near and (not found or at_s - found[-1] > 5.0):
            found.append(at_s)
    return found


def whole_run(house: SimHouse, circuit: str) -> bytes:
    """Draw heating, other power and the limit over the whole run, in means of ten minutes."""
    supply = house.supplies[circuit]
    times, others, totals, peaks = _ten_minutes(_journal(house).power_w[circuit], house.now_s)
    when = [_when(house, at_s) for at_s in times]
    with _picture(3.2) as (figure, png):
        axes = figure.subplots()
        axes.fill_between(when, others, color=OTHERS, step="post", lw=0, label="everything else")
        axes.fill_between(when, others, totals, color=HEATING, step="post", lw=0, label="heating")
        axes.step(when, peaks, color=CALM, lw=0.5, where="post", label="highest in ten minutes")
        axes.axhline(supply.limit_w / 1000.0, color=LIMIT, lw=1.2, label="limit")
        marks = [_when(house, at_s) for at_s in sheds_s(house, circuit)]
        top = 1.06 * max([supply.limit_w / 1000.0, *peaks])
        axes.plot(marks, [top] * len(marks), "v", ms=3.5, color=SHED, label="shed", clip_on=False)
        axes.set_ylabel("kW")
        axes.set_ylim(0.0, top)
        _dates(axes, when[0], _when(house, house.now_s))
        _legend(axes, 5)
    return png()


def one_day(house: SimHouse, circuit: str, day: int) -> bytes:
    """Draw a day change by change: power on top, who asked and who was on below."""
    journal = _journal(house)
    begin_s, end_s = day * DAY_S, min((day + 1) * DAY_S, house.now_s)
    supply = house.supplies[circuit]
    steps = _cut(journal.power_w[circuit], begin_s, end_s)
    when = [_when(house, at_s) for at_s, _, _ in steps]
    loads = house.setup.house.loads_of[circuit]
    with _picture(2.6 + 0.28 * len(loads) + 0.5) as (figure, png):
        power, turns = figure.subplots(
            2, 1, sharex=True, gridspec_kw={"height_ratios": [2.6, 0.28 * len(loads) + 0.3]}
        )
        others = [other_w / 1000.0 for _, _, other_w in steps]
        totals = [total_w / 1000.0 for _, total_w, _ in steps]
        power.fill_between(when, others, color=OTHERS, step="post", lw=0, label="everything else")
        power.fill_between(when, others, totals, color=HEATING, step="post", lw=0, label="heating")
        power.axhline(supply.limit_w / 1000.0, color=LIMIT, lw=1.2, label="limit")
        marks = [at_s for at_s in sheds_s(house, circuit) if begin_s <= at_s < end_s]
        top = 1.08 * max([supply.limit_w / 1000.0, *totals])
        power.plot(
            [_when(house, at_s) for at_s in marks], [top] * len(marks), "v",
            ms=4, color=SHED, label="shed", clip_on=False,
        )  # fmt: skip
        power.set_ylabel("kW")
        power.set_ylim(0.0, top)
        _legend(power, 4)
        for row, name in enumerate(loads):
            zone = house.setup.house.loads[name].zone
            asked = _spells(journal.requests[zone], begin_s, end_s)
            served = _spells(journal.relays[name], begin_s, end_s)
            for spells, colour, height in ((asked, "#f6dcbc", 0.8), (served, HEATING, 0.5)):
                bars = [(_when(house, a), _when(house, b) - _when(house, a)) for a, b in spells]
                turns.broken_barh(bars, (row - height / 2.0, height), color=colour, lw=0)
        titles = [house.setup.house.loads[name].title or name for name in loads]
        turns.set_yticks(range(len(loads)), titles)
        turns.set_ylim(len(loads) - 0.4, -0.6)
        turns.grid(visible=False, axis="y")
        turns.set_title("asked for heat (pale), on (dark)", fontsize=9, fontweight="normal")
        _dates(turns, _when(house, begin_s), _when(house, end_s))
    return png()


def rooms(house: SimHouse) -> bytes:
    """Draw each room's air against its set point; blue where it is more than 0.5 K too cold."""
    journal = _journal(house)
    zones = [zone for zone in house.setup.house.zones if journal.rooms[zone]]
    rows = (len(zones) + 1) // 2
    with _picture(1.35 * rows + 0.5) as (figure, png):
        panels = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False).flat
        for panel in panels[len(zones) :]:
            panel.set_visible(False)
        for panel, zone in zip(panels, zones, strict=False):
            found = journal.rooms[zone]
            when = [_when(house, at_s) for at_s, _, _ in found]
            air = [air_c for _, air_c, _ in found]
            wanted = [set_c for _, _, set_c in found]
            short = [air_c < set_c - 0.5 for _, air_c, set_c in found]
            panel.fill_between(
                when, air, wanted, where=short, color=COLD, alpha=0.35, lw=0, step="post"
            )
            panel.step(when, wanted, color=CALM, lw=0.9, ls=":", where="post")
            panel.plot(when, air, color=STRATEGY_COLOURS["balancer"], lw=1.0)
            panel.set_title(house.setup.house.zones[zone].title or zone)
            _dates(panel, when[0], when[-1])
            panel.tick_params(labelbottom=zone in zones[-2:])
        figure.supylabel("°C", fontsize=9)
    return png()


def switchings(houses: dict[str, SimHouse]) -> bytes:
    """Draw how often each load was switched a day, by strategy."""
    first = next(iter(houses.values()))
    loads = list(first.setup.house.loads)
    days = first.now_s / DAY_S
    names = [name for name in ("balancer", "priority", "bound", "seed") if name in houses]
    with _picture(0.34 * len(loads) + 1.3) as (figure, png):
        axes = figure.subplots()
        height = 0.8 / len(names)
        for index, name in enumerate(names):
            values = [houses[name].switchings(load) / days for load in loads]
            places = [row + (index - (len(names) - 1) / 2.0) * height for row in range(len(loads))]
            axes.barh(places, values, height * 0.9, color=STRATEGY_COLOURS[name], label=name)
        axes.axvline(100.0, color=LIMIT, lw=1.0, ls="--", label="100: a relay lasts five winters")
        titles = [first.setup.house.loads[load].title or load for load in loads]
        axes.set_yticks(range(len(loads)), titles)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("switchings a day")
        _legend(axes, len(names) + 1)
    return png()


def duration(houses: dict[str, SimHouse], circuit: str) -> bytes:
    """Draw for how much of the time the power was how high, by strategy."""
    limit_w = next(iter(houses.values())).supplies[circuit].limit_w
    with _picture(3.2) as (figure, png):
        axes = figure.subplots()
        for name, house in houses.items():
            steps = _journal(house).power_w[circuit]
            spells = [
                (total_w / 1000.0, next_s - at_s)
                for (at_s, total_w, _), (next_s, _, _) in pairwise(steps)
                if next_s > at_s
            ]
            spells.sort(reverse=True)
            share, line = 0.0, []
            for watts, lasts_s in spells:
                line.append((100.0 * share / house.now_s, watts))
                share += lasts_s
                line.append((100.0 * share / house.now_s, watts))
            axes.plot(
                [x for x, _ in line],
                [y for _, y in line],
                color=STRATEGY_COLOURS[name],
                lw=2.0 if name == "balancer" else 1.1,
                ls="--" if name == "bound" else "-",
                label=name,
            )
        axes.axhline(limit_w / 1000.0, color=LIMIT, lw=1.2)
        axes.annotate(
            "limit", (99.5, limit_w / 1000.0), color=LIMIT, ha="right", va="bottom", fontsize=9
        )
        axes.set_xlabel("% of the time with at least so much")
        axes.set_ylabel("kW")
        axes.set_xlim(0.0, 100.0)
        axes.set_ylim(bottom=0.0)
        _legend(axes, 6)
    return png()


def _journal(house: SimHouse) -> Journal:
    assert house.journal is not None, "the case was not asked to keep a journal"
    return house.journal


def _when(house: SimHouse, at_s: float) -> datetime:
    return house.start + timedelta(seconds=at_s)


def _ten_minutes(
    steps: Sequence[tuple[float, float, float]], end_s: float
) -> tuple[list[float], list[float], list[float], list[float]]:
    """Return starts, means of the other power and of the total, and peaks, in kW."""
    number = max(1, int(-(-end_s // 600.0)))
    others, totals, peaks = ([0.0] * number for _ in range(3))
    for (begin_s, total_w, other_w), (next_s, _, _) in pairwise([*steps, (end_s, 0.0, 0.0)]):
        at_s = begin_s
        while at_s < next_s:
            slot = min(number - 1, int(at_s // 600.0))
            until_s = min(next_s, (slot + 1) * 600.0) if slot < number - 1 else next_s
            part = (until_s - at_s) / min(600.0, end_s - slot * 600.0) / 1000.0
            others[slot] += other_w * part
            totals[slot] += total_w * part
            peaks[slot] = max(peaks[slot], total_w / 1000.0)
            at_s = until_s
    for line in (others, totals, peaks):
        line.append(line[-1])  # a step is drawn up to its end
    return [*(slot * 600.0 for slot in range(number)), end_s], others, totals, peaks


def _cut(
    steps: Sequence[tuple[float, float, float]], begin_s: float, end_s: float
) -> list[tuple[float, float, float]]:
    """Return the steps of a span, with what held at its begin and its end."""
    before = [step for step in steps if step[0] <= begin_s]
    inside = [step for step in steps if begin_s < step[0] < end_s]
    found = [(begin_s, *before[-1][1:])] if before else []
    found += inside
    return [*found, (end_s, *found[-1][1:])]


def _spells(
    changes: Sequence[tuple[float, bool]], begin_s: float, end_s: float
) -> list[tuple[float, float]]:
    """Return the spells of True within a span."""
    found, since_s = [], None
    for at_s, on in [*changes, (end_s, False)]:
        if on and since_s is None:
            since_s = at_s
        elif not on and since_s is not None:
            if at_s > begin_s and since_s < end_s:
                found.append((max(since_s, begin_s), min(at_s, end_s)))
            since_s = None
    return found


def _dates(axes: Any, begin: datetime, end: datetime) -> None:
    locator = DATES.AutoDateLocator(minticks=4, maxticks=10)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(DATES.ConciseDateFormatter(locator))
    axes.set_xlim(begin, end)


def _legend(axes: Any, columns: int) -> None:
    axes.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.01), ncols=columns, borderaxespad=0.0,
        handlelength=1.2, columnspacing=1.4,
    )  # fmt: skip


@contextmanager
def _picture(height_in: float) -> Iterator[tuple[Any, Callable[[], bytes]]]:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained", dpi=DPI)

        def png() -> bytes:
            written = BytesIO()
            with mpl.rc_context(STYLE):
                figure.savefig(written, format="png")
            return written.getvalue()

        yield figure, png
