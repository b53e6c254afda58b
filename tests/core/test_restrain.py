"""R8 wear, R13 blindness and meters that do not move, away, boosts and requests that end."""

import pytest

from balancer.core.commands import Cause, NoteKind, Reason
from balancer.core.model import Zone
from tests.core.rig import A, FakeRelay, Rig, a_circuit, a_house, a_load

FREE = {"min_on_s": 0.0, "min_off_s": 0.0}

# R8


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


# R13


@pytest.mark.parametrize(
    ("silence_s", "blind"),
    [(14.9, False), (15.0, False), (15.1, True)],
    ids=["just before", "exactly", "just after"],
)
def test_a_circuit_is_blind_when_its_meter_was_silent_for_longer(
    silence_s: float, blind: bool
) -> None:
    """R13, I01."""
    rig = Rig(a_house(2), base_w=5 * A, requested=True)
    rig.run(60.0)
    rig.meter().silent = True
    rig.run(silence_s)
    assert rig.snapshot().circuits["main"].blind is blind
    assert bool(rig.noted(NoteKind.BLIND)) is blind
    rig.run(0.6)
    assert len(rig.on()) == (0 if silence_s > 14.5 else 2)


def test_the_fallback_keeps_the_first_running_loads_in_order() -> None:
    """R13, R5: those that would be served first stay."""
    loads = [a_load("low"), a_load("high", priority=2), a_load("middle", priority=1)]
    rig = Rig(a_house(loads, a_circuit(fallback_active=2)), requested=True)
    rig.run(60.0)
    rig.meter().silent = True
    rig.run(15.6)
    assert rig.on() == {"high", "middle"}
    # and nothing else is switched on: not by a tick, a boost, a request
    since_s = rig.now_s
    rig.boost("low")
    rig.rotate()
    rig.run(300.0)
    assert rig.commands(since_s) == []


def test_only_the_circuit_of_the_silent_meter_goes_blind() -> None:
    """R13: and a load on both is off."""
    loads = [
        a_load("left", circuit="left"),
        a_load("right", circuit="right"),
        a_load("both", power_w_by_circuit={"left": 2 * A, "right": 2 * A}),
    ]
    rig = Rig(a_house(loads, a_circuit("left"), a_circuit("right")), requested=True)
    rig.run(60.0)
    assert len(rig.on()) == 3
    rig.meter("left").silent = True
    rig.run(15.6)
    assert rig.on() == {"right"}


@pytest.mark.parametrize("readings", [1, 2, 3])
def test_blindness_ends_with_the_third_good_reading(readings: int) -> None:
    """R13."""
    rig = Rig(a_house(1), base_w=5 * A, requested=True)
    rig.run(60.0)
    rig.meter().silent = True
    rig.run(100.0)
    for _ in range(readings):
        rig.run(0.9)
        rig.read("circuits.main.meter", 5 * A)
    assert rig.snapshot().circuits["main"].blind is (readings < 3)


def test_a_meter_that_never_spoke_leaves_the_circuit_blind() -> None:
    """R13, R15: adopted loads go off too."""
    rig = Rig(a_house(1), start=False, relays={"a": FakeRelay(on=True)})
    rig.meter().silent = True
    rig.start()
    rig.request("a")
    rig.run(15.7)
    assert rig.on() == set()
    assert rig.snapshot().circuits["main"].blind


def test_a_meter_that_does_not_move_is_suspect() -> None:
    """R13, F03: three confirmed switchings of 300 W or more."""
    rig = Rig(a_house(5, load_options=FREE))
    rig.run(30.0)
    rig.meter().shown = lambda _: 3 * A
    rig.run(5.0)
    for zone in "abc":
        rig.request(zone)
        rig.run(20.0)
    assert rig.noted(NoteKind.SUSPECT)
    # then nothing is switched on any more
    since_s = rig.now_s
    rig.request("d")
    rig.rotate()
    rig.run(60.0)
    assert rig.commands(since_s, on=True) == []
    assert rig.snapshot().circuits["main"].detail is not None
    # until it moves
    rig.meter().shown = lambda power_w: power_w
    rig.run(10.0)
    assert rig.noted(NoteKind.SUSPECT_OVER)
    rig.run(60.0)
    assert "d" in rig.on()


def test_a_meter_below_what_loads_were_believed_to_take_need_not_fall() -> None:
    """R13: they had lost their power before they were told to go off."""
    # given four heaters that are on, and whose strip is then unplugged
    rig = Rig(a_house(4, load_options=FREE), base_w=500.0, requested=True)
    rig.run(60.0)
    assert len(rig.on()) == 4
    for load in "abcd":
        rig.heater_w[load] = 0.0
    rig.run(10.0)
    # when they are not wanted any more
    for zone in "abcd":
        rig.request(zone, False)
        rig.run(10.0)
    # then nobody expects the meter to show it
    assert rig.on() == set()
    assert not rig.noted(NoteKind.SUSPECT)


@pytest.mark.parametrize(("power_w", "suspect"), [(299.0, False), (300.0, True), (301.0, True)])
def test_only_switchings_that_a_meter_should_show_count(power_w: float, suspect: bool) -> None:
    """R13: 300 W or more."""
    rig = Rig(a_house(dict.fromkeys("abc", power_w), load_options=FREE))
    rig.meter().shown = lambda _: 3 * A
    rig.run(30.0)
    for zone in "abc":
        rig.request(zone)
        rig.run(20.0)
    assert bool(rig.noted(NoteKind.SUSPECT)) is suspect


def test_three_switchings_in_one_step_that_the_meter_shows_make_it_not_suspect() -> None:
    """R13: it moved for all of them."""
    rig = Rig(a_house(5), base_w=5 * A, requested=True)
    rig.run(60.0)
    assert len(rig.on()) == 5
    assert not rig.noted(NoteKind.SUSPECT)


def test_exchanges_that_cancel_out_make_no_meter_suspect() -> None:
    """R13: net of exchanges within one settle."""
    rig = Rig(a_house(2, load_options=FREE), base_w=22 * A, requested=True)
    rig.run(60.0)
    for _ in range(8):
        rig.rotate()
        rig.run(600.0)
    assert not rig.noted(NoteKind.SUSPECT)


def test_an_outage_that_swallows_the_readings_makes_no_meter_suspect() -> None:
    """R13: the meter moved while nobody heard it."""
    rig = Rig(a_house(3, load_options=FREE), base_w=5 * A)
    rig.run(30.0)
    # given three loads that go on just as the broker goes away, and off when it is back
    for zone in "abc":
        rig.request(zone)
    rig.disconnect()
    rig.run(5.0)
    rig.connect()
    for zone in "abc":
        rig.request(zone, requested=False)
    rig.run(30.0)
    # then the meter is believed: it stands where it stood, but not for want of moving
    assert not rig.noted(NoteKind.SUSPECT)
    assert not rig.on()
