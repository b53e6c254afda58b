"""R9: a reading over the limit sheds in that same step, whatever it takes.

What is over is a list of constraints: a circuit, its excess, and what each load on it
would relieve. Constraints of one reading are solved together, one OFF counted for all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from balancer.core import act, estimate, shown, wish
from balancer.core.commands import Cause, NoteKind, Reason
from balancer.core.draft import Draft
from balancer.core.model import Estimation
from balancer.core.state import INFINITY, Reading


@dataclass(frozen=True, slots=True)
class Constraint:
    """A circuit that takes too much.

    Attributes:
        excess_w: Predicted power above what it may take, in watts; positive.
        relief_w: By load, what its OFF is believed to relieve at least, in watts.
    """

    circuit: str
    excess_w: float
    relief_w: Mapping[str, float]


def shed(draft: Draft, cause: Cause) -> bool:
    """Switch off what brings every circuit under its limit (R9); return whether anything is."""
    constraints = over(draft)
    _forget_unsheddable(draft, {each.circuit for each in constraints})
    if not constraints:
        return False
    wish.accrue(draft)  # ties go to the greatest share
    picked, left_w = pick(draft, constraints)
    by_circuit = dict.fromkeys(each.circuit for each in constraints)
    for circuit in by_circuit:
        _keep_peak(draft, circuit)
        shown.learn_from_overload(draft, circuit, picked)
    for name in picked:
        circuit = next(each for each in draft.house.power_w[name] if each in by_circuit)
        act.decide(draft, name, on=False, cause=cause, reason=Reason.SHED, circuit=circuit)
        draft.load(name).shed = True
    for circuit in by_circuit:
        _after_shed(draft, circuit)
        if not picked and left_w[circuit] > estimate.TINY_W:
            _say_unsheddable(draft, circuit, left_w[circuit])
    return bool(picked)


def _say_unsheddable(draft: Draft, circuit: str, excess_w: float) -> None:
    """Nothing of ours is left to switch off, or under way: say so once (R9)."""
    house, state = draft.house, draft.state
    reading = estimate.last_reading(state, house.circuits[circuit])
    if state.circuits[circuit].unsheddable or (
        reading is not None and estimate.credit_w(house, state, circuit, reading) > 0.0
    ):
        return
    draft.circuit(circuit).unsheddable = True
    draft.note(NoteKind.UNSHEDDABLE, circuit, excess_w)


def _forget_unsheddable(draft: Draft, over_now: set[str]) -> None:
    for name, cs in draft.state.circuits.items():
        if not cs.unsheddable or name in over_now:
            continue
        reading = estimate.last_reading(draft.state, draft.house.circuits[name])
        if reading is None or reading.power_w <= cs.limit_w:
            draft.circuit(name).unsheddable = False


def _after_shed(draft: Draft, circuit: str) -> None:
    """Claims end, and what room is left now has to be earned anew (R6, R7)."""
    for name in draft.house.loads_of[circuit]:
        if draft.state.loads[name].claim and not draft.state.loads[name].on:
            draft.load(name).claim = False
    on_w = sum(
        estimate.rated_w(draft.house, draft.state, circuit, name)
        for name in draft.house.loads_of[circuit]
        if draft.state.loads[name].on
    )
    cs = draft.circuit(circuit)
    cs.usable_w = min(cs.usable_w, on_w)
    cs.window_since_s = draft.at_s  # what a shed leaves over is proven like any other room


def _keep_peak(draft: Draft, circuit: str) -> None:
    """Let the peak window know of an overload that came with switchings in flight (R7).

    Where appliances have never been heard it begins with what they count for.
    """
    house, state = draft.house, draft.state
    own = house.circuits[circuit]
    if own.estimation is Estimation.INDIVIDUAL and not state.circuits[circuit].window:
        most_w = estimate.non_heating_w(house, state, circuit)
        assert most_w is not None, circuit
        draft.circuit(circuit).window = (Reading(draft.at_s, most_w),)
    reading = estimate.last_reading(state, own)
    if (
        own.estimation is not Estimation.GLOBAL
        or reading is None
        or reading.at_s != draft.at_s
        or not estimate.in_flight(house, state, circuit, reading)
    ):
        return
    other_w = estimate.non_heating_w(house, state, circuit)
    assert other_w is not None, circuit
    peak_w = max(0.0, other_w - estimate.credit_w(house, state, circuit, reading))
    cs = draft.circuit(circuit)
    kept = [each for each in cs.window if each.power_w > peak_w]
    cs.window = (*kept, Reading(draft.at_s, peak_w))
    cs.window_since_s = draft.at_s if cs.window_since_s is None else cs.window_since_s


def over(draft: Draft) -> list[Constraint]:
    """Return the circuits that take too much, by their meters or by their budgets."""
    constraints: list[Constraint | None] = []
    for circuit in draft.house.circuits:
        constraints += (_over_limit(draft, circuit), _over_budget(draft, circuit))
    return [each for each in constraints if each is not None]


def _candidates(draft: Draft, circuit: str) -> list[str]:
    loads = draft.state.loads
    return [
        name
        for name in draft.house.loads_of[circuit]
        if loads[name].live and ((flight := loads[name].flight) is None or flight.on)
    ]


def _over_limit(draft: Draft, circuit: str) -> Constraint | None:
    house, state = draft.house, draft.state
    excess_w = estimate.excess_w(house, state, circuit)
    reading = estimate.last_reading(state, house.circuits[circuit])
    if reading is None or excess_w <= estimate.TINY_W:
        return None
    excess_w -= estimate.credit_w(house, state, circuit, reading)
    if excess_w <= estimate.TINY_W:
        return None
    return Constraint(
        circuit,
        excess_w,
        {
            name: estimate.relief_w(house, state, circuit, name)
            for name in _candidates(draft, circuit)
        },
    )


def _over_budget(draft: Draft, circuit: str) -> Constraint | None:
    house, state = draft.house, draft.state
    own = house.circuits[circuit]
    if own.estimation is Estimation.GLOBAL:
        return None
    available_w = estimate.available_w(house, state, circuit)
    if available_w is None:
        return None
    if own.estimation is Estimation.INDIVIDUAL:
        available_w += own.reserve_w
    taken_w = dict.fromkeys(_candidates(draft, circuit), 0.0)
    for name in estimate.live_loads(house, state, circuit):
        ls = state.loads[name]
        if own.estimation is Estimation.INDIVIDUAL and estimate.stuck(ls):
            continue  # already added to what is not heating (R11)
        if not ls.reconciled and not ls.on:
            continue  # it is being asked; unknown for long it gets OFF anyway (R15)
        if ls.flight is None or ls.flight.on or ls.flight.doubted:
            taken_w[name] = estimate.rated_w(house, state, circuit, name)
    excess_w = sum(taken_w.values()) - available_w
    if excess_w <= estimate.TINY_W:
        return None
    return Constraint(
        circuit, excess_w, {name: taken_w[name] for name in _candidates(draft, circuit)}
    )


def pick(
    draft: Draft, constraints: Sequence[Constraint]
) -> tuple[tuple[str, ...], dict[str, float]]:
    """Return the loads to switch off and, by circuit, the excess that is left.

    Not boosted before boosted, lowest priority first; within a class the fewest that cover
    the excess, the last of them the smallest that suffices, ties to the greatest share.
    """
    house, state = draft.house, draft.state
    left = [each.excess_w for each in constraints]
    reliefs = [each.relief_w for each in constraints]
    candidates = dict.fromkeys(name for relief_w in reliefs for name in relief_w)
    classes: dict[tuple[bool, int], list[Candidate]] = {}
    for name in candidates:
        relief = tuple([relief_w.get(name, 0.0) for relief_w in reliefs])
        ties = (-wish.share(house, state, name), house.rank[name])
        of_class = wish.rank_class(house, state, name)
        classes.setdefault(of_class, []).append(Candidate(name, relief, ties))
    picked: list[str] = []
    for of_class in sorted(classes):
        members = sorted(classes[of_class], key=attrgetter("ties"))
        while members and max(left) > estimate.TINY_W:
            choice = _choose(members, left)
            if choice is None:
                break
            members.remove(choice)
            picked.append(choice.name)
            left = [excess - watts for excess, watts in zip(left, choice.relief_w, strict=True)]
    short = {
        each.circuit
        for each, excess in zip(constraints, left, strict=True)
        if excess > estimate.TINY_W
    }
    if short:  # idle loads relieve nothing now, but nothing else is left to switch off
        picked.extend(
            name
            for name in candidates
            if name not in picked
            and any(name in each.relief_w and each.circuit in short for each in constraints)
        )
    remaining: dict[str, float] = {}
    for each, excess in zip(constraints, left, strict=True):
        remaining[each.circuit] = max(excess, remaining.get(each.circuit, -INFINITY))
    return tuple(picked), remaining


class Candidate(NamedTuple):
    """A load that could go off.

    Attributes:
        relief_w: What it relieves of each constraint, in watts.
        ties: Compared where reliefs are equal; the least goes first.
    """

    name: str
    relief_w: tuple[float, ...]
    ties: tuple[float, int]


def _choose(members: Sequence[Candidate], left: Sequence[float]) -> Candidate | None:
    """Return the smallest that suffices alone, else the one that relieves most; None: none does.

    Args:
        members: In the order that breaks ties.
        left: Excess by constraint, in watts.
    """
    open_ = [index for index, excess in enumerate(left) if excess > estimate.TINY_W]
    if len(open_) == 1:  # as a rule; the same at a tenth of the cost
        (index,) = open_
        watts = [each.relief_w[index] for each in members]
        enough_w = min(
            (each for each in watts if each >= left[index] - estimate.TINY_W), default=max(watts)
        )
        return members[watts.index(enough_w)] if enough_w > estimate.TINY_W else None
    smallest: Candidate | None = None
    most: Candidate | None = None
    smallest_w, most_w = INFINITY, estimate.TINY_W
    for each in members:
        relief_w = each.relief_w
        useful_w = whole_w = 0.0
        suffices = True
        for index in open_:
            watts_w = relief_w[index]
            whole_w += watts_w
            if watts_w < left[index] - estimate.TINY_W:
                suffices = False
                useful_w += watts_w
            else:
                useful_w += left[index]
        if suffices and whole_w < smallest_w:
            smallest, smallest_w = each, whole_w
        if useful_w > most_w:
            most, most_w = each, useful_w
    return smallest or most
