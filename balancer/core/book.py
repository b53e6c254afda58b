"""R4, R7: the room that heating has on each circuit, and who it is given to within one step.

There are three of them, in watts:

* measured: what the last readings leave, everything in flight counted (R4);
* earned: what our own loads gave back or what was there before (R7: used at once);
* proven: what the peak of non-heating power over ``restore_delay`` leaves (R7).

An ON needs the measured room; beside it a claim needs nothing, any other load the earned
room, or ``hysteresis`` times its power in the proven one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from balancer.core import estimate, restrain
from balancer.core.draft import Draft
from balancer.core.model import Circuit, Estimation, House
from balancer.core.state import INFINITY, CircuitState, State


@dataclass(slots=True)
class Room:
    """What one circuit has left.

    Attributes:
        measured_w: The measured room, in watts.
        places: Left under its cap; None: no cap.
        proofs: None until somebody asks for them.
    """

    measured_w: float
    places: int | None
    proofs: "Proofs | None" = None


@dataclass(slots=True)
class Proofs:
    """The rooms that say whether what fits may go on at once (R7), in watts.

    Attributes:
        earned_w: The earned room.
        proven_w: The proven one.
        beside_w: What would be proven if the window's peak were nothing.
    """

    earned_w: float
    proven_w: float
    beside_w: float


class Book:
    """The rooms and places of all circuits, as they are given away within one step.

    A circuit is looked at when somebody asks for it, as it is then: ask before switching.
    """

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self._rooms: dict[str, Room] = {}

    def room(self, circuit: str) -> Room:
        """Return what is left of a circuit."""
        room = self._rooms.get(circuit)
        if room is None:
            draft = self.draft
            room = self._rooms[circuit] = Room(
                measured_w(draft.house, draft.state, circuit),
                restrain.places_left(draft.house, draft.state, circuit),
            )
        return room

    def proofs(self, circuit: str) -> Proofs:
        """Return what of it may be used at once."""
        room = self.room(circuit)
        if room.proofs is None:
            house, state = self.draft.house, self.draft.state
            own, cs = house.circuits[circuit], state.circuits[circuit]
            beside_w = _beside_ours_w(self.draft, circuit)
            peak_w = proven_peak_w(own, cs, self.draft.at_s)
            room.proofs = Proofs(
                earned_w=cs.usable_w - estimate.live_rated_w(house, state, circuit),
                proven_w=-INFINITY if peak_w is None else beside_w - peak_w,
                beside_w=beside_w,
            )
        return room.proofs

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
        for circuit, watts in need_w.items():
            room = self.room(circuit)
            if watts > room.measured_w + estimate.TINY_W:
                return False
            if room.places is not None and room.places < places:
                return False
        return True

    def too_big(self, name: str) -> bool:
        """Return whether a load would not fit even if no other of ours were on.

        Ask before anything is taken, and while nothing is in flight: what was just switched off
        is no longer ours, and still in the reading.
        """
        house, state = self.draft.house, self.draft.state
        for circuit, watts in self.need_w(name).items():
            ours_w = sum(
                estimate.rated_w(house, state, circuit, other)
                for other in house.loads_of[circuit]
                if state.loads[other].on
            )
            room_w = self.room(circuit).measured_w
            if room_w == -INFINITY:
                room_w = self._last_room_w(circuit)
            if watts > room_w + ours_w + estimate.TINY_W:
                return True
        return False

    def _last_room_w(self, circuit: str) -> float:
        """Return what the last reading leaves, over the limit or not; infinite without one."""
        own, state = self.draft.house.circuits[circuit], self.draft.state
        reading = estimate.last_reading(state, own)
        if reading is None:
            return INFINITY
        return state.circuits[circuit].limit_w - own.reserve_w - reading.power_w

    def at_once(self, need_w: Mapping[str, float]) -> bool:
        """Return whether the room needs no waiting for hysteresis, or has waited (R7)."""
        for circuit, watts in need_w.items():
            proofs = self.proofs(circuit)
            hysteresis = self.draft.house.circuits[circuit].hysteresis
            if (
                watts > proofs.earned_w + estimate.TINY_W
                and watts * hysteresis > proofs.proven_w + estimate.TINY_W
            ):
                return False
        return True

    def at_once_s(self, need_w: Mapping[str, float]) -> float:
        """Return from when on ``at_once`` is true, if no reading comes; infinite: never."""
        circuits, states = self.draft.house.circuits, self.draft.state.circuits
        at_s = -INFINITY
        for circuit, watts in need_w.items():
            proofs = self.proofs(circuit)
            if watts > proofs.earned_w + estimate.TINY_W:
                own = circuits[circuit]
                most_w = proofs.beside_w - watts * own.hysteresis
                at_s = max(at_s, _proven_at_s(own, states[circuit], most_w))
        return at_s

    def take(self, need_w: Mapping[str, float]) -> None:
        """Give room and places away."""
        for circuit, watts in need_w.items():
            room, proofs = self.room(circuit), self.proofs(circuit)
            room.measured_w -= watts
            proofs.earned_w -= watts
            proofs.proven_w -= watts
            proofs.beside_w -= watts
            if room.places is not None:
                room.places -= 1

    def turns_w(self, circuit: str) -> float:
        """Return the room that a tick may give away beyond the places held (R6, R7)."""
        proofs = self.proofs(circuit)
        return min(self.room(circuit).measured_w, max(proofs.earned_w, proofs.proven_w))


def _proven_w(draft: Draft, circuit: str) -> float:
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


def _proven_at_s(circuit: Circuit, cs: CircuitState, most_w: float) -> float:
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


def measured_w(house: House, state: State, circuit: str) -> float:
    """Return the measured room, in watts (R4); minus infinity while readings miss."""
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
        room_w = measured_w(house, state, circuit)
        level_w = live_w + (room_w if room_w > -INFINITY else 0.0)  # over the limit: no more
    if not any(
        name in state.wanted and not state.loads[name].on for name in house.loads_of[circuit]
    ):
        cs.usable_w = max(cs.usable_w, live_w + _proven_w(draft, circuit))
    cs.usable_w = min(cs.usable_w, level_w)
