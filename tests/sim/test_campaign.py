"""Campaigns mix houses and faults, find nothing wrong, and can be replayed run by run."""

import json

import pytest

from balancer.sim import campaign, trial
from balancer.sim.faults import FAULTS


def test_a_small_campaign_is_sound() -> None:
    # given five houses for four hours each, with faults
    report = campaign.run_campaign(5 * 6.0 / 24.0, seed=1, jobs=1)
    # then
    assert list(report.lines())[2:] == [
        line for line in report.lines() if line.startswith("never injected")
    ]
    assert report.sound
    assert report.runs == 5
    assert report.days == pytest.approx(1.25, abs=0.01)
    assert sum(report.faults.values()) >= 20


def test_enough_runs_inject_every_fault() -> None:
    jobs = campaign.jobs_for(50.0, 1, FAULTS)
    assert len(jobs) == 200
    asked = [id_ for job in jobs for id_ in job.first]
    assert set(asked) == set(FAULTS)
    assert min(asked.count(id_) for id_ in FAULTS) >= 10
    assert len({(job.house, job.seed) for job in jobs}) == 200


def test_one_run_is_replayed_by_what_the_report_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # given one run of a campaign
    job = trial.Job(house="pilot", seed=77, hours=2.0, per_day=48.0, first=("F75", "F19"))
    result = trial.run_job(job)
    # when its command is given
    words = job.replay.split()[3:]
    campaign.main([*words, "--json"])
    # then the same bytes went over the wire
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"digest {result.digest}"
    assert json.loads(told[1])["faults"] == result.faults


def test_what_goes_wrong_in_a_run_is_reported_with_its_command() -> None:
    report = campaign.Report()
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
