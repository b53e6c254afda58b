"""Settings: what may be set, what is answered, what is not obeyed."""

import pytest

from balancer.wire import Message
from tests.engine.rig import EngineRig, running


def test_a_setting_is_answered_at_the_next_wake_changed_or_not(rig: EngineRig) -> None:
    """Section 5: within 200 ms."""
    running(rig)
    for topic, payload, answer in [
        ("away", "off", b"OFF"),
        ("zone/lounge", "ON", b"ON"),
        ("circuit/main/mode", "auto", b"auto"),
        ("circuit/main/limit", "6000", b"6000"),
        ("load/window/boost", "OFF", b"OFF"),
    ]:
        since_s = rig.now_s
        rig.set(topic, payload)
        assert rig.engine.deadline_s <= rig.now_s
        rig.run(0.1)
        (found,) = rig.published(f"balancer/house/{topic}", since_s)
        assert found[1] == answer
        rig.run(1.0)


def test_a_setting_that_is_not_allowed_changes_nothing_and_is_answered(rig: EngineRig) -> None:
    """F68: counted each time, logged once per change."""
    running(rig)
    since_s = rig.now_s
    for payload in ("1e9", "1e9", "nan", "-1", "x" * 100):
        rig.set("circuit/main/limit", payload)
        rig.run(0.1)
    assert [
        payload for _, payload in rig.published("balancer/house/circuit/main/limit", since_s)
    ] == [b"6000"] * 5
    rejected = rig.engine.counts.rejected
    assert rejected["circuit/main/limit/set", "range"] == 3
    assert (
        sum("rejected source=circuit/main/limit/set reason=range" in each for each in rig.lines)
        == 2
    )
    rig.set("circuit/main/limit", "6000")
    assert sum("rejected_over source=circuit/main/limit/set" in each for each in rig.lines) == 1


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("away", "yes", "word"),
        ("away", "", "word"),
        ("zone/lounge", "1", "word"),
        ("load/window/boost", "0", "range"),
        ("load/window/boost", "-5", "range"),
        ("load/window/boost", "soon", "parse"),
        ("circuit/main/mode", "4", "word"),
        ("circuit/main/mode", "-1", "word"),
        ("circuit/main/mode", "\u00b2", "word"),
        ("circuit/main/limit", "5_000", "parse"),
        ("circuit/main/limit", "\u0665\u0660\u0660\u0660", "parse"),
        ("circuit/main/limit", "6001", "range"),
        ("circuit/main/limit", "1e999", "nonfinite"),
        ("circuit/main/limit", "5" + " " * 64, "oversize"),
    ],
)
def test_a_setting_that_is_no_such_thing_is_rejected_with_its_reason(
    rig: EngineRig, topic: str, payload: str, reason: str
) -> None:
    """F68."""
    rig.begin()
    rig.run(7.0)
    before = rig.status()
    rig.set(topic, payload)
    rig.run(0.2)
    assert dict(rig.engine.counts.rejected) == {(f"{topic}/set", reason): 1}
    after = rig.status()
    assert after["away"] is False
    assert after["zones"] == before["zones"]
    assert after["circuits"]["main"]["limit"] == 6000.0
    assert after["circuits"]["main"]["mode_source"] == "auto"
    assert not any(load["boost"] for load in after["loads"].values())


@pytest.mark.parametrize(
    ("payload", "for_s"),
    [("30", 1800.0), (" 0.5\n", 30.0), (" on\n", 7200.0), ("120", 7200.0), ("121", 7200.0)],
)
def test_a_boost_lasts_minutes_and_no_longer_than_it_may(
    rig: EngineRig, payload: str, for_s: float
) -> None:
    """R4: two hours unless configured otherwise."""
    running(rig)
    rig.set("load/towels/boost", payload)
    assert rig.engine.snapshot(rig.now_s).loads["towels"].boost_until_s == rig.now_s + for_s


def test_a_limit_that_is_a_rounding_above_the_configured_is_the_configured(
    rig: EngineRig,
) -> None:
    running(rig)
    rig.set("circuit/main/limit", "6000.000001")
    assert rig.engine.snapshot(rig.now_s).circuits["main"].limit_w == 6000.0
    assert not rig.engine.counts.rejected


def test_a_retained_setting_is_not_obeyed(rig: EngineRig) -> None:
    """Section 5: it may be hours old; nobody waits for an answer."""
    running(rig)
    since_s = rig.now_s
    rig.send("balancer/house/away/set", "ON", retain=True)
    rig.run(3.0)
    assert rig.on == {"window", "door"}
    assert rig.engine.counts.rejected["away/set", "retained"] == 1
    assert rig.published("balancer/house/away", since_s) == []


def test_settings_before_the_start_wait_for_it_and_win_over_memory(rig: EngineRig) -> None:
    """R15: mode and limit set before the start are not overwritten by what is read back."""
    rig.retained["balancer/house/away"] = b"OFF"
    rig.retained["balancer/house/circuit/main/limit"] = b"5000"
    rig.connect()
    rig.set("circuit/main/limit", "3000")
    rig.set("away", "ON")
    rig.publish(rig.engine.start(rig.now_s))
    rig.run(0.2)
    status = rig.status()
    assert status["away"] is True
    assert status["circuits"]["main"]["limit"] == 3000.0
    assert rig.retained["balancer/house/circuit/main/limit"] == b"3000"


def test_a_setting_before_the_start_commands_relays_with_the_start(rig: EngineRig) -> None:
    """R4, R15: what it switches off does not wait for a repeat."""
    # given a restart, with relays that have said that they are on
    running(rig)
    rig.new_engine()
    rig.connect()
    rig.run(0.2)
    # when everybody leaves before the start
    rig.set("away", "ON")
    outgoing = rig.publish(rig.engine.start(rig.now_s))
    # then the start itself says OFF
    off = {each.topic for each in outgoing.commands if each.payload == b"OFF"}
    assert off >= {"heat/window/set", "cmnd/door/POWER"}


def test_of_settings_before_the_start_the_last_one_counts(rig: EngineRig) -> None:
    """Style 2.6: a flood is bounded by the topics that there are, and hides no wish."""
    rig.connect()
    for number in range(2000):
        rig.set("circuit/main/limit", f"{3000 + number}")
    rig.set("circuit/main/limit", "2000")
    rig.set("away", "ON")
    rig.publish(rig.engine.start(rig.now_s))
    rig.run(0.2)
    assert rig.status()["circuits"]["main"]["limit"] == 2000.0
    assert rig.status()["away"] is True
    assert not [line for line in rig.lines if "3000" in line]


def test_what_is_not_allowed_before_the_start_hides_no_wish(rig: EngineRig) -> None:
    """Section 5: it changes nothing, then as ever."""
    rig.connect()
    for topic, allowed, other in (
        ("away", "ON", "yes please"),
        ("zone/lounge", "ON", ""),
        ("circuit/main/limit", "2000", "-1"),
    ):
        rig.set(topic, allowed)
        rig.set(topic, other)
    rig.publish(rig.engine.start(rig.now_s))
    rig.run(0.2)
    status = rig.status()
    assert status["away"] is True
    assert status["zones"]["lounge"]["request"] is True
    assert status["circuits"]["main"]["limit"] == 2000.0
    assert rig.engine.counts.rejected["away/set", "word"] == 1


@pytest.mark.parametrize(
    ("topic", "payload", "said"),
    [
        ("balancer/house/away/set", b"on", True),
        ("balancer/house/away/set", b"yes please", False),
        ("balancer/house/circuit/main/limit/set", b"3000", True),
        ("balancer/house/circuit/main/limit/set", b"9000", False),
        ("trv", b'{"state":"heat"}', True),
        ("trv", b'{"battery":90}', False),
        ("trv", b"\xff", False),
        ("heat/window", b"ON", False),
    ],
)
def test_what_somebody_wants_is_understood_before_it_is_kept(
    rig: EngineRig, topic: str, payload: bytes, said: bool
) -> None:
    """F74: over a pause; nothing comes of it yet."""
    assert rig.engine.understands(Message(topic, payload)) is said
    assert not rig.engine.counts.rejected


def test_a_zone_is_answered_with_what_was_said_while_changes_are_merged(rig: EngineRig) -> None:
    """R8, section 5: its loads follow when ``hold_off`` ends."""
    running(rig)
    since_s = rig.now_s
    for payload in ("OFF", "ON", "OFF"):
        rig.set("zone/lounge", payload)
        rig.run(0.2)
    answers = [payload for _, payload in rig.published("balancer/house/zone/lounge", since_s)]
    assert answers == [b"OFF", b"ON", b"OFF"]
