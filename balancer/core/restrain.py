"""R4, R8, R13, R16: what takes loads off beside a shed: away, ended requests, caps, blindness."""

from balancer.core import act, estimate, wish
from balancer.core.commands import Cause, NoteKind, Reason
from balancer.core.draft import Draft
from balancer.core.model import Circuit, House, Meter
from balancer.core.state import CircuitState, LoadState, State

GOOD_READINGS = 3


def cap(circuit: Circuit, cs: CircuitState) -> int | None:
    """Return the greatest number of active loads, None without ``steps`` (R4)."""
    if circuit.steps is None:
        return None
    return circuit.steps[0 if cs.mode is None else cs.mode]


def shown_mode(circuit: Circuit, cs: CircuitState, active: int) -> int | None:
    """Return the power-saving mode: as set, else the most saving that allows what is on."""
    if circuit.steps is None:
        return None
    if cs.mode is not None:
        return cs.mode
    allowing = [mode for mode, most in enumerate(circuit.steps) if most >= active]
    return max(allowing, default=0)


def active(house: House, state: State, circuit: str) -> int:
    """Return how many loads of a circuit are on, as the balancer wants it."""
    return sum(state.loads[name].on for name in house.loads_of[circuit])


def places_left(house: House, state: State, circuit: str) -> int | None:
    """Return how many more loads may be on, counting all that may be; None without a cap."""
    most = cap(house.circuits[circuit], state.circuits[circuit])
    if most is None:
        return None
    return most - sum(1 for _ in estimate.live_loads(house, state, circuit))


def release(draft: Draft, cause: Cause) -> None:
    """Switch off what is no longer wanted: at once when away or stopping, else after min_on."""
    house, state = draft.house, draft.state
    for name in house.loads:
        ls = state.loads[name]
        if not ls.on:
            if (state.away or state.stopping) and ls.live and ls.flight is None and state.started:
                _off(draft, name)
            continue
        if state.away or state.stopping:
            _off(draft, name)
        elif (
            name not in state.wanted
            and not wish.left_alone(ls, draft.at_s)
            and draft.at_s >= released_s(house, name, ls)
            and not on_its_way(ls)
        ):
            act.decide(draft, name, on=False, cause=cause, reason=Reason.IDLE)


def _off(draft: Draft, name: str) -> None:
    if draft.state.stopping:
        act.decide(draft, name, on=False, cause=Cause.STOP, reason=Reason.IDLE)
    else:
        act.decide(draft, name, on=False, cause=Cause.AWAY, reason=Reason.AWAY)


def on_its_way(ls: LoadState) -> bool:
    """Return whether an ON is not confirmed yet: ``min_on`` has not even begun."""
    return ls.flight is not None and ls.flight.on and ls.flight.confirmed_s is None


def released_s(house: House, name: str, ls: LoadState) -> float:
    """Return when ``min_on`` of a load that is on ends (R8)."""
    return -1.0 if ls.changed_s is None else ls.changed_s + house.loads[name].min_on_s


def rested_s(house: House, name: str, ls: LoadState) -> float:
    """Return when ``min_off`` of a load that is off ends (R8)."""
    return -1.0 if ls.changed_s is None else ls.changed_s + house.loads[name].min_off_s


def lower_to_caps(draft: Draft) -> None:
    """Take off at once what a lower cap leaves too many, in R9's order (R4)."""
    house, state = draft.house, draft.state
    for circuit in house.circuits:
        most = cap(house.circuits[circuit], state.circuits[circuit])
        if most is None:
            continue
        running = [name for name in house.loads_of[circuit] if state.loads[name].on]
        stuck = sum(estimate.stuck(state.loads[name]) for name in house.loads_of[circuit])
        too_many = len(running) + stuck - most  # a stuck one counts as on (R10)
        if too_many <= 0:
            continue
        for name in list(reversed(wish.in_order(house, state, running)))[:too_many]:
            act.decide(draft, name, on=False, cause=Cause.MODE, reason=Reason.MODE, circuit=circuit)


def last_heard_s(state: State, meter: Meter) -> float:
    """Return when a meter was heard last, or since when it should have been."""
    last = state.meters[meter.name].last
    return state.since_s if last is None else last.at_s


def go_blind(draft: Draft) -> None:
    """Notice silent meters; keep the fallback, take the rest off (R13)."""
    house, state = draft.house, draft.state
    for circuit, meter in house.guards.items():
        if draft.at_s - last_heard_s(state, meter) > meter.stale_after_s:
            if not state.circuits[circuit].blind:
                draft.note(NoteKind.BLIND, circuit)
                draft.meter(meter.name).unbroken = 0
            cs = draft.circuit(circuit)
            cs.blind = True
            cs.good = 0
        if state.circuits[circuit].blind and state.started:
            _keep_fallback(draft, circuit)


def _keep_fallback(draft: Draft, circuit: str) -> None:
    house, state = draft.house, draft.state
    running = [
        name
        for name in house.loads_of[circuit]
        if state.loads[name].live and not _going_off(state.loads[name])
    ]
    known = [name for name in running if state.loads[name].on]
    unknown = [name for name in running if not state.loads[name].on]
    sure = [name for name in known if not on_its_way(state.loads[name])]
    stay = wish.in_order(house, state, sure)[: house.circuits[circuit].fallback_active]
    for name in [*known, *unknown]:
        if name not in stay and (state.loads[name].on or state.loads[name].reconciled):
            act.decide(
                draft, name, on=False, cause=Cause.BLIND, reason=Reason.BLIND, circuit=circuit
            )


def _going_off(ls: LoadState) -> bool:
    return ls.flight is not None and not ls.flight.on


def see_again(draft: Draft, circuit: str) -> None:
    """Count a good reading of a blind circuit; the third ends blindness (R13)."""
    cs = draft.circuit(circuit)
    cs.good += 1
    if cs.good >= GOOD_READINGS:
        cs.blind = False
        cs.good = 0
        cs.window = ()
        cs.window_since_s = None
        cs.usable_w = estimate.live_rated_w(draft.house, draft.state, circuit)
        draft.note(NoteKind.BLIND_OVER, circuit)
