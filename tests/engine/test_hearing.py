"""What meters and devices say."""

from pathlib import Path

import pytest

from balancer.engine import Outgoing
from balancer.wire import Message
from tests.engine.rig import CONFIG, START_S, EngineRig, running

NO_PULSE_TIME = '{"PulseTime1":{"Set":0,"Remaining":0}}'
"""What the door's relay answers whose dead-man is not set."""

ZIGBEE_DOOR = CONFIG.replace(
    'type = "tasmota", device = "door", dead_man = "15 min"',
    'type = "zigbee2mqtt", device = "door"',
)


def dead_man_written(outgoing: Outgoing) -> list[bytes]:
    return [each.payload for each in outgoing.commands if each.topic == "cmnd/door/PulseTime1"]


def test_a_reading_over_the_limit_is_answered_with_the_command_itself(rig: EngineRig) -> None:
    """R9, I13: views wait."""
    running(rig)
    outgoing = rig.send("meter", "6500")
    assert len(outgoing.commands) == 1
    assert outgoing.rest == ()
    assert rig.engine.deadline_s <= rig.now_s


@pytest.mark.parametrize("payload", ["", "NaN", "1e999", "70000", "on", "\xff", "x" * 5000])
def test_what_is_no_reading_refreshes_no_age(rig: EngineRig, payload: str) -> None:
    """R13, F05 to F12: the circuit goes blind."""
    running(rig)
    rig.meter_s = float("inf")
    for _ in range(20):
        rig.run(1.0)
        rig.send("meter", payload)
    assert rig.on == set()
    assert rig.status()["circuits"]["main"]["blind"] is True
    assert sum("rejected source=circuits.main.meter" in each for each in rig.lines) == 1


def test_a_retained_reading_is_no_reading(rig: EngineRig) -> None:
    """R13, F14."""
    running(rig)
    rig.send("meter", "9000", retain=True)
    assert rig.on == {"window", "door"}
    assert rig.engine.counts.rejected["circuits.main.meter", "retained"] == 1


def test_a_device_that_is_away_is_unavailable_and_asked_when_it_returns(rig: EngineRig) -> None:
    """R15, F33: flaps alone move no relay."""
    running(rig)
    since_s = rig.now_s
    for _ in range(3):
        rig.send("tele/door/LWT", "Offline")
        rig.run(1.0)
        rig.send("tele/door/LWT", "Online")
        rig.run(1.0)
    assert rig.commands(since_s) == [("door", b"ON")] * 3  # renewals: how much is left is unknown
    assert rig.on == {"window", "door"}


def test_a_message_that_comes_late_does_not_hide_a_silence_that_was_due_before_it(
    rig: EngineRig,
) -> None:
    """R13, style 2.6: deadlines that are due come first."""
    running(rig)
    # given a process that stood still for longer than a circuit may see nothing
    rig.now_s += 20.0
    # when the first thing that it reads is a reading under the limit
    outgoing = rig.send("meter", "4500")
    # then the circuit was blind before, and that is acted upon
    assert {(each.topic, each.payload) for each in outgoing.commands} == {
        ("heat/window/set", b"OFF"),
        ("cmnd/door/POWER", b"OFF"),
    }


def test_a_flood_of_messages_does_not_starve_a_tick(rig: EngineRig) -> None:
    """R6, style 2.6: deadlines that are due come with the next message."""
    running(rig)
    rig.run(START_S + 599.0 - rig.now_s)
    # given no wake any more, and messages that mean nothing
    for _ in range(10):
        rig.now_s += 0.3
        rig.send("tele/door/LWT", "Online")
    # then the tick was there, once
    assert rig.engine.counts.rotations == 1


def test_a_dead_man_that_is_not_set_is_written_once_a_connect(rig: EngineRig) -> None:
    """R12: flash wears."""
    rig.begin()
    assert dead_man_written(rig.send("stat/door/RESULT", NO_PULSE_TIME)) == [b"1000"]
    assert dead_man_written(rig.send("stat/door/RESULT", NO_PULSE_TIME)) == []
    rig.disconnect()
    rig.connect()
    assert dead_man_written(rig.send("stat/door/RESULT", NO_PULSE_TIME)) == [b"1000"]


def test_a_retained_answer_says_nothing_of_the_dead_man_of_now(rig: EngineRig) -> None:
    """R12: it may be from before the dead-man was set."""
    rig.begin()
    assert dead_man_written(rig.send("stat/door/RESULT", NO_PULSE_TIME, retain=True)) == []
    assert dead_man_written(rig.send("stat/door/RESULT", NO_PULSE_TIME)) == [b"1000"]


def test_who_was_away_before_a_connect_is_forgotten_with_it(tmp_path: Path) -> None:
    """R15, F45: the broker came back without what the bridge had said."""
    rig = EngineRig(tmp_path, config=ZIGBEE_DOOR)
    rig.retained["zigbee2mqtt/bridge/state"] = b'{"state":"offline"}'
    rig.retained["zigbee2mqtt/door/availability"] = b'{"state":"online"}'
    rig.begin()
    rig.run(1.0)
    assert rig.status()["loads"]["door"]["online"] is False
    # when the new broker knows the device only
    rig.disconnect()
    del rig.retained["zigbee2mqtt/bridge/state"]
    rig.connect()
    rig.run(1.0)
    # then nothing speaks against it
    assert rig.status()["loads"]["door"]["online"] is True


def test_a_bridge_that_starts_anew_is_asked_though_nobody_heard_it_go(tmp_path: Path) -> None:
    """R15, F24: dark together with the broker; its first states are what it remembers."""
    rig = EngineRig(tmp_path, config=ZIGBEE_DOOR)
    rig.retained["zigbee2mqtt/bridge/state"] = b'{"state":"online"}'
    rig.retained["zigbee2mqtt/door/availability"] = b'{"state":"online"}'
    rig.begin()
    rig.run(10.0)

    def asked(topic: str, *, retain: bool = False) -> list[str]:
        outgoing = rig.send(topic, '{"state":"online"}', retain=retain)
        rig.run(10.0)
        return [each.topic for each in outgoing.commands if each.topic.endswith("/get")]

    assert asked("zigbee2mqtt/bridge/state", retain=True) == []
    assert asked("zigbee2mqtt/bridge/state") == ["zigbee2mqtt/door/get"]
    assert asked("zigbee2mqtt/door/availability") == ["zigbee2mqtt/door/get"]


def test_a_retained_state_of_a_relay_that_can_be_asked_says_nothing(rig: EngineRig) -> None:
    """R15: it may be hours old."""
    rig.retained["stat/door/POWER"] = b"ON"
    rig.retained["heat/window"] = b"ON"
    rig.connect()
    loads = rig.engine.snapshot(rig.now_s).loads
    assert loads["door"].relay is None
    assert loads["window"].relay is True  # nothing else tells of it


def test_a_device_that_connects_after_the_balancer_is_asked_again(rig: EngineRig) -> None:
    """R15: it has not heard the question, and says no more than that it is still there."""
    rig.send("tele/door/LWT", "Online")
    running(rig)
    rig.disconnect()
    rig.connect()
    # given a question that nobody has answered
    rig.pending.clear()
    rig.now_s += 1.0
    # when the device says that it is there
    outgoing = rig.send("tele/door/LWT", "Online")
    # then it is asked
    assert [(each.topic, each.payload) for each in outgoing.commands] == [("cmnd/door/POWER", b"")]


def test_a_topic_that_two_zones_listen_to_is_heard_by_both(tmp_path: Path) -> None:
    """R4."""
    request = CONFIG[CONFIG.index("request =") : CONFIG.index("[loads.window]")]
    config = CONFIG.replace("[zones.lounge]", f"[zones.lounge]\n{request}")
    rig = EngineRig(tmp_path, config=config)
    rig.begin()
    rig.send("trv", '{"state": "heat"}')
    assert rig.engine.snapshot(rig.now_s).zones == {"lounge": True, "bath": True}


def test_a_message_from_before_the_last_decision_is_of_that_instant(rig: EngineRig) -> None:
    """R15: what came before the subscriptions were granted is handed over after that."""
    running(rig)
    rig.engine.receive(Message("balancer/house/away/set", b"ON"), rig.now_s - 5.0)
    assert rig.engine.snapshot(rig.now_s).away


@pytest.mark.parametrize(
    ("payload", "whole"),
    [
        ('{"a": 1, "b": 2}', True),
        ('{"a": 1}', False),
        ('{"b": 2}', False),
        ('{"a": 1, "b": 99999999}', False),
        ("", False),
    ],
)
def test_message_reads_whole_that_has_a_reading_for_every_meter_of_its_topic(
    tmp_path: Path, payload: str, *, whole: bool
) -> None:
    """R13: one that lacks something must not hide the one before it."""
    meter = 'meter = {{ type = "mqtt", topic = "meter"'
    config = CONFIG.replace(meter, f'{meter}, path = "a"').replace(
        "[loads.door]\n", f'[loads.door]\n{meter}, path = "b" }}}}\n'
    )
    rig = EngineRig(tmp_path, config=config)
    assert rig.engine.reads(Message("meter", payload.encode())) is whole
    assert not rig.engine.counts.rejected


def test_what_was_overtaken_unread_is_counted_and_if_it_is_no_reading_as_such(
    rig: EngineRig,
) -> None:
    """R13, F13."""
    running(rig)
    judged = [Message("meter", payload) for payload in (b"500", b"NaN", b"", b"600")]
    rig.engine.overtaken(4, judged)
    assert rig.engine.counts.conflated == 4
    assert rig.engine.counts.rejected["circuits.main.meter", "nonfinite"] == 1
    assert sum(rig.engine.counts.rejected.values()) == 2
    assert rig.on == {"window", "door"}
