"""Whole problem texts, compared letter by letter."""

from pathlib import Path

import pytest

from balancer.config.load import read_setup
from balancer.config.problems import ConfigError, Problem, key_path, meant, shown
from tests.config.small import Golden

SCHEMA = """
naem = "house"
name = "my house"
dry_run = "perhaps"
on_exit = "of"

[mqtt]
hosst = "localhost"
port = 70000
password = 12345
base_topic = "balancer/#"
tls = true

[homeassistant]
prefix = "/homeassistant"

[http]
port = -1

[rotation]
hold_off = "-1 s"
order = "towels"

[circuits.main]
unit = "Amp"
voltage = 0
limit = inf
reserve = -1
estimation = "globl"
safe_ratio = 0.9
hysteresis = nan
restore_delay = "30 sek"
idle = "keep"
fallback_active = 1.5
steps = [5, 4, 6, 0]
meter = { type = "tasmoto", device = "linky" }
non_heating_meters = [{ type = "zigbee2mqtt", pth = "x" }, 7]
breaker = { profil = "linky" }

[circuits."sub panel"]
limit = "1,5 kW"

[zones.lounge]
request = { type = "tasmota", device = "x" }
request_ttl = true
titel = "Lounge"

[loads.tv]
power = inf
priority = "high"
min_on = "5 minutes"
boost_max = 0
rated_switches = 0
relay = { type = "mqtt", command_topic = "heat/+/set", dead_man = "15 min", qos = 2 }
meter = { type = "mqtt", topic = "", scale = 0, stale_after = 0, path = "a..b" }

[loads.towels]
relay = { type = "zigbee2mqtt", device = "/relay", channel = "l 1", dead_man = "29.9 s" }
"""
"""Values that cannot be, of every kind that a single key can have."""

HOUSE = """
on_exit = "keep"

[mqtt]
password = "secret"
password_file = "secret.txt"
tls = { ca = "ca.crt", key = "client.key" }

[rotation]
every = "0 0 31 2 *"
timezone = "Europe/Pariss"
order = ["towles", "tv"]

[circuits.main]
unit = "A"
limit = 30
reserve = 31
meter = { type = "mqtt", topic = "house/power", min = 40, max = 30 }
breaker = { profile = "C" }
parent = "grid"

[circuits.l1]
limit = 3000
estimation = "individual"
parent = "l2"
breaker = { profile = "linki" }

[circuits.l2]
limit = 3000
estimation = "external"
parent = "l1"

[circuits.l3]
limit = 3000
estimation = "individual"
non_heating_meters = [{ type = "mqtt", topic = "oven/power" }]
parent = "l3"

[circuits.l4]
limit = 3000

[zones.lounge]
request = { type = "mqtt", topic = "trv", on = "heat", off = "Heat" }

[zones.office]
request = { type = "mqtt", topic = "trv2", on = "heat", above = 20 }

[loads.tv]
zone = "loung"
circuit = "mian"
power = 5
relay = { type = "mqtt", command_topic = "tv/set", state_topic = "tv/set" }

[loads.towels]
zone = "lounge"
circuits = ["main", "l3"]
power = 5
relay = { type = "tasmota", device = "relay", dead_man = "19 h" }
meter = { type = "mqtt", topic = "towels/power" }

[loads.kitchen]
zone = "lounge"
circuit = "l1"
circuits = ["l2"]
power = 5
relay = { type = "tasmota", device = "relay", channel = 1, inverted = true, dead_man = "1 h" }

[loads.bed]
zone = "lounge"
circuits = ["l1", "l2"]
power = 5
relay = { type = "mqtt", command_topic = "bed/set", on = "0", off = "0" }

[loads.desk]
zone = "lounge"
circuits = []
power = 5
relay = { type = "zigbee2mqtt", device = "desk", dead_man = "2 h" }

[loads.hall]
zone = "lounge"
circuits = ["l4", "l5", "l4"]
power = 5
relay = { type = "mqtt", command_topic = "balancer/house/away/set" }

[loads.cellar]
"""
"""Values that can be, but not together."""


@pytest.mark.parametrize(("name", "text"), [("schema", SCHEMA), ("house", HOUSE)])
def test_all_problems_of_a_file_are_told_at_once(
    name: str,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    golden: Golden,
) -> None:
    # given a file with one mistake in nearly every line
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text(text)
    # when it is read
    with pytest.raises(ConfigError) as error:
        read_setup(Path("config.toml"), environ={})
    # then everything is told, in the order of the file
    golden(f"{name}.txt", f"{error.value}\n")


def test_one_problem_is_one_problem() -> None:
    problem = Problem("loads.tv.power", "inf is not a finite number", "more than 0")
    assert str(ConfigError((problem,))) == (
        "config.toml has 1 problem\n\nloads.tv.power: inf is not a finite number\n"
        "  allowed: more than 0"
    )


def test_several_problems_stand_as_the_style_shows_them() -> None:
    first = Problem("loads.tv.power", "inf is not a finite number", "more than 0", "power = 5")
    second = Problem("loads.tv.zone", "it is missing", "lounge", 'zone = "lounge"')
    assert str(ConfigError((first, second), "house.toml")).splitlines() == [
        "house.toml has 2 problems",
        "",
        "loads.tv.power: inf is not a finite number",
        "  allowed: more than 0",
        "  fix: power = 5",
        "loads.tv.zone: it is missing",
        "  allowed: lounge",
        '  fix: zone = "lounge"',
    ]


def test_a_key_path_is_written_as_in_the_file() -> None:
    path = ("circuits", "sub panel", "non_heating_meters", 2, "max")
    assert key_path(path) == 'circuits."sub panel".non_heating_meters[2].max'


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mian", "main"), ("MAIN", "main"), ("up-stairs", "up_stairs"), ("zebra", None), ("", None)],
)
def test_the_name_that_was_meant_is_guessed(name: str, expected: str | None) -> None:
    assert meant(name, ["main", "up_stairs"]) == expected


def test_values_are_shown_on_one_short_line() -> None:
    assert shown("a\nb") == '"a\\nb"'
    assert len(shown("x" * 1000)) < 70
    assert len(shown([["x" * 50] * 10] * 100)) < 70
    assert shown({"password": "x"}) == "a table"
