"""The wall clock: the day of the switchings, ticks, jumps."""

from datetime import datetime
from pathlib import Path

import pytest

from tests.engine.rig import CONFIG, START_S, EngineRig, running


def in_paris(folder: Path, utc: str) -> EngineRig:
    """Return a house in Paris with two loads on, a minute before a time of UTC."""
    config = CONFIG.replace("[rotation]", '[rotation]\ntimezone = "Europe/Paris"')
    rig = EngineRig(folder, config=config)
    rig.wall_offset_s = datetime.fromisoformat(utc).timestamp() - 60.0 - rig.now_s
    rig.new_engine()
    return running(rig)


def today(rig: EngineRig) -> dict[str, int]:
    return {name: load["switches_today"] for name, load in rig.status()["loads"].items()}


def test_the_day_of_the_switchings_ends_at_midnight_in_the_house(tmp_path: Path) -> None:
    """Midnight in Paris is 23:00 UTC; a tick at midnight belongs to the new day."""
    rig = in_paris(tmp_path, "2026-11-22T23:00Z")
    assert today(rig) == {"window": 1, "door": 1, "towels": 0}
    rig.run(30.0)
    assert today(rig) == {"window": 1, "door": 1, "towels": 0}
    # when everybody leaves on the stroke of midnight
    rig.run(60.0 - (rig.now_s - START_S) + 0.01)
    rig.set("away", "ON")
    rig.run(2.0)
    # then the day is new, and these are its first
    assert today(rig) == {"window": 1, "door": 1, "towels": 0}
    # and a restart goes on with the same day
    rig.set("away", "OFF")
    rig.run(1.0)
    rig.new_engine()
    rig.begin()
    rig.run(2.0)
    assert today(rig) == {"window": 1, "door": 1, "towels": 0}


def test_midnight_in_greenwich_is_nothing_to_a_house_in_paris(tmp_path: Path) -> None:
    rig = in_paris(tmp_path, "2026-11-23T00:00Z")
    rig.run(30.0)
    # when the process is restarted beyond it
    rig.run(30.0)
    rig.new_engine()
    rig.begin()
    rig.run(10.0)
    # then what was switched before it is still of today
    assert today(rig) == {"window": 1, "door": 1, "towels": 0}


def test_a_restart_after_midnight_begins_a_new_day(tmp_path: Path) -> None:
    rig = in_paris(tmp_path, "2026-11-22T23:00Z")
    rig.disconnect()
    rig.now_s = START_S + 61.0
    rig.new_engine()
    rig.begin()
    rig.run(1.0)
    assert today(rig) == {"window": 0, "door": 0, "towels": 0}


def test_the_wall_clock_moves_ticks_and_nothing_else(rig: EngineRig) -> None:
    """F71, I19."""
    running(rig)
    for by_s in (3600.0, -86_400.0, 1.5, -1.5, 315_360_000.0):
        since_s = rig.now_s
        rig.jump(by_s)
        rig.run(30.0)
        assert rig.commands(since_s) == []
    assert rig.on == {"window", "door"}
    assert sum("clock_jump" in each for each in rig.lines) == 3
    ticks = rig.engine.counts.rotations
    rig.run(1200.0)
    assert rig.engine.counts.rotations == ticks + 2


def test_a_tick_comes_at_its_instant_once(rig: EngineRig) -> None:
    """R6: every ten minutes by the wall clock."""
    running(rig)
    rig.run(START_S + 3600.0 + 1.0 - rig.now_s)
    assert rig.engine.counts.rotations == 6


@pytest.mark.parametrize(
    ("by_s", "due_s"),
    [(300.0, 300.0), (-300.0, 300.0), (-86_300.0, 500.0), (1.5, 598.5), (-1.5, 601.5)],
)
def test_the_next_tick_is_at_its_instant_of_the_new_wall_clock(
    rig: EngineRig, by_s: float, due_s: float
) -> None:
    """R6, F71: set or slewed, forth or back."""
    running(rig)
    rig.jump(by_s)
    for at_s in (START_S + due_s, START_S + due_s + 600.0):
        before = rig.engine.counts.rotations
        rig.run(at_s - 0.1 - rig.now_s)
        assert rig.engine.counts.rotations == before
        rig.run(0.2)
        assert rig.engine.counts.rotations == before + 1


@pytest.mark.parametrize("by_s", [1.5, -1.5], ids=["over it", "back over it"])
def test_a_slew_across_a_tick_neither_loses_it_nor_gives_it_twice(
    rig: EngineRig, by_s: float
) -> None:
    """R6, F71."""
    # given a wall clock that is about to pass a tick, or has just passed it
    running(rig)
    rig.run(START_S + 600.0 - by_s / 2.0 - rig.now_s)
    # when it is slewed across
    rig.jump(by_s)
    rig.run(10.0)
    # then there was one tick
    assert rig.engine.counts.rotations == 1


def test_the_end_of_a_boost_is_the_same_instant_each_time(rig: EngineRig) -> None:
    """Section 5: whatever the clocks of one machine differ by from tick to tick."""
    running(rig)
    rig.set("load/window/boost", "30")
    ends = set()
    for number in range(30):
        rig.engine.set_wall(rig.now_s, rig.now_s + rig.wall_offset_s + 0.004 * (number % 7))
        rig.run(3.0)
        ends.add(rig.status()["loads"]["window"]["boost_until"])
    assert len(ends) == 1
