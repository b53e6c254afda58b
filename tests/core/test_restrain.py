"""R4 caps, R8 wear; away, boosts and requests that end."""

import pytest

from balancer.core.commands import Cause, Reason
from balancer.core.model import Zone
from tests.core.house import FREE, A, a_circuit, a_house, a_load
from tests.core.rig import Rig


@pytest.mark.parametrize(
    ("off_for_s", "on"),
    [(119.9, False), (120.0, True), (120.2, True)],
    ids=["just before", "exactly", "just after"],
)
def test_min_off_keeps_a_load_off_and_nothing_overrides_it(off_for_s: float, on: bool) -> None:
    """R8: neither a request, nor a boost, nor a tick."""
    # given a load that went off
    rig = Rig(a_house(1, load_options={"min_on_s": 0.0}))
    rig.run(30.0)
    rig.request("a")
    rig.run(30.0)
    rig.request("a", False)
    rig.run(2.0)
    (*_, (_, _, closed)) = rig.switched
    assert closed is False
    confirmed_s = rig.load("a").switched_s
    assert confirmed_s is not None
    # when it is wanted again in every way
    rig.request("a")
    rig.boost("a")
    rig.rotate()
    since_s = rig.now_s
    rig.run_until(confirmed_s + off_for_s)
    # then it goes on when min_off is over
    assert bool(rig.commands(since_s, on=True)) is on


@pytest.mark.parametrize(
    ("on_for_s", "off"),
    [(299.9, False), (300.0, True), (300.2, True)],
    ids=["just before", "exactly", "just after"],
)
def test_min_on_keeps_a_load_on_after_its_request(on_for_s: float, off: bool) -> None:
    """R8, I04: it is not lengthened either."""
    rig = Rig(a_house(1))
    rig.run(30.0)
    rig.request("a")
    rig.run(5.0)
    confirmed_s = rig.load("a").switched_s
    assert confirmed_s is not None
    rig.request("a", False)
    rig.run(5.0)
    assert rig.load("a").reason == Reason.MIN_ON
    assert rig.load("a").until_s == pytest.approx(confirmed_s + 300.0)
    rig.run_until(confirmed_s + on_for_s)
    assert bool(rig.commands(on=False)) is off


def test_min_on_counts_from_the_last_change_whoever_made_it() -> None:
    """R8: a wall button starts it too; away overrides it."""
    rig = Rig(a_house(1))
    rig.run(30.0)
    rig.push("a", on=True)
    rig.run(1.0)
    assert rig.load("a").switched_s is not None
    rig.request("a")
    rig.run(200.0)
    changed_s = rig.load("a").switched_s
    rig.request("a", False)
    rig.run(20.0)
    if rig.on():  # it was adopted or switched on anew
        assert changed_s is not None
        rig.away()
        rig.run(1.0)
    assert rig.on() == set()


@pytest.mark.parametrize(
    "how", ["away", "mode", "limit", "blind"], ids=["away", "mode", "limit", "blind"]
)
def test_safety_overrides_min_on(how: str) -> None:
    """R8: shedding, blind, away and mode override it."""
    rig = Rig(a_house(1, a_circuit(steps=(1, 0))), base_w=5 * A, requested=True)
    rig.run(20.0)
    assert rig.on() == {"a"}
    if how == "away":
        rig.away()
    elif how == "mode":
        rig.mode(1)
    elif how == "limit":
        rig.limit(8 * A)
    else:
        rig.meter().silent = True
        rig.run(16.0)
    rig.run(1.5)
    assert rig.on() == set()


def test_the_first_change_of_a_request_acts_at_once_and_flicker_is_merged() -> None:
    """R8: changes within hold_off act at its end."""
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(30.0)
    start_s = rig.now_s
    # when a thermostat chatters at 5 Hz for 0.8 s and ends with off
    assert rig.request("a").commands
    for requested in (False, True, False):
        rig.run(0.2)
        assert rig.request("a", requested).commands == ()
    # then there are one ON and one OFF, the latter when hold_off has passed
    rig.run(10.0)
    on, off = rig.commands(start_s)
    assert (on.at_s, on.on) == (start_s, True)
    assert off.at_s == pytest.approx(start_s + 1.0, abs=0.11)


def test_a_chattering_request_does_not_wear_the_relay() -> None:
    """R8, F64: a quarter of an hour at 5 Hz."""
    rig = Rig(a_house(1))
    rig.run(30.0)
    start_s = rig.now_s

    def chatter(requested: bool) -> None:
        rig.request("a", requested)
        rig.after(0.2, lambda: chatter(not requested))

    chatter(True)
    rig.run(900.0)
    assert len(rig.commands(start_s)) <= 5


def test_a_request_that_is_not_repeated_ends() -> None:
    """F63: request_ttl."""
    zones = {"a": Zone(name="a", request_ttl_s=7200.0)}
    rig = Rig(a_house(1, zones=zones), period_s=5.0)
    rig.run(30.0)
    rig.request("a")
    rig.run(7000.0)
    rig.request("a")
    rig.run(7199.0)
    assert rig.on() == {"a"}
    rig.run(1.5)
    assert rig.on() == set()
    assert rig.load("a").reason == Reason.IDLE


def test_a_boost_ends_by_itself_and_goes_on_counting_while_away() -> None:
    """Words, boost; section 5: it goes on counting during away."""
    rig = Rig(a_house(1, load_options=FREE), period_s=5.0)
    rig.run(30.0)
    rig.boost("a", 600.0)
    rig.run(10.0)
    assert rig.on() == {"a"}
    assert rig.load("a").reason == Reason.BOOSTED
    rig.away()
    rig.run(300.0)
    assert rig.on() == set()
    assert rig.load("a").reason == Reason.AWAY
    rig.away(False)
    rig.run(200.0)
    assert rig.on() == {"a"}
    rig.run(100.0)
    assert rig.on() == set()
    assert not rig.load("a").boosted


def test_away_wins_over_everything_and_coming_home_restores() -> None:
    """I05: all loads off at once, nothing on until it ends."""
    rig = Rig(a_house(3, load_options={"min_off_s": 0.0}), requested=True)
    rig.run(30.0)
    decision = rig.away()
    assert len(decision.commands) == 3
    assert [each.cause for each in decision.decided] == [Cause.AWAY]
    since_s = rig.now_s
    rig.boost("a")
    rig.rotate()
    rig.run(100.0)
    assert rig.commands(since_s, on=True) == []
    rig.away(False)
    rig.run(40.0)
    assert len(rig.on()) == 3


def test_an_off_load_that_is_switched_on_by_hand_while_away_goes_off() -> None:
    """R11, I05."""
    rig = Rig(a_house(1))
    rig.run(30.0)
    rig.away()
    rig.push("a", on=True)
    rig.run(1.0)
    assert rig.on() == set()


def test_switchings_are_counted() -> None:
    """R8, I21: every real change, whoever made it."""
    rig = Rig(a_house(1, load_options={**FREE, "rated_switches": 1000}))
    rig.run(30.0)
    for requested in (True, False, True):
        rig.request("a", requested)
        rig.run(10.0)
    rig.push("a", on=False)
    rig.run(10.0)
    assert rig.load("a").switches == len(rig.switched)
    assert rig.load("a").wear == pytest.approx(len(rig.switched) / 1000)


def test_auto_shows_the_most_saving_mode_and_caps_at_the_first_step() -> None:
    """R4."""
    rig = Rig(a_house(6, a_circuit(limit_w=100 * A, steps=(5, 4, 2, 1, 0))))
    shown = []
    rig.run(20.0)
    for zone in "abcdef":
        seen = rig.snapshot().circuits["main"]
        shown.append((seen.active, seen.mode, seen.mode_source))
        rig.request(zone)
        rig.run(1.5)
    assert shown == [(0, 4, "auto"), (1, 3, "auto"), (2, 2, "auto"), (3, 1, "auto"),
                     (4, 1, "auto"), (5, 0, "auto")]  # fmt: skip
    assert len(rig.on()) == 5
    assert rig.load("f").reason in (Reason.MODE, Reason.WAITING)


def test_a_lower_mode_takes_loads_off_at_once_and_auto_frees_them() -> None:
    """R4: in R9's order, min_on or not; a mode from outside is a cap until auto."""
    loads = [a_load(name, priority=1 if name == "a" else 0, min_off_s=0.0) for name in "abcd"]
    rig = Rig(a_house(loads, a_circuit(steps=(5, 4, 2, 1, 0))), requested=True)
    rig.run(30.0)
    assert len(rig.on()) == 4
    decision = rig.mode(3)
    assert len(decision.commands) == 3
    assert [each.cause for each in decision.decided] == [Cause.MODE]
    rig.run(1.0)
    assert rig.on() == {"a"}
    assert rig.load("b").reason == Reason.MODE
    seen = rig.snapshot().circuits["main"]
    assert (seen.mode, seen.mode_source, seen.max_active) == (3, "set", 1)
    rig.run(600.0)
    assert rig.on() == {"a"}
    rig.mode(None)
    rig.run(10.0)
    assert len(rig.on()) == 4


def test_the_last_step_is_nothing_on() -> None:
    """R4: steps end in 0."""
    rig = Rig(a_house(2, a_circuit(steps=(2, 1, 0)), load_options=FREE), requested=True)
    rig.run(30.0)
    rig.mode(2)
    rig.run(1.0)
    assert rig.on() == set()
    rig.rotate()
    rig.boost("a")
    rig.run(100.0)
    assert rig.on() == set()


def test_without_steps_there_is_no_mode() -> None:
    """R4."""
    rig = Rig(a_house(2))
    seen = rig.snapshot().circuits["main"]
    assert (seen.mode, seen.mode_source, seen.max_active) == (None, None, None)
