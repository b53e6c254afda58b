"""Tasmota: relays of one and several channels, meters, PulseTime."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.devices import tasmota
from balancer.devices.base import DecodeError, Rejection
from balancer.devices.tasmota import pulse_time, unit_of
from balancer.wire import Message


def test_a_single_relay_is_commanded_without_number() -> None:
    relay = tasmota.relay("t1")
    assert relay.switch(on=True) == Message("cmnd/t1/POWER", b"ON")
    assert relay.switch(on=False) == Message("cmnd/t1/POWER", b"OFF")
    assert relay.query == (Message("cmnd/t1/POWER", b""),)
    assert relay.setup == ()
    assert relay.command_topics == ("cmnd/t1/POWER",)


def test_a_channel_is_commanded_by_its_number_and_with_the_given_qos() -> None:
    relay = tasmota.relay("relay2", channel=7, qos=1)
    assert relay.switch(on=True) == Message("cmnd/relay2/POWER7", b"ON", qos=1)
    assert relay.query == (Message("cmnd/relay2/POWER7", b"", qos=1),)


def test_the_full_topic_of_the_device_is_followed() -> None:
    relay = tasmota.relay("t1", full_topic="tasmota/%topic%/%prefix%")
    assert relay.switch(on=True).topic == "tasmota/t1/cmnd/POWER"
    assert "tasmota/t1/stat/RESULT" in relay.states
    assert set(relay.online) == {"tasmota/t1/tele/LWT"}
    assert tasmota.meter("t1", full_topic="x/%prefix%/%topic%/").topic == "x/tele/t1/SENSOR"


def test_all_topics_are_exact() -> None:
    relay = tasmota.relay("t1", dead_man_s=60.0)
    assert set(relay.states) == {
        "stat/t1/RESULT",
        "stat/t1/POWER",
        "stat/t1/POWER1",
        "stat/t1/STATE",
        "stat/t1/STATUS11",
        "tele/t1/STATE",
    }
    assert set(relay.setup_replies) == {"stat/t1/RESULT", "stat/t1/PULSETIME"}
    assert relay.command_topics == ("cmnd/t1/POWER", "cmnd/t1/PulseTime1")


@pytest.mark.parametrize(
    ("channel", "topic", "payload", "on"),
    [
        (None, "stat/t1/RESULT", b'{"POWER":"ON"}', True),
        (1, "stat/t1/RESULT", b'{"POWER":"ON"}', True),
        (None, "stat/t1/RESULT", b'{"POWER1":"OFF"}', False),
        (2, "stat/t1/RESULT", b'{"POWER2":"OFF"}', False),
        (2, "stat/t1/RESULT", b'{"POWER":"ON"}', None),
        (1, "stat/t1/RESULT", b'{"POWER2":"ON"}', None),
        (1, "stat/t1/RESULT", b'{"POWER11":"ON"}', None),
        (2, "stat/t1/POWER2", b"OFF", False),
        (2, "stat/t1/POWER2", b"on", True),
        (2, "stat/t1/POWER2", b"1", True),
        (2, "stat/t1/POWER2", b'{"POWER2":"ON"}', True),  # SetOption4
        (None, "stat/t1/POWER", b'{"POWER":"ON"}', True),  # SetOption4
        (1, "stat/t1/POWER1", b"ON", True),
        (1, "stat/t1/RESULT", b'{"POWER1":"OFF","POWER":"ON"}', False),
        (2, "tele/t1/STATE", b'{"Uptime":"3T02","POWER1":"ON","POWER2":"OFF"}', False),
        (2, "stat/t1/STATUS11", b'{"StatusSTS":{"POWER1":"ON","POWER2":"OFF"}}', False),
        (1, "stat/t1/RESULT", b'{"PulseTime1":{"Set":280,"Remaining":180}}', None),
        (1, "stat/t1/RESULT", b'{"Command":"Unknown"}', None),
        (1, "stat/t1/RESULT", b'{"StatusSTS":1,"POWER":true}', True),
    ],
)
def test_a_report_is_read_wherever_it_comes(
    channel: int | None, topic: str, payload: bytes, on: bool | None
) -> None:
    assert tasmota.relay("t1", channel=channel).states[topic](payload) is on
    inverted = tasmota.relay("t1", channel=channel, inverted=True).states[topic](payload)
    assert inverted is (None if on is None else not on)


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("stat/t1/RESULT", b"", Rejection.EMPTY),
        ("stat/t1/POWER", b"", Rejection.EMPTY),
        ("stat/t1/POWER", b"TOGGLE", Rejection.WORD),
        ("stat/t1/POWER", b"\xff\xfe", Rejection.UTF8),
        ("stat/t1/POWER", b"nan", Rejection.WORD),
        ("stat/t1/RESULT", b"ON", Rejection.PARSE),
        ("stat/t1/RESULT", b'{"POWER":"O', Rejection.PARSE),
        ("stat/t1/RESULT", b"[1]", Rejection.PARSE),
        ("stat/t1/RESULT", b'{"POWER":null}', Rejection.WORD),
        ("stat/t1/RESULT", b'{"POWER":NaN}', Rejection.WORD),
        ("stat/t1/RESULT", b'{"POWER":{"POWER":"ON"}}', Rejection.WORD),
        ("stat/t1/RESULT", b'{"POWER":["ON"]}', Rejection.WORD),
        ("tele/t1/STATE", b'{"POWER":"BLINK"}', Rejection.WORD),
    ],
)
def test_a_report_that_says_nothing_sure_is_rejected(
    topic: str, payload: bytes, reason: Rejection
) -> None:
    with pytest.raises(DecodeError) as raised:
        tasmota.relay("t1").states[topic](payload)
    assert raised.value.reason is reason


@pytest.mark.parametrize(
    ("payload", "online"), [(b"Online", True), (b"Offline", False), (b"offline", False)]
)
def test_the_will_says_whether_the_device_is_online(payload: bytes, online: bool) -> None:
    assert tasmota.relay("t1").online["tele/t1/LWT"](payload) is online


@pytest.mark.parametrize("payload", [b"", b"gone", b"{}", b"\xff"])
def test_any_other_will_is_rejected(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        tasmota.relay("t1").online["tele/t1/LWT"](payload)


@settings(max_examples=50, deadline=None)
@given(on=st.booleans(), inverted=st.booleans(), channel=st.none() | st.integers(1, 32))
def test_what_was_commanded_is_read_back_as_the_heaters_state(
    on: bool, inverted: bool, channel: int | None
) -> None:
    relay = tasmota.relay("t1", channel=channel, inverted=inverted)
    command = relay.switch(on=on)
    assert not command.retain
    assert (command.payload == b"ON") is (on is not inverted)
    echo = command.topic.replace("cmnd/", "stat/")
    assert relay.states[echo](command.payload) is on


@pytest.mark.parametrize(
    ("duration_s", "value"), [(0.5, 5), (11.1, 111), (11.2, 112), (12, 112), (60, 160), (180, 280)]
)
def test_a_duration_is_written_as_pulse_time(duration_s: float, value: int) -> None:
    assert pulse_time(duration_s) == value


@pytest.mark.parametrize(
    ("duration_s", "possible"), [(0.0, False), (64_800.0, True), (64_801.0, False)]
)
def test_pulse_time_counts_to_18_hours(duration_s: float, possible: bool) -> None:
    if possible:
        assert pulse_time(duration_s) == 64_900
    else:
        with pytest.raises(ValueError, match="PulseTime"):
            pulse_time(duration_s)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"PulseTime7":{"Set":1000,"Remaining":0}}',
        b'{"PulseTime":{"Set":[0,0,0,0,0,0,1000],"Remaining":[0,0,0,0,0,0,0]}}',
        b'{"PulseTime7":"1000 (Active 143)"}',
        b'{"PulseTime7":1000}',
        b'{"PulseTime1":{"Set":280,"Remaining":0}}',
        b'{"PulseTime":{"Set":[0,0],"Remaining":[0,0]}}',
        b'{"POWER7":"ON"}',
    ],
)
def test_pulse_time_is_not_written_when_it_is_right_or_another_channels(payload: bytes) -> None:
    """R12."""
    relay = tasmota.relay("relay2", channel=7, dead_man_s=900.0)
    assert relay.traits.dead_man_s == 900.0
    assert relay.setup == (Message("cmnd/relay2/PulseTime7", b""),)
    for decode in relay.setup_replies.values():
        assert decode(payload) == ()


@pytest.mark.parametrize(
    "payload",
    [
        b'{"PulseTime7":{"Set":0,"Remaining":0}}',
        b'{"PulseTime7":{"Set":1001,"Remaining":0}}',
        b'{"PulseTime":{"Set":[0,0,0,0,0,0,5],"Remaining":[0,0,0,0,0,0,0]}}',
        b'{"PulseTime7":"160 (Active 143)"}',
        b'{"PulseTime7":0}',
    ],
)
def test_pulse_time_is_written_when_it_differs(payload: bytes) -> None:
    """R12."""
    relay = tasmota.relay("relay2", channel=7, dead_man_s=900.0)
    written = Message("cmnd/relay2/PulseTime7", b"1000")
    assert relay.setup_replies["stat/relay2/RESULT"](payload) == (written,)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"280",
        b'{"PulseTime1":',
        b'{"PulseTime1":null}',
        b'{"PulseTime1":{}}',
        b'{"PulseTime1":{"Set":NaN}}',
        b'{"PulseTime1":{"Set":[1]}}',
        b'{"PulseTime1":"many"}',
        b'{"PulseTime1":"' + b"9" * 5000 + b'"}',
        b'{"PulseTime1":true}',
    ],
    ids=lambda each: repr(each)[:30],
)
def test_an_answer_without_pulse_time_is_rejected(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        tasmota.relay("t1", dead_man_s=60.0).setup_replies["stat/t1/RESULT"](payload)


def test_a_meter_reads_power_and_sums_phases() -> None:
    payload = (
        b'{"Time":"..","ENERGY":{"Power":[310,22,1490],"Current":[1.4,0.1,6.4],"Voltage":233}}'
    )
    assert tasmota.meter("t1").topic == "tele/t1/SENSOR"
    assert tasmota.meter("t1").decode(payload) == 1822.0
    assert tasmota.meter("t1", path=None).decode(payload) == 1822.0
    assert tasmota.meter("t1", path="ENERGY.Power[1]").decode(payload) == 22.0
    current = tasmota.meter("t1", path="ENERGY.Current", watts_per_unit=230.0)
    assert current.decode(payload) == pytest.approx(7.9 * 230.0)


def test_a_linky_reads_apparent_power_and_not_its_alarm() -> None:
    meter = tasmota.meter("linky", path="TIC.PAPP")
    assert meter.decode(b'{"TIC":{"PAPP":2310}}') == 2310.0
    with pytest.raises(DecodeError) as raised:
        meter.decode(b'{"TIC":{"ADPS":1}}')
    assert raised.value.reason is Rejection.MISSING


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        (None, "W"),
        ("ENERGY.Power", "W"),
        ("ENERGY.Power[2]", "W"),
        ("ENERGY.ApparentPower", "VA"),
        ("ENERGY.Current", "A"),
        ("ENERGY.ReactivePower", None),
        ("ENERGY.Voltage", None),
        ("TIC.PAPP", "VA"),
        ("TIC.SINSTS", "VA"),
        ("TIC.SINSTS1", "VA"),
        ("TIC.IINST", "A"),
        ("TIC.IRMS3", "A"),
        ("METER.P", "VA"),
        ("METER.W1", "W"),
        ("METER.I", "A"),
        ("ANALOG.CTEnergy1.Power", "W"),
        ("SML.Power_curr", None),
        ("power", None),
    ],
)
def test_known_paths_have_a_unit(path: str | None, unit: str | None) -> None:
    """R3."""
    assert unit_of(path) == unit


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"device": ""}, "device"),
        ({"device": "a/"}, "device"),
        ({"device": "a+"}, "wildcard"),
        ({"device": "a", "channel": 0}, "channel"),
        ({"device": "a", "channel": 33}, "channel"),
        ({"device": "a", "full_topic": "%topic%/"}, "%prefix%"),
        ({"device": "a", "full_topic": "%prefix%/%id%/"}, "token"),
        ({"device": "a", "inverted": True, "dead_man_s": 60.0}, "inverted"),
        ({"device": "a", "dead_man_s": 70_000.0}, "PulseTime"),
    ],
)
def test_options_that_cannot_be_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        tasmota.relay(**options)
