"""Deadlines: what time alone has to bring, comes, whatever else is due or past."""

from balancer.core.commands import NoteKind
from tests.core.rig import Rig, a_circuit, a_house, a_load

FREE = {"min_on_s": 0.0, "min_off_s": 0.0}


def test_a_past_deadline_hides_no_later_one() -> None:
    """R12: a relay that was answered by a command of ours instead of a query is renewed."""
    # given an unknown relay that goes off before it has answered, as everybody leaves
    rig = Rig(a_house([a_load("a", relay={"dead_man_s": 60.0}, **FREE)]), start=False)
    rig.relays["a"].on = True
    rig.start()
    rig.away()
    rig.run(30.0)
    assert rig.on() == set()
    # when it heats again for longer than its lease
    rig.away(False)
    rig.request("a")
    rig.run(200.0)
    # then the lease was renewed in time
    assert rig.on() == {"a"}
    assert not rig.noted(NoteKind.FOREIGN)
    assert rig.renewed


def test_room_opens_when_a_peak_leaves_the_window_without_a_reading() -> None:
    """R7: a meter that reports changes only; each peak of the window ages by itself."""
    # given a waiting load, and two peaks before it fell quiet
    house = a_house(1, a_circuit(stale_after_s=600.0, limit_w=6000.0), load_options=FREE)
    rig = Rig(house, base_w=5500.0)
    rig.run(40.0)
    rig.request("a")
    for base_w in (5300.0, 3000.0, 2990.0):
        rig.base_w["main"] = base_w
        rig.run(4.0)
    rig.meter().silent = True
    start_s = rig.now_s
    # when nothing more is reported
    rig.run(60.0)
    # then it goes on as soon as the last great peak is restore_delay old
    (on,) = rig.commands(on=True)
    assert start_s < on.at_s <= start_s + 30.0
