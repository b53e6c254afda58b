"""R10, R11, R12, R17: commands are sent once, verified, repeated, given up; leases."""

from collections import deque

import pytest

from balancer.core.commands import Cause, NoteKind, Reason, SwitchRelay
from balancer.core.events import RelayReported
from tests.core.fakes import FakeRelay
from tests.core.house import A, a_circuit, a_house, a_load
from tests.core.rig import Rig

FREE = {"min_on_s": 0.0, "min_off_s": 0.0}
METER = "circuits.main.meter"


def times(rig: Rig, load: str, on: bool, since_s: float) -> list[float]:
    """Return when a load was commanded so, in seconds since an instant, to a hundredth."""
    return [round(each.at_s - since_s, 2) for each in rig.commands(since_s, load=load, on=on)]


# R10


def test_off_goes_before_on_in_every_plan() -> None:
    """R10, I02: also where the ON needs nothing of the OFF's place, and stands first in the file."""
    # given changes of two requests that hold_off merges to the same instant
    loads = [a_load("b", circuit="right", **FREE), a_load("a", circuit="left", **FREE)]
    rig = Rig(a_house(loads, a_circuit("left"), a_circuit("right"), hold_off_s=1.0))
    rig.run(30.0)
    rig.request("b")
    rig.run(30.0)
    since_s = rig.now_s
    for wanted in (True, False):
        rig.request("a", wanted)
        rig.request("b", not wanted)
        rig.run(0.2)
    # when it has passed
    rig.run(1.0)
    # then one plan switches both
    assert [(each.at_s, each.load, each.on) for each in rig.commands(since_s + 0.5)] == [
        (since_s + 1.0, "a", False),
        (since_s + 1.0, "b", True),
    ]


def test_an_on_waits_for_the_off_whose_place_it_takes() -> None:
    """R10: on a cap of one, with power for both, the place is free when the OFF is confirmed."""
    rig = Rig(
        a_house(2, a_circuit(steps=(1, 0)), load_options=FREE),
        requested=True,
        relays={"a": FakeRelay(report_s=1.0)},
    )
    rig.run(60.0)
    assert rig.on() == {"a"}
    rig.heater_w["a"] = 100.0  # the meter will not tell
    rig.run(10.5)
    since_s = rig.now_s
    rig.rotate()
    rig.run(10.0)
    assert times(rig, "a", False, since_s) == [0.0]
    (on,) = rig.commands(since_s, load="b", on=True)
    assert on.at_s >= since_s + 1.05
    assert rig.most_on["main"] == 1


def test_a_fall_of_the_meter_confirms_an_off_that_the_relay_does_not() -> None:
    """R10: the circuit's meter fell by at least half the draw."""
    rig = Rig(a_house(2, a_circuit(steps=(1, 0)), load_options=FREE), requested=True)
    rig.run(60.0)
    rig.relays["a"].mute = True
    since_s = rig.now_s
    rig.rotate()
    rig.run(10.0)
    assert rig.on() == {"b"}
    assert times(rig, "a", False, since_s) == [0.0]
    assert rig.load("a").reason != Reason.FAULT
    assert rig.most_on["main"] == 1


def test_an_off_that_is_never_confirmed_frees_no_place() -> None:
    """R10: from fault on the stuck load counts as on, and the successor is tested anew."""
    # given one place by cap
    rig = Rig(a_house(2, a_circuit(steps=(1, 0)), load_options=FREE), requested=True)
    rig.run(60.0)
    rig.relays["a"].stuck = True
    rig.rotate()
    rig.run(600.0)
    assert rig.commands(load="b", on=True) == []
    assert rig.most_on["main"] == 1
    # given two places: then R4 admits the successor beside the stuck one
    rig = Rig(a_house(3, a_circuit(steps=(2, 0)), load_options=FREE), requested=True)
    rig.run(60.0)
    rig.relays["a"].stuck = True
    rig.rotate()
    rig.run(10.0)
    rig.rotate()
    rig.run(600.0)
    assert "a" in rig.on()
    assert len(rig.on()) == 2
    assert rig.most_on["main"] == 2


# R11: repeating and giving up


def test_an_unconfirmed_off_is_repeated_and_then_the_load_is_in_fault() -> None:
    """R11: confirm_within (2 s), then 0.5, 1 and 2 s apart; in fault every minute."""
    rig = Rig(a_house(1, load_options=FREE), requested=True)
    rig.run(60.0)
    rig.relays["a"].stuck = rig.relays["a"].mute = True
    since_s = rig.now_s
    rig.request("a", False)
    rig.run(5.4)
    assert times(rig, "a", False, since_s) == [0.0, 2.0, 2.5, 3.5]
    assert not rig.noted(NoteKind.FAULT)
    rig.run(0.2)
    assert [at_s - since_s for at_s, _ in rig.noted(NoteKind.FAULT)] == pytest.approx([5.5])
    assert rig.load("a").reason == Reason.FAULT
    rig.run_until(since_s + 5.5 + 185.0)
    assert times(rig, "a", False, since_s)[4:] == [65.5, 125.5, 185.5]
    # then it is mended, and the next repetition ends the fault
    rig.relays["a"].stuck = rig.relays["a"].mute = False
    rig.run(61.0)
    assert rig.on() == set()
    assert rig.noted(NoteKind.FAULT_OVER)
    assert rig.load("a").reason == Reason.IDLE


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_retries_are_as_configured(retries: int) -> None:
    """R11: `retries` times."""
    rig = Rig(a_house([a_load("a", relay={"retries": retries}, **FREE)]), requested=True)
    rig.run(60.0)
    rig.relays["a"].dead = True
    since_s = rig.now_s
    rig.request("a", False)
    rig.run(30.0)
    assert len(rig.commands(since_s)) == 1 + retries
    assert rig.load("a").reason == Reason.FAULT


def test_confirm_within_is_measured() -> None:
    """R11: 1.5 times the slowest of the last confirmations when that is more than 2 s."""
    slow = FakeRelay(latency_s=2.5, report_s=0.5)
    rig = Rig(a_house([a_load("a", relay={"confirm_within_s": 8.0}, **FREE)]), relays={"a": slow})
    rig.run(30.0)
    for requested in (True, False, True):
        rig.request("a", requested)
        rig.run(30.0)
    assert len(rig.commands()) == 3
    # and without a fixed time it takes one repetition to learn it
    rig = Rig(a_house(1, load_options=FREE), relays={"a": FakeRelay(latency_s=1.5, report_s=0.3)})
    rig.run(30.0)
    for requested in (True, False, True, False):
        rig.request("a", requested)
        rig.run(30.0)
    rig.relays["a"].dead = True
    since_s = rig.now_s
    rig.request("a")
    rig.run(4.0)
    assert times(rig, "a", True, since_s)[:2] == [0.0, 2.7]


def test_a_dead_relay_gives_its_turn_away_and_is_tried_every_ten_minutes() -> None:
    """R11: an ON that is never confirmed is answered with OFF."""
    rig = Rig(a_house(3, load_options=FREE), base_w=17 * A)
    rig.run(60.0)
    rig.relays["a"].stuck = True  # a coil that has burnt out: it says truly that it is off
    since_s = rig.now_s
    rig.request("a")
    rig.request("b")
    rig.request("c")
    rig.run(60.0)
    assert times(rig, "a", True, since_s) == [0.0, 2.0, 2.5, 3.5]
    assert times(rig, "a", False, since_s)[0] == 5.5
    assert rig.load("a").reason == Reason.FAULT
    # given room for it, when time passes, then it is tried again
    rig.base_w["main"] = 12 * A
    rig.run(1500.0)
    again = [at for at in times(rig, "a", True, since_s) if at > 10.0]
    assert again
    assert all(at > 590.0 for at in again)
    # and its turn went to the next as soon as it was known not to be on
    (on,) = rig.commands(since_s, load="c", on=True)[:1]
    assert on.at_s - since_s < 60.0


def test_a_relay_that_is_not_heard_gets_off_until_it_is_and_then_its_turn() -> None:
    """R11: it might heat unseen; OFF every minute, ON when it can be believed."""
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(30.0)
    rig.relays["a"].dead = True
    since_s = rig.now_s
    rig.request("a")
    rig.run(400.0)
    assert len(rig.commands(since_s, on=False)) >= 6
    rig.relays["a"].dead = False
    rig.run(700.0)
    assert rig.on() == {"a"}
    assert rig.load("a").reason == Reason.SERVING


def test_one_silent_relay_delays_nobody_elses_command() -> None:
    """R11."""
    rig = Rig(a_house(3), relays={"a": FakeRelay(dead=True)})
    rig.run(30.0)
    since_s = rig.now_s
    for zone in "abc":
        rig.request(zone)
    rig.run(0.2)
    assert rig.on() == {"b", "c"}
    assert times(rig, "b", True, since_s) == [0.0]


def test_a_shed_that_nothing_confirms_is_not_believed() -> None:
    """R11: within confirm_within its credit ends and the next load is shed."""
    rig = Rig(a_house(2, a_circuit(safe_ratio=1.0)), base_w=15 * A, requested=True)
    rig.run(60.0)
    assert len(rig.on()) == 2
    for relay in rig.relays.values():
        relay.dead = True
    rig.base_w["main"] = 23 * A
    rig.run(1.0)
    (first,) = rig.commands(rig.now_s - 1.0, on=False)
    other = "b" if first.load == "a" else "a"
    rig.relays[other].dead = False
    rig.run(5.0)
    (second,) = rig.commands(first.at_s, load=other, on=False)
    assert second.at_s - first.at_s <= 2.0 + 0.011
    causes = [each.cause for at_s, each in rig.decided if at_s >= first.at_s]
    assert causes == [Cause.OVERLOAD, Cause.UNCONFIRMED]


def test_a_stuck_load_is_not_subtracted_from_the_meter() -> None:
    """R11, global: its power is nobody's but the house's."""
    rig = Rig(a_house(2, a_circuit(safe_ratio=1.0), load_options=FREE), requested=True)
    rig.run(60.0)
    before_w = rig.snapshot().circuits["main"].non_heating_w
    rig.relays["a"].stuck = True
    rig.request("a", False)
    rig.run(30.0)
    assert rig.snapshot().circuits["main"].non_heating_w == pytest.approx(before_w + 5 * A)


def test_a_fault_ends_when_the_relay_reports_what_is_wanted() -> None:
    """R11."""
    rig = Rig(a_house(1, load_options=FREE), requested=True)
    rig.run(60.0)
    rig.relays["a"].stuck = True
    rig.request("a", False)
    rig.run(20.0)
    assert rig.load("a").reason == Reason.FAULT
    rig.relays["a"].stuck = False
    rig.push("a", on=False)
    assert rig.load("a").reason == Reason.IDLE


def test_a_fault_ends_when_the_device_comes_back() -> None:
    """R11, R15: it is asked, and reconciled."""
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(30.0)
    rig.relays["a"].dead = True
    rig.request("a")
    rig.run(20.0)
    assert rig.load("a").reason == Reason.FAULT
    rig.device("a", False)
    rig.run(10.0)
    rig.relays["a"].dead = False
    rig.device("a", True)
    rig.run(10.0)
    assert rig.load("a").reason == Reason.SERVING
    assert rig.on() == {"a"}


def test_an_unreachable_device_is_sent_no_on() -> None:
    """F37, R18: unavailable."""
    rig = Rig(a_house(2, load_options=FREE))
    rig.run(30.0)
    rig.device("a", False)
    rig.request("a")
    rig.request("b")
    rig.run(30.0)
    assert rig.on() == {"b"}
    assert rig.load("a").reason == Reason.UNAVAILABLE
    rig.device("a", True)
    rig.run(10.0)
    assert rig.on() == {"a", "b"}


def test_a_flapping_device_switches_nothing() -> None:
    """F33: no relay is switched by flaps alone."""
    rig = Rig(a_house(1), requested=True)
    rig.run(60.0)
    since_s = rig.now_s
    for _ in range(8):
        rig.device("a", False)
        rig.run(7.0)
        rig.device("a", True)
        rig.run(8.0)
    assert rig.commands(since_s) == []
    assert rig.on() == {"a"}


# R11: somebody else


def test_a_foreign_on_is_put_right_at_once() -> None:
    """R11."""
    rig = Rig(a_house(1))
    rig.run(30.0)
    rig.push("a", on=True)
    rig.run(0.2)
    assert rig.on() == set()
    assert len(rig.noted(NoteKind.FOREIGN)) == 1
    (decided,) = [each for _, each in rig.decided]
    assert decided.cause == Cause.FOREIGN


@pytest.mark.parametrize(
    ("wait_s", "on"), [(119.9, False), (120.1, True)], ids=["just before", "just after"]
)
def test_a_foreign_off_is_put_right_after_min_off(wait_s: float, on: bool) -> None:
    """R8: putting right a foreign OFF waits for min_off."""
    rig = Rig(a_house(1), requested=True)
    rig.run(60.0)
    rig.push("a", on=False)
    rig.run(wait_s)
    assert bool(rig.commands(1030.0, on=True)) is on
    rig.run(5.0)
    assert rig.on() == {"a"}


def test_foreign_switching_is_put_right_three_times_and_then_left_alone_for_an_hour() -> None:
    """R11: within ten minutes; reported; still subject to away."""
    rig = Rig(a_house(1, load_options=FREE), period_s=5.0)
    rig.run(30.0)
    for _ in range(3):
        rig.push("a", on=True)
        rig.run(10.0)
        assert rig.on() == set()
    rig.push("a", on=True)
    left_s = rig.now_s
    rig.run(3500.0)
    assert rig.on() == {"a"}
    assert len(rig.noted(NoteKind.LEFT_ALONE)) == 1
    assert rig.snapshot().circuits["main"].active == 1
    # when the hour is over, then it is put right again
    rig.run_until(left_s + 3700.0)
    assert rig.on() == set()


@pytest.mark.parametrize("how", ["away", "shed", "blind"])
def test_a_load_left_alone_stays_subject_to_safety(how: str) -> None:
    """R11."""
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(30.0)
    for _ in range(4):
        rig.push("a", on=True)
        rig.run(10.0)
    assert rig.on() == {"a"}
    if how == "away":
        rig.away()
    elif how == "shed":
        rig.base_w["main"] = 28 * A
    else:
        rig.meter().silent = True
        rig.run(15.0)
    rig.run(1.2)
    assert rig.on() == set()


def test_four_times_in_more_than_ten_minutes_is_put_right_each_time() -> None:
    """R11."""
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(30.0)
    for _ in range(5):
        rig.push("a", on=True)
        rig.run(205.0)
        assert rig.on() == set()
    assert not rig.noted(NoteKind.LEFT_ALONE)


def test_an_old_state_in_a_merged_payload_is_no_contradiction() -> None:
    """R11: within confirm_within of the command."""
    rig = Rig(a_house([a_load("a", relay={"merged": True}, **FREE)]))
    rig.run(30.0)
    rig.request("a")
    rig.run(1.0)
    assert rig.on() == {"a"}
    # when a linkquality message repeats the state from before
    rig.tell(RelayReported(rig.now_s, "a", False))
    rig.run(10.0)
    assert not rig.noted(NoteKind.FOREIGN)
    assert len(rig.commands()) == 1
    # and later it is one
    rig.tell(RelayReported(rig.now_s, "a", False))
    rig.run(1.0)
    assert len(rig.noted(NoteKind.FOREIGN)) == 1


def test_a_relay_that_repeats_its_state_causes_nothing() -> None:
    """R11: commands are sent only when they change something."""
    rig = Rig(a_house(2), requested=True)
    rig.run(60.0)
    since_s = rig.now_s
    for _ in range(100):
        rig.report("a")
        rig.request("b")
        rig.away(False)
        rig.mode(None)
        rig.limit(30 * A)
        rig.boost("a", 0.0)
        rig.run(1.0)
    assert rig.commands(since_s) == []


# the bridges of R11


def bridged(count: int, **relay: float) -> Rig:
    """Return loads of rising power behind one bridge, all on."""
    loads = [
        a_load(f"load{number}", 500.0 + 100.0 * number, relay={"bridge": "zigbee2mqtt"}, **FREE)
        for number in range(count)
    ]
    house = a_house(loads, a_circuit(limit_w=100 * A))
    relays = {load.name: FakeRelay(**relay) for load in loads}
    rig = Rig(house, requested=True, relays=relays)
    rig.run(60.0)
    assert len(rig.on()) == count
    return rig


def test_a_bridge_takes_four_unconfirmed_commands_largest_first() -> None:
    """R11, F35: a place frees on confirmation."""
    rig = bridged(10, latency_s=0.1, report_s=0.1)
    since_s = rig.now_s
    rig.away()
    assert [each.load for each in rig.commands(since_s)] == ["load9", "load8", "load7", "load6"]
    rig.run(0.21)
    assert len(rig.commands(since_s)) == 8
    rig.run(0.21)
    assert len(rig.commands(since_s)) == 10
    rig.run(1.0)
    assert rig.on() == set()
    assert len(rig.commands(since_s)) == 10


def test_a_place_on_a_bridge_frees_after_half_a_second_without_confirmation() -> None:
    """R11, F36."""
    rig = bridged(6)
    for relay in rig.relays.values():
        relay.dead = True
    since_s = rig.now_s
    rig.away()
    rig.run(0.49)
    assert len(rig.commands(since_s)) == 4
    rig.run(0.02)
    assert len(rig.commands(since_s)) == 6


def test_a_shed_goes_before_everything_else_on_a_bridge() -> None:
    """R11: the shed of a small load before the rotation of large ones."""
    loads = [
        *[a_load(f"large{n}", 2000.0, relay={"bridge": "z"}, **FREE) for n in range(7)],
        a_load("small", 400.0, priority=-1, relay={"bridge": "z"}, **FREE),
    ]
    rig = Rig(a_house(loads, a_circuit(limit_w=100 * A)), requested=True)
    rig.run(60.0)
    for relay in rig.relays.values():
        relay.report_s = 3.0
    # given a full bridge, three more OFF in its queue
    for number in range(7):
        rig.request(f"large{number}", False)
    rig.run(0.1)
    since_s = rig.now_s
    rig.read(METER, 100 * A + 100.0 + 14_000.0)
    rig.run(3.0)
    later = [each.load for each in rig.commands(since_s)]
    assert later[0] == "small"


def test_relays_without_a_bridge_do_not_wait_for_one() -> None:
    """R11."""
    rig = Rig(a_house(10, a_circuit(limit_w=100 * A)), requested=True)
    rig.run(60.0)
    assert len([each for each in rig.away().commands if isinstance(each, SwitchRelay)]) == 10


# R12


def test_an_on_is_a_lease_renewed_every_third_of_it() -> None:
    """R12, I16."""
    rig = Rig(a_house([a_load("a", relay={"dead_man_s": 90.0}, **FREE)]), requested=True)
    rig.run(30.0)
    (on,) = rig.commands(on=True)
    rig.run_until(on.at_s + 305.0)
    renewals = [at_s - on.at_s for at_s, _ in rig.renewed]
    assert renewals == pytest.approx([30.0 * number for number in range(1, 11)], abs=0.5)
    assert rig.on() == {"a"}
    assert len(rig.commands()) == 1
    # and never after the OFF
    rig.request("a", False)
    rig.run(0.5)
    count = len(rig.renewed)
    rig.run(200.0)
    assert len(rig.renewed) == count
    assert rig.on() == set()


def test_a_lease_is_renewed_though_the_relay_answered_a_command_first() -> None:
    """R12, R15: shed while unknown; nothing else is left that would wake the controller."""
    house = a_house([a_load("a", relay={"dead_man_s": 60.0}, **FREE)])
    rig = Rig(house, base_w=40 * A, relays={"a": FakeRelay(on=True, mute=True)})
    rig.run(0.5)
    rig.relays["a"].mute = False
    rig.run(1.0)
    assert rig.on() == set()
    rig.base_w["main"] = 0.0
    rig.run(60.0)
    rig.request("a")
    since_s = rig.now_s
    rig.run(601.0)
    assert len(rig.renewed) == 30
    assert len(rig.commands(since_s)) == 1
    assert not rig.noted(NoteKind.FOREIGN)


def test_one_lost_renewal_keeps_the_heater_on_and_more_switch_it_off() -> None:
    """R12, F41."""
    rig = Rig(a_house([a_load("a", relay={"dead_man_s": 90.0}, **FREE)]), requested=True)
    rig.run(30.0)
    rig.relays["a"].lose = 1
    rig.run(200.0)
    assert rig.on() == {"a"}
    assert len(rig.switched) == 1
    rig.relays["a"].lose = 3
    rig.run(100.0)
    assert any(not on for _, _, on in rig.switched)
    # the relay said so: it is switched on again
    rig.run(60.0)
    assert rig.on() == {"a"}


def test_with_the_controller_gone_the_lease_runs_out() -> None:
    """R12, I16."""
    rig = Rig(a_house([a_load("a", relay={"dead_man_s": 90.0})]), requested=True)
    rig.run(50.0)
    rig.disconnect()
    rig.run(91.0)
    assert rig.on() == set()


# R17


def test_in_a_dry_run_nothing_is_sent_and_everything_is_decided() -> None:
    """R17: commands count as confirmed at once, faults and foreign switching rest."""
    house = a_house(3, load_options=FREE, dry_run=True)
    rig = Rig(house, base_w=20 * A, requested=True)
    rig.run(60.0)
    seen = rig.snapshot()
    # two or three fit: the meter does not see them
    assert sum(load.on for load in seen.loads.values()) >= 2
    assert rig.on() == set()
    assert rig.sent == []
    assert any(each.switchings for _, each in rig.decided)
    # and what the relays do is no contradiction
    rig.push("a", on=True)
    rig.run(60.0)
    assert not rig.noted(NoteKind.FOREIGN)
    assert not rig.noted(NoteKind.FAULT)
    # a reading over the limit sheds on paper
    rig.base_w["main"] = 40 * A
    rig.run(5.0)
    assert not any(load.on for load in rig.snapshot().loads.values())
    assert rig.sent == []


def test_while_disconnected_nothing_is_sent() -> None:
    """R15: nothing that is said would be heard; afterwards everything is asked anew."""
    rig = Rig(a_house(2, load_options=FREE), requested=True)
    rig.run(60.0)
    rig.disconnect()
    since_s = rig.now_s
    rig.run(100.0)
    assert rig.commands(since_s) == []
    rig.meter().silent = False
    rig.connect()
    assert {load for at_s, load in rig.queried if at_s >= since_s} == {"a", "b"}


def test_a_late_report_after_a_lost_one_confirms() -> None:
    """R11: two lost commands, the third arrives."""
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(30.0)
    rig.relays["a"].lose = 2
    since_s = rig.now_s
    rig.request("a")
    rig.run(20.0)
    assert times(rig, "a", True, since_s) == [0.0, 2.0, 2.5]
    assert rig.on() == {"a"}
    assert not rig.noted(NoteKind.FAULT)


def test_an_off_that_arrives_late_after_its_repetition_does_no_harm() -> None:
    """R11, F57: duplicates."""
    rig = Rig(a_house(1, load_options=FREE), requested=True)
    rig.run(60.0)
    rig.relays["a"].latencies_s = deque([3.0, 3.0, 3.0])
    rig.request("a", False)
    rig.run(60.0)
    assert rig.on() == set()
    assert not rig.noted(NoteKind.FAULT)
    assert not rig.noted(NoteKind.FOREIGN)


def test_an_unconfirmed_on_is_taken_back_when_nobody_asks_any_more() -> None:
    """R11, I04: a slow relay must not begin to heat late."""
    rig = Rig(a_house(1, load_options=FREE), base_w=5 * A)
    rig.run(60.0)
    rig.relays["a"].dead = True
    since_s = rig.now_s
    rig.request("a")
    rig.run(1.5)
    rig.request("a", requested=False)
    rig.run(60.0)
    assert times(rig, "a", True, since_s) == [0.0]
    assert times(rig, "a", False, since_s)[0] == 2.0


def test_a_relay_in_fault_that_speaks_again_is_told_off_at_once() -> None:
    """R11: it can be reached, so nobody waits for the next minute."""
    rig = Rig(a_house(2, load_options=FREE), base_w=5 * A)
    rig.run(30.0)
    rig.request("a")
    rig.run(30.0)
    rig.relays["a"].dead = True
    rig.request("a", requested=False)
    rig.run(25.0)
    assert rig.load("a").reason == Reason.FAULT
    since_s = rig.now_s
    rig.relays["a"].dead = False
    rig.report("a")
    rig.run(2.0)
    assert times(rig, "a", False, since_s)
    assert not rig.on()


def test_a_dead_relay_that_is_switched_on_by_hand_is_mended_and_put_right() -> None:
    """R11: it can move after all."""
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(30.0)
    rig.relays["a"].stuck = True
    rig.request("a")
    rig.run(30.0)
    assert rig.load("a").reason == Reason.FAULT
    rig.request("a", False)
    rig.run(10.0)
    rig.relays["a"].stuck = False
    rig.push("a", on=True)
    rig.run(5.0)
    assert rig.on() == set()
    assert rig.noted(NoteKind.FAULT_OVER)


def test_a_report_that_contradicts_what_is_about_to_be_said_changes_nothing() -> None:
    """R11: an OFF waits for its bridge while the wall button says off already."""
    rig = bridged(6, latency_s=0.3, report_s=0.1)
    since_s = rig.now_s
    rig.away()
    assert len(rig.commands(since_s)) == 4
    waiting = ({"load0", "load1"} - {each.load for each in rig.commands(since_s)}).pop()
    rig.report(waiting)  # still on, as everybody knows
    rig.run(5.0)
    assert rig.on() == set()
    assert not rig.noted(NoteKind.FOREIGN)
    assert len(rig.commands(since_s)) == 6


def test_a_relay_that_contradicts_the_meter_is_told_again() -> None:
    """R10: another appliance's fall may have been taken for the heater's, and it cannot be asked."""
    # given an OFF that is never heard, and a meter that falls as if it had been
    rig = Rig(a_house(2, load_options=FREE), base_w=6 * A)
    rig.run(30.0)
    rig.request("a")
    rig.run(30.0)
    relay = rig.relays["a"]
    relay.unasked = relay.dead = True
    rig.request("a", False)
    rig.run(0.5)
    rig.base_w["main"] = 1 * A
    rig.run(10.0)
    assert not rig.state.loads["a"].live
    # when a minute has passed and its last word is still ON
    relay.dead = False
    rig.run(90.0)
    # then it was told again, and is off
    assert not relay.on
    assert rig.load("a").relay is False


def test_a_relay_that_is_told_again_and_wanted_at_once_hears_one_command() -> None:
    """R11: never OFF and ON for one heater in the same step."""
    # given an OFF that only the meter confirmed, and a question that nobody answered
    rig = Rig(a_house(2, load_options=FREE), base_w=6 * A)
    rig.run(30.0)
    rig.request("a")
    rig.run(30.0)
    relay = rig.relays["a"]
    relay.unasked = relay.dead = True
    rig.request("a", False)
    rig.run(0.5)
    rig.base_w["main"] = 1 * A
    rig.run(10.0)
    # when it is wanted in the very step in which it is told again
    rig.run_until(rig.state.loads["a"].recheck_s - 0.5)
    rig.now_s = rig.state.loads["a"].recheck_s
    decision = rig.request("a")
    # then it is told one thing, that has to be confirmed like any other
    assert decision.commands == (SwitchRelay("a", on=False),)
    relay.dead = False
    rig.run(10.0)
    assert relay.on
    assert rig.on() == {"a"}


def test_a_heater_that_will_not_go_off_becomes_a_fault_though_the_meter_fell() -> None:
    """R10, R11."""
    rig = Rig(a_house(2, load_options=FREE), base_w=6 * A)
    rig.run(30.0)
    rig.request("a")
    rig.run(30.0)
    rig.relays["a"].unasked = rig.relays["a"].dead = True
    rig.request("a", False)
    rig.run(0.5)
    rig.base_w["main"] = 1 * A
    rig.run(120.0)
    assert rig.load("a").reason is Reason.FAULT


def test_a_fall_that_the_meter_has_shown_is_credited_no_longer() -> None:
    """R2, R9: a reading that fell and is still over the limit sheds the next load at once."""
    # given three heaters that run
    house = a_house([a_load(name, 1500.0, **FREE) for name in "abc"], a_circuit(limit_w=6000.0))
    rig = Rig(house, requested=True, base_w=500.0)
    rig.run(60.0)
    assert rig.on() == {"a", "b", "c"}
    # when so much is added that one OFF is believed to do, which takes less than believed
    since_s = rig.now_s
    rig.heater_w.update(dict.fromkeys("abc", 1000.0))
    rig.base_w["main"] = 6000.0 + 1100.0 - 3 * 1000.0
    rig.run(3.0)
    # then the reading that shows its fall takes the next one off
    off = [each.at_s for each in rig.commands(since_s, on=False)]
    assert len(off) == 2
    assert 0.5 <= off[1] - off[0] <= 1.5
    assert rig.over["main"].longest_s <= 2.5


def test_leases_after_a_reconnect_are_renewed_four_a_bridge_and_half_a_second() -> None:
    """R11, R12: a radio takes no dozen commands at once, nor a dozen in step for ever."""
    # given a dozen heaters behind one bridge
    relay = {"bridge": "z", "merged": True, "dead_man_s": 600.0}
    names = [f"load{number}" for number in range(12)]
    loads = [a_load(name, 100.0, relay=relay, **FREE) for name in names]
    rig = Rig(a_house(loads, a_circuit(limit_w=6000.0)), requested=True)
    rig.run(60.0)
    assert len(rig.on()) == 12
    # when nobody knows what is left of their leases
    rig.disconnect()
    rig.run(1.0)
    rig.connect()
    since_s = rig.now_s
    rig.run(10.0)
    # then all are renewed, and the bridge is not choked
    at = [each_s for each_s, _ in rig.renewed if each_s >= since_s]
    assert len(at) == 12
    assert max(sum(first <= each < first + 0.49 for each in at) for first in at) <= 4
