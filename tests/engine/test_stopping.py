"""Stopping, the emergency, and a dry run."""

import json
from pathlib import Path

from tests.engine.rig import STEP_S, EngineRig, running


def test_stopping_switches_off_confirms_and_tells(rig: EngineRig) -> None:
    """R16."""
    running(rig)
    rig.publish(rig.engine.stop(rig.now_s))
    assert not rig.engine.stopped
    rig.run(0.5)
    assert rig.on == set()
    rig.run(7.0)
    assert rig.engine.stopped
    assert not any(load["on"] for load in rig.status()["loads"].values())


def test_stopping_is_done_when_the_last_status_has_told_so(rig: EngineRig) -> None:
    """R16: relays that are off already are not enough."""
    running(rig)
    rig.publish(rig.engine.stop(rig.now_s))
    # when the relays have answered, then it is not done before that was shown
    rig.run(STEP_S)
    assert rig.on == set()
    assert not rig.engine.stopped
    rig.wake()
    assert rig.engine.stopped
    assert not any(load["on"] for load in rig.status()["loads"].values())


def test_stopping_with_keep_moves_nothing(tmp_path: Path) -> None:
    """R16."""
    rig = running(EngineRig(tmp_path, top='on_exit = "keep"'))
    since_s = rig.now_s
    rig.publish(rig.engine.stop(rig.now_s))
    assert rig.engine.stopped
    rig.run(1.0)
    assert rig.commands(since_s) == []


def test_the_emergency_is_off_for_every_load_and_nothing_in_a_dry_run(tmp_path: Path) -> None:
    """R16, R17: a dry run sends no relay command, come what may."""
    rig = EngineRig(tmp_path)
    assert {(each.topic, each.payload, each.retain) for each in rig.engine.emergency} == {
        ("heat/window/set", b"OFF", False),
        ("cmnd/door/POWER", b"OFF", False),
        ("heat/towels/set", b"OFF", False),
    }
    assert EngineRig(tmp_path, top="dry_run = true").engine.emergency == ()


def test_a_dry_run_tells_everything_and_sends_relays_nothing(tmp_path: Path) -> None:
    """R17: no query, no dead-man's setting, no command."""
    rig = EngineRig(tmp_path, top="dry_run = true")
    rig.begin()
    rig.run(7.0)
    rig.set("zone/lounge", "ON")
    rig.send("stat/door/RESULT", '{"PulseTime1":{"Set":0,"Remaining":0}}')
    rig.run(5.0)
    assert {each.topic for _, each in rig.out if not each.topic.startswith("balancer/")} <= {
        each for each in rig.retained if each.startswith("homeassistant/")
    }
    assert rig.status()["dry_run"] is True
    assert rig.status()["loads"]["window"]["on"]
    assert json.loads(rig.published("balancer/house/event")[-1][1])["dry_run"] is True
    rig.publish(rig.engine.stop(rig.now_s))
    assert rig.engine.stopped
