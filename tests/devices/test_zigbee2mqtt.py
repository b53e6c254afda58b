"""Zigbee2MQTT: relays with and without endpoints, meters, leases, availability of two levels."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.devices import zigbee2mqtt
from balancer.devices.base import DecodeError, Rejection
from balancer.devices.zigbee2mqtt import unit_of
from balancer.wire import Message


def test_a_single_relay_is_commanded_by_state() -> None:
    relay = zigbee2mqtt.relay("salon/heater")
    assert relay.switch(on=True) == Message("zigbee2mqtt/salon/heater/set", b'{"state":"ON"}')
    assert relay.switch(on=False) == Message("zigbee2mqtt/salon/heater/set", b'{"state":"OFF"}')
    assert relay.query == (Message("zigbee2mqtt/salon/heater/get", b'{"state":""}'),)
    assert relay.setup == ()
    assert relay.setup_replies == {}
    assert relay.command_topics == ("zigbee2mqtt/salon/heater/set", "zigbee2mqtt/salon/heater/get")
    assert relay.traits.merged
    assert relay.traits.bridge == "zigbee2mqtt"


def test_a_channel_is_commanded_by_its_property() -> None:
    relay = zigbee2mqtt.relay("box", channel="l1", base_topic="z2m/attic", qos=1)
    assert relay.switch(on=True) == Message("z2m/attic/box/set", b'{"state_l1":"ON"}', qos=1)
    assert relay.query == (Message("z2m/attic/box/get", b'{"state_l1":""}', qos=1),)
    assert set(relay.states) == {"z2m/attic/box", "z2m/attic/box/state_l1"}
    assert set(relay.online) == {"z2m/attic/bridge/state", "z2m/attic/box/availability"}
    assert relay.traits.bridge == "z2m/attic"


@pytest.mark.parametrize(
    ("channel", "payload", "on"),
    [
        ("l1", b'{"state_l1":"ON","state_l2":"OFF","linkquality":60}', True),
        ("l2", b'{"state_l1":"ON","state_l2":"OFF","linkquality":60}', False),
        ("l3", b'{"state_l1":"ON","state_l2":"OFF","linkquality":60}', None),
        (None, b'{"state_l1":"ON","state_l2":"OFF","linkquality":60}', None),
        (None, b'{"power":120,"linkquality":60}', None),
        (None, b'{"state":"on"}', True),
        (None, b'{"state":"ON "}', True),
        (None, b'{"state":true}', True),
        (None, b'{"state":0}', False),
        (None, b"{}", None),
    ],
)
def test_only_the_own_property_of_a_merged_state_is_read(
    channel: str | None, payload: bytes, on: bool | None
) -> None:
    """F42."""
    assert zigbee2mqtt.relay("box", channel=channel).states["zigbee2mqtt/box"](payload) is on


def test_a_property_on_a_topic_of_its_own_is_read() -> None:
    relay = zigbee2mqtt.relay("box", channel="l1", inverted=True)
    assert relay.states["zigbee2mqtt/box/state_l1"](b"OFF") is True


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Rejection.EMPTY),  # the retained state is cleared after a rename
        (b'{"state":"O', Rejection.PARSE),
        (b"ON", Rejection.PARSE),
        (b"NaN", Rejection.PARSE),
        (b'["ON"]', Rejection.PARSE),
        (b'{"state":null}', Rejection.WORD),
        (b'{"state":NaN}', Rejection.WORD),
        (b'{"state":"OPEN"}', Rejection.WORD),
        (b'{"state":{"state":"ON"}}', Rejection.WORD),
        (b'\xef\xbb\xbf{"state":"ON"}', Rejection.UTF8),
    ],
)
def test_a_state_that_says_nothing_sure_is_rejected(payload: bytes, reason: Rejection) -> None:
    with pytest.raises(DecodeError) as raised:
        zigbee2mqtt.relay("box").states["zigbee2mqtt/box"](payload)
    assert raised.value.reason is reason


@pytest.mark.parametrize("topic", ["zigbee2mqtt/bridge/state", "zigbee2mqtt/box/availability"])
@pytest.mark.parametrize(
    ("payload", "online"),
    [
        (b'{"state":"online"}', True),
        (b'{"state":"offline"}', False),
        (b"online", True),
        (b"offline", False),
        (b"Offline\n", False),
        (b'{"other":1}', None),
    ],
)
def test_bridge_and_device_say_whether_they_are_online(
    topic: str, payload: bytes, online: bool | None
) -> None:
    assert zigbee2mqtt.relay("box").online[topic](payload) is online


@pytest.mark.parametrize(
    "payload", [b"", b"error", b'{"state":null}', b'{"state":', b"null", b"\xff"]
)
def test_any_other_availability_is_rejected(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        zigbee2mqtt.relay("box").online["zigbee2mqtt/box/availability"](payload)


@pytest.mark.parametrize(
    ("channel", "topic"), [(None, "zigbee2mqtt/box/set"), ("l1", "zigbee2mqtt/box/l1/set")]
)
def test_a_lease_is_state_and_timer_in_one_message(channel: str | None, topic: str) -> None:
    """R12."""
    relay = zigbee2mqtt.relay("box", channel=channel, dead_man_s=900.0)
    assert relay.switch(on=True) == Message(topic, b'{"state":"ON","on_time":900}')
    assert b"on_time" not in relay.switch(on=False).payload
    assert {topic, "zigbee2mqtt/box/set", "zigbee2mqtt/box/get"} == set(relay.command_topics)
    assert relay.traits.dead_man_s == 900.0


def test_a_lease_is_counted_in_tenths_of_a_second() -> None:
    relay = zigbee2mqtt.relay("box", dead_man_s=30.25)
    assert json.loads(relay.switch(on=True).payload) == {"state": "ON", "on_time": 30.2}


@settings(max_examples=50, deadline=None)
@given(
    on=st.booleans(),
    inverted=st.booleans(),
    channel=st.none() | st.sampled_from(["l1", "left", "2", "größe"]),
)
def test_what_was_commanded_is_read_back_as_the_heaters_state(
    on: bool, inverted: bool, channel: str | None
) -> None:
    relay = zigbee2mqtt.relay("box", channel=channel, inverted=inverted)
    command = relay.switch(on=on)
    assert not command.retain
    assert (b'"ON"' in command.payload) is (on is not inverted)
    assert relay.states["zigbee2mqtt/box"](command.payload) is on


def test_a_meter_reads_the_state_of_its_device() -> None:
    meter = zigbee2mqtt.meter("box")
    assert meter.topic == "zigbee2mqtt/box"
    assert meter.decode(b'{"power":120,"linkquality":60}') == 120.0
    assert zigbee2mqtt.meter("box", path=None).decode(b'{"power":"-3.5"}') == -3.5
    amperes = zigbee2mqtt.meter("washer", path="current", watts_per_unit=0.23, scale=2.0)
    assert amperes.decode(b'{"current":1000}') == 460.0


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Rejection.EMPTY),
        (b"120", Rejection.MISSING),
        (b'{"linkquality":88}', Rejection.MISSING),
        (b'{"power":null}', Rejection.MISSING),
        (b'{"power":1', Rejection.PARSE),
        (b'{"power":NaN}', Rejection.NONFINITE),
        (b'{"power":"nan"}', Rejection.NONFINITE),
        (b'{"power":"unavailable"}', Rejection.PARSE),
        (b'{"power":{"power":1}}', Rejection.PARSE),
        (b'{"power":false}', Rejection.PARSE),
    ],
)
def test_a_state_without_power_is_rejected(payload: bytes, reason: Rejection) -> None:
    with pytest.raises(DecodeError) as raised:
        zigbee2mqtt.meter("box").decode(payload)
    assert raised.value.reason is reason


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        (None, "W"),
        ("power", "W"),
        ("power_a", "W"),
        ("power_ab", "W"),
        ("power_phase_b", "W"),
        ("power_l1", "W"),
        ("active_power", "W"),
        ("active_power_ph_b", "W"),
        ("apparent_power", "VA"),
        ("power_apparent_phase_c", "VA"),
        ("current", "A"),
        ("current_phase_b", "A"),
        ("rms_current", "A"),
        ("power_factor", None),
        ("power_on_behavior", None),
        ("power_reactive", None),
        ("power_outage_count", None),
        ("power_threshold", None),
        ("current_date", None),
        ("current_heating_setpoint", None),
        ("energy", None),
        ("voltage", None),
    ],
)
def test_known_paths_have_a_unit(path: str | None, unit: str | None) -> None:
    """R3."""
    assert unit_of(path) == unit


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"device": ""}, "device"),
        ({"device": "/a"}, "device"),
        ({"device": "a#"}, "wildcard"),
        ({"device": "a", "base_topic": "+"}, "wildcard"),
        ({"device": "a", "channel": ""}, "channel"),
        ({"device": "a", "channel": "l1/l2"}, "channel"),
        ({"device": "a", "inverted": True, "dead_man_s": 60.0}, "inverted"),
        ({"device": "a", "dead_man_s": 7000.0}, "on_time"),
    ],
)
def test_options_that_cannot_be_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        zigbee2mqtt.relay(**options)
