import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from balancer.core.commands import Reason
from balancer.core.model import House
from balancer.core.snapshot import Snapshot
from balancer.views.homeassistant import discovery, leftovers, topic
from balancer.views.status import dump
from balancer.views.topics import Topics
from balancer.wire import Message
from tests.views.small_house import TOPICS, a_house, a_snapshot, a_status

# What Home Assistant takes (documentation of its MQTT integration, 2024.11 to 2026.11).
ROOT = {"device", "origin", "components", "availability", "qos"}
DEVICE = {"identifiers", "name", "manufacturer", "model", "sw_version"}
EVERY = {"platform", "unique_id", "name", "default_entity_id", "icon", "entity_category"}
ATTRIBUTES = {"json_attributes_topic", "json_attributes_template"}
FIELDS = {
    "binary_sensor": {"state_topic", "value_template", "device_class"} | ATTRIBUTES,
    "button": {"command_topic"},
    "number": {"command_topic", "state_topic", "min", "max", "step", "mode", "device_class"}
    | {"unit_of_measurement"},
    "select": {"command_topic", "state_topic", "options"},
    "sensor": {"state_topic", "value_template", "device_class", "state_class", "options"}
    | {"unit_of_measurement", "suggested_display_precision"}
    | ATTRIBUTES,
    "switch": {"command_topic", "state_topic"},
}
REQUIRED = {
    "binary_sensor": {"state_topic"},
    "button": {"command_topic"},
    "number": {"command_topic"},
    "select": {"command_topic", "options"},
    "sensor": {"state_topic"},
    "switch": {"command_topic"},
}
CATEGORIES = {"sensor": {"diagnostic"}, "binary_sensor": {"diagnostic"}}
UNITS = {
    "current": {"A", "mA"},
    "power": {"W", "kW"},
    "apparent_power": {"VA", "kVA"},
    "duration": {"s"},
}
CLASSES = {
    "binary_sensor": {"problem", "running"},
    "sensor": {"enum", *UNITS},
    "number": set(UNITS),
}


def the_document(house: House | None = None, topics: Topics = TOPICS) -> dict[str, Any]:
    message = discovery(house or a_house(), topics, prefix="homeassistant", version="1.2.3")
    document: dict[str, Any] = json.loads(message.payload)
    return document


def in_unit(unit: str, limit: float) -> House:
    house = a_house()
    main = replace(house.circuits["main"], unit=unit, watts_per_unit=230.0, limit_w=limit * 230.0)
    return replace(house, circuits={**house.circuits, "main": main})


def without_the_bench(house: House) -> House:
    return House(
        name="house",
        circuits={"main": house.circuits["main"]},
        zones={name: zone for name, zone in house.zones.items() if name != "workshop"},
        loads={name: load for name, load in house.loads.items() if name != "bench"},
        order=("lounge_window", "towels"),
    )


def rendered(template: str, payload: bytes) -> str:
    """Render as Home Assistant does, but let nothing undefined pass."""
    variables: dict[str, Any] = {"value": payload.decode("utf-8", "replace")}
    with contextlib.suppress(ValueError):
        variables["value_json"] = json.loads(payload)
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    return environment.from_string(template).render(variables)


def shows(payload: bytes) -> dict[str, str]:
    return {
        key: rendered(component["value_template"], payload)
        for key, component in the_document()["components"].items()
        if "value_template" in component
    }


def test_the_document_describes_the_house_as_home_assistant_will_keep_it(
    golden: Callable[[str, str], None],
) -> None:
    """Design: Home Assistant. A changed unique_id is a lost entity."""
    golden("discovery.json", json.dumps(the_document(), indent=1, ensure_ascii=False) + "\n")


def test_the_document_is_retained_on_one_topic_per_house() -> None:
    message = discovery(a_house(), TOPICS, prefix="ha", version="1")
    assert (message.topic, message.qos, message.retain) == (
        "ha/device/balancer_house/config",
        1,
        True,
    )
    assert topic(Topics("home/power", "flat"), "ha") == "ha/device/home_power_flat/config"


@pytest.mark.parametrize("unit", ["A", "W", "kW", "VA", "kVA"])
def test_home_assistant_takes_every_field(unit: str) -> None:
    """Source: Home Assistant documentation, MQTT; unknown root keys reject all."""
    document = the_document(in_unit(unit, 30.0))
    assert set(document) == ROOT
    assert set(document["device"]) <= DEVICE
    assert set(document["origin"]) <= {"name", "sw_version"}
    for key, component in document["components"].items():
        platform = component["platform"]
        assert re.fullmatch(r"[a-zA-Z0-9_-]+", key)
        assert set(component) <= EVERY | FIELDS[platform], key
        assert set(component) >= REQUIRED[platform] | {"unique_id", "name"}, key
        assert re.fullmatch(platform + r"\.[a-z0-9_]+", component["default_entity_id"])
        category = component.get("entity_category", "diagnostic")
        assert category in CATEGORIES.get(platform, {"config", "diagnostic"}), key
        device_class = component.get("device_class")
        assert device_class is None or device_class in CLASSES[platform], key
        assert component.get("unit_of_measurement") in UNITS.get(device_class, {None}), key
        assert ("options" in component) is (device_class == "enum" or platform == "select"), key
        if platform == "number":
            assert component["min"] < component["max"]
            assert component["step"] >= 0.001
        if device_class == "enum":
            assert "state_class" not in component


def test_every_load_zone_and_circuit_has_its_entities() -> None:
    """Design: Home Assistant."""
    components = the_document()["components"]
    assert {(key, each["platform"]) for key, each in components.items() if "towels" in key} == {
        ("load_towels_running", "binary_sensor"),
        ("load_towels_reason", "sensor"),
        ("load_towels_boost", "switch"),
    }
    assert {(key, each["platform"]) for key, each in components.items() if "_main_" in key} == {
        ("circuit_main_power", "sensor"),
        ("circuit_main_available", "sensor"),
        ("circuit_main_headroom", "sensor"),
        ("circuit_main_active", "sensor"),
        ("circuit_main_trip_margin", "sensor"),
        ("circuit_main_limit", "number"),
        ("circuit_main_mode", "select"),
        ("circuit_main_blind", "binary_sensor"),
    }
    assert components["away"]["platform"] == "switch"
    assert components["rotate"]["platform"] == "button"


def test_only_zones_without_their_own_request_get_a_switch() -> None:
    components = the_document()["components"]
    zones = {key: each for key, each in components.items() if key.startswith("zone_")}
    assert set(zones) == {"zone_lounge_request", "zone_workshop_request"}
    assert zones["zone_lounge_request"]["state_topic"] == TOPICS.zone("lounge")
    assert zones["zone_lounge_request"]["command_topic"] == f"{TOPICS.zone('lounge')}/set"


def test_a_circuit_without_steps_has_no_mode_to_select() -> None:
    """R4."""
    components = the_document()["components"]
    assert components["circuit_main_mode"]["options"] == ["auto", "0", "1", "2", "3", "4"]
    assert "circuit_garage_mode" not in components


@pytest.mark.parametrize(
    ("unit", "limit", "step"),
    [
        ("A", 30.0, 0.5),
        ("A", 32.2, 0.1),
        ("W", 6000.0, 50.0),
        ("W", 6333.0, 1.0),
        ("kW", 9.0, 0.1),
        ("kVA", 6.25, 0.05),
        ("A", 30.123, 0.001),
    ],
)
def test_the_limit_is_set_in_steps_that_lead_up_to_the_configured_one(
    unit: str, limit: float, step: float
) -> None:
    number = the_document(in_unit(unit, limit))["components"]["circuit_main_limit"]
    assert (number["min"], number["max"], number["step"]) == (0, limit, step)


def test_unique_ids_are_unique_and_differ_between_houses() -> None:
    def ids(topics: Topics) -> list[str]:
        components = the_document(topics=topics)["components"].values()
        return [component["unique_id"] for component in components]

    one, other = ids(TOPICS), ids(Topics("balancer", "flat"))
    assert len(one) == len(set(one))
    assert not set(one) & set(other)


def test_entity_ids_are_short_and_unique() -> None:
    components = the_document()["components"]
    ids = [component["default_entity_id"] for component in components.values()]
    assert len(ids) == len(set(ids))
    assert "switch.balancer_house_lounge_request" in ids
    assert "sensor.balancer_house_main_power" in ids
    assert "binary_sensor.balancer_house_towels_running" in ids


def test_a_title_is_shown_and_a_name_is_made_readable_without_one() -> None:
    components = the_document()["components"]
    assert components["load_lounge_window_reason"]["name"] == "Lounge, window reason"
    assert components["load_towels_reason"]["name"] == "Towels reason"


def test_a_title_that_only_repeats_the_name_is_made_readable_too() -> None:
    """The configuration gives everything a title: its name by default."""
    house = a_house()
    towels = replace(house.loads["towels"], title="towels")
    lounge = replace(house.zones["lounge"], title="lounge")
    house = replace(
        house,
        loads={**house.loads, "towels": towels},
        zones={**house.zones, "lounge": lounge},
    )
    components = the_document(house)["components"]
    assert components["load_towels_reason"]["name"] == "Towels reason"
    assert components["zone_lounge_request"]["name"] == "Lounge request"


def test_the_entities_show_what_the_status_says() -> None:
    shown = shows(dump(a_status(a_snapshot())))
    assert shown["circuit_main_power"] == "21.4"
    assert shown["circuit_main_active"] == "1"
    assert shown["circuit_main_trip_margin"] == "None"
    assert shown["circuit_main_blind"] == "OFF"
    assert shown["circuit_garage_power"] == "None"
    assert shown["load_lounge_window_running"] == "ON"
    assert shown["load_towels_running"] == "OFF"
    assert shown["load_towels_reason"] == "shed"


@pytest.mark.parametrize(
    ("on", "relay", "state"),
    [(True, None, "ON"), (False, None, "OFF"), (True, False, "OFF"), (False, True, "ON")],
)
def test_a_load_runs_if_its_relay_says_so_or_is_meant_to_where_it_says_nothing(
    on: bool, relay: bool | None, state: str
) -> None:
    seen: Snapshot = a_snapshot()
    bench = replace(seen.loads["bench"], on=on, relay=relay)
    seen = replace(seen, loads={**seen.loads, "bench": bench})
    assert shows(dump(a_status(seen)))["load_bench_running"] == state


def test_the_reason_carries_since_until_and_detail_as_attributes() -> None:
    template = the_document()["components"]["load_towels_reason"]["json_attributes_template"]
    assert json.loads(rendered(template, dump(a_status(a_snapshot())))) == {
        "since": "2026-11-22T06:10:00.500Z",
        "until": "2026-11-22T06:20:00.000Z",
        "detail": "too big now",
    }


def test_every_reason_is_an_option() -> None:
    """R18."""
    options = the_document()["components"]["load_towels_reason"]["options"]
    assert options == [reason.value for reason in Reason]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"no json",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        b'{"loads":null,"circuits":null}',
        b'{"loads":{},"circuits":{}}',
        b'{"loads":{"towels":null},"circuits":{"main":null}}',
        b'{"loads":{"towels":{"relay":null}},"circuits":{"main":{"meter":null,"blind":null}}}',
    ],
    ids=repr,
)
def test_no_template_fails_on_what_is_missing(payload: bytes) -> None:
    assert set(shows(payload).values()) == {"None"}
    for component in the_document()["components"].values():
        if "json_attributes_template" in component:
            attributes = json.loads(rendered(component["json_attributes_template"], payload))
            assert set(attributes.values()) == {None}


def test_entities_that_vanished_are_named_by_their_platform_once() -> None:
    """F70; source: Home Assistant documentation, MQTT, removing a component."""
    # given what is retained of the house, and the house without its bench and garage
    old = discovery(a_house(), TOPICS, prefix="homeassistant", version="1")
    new = discovery(without_the_bench(a_house()), TOPICS, prefix="homeassistant", version="1")
    # when the leftovers are looked for
    message = leftovers(old.payload, new)
    # then one document removes them and keeps the rest
    assert message is not None
    assert (message.topic, message.qos, message.retain) == (new.topic, 1, False)
    document, kept = json.loads(message.payload), json.loads(new.payload)
    gone = set(document["components"]) - set(kept["components"])
    assert "load_bench_running" in gone
    assert "zone_workshop_request" in gone
    assert "circuit_garage_limit" in gone
    assert document["components"]["load_bench_running"] == {"platform": "binary_sensor"}
    assert document["components"]["away"] == kept["components"]["away"]


def test_an_entity_that_changed_its_platform_is_removed_first() -> None:
    new = discovery(a_house(), TOPICS, prefix="homeassistant", version="1")
    old = json.loads(new.payload)
    old["components"]["away"]["platform"] = "select"
    message = leftovers(json.dumps(old).encode(), new)
    assert message is not None
    assert json.loads(message.payload)["components"]["away"] == {"platform": "select"}


def test_nothing_vanished_means_no_leftovers() -> None:
    old = discovery(without_the_bench(a_house()), TOPICS, prefix="homeassistant", version="1")
    new = discovery(a_house(), TOPICS, prefix="homeassistant", version="1")
    assert leftovers(new.payload, new) is None
    assert leftovers(old.payload, new) is None


@given(
    st.binary(max_size=30)
    | st.dictionaries(
        st.text(max_size=5),
        st.dictionaries(st.just("platform"), st.sampled_from(["sensor", "x", 1, None, []])),
        max_size=3,
    ).map(lambda components: json.dumps({"components": components}).encode())
)
@example(b"[" * 100_000)
@example(b'{"components":[]}')
@example(b'{"components":{"../x":{"platform":"sensor"}}}')
@example(b'{"components":{"x":{"platform":"climate"}}}')
@settings(max_examples=100, deadline=None)
def test_a_hostile_old_document_adds_nothing_but_platforms(old: bytes) -> None:
    new = discovery(a_house(), TOPICS, prefix="homeassistant", version="1")
    message: Message | None = leftovers(old, new)
    if message is None:
        return
    components = json.loads(message.payload)["components"]
    kept = json.loads(new.payload)["components"]
    for key in set(components) - set(kept):
        assert re.fullmatch(r"[A-Za-z0-9_-]+", key)
        assert components[key] == {"platform": "sensor"}
