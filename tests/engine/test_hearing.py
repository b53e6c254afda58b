"""What meters and devices say."""

import pytest

from tests.engine.rig import EngineRig, running


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
