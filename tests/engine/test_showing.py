"""What is shown, and when: status, events, discovery, what is cleared."""

import itertools
import json
from pathlib import Path

from tests.engine.rig import CONFIG, EngineRig, running


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
