"""Messages in, messages out: starting, settings, restarts, clocks, stopping."""

import itertools
import json
from datetime import datetime
from pathlib import Path

import pytest

from tests.engine.rig import CONFIG, START_S, EngineRig, running


@pytest.fixture
def rig(tmp_path: Path) -> EngineRig:
    return EngineRig(tmp_path)


def test_a_setting_is_answered_at_the_next_wake_changed_or_not(rig: EngineRig) -> None:
    """Section 5: within 200 ms."""
    running(rig)
    for topic, payload, answer in [
        ("away", "off", b"OFF"),
        ("zone/lounge", "ON", b"ON"),
        ("circuit/main/mode", "auto", b"auto"),
        ("circuit/main/limit", "6000", b"6000"),
        ("load/window/boost", "OFF", b"OFF"),
    ]:
        since_s = rig.now_s
        rig.set(topic, payload)
        assert rig.engine.deadline_s <= rig.now_s
        rig.run(0.1)
        (found,) = rig.published(f"balancer/house/{topic}", since_s)
        assert found[1] == answer
        rig.run(1.0)


def test_a_setting_that_is_not_allowed_changes_nothing_and_is_answered(rig: EngineRig) -> None:
    """F68: counted each time, logged once per change."""
    running(rig)
    since_s = rig.now_s
    for payload in ("1e9", "1e9", "nan", "-1", "x" * 100):
        rig.set("circuit/main/limit", payload)
        rig.run(0.1)
    assert [
        payload for _, payload in rig.published("balancer/house/circuit/main/limit", since_s)
    ] == [b"6000"] * 5
    rejected = rig.engine.counts.rejected
    assert rejected["circuit/main/limit/set", "range"] == 3
    assert (
        sum("rejected source=circuit/main/limit/set reason=range" in each for each in rig.lines)
        == 2
    )
    rig.set("circuit/main/limit", "6000")
    assert sum("rejected_over source=circuit/main/limit/set" in each for each in rig.lines) == 1


def test_a_retained_setting_is_not_obeyed(rig: EngineRig) -> None:
    """Section 5: it may be hours old."""
    running(rig)
    rig.send("balancer/house/away/set", "ON", retain=True)
    rig.run(3.0)
    assert rig.on == {"window", "door"}
    assert rig.engine.counts.rejected["away/set", "retained"] == 1


def test_settings_before_the_start_wait_for_it_and_win_over_memory(rig: EngineRig) -> None:
    """R15: mode and limit set before the start are not overwritten by what is read back."""
    rig.retained["balancer/house/away"] = b"OFF"
    rig.retained["balancer/house/circuit/main/limit"] = b"5000"
    rig.connect()
    rig.set("circuit/main/limit", "3000")
    rig.set("away", "ON")
    rig.publish(rig.engine.start(rig.now_s))
    rig.run(0.2)
    status = rig.status()
    assert status["away"] is True
    assert status["circuits"]["main"]["limit"] == 3000.0
    assert rig.retained["balancer/house/circuit/main/limit"] == b"3000"


def test_what_is_decided_at_the_start_is_told(rig: EngineRig) -> None:
    """Section 5: one event per decision with commands; a relay without reports gets OFF."""
    rig.begin()
    rig.run(0.2)
    assert rig.commands() == [("towels", b"OFF")]
    (event,) = rig.published("balancer/house/event")
    assert json.loads(event[1])["cause"] == "reconcile"


def test_before_the_start_nothing_is_shown_and_nothing_switched(rig: EngineRig) -> None:
    """R15: questions only."""
    rig.connect()
    rig.run(20.0)
    assert rig.commands() == []
    assert not [each for _, each in rig.out if each.topic.startswith("balancer/")]


def test_the_status_follows_decisions_at_once_numbers_every_5_s_and_anyway_every_60_s(
    rig: EngineRig,
) -> None:
    """Section 5."""
    running(rig)
    rig.run(15.0)
    # given numbers that change with every reading
    since_s = rig.now_s
    for _ in range(20):
        rig.base_w += 10.0
        rig.run(1.0)
    times = [at_s for at_s, _ in rig.published("balancer/house/status", since_s)]
    assert 3 <= len(times) <= 5
    assert all(later - sooner >= 4.9 for sooner, later in itertools.pairwise(times))
    # when something is decided, then it is shown at once
    since_s = rig.now_s
    rig.set("away", "ON")
    rig.run(0.1)
    assert rig.published("balancer/house/status", since_s)
    # when the meter is gone and nothing changes any more, then it is shown every minute
    rig.meter_s = float("inf")
    rig.run(60.0)
    since_s = rig.now_s
    rig.run(600.0)
    times = [at_s for at_s, _ in rig.published("balancer/house/status", since_s)]
    assert all(later - sooner <= 60.1 for sooner, later in itertools.pairwise(times))
    # and its number rises
    numbers = [
        json.loads(payload)["sequence"] for _, payload in rig.published("balancer/house/status")
    ]
    assert numbers == sorted(set(numbers))


def test_a_change_without_a_decision_is_in_the_status_within_5_s_though_the_meter_is_silent(
    rig: EngineRig,
) -> None:
    """Section 5: a request that nothing can follow is shown all the same."""
    running(rig)
    rig.meter_s = float("inf")
    rig.run(40.0)
    rig.send("trv", '{"state": "heat"}')
    rig.run(0.1)
    rig.send("trv", '{"state": "idle"}')
    rig.run(1.2)
    rig.send("trv", '{"state": "heat"}')
    rig.run(5.2)
    assert rig.status()["zones"]["bath"]["request"] is True


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


def in_paris(folder: Path, utc: str) -> EngineRig:
    """Return a house in Paris with two loads on, a minute before a time of UTC."""
    config = CONFIG.replace("[rotation]", '[rotation]\ntimezone = "Europe/Paris"')
    rig = EngineRig(folder, config=config)
    rig.wall_offset_s = datetime.fromisoformat(utc).timestamp() - 60.0 - rig.now_s
    rig.new_engine()
    return running(rig)


def today(rig: EngineRig) -> dict[str, int]:
    return {name: load["switches_today"] for name, load in rig.status()["loads"].items()}


def test_the_day_of_the_switchings_ends_at_midnight_in_the_house(tmp_path: Path) -> None:
    """Midnight in Paris is 23:00 UTC; a tick at midnight belongs to the new day."""
    rig = in_paris(tmp_path, "2026-11-22T23:00Z")
    assert today(rig) == {"window": 1, "door": 1, "towels": 0}
    rig.run(30.0)
    assert today(rig) == {"window": 1, "door": 1, "towels": 0}
    # when everybody leaves on the stroke of midnight
    rig.run(60.0 - (rig.now_s - START_S) + 0.01)
    rig.set("away", "ON")
    rig.run(2.0)
    # then the day is new, and these are its first
    assert today(rig) == {"window": 1, "door": 1, "towels": 0}
    # and a restart goes on with the same day
    rig.set("away", "OFF")
    rig.run(1.0)
    rig.new_engine()
    rig.begin()
    rig.run(2.0)
    assert today(rig) == {"window": 1, "door": 1, "towels": 0}


def test_midnight_in_greenwich_is_nothing_to_a_house_in_paris(tmp_path: Path) -> None:
    rig = in_paris(tmp_path, "2026-11-23T00:00Z")
    rig.run(30.0)
    # when the process is restarted beyond it
    rig.run(30.0)
    rig.new_engine()
    rig.begin()
    rig.run(10.0)
    # then what was switched before it is still of today
    assert today(rig) == {"window": 1, "door": 1, "towels": 0}


def test_a_restart_after_midnight_begins_a_new_day(tmp_path: Path) -> None:
    rig = in_paris(tmp_path, "2026-11-22T23:00Z")
    rig.disconnect()
    rig.now_s = START_S + 61.0
    rig.new_engine()
    rig.begin()
    rig.run(1.0)
    assert today(rig) == {"window": 0, "door": 0, "towels": 0}


def test_a_shed_load_waits_for_its_min_off_over_a_restart(rig: EngineRig) -> None:
    """Scenario 13."""
    running(rig)
    rig.base_w = 4000.0
    rig.run(2.0)
    rig.base_w = 500.0
    assert len(rig.on) == 0 or len(rig.on) == 1
    since_s = rig.now_s
    left = set(rig.on)
    rig.new_engine()
    rig.now_s += 1.0
    rig.begin()
    rig.run(60.0)
    assert rig.on == left
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


def test_topics_of_what_left_the_configuration_are_cleared(tmp_path: Path) -> None:
    """Section 5, F70."""
    rig = running(EngineRig(tmp_path))
    without = CONFIG[: CONFIG.index("[loads.towels]")].replace("[zones.bath]\nrequest", "#")
    again = EngineRig(tmp_path, config=without)
    again.retained = rig.retained
    again.begin()
    again.run(0.3)
    assert not [topic for topic in again.retained if "towels" in topic]
    assert "balancer/house/load/window/state" in again.retained


def test_discovery_follows_home_assistants_birth_at_most_every_5_s(rig: EngineRig) -> None:
    """F69."""
    running(rig)
    topic = next(each for each in rig.retained if each.startswith("homeassistant/device"))
    rig.run(10.0)
    since_s = rig.now_s
    for _ in range(50):
        rig.send("homeassistant/status", "online")
        rig.run(0.1)
    rig.run(10.0)
    assert 1 <= len(rig.published(topic, since_s)) <= 2


def test_the_wall_clock_moves_ticks_and_nothing_else(rig: EngineRig) -> None:
    """F71, I19."""
    running(rig)
    for by_s in (3600.0, -86_400.0, 1.5, -1.5, 315_360_000.0):
        since_s = rig.now_s
        rig.jump(by_s)
        rig.run(30.0)
        assert rig.commands(since_s) == []
    assert rig.on == {"window", "door"}
    assert sum("clock_jump" in each for each in rig.lines) == 3
    ticks = rig.engine.counts.rotations
    rig.run(1200.0)
    assert ticks + 1 <= rig.engine.counts.rotations <= ticks + 3


def test_a_tick_comes_at_its_instant_once(rig: EngineRig) -> None:
    """R6: every ten minutes by the wall clock."""
    running(rig)
    rig.run(START_S + 3600.0 + 1.0 - rig.now_s)
    assert rig.engine.counts.rotations == 6


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
    rig.run(5.0)
    assert {each.topic for _, each in rig.out if not each.topic.startswith("balancer/")} <= {
        each for each in rig.retained if each.startswith("homeassistant/")
    }
    assert rig.status()["dry_run"] is True
    assert rig.status()["loads"]["window"]["on"]
    assert json.loads(rig.published("balancer/house/event")[-1][1])["dry_run"] is True
    rig.publish(rig.engine.stop(rig.now_s))
    assert rig.engine.stopped


def test_a_reading_over_the_limit_is_answered_with_the_command_itself(rig: EngineRig) -> None:
    """R9, I13: views wait."""
    running(rig)
    outgoing = rig.send("meter", "6500")
    assert len(outgoing.commands) == 1
    assert outgoing.rest == ()
    assert rig.engine.deadline_s <= rig.now_s


@pytest.mark.parametrize("payload", ["", "NaN", "1e999", "70000", "on", "\xff", "x" * 5000])
def test_what_is_no_reading_refreshes_no_age(rig: EngineRig, payload: str) -> None:
    """R13, F05 to F12: the circuit goes blind."""
    running(rig)
    rig.meter_s = float("inf")
    for _ in range(20):
        rig.run(1.0)
        rig.send("meter", payload)
    assert rig.on == set()
    assert rig.status()["circuits"]["main"]["blind"] is True
    assert sum("rejected source=circuits.main.meter" in each for each in rig.lines) == 1


def test_a_retained_reading_is_no_reading(rig: EngineRig) -> None:
    """R13, F14."""
    running(rig)
    rig.send("meter", "9000", retain=True)
    assert rig.on == {"window", "door"}
    assert rig.engine.counts.rejected["circuits.main.meter", "retained"] == 1


def test_a_device_that_is_away_is_unavailable_and_asked_when_it_returns(rig: EngineRig) -> None:
    """R15, F33: flaps alone move no relay."""
    running(rig)
    since_s = rig.now_s
    for _ in range(3):
        rig.send("tele/door/LWT", "Offline")
        rig.run(1.0)
        rig.send("tele/door/LWT", "Online")
        rig.run(1.0)
    assert rig.commands(since_s) == [("door", b"ON")] * 3  # renewals: how much is left is unknown
    assert rig.on == {"window", "door"}
