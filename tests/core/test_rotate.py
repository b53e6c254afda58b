"""R5, R6: turns, given anew at a tick."""

import itertools

import pytest

from balancer.core.commands import NoteKind
from balancer.core.memory import LoadMemory, Memory
from tests.core.fakes import FakeRelay
from tests.core.house import FREE, METER, A, a_circuit, a_house, a_load
from tests.core.rig import Rig


def test_a_higher_priority_takes_the_place_at_a_tick_whatever_the_shares() -> None:
    """R5, R6: priority is strict."""
    memory = Memory(
        loads={
            "low": LoadMemory(on=True, served_s=100.0, wanted_s=40_000.0),
            "high": LoadMemory(on=False, served_s=39_000.0, wanted_s=40_000.0),
        },
        requests={"low": True, "high": True},
    )
    house = a_house([a_load("low", **FREE), a_load("high", priority=1, **FREE)])
    rig = Rig(house, base_w=22 * A, relays={"low": FakeRelay(on=True)}, memory=memory)
    rig.run(60.0)
    assert rig.on() == {"low"}
    rig.rotate()
    rig.run(10.0)
    assert rig.on() == {"high"}
    # and keeps it
    for _ in range(3):
        rig.run(600.0)
        rig.rotate()
    assert rig.on() == {"high"}


def test_while_a_boost_leaves_another_waiting_every_second_tick_is_the_others() -> None:
    """R5: boost does not starve."""
    rig = Rig(a_house(3, load_options=FREE), base_w=22 * A, requested=True)
    rig.run(60.0)
    rig.boost("c", 7200.0)
    served = []
    for _ in range(8):
        rig.rotate()
        rig.run(600.0)
        (name,) = rig.on()
        served.append(name)
    assert served.count("c") == 4
    assert all((one == "c") != (two == "c") for one, two in itertools.pairwise(served))
    assert {"a", "b"} <= set(served)


@pytest.mark.parametrize(
    ("share", "exchanged"),
    [(0.4702, False), (0.4698, True), (0.55, False)],
    ids=["just within", "just beyond", "greater"],
)
def test_a_share_has_to_be_lower_by_more_than_a_thirtythird_to_take_a_place(
    share: float, exchanged: bool
) -> None:
    """R6: 0.03."""
    wanted_s = 1e7  # so much that the seconds of this test do not matter
    memory = Memory(
        loads={
            "a": LoadMemory(on=True, served_s=0.5 * wanted_s, wanted_s=wanted_s),
            "b": LoadMemory(on=False, served_s=share * wanted_s, wanted_s=wanted_s),
        },
        requests={"a": True, "b": True},
    )
    house = a_house(2, load_options=FREE)
    rig = Rig(house, base_w=22 * A, relays={"a": FakeRelay(on=True)}, memory=memory)
    rig.run(20.0)
    assert rig.on() == {"a"}
    rig.rotate()
    rig.run(10.0)
    assert rig.on() == ({"b"} if exchanged else {"a"})


def test_time_up_to_the_end_of_a_boost_counts_as_boosted() -> None:
    """R6: while one boosted load runs and only plain ones wait, nothing is contested."""
    # given a, boosted and on, and b that waits for the same place, both for a long time
    rig = Rig(a_house(2, load_options=FREE), base_w=22 * A, requested=True)
    rig.run(20.0)
    rig.boost("a", 3600.0)
    rig.run(1.0)
    before = rig.load("a").wanted_s
    # when nothing happens until the boost ends
    rig.run(3599.5)
    assert not rig.load("a").boosted
    # then its last hour is no wait in the plain class
    assert rig.load("a").wanted_s - before < 60.0


def test_with_nobody_waiting_a_tick_sends_nothing() -> None:
    """R6."""
    rig = Rig(a_house(3, load_options=FREE), requested=True)
    rig.run(60.0)
    since_s = rig.now_s
    for _ in range(5):
        assert rig.rotate().commands == ()
        rig.run(600.0)
    assert rig.commands(since_s) == []


@pytest.mark.parametrize(
    ("on_for_s", "exchanged"), [(299.0, False), (300.5, True)], ids=["just before", "just after"]
)
def test_a_load_within_min_on_keeps_its_place_at_a_tick(on_for_s: float, exchanged: bool) -> None:
    """R6, R8."""
    rig = Rig(a_house(2), base_w=22 * A, requested=True)
    rig.run_while(lambda: not rig.on(), 10.0)
    closed_s = rig.switched[-1][0]
    rig.run_until(closed_s + on_for_s)
    rig.rotate()
    rig.run(10.0)
    assert (rig.on() == {"b"}) is exchanged


def test_a_chosen_load_within_min_off_is_passed_over() -> None:
    """R6, R8: its place goes to the next."""
    # given b off since a moment, a on, c waiting longer but with the greater share
    memory = Memory(
        loads={
            "a": LoadMemory(on=True, served_s=9e6, wanted_s=1e7),
            "b": LoadMemory(on=False, served_s=1e6, wanted_s=1e7, switched_s=995.0),
            "c": LoadMemory(on=False, served_s=5e6, wanted_s=1e7),
        },
        requests=dict.fromkeys("abc", True),
    )
    house = a_house(3, load_options={"min_on_s": 0.0, "min_off_s": 120.0})
    rig = Rig(house, base_w=22 * A, relays={"a": FakeRelay(on=True)}, memory=memory)
    rig.run(20.0)
    rig.rotate()
    rig.run(10.0)
    assert rig.on() == {"c"}


def test_a_load_listed_twice_gets_two_turns() -> None:
    """R6, words: its share is divided by its turns."""
    loads = [a_load("a", turns=2, **FREE), a_load("b", **FREE), a_load("c", **FREE)]
    house = a_house(loads, order=("a", "b", "c", "a"))
    rig = Rig(house, base_w=22 * A, requested=True, period_s=10.0)
    rig.ticks()
    rig.run(12 * 3600.0)
    hours = {name: on_s / 3600.0 for name, on_s in rig.on_s.items()}
    assert hours["a"] == pytest.approx(6.0, abs=0.5)
    assert hours["b"] == pytest.approx(3.0, abs=0.5)
    assert hours["c"] == pytest.approx(3.0, abs=0.5)


def test_the_pointer_names_who_leads_next() -> None:
    """R6: rotation.pointer."""
    rig = Rig(a_house(3, load_options=FREE), base_w=22 * A)
    rig.run(20.0)
    assert rig.snapshot().pointer is None
    for zone in "abc":
        rig.request(zone)
    rig.run(300.0)
    assert rig.on() == {"a"}
    pointer = rig.snapshot().pointer
    rig.rotate()
    rig.run(10.0)
    assert rig.on() == {pointer} == {"b"}


def test_a_claim_ends_with_a_shed() -> None:
    """R6: a place is kept until the next tick or a shed."""
    # given a chosen load whose ON has to wait for a slow OFF
    rig = Rig(a_house(2, load_options=FREE), base_w=22 * A, requested=True)
    rig.run(60.0)
    rig.relays["a"].latencies_s.append(1.5)
    rig.rotate()
    assert rig.load("b").claim
    # when the limit is exceeded meanwhile
    rig.read(METER, 40 * A)
    rig.base_w["main"] = 40 * A
    rig.run(10.0)
    # then nothing goes on
    assert rig.on() == set()
    assert not rig.load("b").claim


def test_too_big_now_is_passed_over_and_first_when_it_fits() -> None:
    """R6: never blocks the others."""
    # given one of 15 A that does not fit beside 18 A, and small ones that rotate
    loads = {"large": 15 * A, "a": 5 * A, "b": 5 * A, "c": 5 * A}
    rig = Rig(a_house(loads, load_options=FREE), base_w=18 * A, requested=True)
    rig.ticks()
    rig.run(2 * 3600.0)
    assert rig.on_s["large"] == 0.0
    assert rig.load("large").detail == "too big now"
    assert sum(rig.on_s.values()) > 0.98 * 2 * 2 * 3600.0
    # when everything else takes 12 A only, then it is the first at the next tick
    rig.base_w["main"] = 12 * A
    rig.run(600.0 + 20.0)
    assert "large" in rig.on()
    assert rig.over["main"].total_s == 0.0


def test_a_tick_takes_no_more_off_than_the_chosen_need() -> None:
    """R6: whoever need not go stays on."""
    # given a large load that had nothing, small ones that had everything, and some room
    memory = Memory(
        loads={
            "large": LoadMemory(on=False, served_s=0.0, wanted_s=1e6),
            "tiny": LoadMemory(on=True, served_s=9e5, wanted_s=1e6),
            "middle": LoadMemory(on=True, served_s=8e5, wanted_s=1e6),
        },
        requests=dict.fromkeys(("large", "tiny", "middle"), True),
    )
    loads = {"large": 10 * A, "tiny": 1 * A, "middle": 6 * A}
    relays = {"tiny": FakeRelay(on=True), "middle": FakeRelay(on=True)}
    rig = Rig(
        a_house(loads, a_circuit(limit_w=20 * A), load_options=FREE),
        base_w=7 * A,
        memory=memory,
        relays=relays,
    )
    rig.run(60.0)
    assert rig.on() == {"tiny", "middle"}
    # when its turn comes: 13 A for all, 10 A for it; the tiny one need not go
    since_s = rig.now_s
    rig.rotate()
    rig.run(20.0)
    assert rig.on() == {"large", "tiny"}
    assert {each.load for each in rig.commands(since_s)} == {"large", "middle"}
    assert rig.over["main"].total_s == 0.0


def just_served(wait_s: float) -> Rig:
    """Return two loads of low and high priority that have just gone on; a middle one waits."""
    ranks = {"low": 0, "high": 5, "middle": 1}
    house = a_house(
        [a_load(name, 2000.0, priority=rank, **FREE) for name, rank in ranks.items()],
        a_circuit(limit_w=5000.0, restore_delay_s=1.0),
    )
    rig = Rig(house, base_w=500.0)
    rig.run(30.0)
    rig.request("low")
    rig.request("high")
    rig.request("middle")
    rig.run(wait_s)
    assert rig.on() == {"low", "high"}
    return rig


@pytest.mark.parametrize("wait_s", [0.2, 0.7, 1.5, 3.0, 10.0])
def test_a_tick_asked_for_just_after_a_switching_is_made_up_for(wait_s: float) -> None:
    """R6: it is a tick; what readings do not show yet is waited for."""
    rig = just_served(wait_s)
    since_s = rig.now_s
    rig.rotate(asked=True)
    rig.run(10.0)
    # then one place was exchanged, with one OFF and one ON
    assert rig.on() == {"high", "middle"}
    assert [(each.load, each.on) for each in rig.commands(since_s)] == [
        ("low", False),
        ("middle", True),
    ]
    assert len(rig.noted(NoteKind.ROTATED, since_s)) == 1


@pytest.mark.parametrize(("silent_s", "waits_s"), [(1.0, 1.0), (10.0, 0.0)])
def test_a_tick_asked_for_waits_for_no_relay_that_does_not_answer(
    silent_s: float, waits_s: float
) -> None:
    """R6: longer than any reading may take, or at all when it is known not to."""
    rig = just_served(30.0)
    rig.relays["high"].dead = True
    rig.request("high", False)
    rig.run(silent_s)
    since_s = rig.now_s
    rig.rotate(asked=True)
    rig.run(10.0)
    ((at_s, _),) = rig.noted(NoteKind.ROTATED, since_s)
    assert at_s - since_s == pytest.approx(waits_s, abs=0.1)


def test_a_load_that_can_never_fit_is_told_at_once() -> None:
    """R6, R18: not with the next tick; beside others it is judged when nothing is in flight."""
    rig = Rig(a_house({"large": 35 * A, "a": 5 * A}, load_options=FREE), base_w=5 * A)
    rig.run(30.0)
    rig.request("large")
    assert rig.load("large").detail == "too big now"
    rig.request("a")
    rig.run(30.0)
    assert rig.on() == {"a"}
    assert rig.load("large").detail == "too big now"
    assert rig.load("a").detail is None


@pytest.mark.parametrize("for_s", [0.5, 10.0])
@pytest.mark.parametrize("wait_s", [0.2, 1.5, 30.0])
def test_a_tick_asked_for_just_before_the_line_is_lost_is_made_up_for(
    wait_s: float, for_s: float
) -> None:
    """R6: missed ticks are one; relays answer and meters speak first."""
    rig = just_served(wait_s)
    rig.disconnect()
    rig.rotate(asked=True)
    rig.run(for_s)
    rig.connect()
    rig.run(20.0)
    assert rig.on() == {"high", "middle"}


def test_a_tick_asked_for_counts_shares_up_to_the_reading_that_it_waited_for() -> None:
    """R5, R6: before it looks who comes next, also when nobody is exchanged."""
    rig = Rig(a_house(1, load_options=FREE), requested=True)
    rig.run_while(lambda: not rig.on(), 30.0)
    rig.rotate(asked=True)
    rig.run_while(lambda: not rig.noted(NoteKind.ROTATED), 10.0)
    assert rig.state.accrued_s == rig.noted(NoteKind.ROTATED)[0][0]


def test_too_big_now_is_true_over_the_limit_too_and_ends_with_room() -> None:
    """R6, R18."""
    rig = Rig(a_house({"large": 10 * A}, load_options=FREE), base_w=29 * A)
    rig.run(30.0)
    rig.request("large")
    for base, detail in ((29, "too big now"), (33, "too big now"), (10, None)):
        rig.base_w["main"] = base * A
        rig.run(3.0)
        assert rig.load("large").detail == detail, base


def test_too_big_now_ends_with_room_while_another_is_switched() -> None:
    """R18: the room only has to be proven by then."""
    # given a large heater that does not fit and a small one that does
    rig = Rig(a_house({"large": 10 * A, "b": 5 * A}, load_options=FREE), base_w=22 * A)
    rig.run(60.0)
    rig.request("large")
    rig.run(3.0)
    assert rig.load("large").detail == "too big now"
    # when that goes on as an appliance ends
    rig.request("b")
    rig.base_w["main"] = 5 * A
    rig.run(2.2)
    # then two readings show that it is not too big any more
    assert rig.state.loads["b"].flight
    assert not rig.load("large").on
    assert rig.load("large").detail is None
