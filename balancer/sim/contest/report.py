"""A report of simulated days: one HTML file with its pictures inside."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from balancer.sim.contest import plots
from balancer.sim.contest.figures import Figures, loads_of
from balancer.sim.contest.strategies import NAMES, Contest

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #1f2937; margin: 2.5em auto; max-width: 70em;
       padding: 0 1.5em; }}
h1 {{ font-size: 1.7em; margin-bottom: .1em; }}
h2 {{ font-size: 1.15em; margin: 2.2em 0 .3em; }}
p {{ max-width: 48em; margin: .4em 0; }}
.said {{ font-size: 1.1em; }}
.small {{ color: #6b7280; font-size: .87em; }}
img {{ width: 100%; height: auto; margin-top: .4em; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; margin: .8em 0; }}
th, td {{ padding: .3em .9em; text-align: right; border-bottom: 1px solid #e5e7eb; }}
th:first-child, td:first-child {{ text-align: left; padding-left: 0; }}
.own {{ font-weight: 650; background: #eef6f1; }}
</style></head><body>
{body}
</body></html>
"""

COLUMNS: tuple[tuple[str, Callable[[Figures], float | None], str], ...] = (
    ("trips", lambda each: each.trips, "{:.0f}"),
    ("avoidable", lambda each: each.avoidable_trips, "{:.0f}"),
    ("minutes over the limit", lambda each: each.minutes_over_limit, "{:.1f}"),
    ("longest, s", lambda each: each.longest_over_limit_s, "{:.1f}"),
    ("heat, kWh", lambda each: each.heat_kwh, "{:.0f}"),
    ("of the bound's", lambda each: each.heat_share, "{:.1%}"),
    ("degree hours too cold", lambda each: each.cold_degree_hours, "{:.0f}"),
    ("unfairness, points", lambda each: each.unfairness_points, "{:.1f}"),
    ("switchings per load and day", lambda each: each.switchings_per_load_day, "{:.0f}"),
)

WHO = {
    "balancer": "the balancer",
    "seed": "its forerunner: one step up or down per reading, a pointer every two minutes",
    "threshold": "an automation: everything off above the limit, back one a minute after five",
    "priority": "a fixed order, the last goes first",
    "none": "no limit is watched",
    "bound": "knows every draw of every instant in advance and rotates as fairly",
}


def write_report(
    path: Path, contest: Contest, figures: Mapping[str, Figures], faults: str | None = None
) -> None:
    """Write the report of a contest whose case kept a journal.

    Args:
        path: File to write; a file that is there is replaced.
        contest: After its run.
        figures: What is shown of each strategy.
        faults: What befell the balancer in them, as it was asked for; None: nothing.

    Raises:
        OSError: The file cannot be written.
    """
    name = contest.case.setup.house.name
    body = "\n".join((*_head(contest, figures, faults), *_sections(contest)))
    path.write_text(PAGE.format(title=escape(f"{name}: simulated"), body=body), encoding="utf-8")


def _head(contest: Contest, figures: Mapping[str, Figures], faults: str | None) -> list[str]:
    case, own = contest.case, figures["balancer"]
    house = contest.houses["balancer"]
    limits = ", ".join(
        f"{each.name} {each.show(each.limit_w):g} {each.unit}"
        for each in case.setup.house.circuits.values()
    )
    trips = "never tripped" if own.trips == 0 else f"tripped {own.trips} times"
    heat = (
        ""
        if own.heat_share is None
        else f", {own.heat_share:.1%} of what perfect foresight would have given"
    )
    about = (
        f"{contest.days:.3g} days from {house.start:%Y-%m-%d %H:%M}, limit {limits}, "
        f"seed {case.seed}; other power: {case.trace.name}; weather: {case.weather.name}"
    )
    said = (
        f"The breaker {trips}. The rooms got {own.heat_kwh:.0f} kWh{heat}; the limit was passed "
        f"for {own.minutes_over_limit:.1f} minutes in all, for {own.longest_over_limit_s:.1f} "
        f"seconds at the longest; each relay moved {own.switchings_per_load_day:.0f} times a day."
    )
    who = "; ".join(f"<b>{each}</b>: {escape(WHO[each])}" for each in NAMES if each in figures)
    return [
        f"<h1>{escape(case.setup.house.name)}</h1>",
        f'<p class="small">{escape(about)}</p>',
        f'<p class="said">{said}</p>',
        "<h2>Side by side, in the same house</h2>",
        f'<div class="wide">{_table(figures)}</div>',
        f'<p class="small">{who}.{_befell(faults)}</p>',
    ]


def _befell(faults: str | None) -> str:
    if faults is None:
        return ""
    return (
        f" Faults ({escape(faults)}) befell the balancer in this table; everything below shows the "
        "same days without them."
    )


def _table(figures: Mapping[str, Figures]) -> str:
    head = "".join(f"<th>{escape(label)}</th>" for label, _, _ in COLUMNS)
    rows = []
    for name in NAMES:
        if name in figures:
            values = ((get(figures[name]), form) for _, get, form in COLUMNS)
            cells = "".join(
                f"<td>{'' if value is None else form.format(value)}</td>" for value, form in values
            )
            own = ' class="own"' if name == "balancer" else ""
            rows.append(f"<tr{own}><td>{name}</td>{cells}</tr>")
    return f"<table><tr><th></th>{head}</tr>{''.join(rows)}</table>"


def _rooms(contest: Contest) -> str:
    rows: list[tuple[str, list[float | None]]] = [
        (zone.title or name, [house.cold_k_h(name) for house in contest.houses.values()])
        for name, zone in contest.case.setup.house.zones.items()
    ]
    return _small_table(("degree hours too cold", *contest.houses), rows, "{:.0f}")


def _loads(contest: Contest) -> str:
    loads = contest.case.setup.house.loads
    rows = [
        (
            loads[name].title or name,
            [
                None if each.served_share is None else 100.0 * each.served_share,
                each.switchings_per_day,
                each.winters,
            ],
        )
        for name, each in loads_of(contest.houses["balancer"]).items()
    ]
    head = ("with the balancer", "served, %", "switchings a day", "relay lasts, winters")
    return _small_table(head, rows, "{:.1f}")


def _small_table(
    head: Sequence[str], rows: Iterable[tuple[str, Sequence[float | None]]], form: str
) -> str:
    cells = "".join(f"<th>{escape(each)}</th>" for each in head)
    lines = "".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(f"<td>{'' if each is None else form.format(each)}</td>" for each in values)
        + "</tr>"
        for name, values in rows
    )
    return f'<div class="wide"><table><tr>{cells}</tr>{lines}</table></div>'


def _sections(contest: Contest) -> list[str]:
    house = contest.houses["balancer"]
    found = []
    for circuit in house.setup.house.circuits:
        where = f", {circuit}" if len(house.setup.house.circuits) > 1 else ""
        day = plots.busiest_day(house, circuit)
        found += [
            _section(
                f"Power and limit{where}",
                "Means of ten minutes, and the highest power in them. A triangle is a shed: what "
                "everything else took left less room than the heaters that were on.",
                plots.whole_run(house, circuit),
            ),
            _section(
                f"The day with the most sheds{where}",
                "Every change. Below: who asked for heat and who was on.",
                plots.one_day(house, circuit, day),
            ),
            _section(
                f"How long how much flowed{where}",
                "A curve that lies on the limit for long uses what was paid for; above it lies "
                "what trips breakers.",
                plots.duration(contest.houses, circuit),
            ),
        ]
    found.insert(
        2,
        _section(
            "Rooms",
            "Air (line) and set point (dots) with the balancer; blue where a room is colder than "
            "asked for by more than half a degree.",
            plots.rooms(house),
        )
        + _rooms(contest),
    )
    found.append(
        _section(
            "Relays",
            "Switchings of each load a day. Served: of the time in which a heater was wanted and "
            "not all could be on. A winter has 200 days of heating.",
            plots.switchings(contest.houses),
        )
        + _loads(contest)
    )
    return found


def _section(title: str, says: str, png: bytes) -> str:
    packed = b64encode(png).decode()
    return (
        f"<h2>{escape(title)}</h2><p>{escape(says)}</p>"
        f'<img alt="{escape(title)}" src="data:image/png;base64,{packed}">'
    )
