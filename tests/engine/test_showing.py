"""What is shown, and when: status, events, discovery, what is cleared."""

import itertools
import json
from pathlib import Path

import pytest

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


DISCOVERY = "homeassistant/device/balancer_house/config"


def test_entities_of_what_left_the_configuration_are_taken_from_home_assistant(
    tmp_path: Path,
) -> None:
    """F70: by the document that was retained, not by what somebody says meanwhile."""
    before = EngineRig(tmp_path)
    before.begin()
    before.run(0.3)
    old = before.retained[DISCOVERY]
    gone = {key for key in json.loads(old)["components"] if "towels" in key}
    assert gone
    without = CONFIG[: CONFIG.index("[loads.towels]")].replace("[zones.bath]\nrequest", "#")
    # given the old document, retained
    rig = EngineRig(tmp_path, config=without)
    rig.retained[DISCOVERY] = old
    rig.connect()
    rig.send(DISCOVERY, "{}")
    rig.publish(rig.engine.start(rig.now_s))
    rig.run(0.3)
    # then what is gone is reduced to its platform once, and the new document follows
    first, second = (json.loads(payload)["components"] for _, payload in rig.published(DISCOVERY))
    assert all(set(first[key]) == {"platform"} for key in gone)
    assert not gone & set(second)


@pytest.mark.parametrize(
    ("payload", "retain", "times"),
    [("online", False, 1), ("online", True, 0), ("offline", False, 0)],
)
def test_discovery_follows_home_assistants_birth_a_second_later_and_nothing_else(
    rig: EngineRig, payload: str, retain: bool, times: int
) -> None:
    """F69: what is retained was said before we came; at a birth it subscribes first."""
    running(rig)
    since_s = rig.now_s
    rig.send("homeassistant/status", payload, retain=retain)
    rig.run(0.9)
    assert rig.published(DISCOVERY, since_s) == []
    rig.run(5.0)
    assert len(rig.published(DISCOVERY, since_s)) == times


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


@pytest.mark.parametrize(
    ("late_s", "shown"), [(0.09, False), (0.11, True)], ids=["just before", "just after"]
)
def test_a_view_that_is_overdue_goes_with_the_next_message(
    rig: EngineRig, late_s: float, shown: bool
) -> None:
    """Style 2.6: a flood that leaves no time for a wake does not starve the views."""
    running(rig)
    rig.set("away", "OFF")
    rig.now_s += late_s
    outgoing = rig.send("meter", "4500")
    assert [each.topic for each in outgoing.rest if each.topic == "balancer/house/away"] == (
        ["balancer/house/away"] if shown else []
    )
