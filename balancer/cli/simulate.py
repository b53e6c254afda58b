"""``balancer simulate``: the engine in virtual time against a simulated house."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib import resources
from math import ceil
from pathlib import Path
from typing import Any

from balancer.cli.options import SimulateOptions
from balancer.cli.outcome import show_comparison, show_parts
from balancer.cli.patience import patience
from balancer.cli.sweep import run_sweep
from balancer.config.load import read_setup
from balancer.config.setup import Setup
from balancer.sim.campaign import run_campaign
from balancer.sim.contest.drive import EVERY_SECOND, ON_CHANGE, Lags
from balancer.sim.contest.faulty import faulty_figures
from balancer.sim.contest.figures import Figures, loads_of
from balancer.sim.contest.strategies import NAMES, Case, Contest
from balancer.sim.contest.sweep import SweepError, parse_sweep
from balancer.sim.faults import FAULTS, NOT_SIMULATED
from balancer.sim.home.appliances import trace_named
from balancer.sim.home.traces import (
    TraceError,
    load_weather,
    shipped_weather,
)
from balancer.sim.scenarios import Scenario
from balancer.sim.tally import Report

USUAL_DAYS = 7.0
LONGEST_BY_SECOND_DAYS = 31.0  # longer runs have a meter that speaks when something changes
EXTRA = "it needs more packages: pip install 'power-balancer[simulate]'"


class UsageError(ValueError):
    """What was asked for cannot be done; the message says why."""


def run_simulate(options: SimulateOptions) -> int:
    """Do what was asked for and print it; return the exit status."""
    try:
        _fits_together(options)
        if options.campaign is not None:
            return _campaign(options)
        if options.sweep is not None:
            return run_sweep(
                replace(case_of(options), journal=False),
                options.config or example_house(),
                parse_sweep(options.sweep),
                jobs=options.jobs,
                as_json=options.json,
            )
        return _compare(options)
    except (TraceError, SweepError, UsageError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def example_house() -> Path:
    """Return the example house that comes with the package."""
    return Path(str(resources.files("balancer.sim") / "houses" / "example.toml"))


def case_of(options: SimulateOptions) -> Case:
    """Return the case that the options describe.

    Raises:
        TraceError: A file is no trace or no weather.
        ConfigError: The house has problems.
        UsageError: There is nothing to simulate.
    """
    days = USUAL_DAYS if options.days is None else options.days
    trace = trace_named(options.trace or "", days=ceil(days), seed=options.seed)
    weather = shipped_weather() if options.weather is None else load_weather(str(options.weather))
    if options.days is None and options.trace is not None:
        days = min(days, trace.length_s / 86_400.0)
    if days <= 0.0:
        raise UsageError("--days 0: there is nothing to simulate")
    setup = read_setup(options.config or example_house(), environ={})
    return Case(
        setup=setup,
        trace=trace,
        weather=weather,
        seed=options.seed,
        days=days,
        lags=EVERY_SECOND if days <= LONGEST_BY_SECOND_DAYS else _on_change(setup),
        journal=options.report is not None,
    )


def _on_change(setup: Setup) -> Lags:
    """Return the lags of meters that speak on change, and often enough not to count as gone."""
    meters = [each.meter for each in setup.house.circuits.values() if each.meter is not None]
    shortest_s = min((each.stale_after_s for each in meters), default=60.0)
    return replace(ON_CHANGE, heartbeat_s=min(60.0, 0.6 * shortest_s))


def _compare(options: SimulateOptions) -> int:
    faults = _faults(options.faults)
    if options.report is not None:
        _require("matplotlib")
        _writable(options.report)
    case = case_of(options)
    contest = Contest(case)
    with patience(case.days, "simulating") as going_on:
        contest.run(going_on)
    if contest.done_s == 0.0:
        sys.stderr.write("interrupted before the first hour was done\n")
        return 1
    figures = contest.figures()
    violations = contest.referees["balancer"].violations
    interrupted = contest.days < case.days
    if faults:
        with patience(contest.days, "with faults") as going_on:
            faulty = faulty_figures(
                Scenario.of_file(case.setup.house.name, options.config or example_house()),
                case,
                days=contest.days,
                faults=faults,
                bound_kwh=figures["bound"].heat_kwh,
                going_on=going_on,
            )
        figures["balancer"], violations = faulty.figures, faulty.violations
        interrupted |= faulty.interrupted
    if options.json:
        print(json.dumps(_document(contest, figures)))
    else:
        show_comparison(case, contest.days, figures, options.faults if faults else None)
        show_parts(contest)
    for line in violations[:20]:
        sys.stderr.write(f"violation: {line}\n")
    if options.report is not None:
        from balancer.sim.contest.report import write_report

        write_report(options.report, contest, figures, options.faults if faults else None)
        sys.stderr.write(f"report: {options.report}\n")
    if contest.days < case.days:
        sys.stderr.write(f"interrupted after {contest.days:.1f} of {case.days:g} days\n")
    elif interrupted:
        sys.stderr.write("interrupted: with faults the balancer has lived fewer days\n")
    return int(interrupted)


def _document(contest: Contest, figures: Mapping[str, Figures]) -> dict[str, Any]:
    case, houses = contest.case, contest.houses
    root = next(each for each in case.setup.house.circuits.values() if each.parent is None)
    return {
        "days": round(contest.days, 6),
        "seed": case.seed,
        "limit_w": round(root.limit_w, 1),
        "strategies": {name: figures[name].document() for name in NAMES if name in figures},
        "rooms": {
            zone: {
                "cold_degree_hours": {
                    name: round(house.cold_k_h(zone), 3) for name, house in houses.items()
                }
            }
            for zone in case.setup.house.zones
        },
        "loads": {
            name: {figure: value if value is None else round(value, 3) for figure, value in found}
            for name, each in loads_of(houses["balancer"]).items()
            for found in (asdict(each).items(),)
        },
    }


def _faults(asked: str) -> tuple[str, ...]:
    if asked == "none":
        return ()
    if asked == "all":
        return tuple(FAULTS)
    chosen = tuple(each.strip().upper() for each in asked.split(",") if each.strip())
    for each in chosen:
        if each in NOT_SIMULATED:
            raise UsageError(f"--faults {asked}: {each} cannot happen in virtual time")
        if each not in FAULTS:
            raise UsageError(
                f"--faults {asked}: there is no fault {each}; there are none, all, "
                f"{', '.join(FAULTS)}"
            )
    return chosen


def _campaign(options: SimulateOptions) -> int:
    assert options.campaign is not None
    faults = tuple(FAULTS) if options.faults == "none" else _faults(options.faults)
    shown = sys.stderr.isatty()

    def progress(report: Report) -> None:
        if shown:
            sys.stderr.write(f"\r{report.days:.1f} house-days, {report.violations} violations ")

    report = run_campaign(
        options.campaign * 365.0,
        options.seed,
        faults,
        options.jobs,
        trace=options.trace,
        progress=progress,
    )
    if shown:
        sys.stderr.write("\n")
    if options.json:
        print(json.dumps(report.document()))
    else:
        print("\n".join(report.lines()))
    return 0 if report.sound else 1


def _fits_together(options: SimulateOptions) -> None:
    """Refuse what would silently be left out."""
    several = "--campaign" if options.campaign is not None else "--sweep"
    if options.campaign is None and options.sweep is None:
        return
    if options.report is not None:
        raise UsageError(f"--report: a report shows one run, not those of {several}")
    if options.campaign is None and options.faults != "none":
        raise UsageError("--faults: values of a sweep are compared without faults")


def _writable(report: Path) -> None:
    """Find out before a long run, not after it."""
    if report.is_dir():
        raise UsageError(f"--report {report}: is a directory")
    if not report.absolute().parent.is_dir():
        raise UsageError(f"--report {report}: there is no directory {report.parent}")
    if not os.access(report if report.exists() else report.absolute().parent, os.W_OK):
        raise UsageError(f"--report {report}: may not be written")


def _require(package: str) -> None:
    try:
        __import__(package)
    except ImportError as error:
        raise UsageError(f"{package} is missing; {EXTRA}") from error
