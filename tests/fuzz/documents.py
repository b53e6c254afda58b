"""Configuration files, nearly right: lines lost, repeated, given odd values and keys."""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.fuzz.payloads import MUTATIONS

CONFIG = ("config", "toml")  # as family and kind
PASSWORD = "swordfish-4711"
_EXAMPLE = (Path(__file__).parents[2] / "config.toml").read_text()
_SMALL = f"""\
name = "house"
[mqtt]
username = "balancer"
password = "{PASSWORD}"
[circuits.main]
unit = "A"
limit = 30
steps = [5, 4, 2, 1, 0]
meter = {{ type = "tasmota", device = "linky", path = "ENERGY.Current", stale_after = "15 s" }}
breaker = {{ profile = "C", rating = "32 A" }}
[circuits.annex]
limit = "3 kW"
parent = "main"
estimation = "individual"
non_heating_meters = [ {{ type = "zigbee2mqtt", device = "washer", unit = "W", max = 2000 }} ]
[zones.lounge]
[zones.bath]
request = {{ type = "mqtt", topic = "trv", path = "running_state", on = "heat", off = "idle" }}
[loads.window]
zone = "lounge"
circuit = "main"
power = 5
boost_max = "2 h"
relay = {{ type = "zigbee2mqtt", device = "relay", channel = "l1" }}
[loads.towels]
zone = "bath"
circuit = "annex"
power = "1500 W"
min_on = "5 min"
relay = {{ type = "tasmota", device = "relay2", channel = 7, dead_man = "15 min" }}
meter = {{ type = "mqtt", topic = "plug", path = "a[0].b" }}
"""
_VALUES = (
    *("0", "-1", "5", "65536", "1e308", "-0.0", "nan", "inf", "-inf", "true", "false", "0x10"),
    *('""', '" "', '"5 A"', '"1 h"', '"-1 s"', '"1,5 kW"', '"9999999999 d"', '"NaN W"', '"main"'),
    *('"mqtt"', '"tasmota"', '"zigbee2mqtt"', '"global"', '"external"', '"individual"', '"off"'),
    *('"#"', '"+"', '"a/#"', '"$SYS/x"', r'"\u0000"', r'"a\nb"', '"\u00e9\u4e2d"', '"../../etc"'),
    *("[]", "[0]", "[[]]", "{}", '{ type = "mqtt" }', '{ type = "tasmota", device = "x" }'),
    *(
        "1979-05-27",
        "1979-05-27T07:32:00Z",
        "07:32:00",
        "9" * 400,
        "1e999",
        '"' + "x" * 70_000 + '"',
    ),
    *('"*/10 * * * *"', '"0 0 30 2 *"', '"* * * * * *"', '"Europe/Paris"', '["main", "main"]'),
)
_KEYS = (
    *("limit", "unit", "meter", "relay", "power", "zone", "circuit", "circuits", "parent", "steps"),
    *("type", "topic", "path", "on", "off", "dead_man", "port", "password", "pasword", "tls", '""'),
    *('"a b"', '"\u00e9"', r'"\u0000"', "name", "estimation", "stale_after", "order", "every"),
)
_TABLES = (
    *("[loads.window]", "[loads.new]", "[zones.lounge]", "[zones]", "[[loads]]", "[circuits.main]"),
    *('[circuits."sub panel"]', "[mqtt.tls]", "[nothing]", '[loads.""]', "[rotation]", "[http]"),
)
_LINE = re.compile(r"^(?P<key>[\w.]+)( *= *)(?P<value>.*)$")


def documents(seed: int) -> Iterator[bytes]:
    """Yield configuration files for ever; everything follows from the seed."""
    random = Random(seed)
    while True:
        lines = random.choice((_SMALL, _SMALL, _EXAMPLE)).splitlines()
        for _ in range(random.choice((0, 1, 1, 2, 3, 6))):
            _change(random, lines)
        whole = "\n".join(lines).encode()
        if random.random() < 0.2:
            whole = random.choice(MUTATIONS)(random, whole)
        yield whole


def _change(random: Random, lines: list[str]) -> None:
    at = random.randrange(len(lines)) if lines else 0
    found = _LINE.match(lines[at]) if lines else None
    draw = random.random()
    if draw < 0.45 and found is not None:
        lines[at] = f"{found['key']} = {random.choice(_VALUES)}"
    elif draw < 0.55 and found is not None:
        lines[at] = f"{random.choice(_KEYS)} = {found['value']}"
    elif draw < 0.65 and lines:
        del lines[at]
    elif draw < 0.7 and lines:
        lines.insert(at, lines[random.randrange(len(lines))])
    elif draw < 0.8:
        lines.insert(at, random.choice(_TABLES))
    elif draw < 0.9:
        lines.insert(at, f"{random.choice(_KEYS)} = {random.choice(_VALUES)}")
    elif found is not None:  # inside an inline table
        value = re.sub(r'"[^"]*"', lambda _: random.choice(_VALUES), found["value"], count=1)
        lines[at] = f"{found['key']} = {value}"
