"""Each kind of problem once: a change to the smallest house, and what is said of it."""

import pytest

from tests.config.small import HOUSE, Problems

METER = 'meter = { type = "mqtt", topic = "house/power" }'
RELAY = 'relay = { type = "mqtt", command_topic = "heat/lounge/set", state_topic = "heat/lounge" }'


def replaced(old: str, new: str) -> str:
    assert old in HOUSE
    return HOUSE.replace(old, new)


def relay(table: str) -> str:
    return replaced(RELAY, f"relay = {{ {table} }}")


def meter(table: str) -> str:
    return replaced(METER, f"meter = {{ {table} }}")


def circuit(keys: str) -> str:
    return replaced("limit = 6000", f"limit = 6000\n{keys}")


def load(keys: str) -> str:
    return replaced("power = 1500", f"power = 1500\n{keys}")


def test_the_smallest_house_has_no_problems(problems: Problems) -> None:
    assert problems(HOUSE) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "circuits: it is missing"),
        ("", "loads: it is missing"),
        (HOUSE.split("[zones", maxsplit=1)[0], "loads: it is missing"),
        (replaced("limit = 6000", ""), "circuits.main.limit: it is missing"),
        (replaced(METER, ""), "circuits.main.meter: it is missing"),
        (replaced('zone = "lounge"', ""), "loads.lounge.zone: it is missing"),
        (replaced('circuit = "main"', ""), "loads.lounge.circuit: it is missing"),
        (replaced("power = 1500", ""), "loads.lounge.power: it is missing"),
        (replaced(RELAY, ""), "loads.lounge.relay: it is missing"),
        (meter('type = "mqtt"'), "circuits.main.meter.topic: it is missing"),
        (meter('topic = "x"'), "circuits.main.meter.type: it is missing"),
        (relay('type = "tasmota"'), "loads.lounge.relay.device: it is missing"),
        (relay('type = "zigbee2mqtt"'), "loads.lounge.relay.device: it is missing"),
        (relay('type = "mqtt"'), "loads.lounge.relay.command_topic: it is missing"),
        (
            circuit('estimation = "individual"'),
            "circuits.main.non_heating_meters: it is missing",
        ),
        (
            circuit(
                'estimation = "individual"\n'
                'non_heating_meters = [{ type = "mqtt", topic = "a", max = 9 },'
                ' { type = "mqtt", topic = "b" }]'
            ),
            "circuits.main.non_heating_meters[1].max: it is missing",
        ),
        (circuit('estimation = "external"'), "circuits.main.steps: it is missing"),
        (
            circuit('breaker = { rating = "32 A" }'),
            "circuits.main.breaker.profile: it is missing",
        ),
        *(
            (
                circuit(f'breaker = {{ profile = "{curve}" }}'),
                "circuits.main.breaker.rating: it is missing",
            )
            for curve in "BCD"
        ),
    ],
)
def test_what_must_be_there_and_is_not_is_told(text: str, problem: str, problems: Problems) -> None:
    assert problem in problems(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (replaced("6000", "0"), "circuits.main.limit: 0 is not more than 0"),
        (replaced("6000", "-1"), "circuits.main.limit: -1 is not more than 0"),
        (replaced("6000", "inf"), "circuits.main.limit: inf is not a finite number"),
        (replaced("6000", "true"), "circuits.main.limit: true is not a number"),
        (circuit("reserve = -1"), "circuits.main.reserve: -1 is less than 0"),
        (
            circuit("reserve = 6000.1"),
            "circuits.main.reserve: 6000.1 W is more than the limit of 6000 W",
        ),
        (circuit("steps = []"), "circuits.main.steps: the list is empty"),
        (circuit("steps = [5, 1]"), "circuits.main.steps: [5, 1] does not end in 0"),
        (circuit("steps = [1, 2, 0]"), "circuits.main.steps: [1, 2, 0] rises"),
        (circuit("steps = [1.5, 0]"), "circuits.main.steps: 1.5 is not a whole number"),
        (circuit("steps = 3"), "circuits.main.steps: 3 is not a list of whole numbers"),
        (circuit("safe_ratio = 0.99"), "circuits.main.safe_ratio: 0.99 is less than 1"),
        (circuit("hysteresis = 0"), "circuits.main.hysteresis: 0 is less than 1"),
        (circuit("fallback_active = -1"), "circuits.main.fallback_active: -1 is less than 0"),
        (circuit('parent = "main"'), "circuits.main.parent: it is its own parent"),
        (
            circuit('parent = "street"'),
            'circuits.main.parent: there is no circuit named "street"',
        ),
        (
            circuit('breaker = { profile = "linkie" }'),
            'circuits.main.breaker.profile: there is no profile "linkie"',
        ),
        (
            circuit('breaker = { profile = "C", rating = 0 }'),
            "circuits.main.breaker.rating: 0 is not more than 0",
        ),
        (
            meter('type = "mqtt", topic = "x", stale_after = 0'),
            "circuits.main.meter.stale_after: 0 is not more than 0",
        ),
        (
            meter('type = "mqtt", topic = "x", scale = 0'),
            "circuits.main.meter.scale: 0 makes every reading 0",
        ),
        (
            meter('type = "mqtt", topic = "x", min = 5, max = 5'),
            "circuits.main.meter.max: readings from 5 W to 5 W are believed: none",
        ),
        (
            meter('type = "mqtt", topic = "x", min = 60000'),
            "circuits.main.meter.min: readings from 60000 W to 60000 W are believed: none",
        ),
        (
            meter('type = "mqtt", topic = "x", unit = "w"'),
            'circuits.main.meter.unit: there is no unit "w"',
        ),
        (
            meter('type = "tasmota", device = "x", full_topic = "%topic%/"'),
            'circuits.main.meter.full_topic: "%topic%/" is no FullTopic that can be followed',
        ),
        (
            meter('type = "tasmota", device = "x", full_topic = "%prefix%/%id%/"'),
            'circuits.main.meter.full_topic: "%prefix%/%id%/" is no FullTopic that can be followed',
        ),
        (
            meter('type = "tasmota", device = "x", full_topic = "%prefix%/x/"'),
            'circuits.main.meter.full_topic: "%prefix%/x/" has no %topic%',
        ),
        (replaced("1500", "0"), "loads.lounge.power: 0 is not more than 0"),
        (replaced("1500", '"-1 W"'), 'loads.lounge.power: "-1 W" is not more than 0'),
        (replaced("1500", '"5 X"'), 'loads.lounge.power: "5 X" has the unknown unit "X"'),
        (load("boost_max = 0"), "loads.lounge.boost_max: 0 is not more than 0"),
        (load("min_on = -1"), "loads.lounge.min_on: -1 is negative"),
        (load('min_off = "367 d"'), 'loads.lounge.min_off: "367 d" is more than a year'),
        (load("priority = 1.5"), "loads.lounge.priority: 1.5 is not a whole number"),
        (
            replaced('zone = "lounge"', 'zone = "longue"'),
            'loads.lounge.zone: there is no zone named "longue"',
        ),
        (
            replaced('circuit = "main"', 'circuit = "mian"'),
            'loads.lounge.circuit: there is no circuit named "mian"',
        ),
        (load('circuits = ["main"]'), "loads.lounge.circuits: there is a circuit too"),
        (
            replaced('circuit = "main"', "circuits = []"),
            "loads.lounge.circuits: the list is empty",
        ),
        (
            replaced('circuit = "main"', 'circuits = ["main", "l2"]'),
            'loads.lounge.circuits[1]: there is no circuit named "l2"',
        ),
        (
            replaced('circuit = "main"', 'circuits = ["main", "main"]'),
            'loads.lounge.circuits[1]: "main" is named twice',
        ),
        (
            relay('type = "tasmota", device = "r", dead_man = 29.9'),
            "loads.lounge.relay.dead_man: 29.9 is less than 30 s",
        ),
        (
            relay('type = "tasmota", device = "r", dead_man = 64801'),
            "loads.lounge.relay.dead_man: 64801 s is beyond the device",
        ),
        (
            relay('type = "tasmota", device = "r", dead_man = 60, inverted = true'),
            (
                "loads.lounge.relay.dead_man: the relay is inverted: its own OFF would"
                " turn the heater"
                " on"
            ),
        ),
        (
            relay('type = "zigbee2mqtt", device = "r", dead_man = 60'),
            "loads.lounge.relay.dead_man_proven: it is not true, and dead_man needs it",
        ),
        (
            relay('type = "zigbee2mqtt", device = "r", dead_man = 6554, dead_man_proven = true'),
            "loads.lounge.relay.dead_man: 6554 s is beyond the device",
        ),
        (
            relay('type = "mqtt", command_topic = "r", dead_man = 60'),
            'loads.lounge.relay.dead_man: there is no such key with type = "mqtt"',
        ),
        (
            relay('type = "tasmota", device = "r", channel = 0'),
            "loads.lounge.relay.channel: 0 is less than 1",
        ),
        (
            relay('type = "tasmota", device = "r", channel = 33'),
            "loads.lounge.relay.channel: 33 is more than 32",
        ),
        (
            relay('type = "tasmota", device = "r", channel = "l1"'),
            'loads.lounge.relay.channel: "l1" is not a number',
        ),
        (
            relay('type = "mqtt", command_topic = "r", qos = 2'),
            "loads.lounge.relay.qos: 2 is more than 1",
        ),
        (
            relay('type = "mqtt", command_topic = "r", retries = -1'),
            "loads.lounge.relay.retries: -1 is less than 0",
        ),
        (
            relay('type = "mqtt", command_topic = "r", on = "1", off = "1"'),
            'loads.lounge.relay.off: "1" means on and off',
        ),
        (
            relay('type = "mqtt", command_topic = "r", state_topic = "s", on = "on", off = "On"'),
            'loads.lounge.relay.off: "On" means on and off',
        ),
        (
            relay('type = "mqtt", command_topic = "r", state_topic = "s", state_off = "ON"'),
            'loads.lounge.relay.state_off: "ON" means on and off',
        ),
        (
            relay('type = "mqtt", command_topic = "r", state_topic = "r"'),
            (
                "loads.lounge.relay.state_topic: it is command_topic too: our own command"
                " would pass "
                "for the relay's report"
            ),
        ),
        (
            relay('type = "mqtt", command_topic = "balancer/house/status"'),
            'loads.lounge.relay: "balancer/house/status" is the balancer\'s own',
        ),
        (
            replaced("[zones.lounge]", '[zones.lounge]\nrequest = { type = "mqtt" }'),
            "zones.lounge.request.topic: it is missing",
        ),
        (
            replaced(
                "[zones.lounge]",
                '[zones.lounge]\nrequest = { type = "mqtt", topic = "t", on = "off" }',
            ),
            'zones.lounge.request.on: "OFF" means on and off',
        ),
        (
            replaced(
                "[zones.lounge]",
                '[zones.lounge]\nrequest = { type = "mqtt", topic = "t", above = 101 }',
            ),
            "zones.lounge.request.above: 101 is more than 100",
        ),
        (
            replaced(
                "[zones.lounge]",
                '[zones.lounge]\nrequest = { type = "mqtt", topic = "t", above = 9, off = "0" }',
            ),
            "zones.lounge.request.above: there is off too",
        ),
        ('name = ""' + HOUSE, 'name: "" is not a name'),
        ('name = "a/b"' + HOUSE, 'name: "a/b" is not a name'),
        (f'name = "{"n" * 101}"' + HOUSE, f'name: "{"n" * 59}…" is not a name'),
        ("name = 7" + HOUSE, "name: 7 is not text"),
        ('on_exit = "ON"' + HOUSE, 'on_exit: there is no on_exit "ON"'),
        ("on_exit = true" + HOUSE, "on_exit: true is not text"),
        (HOUSE + "[mqtt]\nport = 0", "mqtt.port: 0 is less than 1"),
        (HOUSE + "[mqtt]\nport = 65536", "mqtt.port: 65536 is more than 65535"),
        (HOUSE + "[mqtt]\nport = 1883.0", "mqtt.port: 1883.0 is not a whole number"),
        (HOUSE + '[mqtt]\nhost = " "', "mqtt.host: the text is empty"),
        (
            HOUSE + '[mqtt]\nhost = "mqtt://broker"',
            'mqtt.host: "mqtt://broker" is more than a host name',
        ),
        (
            HOUSE + '[mqtt]\nhost = "broker:1883"',
            'mqtt.host: "broker:1883" has a port; that is a key of its own',
        ),
        (
            HOUSE + '[mqtt]\nhost = "a..b"',
            'mqtt.host: "a..b" is no host name: a part is empty or too long',
        ),
        (
            meter('type = "mqtt", topic = "a\\u0000"'),
            ('circuits.main.meter.topic: "a\\u0000" has a control character'),
        ),
        (
            meter('type = "mqtt", topic = "a\\uFFFE"'),
            ('circuits.main.meter.topic: "a\\ufffe" has a code that is no character'),
        ),
        (
            meter('type = "mqtt", topic = " a"'),
            ('circuits.main.meter.topic: " a" has white space around it'),
        ),
        (
            meter(f'type = "mqtt", topic = "{"a" * 65_536}"'),
            f'circuits.main.meter.topic: "{"a" * 59}…" is longer than 65535 bytes',
        ),
        (
            meter(f'type = "mqtt", topic = "{"/" * 200}"'),
            f'circuits.main.meter.topic: "{"/" * 59}…" has more than 200 levels',
        ),
        (
            HOUSE + '[mqtt]\nbase_topic = "a//b"',
            'mqtt.base_topic: "a//b" is not of names with slashes between them',
        ),
        (
            HOUSE + '[mqtt]\nbase_topic = "häuser"',
            'mqtt.base_topic: "häuser" is not of names with slashes between them',
        ),
        (HOUSE + '[mqtt]\nusername = "u"\npassword = ""', "mqtt.password: the password is empty"),
        (
            HOUSE + '[mqtt]\nusername = "u"\npassword = "x"\npassword_file = "y"',
            "mqtt.password_file: there is a password too",
        ),
        (HOUSE + "[http]\nport = 65536", "http.port: 65536 is more than 65535"),
        (HOUSE + '[homeassistant]\nprefix = "a/#"', 'homeassistant.prefix: "a/#" has a wildcard'),
        (
            HOUSE + '[homeassistant]\nprefix = "$x"',
            'homeassistant.prefix: "$x" begins or ends with a slash, or has $ or a space',
        ),
        (
            HOUSE + '[homeassistant]\nprefix = "home assistant"',
            (
                'homeassistant.prefix: "home assistant" begins or ends with a slash,'
                " or has $ or a space"
            ),
        ),
        (
            HOUSE + '[homeassistant]\nprefix = "balancer/house"',
            'homeassistant.prefix: "balancer/house" is the balancer\'s own',
        ),
        (
            HOUSE + '[homeassistant]\nprefix = "balancer/house/ha"',
            'homeassistant.prefix: "balancer/house/ha" is the balancer\'s own',
        ),
        (
            HOUSE + "[zones.a-b]\n[zones.A__b]",
            "zones.A__b: Home Assistant cannot tell it from zones.a-b",
        ),
        (
            f'name = "{"n" * 100}"{HOUSE}[mqtt]\nbase_topic = "{"b" * 126}"',
            "loads.lounge: its entities in Home Assistant have ids of more than 255 characters",
        ),
        (
            HOUSE + '[rotation]\nevery = "* * *"',
            (
                'rotation.every: "* * *" gives no time: it has'
                " not 5 or 6 fields of numbers, names, *, /, - and ,"
            ),
        ),
        (
            HOUSE + '[rotation]\nevery = "0 0 31 2 *"',
            'rotation.every: "0 0 31 2 *" gives no time: failed to find next date',
        ),
        (
            HOUSE + '[rotation]\ntimezone = "Mars"',
            'rotation.timezone: there is no time zone "Mars"',
        ),
        (
            HOUSE + '[rotation]\ntimezone = "../x"',
            'rotation.timezone: there is no time zone "../x"',
        ),
        (HOUSE + '[rotation]\norder = ["tv"]', 'rotation.order[0]: there is no load named "tv"'),
        (HOUSE + "[rotation]\norder = [1]", "rotation.order: 1 is not text"),
        (HOUSE + "[zones.'a b']", 'zones."a b": "a b" is not a name'),
        (HOUSE + "[rotations]", "rotations: there is no such key"),
        (
            relay('type = "mqtt", command_topic = "r", on = " "'),
            "loads.lounge.relay.on: the word is empty",
        ),
        (
            relay(f'type = "zigbee2mqtt", device = "r", base_topic = "{"b" * 65_535}"'),
            f"loads.lounge.relay: topic '{'b' * 40}'… is longer than 65535 bytes",
        ),
        (
            meter(f'type = "zigbee2mqtt", device = "r", base_topic = "{"b" * 65_535}"'),
            f"circuits.main.meter: topic '{'b' * 40}'… is longer than 65535 bytes",
        ),
        ("zones = 5" + HOUSE.replace("[zones.lounge]", ""), "zones: 5 is not a table"),
        ("circuits = [1]\n" + HOUSE[HOUSE.index("[zones") :], "circuits: [1] is not a table"),
    ],
)
def test_one_mistake_is_told_and_nothing_else(text: str, problem: str, problems: Problems) -> None:
    assert problems(text) == [problem]
