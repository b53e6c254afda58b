"""What is allowed and probably not meant."""

import pytest

from tests.config.small import HOUSE, Read

METER = 'meter = { type = "mqtt", topic = "house/power" }'


def circuit(keys: str) -> str:
    return HOUSE.replace("limit = 6000", f"limit = 6000\n{keys}")


@pytest.mark.parametrize(
    ("meter", "warnings"),
    [
        ('type = "mqtt", topic = "t", stale_after = 1', 0),
        ('type = "tasmota", device = "t"', 0),
        ('type = "tasmota", device = "t", stale_after = 9.9', 1),
        ('type = "tasmota", device = "t", stale_after = 10', 0),
        ('type = "zigbee2mqtt", device = "t"', 1),
        ('type = "zigbee2mqtt", device = "t", stale_after = 9.9', 1),
        ('type = "zigbee2mqtt", device = "t", stale_after = 59.9', 1),
        ('type = "zigbee2mqtt", device = "t", stale_after = 60', 0),
    ],
)
def test_a_meter_that_cannot_report_so_often_is_warned_of(
    meter: str, warnings: int, read: Read
) -> None:
    """R13."""
    setup = read(HOUSE.replace('type = "mqtt", topic = "house/power"', meter))
    assert len(setup.warnings) == warnings
    assert all("circuits.main.meter" in each for each in setup.warnings)


def test_a_slow_meter_of_a_load_is_warned_of(read: Read) -> None:
    setup = read(f'{HOUSE}meter = {{ type = "tasmota", device = "p", stale_after = 9 }}')
    assert setup.warnings == (
        (
            "loads.lounge.meter: tasmota cannot report an unchanging value more often"
            " than every 10 s,"
            " and stale_after is 9 s: it is not used then"
        ),
    )


@pytest.mark.parametrize(("power", "warnings"), [(5000, 0), (5000.1, 1)])
def test_a_load_that_never_fits_is_warned_of(power: float, warnings: int, read: Read) -> None:
    text = circuit("reserve = 1000").replace("power = 1500", f"power = {power}")
    found = read(text).warnings
    assert len(found) == warnings
    assert all("it is never switched on" in each for each in found)


def test_where_power_is_not_checked_no_load_is_too_large(read: Read) -> None:
    text = circuit('estimation = "external"\nsteps = [1, 0]').replace("1500", "9000")
    assert read(text).warnings == ()


def test_zones_and_circuits_without_loads_are_warned_of(read: Read) -> None:
    text = f"{HOUSE}[zones.attic]\n[circuits.attic]\nlimit = 1000\n{METER}\n"
    assert read(text).warnings == (
        "zones.attic has no loads: its request heats nothing",
        "circuits.attic has no loads",
    )


def test_keys_of_another_estimation_are_warned_of(read: Read) -> None:
    text = circuit(
        'available = { type = "mqtt", topic = "a" }\nsecurity_margin = 1\n'
        'non_heating_meters = [{ type = "mqtt", topic = "b", max = 9 }]'
    )
    assert [each.split(" ")[0] for each in read(text).warnings] == [
        "circuits.main.non_heating_meters",
        "circuits.main.security_margin",
        "circuits.main.available",
    ]


@pytest.mark.parametrize(("rating", "warnings"), [(5999, 1), (6000, 0)])
def test_a_breaker_smaller_than_the_limit_is_warned_of(
    rating: int, warnings: int, read: Read
) -> None:
    """R19."""
    found = read(circuit(f'breaker = {{ profile = "C", rating = {rating} }}')).warnings
    assert len(found) == warnings


def test_names_that_differ_in_case_or_dashes_only_are_warned_of(read: Read) -> None:
    """With entities for Home Assistant they are a problem, see problem kinds."""
    text = f"{HOUSE}[zones.a-b]\n[zones.A_b]\n[homeassistant]\ndiscovery = false\n"
    assert "zones.a-b and zones.A_b differ in case or dashes only" in read(text).warnings


def test_state_words_without_a_state_topic_are_warned_of(read: Read) -> None:
    text = HOUSE.replace('state_topic = "heat/lounge"', 'state_on = "1"')
    assert read(text).warnings == ("loads.lounge.relay.state_on is not used without state_topic",)
