"""R9: a reading over the limit sheds in that same step, whom and how many."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.commands import Cause, Reason, SwitchRelay
from balancer.core.events import MeterReadings
from balancer.core.memory import LoadMemory, Memory
from tests.core.depth import several
from tests.core.house import METER, A, a_circuit, a_house, a_load, a_meter
from tests.core.rig import Rig


def running(loads: dict[str, float] | int, **options: Any) -> Rig:
    """Return a house in which all loads are on, draw what they are rated, and it is known."""
    options.setdefault("safe_ratio", 1.0)
    circuit = a_circuit(limit_w=100 * A, **options)
    rig = Rig(a_house(loads, circuit, load_options={"min_off_s": 0.0}), requested=True)
    rig.run(60.0)
    assert rig.on() == set(rig.house.loads)
    return rig


def shed_by(rig: Rig, excess_w: float) -> set[str]:
    """Return who goes off in the step of one reading that is so much over the limit."""
    limit_w = rig.house.circuits["main"].limit_w
    decision = rig.read(METER, limit_w + excess_w)
    return {
        each.load for each in decision.commands if isinstance(each, SwitchRelay) and not each.on
    }


@pytest.mark.parametrize(
    ("excess_w", "count"),
    [(-0.1, 0), (0.0, 0), (0.1, 1)],
    ids=["just below", "exactly", "just above"],
)
def test_only_a_reading_above_the_limit_sheds(excess_w: float, count: int) -> None:
    """R9."""
    assert len(shed_by(running(3), excess_w)) == count


@pytest.mark.parametrize(
    ("excess_w", "gone"),
    [
        (1.0, {"small"}),
        (500.0, {"small"}),
        (501.0, {"middle"}),
        (1000.0, {"middle"}),
        (1001.0, {"large"}),
        (2000.0, {"large"}),
        (2001.0, {"large", "small"}),
        (2500.0, {"large", "small"}),
        (2501.0, {"large", "middle"}),
        (3000.0, {"large", "middle"}),
        (3001.0, {"large", "middle", "small"}),
        (9000.0, {"large", "middle", "small"}),
    ],
)
def test_the_fewest_go_and_the_last_is_the_smallest_that_suffices(
    excess_w: float, gone: set[str]
) -> None:
    """R9, I14."""
    rig = running({"small": 500.0, "middle": 1000.0, "large": 2000.0})
    assert shed_by(rig, excess_w) == gone


def test_a_shed_goes_by_the_lower_credible_draw() -> None:
    """R9: an unmetered load is believed to bring power / safe_ratio at least."""
    rig = running({"a": 1300.0, "b": 1300.0}, safe_ratio=1.3)
    assert len(shed_by(rig, 1000.0)) == 1
    rig = running({"a": 1300.0, "b": 1300.0}, safe_ratio=1.3)
    assert len(shed_by(rig, 1001.0)) == 2


def test_low_priority_goes_first_even_if_more_have_to_go() -> None:
    """R9: lowest priority first."""
    loads = [
        a_load("low1", 500.0, priority=-1),
        a_load("low2", 500.0, priority=-1),
        a_load("high", 2000.0, priority=5),
        a_load("normal", 1000.0),
    ]
    house = a_house(loads, a_circuit(limit_w=100 * A, safe_ratio=1.0))
    rig = Rig(house, requested=True)
    rig.run(60.0)
    assert shed_by(rig, 900.0) == {"low1", "low2"}
    rig = Rig(house, requested=True)
    rig.run(60.0)
    assert shed_by(rig, 1600.0) == {"low1", "low2", "normal"}


def test_boosted_loads_go_last_whatever_their_priority() -> None:
    """R9: not boosted before boosted."""
    house = a_house(
        [a_load("boosted", priority=-1), a_load("plain", priority=5)],
        a_circuit(limit_w=100 * A, safe_ratio=1.0),
    )
    rig = Rig(house, requested=True)
    rig.run(30.0)
    rig.boost("boosted")
    rig.run(30.0)
    assert shed_by(rig, 100.0) == {"plain"}


def test_ties_go_to_the_greatest_share() -> None:
    """R9: among equals who had most goes first."""
    memory = Memory(
        loads={
            "a": LoadMemory(served_s=400.0, wanted_s=1000.0),
            "b": LoadMemory(served_s=600.0, wanted_s=1000.0),
            "c": LoadMemory(served_s=500.0, wanted_s=1000.0),
        }
    )
    house = a_house(3, a_circuit(limit_w=100 * A, safe_ratio=1.0))
    rig = Rig(house, requested=True, memory=memory)
    rig.run(60.0)
    assert shed_by(rig, 100.0) == {"b"}


def test_loads_known_to_be_idle_bring_no_relief() -> None:
    """R9: an idle load is not counted, the next one is taken instead."""
    loads = [
        a_load("idle", priority=-1, meter=a_meter("loads.idle.meter", 1150.0)),
        a_load("busy"),
    ]
    rig = Rig(a_house(loads, a_circuit(limit_w=100 * A, safe_ratio=1.0)), requested=True)
    rig.run(60.0)
    rig.heater_w["idle"] = 0.0
    rig.run(30.0)
    assert rig.load("idle").draw_w == 0.0
    assert "busy" in shed_by(rig, 100.0)


def test_the_shed_is_told_with_cause_reason_and_meter() -> None:
    """R9, R18: one decision, in the step of the reading."""
    rig = running(2)
    decision = rig.read(METER, 100 * A + 10.0)
    (decided,) = decision.decided
    assert (decided.cause, decided.circuit) == (Cause.OVERLOAD, "main")
    assert decided.meter_w == 100 * A + 10.0
    (switching,) = decided.switchings
    assert (switching.on, switching.reason) == (False, Reason.SHED)
    assert rig.load(switching.load).reason == Reason.SHED


def test_an_excess_on_a_parent_sheds_among_all_loads_below_it() -> None:
    """R9."""
    loads = [a_load("up", 2000.0, "upstairs"), a_load("down", 1000.0, "downstairs")]
    house = a_house(
        loads,
        a_circuit("main", 6000.0, safe_ratio=1.0),
        a_circuit("upstairs", 5000.0, parent="main", safe_ratio=1.0),
        a_circuit("downstairs", 5000.0, parent="main", safe_ratio=1.0),
    )
    rig = Rig(house, requested=True)
    rig.run(60.0)
    assert rig.on() == {"up", "down"}
    rig.base_w["main"] = 3500.0
    rig.run(1.2)
    assert rig.on() == {"up"}


def test_circuits_over_at_the_same_reading_are_solved_together() -> None:
    """R9: one OFF is counted for all the circuits that it relieves."""
    # given a load on three phases and one on each of them
    phases = ("l1", "l2", "l3")
    loads = [
        a_load("all", power_w_by_circuit=dict.fromkeys(phases, 1000.0)),
        *[a_load(f"on_{phase}", 1000.0, phase) for phase in phases],
    ]
    circuits = [a_circuit(phase, 6000.0, safe_ratio=1.0) for phase in phases]
    rig = Rig(a_house(loads, *circuits), requested=True)
    rig.run(60.0)
    assert len(rig.on()) == 4
    # when one message shows all three phases over
    since_s = rig.now_s
    rig.tell(
        MeterReadings(rig.now_s, {f"circuits.{phase}.meter": 6000.0 + 900.0 for phase in phases})
    )
    # then the one that relieves them all goes, alone
    assert [(each.load, each.on) for each in rig.commands(since_s)] == [("all", False)]


def test_a_lower_limit_is_judged_at_once_against_the_last_reading() -> None:
    """R9, F26."""
    rig = running(4)
    decision = rig.limit(3 * 5 * A)
    offs = [each for each in decision.commands if isinstance(each, SwitchRelay)]
    assert [each.on for each in offs] == [False]
    assert [each.cause for each in decision.decided] == [Cause.LIMIT]
    # and back up it is used again
    rig.run(200.0)
    rig.limit(100 * A)
    rig.run(60.0)
    assert len(rig.on()) == 4


def test_a_limit_of_nothing_switches_everything_off() -> None:
    """R9, I05."""
    rig = running(3)
    rig.limit(0.0)
    rig.run(1.0)
    assert rig.on() == set()
    rig.rotate()
    rig.run(600.0)
    assert rig.on() == set()


def test_min_on_does_not_protect_from_a_shed() -> None:
    """R8: shedding overrides min_on."""
    rig = Rig(a_house(1), requested=True)
    rig.run(10.0)
    assert rig.on() == {"a"}
    rig.base_w["main"] = 28 * A
    rig.run(1.2)
    assert rig.on() == set()


def test_a_load_just_switched_on_is_not_added_to_the_reading() -> None:
    """R2: for shedding the meter counts, not what may come."""
    rig = Rig(a_house(1), base_w=24 * A)
    rig.run(60.5)
    rig.request("a")
    rig.run(0.1)
    # when the next reading does not contain it yet, and is under the limit
    decision = rig.read(METER, 29 * A)
    assert decision.commands == ()


def test_what_was_just_shed_is_credited_until_it_settles() -> None:
    """R2: no second shed on readings that may still contain the first."""
    # given three of 1000 W, one shed for 900 W
    rig = running({"a": 1000.0, "b": 1000.0, "c": 1000.0})
    assert len(shed_by(rig, 900.0)) == 1
    rig.run(0.3)
    # then the same reading a moment later sheds nothing, a higher one sheds the difference
    assert shed_by(rig, 900.0) == set()
    assert shed_by(rig, 1000.0) == set()
    assert len(shed_by(rig, 1001.0)) == 1


@given(
    powers_w=st.lists(
        st.sampled_from([500.0, 800.0, 1000.0, 1500.0, 2000.0]), min_size=1, max_size=7
    ),
    excess_w=st.floats(1.0, 8000.0),
)
@several
def test_the_fewest_loads_go_and_the_last_is_the_smallest_that_suffices(
    powers_w: list[float], excess_w: float
) -> None:
    """I14, R9: against all subsets."""
    # given loads that draw what they are rated, all on
    loads = {f"load{number}": power_w for number, power_w in enumerate(powers_w)}
    house = a_house(loads, a_circuit(limit_w=sum(powers_w), safe_ratio=1.0))
    rig = Rig(house, requested=True)
    rig.run(60.0)
    assert len(rig.on()) == len(loads)
    # when a reading is so much over the limit
    since_s = rig.now_s
    rig.read(METER, sum(powers_w) + excess_w)
    gone = sorted(loads[each.load] for each in rig.commands(since_s, on=False))
    # then as few go as cover it, with the greatest first and the smallest sufficient one last
    fewest = next(
        (count for count in range(1, len(loads) + 1) if sum(sorted(powers_w)[-count:]) >= excess_w),
        len(loads),
    )
    greatest = sorted(powers_w)[len(powers_w) - fewest + 1 :]
    rest = sorted(powers_w)[: len(powers_w) - fewest + 1]
    last = [power_w for power_w in rest if sum(greatest) + power_w >= excess_w][:1] or rest[-1:]
    assert gone == sorted(greatest + last)
