"""R2, R9: what was just switched off excuses an overload until the meter must have shown it."""

from typing import Any

import pytest

from tests.core.house import FREE, METER, A, a_circuit, a_house
from tests.core.metered import publish_on_change, with_known_lag
from tests.core.rig import Rig


@pytest.mark.parametrize(
    ("period_s", "told", "draw", "next_s"),
    [
        (1.0, {"heartbeat_s": 10.0}, 2.0, 3.1),
        (1.0, {"heartbeat_s": 10.0}, 0.0, 3.1),  # the meter has nothing to tell
        (1.0, {}, 2.0, 4.0),
        (10.0, {}, 2.0, 20.0),
        (10.0, {"lead_s": 0.5}, 2.0, 20.0),
    ],
    ids=["on change", "nothing to tell", "every second", "every 10 s", "about to speak"],
)
def test_what_a_shed_leaves_over_is_shed_when_the_meter_must_have_shown_it(
    period_s: float, told: dict[str, Any], draw: float, next_s: float
) -> None:
    """R2, R9: with the next reading, or when a meter that speaks on change has nothing to say."""
    # given a meter whose lag is known, and heaters that take less than they did
    rig = with_known_lag(period_s, **told)
    rig.heater_w |= dict.fromkeys("abcd", draw * A)
    rig.run(200.0)
    # when others take more, and one heater's OFF is not enough
    since_s = rig.now_s
    rig.base_w["main"] = (33 - 4 * draw) * A
    rig.run(60.0)
    # then another one follows
    first, second = rig.commands(since_s, on=False)[:2]
    assert second.at_s - first.at_s == pytest.approx(next_s, abs=0.02)


def test_two_switchings_say_too_little_of_a_meter() -> None:
    """R2: its next reading is waited for."""
    rig = with_known_lag(heartbeat_s=10.0, times=2)
    rig.heater_w |= dict.fromkeys("abcd", 1 * A)
    rig.run(200.0)
    since_s = rig.now_s
    rig.base_w["main"] = 29 * A
    rig.run(60.0)
    first, second = rig.commands(since_s, on=False)[:2]
    assert second.at_s - first.at_s > 9.0


def test_what_two_offs_leave_over_is_shed_when_the_later_one_must_have_been_shown() -> None:
    """R2, R9: the earlier one was to be shown before, and hides nothing."""
    # given an OFF that the meter did not show, since something else took as much
    rig = with_known_lag(heartbeat_s=10.0)
    rig.heater_w |= dict.fromkeys("abcd", 2 * A)
    rig.run(200.0)
    rig.request("a", False)
    rig.base_w["main"] += 2 * A
    rig.run(2.0)
    # when it is far too much, and the meter has nothing to say for a while
    rig.base_w["main"] = 28 * A
    rig.run_while(lambda: not rig.commands(rig.now_s - 0.1, on=False), 12.0)
    since_s = rig.now_s
    rig.base_w["main"] += 2 * A
    rig.run(9.0)
    # then the next goes off by the clock
    assert [round(each.at_s - since_s, 1) for each in rig.commands(since_s, on=False)][:1] == [3.1]


@pytest.mark.parametrize(
    ("period_s", "next_s"),
    [
        (1.0, 3.1),  # its next reading was due before settle ended
        (5.0, 6.0),  # then it is a second late
        (10.0, 11.0),
    ],
)
def test_a_meter_that_falls_silent_excuses_an_overload_until_it_is_late(
    period_s: float, next_s: float
) -> None:
    """R2, R9: its last word was an overload, and whether the OFF was enough nobody knows."""
    rig = with_known_lag(period_s)
    since_s = rig.now_s
    rig.base_w["main"] = 12 * A
    rig.run_while(lambda: not rig.commands(since_s, on=False), 2.0 * period_s)
    rig.meter().silent = True
    rig.run(next_s + 0.5)
    (first, second) = rig.commands(since_s, on=False)
    assert second.at_s - first.at_s == pytest.approx(next_s, abs=0.1)


def _excused_s(rig: Rig) -> float:
    """Return how long an OFF excuses an overload that has come before a reading showed it."""
    since_s = rig.now_s
    rig.base_w["main"] = 12 * A
    rig.run(0.8)
    rig.base_w["main"] = 17.3 * A
    rig.run(120.0)
    first, second = rig.commands(since_s, on=False)[:2]
    return second.at_s - first.at_s


@pytest.mark.parametrize("lively", [False, True])
def test_an_overload_that_follows_a_shed_is_seen_by_a_meter_on_change(lively: bool) -> None:
    """R2, R9: the reading of both is the last, whatever the meter had to say before."""
    rig = with_known_lag(0.5, heartbeat_s=10.0)
    for turn in range(20 if lively else 0):
        rig.base_w["main"] = (4 + turn % 2) * A
        rig.run(1.5)
    assert _excused_s(rig) == pytest.approx(3.1, abs=0.1)


def test_a_meter_on_change_is_known_by_readings_long_before_their_turn() -> None:
    """R2, R9: though nothing was learned from a switching yet."""
    rig = Rig(
        a_house(4, a_circuit(stale_after_s=200.0), load_options=FREE),
        base_w=4 * A,
        requested=True,
        period_s=0.5,
    )
    publish_on_change(rig, rig.meter(), heartbeat_s=60.0)
    rig.run(400.0)
    assert not rig.state.meters[METER].lags_s
    assert _excused_s(rig) == pytest.approx(11.1, abs=0.2)


def test_one_late_reading_does_not_make_a_meter_one_that_speaks_on_change() -> None:
    """R2: what came soon after it is no proof; the same old reading sheds nobody else."""
    # given a meter whose readings show each switching soon, and one that followed a late one
    rig = with_known_lag(5.0, lead_s=0.6)
    last = rig.state.meters[METER].last
    assert last is not None
    rig.run_until(last.at_s + 4.9)
    rig.meter().lag_s = 3.0
    rig.run(0.3)
    rig.meter().lag_s = 0.0
    rig.run(3.0)
    rig.request("a", False)
    rig.run(40.0)
    rig.request("a")
    rig.run(60.0)
    # when one OFF is enough
    since_s = rig.now_s
    rig.base_w["main"] = 12 * A
    rig.run(45.0)
    # then it stays the only one
    assert len(rig.commands(since_s, on=False)) == 1


@pytest.mark.parametrize("period_s", [1.0, 5.0, 10.0])
@pytest.mark.parametrize("lead_s", [None, 0.5, 0.9])
def test_one_off_that_is_enough_stays_the_only_one(period_s: float, lead_s: float | None) -> None:
    """R2: a short lag is no proof that a meter speaks on change; it may just have been its turn."""
    rig = with_known_lag(period_s, lead_s=lead_s)
    since_s = rig.now_s
    rig.base_w["main"] = 13 * A
    rig.run(4.0 * period_s + 10.0)
    assert len(rig.commands(since_s, on=False)) == 1


def test_an_off_before_an_overload_excuses_it_no_longer_than_the_meter_could_show() -> None:
    """R2, R9: the reading came just before settle ended, and the meter is silent again."""
    rig = with_known_lag(heartbeat_s=10.0)
    rig.run(200.0)
    rig.request("a", False)
    rig.base_w["main"] = 9 * A  # the meter has nothing to show
    rig.run(2.0)
    rig.base_w["main"] = 17 * A  # 2 A too much beside three heaters
    since_s = rig.now_s
    rig.run(20.0)
    (off,) = rig.commands(since_s, on=False)
    assert off.at_s - since_s == pytest.approx(1.9, abs=0.11)


@pytest.mark.parametrize("period_s", [1.0, 5.0])
def test_a_silence_sheds_no_more_than_once(period_s: float) -> None:
    """R2: whatever was shed since is surely contained in the last reading."""
    rig = with_known_lag(period_s)
    since_s = rig.now_s
    rig.base_w["main"] = 12 * A
    rig.run_while(lambda: not rig.commands(since_s, on=False), 12.0)
    rig.meter().silent = True
    rig.run(14.0)
    assert len(rig.commands(since_s, on=False)) <= 2


@pytest.mark.parametrize("for_s", [2.0, 6.0, 12.0])
def test_a_line_that_is_lost_sheds_nobody(for_s: float) -> None:
    """R2, R15: the silence is ours; what the meter says then is judged."""
    rig = with_known_lag()
    since_s = rig.now_s
    rig.base_w["main"] = 12 * A
    rig.run_while(lambda: not rig.commands(since_s, on=False), 2.0)
    rig.run(0.2)
    rig.disconnect()
    rig.run(for_s)
    rig.connect()
    rig.run(10.0)
    assert len({each.load for each in rig.commands(since_s, on=False)}) == 1
