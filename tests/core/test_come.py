"""R15: a device says that it has come: what its relay does then, and what its bridge remembers."""

import pytest

from balancer.core.commands import NoteKind, Reason
from balancer.core.events import RelayReported
from tests.core.fakes import FakeRelay
from tests.core.house import FREE, A, a_circuit, a_house, a_load
from tests.core.rig import Rig


def test_a_device_that_says_live_that_it_is_there_is_asked_and_put_right() -> None:
    """R15: nobody heard it go; it may have lost power, and booted switched on."""
    rig = Rig(a_house(2, load_options=FREE))
    rig.run(60.0)
    asked = len(rig.queried)
    rig.device("a", True)
    assert len(rig.queried) == asked  # what it says since long is no news
    # given a relay that is on and has not said so, four times: its supply is bad
    for _ in range(4):
        rig.move("a", on=True)
        # when its device says that it is there, twice, then it is asked, once, and told OFF
        rig.device("a", True, anew=True)
        rig.device("a", True, anew=True)
        assert [load for _, load in rig.queried[asked:]] == ["a"]
        rig.run(60.0)
        assert rig.on() == set()
        asked = len(rig.queried)
    # and it is not taken for somebody's hand
    assert rig.noted(NoteKind.FOREIGN) == []
    rig.push("a", on=True)
    rig.run(10.0)
    assert len(rig.noted(NoteKind.FOREIGN)) == 1


def test_a_device_that_has_come_is_asked_again_if_it_did_not_answer() -> None:
    """R15: a question on the air may be lost."""
    rig = Rig(a_house(1))
    rig.run(60.0)
    rig.move("a", on=True)
    rig.relays["a"].unasked = True
    rig.device("a", True, anew=True)
    rig.relays["a"].unasked = False
    rig.run(10.0)
    assert rig.on() == set()


@pytest.mark.parametrize("heard", [False, True])
def test_what_a_bridge_remembers_of_a_running_heater_takes_it_no_place(heard: bool) -> None:
    """R15, F37: its old OFF, then the truth; the relay moves not."""
    rig = Rig(a_house(1), requested=True)
    rig.run(60.0)
    since_s = rig.now_s
    if heard:
        rig.device("a", False)
    rig.device("a", True, anew=True)
    rig.tell(RelayReported(rig.now_s, "a", False))
    rig.run(10.0)
    assert rig.commands(since_s) == []
    assert rig.on() == {"a"}
    assert rig.load("a").reason == Reason.SERVING
    assert rig.noted(NoteKind.FOREIGN) == []


def test_an_answer_that_is_lost_behind_a_memory_is_asked_for_again() -> None:
    """R11, R15: else a heater that was believed off for it would never be told OFF."""
    rig = Rig(a_house(1, load_options={"min_on_s": 0.0}), requested=True)
    rig.run(60.0)
    rig.relays["a"].unasked = True
    rig.device("a", True, anew=True)
    rig.tell(RelayReported(rig.now_s, "a", False))
    rig.relays["a"].unasked = False
    rig.run(20.0)
    rig.request("a", False)
    rig.run(30.0)
    assert rig.on() == set()


@pytest.mark.parametrize("heard", [False, True])
def test_a_heater_that_booted_on_is_not_credited_with_what_no_reading_holds(heard: bool) -> None:
    """R2, R4: its OFF makes no room for another."""
    rig = Rig(a_house(2, a_circuit(limit_w=8 * A), load_options=FREE), base_w=4 * A)
    rig.run(60.0)
    rig.request("b")
    rig.run(60.3)
    since_s = rig.now_s
    rig.move("a", on=True)
    if heard:
        rig.device("a", False)
    rig.device("a", True, anew=True)
    rig.run(30.0)
    assert rig.on() == set()
    assert rig.commands(since_s, "b") == []


def test_a_heater_that_booted_on_hides_no_overload() -> None:
    """R9: others rise while it is told OFF."""
    rig = Rig(a_house(5, load_options=FREE), requested=["b", "c", "d", "e"])
    rig.run(60.3)
    since_s = rig.now_s
    rig.move("a", on=True)
    rig.device("a", True, anew=True)
    rig.run(0.2)
    rig.base_w["main"] = 13 * A
    rig.run(20.0)
    (shed,) = [each for each in rig.commands(since_s) if each.load != "a"]
    assert shed.at_s - since_s < 1.0


def test_a_heater_that_was_on_all_the_time_is_credited_when_it_is_told_off_again() -> None:
    """R2: readings have held it since long; nobody else goes for it."""
    rig = Rig(a_house(5, load_options=FREE), requested=True, relays={"a": FakeRelay(latency_s=3.0)})
    rig.run(60.3)
    assert len(rig.on()) == 5
    since_s = rig.now_s
    rig.request("a", False)
    rig.run(0.1)
    # when its device goes and comes while the OFF is under way, and says that it is on
    rig.device("a", False)
    rig.device("a", True)
    rig.run(0.1)
    # and other things rise to 3 A over the limit
    rig.base_w["main"] = 8 * A
    rig.run(1.5)
    assert {each.load for each in rig.commands(since_s)} == {"a"}


def test_who_is_left_alone_is_left_alone_after_it_has_come() -> None:
    """R11."""
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(60.0)
    for _ in range(4):
        rig.push("a", on=True)
        rig.run(10.0)
    rig.push("a", on=False)
    rig.device("a", True, anew=True)
    rig.run(1.0)
    rig.push("a", on=True)
    rig.run(10.0)
    assert rig.on() == {"a"}


def test_a_device_that_says_all_the_time_that_it_is_there_hides_nobodys_hand() -> None:
    """R11: put right three times, then left alone."""
    rig = Rig(a_house(1, load_options=FREE))
    rig.run(60.0)

    def chat() -> None:
        rig.device("a", True, anew=True)
        rig.after(4.0, chat)

    chat()
    for _ in range(12):
        rig.run(10.0)
        rig.push("a", on=True)
    rig.run(1.0)
    assert len(rig.noted(NoteKind.FOREIGN)) == 4
    assert rig.on() == {"a"}


def test_on_paper_nobody_is_asked() -> None:
    """R17."""
    rig = Rig(a_house(1, dry_run=True), requested=True)
    rig.run(60.0)
    asked = len(rig.queried)
    rig.device("a", True, anew=True)
    rig.run(10.0)
    assert len(rig.queried) == asked


def test_an_on_that_is_on_its_way_keeps_its_power_while_its_device_says_that_it_is_there() -> None:
    """R2, R4: a bridge says so of all its devices, whatever is under way."""
    rig = Rig(
        a_house(
            [a_load("a", 2000.0, **FREE), a_load("b", 1000.0, **FREE)],
            a_circuit(limit_w=6000.0, hysteresis=1.0, safe_ratio=1.5),
        ),
        base_w=3500.0,
        relays={"a": FakeRelay(latency_s=0.3, report_s=0.1)},
    )
    rig.run(60.0)
    rig.relays["a"].unasked = True
    rig.request("a")
    rig.request("b")
    rig.run(0.1)
    rig.device("a", True, anew=True)
    rig.run(20.0)
    assert rig.on() == {"a"}
    assert rig.over["main"].total_s == 0.0


def test_one_excess_takes_one_heater_while_its_device_says_that_it_is_there() -> None:
    """R2: an OFF that is on its way keeps its credit."""
    slow = {name: FakeRelay(latency_s=0.5, report_s=0.1) for name in "abcde"}
    rig = Rig(a_house(5, load_options=FREE), requested=True, relays=slow)
    rig.run(60.0)
    rig.base_w["main"] = 7 * A
    since_s = rig.now_s
    rig.run_while(lambda: not rig.commands(since_s), 10.0)
    (shed,) = rig.commands(since_s)
    rig.run(0.1)
    rig.device(shed.load, True, anew=True)
    rig.run(5.0)
    assert {each.load for each in rig.commands(since_s)} == {shed.load}


def test_a_mute_relay_whose_device_says_that_it_is_there_becomes_a_fault() -> None:
    """R11: what it is told is counted, not started anew."""
    rig = Rig(a_house(1, load_options=FREE), requested=True)
    rig.run(60.0)
    rig.relays["a"].dead = True
    rig.request("a", False)
    for _ in range(12):
        rig.run(5.0)
        rig.device("a", True, anew=True)
    assert rig.load("a").reason == Reason.FAULT
