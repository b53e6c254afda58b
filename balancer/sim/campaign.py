"""House-days under faults: many houses, many seeds, both cores, one report.

Each run is a trial (safety, then liveness); each can be replayed alone, byte for byte.
"""

import argparse
import json
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from random import Random

from balancer.sim.devices.meters import CADENCES
from balancer.sim.faults import FAULTS
from balancer.sim.home.appliances import APPLIANCES, HOUSEHOLD, USUAL, trace_named
from balancer.sim.home.traces import TraceError
from balancer.sim.scenarios import ALL, MADE_UP
from balancer.sim.tally import Report
from balancer.sim.trial import FAULTS_PER_DAY, HOURS, TRACE_DAYS, Job, Result, overhear, run_job
from balancer.sim.world import World

HOUSES = (*ALL, MADE_UP)
METERS = ("", "power_delta", "on_change")  # as the house has them, or speaking on change
OWNED = 0.3  # of the made-up households have each unusual appliance
FIRST_PER_RUN = 5  # of its faults: dealt; so every fault's turn comes in every house


class RunError(Exception):
    """A run that did not come to its end; the text is the traceback."""


def jobs_for(
    days: float,
    seed: int,
    faults: Iterable[str],
    trace: str | None = None,
    houses: Sequence[str] = HOUSES,
) -> list[Job]:
    """Return the runs of a campaign: houses in turn, and in each house every fault in turn.

    Args:
        days: House-days to simulate.
        seed: Of the whole campaign.
        faults: Ids of ``FAULTS`` to mix.
        trace: Of all runs; None: the shipped days and made-up households in turns.
        houses: Of ``HOUSES``.
    """
    chosen = tuple(faults)
    number = max(1, round(days * 24.0 / HOURS))
    names = list(houses)
    order, owners = Random(f"campaign/{seed}"), Random(f"owners/{seed}")
    decks: dict[str, list[str]] = {name: [] for name in names}
    jobs = []
    for index in range(number):
        house = names[index % len(names)]
        deck, first = decks[house], []
        for _ in range(FIRST_PER_RUN):
            if not deck:
                deck += order.sample(chosen, len(chosen))
            if deck:
                first.append(deck.pop())
        jobs.append(
            Job(
                house=house,
                seed=seed * 1_000_003 + index,
                faults=chosen,
                first=tuple(first),
                cadence="" if house == MADE_UP else METERS[index // len(names) % len(METERS)],
                trace=_trace(owners, index // len(names)) if trace is None else trace,
            )
        )
    return jobs


def _trace(owners: Random, turn: int) -> str:
    """Return the shipped days, or every other turn a household that owns a little more."""
    owned = [name for name in APPLIANCES if name not in USUAL and owners.random() < OWNED]
    return "" if turn % 2 == 0 else f"{HOUSEHOLD}:{','.join(owned)}".rstrip(":")


def run_campaign(
    days: float,
    seed: int,
    faults: Iterable[str] = tuple(FAULTS),
    jobs: int = 2,
    *,
    trace: str | None = None,
    houses: Sequence[str] = HOUSES,
    progress: Callable[[Report], None] | None = None,
) -> Report:
    """Run a campaign and report.

    Args:
        days: House-days to simulate.
        seed: Of the whole campaign.
        faults: Ids of ``FAULTS`` to mix.
        jobs: Processes to use.
        trace: See ``jobs_for``.
        houses: See ``jobs_for``.
        progress: Told the report as it grows.

    Returns:
        Of all runs; of those that were done if somebody interrupts, or ends a process.

    Raises:
        TraceError: The trace cannot be read.
    """
    if trace:
        trace_named(trace, days=TRACE_DAYS, seed=seed)
    report = Report()
    began_s = time.monotonic()
    work = jobs_for(days, seed, faults, trace, houses)

    def count(job: Job, done: Future[Result]) -> None:
        try:
            report.add(done.result())
        except RunError as error:
            report.broken.append((job, str(error)))
        report.took_s = time.monotonic() - began_s
        if progress is not None:
            progress(report)

    pool = ProcessPoolExecutor(jobs, initializer=_end_without_a_word)
    try:
        running = {pool.submit(_run, job): job for job in work}
        for done in as_completed(running):
            count(running[done], done)
    except KeyboardInterrupt:
        report.cut_short = "interrupted"
    except BrokenProcessPool:
        report.cut_short = "a process of the campaign was killed (is there memory left?)"
    finally:
        pool.shutdown(cancel_futures=True)
    report.defects.sort(key=lambda each: each.job.seed)
    report.broken.sort(key=lambda each: each[0].seed)
    return report


def _run(job: Job) -> Result:
    """Run in a process of its own: what is raised goes to the other one as its text."""
    try:
        return run_job(job)
    except Exception as error:
        raise RunError("".join(traceback.format_exception(error))) from error


def _end_without_a_word() -> None:
    """Let Ctrl-C end a worker at once: nobody counts a run that is half done."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def main(arguments: list[str] | None = None) -> int:
    """Run a campaign, or one of its runs again, from the command line."""
    parser = argparse.ArgumentParser(prog="python -m balancer.sim.campaign", description=__doc__)
    parser.add_argument("--days", type=float, default=1.0, help="house-days to simulate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--houses", nargs="+", default=HOUSES, choices=HOUSES)
    parser.add_argument("--faults", default="all", help="ids, all or none")
    parser.add_argument(
        "--replay", metavar="HOUSE:SEED", type=_house_and_seed, help="one run again"
    )
    parser.add_argument("--hours", type=float, default=HOURS)
    parser.add_argument("--per-day", type=float, default=FAULTS_PER_DAY)
    parser.add_argument("--cadence", default="", choices=("", *CADENCES), help="of the meters")
    parser.add_argument("--trace", help="FILE[:COLUMN] or household[:APPLIANCE,…]; else in turns")
    parser.add_argument("--first", default="", help="ids that the run has to inject")
    parser.add_argument("--wire", metavar="FROM:TO", help="print the wire between two instants")
    parser.add_argument("--every", action="store_true", help="fail unless every fault came up")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    faults = (
        tuple(FAULTS)
        if options.faults == "all"
        else tuple(each for each in options.faults.split(",") if each != "none")
    )
    first = tuple(each for each in options.first.split(",") if each)
    for each in (*faults, *first):
        if each not in FAULTS:
            parser.error(f"there is no fault {each}")
    if options.jobs < 1:
        parser.error(f"--jobs {options.jobs}: at least one process is needed")
    try:
        if options.replay:
            report = _replay(options, faults, first)
        else:
            report = run_campaign(
                options.days,
                options.seed,
                faults,
                options.jobs,
                trace=options.trace,
                houses=options.houses,
                progress=_progress(),
            )
            print(file=sys.stderr)
    except TraceError as error:
        parser.error(f"--trace: {error}")
    if options.json:
        print(json.dumps({**report.document(), "seconds": round(report.took_s, 1)}))
    else:
        for line in report.lines():
            print(line)
    return 0 if report.sound and not (options.every and report.missed) else 1


def _house_and_seed(text: str) -> tuple[str, int]:
    house, _, seed = text.partition(":")
    if house not in HOUSES or not seed.isdecimal():
        raise argparse.ArgumentTypeError(f"{text}: a seed of one of {', '.join(HOUSES)} is needed")
    return house, int(seed)


def _replay(options: argparse.Namespace, faults: tuple[str, ...], first: tuple[str, ...]) -> Report:
    """Run one run of a campaign in this process."""
    house, seed = options.replay
    job = Job(
        house=house,
        seed=seed,
        hours=options.hours,
        faults=faults,
        first=first,
        per_day=options.per_day,
        cadence=options.cadence,
        trace=options.trace or "",
    )
    result = run_job(job, watch=_wire(options.wire))
    report = Report()
    report.add(result)
    print(f"digest {result.digest}")
    return report


def _progress() -> Callable[[Report], None]:
    """Return what tells how far a campaign is, and each defect as it is found."""
    told: set[str] = set()

    def tell(report: Report) -> None:
        for replay in report.replays:
            if replay not in told:
                told.add(replay)
                print(f"\ndefect: {replay}", file=sys.stderr)
        print(
            f"\r{report.days:8.2f} house-days  {sum(report.faults.values()):6d} faults  "
            f"{report.trips:4d} trips ({report.avoidable} avoidable)  "
            f"{report.violations} violations  {len(report.broken)} errors  {report.took_s:6.0f} s ",
            end="",
            file=sys.stderr,
            flush=True,
        )

    return tell


def _wire(span: str | None) -> Callable[[World], None] | None:
    """Return what prints the messages of a span, and the faults that began in it."""
    if span is None:
        return None
    begin_s, end_s = (float(each) for each in span.split(":"))

    def watch(world: World) -> None:
        def tell(text: str) -> None:
            if begin_s <= world.clock.now_s <= end_s:
                print(f"{world.clock.now_s:12.3f} {text}")

        overhear(world, tell)

    return watch


if __name__ == "__main__":
    sys.exit(main())
