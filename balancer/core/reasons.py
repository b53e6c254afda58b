"""R18: at every moment each load has one reason, by a fixed precedence."""

from balancer.core import restrain, wish
from balancer.core.commands import Reason
from balancer.core.draft import Draft
from balancer.core.model import House
from balancer.core.state import INFINITY, KnownCircuits, LoadState, State


def until_s(house: House, state: State, name: str, next_tick_s: float | None) -> float | None:
    """Return until when the reason holds at the earliest or latest, where that is known."""
    ls = state.loads[name]
    match ls.reason:
        case Reason.FAULT:
            return ls.retry_s if ls.dead and state.at_s < ls.retry_s < INFINITY else None
        case Reason.BOOSTED:
            return ls.boost_until_s
        case Reason.MIN_ON:
            released_s = restrain.released_s(house, name, ls)
            return released_s if released_s > state.at_s else None  # it is left alone
        case Reason.MIN_OFF:
            return restrain.rested_s(house, name, ls)
        case Reason.SHED:
            ends = [
                cs.window[0].at_s + house.circuits[circuit].restore_delay_s
                for circuit in house.power_w[name]
                if (cs := state.circuits[circuit]).window
            ]
            known = [end for end in ends if end > state.at_s]
            return max(known) if known else next_tick_s
        case Reason.WAITING | Reason.MODE:
            return next_tick_s
        case _:
            return None


def explain(draft: Draft, *, all_loads: bool) -> None:
    """Keep each load's reason and since when it holds.

    Args:
        draft: Changed.
        all_loads: Not only what was touched may have other reasons.
    """
    house, state = draft.house, draft.state
    known = KnownCircuits(
        unready=wish.unready(house, state),
        blind=frozenset([name for name, cs in state.circuits.items() if cs.blind]),
        full=frozenset(
            [
                name
                for name in house.circuits
                if (places := restrain.places_left(house, state, name)) is not None and places <= 0
            ]
        ),
    )
    if known != state.known:
        state.known = known
        all_loads = True
    for name, ls in (state.loads if all_loads else draft.touched).items():
        now = _reason(draft, name, ls, known)
        if now is not ls.reason:
            changed = draft.load(name)
            changed.reason = now
            changed.since_s = draft.at_s


def _reason(draft: Draft, name: str, ls: LoadState, known: KnownCircuits) -> Reason:
    """Return why a load is as it is."""
    state = draft.state
    own = draft.house.power_w[name]
    if ls.fault:
        return Reason.FAULT
    if ls.online is False:
        return Reason.UNAVAILABLE
    if not (state.started and ls.reconciled and known.unready.isdisjoint(own)):
        return Reason.STARTING
    if state.away or state.stopping:
        return Reason.AWAY
    if not known.blind.isdisjoint(own):
        return Reason.BLIND
    if ls.on:
        if wish.boosted(ls, draft.at_s):
            return Reason.BOOSTED
        return Reason.SERVING if name in state.wanted else Reason.MIN_ON
    if name not in state.wanted:
        return Reason.IDLE
    if draft.at_s < restrain.rested_s(draft.house, name, ls):
        return Reason.MIN_OFF
    if not known.full.isdisjoint(own):
        return Reason.MODE
    return Reason.SHED if ls.shed else Reason.WAITING
