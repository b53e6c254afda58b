"""Settings: what may be set, what is answered, what is not obeyed."""

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


def test_a_retained_setting_is_not_obeyed(rig: EngineRig) -> None:
    """Section 5: it may be hours old."""
    running(rig)
    rig.send("balancer/house/away/set", "ON", retain=True)
    rig.run(3.0)
    assert rig.on == {"window", "door"}
    assert rig.engine.counts.rejected["away/set", "retained"] == 1


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
