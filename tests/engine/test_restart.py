"""A restart, or another broker: what is remembered."""

from pathlib import Path

import pytest

from tests.engine.rig import CONFIG, EngineRig, running


def test_a_restart_under_the_limit_moves_no_relay_and_goes_on_where_it_was(rig: EngineRig) -> None:
    """R15: boosts, modes, limits, shares, claims, min_off, sequence."""
    running(rig)
    rig.set("load/window/boost", "30")
    rig.set("circuit/main/mode", "1")
    rig.run(700.0)
    before = rig.status()
    since_s = rig.now_s
    # when the process dies and comes back 3 s later
    rig.new_engine()
    rig.now_s += 3.0
    rig.begin()
    rig.run(1.0)
    after = rig.status()
    rig.run(30.0)
    assert set(rig.commands(since_s)) == {("door", b"ON")}  # a renewal: it is on a lease
    assert after["sequence"] > before["sequence"]
    assert after["circuits"]["main"]["mode"] == 1
    assert after["circuits"]["main"]["mode_source"] == "set"
    for name, load in before["loads"].items():
        for key in (
            "on",
            "boost",
            "boost_until",
            "claim",
            "switched",
            "switches",
            "switches_today",
        ):
            assert after["loads"][name][key] == load[key], (name, key)
        assert after["loads"][name]["share"] == pytest.approx(load["share"], abs=0.02)


def test_a_restart_while_all_are_away_counts_no_switching(tmp_path: Path) -> None:
    """R15: relays of which memory says that they are off are told again, and do not move."""
    # given a house that everybody has left
    rig = running(EngineRig(tmp_path))
    rig.set("away", "ON")
    rig.run(2.0)
    before = {name: load["switches"] for name, load in rig.status()["loads"].items()}
    # when the process starts anew, and confirms what was so
    rig.new_engine()
    rig.begin()
    rig.run(10.0)
    # then nothing has worn
    assert {name: load["switches"] for name, load in rig.status()["loads"].items()} == before


def test_state_that_cannot_be_read_is_a_warning_and_a_first_start_is_none(rig: EngineRig) -> None:
    rig.begin()
    assert [line for line in rig.lines if line.startswith("INFO state_not_restored what=status")]
    assert not [line for line in rig.lines if line.startswith("WARNING state_not_restored")]
    rig.retained["balancer/house/status"] = b"{"
    rig.new_engine()
    rig.begin()
    assert [line for line in rig.lines if line.startswith("WARNING state_not_restored what=status")]


def test_only_the_missing_status_is_no_warning_at_a_first_start(rig: EngineRig) -> None:
    rig.retained["balancer/house/away"] = b"maybe"
    rig.begin()
    told = [line.split(" why=")[0] for line in rig.lines if "state_not_restored" in line]
    assert told == [
        "INFO state_not_restored what=status",
        "WARNING state_not_restored what=away",
    ]


def test_only_what_is_retained_is_remembered(rig: EngineRig) -> None:
    """R15: what somebody says on a state topic meanwhile is no memory of ours."""
    rig.connect()
    rig.send("balancer/house/zone/lounge", "ON", retain=True)
    rig.send("balancer/house/away", "ON")
    rig.publish(rig.engine.start(rig.now_s))
    rig.run(0.3)
    assert rig.status()["zones"]["lounge"]["request"] is True
    assert rig.status()["away"] is False


def test_a_shed_load_waits_for_its_min_off_over_a_restart(rig: EngineRig) -> None:
    """Scenario 13."""
    running(rig)
    rig.base_w = 4000.0
    rig.run(2.0)
    assert rig.on == set()
    rig.base_w = 500.0
    since_s = rig.now_s
    rig.new_engine()
    rig.now_s += 1.0
    rig.begin()
    rig.run(60.0)
    assert rig.on == set()
    assert rig.commands(since_s) == []
    assert {load["reason"] for load in rig.status()["loads"].values()} & {"min_off"}


def test_a_later_connect_publishes_memory_over_whatever_the_broker_holds(rig: EngineRig) -> None:
    """R15, F45: the broker came back empty, or with what is old."""
    running(rig)
    kept = {
        topic: payload
        for topic, payload in rig.retained.items()
        if topic != "balancer/house/status"
    }
    rig.disconnect()
    rig.run(2.0)
    rig.retained = {"heat/window": b"ON", "balancer/house/away": b"ON"}
    rig.connect()
    rig.run(0.3)
    for topic, payload in kept.items():
        assert rig.retained[topic] == payload, topic
    assert rig.status()["away"] is False
    assert rig.on == {"window", "door"}


def test_what_was_only_read_back_needs_no_subscription_after_the_start(tmp_path: Path) -> None:
    """Design: Layers; but what a zone listens to stays, whoever says it."""
    trv = 'topic = "trv", path = "state", on = "heat", off = "idle"'
    follows = CONFIG.replace(trv, 'topic = "balancer/house/zone/lounge"')
    rig = EngineRig(tmp_path, config=follows)
    wanted = set(rig.engine.subscriptions())
    done = set(rig.engine.read_back_done())
    assert done < wanted
    assert "balancer/house/status" in done
    rig.begin()
    rig.run(0.3)
    assert set(rig.engine.subscriptions()) == wanted - done - {
        "homeassistant/device/balancer_house/config"
    }
    assert "balancer/house/zone/lounge" in rig.engine.subscriptions()
