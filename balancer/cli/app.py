"""The commands and their options; what a command needs is imported when it is called."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import balancer
from balancer.cli.apart import Take
from balancer.cli.demo import run_demo
from balancer.cli.options import SimulateOptions

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Keeps an electrically heated house warm on a small supply without tripping the breaker.",
)


class LogLevel(StrEnum):
    """Levels of the log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """Forms of a line of the log."""

    TEXT = "text"
    JSON = "json"


Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"balancer {balancer.__version__}")
        raise typer.Exit


@app.callback()
def _balancer(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print it."),
    ] = False,
) -> None:
    del version


@app.command()
def run(
    context: typer.Context,
    config: Config = Path("config.toml"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Decide and show, but switch nothing.")
    ] = False,
    log_level: Annotated[LogLevel, typer.Option(help="The least that is logged.")] = LogLevel.INFO,
    log_format: Annotated[LogFormat, typer.Option(help="key=value or JSON.")] = LogFormat.TEXT,
) -> None:
    """Run the service until SIGINT or SIGTERM."""
    from balancer.cli.run import read_job

    job = read_job(config, dry_run=dry_run, log_level=log_level.value, log_format=log_format.value)
    take: Take = context.obj
    raise typer.Exit(take(job))


@app.command()
def check(
    config: Config = Path("config.toml"),
    acl: Annotated[
        bool, typer.Option("--acl", help="Print the lines for mosquitto's acl_file instead.")
    ] = False,
) -> None:
    """Read the configuration; show the house and every topic it will use, or all problems."""
    from balancer.cli.check import read_and_show

    typer.echo(read_and_show(config, acl=acl))


@app.command()
def demo(
    speed: Annotated[
        float, typer.Option(min=0.1, max=1000.0, help="Times as fast as real time.")
    ] = 1.0,
    seconds: Annotated[
        float | None, typer.Option(min=0.0, help="Stop after so many real seconds.")
    ] = None,
) -> None:
    """Show the service in a simulated house on an embedded broker, live in the terminal."""
    raise typer.Exit(run_demo(speed, seconds))


@app.command()
def simulate(
    *,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The house; else the example house.")
    ] = None,
    trace: Annotated[
        str | None,
        typer.Option(
            metavar="FILE[:COLUMN]",
            help="CSV of what everything but the heaters takes, in watts; else shipped days. "
            "household[:shower,…]: made up from the seed.",
        ),
    ] = None,
    weather: Annotated[
        Path | None, typer.Option(help="CSV with hour_of_year and temp_c; else a shipped winter.")
    ] = None,
    days: Annotated[
        float | None, typer.Option(min=0.0, help="Simulated days; 7 if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 1,
    faults: Annotated[
        str, typer.Option(metavar="none|all|F01,F27", help="What shall go wrong.")
    ] = "none",
    sweep: Annotated[
        str | None,
        typer.Option(metavar="KEY=A..B", help="Repeat with several values of a key."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a report with plots.")
    ] = None,
    campaign: Annotated[
        float | None,
        typer.Option(min=0.0, metavar="YEARS", help="So many house-years with faults."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes for a campaign or sweep.")] = 1,
) -> None:
    """Run the same controller in virtual time against a simulated house."""
    from balancer.cli.simulate import run_simulate

    options = SimulateOptions(
        config=config,
        trace=trace,
        weather=weather,
        days=days,
        seed=seed,
        faults=faults,
        sweep=sweep,
        json=as_json,
        report=report,
        campaign=campaign,
        jobs=jobs,
    )
    raise typer.Exit(run_simulate(options))
