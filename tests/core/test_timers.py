"""Deadlines: what time alone has to bring, comes, whatever else is due or past."""

from typing import Any

from hypothesis import given

from balancer.core.commands import NoteKind
from balancer.core.events import Wake
from balancer.core.step import step
from tests.core.depth import few
from tests.core.driver import Turn, drive
from tests.core.house import FREE, a_circuit, a_house, a_load
from tests.core.rig import Rig
from tests.strategies import Life, lives


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


def test_room_beside_a_claim_opens_when_the_next_peak_leaves_the_window() -> None:
    """R6, R7: what is proven first is the claim's; the other waits for what lies under it."""
    # given a load that is to be put right after min_off, and a smaller one that waits
    loads = [a_load("a", 2000.0, min_on_s=0.0, min_off_s=120.0), a_load("b", 1000.0, **FREE)]
    main = a_circuit(limit_w=6000.0, safe_ratio=1.0, hysteresis=1.0, stale_after_s=600.0)
    rig = Rig(a_house(loads, main), requested=("a",), base_w=1000.0)
    rig.run(40.0)
    for base_w, for_s in ((3900.0, 35.0), (3500.0, 4.0), (2500.0, 3.0)):
        rig.base_w["main"] = base_w
        rig.run(for_s)
        rig.request("b")
    rig.push("a", on=False)
    rig.run(6.0)
    # when nothing more is reported
    rig.meter().silent = True
    start_s = rig.now_s
    rig.run(60.0)
    # then it goes on as soon as the last peak that leaves no room for both is too old
    (on,) = rig.commands(load="b", on=True)
    assert start_s < on.at_s <= start_s + 25.0


def test_a_relay_without_report_is_believed_at_once_where_nothing_has_to_settle() -> None:
    """R2: with ``settle = 0`` the place of an OFF is free in the same second."""
    silent: dict[str, Any] = {"relay": {"confirms": False}, **FREE}
    main = a_circuit(limit_w=6000.0, settle_s=0.0, steps=(1, 0))
    rig = Rig(a_house([a_load("a", **silent), a_load("b", **silent)], main), requested=True)
    rig.heater_w["a"] = 0.0  # no meter shows it
    rig.run(600.0)
    start_s = rig.now_s
    rig.rotate()
    rig.run(1.0)
    assert [(each.load, each.on) for each in rig.commands(start_s)] == [("a", False), ("b", True)]


def test_a_relay_that_has_to_answer_at_once_is_told_again() -> None:
    """R11: ``confirm_within = 0``."""
    rig = Rig(a_house([a_load("a", relay={"confirm_within_s": 0.0}, **FREE)]), requested=True)
    rig.run(60.0)
    rig.relays["a"].lose = 1
    rig.request("a", False)
    rig.run(1.0)
    assert not rig.on()


def test_every_repeat_is_sent_before_a_load_is_in_fault_however_full_its_bridge_is() -> None:
    """R11: a repeat that waits for one of the four places is none yet."""
    # given twenty relays on a bridge that no longer answers
    relay = {"bridge": "zigbee2mqtt", "merged": True}
    loads = [a_load(f"load{each}", 100.0, relay=relay, **FREE) for each in range(20)]
    rig = Rig(a_house(loads, a_circuit(limit_w=6000.0)), requested=True)
    rig.run(60.0)
    assert len(rig.on()) == len(loads)
    for each in rig.relays.values():
        each.dead = True
    # when all are to go off
    start_s = rig.now_s
    rig.away()
    rig.run(40.0)
    # then each was told and told again three times
    assert len(rig.noted(NoteKind.FAULT)) == len(loads)
    assert {len(rig.commands(start_s, name, on=False)) for name in rig.relays} == {4}


def test_an_on_that_was_left_alone_is_a_lease_from_then_on() -> None:
    """R11, R12: after the hour it is ours if it is wanted."""
    rig = Rig(a_house([a_load("a", relay={"dead_man_s": 600.0}, **FREE)]))
    rig.run(30.0)
    for _ in range(4):
        rig.run(20.0)
        rig.push("a", on=True)
    rig.request("a")
    rig.slow_down()
    rig.run(3500.0)
    assert rig.on() == {"a"}
    assert not rig.renewed
    rig.run(1000.0)
    assert len(rig.renewed) >= 4


@given(lives())
@few
def test_silence_changes_nothing_before_the_deadline(life: Life) -> None:
    """A wake-up that comes too early decides nothing: whatever time brings has its deadline."""

    def look(turn: Turn) -> None:
        at_s, after = turn.event.at_s, turn.decision.state
        if life.house.dry_run:
            return  # what is confirmed as it is sent is used at the next event
        wait_s = min(turn.decision.deadline_s - at_s, 900.0)
        for part in (0.0, 0.4, 0.8, 1.0):
            early_s = at_s + 1e-6 + part * (wait_s - 0.003)
            if not at_s < early_s < turn.decision.deadline_s - 0.001:
                continue
            early = step(life.house, after, Wake(early_s))
            assert not early.commands, (turn.event, early_s)
            assert not early.decided, (turn.event, early_s)
            assert early.state.wanted == after.wanted
            for name, ls in early.state.loads.items():
                assert ls.reason is after.loads[name].reason, (turn.event, early_s, name)

    drive(life, look)
