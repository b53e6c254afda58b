"""R11: a radio bridge takes four unconfirmed commands at a time."""

from typing import Any

import pytest

from balancer.core.commands import NoteKind, SwitchRelay
from balancer.core.events import MeterReadings
from tests.core.fakes import FakeRelay
from tests.core.house import FREE, METER, A, a_circuit, a_house, a_load
from tests.core.rig import Rig


def bridged(count: int, **relay: Any) -> Rig:
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


def test_an_on_that_its_bridge_cannot_take_is_judged_anew_when_it_can() -> None:
    """I06, R11: at the moment of every ON R4's sum holds."""
    # given eight loads behind one bridge, silent relays, and room for all
    loads = [a_load(f"l{n}", 500.0, relay={"bridge": "z"}, **FREE) for n in range(8)]
    relays = {load.name: FakeRelay(report_s=3.0) for load in loads}
    rig = Rig(a_house(loads, a_circuit(limit_w=5000.0)), relays=relays)
    rig.run(40.3)
    # when all are asked for, four fit the bridge, and other power takes the room meanwhile
    for load in loads:
        rig.request(load.name)
    rig.run(0.1)
    rig.base_w["main"] = 2900.0
    rig.read(METER, rig.power_w("main"))
    rig.run(2.0)
    # then no more are switched on
    assert len({each.load for each in rig.commands(on=True)}) == 4
    assert rig.over["main"].total_s == 0.0


def test_an_on_that_its_bridge_cannot_take_is_not_sent_when_nobody_wants_it_any_more() -> None:
    """I04."""
    loads = [a_load(f"l{n}", 500.0, relay={"bridge": "z"}, **FREE) for n in range(5)]
    relays = {load.name: FakeRelay(report_s=3.0) for load in loads}
    rig = Rig(a_house(loads, hold_off_s=0.0), relays=relays)
    rig.run(40.0)
    for load in loads:
        rig.request(load.name)
    (left,) = set(rig.house.loads) - {each.load for each in rig.commands(on=True)}
    rig.request(left, False)
    rig.run(10.0)
    assert rig.commands(load=left) == []


def test_a_full_bridge_does_not_hold_back_the_ons_of_another() -> None:
    """R11: one silent relay never delays another's command."""
    loads = [a_load(f"l{n}", 500.0, zone="one", relay={"bridge": "z"}, **FREE) for n in range(6)]
    other = a_load("other", 400.0, zone="one", relay={"bridge": "y"}, **FREE)
    rig = Rig(a_house([*loads, other]))
    rig.run(40.0)
    rig.request("one")
    assert len(rig.commands(on=True)) == 5
    assert rig.commands(load="other")


def test_ons_that_wait_for_their_bridge_follow_half_a_second_later() -> None:
    """R11: a place frees without a confirmation, too, and time alone brings the rest."""
    loads = [a_load(f"l{n}", 500.0 + n, relay={"bridge": "z"}, **FREE) for n in range(6)]
    relays = {load.name: FakeRelay(report_s=1.9) for load in loads}
    rig = Rig(a_house(loads), relays=relays)
    rig.run(40.2)
    for load in loads:
        rig.request(load.name)
    since_s = rig.now_s
    rig.run(0.6)
    sent = rig.commands(since_s, on=True)
    assert [each.at_s - since_s for each in sent] == pytest.approx([0.0] * 4 + [0.5] * 2)


def test_a_relay_that_is_first_heard_while_its_shed_waits_for_the_bridge_is_not_adopted() -> None:
    """R9, R11, R15: it is off in the end, and so it is said; later it has its turn again."""
    # given a restart over the limit, with seven heaters on that take long to answer
    names = [f"load{number}" for number in range(7)]
    loads = [a_load(name, 500.0, relay={"bridge": "z"}, **FREE) for name in names]
    relays = {name: FakeRelay(on=True, mute=True) for name in names}
    house = a_house(loads, a_circuit(limit_w=6000.0))
    rig = Rig(house, base_w=9000.0, relays=relays, requested=True)
    rig.run(1.01)
    told = {each.load for each in rig.commands(on=False)}
    assert len(told) == 4
    # when the others say that they are on before the bridge has taken their OFF
    for name in names:
        rig.relays[name].mute = False
        rig.report(name)
    rig.run(5.0)
    # then nobody is thought to be on who is off
    assert rig.on() == set()
    assert not any(rig.load(name).on for name in names)
    # and all come back when there is room
    rig.base_w["main"] = 500.0
    rig.run(60.0)
    assert rig.on() == set(names)


def told_again(rig: Rig, loads: str) -> list[float]:
    """Let relays go on and off without a word; return when their OFFs are told again first."""
    for name in loads:
        rig.relays[name].mute = True
        rig.request(name)
    rig.run(3.0)
    for name in loads:
        rig.request(name, False)
    rig.run(20.0)
    since_s = rig.now_s
    rig.run(60.0)
    return [each.at_s for each in rig.commands(since_s, on=False)]


def test_an_off_that_is_told_again_waits_for_commands_and_for_others() -> None:
    """R11: nobody needs it at once."""
    # given eight loads on a bridge, four of them told OFF every minute
    loads = [a_load(name, 600.0, relay={"bridge": "z"}, **FREE) for name in "abcdefgh"]
    rig = Rig(a_house(loads), base_w=100.0, requested="efgh")
    rig.run(60.0)
    again_s = told_again(rig, "abcd")
    assert len(again_s) == 4
    # when four others go off just before, and their relays take a while to say so
    for name in "efgh":
        rig.relays[name].report_s = 0.4
    rig.run_until(min(again_s) + 59.95)
    since_s = rig.now_s
    for name in "efgh":
        rig.request(name, False)
    rig.run(10.0)
    # then those are first, and these follow
    told = [(each.load, each.at_s - since_s) for each in rig.commands(since_s)]
    assert [load for load, _ in told[:4]] == list("efgh")
    assert sorted(load for load, _ in told[4:]) == list("abcd")
    assert told[4][1] >= 0.5


def test_offs_that_are_told_again_are_four_at_a_time() -> None:
    """R11: those of eight relays whose minute ends together."""
    loads = [a_load(name, 600.0, relay={"bridge": "z"}, **FREE) for name in "abcdefgh"]
    rig = Rig(a_house(loads, a_circuit(limit_w=100 * A)), base_w=100.0)
    rig.run(60.0)
    told_again(rig, "abcdefgh")
    # when the process did nothing for longer than a minute
    rig.deadline_s, rig.connected = rig.now_s + 61.0, False
    rig.run(60.9)
    rig.connected = True
    since_s = rig.now_s
    rig.run(30.0)
    told = [each.at_s - since_s for each in rig.commands(since_s)]
    assert len(told) >= 8
    assert all(late - early >= 0.49 for early, late in zip(told, told[4:], strict=False))


def test_a_shed_goes_before_what_is_told_again() -> None:
    """R11: in the very step in which a minute ends; four in all."""
    # given eight loads on a bridge, four of them told OFF every minute
    loads = [a_load(name, 600.0, relay={"bridge": "z"}, **FREE) for name in "abcdefgh"]
    rig = Rig(a_house(loads), base_w=100.0, requested="efgh")
    rig.run(60.0)
    told_again(rig, "abcd")
    # when the other four have to be shed by a reading that comes as their minutes end
    due_s = max(rig.state.loads[name].retell_s for name in "abcd")
    rig.deadline_s = rig.now_s = due_s
    decision = rig.tell(MeterReadings(due_s, {METER: 30 * A + 2000.0}))
    # then the shed is sent, and what can wait waits
    assert {each.load for each in decision.commands if isinstance(each, SwitchRelay)} == set("efgh")
    rig.run(2.0)
    assert {each.load for each in rig.commands(due_s + 0.1)} == set("abcd")
