"""Anything on MQTT: relays, meters and requests whose topics and words are configured."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.devices import FAMILIES, METERS, RELAYS, REQUESTS, mqtt
from balancer.devices.base import DecodeError, Rejection
from balancer.wire import Message


def test_a_relay_is_commanded_with_its_words() -> None:
    relay = mqtt.relay("heat/towels/set", on="1", off="0", state_topic="heat/towels", qos=1)
    assert relay.switch(on=True) == Message("heat/towels/set", b"1", qos=1)
    assert relay.switch(on=False) == Message("heat/towels/set", b"0", qos=1)
    assert relay.query == relay.setup == ()
    assert not relay.online
    assert not relay.setup_replies
    assert relay.command_topics == ("heat/towels/set",)
    assert relay.states["heat/towels"](b"1") is True
    assert relay.traits.confirms
    assert not relay.traits.merged


def test_a_relay_without_state_topic_does_not_confirm() -> None:
    relay = mqtt.relay("heat/towels/set")
    assert relay.states == {}
    assert not relay.traits.confirms


@pytest.mark.parametrize(
    ("options", "payload", "on"),
    [
        ({}, b"ON", True),
        ({}, b"off", False),
        ({}, b"true", True),
        ({"on": "close", "off": "open"}, b"Open", False),
        ({"on": "0", "off": "1"}, b"0", True),
        ({"state_on": "yes", "state_off": "no"}, b"no", False),
        ({"state_path": "relay[1].output"}, b'{"relay":[{},{"output":true}]}', True),
        ({"state_path": "relay[1].output"}, b'{"relay":[{"output":true}]}', None),
        ({"state_path": "output"}, b'{"other":1}', None),
        ({"state_path": "output"}, b"[]", None),
    ],
)
def test_a_report_is_read_with_its_words(
    options: dict[str, Any], payload: bytes, on: bool | None
) -> None:
    relay = mqtt.relay("a/set", state_topic="a", **options)
    assert relay.states["a"](payload) is on
    inverted = mqtt.relay("a/set", state_topic="a", inverted=True, **options)
    assert inverted.states["a"](payload) is (None if on is None else not on)


@pytest.mark.parametrize(
    ("path", "payload", "reason"),
    [
        (None, b"", Rejection.EMPTY),
        (None, b"O", Rejection.WORD),
        (None, b"nan", Rejection.WORD),
        (None, b"unavailable", Rejection.WORD),
        (None, b'{"output":"ON"}', Rejection.WORD),
        ("output", b"", Rejection.EMPTY),
        ("output", b'{"output":"O', Rejection.PARSE),
        ("output", b"ON", Rejection.PARSE),
        ("output", b'{"output":NaN}', Rejection.WORD),
        ("output", b'{"output":null}', Rejection.WORD),
        ("output", b'{"output":["ON"]}', Rejection.WORD),
    ],
)
def test_a_report_that_says_nothing_sure_is_rejected(
    path: str | None, payload: bytes, reason: Rejection
) -> None:
    with pytest.raises(DecodeError) as raised:
        mqtt.relay("a/set", state_topic="a", state_path=path).states["a"](payload)
    assert raised.value.reason is reason


WORD = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)


@settings(max_examples=50, deadline=None)
@given(on=st.booleans(), inverted=st.booleans(), words=st.lists(WORD, min_size=2, max_size=2))
def test_what_was_commanded_is_read_back_as_the_heaters_state(
    on: bool, inverted: bool, words: list[str]
) -> None:
    closed, opened = words
    if closed.casefold() == opened.casefold():
        opened += "-"
    relay = mqtt.relay("a/set", on=closed, off=opened, state_topic="a", inverted=inverted)
    command = relay.switch(on=on)
    assert not command.retain
    assert command.payload.decode() == (closed if on is not inverted else opened)
    assert relay.states["a"](command.payload) is on


def test_a_meter_reads_a_plain_number_in_its_unit() -> None:
    assert mqtt.meter("p1", watts_per_unit=1000.0).decode(b"1.234") == pytest.approx(1234.0)
    assert mqtt.meter("p1", scale=-1.0, watts_per_unit=230.0).decode(b"2") == -460.0
    assert mqtt.meter("em", path="a[0].b").decode(b'{"a":[{"b":"7"}]}') == 7.0


@pytest.mark.parametrize("payload", [b"nan", b"unavailable", b"", b'{"x":', b"true"])
def test_what_is_no_number_is_rejected(payload: bytes) -> None:
    for path in (None, "x"):
        with pytest.raises(DecodeError):
            mqtt.meter("p1", path=path).decode(payload)


def test_a_request_is_read_with_its_words() -> None:
    request = mqtt.request("trv", path="running_state", on="heat", off="idle")
    for requested in (False, True):
        assert request.decode(b'{"running_state":"heat"}', requested=requested) is True
        assert request.decode(b'{"running_state":"Idle"}', requested=requested) is False
        assert request.decode(b'{"local_temperature":19}', requested=requested) is None
        assert mqtt.request("x").decode(b"ON", requested=requested) is True


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Rejection.EMPTY),
        (b"heat", Rejection.PARSE),
        (b'{"running_state":', Rejection.PARSE),
        (b'{"running_state":"cool"}', Rejection.WORD),
        (b'{"running_state":null}', Rejection.WORD),
        (b'{"running_state":NaN}', Rejection.WORD),
        (b'{"running_state":["heat"]}', Rejection.WORD),
    ],
)
def test_an_unknown_request_is_rejected(payload: bytes, reason: Rejection) -> None:
    request = mqtt.request("trv", path="running_state", on="heat", off="idle")
    with pytest.raises(DecodeError) as raised:
        request.decode(payload, requested=True)
    assert raised.value.reason is reason


@pytest.mark.parametrize(
    ("demand", "requested", "wanted"),
    [
        (b"19.9", False, False),
        (b"20", False, False),
        (b"20.1", False, True),
        (b"15.1", True, True),
        (b"15", True, False),
        (b"14.9", True, False),
    ],
)
def test_a_demand_asks_above_and_ends_five_points_lower(
    demand: bytes, requested: bool, wanted: bool
) -> None:
    plain = mqtt.request("trv", above=20.0)
    assert plain.decode(demand, requested=requested) is wanted
    nested = mqtt.request("trv", path="pi_heating_demand", above=20.0)
    payload = b'{"pi_heating_demand":' + demand + b"}"
    assert nested.decode(payload, requested=requested) is wanted


@pytest.mark.parametrize("above", [0.0, 3.0, 5.0])
def test_a_demand_of_nothing_always_ends_the_request(above: float) -> None:
    request = mqtt.request("trv", above=above)
    assert request.decode(b"0", requested=True) is False
    assert request.decode(b"1", requested=True) is True


@pytest.mark.parametrize("payload", [b"", b"true", b"heat", b"nan", b"1e999", b"null"])
def test_a_demand_that_is_no_number_is_rejected(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        mqtt.request("trv", above=20.0).decode(payload, requested=False)
    if payload:
        with pytest.raises(DecodeError):
            mqtt.request("trv", path="a", above=20.0).decode(
                b'{"a":' + payload + b"}", requested=False
            )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"command_topic": ""}, "topic"),
        ({"command_topic": "a/+"}, "wildcard"),
        ({"command_topic": "a", "state_topic": "b/#"}, "wildcard"),
        ({"command_topic": "a", "state_topic": "a"}, "our own command"),
        ({"command_topic": "a", "on": "x", "off": "x"}, "both"),
        ({"command_topic": "a", "state_topic": "b", "state_on": "off"}, "told apart"),
        ({"command_topic": "a", "state_topic": "b", "state_path": "a..b"}, "path"),
        ({"command_topic": "a" * 65_536}, "longer"),
        ({"command_topic": "a\ud800"}, "UTF-8"),
    ],
)
def test_options_that_cannot_be_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        mqtt.relay(**options)


def test_topics_of_meters_and_requests_are_exact() -> None:
    for make in (mqtt.meter, mqtt.request):
        with pytest.raises(ValueError, match="wildcard"):
            make("a/+/b")


def test_every_family_is_listed_by_its_type() -> None:
    assert set(RELAYS) == set(METERS) == set(FAMILIES) == {"mqtt", "tasmota", "zigbee2mqtt"}
    assert set(REQUESTS) == {"mqtt"}
    assert FAMILIES["mqtt"].unit_of("power") is None
    assert FAMILIES["mqtt"].least_period_s is None
    assert FAMILIES["tasmota"].least_period_s == FAMILIES["zigbee2mqtt"].least_period_s == 10.0
