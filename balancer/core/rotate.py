"""R6: at a tick the turns are given anew: who gets a place, who gives one up."""

from collections.abc import Iterable

from balancer.core import act, estimate, restrain, wish
from balancer.core.book import Book
from balancer.core.commands import Cause, NoteKind, Reason
from balancer.core.draft import Draft
from balancer.core.state import INFINITY, LoadState

DOUBT_IDLE_S = 3600.0


def turn(draft: Draft, *, asked: bool) -> None:
    """Give the turns anew at a tick; one that somebody asks for waits until it can be planned.

    What was just switched stands twice in the way: in the reading, and reserved. It is waited
    for until two readings must have shown it, and after a reconnect until the relays have
    answered and the meters have spoken: nobody asks twice, while the clock does.

    Args:
        draft: Changed.
        asked: Somebody asks now.
    """
    house, state = draft.house, draft.state
    if not asked and state.turns_by_s == INFINITY:
        rotate(draft)
        return
    out_of_reach = not (state.connected and all(ls.reconciled for ls in state.loads.values()))
    if out_of_reach or state.turns_by_s == INFINITY:
        wait_s = max(estimate.shown_within_s(house, state, circuit) for circuit in house.circuits)
        state.turns_by_s = draft.at_s + wait_s
    if out_of_reach:
        return
    under_way = any(ls.flight and not ls.flight.doubted for ls in state.loads.values())
    if draft.at_s >= state.turns_by_s or not (under_way or wish.unready(house, state)):
        state.turns_by_s = INFINITY
        wish.accrue(draft)
        rotate(draft)


def rotate(draft: Draft) -> None:
    """Give the turns anew (R6): exchange places, hand out claims."""
    house, state = draft.house, draft.state
    if not (state.started and state.connected) or state.stopping:
        return
    draft.note(NoteKind.ROTATED, "")
    if state.away:
        return
    first = boost_exception(draft)
    queue = [
        name
        for name in wish.waiting(draft)
        if wish.has_turn(state, name)
        and draft.at_s >= restrain.rested_s(house, name, state.loads[name])
    ]
    queue = wish.in_order(house, state, queue)
    if first in queue:
        queue.remove(first)
        queue.insert(0, first)
    keepers = [name for name in house.loads if state.loads[name].on and wish.contends(state, name)]
    chosen, displaced = exchange(draft, queue, keepers, first)
    for name in reversed(wish.in_order(house, state, displaced)):
        act.decide(draft, name, on=False, cause=Cause.ROTATION, reason=Reason.WAITING)
    holders = {*chosen, *keepers} - set(displaced)
    for name in house.loads:
        if state.loads[name].claim is not (name in holders):
            draft.load(name).claim = name in holders


def boost_exception(draft: Draft) -> str | None:
    """Return who goes first at this tick although others are boosted, None for nobody (R5)."""
    house, state = draft.house, draft.state
    wanted = [name for name in house.loads if wish.contends(state, name)]
    boosted = [name for name in wanted if wish.boosted(state.loads[name], draft.at_s)]
    plain = [name for name in wanted if name not in boosted]
    if not boosted or not plain or all(state.loads[name].on for name in wanted):
        state.boost_tick = False
        return None
    turn, state.boost_tick = state.boost_tick, not state.boost_tick
    left = [name for name in plain if not state.loads[name].on]
    return wish.in_order(house, state, left)[0] if turn and left else None


def exchange(
    draft: Draft, queue: Iterable[str], keepers: list[str], first: str | None
) -> tuple[list[str], list[str]]:
    """Return who of the waiting gets a place, and who of the running gives one up.

    Args:
        draft: The step; ``too_big`` of the waiting is set.
        queue: Waiting loads, in the order in which they are served.
        keepers: Loads that are on and wanted.
        first: A waiting load that outranks everybody (R5), or None.
    """
    house, state = draft.house, draft.state
    book = Book(draft)
    room_w = {circuit: book.turns_w(circuit) for circuit in house.circuits}
    places = {
        circuit: left
        for circuit in house.circuits
        if (left := book.room(circuit).places) is not None
    }
    movable = [
        name
        for name in reversed(wish.in_order(house, state, keepers))
        if draft.at_s >= restrain.released_s(house, name, state.loads[name])
        and not restrain.on_its_way(state.loads[name])
    ]
    needs = {name: book.need_w(name) for name in [*queue, *keepers]}
    for name in keepers:
        if _long_idle(draft, state.loads[name]):
            needs[name] = {circuit: 2.0 * watts for circuit, watts in needs[name].items()}
    chosen: list[str] = []
    displaced: list[str] = []

    def shift(name: str, sign: int) -> None:
        for circuit, watts in needs[name].items():
            room_w[circuit] += sign * watts
            if circuit in places:
                places[circuit] += sign

    def short(name: str) -> set[str]:
        return {
            circuit
            for circuit, watts in needs[name].items()
            if watts > room_w[circuit] + estimate.TINY_W or places.get(circuit, 1) <= 0
        }

    for name in queue:
        given_up: list[str] = []
        for other in movable:
            missing = short(name)
            if not missing:
                break
            if (
                other not in displaced
                and missing & needs[other].keys()
                and (name == first or _outranks(draft, name, other))
            ):
                given_up.append(other)
                shift(other, 1)
        if short(name):
            draft.load(name).too_big = book.too_big(name)
            for other in given_up:
                shift(other, -1)
            continue
        draft.load(name).too_big = False
        shift(name, -1)
        for other in reversed(given_up):  # whoever need not go stays
            shift(other, -1)
            if any(room_w[c] < -estimate.TINY_W or places.get(c, 0) < 0 for c in needs[other]):
                shift(other, 1)
                displaced.append(other)
        chosen.append(name)
    return chosen, displaced


def _long_idle(draft: Draft, ls: LoadState) -> bool:
    """Return whether a load counts as idle for so long that it may be a mistake (R14).

    Then its power stands twice in the way: in the reading, and reserved. Giving up its place
    frees both, or tells that it was idle; the next ON waits for what the meter says anyway.
    """
    return ls.idle and ls.changed_s is not None and draft.at_s - ls.changed_s >= DOUBT_IDLE_S


def _outranks(draft: Draft, name: str, other: str) -> bool:
    house, state = draft.house, draft.state
    mine, its = wish.rank_class(house, state, name), wish.rank_class(house, state, other)
    if mine != its or state.loads[name].fault:  # a dead one's share has stood still meanwhile
        return mine >= its
    lead = wish.share(house, state, other) - wish.share(house, state, name)
    return lead > wish.LEAST_LEAD
