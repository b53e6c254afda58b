"""What the tables become: watts and seconds, defaults, codecs."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from balancer.config.load import read_setup
from balancer.core.model import Breaker, Estimation, Meter
from tests.config.small import HOUSE, Problems, Read

EXAMPLE = Path(__file__).parents[2] / "config.toml"


def test_the_example_house_is_accepted_without_warnings() -> None:
    setup = read_setup(EXAMPLE, environ={})
    assert setup.warnings == ()
    assert len(setup.house.loads) == 7
    assert setup.house.circuits["main"].limit_w == 6900.0


def test_the_smallest_house_has_the_defaults(read: Read) -> None:
    """Design, section 4."""
    setup = read(HOUSE)
    house, circuit, load = setup.house, setup.house.circuits["main"], setup.house.loads["lounge"]
    assert (house.name, house.dry_run, house.keep_on_exit) == ("house", False, False)
    assert house.hold_off_s == 1.0
    assert house.order == ("lounge",)
    assert (setup.http_host, setup.http_port) == ("127.0.0.1", 9842)
    assert setup.discovery_prefix == "homeassistant"
    broker = setup.broker
    assert (broker.host, broker.port, broker.base_topic) == ("localhost", 1883, "balancer")
    assert (broker.username, broker.password, broker.tls) == (None, None, None)
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert setup.schedule.next_after(noon) == noon.replace(minute=10)
    assert (circuit.unit, circuit.watts_per_unit) == ("W", 1.0)
    assert circuit.estimation is Estimation.GLOBAL
    assert (circuit.reserve_w, circuit.security_margin_w) == (0.0, 0.0)
    assert (circuit.safe_ratio, circuit.hysteresis) == (1.3, 1.1)
    assert (circuit.restore_delay_s, circuit.settle_s) == (30.0, 3.0)
    assert (circuit.idle_reserved, circuit.fallback_active) == (True, 0)
    assert (circuit.steps, circuit.parent) == (None, None)
    assert circuit.breaker == Breaker(profile="worst_norm", rating_w=6000.0)
    assert circuit.meter == Meter(
        name="circuits.main.meter", stale_after_s=15.0, min_w=-12_000.0, max_w=60_000.0
    )
    assert (load.title, load.priority, load.turns) == ("lounge", 0, 1)
    assert (load.min_on_s, load.min_off_s, load.boost_max_s) == (300.0, 120.0, 7200.0)
    assert load.rated_switches == 100_000
    assert (load.relay.retries, load.relay.confirm_within_s) == (3, None)
    assert load.relay.dead_man_s is None
    assert load.power_w_by_circuit == {"main": 1500.0}
    assert house.zones["lounge"].own_switch
    assert house.zones["lounge"].request_ttl_s is None


@pytest.mark.parametrize(
    ("unit", "voltage", "limit", "power", "limit_w", "power_w"),
    [
        ("A", 230, "30", "5", 6900.0, 1150.0),
        ("A", 240, "30", '"1500 W"', 7200.0, 1500.0),
        ("kVA", 230, "6", '"6.5 A"', 6000.0, 1495.0),
        ("kW", 230, '"6000 W"', "1.5", 6000.0, 1500.0),
        ("VA", 230, "6000", '"1.5 kW"', 6000.0, 1500.0),
        ("W", 100, '"60 A"', '"500 mA"', 6000.0, 50.0),
    ],
)
def test_every_power_is_converted_once(
    *, unit: str, voltage: int, limit: str, power: str, limit_w: float, power_w: float, read: Read
) -> None:
    """R3."""
    text = HOUSE.replace("1500", power).replace(
        "limit = 6000", f'limit = {limit}\nunit = "{unit}"\nvoltage = {voltage}\nreserve = 1'
    )
    house = read(text).house
    assert house.circuits["main"].limit_w == pytest.approx(limit_w)
    assert house.circuits["main"].reserve_w == house.circuits["main"].watts_per_unit
    assert house.rated_w["lounge"] == pytest.approx(power_w)


@pytest.mark.parametrize(
    ("meter", "payload", "power_w"),
    [
        ('type = "mqtt", topic = "t"', 10, 2300.0),
        ('type = "mqtt", topic = "t", unit = "W"', 10, 10.0),
        ('type = "mqtt", topic = "t", unit = "mA"', 10_000, 2300.0),
        ('type = "mqtt", topic = "t", unit = "kW", scale = -1', 2, -2000.0),
        ('type = "mqtt", topic = "t", path = "power"', {"power": 10}, 2300.0),
        ('type = "tasmota", device = "t"', {"ENERGY": {"Power": 10}}, 10.0),
        (
            'type = "tasmota", device = "t", path = "ENERGY.Current"',
            {"ENERGY": {"Current": 10}},
            2300.0,
        ),
        (
            'type = "tasmota", device = "t", path = "ENERGY.ApparentPower"',
            {"ENERGY": {"ApparentPower": 10}},
            10.0,
        ),
        (
            'type = "tasmota", device = "t", path = "ENERGY.Current", unit = "W"',
            {"ENERGY": {"Current": 10}},
            10.0,
        ),
        ('type = "tasmota", device = "t", path = "SML.x"', {"SML": {"x": 10}}, 2300.0),
        ('type = "zigbee2mqtt", device = "t"', {"power": 10}, 10.0),
        ('type = "zigbee2mqtt", device = "t", path = "current"', {"current": 10}, 2300.0),
        (
            'type = "zigbee2mqtt", device = "t", path = "current", unit = "mA"',
            {"current": 10_000},
            2300.0,
        ),
        ('type = "zigbee2mqtt", device = "t", path = "own"', {"own": 10}, 2300.0),
    ],
)
def test_the_unit_is_the_given_one_else_the_paths_else_the_circuits(
    meter: str, payload: object, power_w: float, read: Read
) -> None:
    """R3, on a circuit in amperes."""
    text = HOUSE.replace('type = "mqtt", topic = "house/power"', meter).replace(
        "limit = 6000", 'limit = 30\nunit = "A"'
    )
    codec = read(text).meters["circuits.main.meter"]
    assert codec.decode(json.dumps(payload).encode()) == pytest.approx(power_w)


def test_meters_are_named_by_their_key_paths_and_have_their_own_patience(read: Read) -> None:
    """R13."""
    text = f"""
    [circuits.main]
    unit = "A"
    limit = 30
    estimation = "individual"
    security_margin = 3
    meter = {{ type = "mqtt", topic = "a", stale_after = "20 s" }}
    non_heating_meters = [
        {{ type = "mqtt", topic = "b", max = "10 A" }},
        {{ type = "mqtt", topic = "c", max = "3 kW", min = 0, stale_after = "1 h" }},
    ]
    [circuits.solar]
    limit = 3000
    estimation = "external"
    available = {{ type = "mqtt", topic = "d" }}
    {HOUSE[HOUSE.index("[zones") :]}
    meter = {{ type = "tasmota", device = "plug" }}
    """
    setup = read(text)
    main, solar = setup.house.circuits["main"], setup.house.circuits["solar"]
    load = setup.house.loads["lounge"]
    assert [*setup.meters] == [
        "circuits.main.meter",
        "circuits.main.non_heating_meters[0]",
        "circuits.main.non_heating_meters[1]",
        "circuits.solar.available",
        "loads.lounge.meter",
    ]
    assert main.meter is not None
    assert main.meter.stale_after_s == 20.0
    assert main.security_margin_w == 690.0
    first, second = main.non_heating_meters
    assert (first.max_w, first.min_w, first.stale_after_s) == (2300.0, -13_800.0, 900.0)
    assert (second.max_w, second.min_w, second.stale_after_s) == (3000.0, 0.0, 3600.0)
    assert solar.available is not None
    assert (solar.available.stale_after_s, solar.available.max_w) == (120.0, 30_000.0)
    assert load.meter is not None
    assert (load.meter.stale_after_s, load.meter.max_w) == (900.0, 69_000.0)


PHASES = """
[circuits.main]
unit = "kVA"
limit = 18
meter = { type = "mqtt", topic = "total", unit = "W" }
[circuits.l1]
unit = "A"
limit = 30
parent = "main"
meter = { type = "mqtt", topic = "l1" }
[circuits.l2]
unit = "A"
limit = 30
parent = "main"
meter = { type = "mqtt", topic = "l2" }
[zones.lounge]
[loads.boiler]
zone = "lounge"
circuits = ["l1", "l2"]
power = 5
relay = { type = "tasmota", device = "boiler" }
"""


def test_the_power_of_a_load_on_phases_is_per_phase_and_summed_on_their_parent(
    read: Read,
) -> None:
    house = read(PHASES).house
    assert house.loads["boiler"].power_w_by_circuit == {"l1": 1150.0, "l2": 1150.0}
    assert house.power_w["boiler"] == {"l1": 1150.0, "l2": 1150.0, "main": 2300.0}


def test_a_circuit_and_its_parent_are_never_both_a_loads(problems: Problems) -> None:
    text = PHASES.replace('["l1", "l2"]', '["l1", "main"]').replace("power = 5", 'power = "5 A"')
    assert problems(text) == ['loads.boiler.circuits: "l1" is fed by "main"']


def test_a_bare_power_on_circuits_of_different_units_is_a_problem(problems: Problems) -> None:
    """R3."""
    text = PHASES.replace('unit = "A"', 'unit = "kW"', 1)
    assert problems(text) == [
        "loads.boiler.power: 5 has no unit, and its circuits have A and kW",
    ]
    assert problems(text.replace("power = 5", 'power = "1150 W"')) == []


def test_a_meter_of_a_load_on_circuits_of_different_kinds_needs_a_unit_that_fits(
    problems: Problems,
) -> None:
    meter = '\nmeter = { type = "mqtt", topic = "m", max = 9 }'
    text = PHASES.replace("power = 5", 'power = "5 A"') + meter
    assert problems(text) == []
    assert problems(text.replace('unit = "A"', 'unit = "W"', 1)) == [
        "loads.boiler.meter.max: 9 has no unit, and its circuits have A and W",
        "loads.boiler.meter.unit: it is missing",
    ]
    # watts need no voltage, amperes do
    other_voltage = text.replace('unit = "A"', 'unit = "A"\nvoltage = 400', 1)
    assert problems(other_voltage) == [
        "loads.boiler.meter: it tells amperes, and its circuits have 230 V and 400 V"
    ]
    assert problems(other_voltage.replace('topic = "m"', 'topic = "m", unit = "W"')) == []


def test_a_limit_of_a_parent_below_its_childs_is_no_problem(problems: Problems) -> None:
    assert problems(PHASES.replace("limit = 18", "limit = 1")) == []


def test_parents_that_go_round_are_told_once(problems: Problems) -> None:
    text = PHASES.replace("limit = 18", 'limit = 18\nparent = "l2"')
    assert problems(text) == [
        "circuits.main.parent: parents go round in a circle: main → l2 → main",
    ]


def test_order_gives_turns_and_the_rest_follows_in_file_order(read: Read) -> None:
    text = HOUSE + "".join(
        f'[loads.{name}]\nzone = "lounge"\ncircuit = "main"\npower = 5\n'
        f'relay = {{ type = "tasmota", device = "{name}" }}\n'
        for name in ("zebra", "ant", "bee")
    )
    house = read(f'{text}[rotation]\norder = ["bee", "lounge", "bee"]').house
    assert house.order == ("bee", "lounge", "bee", "zebra", "ant")
    assert {name: load.turns for name, load in house.loads.items()} == {
        "lounge": 1,
        "zebra": 1,
        "ant": 1,
        "bee": 2,
    }


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ('type = "mqtt", command_topic = "a"', 'type = "mqtt", command_topic = "a"', True),
        ('type = "mqtt", command_topic = "a"', 'type = "mqtt", command_topic = "b"', False),
        (
            'type = "mqtt", command_topic = "a", on = "1on", off = "1off"',
            'type = "mqtt", command_topic = "a", on = "2on", off = "2off"',
            False,
        ),
        (
            'type = "mqtt", command_topic = "a", on = "1", off = "0"',
            'type = "mqtt", command_topic = "a", on = "ON", off = "0"',
            True,
        ),
        ('type = "tasmota", device = "a"', 'type = "tasmota", device = "a", channel = 1', True),
        (
            'type = "tasmota", device = "a", channel = 1',
            'type = "tasmota", device = "a", channel = 2',
            False,
        ),
        (
            'type = "tasmota", device = "a", channel = 7',
            'type = "mqtt", command_topic = "cmnd/a/POWER7"',
            True,
        ),
        (
            'type = "tasmota", device = "a", inverted = true',
            'type = "tasmota", device = "a"',
            True,
        ),
        (
            'type = "zigbee2mqtt", device = "a", channel = "l1"',
            'type = "zigbee2mqtt", device = "a", channel = "l2"',
            False,
        ),
        (
            'type = "zigbee2mqtt", device = "a", dead_man = 60, dead_man_proven = true',
            'type = "zigbee2mqtt", device = "a"',
            True,
        ),
        (
            'type = "zigbee2mqtt", device = "a", base_topic = "attic"',
            'type = "zigbee2mqtt", device = "a"',
            False,
        ),
    ],
)
def test_two_loads_on_one_relay_channel_are_a_problem(
    one: str, other: str, shared: bool, problems: Problems
) -> None:
    text = HOUSE + "".join(
        f'[loads.{name}]\nzone = "lounge"\ncircuit = "main"\npower = 5\nrelay = {{ {relay} }}\n'
        for name, relay in (("first", one), ("second", other))
    )
    expected = ["loads.second.relay: the load first is on the same relay channel"]
    assert problems(text) == (expected if shared else [])


def test_words_may_be_written_as_numbers_and_booleans(read: Read) -> None:
    relay = 'relay = { type = "mqtt", command_topic = "a", on = 1, off = false }'
    text = HOUSE[: HOUSE.index("relay =")] + relay
    codec = read(text).relays["lounge"]
    assert (codec.switch(on=True).payload, codec.switch(on=False).payload) == (b"1", b"false")


def test_a_request_ttl_of_0_is_none(read: Read) -> None:
    text = HOUSE.replace("[zones.lounge]", '[zones.lounge]\nrequest_ttl = "0 s"\ntitle = "Lounge"')
    zone = read(text).house.zones["lounge"]
    assert (zone.request_ttl_s, zone.title) == (None, "Lounge")


def test_a_demand_in_per_cent_is_a_request(read: Read) -> None:
    request = 'request = { type = "mqtt", topic = "trv", path = "demand", above = 20 }'
    setup = read(HOUSE.replace("[zones.lounge]", f"[zones.lounge]\n{request}"))
    assert not setup.house.zones["lounge"].own_switch
    codec = setup.requests["lounge"]
    asked = [codec.decode(b'{"demand": %d}' % each, requested=True) for each in (14, 15, 16)]
    assert asked == [False, False, True]


def test_discovery_and_the_endpoint_can_be_switched_off(read: Read) -> None:
    setup = read(f"{HOUSE}[homeassistant]\ndiscovery = false\n[http]\nport = 0\n")
    assert setup.discovery_prefix is None
    assert setup.http_port == 0


def test_every_breaker_profile_of_the_estimator_is_known(problems: Problems) -> None:
    single = ("worst_norm", "fast_practical", "typical", "slow_norm", "linky", "enel", "es_smart")
    for name in (*single, "gG25", "instant"):
        breaker = f'limit = 6000\nbreaker = {{ profile = "{name}" }}'
        assert problems(HOUSE.replace("limit = 6000", breaker)) == []
    for curve in "BCD":
        breaker = f'limit = 6000\nbreaker = {{ profile = "{curve}", rating = "32 A" }}'
        assert problems(HOUSE.replace("limit = 6000", breaker)) == []
