"""R12: with the controller gone heaters go off by themselves."""

import pytest

from balancer.core.commands import NoteKind
from tests.core.fakes import FakeRelay
from tests.core.house import FREE, A, a_circuit, a_house, a_load
from tests.core.rig import Rig


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
