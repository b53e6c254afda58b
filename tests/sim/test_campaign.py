"""Campaigns mix houses and faults, find nothing wrong, and can be replayed run by run."""

import json
import os
import re
import signal
from dataclasses import replace
from itertools import product
from multiprocessing import active_children
from multiprocessing.process import BaseProcess

import pytest

from balancer.devices.base import DecodeError, Rejection
from balancer.sim import campaign, tally, trial
from balancer.sim.faults import FAULTS
from balancer.sim.home.traces import TraceError
from balancer.sim.scenarios import ALL, MADE_UP


def shorten_runs(monkeypatch: pytest.MonkeyPatch, *, hours: float) -> None:
    """Let every run be of so many hours; the processes are forked, so theirs are, too."""
    monkeypatch.setattr(campaign, "run_job", lambda job: trial.run_job(replace(job, hours=hours)))


def test_a_small_campaign_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    # given every house for an eighth of a day, with faults
    shorten_runs(monkeypatch, hours=3.0)
    report = campaign.run_campaign(len(campaign.HOUSES) * 6.0 / 24.0, seed=1, jobs=2)
    # then
    assert list(report.lines())[2:] == [
        line for line in report.lines() if line.startswith("never injected")
    ]
    assert report.sound
    assert report.runs == len(campaign.HOUSES)
    assert report.days == pytest.approx(len(campaign.HOUSES) / 8.0, abs=0.01)
    assert sum(report.faults.values()) >= 20


def test_enough_runs_inject_every_fault() -> None:
    jobs = campaign.jobs_for(50.0, 1, FAULTS)
    assert len(jobs) == 200
    asked = [id_ for job in jobs for id_ in job.first]
    assert set(asked) == set(FAULTS)
    assert min(asked.count(id_) for id_ in FAULTS) >= 10
    assert len({(job.house, job.seed) for job in jobs}) == 200


def test_every_house_lives_with_shipped_days_and_with_made_up_ones_on_every_meter() -> None:
    jobs = campaign.jobs_for(50.0, 1, FAULTS)
    # given what a run is of, a household with whatever it owns being one
    kinds = {(job.house, job.cadence, job.trace.partition(":")[0]) for job in jobs}
    # then nothing is left out, and some own more than others
    shipped = set(product(ALL, campaign.METERS, ("", "household")))
    assert kinds == shipped | {(MADE_UP, "", ""), (MADE_UP, "", "household")}
    assert len({job.trace for job in jobs}) > 4


def test_a_run_that_raises_is_a_defect_with_its_command_place_and_instant() -> None:
    # given a fault that nobody can inject
    report = campaign.run_campaign(0.25, 1, ("F99",), 1)
    # then
    ((job, raised),) = report.broken
    assert raised.startswith("Traceback")
    text = "\n".join(report.lines())
    assert not report.sound
    assert report.document()["errors"] == 1
    assert report.document()["defects"] == [job.replay]
    assert f"defect: {job.replay}" in text
    assert "KeyError: 'F99'" in text
    assert re.search(r'trial.py", line \d+, in _begin', text)
    assert re.search(rf"at \d+\.\d{{3}} s in the house {job.house} with seed {job.seed}", text)


def test_an_exception_that_cannot_leave_its_process_is_told_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run_job(_: trial.Job) -> trial.Result:
        raise DecodeError(Rejection.PARSE, "not JSON")

    monkeypatch.setattr(campaign, "run_job", run_job)
    report = campaign.run_campaign(0.5, 1, (), 1)
    assert not report.cut_short
    assert len(report.broken) == 2
    assert "DecodeError: not JSON" in "\n".join(report.lines())


def test_a_trace_that_cannot_be_read_is_no_defect_of_every_run() -> None:
    with pytest.raises(TraceError, match=r"gone\.csv"):
        campaign.run_campaign(0.25, 1, (), 1, trace="gone.csv")


@pytest.fixture
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_runs(monkeypatch, hours=0.5)


@pytest.mark.usefixtures("short_runs")
@pytest.mark.parametrize("processes", [1, 2])
def test_who_interrupts_is_told_what_was_done(processes: int) -> None:
    # given somebody who has had enough after the first run
    def interrupt(_: tally.Report) -> None:
        raise KeyboardInterrupt

    # when
    report = campaign.run_campaign(30.0, 1, (), processes, progress=interrupt)
    # then
    assert report.runs == 1
    assert not report.sound
    assert "interrupted: this is what was done" in report.lines()


def test_who_interrupts_does_not_wait_for_what_is_half_done() -> None:
    workers: list[BaseProcess] = []

    # given Ctrl-C at a terminal: everybody hears it
    def interrupt(_: tally.Report) -> None:
        workers.extend(active_children())
        for each in workers:
            assert each.pid is not None
            os.kill(each.pid, signal.SIGINT)
        raise KeyboardInterrupt

    # when
    campaign.run_campaign(30.0, 1, (), 2, progress=interrupt)
    # then no worker has finished what it was at
    assert [each.exitcode for each in workers] == [-signal.SIGINT] * 2


@pytest.mark.usefixtures("short_runs")
def test_when_a_process_is_killed_what_was_done_is_told() -> None:
    # given a machine that runs out of memory after the first run
    def kill(_: tally.Report) -> None:
        for each in active_children():
            each.kill()

    # when
    report = campaign.run_campaign(30.0, 1, (), 2, progress=kill)
    # then
    assert report.runs >= 1
    assert not report.sound
    assert any("a process of the campaign was killed" in line for line in report.lines())


def test_one_run_is_replayed_by_what_the_report_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # given one run of a campaign
    job = trial.Job(
        house="pilot",
        seed=77,
        hours=2.0,
        per_day=48.0,
        first=("F75", "F19"),
        trace="household:shower",
    )
    result = trial.run_job(job)
    # when its command is given
    words = job.replay.split()[3:]
    campaign.main([*words, "--json"])
    # then the same bytes went over the wire
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"digest {result.digest}"
    assert json.loads(told[1])["faults"] == result.faults


def test_what_goes_wrong_in_a_run_is_reported_with_its_command() -> None:
    report = tally.Report()
    job = trial.Job(house="flat", seed=5)
    report.add(
        trial.Result(
            job=job,
            days=0.25,
            digest="",
            violations=("I09 at 1.0 s: retained",),
            trips=1,
            avoidable=("avoidable trip",),
            faults={"F01": 2},
            messages=10,
            commands=2,
        )
    )
    text = "\n".join(report.lines())
    assert not report.sound
    assert job.replay in text
    assert "I09 at 1.0 s: retained" in text
    assert "1 trips, 1 avoidable; 1 violations" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["--faults", "F99"],
        ["--replay", "pilot:1", "--first", "F99"],
        ["--replay", "nowhere:1"],
        ["--replay", "pilot"],
        ["--replay", "pilot:1", "--trace", "gone.csv"],
        ["--trace", "household:sauna"],
        ["--jobs", "0"],
    ],
)
def test_what_is_not_there_is_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        campaign.main(arguments)
    assert ended.value.code == 2
