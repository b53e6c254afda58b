"""``balancer check``: the house, every topic, and the broker's access list."""

import re
from pathlib import Path

import pytest

from balancer.cli.check import show_acl, show_house, starving
from balancer.cli.topics import uses
from balancer.config.load import read_setup
from balancer.config.setup import Setup
from balancer.engine import Engine
from tests.config.small import HOUSE

EXAMPLE = Path(__file__).parents[2] / "config.toml"


@pytest.fixture
def example() -> Setup:
    return read_setup(EXAMPLE, environ={})


def setup_of(text: str, folder: Path) -> Setup:
    path = folder / "config.toml"
    path.write_text(text)
    return read_setup(path, environ={})


def test_check_shows_the_example_house(example: Setup, request: pytest.FixtureRequest) -> None:
    golden = Path(__file__).with_name("golden") / "check.txt"
    if request.config.getoption("--update-golden"):
        golden.write_text(show_house(example) + "\n")
    assert show_house(example) + "\n" == golden.read_text()


def test_every_topic_that_the_engine_subscribes_to_is_listed_as_in(example: Setup) -> None:
    engine = Engine(example, at_s=0.0, wall_s=0.0)
    listed = {use.topic for use in uses(example) if use.reads}
    assert set(engine.subscriptions()) <= listed
    # and no other, but for the service's own watch over the connection
    own = {engine.topics.heartbeat, engine.topics.availability}
    assert listed - set(engine.subscriptions()) == own - set(engine.subscriptions())


def test_every_topic_that_a_relay_is_commanded_on_is_listed_as_out(example: Setup) -> None:
    written = {use.topic for use in uses(example) if use.writes}
    for relay in example.relays.values():
        commands = (relay.switch(on=True), relay.switch(on=False), *relay.query, *relay.setup)
        assert {message.topic for message in commands} <= written


def test_each_topic_is_listed_once(example: Setup) -> None:
    listed = [use.topic for use in uses(example)]
    assert len(listed) == len(set(listed))
    # a plug that is relay and meter has one line that says both
    purposes = {use.topic: use.purpose for use in uses(example)}
    assert purposes["tele/relay8/STATE"] == "relay of loads.tv; relay of loads.kitchen"


def test_without_discovery_no_topic_of_home_assistant_is_used(tmp_path: Path) -> None:
    setup = setup_of(f"{HOUSE}[homeassistant]\ndiscovery = false", tmp_path)
    assert not [use for use in uses(setup) if use.topic.startswith("homeassistant")]


def test_the_access_list_allows_the_listed_topics_and_no_others(example: Setup) -> None:
    lines = show_acl(example).splitlines()
    assert lines[:2] == ["user balancer", "topic readwrite balancer/house/#"]
    granted = [re.findall(r"topic (\w+) (.+)", line) for line in lines[2:]]
    access = {topic: access for ((access, topic),) in granted}
    # exact topics only
    assert not [topic for topic in access if "+" in topic or "#" in topic]
    for use in uses(example):
        if use.topic.startswith("balancer/house/"):
            continue
        given = access.pop(use.topic)
        assert ("read" in given, "write" in given) == (use.reads, use.writes)
    assert access == {}


def test_the_access_list_is_for_the_configured_user(tmp_path: Path) -> None:
    setup = setup_of(f'{HOUSE}[mqtt]\nusername = "heating"\nbase_topic = "my/base"', tmp_path)
    assert show_acl(setup).splitlines()[:2] == ["user heating", "topic readwrite my/base/house/#"]


def test_nothing_that_check_prints_is_secret(tmp_path: Path) -> None:
    setup = setup_of(f'{HOUSE}[mqtt]\nusername = "u"\npassword = "hunter2"', tmp_path)
    assert "hunter2" not in show_house(setup) + show_acl(setup)
    assert "on localhost:1883 as u with a password" in show_house(setup)


def test_warnings_are_shown(tmp_path: Path) -> None:
    setup = setup_of(f"{HOUSE}[zones.attic]", tmp_path)
    assert "Warnings\n  zones.attic has no loads: its request heats nothing" in show_house(setup)


def test_dry_run_is_shown(tmp_path: Path) -> None:
    assert "dry run" in show_house(setup_of(f"dry_run = true\n{HOUSE}", tmp_path))
    assert "dry run" not in show_house(setup_of(HOUSE, tmp_path))


LOADS = """
[circuits.main]
limit = 6000
meter = { type = "mqtt", topic = "main" }
[circuits.barn]
limit = 6000
meter = { type = "mqtt", topic = "barn" }
[zones.lounge]
[zones.attic]
"""


def heater(name: str, zone: str, circuit: str, priority: int) -> str:
    return (
        f'[loads.{name}]\nzone = "{zone}"\ncircuit = "{circuit}"\npriority = {priority}\n'
        f'power = 1000\nrelay = {{ type = "tasmota", device = "{name}" }}\n'
    )


def test_loads_that_may_starve_are_named_with_their_zones(tmp_path: Path) -> None:
    """R5."""
    text = LOADS + "".join(
        heater(*each)
        for each in (
            ("sofa", "lounge", "main", 5),
            ("bed", "attic", "main", 0),
            ("desk", "lounge", "main", 0),
            ("boiler", "attic", "main", 1),
            ("anvil", "attic", "barn", 0),
        )
    )
    assert [*starving(setup_of(text, tmp_path).house)] == [
        (
            "bed, desk (zones: attic, lounge) may stay cold for as long as sofa, boiler want heat: "
            "priority is strict"
        ),
        "boiler (zones: attic) may stay cold for as long as sofa want heat: priority is strict",
    ]


def test_with_one_priority_nobody_starves(example: Setup) -> None:
    assert [*starving(example.house)] == []


def test_priorities_meet_on_a_common_parent(tmp_path: Path) -> None:
    text = (
        LOADS + heater("sofa", "lounge", "main", 1) + heater("bed", "attic", "barn", 0)
    ).replace("[circuits.barn]", '[circuits.barn]\nparent = "main"')
    assert len([*starving(setup_of(text, tmp_path).house)]) == 1


def test_slow_telemetry_is_noted(tmp_path: Path) -> None:
    """R13."""
    meter = 'type = "tasmota", device = "m", stale_after = {}'
    for stale_after, noted in (("299 s", True), ("300 s", False)):
        text = HOUSE.replace(
            'type = "mqtt", topic = "house/power"', meter.format(f'"{stale_after}"')
        )
        assert ("TelePeriod" in show_house(setup_of(text, tmp_path))) is noted
