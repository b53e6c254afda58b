"""What simulations came to, as tables for people."""

from collections.abc import Callable, Mapping

from balancer.cli.table import table
from balancer.sim.contest.figures import Figures, loads_of
from balancer.sim.contest.strategies import NAMES, Case, Contest

PIPE_COLUMNS = 160  # a pipe has no width; nothing is cut there
ROWS: tuple[tuple[str, Callable[[Figures], float | int | None], str], ...] = (
    ("breaker trips", lambda each: each.trips, "{:d}"),
    ("  avoidable", lambda each: each.avoidable_trips, "{:d}"),
    ("minutes over the limit", lambda each: each.minutes_over_limit, "{:.1f}"),
    ("  longest, seconds", lambda each: each.longest_over_limit_s, "{:.1f}"),
    ("heat, kWh", lambda each: each.heat_kwh, "{:.0f}"),
    ("  of the bound, %", lambda each: _percent(each.heat_share), "{:.1f}"),
    ("too cold, degree hours", lambda each: each.cold_degree_hours, "{:.0f}"),
    ("unfairness, % points", lambda each: each.unfairness_points, "{:.1f}"),
    ("switchings per load and day", lambda each: each.switchings_per_load_day, "{:.0f}"),
    ("broken invariants", lambda each: each.violations, "{:d}"),
)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100.0 * share


def cell(value: float | None, form: str) -> str:
    """Return a figure as text; unknown is a dash."""
    return "-" if value is None else form.format(value)


def show_comparison(
    case: Case, days: float, figures: Mapping[str, Figures], faults: str | None
) -> None:
    """Print the strategies side by side."""
    root = next(each for each in case.setup.house.circuits.values() if each.parent is None)
    limit = f"{root.show(root.limit_w):g} {root.unit}"
    title = (
        f"{case.setup.house.name}: {days:.3g} days, limit {limit}, seed {case.seed}, "
        f"{case.trace.name}"
    )
    names = [name for name in NAMES if name in figures]
    rows = [
        [label, *(cell(get(figures[name]), form) for name in names)] for label, get, form in ROWS
    ]
    print_table(title, ["", *names], rows)
    print("seed: the rule before; threshold: all off above the limit; priority: a fixed order;")
    print("none: no balancing; bound: knows everything in advance, rotates as fairly.")
    if faults is not None:
        print(f"Faults ({faults}) befall the balancer only.")


def show_parts(contest: Contest) -> None:
    """Print how each room fared with every strategy, and each heater with the balancer."""
    setup, days = contest.case.setup, contest.days
    rooms = [
        [zone.title or name]
        + [f"{house.cold_k_h(name) / days:.1f}" for house in contest.houses.values()]
        for name, zone in setup.house.zones.items()
    ]
    print()
    print_table("rooms: too cold, degree hours a day", ["", *contest.houses], rows=rooms)
    heaters = [
        [
            setup.house.loads[name].title or name,
            cell(_percent(each.served_share), "{:.0f}"),
            cell(each.switchings_per_day, "{:.0f}"),
            cell(each.winters, "{:.1f}"),
        ]
        for name, each in loads_of(contest.houses["balancer"]).items()
    ]
    print()
    head = ["", "served, %", "switchings a day", "relay lasts, winters"]
    print_table("heaters with the balancer", head, heaters)
    print("served: of the time in which it was wanted and not all could be on.")


def print_table(title: str, head: list[str], rows: list[list[str]]) -> None:
    """Print a table; without rich a plainer one."""
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        print(table(title, head, rows))
        return
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for index, each in enumerate(head):
        style = "bold" if each == "balancer" else None
        shown.add_column(each, justify="right" if index else "left", style=style, no_wrap=True)
    for row in rows:
        shown.add_row(*row)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPE_COLUMNS
    console.print(shown)
