"""R4, R6, R7: who may go on now, and who gets a turn.

A ``Book`` holds, per circuit, three rooms for heating in watts and the free places:

* measured: what the last readings leave, everything in flight counted (R4);
* earned: what our own loads gave back or what was there before (R7: used at once);
* proven: what the peak of non-heating power over ``restore_delay`` leaves (R7).

An ON needs the measured room; beside it a claim needs nothing, any other load the earned
room, or ``hysteresis`` times its power in the proven one.
"""

from collections.abc import Iterable, Mapping

from balancer.core import act, estimate, restrain, wish
from balancer.core.commands import Cause, NoteKind, Reason
from balancer.core.draft import Draft
from balancer.core.model import Circuit, Estimation
from balancer.core.state import INFINITY, CircuitState, LoadState

DOUBT_IDLE_S = 3600.0


def proven_w(draft: Draft, circuit: str) -> float:
    """Return the proven room, in watts; minus infinity while the window is too young."""
    peak_w = proven_peak_w(draft.house.circuits[circuit], draft.state.circuits[circuit], draft.at_s)
    return -INFINITY if peak_w is None else _beside_ours_w(draft, circuit) - peak_w


def _beside_ours_w(draft: Draft, circuit: str) -> float:
    """Return the proven room that a peak of nothing would leave, in watts."""
    house, state = draft.house, draft.state
    own, cs = house.circuits[circuit], state.circuits[circuit]
    if own.estimation is Estimation.EXTERNAL and estimate.checked(own):
        return -estimate.live_rated_w(house, state, circuit)
    room_w = cs.limit_w - own.reserve_w
    if own.estimation is Estimation.INDIVIDUAL:
        return room_w - estimate.live_rated_w(house, state, circuit)
    for name in estimate.live_loads(house, state, circuit):
        ls = state.loads[name]
        if ls.flight is not None and ls.flight.on:  # the peak was measured without it
            room_w -= estimate.rated_w(house, state, circuit, name)
        elif not estimate.stuck(ls):
            room_w -= estimate.draw_w(house, state, circuit, name)
    return room_w


def proven_at_s(circuit: Circuit, cs: CircuitState, most_w: float) -> float:
    """Return when the window's peak is a power or less, if no reading comes; infinite: never."""
    if cs.window_since_s is None:
        return INFINITY
    at_s = cs.window_since_s + circuit.restore_delay_s
    for peak in cs.window:
        if peak.power_w <= most_w + estimate.TINY_W:
            return at_s
        at_s = max(at_s, peak.at_s + circuit.restore_delay_s)
    return INFINITY


def proven_peak_w(circuit: Circuit, cs: CircuitState, at_s: float) -> float | None:
    """Return the peak of the window, in watts; None while it is too young or empty."""
    delay_s = circuit.restore_delay_s
    if cs.window_since_s is None or at_s < cs.window_since_s + delay_s:
        return None
    if not cs.window:
        return None  # every reading since had something in flight
    recent = (each.power_w for each in cs.window if each.at_s + delay_s > at_s)
    return next(recent, cs.window[-1].power_w)  # it falls: the first is the peak


def measured_w(draft: Draft, circuit: str) -> float:
    """Return the measured room, in watts (R4); minus infinity while readings miss."""
    house, state = draft.house, draft.state
    own = house.circuits[circuit]
    if estimate.excess_w(house, state, circuit) > estimate.TINY_W:
        return -INFINITY  # an overload ends with a reading, not on paper
    if own.estimation is Estimation.GLOBAL:
        meter_w = estimate.admission_meter_w(house, state, circuit)
        if meter_w is None:
            return -INFINITY
        return state.circuits[circuit].limit_w - own.reserve_w - meter_w
    if not estimate.checked(own):
        return INFINITY
    available_w = estimate.available_w(house, state, circuit)
    if available_w is None:
        return -INFINITY
    return (
        available_w
        - estimate.unheard_w(house, state, circuit)
        - sum(
            estimate.rated_w(house, state, circuit, name)
            for name in estimate.live_loads(house, state, circuit)
            if own.estimation is Estimation.EXTERNAL or not estimate.stuck(state.loads[name])
        )
    )


def earn(draft: Draft, circuit: str) -> None:
    """Follow a reading with nothing in flight (R7).

    What it takes away is lost; while nobody waits, what the peak leaves is there for
    whoever asks.
    """
    house, state = draft.house, draft.state
    cs = draft.circuit(circuit)
    live_w = estimate.live_rated_w(house, state, circuit)
    own = house.circuits[circuit]
    if own.estimation is Estimation.GLOBAL:
        reading = estimate.last_reading(state, own)
        assert reading is not None, circuit
        level_w = live_w + cs.limit_w - own.reserve_w - reading.power_w
    else:
        room_w = measured_w(draft, circuit)
        level_w = live_w + (room_w if room_w > -INFINITY else 0.0)  # over the limit: no more
    if not any(
        name in state.wanted and not state.loads[name].on for name in house.loads_of[circuit]
    ):
        cs.usable_w = max(cs.usable_w, live_w + proven_w(draft, circuit))
    cs.usable_w = min(cs.usable_w, level_w)


class Book:
    """The rooms and places of all circuits, as they are given away within one step."""

    def __init__(self, draft: Draft) -> None:
        house, state = draft.house, draft.state
        self.draft = draft
        self.measured_w: dict[str, float] = {}
        self.earned_w: dict[str, float] = {}
        self.proven_w: dict[str, float] = {}
        self.places: dict[str, int] = {}
        self._beside_w: dict[str, float] = {}
        for circuit in house.circuits:
            self.measured_w[circuit] = measured_w(draft, circuit)
            self.earned_w[circuit] = state.circuits[circuit].usable_w - estimate.live_rated_w(
                house, state, circuit
            )
            self._beside_w[circuit] = _beside_ours_w(draft, circuit)
            peak_w = proven_peak_w(house.circuits[circuit], state.circuits[circuit], draft.at_s)
            self.proven_w[circuit] = (
                -INFINITY if peak_w is None else self._beside_w[circuit] - peak_w
            )
            places = restrain.places_left(house, state, circuit)
            if places is not None:
                self.places[circuit] = places

    def need_w(self, name: str) -> dict[str, float]:
        """Return what a load needs on each of its circuits, in watts."""
        house, state = self.draft.house, self.draft.state
        return {
            circuit: estimate.rated_w(house, state, circuit, name)
            for circuit in house.power_w[name]
        }

    def fits(self, need_w: Mapping[str, float], places: int = 1) -> bool:
        """Return whether the measured room and the caps take it (R4).

        Args:
            need_w: Watts by circuit.
            places: 0 for a dead relay that is tried again: its place is taken already.
        """
        return all(
            watts <= self.measured_w[circuit] + estimate.TINY_W
            and self.places.get(circuit, places) >= places
            for circuit, watts in need_w.items()
        )

    def at_once(self, need_w: Mapping[str, float]) -> bool:
        """Return whether the room needs no waiting for hysteresis, or has waited (R7)."""
        circuits = self.draft.house.circuits
        return all(
            watts <= self.earned_w[circuit] + estimate.TINY_W
            or watts * circuits[circuit].hysteresis <= self.proven_w[circuit] + estimate.TINY_W
            for circuit, watts in need_w.items()
        )

    def at_once_s(self, need_w: Mapping[str, float]) -> float:
        """Return from when on ``at_once`` is true, if no reading comes; infinite: never."""
        circuits, states = self.draft.house.circuits, self.draft.state.circuits
        at_s = -INFINITY
        for circuit, watts in need_w.items():
            if watts > self.earned_w[circuit] + estimate.TINY_W:
                own = circuits[circuit]
                most_w = self._beside_w[circuit] - watts * own.hysteresis
                at_s = max(at_s, proven_at_s(own, states[circuit], most_w))
        return at_s

    def take(self, need_w: Mapping[str, float]) -> None:
        """Give room and places away."""
        for circuit, watts in need_w.items():
            self.measured_w[circuit] -= watts
            self.earned_w[circuit] -= watts
            self.proven_w[circuit] -= watts
            self._beside_w[circuit] -= watts
            if circuit in self.places:
                self.places[circuit] -= 1

    def turns_w(self, circuit: str) -> float:
        """Return the room that a tick may give away beyond the places held (R6, R7)."""
        return min(self.measured_w[circuit], max(self.earned_w[circuit], self.proven_w[circuit]))


def waiting(draft: Draft) -> list[str]:
    """Return the wanted loads that are off, may be switched and may be tried, claims first."""
    house, state = draft.house, draft.state
    names = [
        name
        for name in house.loads
        if name in state.wanted
        and not (ls := state.loads[name]).on
        and (
            (not ls.live and wish.controllable(state, name))
            or (ls.fault and _to_be_tried(draft, ls))
        )
    ]
    if not names:
        return names
    barred = wish.unready(house, state) | {
        name for name, cs in state.circuits.items() if cs.blind or cs.suspect
    }
    open_ = [name for name in names if barred.isdisjoint(house.power_w[name])]
    return sorted(wish.in_order(house, state, open_), key=lambda name: not state.loads[name].claim)


def _to_be_tried(draft: Draft, ls: LoadState) -> bool:
    """Return whether the time has come for a dead relay, which counts as on."""
    return ls.dead and ls.reconciled and draft.at_s >= ls.retry_s and ls.online is not False


def fill(draft: Draft) -> float:
    """Switch on what fits, in R5's order; claims keep their room until they can (R6, R10).

    Returns:
        When the windows prove room for somebody who fits already, infinite if for nobody.
    """
    house, state = draft.house, draft.state
    again_s = INFINITY
    if not (state.started and state.connected) or state.stopping:
        return again_s
    names = waiting(draft)
    if not names:
        return again_s
    bridges = act.bridge_places(draft, after_due=True)
    if min(bridges.values(), default=0) < 0:
        return again_s  # every OFF of a plan is on the wire before its first ON (R10)
    admitted: list[str] = []
    book = Book(draft)
    for name in names:
        ls = state.loads[name]
        rested = draft.at_s >= restrain.rested_s(house, name, ls)
        if not rested and not ls.claim:
            continue
        need_w = book.need_w(name)
        fits = book.fits(need_w, places=int(not ls.live))
        if rested and fits and (ls.claim or book.at_once(need_w)):
            admitted.append(name)
            book.take(need_w)
        elif ls.claim:
            book.take(need_w)
        else:
            if fits:
                again_s = min(again_s, book.at_once_s(need_w))
            if ls.asked is not None:
                draft.load(name).asked = None
    sent = _to_be_sent(draft, admitted, bridges)
    for name in admitted:
        if name in sent:
            _switch_on(draft, name)
    return again_s


def _to_be_sent(draft: Draft, admitted: Iterable[str], bridges: dict[str, int]) -> set[str]:
    """Return what the bridges take now, largest first (R11); the rest is judged anew later."""
    loads, rated_w = draft.house.loads, draft.house.rated_w
    sent = set()
    for name in sorted(admitted, key=lambda name: -rated_w[name]):
        bridge = loads[name].relay.bridge
        if bridge in bridges:
            if bridges[bridge] <= 0:
                continue
            bridges[bridge] -= 1
        sent.add(name)
    return sent


def _switch_on(draft: Draft, name: str) -> None:
    house, state = draft.house, draft.state
    ls = state.loads[name]
    if ls.fault:
        cause = Cause.RETRY
        draft.load(name).retry_s = draft.at_s + act.DEAD_RETRY_S
    elif ls.put_right:
        cause = Cause.FOREIGN
    elif ls.claim:
        cause = Cause.ROTATION
    else:
        cause = ls.asked or Cause.RESTORE
    boosted = wish.boosted(ls, draft.at_s)
    reason = Reason.BOOSTED if boosted else Reason.SERVING
    act.decide(draft, name, on=True, cause=cause, reason=reason)
    for circuit in house.power_w[name]:
        cs = draft.circuit(circuit)
        cs.usable_w = max(cs.usable_w, estimate.live_rated_w(house, state, circuit))


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
        for name in waiting(draft)
        if wish.controllable(state, name)
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
    places = dict(book.places)
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
            draft.load(name).too_big = _too_big(draft, book, name)
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
    if mine != its:
        return mine > its
    lead = wish.share(house, state, other) - wish.share(house, state, name)
    return lead > wish.LEAST_LEAD


def _too_big(draft: Draft, book: Book, name: str) -> bool:
    """Return whether a load would not fit even if no other of ours were on."""
    house, state = draft.house, draft.state
    for circuit, watts in book.need_w(name).items():
        ours_w = sum(
            estimate.rated_w(house, state, circuit, other)
            for other in house.loads_of[circuit]
            if state.loads[other].on
        )
        if watts > book.measured_w[circuit] + ours_w + estimate.TINY_W:
            return True
    return False
