"""Simulated devices say what real ones say; the codecs, written apart from them, understand it."""

import json

import pytest

from balancer.sim.devices.contact import Contact, Copper
from balancer.sim.devices.plain import PlainRelay
from balancer.sim.devices.tasmota import TasmotaRelays, pulse_seconds
from balancer.sim.devices.zigbee import ZigbeeBridge, ZigbeeRelay
from balancer.sim.judges.ear import Ear
from balancer.sim.scenarios import ALL, SURPLUS, Scenario
from tests.sim.wires import Bench


class Heaters:
    """Where contacts report to."""

    def __init__(self) -> None:
        self.closed: dict[str, bool] = {}

    def contact(self, load: str, *, inverted: bool = False, power_on: str = "previous") -> Contact:
        return Contact(load, inverted=inverted, switch=self.closed.__setitem__, power_on=power_on)


def _tasmota(bench: Bench, *, channels: int = 1) -> tuple[TasmotaRelays, Heaters]:
    heaters = Heaters()
    contacts = {number: heaters.contact(f"h{number}") for number in range(1, channels + 1)}
    device = TasmotaRelays(
        "t1", contacts, bench.clock, bench.broker, bench.random, single=channels == 1
    )
    device.start()
    bench.run(1.0)
    return device, heaters


def test_tasmota_answers_every_command_on_result_and_power() -> None:
    # given a single relay
    bench = Bench("stat/t1/RESULT", "stat/t1/POWER", "tele/t1/LWT")
    _, heaters = _tasmota(bench)
    assert ("tele/t1/LWT", "Online", False) in bench.ears.heard
    bench.ears.heard.clear()
    # when it is told ON twice
    for _ in range(2):
        bench.say("cmnd/t1/POWER", "ON")
        bench.run(1.0)
    # then it answers twice, and its heater is on
    assert bench.ears.on("stat/t1/RESULT") == ['{"POWER":"ON"}'] * 2
    assert bench.ears.on("stat/t1/POWER") == ["ON"] * 2
    assert heaters.closed == {"h1": True}


def test_tasmota_with_several_relays_numbers_them() -> None:
    bench = Bench("stat/t1/RESULT", "stat/t1/POWER2")
    _, heaters = _tasmota(bench, channels=4)
    bench.ears.heard.clear()
    bench.say("cmnd/t1/POWER2", "ON")
    bench.run(1.0)
    assert bench.ears.heard == [
        ("stat/t1/RESULT", '{"POWER2":"ON"}', False),
        ("stat/t1/POWER2", "ON", False),
    ]
    assert heaters.closed == {"h2": True}


def test_an_empty_payload_asks_for_the_state() -> None:
    bench = Bench("stat/t1/RESULT")
    _tasmota(bench)
    bench.ears.heard.clear()
    bench.say("cmnd/t1/POWER", "")
    bench.run(1.0)
    assert bench.ears.on("stat/t1/RESULT") == ['{"POWER":"OFF"}']


def test_pulse_time_turns_a_relay_off_unless_it_is_renewed() -> None:
    # given a dead-man of two minutes
    bench = Bench("stat/t1/RESULT")
    device, heaters = _tasmota(bench)
    bench.say("cmnd/t1/PulseTime1", "220")
    bench.run(1.0)
    assert bench.ears.on("stat/t1/RESULT")[-1] == '{"PulseTime1":{"Set":220,"Remaining":0}}'
    bench.say("cmnd/t1/POWER", "ON")
    # when it is renewed before it is over
    bench.run(100.0)
    bench.say("cmnd/t1/POWER", "ON")
    bench.run(100.0)
    # then it stays on; when nobody renews it any more, it goes off and says so
    assert heaters.closed["h1"]
    assert device.counting(1)
    bench.run(25.0)
    assert not heaters.closed["h1"]
    assert bench.ears.on("stat/t1/RESULT")[-1] == '{"POWER":"OFF"}'


@pytest.mark.parametrize(
    ("value", "seconds"), [(5, 0.5), (111, 11.1), (112, 12.0), (160, 60.0), (280, 180.0)]
)
def test_pulse_time_counts_tenths_then_seconds(value: int, seconds: float) -> None:
    assert pulse_seconds(value) == pytest.approx(seconds)


def test_a_dead_tasmota_is_declared_offline_by_the_broker_when_its_keepalive_is_over() -> None:
    bench = Bench("tele/t1/LWT")
    device, _ = _tasmota(bench)
    device.power_off()
    bench.run(20.0)
    assert bench.ears.on("tele/t1/LWT") == ["Online"]
    bench.run(60.0)
    assert bench.ears.on("tele/t1/LWT") == ["Online", "Offline"]
    device.power_on()
    bench.run(10.0)
    assert bench.ears.on("tele/t1/LWT")[-1] == "Online"


def test_a_tasmota_that_found_its_broker_again_does_not_repeat_its_state() -> None:
    """Only the first connect after a boot reports states (protocol sheet, 2.1)."""
    bench = Bench("stat/t1/POWER1", "tele/t1/LWT")
    device, _ = _tasmota(bench, channels=2)
    bench.ears.heard.clear()
    bench.broker.reset(device.name)
    bench.run(60.0)
    assert bench.ears.on("tele/t1/LWT") == ["Offline", "Online"]
    assert bench.ears.on("stat/t1/POWER1") == []


def _bridge(bench: Bench) -> tuple[ZigbeeBridge, ZigbeeRelay, Heaters]:
    heaters = Heaters()
    relay = ZigbeeRelay(
        "box", {"l1": heaters.contact("a"), "l2": heaters.contact("b")}, power_w=lambda: 1487.0
    )
    bridge = ZigbeeBridge({"box": relay}, bench.clock, bench.broker, bench.random)
    bridge.start()
    bench.run(1.0)
    bench.ears.heard.clear()
    return bridge, relay, heaters


def test_zigbee_states_are_merged() -> None:
    bench = Bench("zigbee2mqtt/box")
    _, _, heaters = _bridge(bench)
    bench.say("zigbee2mqtt/box/set", '{"state_l2":"ON"}')
    bench.run(1.0)
    state = json.loads(bench.ears.on("zigbee2mqtt/box")[0])
    assert state == {"linkquality": 131, "power": 1487, "state_l1": "OFF", "state_l2": "ON"}
    assert heaters.closed == {"b": True}


def test_a_metering_report_repeats_what_is_known_however_old() -> None:
    # given a device that does not hear
    bench = Bench("zigbee2mqtt/box")
    bridge, relay, _ = _bridge(bench)
    relay.deaf = True
    # when a command is on its way and a report comes
    bench.say("zigbee2mqtt/box/set", '{"state_l1":"ON"}')
    bridge.tell(relay)
    bench.run(20.0)
    # then the report repeats the old state, and the command is never answered
    states = [json.loads(each)["state_l1"] for each in bench.ears.on("zigbee2mqtt/box")]
    assert states == ["OFF"]


def test_a_timed_on_is_told_by_a_report_and_ends_by_itself() -> None:
    bench = Bench("zigbee2mqtt/box")
    _, _, heaters = _bridge(bench)
    bench.say("zigbee2mqtt/box/l1/set", '{"state":"ON","on_time":60}')
    bench.run(2.0)
    assert heaters.closed["a"]
    assert json.loads(bench.ears.on("zigbee2mqtt/box")[0])["state_l1"] == "ON"
    bench.run(60.0)
    assert not heaters.closed["a"]
    assert json.loads(bench.ears.on("zigbee2mqtt/box")[-1])["state_l1"] == "OFF"


@pytest.mark.parametrize(("firmware", "on_later"), [("ignore", True), ("refuse", False)])
def test_firmware_may_take_a_timed_on_its_own_way(firmware: str, on_later: bool) -> None:
    bench = Bench("zigbee2mqtt/box")
    _, relay, heaters = _bridge(bench)
    relay.on_time = firmware
    bench.say("zigbee2mqtt/box/set", '{"state_l1":"ON","on_time":60}')
    bench.run(100.0)
    assert heaters.closed.get("a", False) is on_later


def test_availability_follows_ten_minutes_of_silence() -> None:
    bench = Bench("zigbee2mqtt/box/availability")
    bridge, _, _ = _bridge(bench)
    bridge.device_off("box")
    bench.run(500.0)
    assert bench.ears.heard == []
    bench.run(200.0)
    assert bench.ears.on("zigbee2mqtt/box/availability") == ['{"state":"offline"}']
    bridge.device_on("box")
    bench.run(10.0)
    assert bench.ears.on("zigbee2mqtt/box/availability")[-1] == '{"state":"online"}'


def test_a_bridge_that_stops_says_so_by_its_will() -> None:
    bench = Bench("zigbee2mqtt/bridge/state")
    bridge, _, _ = _bridge(bench)
    bridge.bridge_off()
    bench.run(5.0)
    bridge.bridge_on()
    bench.run(10.0)
    assert bench.ears.on("zigbee2mqtt/bridge/state") == [
        '{"state":"offline"}',
        '{"state":"online"}',
    ]


def test_a_plain_relay_that_reports_changes_only_is_silent_when_nothing_changes() -> None:
    bench = Bench("x/state")
    heaters = Heaters()
    relay = PlainRelay(
        heaters.contact("x"),
        bench.clock,
        bench.broker,
        bench.random,
        command_topic="x/set",
        state_topic="x/state",
        state_path="relay.state",
        only_changes=True,
    )
    relay.start()
    bench.run(1.0)
    bench.ears.heard.clear()
    for word in ("ON", "ON", "OFF", "maybe"):
        bench.say("x/set", word)
        bench.run(1.0)
    assert bench.ears.on("x/state") == ['{"relay":{"state":"ON"}}', '{"relay":{"state":"OFF"}}']


@pytest.mark.parametrize(
    ("copper", "after_on", "after_off"),
    [
        (Copper.SOUND, True, False),
        (Copper.WELDED, True, True),
        (Copper.DEAD, False, False),
        (Copper.STUCK, False, False),
    ],
)
def test_copper_does_what_it_can(copper: Copper, after_on: bool, after_off: bool) -> None:
    # given a contact that was off when it broke
    contact = Heaters().contact("x")
    contact.spoil(copper)
    # when the firmware drives it
    contact.drive(energised=True)
    on = contact.heater_on
    contact.drive(energised=False)
    # then
    assert (on, contact.heater_on) == (after_on, after_off)


def test_the_heater_behind_an_inverted_contact_is_on_when_its_coil_is_dead() -> None:
    contact = Heaters().contact("pilot", inverted=True)
    assert not contact.heater_on
    contact.spoil(Copper.DEAD)
    assert contact.heater_on


@pytest.mark.parametrize("scenario", ALL.values(), ids=str)
def test_codecs_and_the_independent_ear_agree_about_every_command(scenario: Scenario) -> None:
    # given the codecs of a house and the ear of the checkers
    setup, ear = scenario.setup(), Ear(scenario.document)
    for load, codec in setup.relays.items():
        for on in (False, True):
            message = codec.switch(on=on)
            heard = [(who, decode(message.payload)) for who, decode in ear.commands[message.topic]]
            # then a command means the same to both, and nothing to others on the topic
            assert [each for each in heard if each[1] is not None] == [(load, on)]


@pytest.mark.parametrize(
    ("zone", "payload", "wanted"),
    [
        ("bath", b'{"running_state": "heat"}', True),
        ("bath", b'{"running_state": "idle", "local_temperature": 19}', False),
        ("bath", b'{"running_state": "maybe"}', None),
        ("bath", b'{"local_temperature": 19}', None),
        ("office", b'{"pi_heating_demand": 21}', True),
        ("office", b'{"pi_heating_demand": 0}', False),
        ("office", b'{"pi_heating_demand": 17}', None),  # what it means depends on what was
        ("office", b'{"pi_heating_demand": "inf"}', None),
        ("hall", b"1", True),
        ("hall", b"0", False),
        ("hall", b"ON", None),
    ],
)
def test_codecs_and_the_independent_ear_agree_about_what_thermostats_ask(
    zone: str, payload: bytes, wanted: bool | None
) -> None:
    setup, ear = SURPLUS.setup(), Ear(SURPLUS.document)
    (topic,) = (topic for topic, each in ear.requests.items() if each[0][0] == zone)
    codec = setup.requests[zone]
    assert topic == codec.topic
    # given what the ear understands
    ((_, decode),) = ear.requests[topic]
    assert decode(payload) is wanted
    # then the codec takes it so, whatever was asked for before
    if wanted is not None:
        assert [codec.decode(payload, requested=was) for was in (False, True)] == [wanted] * 2
