"""R15, R12, R13: what an interrupted connection must not do."""

import pytest

from balancer.core.commands import NoteKind, Reason, RenewLease, SwitchRelay
from balancer.core.events import Started
from balancer.core.memory import LoadMemory, Memory
from balancer.core.model import Estimation, Meter
from tests.core.fakes import FakeRelay
from tests.core.house import FREE, METER, a_circuit, a_house, a_load
from tests.core.rig import Rig


def test_a_lease_that_ran_out_during_an_outage_is_not_renewed_before_the_relay_has_spoken() -> None:
    """R12, R15, I08: a renewal is an ON."""
    # given a heater on a lease, and an outage in which the lease ends
    patient = a_circuit(stale_after_s=120.0)
    rig = Rig(a_house([a_load("a", relay={"dead_man_s": 30.0}, **FREE)], patient), requested=True)
    rig.run(20.0)
    assert rig.on() == {"a"}
    rig.disconnect()
    rig.run(40.0)
    assert rig.on() == set()
    # when the broker is back, then nothing but questions is sent
    decision = rig.connect()
    assert not any(isinstance(each, RenewLease | SwitchRelay) for each in decision.commands)
    # and the relay's own word decides
    rig.run(0.5)
    assert rig.on() == set()
    rig.run(60.0)
    assert rig.on() == {"a"}


def test_a_lease_that_still_runs_after_an_outage_is_renewed_once_the_relay_has_spoken() -> None:
    """R12: nobody knows how much of it is left."""
    rig = Rig(a_house([a_load("a", relay={"dead_man_s": 90.0}, **FREE)]), requested=True)
    rig.run(20.0)
    rig.disconnect()
    rig.run(12.0)
    rig.connect()
    count = len(rig.renewed)
    rig.run(0.1)
    assert len(rig.renewed) == count + 1
    rig.run(600.0)
    assert rig.on() == {"a"}
    assert len(rig.switched) == 1


def test_leases_run_out_on_devices_that_are_away() -> None:
    """F37: the bridge is down; what is said to it now may be heard when it comes back."""
    rig = Rig(a_house([a_load("a", relay={"dead_man_s": 90.0}, **FREE)]), requested=True)
    rig.run(20.0)
    rig.device("a", online=False)
    count = len(rig.renewed)
    rig.run(60.0)
    assert len(rig.renewed) == count
    # and are renewed again when they are back
    rig.device("a", online=True)
    rig.run(1.0)
    assert len(rig.renewed) == count + 1


def test_an_on_that_an_outage_interrupted_leaves_no_phantom_headroom() -> None:
    """R2, R15: the relay says ON after the reconnect; the lagging meter does not show it yet."""
    # given a meter that lags 2.5 s and a heater whose ON is on its way when the broker goes
    house = a_house(
        [a_load("a", 4000.0, **FREE), a_load("b", 4000.0, **FREE)],
        a_circuit(limit_w=6000.0, settle_s=4.0),
    )
    rig = Rig(house, period_s=0.5)
    rig.meter().lag_s = 2.5
    rig.run(40.0)
    rig.request("a")
    rig.disconnect()
    rig.run(0.3)
    assert rig.on() == {"a"}
    # when the broker is back before a reading shows it, and another is asked for
    rig.connect()
    rig.request("b")
    rig.run(10.0)
    # then there is no room
    assert rig.on() == {"a"}
    assert rig.over["main"].total_s == 0.0


def test_a_meter_is_not_suspected_for_what_an_outage_swallowed() -> None:
    """R13: the readings that showed the switchings were never received."""
    # given heaters that go on just when the broker goes
    rig = Rig(a_house(4, load_options=FREE), base_w=500.0)
    rig.run(40.5)
    for zone in "abcd":
        rig.request(zone)
    rig.disconnect()
    rig.run(8.0)
    assert len(rig.on()) == 4
    # when they are not wanted any more after the reconnect
    for zone in "abcd":
        rig.request(zone, False)
    rig.connect()
    rig.run(30.0)
    # then the meter, which shows what it showed before, is believed
    assert rig.on() == set()
    assert not rig.noted(NoteKind.SUSPECT)


def test_a_meter_is_not_suspected_for_what_its_own_silence_swallowed() -> None:
    """R13: blindness took the heaters off that it had not shown going on."""
    rig = Rig(a_house(4, load_options=FREE), base_w=500.0)
    rig.run(40.5)
    rig.meter().silent = True
    for zone in "abcd":
        rig.request(zone)
    rig.run(20.0)
    assert rig.on() == set()
    rig.meter().silent = False
    rig.run(30.0)
    assert rig.noted(NoteKind.BLIND_OVER)
    assert not rig.noted(NoteKind.SUSPECT)


def test_a_suspect_meter_stays_suspect_over_an_outage() -> None:
    """R13, F03: no ON until it moves."""
    rig = Rig(a_house(4, load_options=FREE))
    rig.run(40.0)
    rig.meter().shown = lambda _: 0.0
    for zone in "abc":
        rig.request(zone)
    rig.run(20.0)
    assert rig.noted(NoteKind.SUSPECT)
    rig.disconnect()
    rig.run(1.0)
    rig.connect()
    since_s = rig.now_s
    rig.request("d")
    rig.run(30.0)
    assert rig.commands(since_s, on=True) == []
    assert not rig.noted(NoteKind.SUSPECT_OVER)


def test_the_period_of_a_meter_does_not_contain_its_silence() -> None:
    """R2, R19: what is measured is how often it reports."""
    rig = Rig(a_house(1))
    rig.run(20.0)
    rig.meter().silent = True
    rig.run(300.0)
    rig.meter().silent = False
    rig.run(4.5)
    meter = rig.state.meters[METER]
    assert max(meter.intervals_s) == pytest.approx(1.0)


def test_appliances_count_at_their_most_for_admission_until_they_report_after_a_reconnect() -> None:
    """R15, R1: what one took before the outage says nothing of now."""
    # given an appliance meter that reports every five minutes, and room by its last report
    washer = Meter(name="washer", stale_after_s=900.0, min_w=0.0, max_w=5000.0)
    house = a_house(
        [a_load("a", 2000.0, **FREE), a_load("b", 2000.0, **FREE)],
        a_circuit(
            limit_w=6000.0,
            estimation=Estimation.INDIVIDUAL,
            meter=None,
            non_heating_meters=(washer,),
        ),
    )
    rig = Rig(house)
    rig.read("washer", 0.0)
    rig.run(60.0)
    rig.request("a")
    rig.run(10.0)
    assert rig.on() == {"a"}
    # when the broker comes back after a while and another load is asked for
    rig.disconnect()
    rig.run(5.0)
    rig.connect()
    rig.run(1.0)
    rig.request("b")
    rig.run(5.0)
    # then what is on stays on, and nothing is added until the appliance has spoken
    assert rig.on() == {"a"}
    rig.read("washer", 0.0)
    rig.run(1.0)
    assert rig.on() == {"a", "b"}


def test_what_a_relay_says_before_the_start_is_adopted_however_often_the_broker_goes() -> None:
    """R15: nothing is switched before it, nor because of what was heard before it."""
    rig = Rig(a_house(1, load_options=FREE), relays={"a": FakeRelay(on=False)}, start=False)
    rig.connect()
    rig.run(0.1)
    rig.disconnect()
    rig.push("a", on=True)
    rig.connect()
    rig.run(0.1)
    rig.push("a", on=False)
    rig.run(0.1)
    rig.push("a", on=True)
    rig.request("a")
    rig.run(3.0)
    rig.tell(Started(rig.now_s, Memory()))
    rig.run(60.0)
    assert rig.sent == []
    assert not rig.noted(NoteKind.FOREIGN)
    assert rig.on() == {"a"}


def test_what_was_switched_off_after_the_start_is_not_adopted_at_a_reconnect() -> None:
    """R15, R13: nor renewed on its way to being put right."""
    # given a heater that reported before the start, and is wanted off by blindness since
    lease = a_load("a", relay={"dead_man_s": 60.0}, **FREE)
    rig = Rig(a_house([lease]), relays={"a": FakeRelay(on=True)}, start=False)
    rig.meter().silent = True
    rig.connect()
    rig.request("a")
    rig.run(0.5)
    rig.tell(Started(rig.now_s, Memory()))
    rig.disconnect()
    rig.run(20.0)
    assert rig.on() == {"a"}
    # when the broker is back
    since_s = rig.now_s
    rig.connect()
    rig.run(2.0)
    # then OFF is the only word
    assert rig.on() == set()
    assert [each.on for each in rig.commands(since_s)] == [False]
    assert [at_s for at_s, _ in rig.renewed if at_s >= since_s] == []


def test_a_lease_that_ran_out_and_was_put_right_at_once_makes_no_meter_suspect() -> None:
    """R13: off and on between two readings need not show."""
    rig = Rig(a_house([a_load("a", relay={"dead_man_s": 600.0}, **FREE)]), requested=True)
    rig.run(60.0)
    for _ in range(3):
        rig.push("a", on=False)
        rig.run(250.0)
    assert rig.on() == {"a"}
    assert not rig.noted(NoteKind.SUSPECT)


def test_what_was_learned_of_another_heater_is_forgotten() -> None:
    """R14, R15: the configured power has changed since."""
    house = a_house([a_load("a", 2000.0, **FREE)], a_circuit(limit_w=1500.0))
    rig = Rig(
        house,
        memory=Memory(loads={"a": LoadMemory(learned_w=400.0, learned_steps=5)}),
        requested=True,
    )
    rig.run(60.0)
    assert rig.sent == []


def test_a_dry_run_goes_on_after_a_restart_with_what_it_had_on() -> None:
    """R17, R15: on paper as in truth."""
    rig = Rig(a_house(3, a_circuit(steps=(2, 0)), load_options=FREE, dry_run=True), requested=True)
    rig.run(60.0)
    on = {name for name, load in rig.snapshot().loads.items() if load.on}
    assert len(on) == 2
    rig.restart()
    rig.run(60.0)
    assert {name for name, load in rig.snapshot().loads.items() if load.on} == on


def test_what_was_never_heard_in_this_life_gives_no_room_when_it_is_put_right() -> None:
    """R4, R15: remembered as on, its contact dead; its OFF relieves nothing that is seen."""
    house = a_house(
        [a_load("a", 2000.0, relay={"confirms": False}, **FREE), a_load("b", 1800.0, **FREE)],
        a_circuit(limit_w=6000.0),
    )
    was = Memory(loads={"a": LoadMemory(on=True)})
    rig = Rig(house, base_w=4500.0, start=False)
    rig.run(0.9)
    rig.start(was)
    rig.request("b")
    rig.run(30.0)
    assert rig.commands(on=True) == []


def test_a_fault_that_a_deaf_line_made_ends_soon_after_the_reconnect() -> None:
    """R11, R15: a relay that answers is tried again at once, not after ten minutes."""
    # given a line on which an ON gets lost, and every repeat
    rig = Rig(a_house([a_load("a", **FREE)], a_circuit(stale_after_s=60.0)))
    rig.run(40.0)
    rig.relays["a"].dead = True
    rig.request("a")
    rig.run(9.5)
    assert rig.load("a").reason is Reason.FAULT
    # when the next line carries what is said
    rig.relays["a"].dead = False
    rig.disconnect()
    rig.run(0.3)
    rig.connect()
    rig.run(30.0)
    # then it heats
    assert rig.on() == {"a"}


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
