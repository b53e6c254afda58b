"""R13: meters that are silent, and meters that do not move."""

import pytest

from balancer.core.commands import NoteKind
from tests.core.fakes import FakeRelay
from tests.core.house import FREE, METER, A, a_circuit, a_house, a_load
from tests.core.rig import Rig


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
        rig.read(METER, 5 * A)
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
