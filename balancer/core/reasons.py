"""R18: at every moment each load has one reason, by a fixed precedence."""

from balancer.core import restrain, wish
from balancer.core.commands import Reason
from balancer.core.draft import Draft
from balancer.core.model import House
from balancer.core.state import INFINITY, State


def reason(house: House, state: State, name: str) -> Reason:
    """Return why a load is as it is."""
    ls = state.loads[name]
    if ls.fault:
        return Reason.FAULT
    if ls.online is False:
        return Reason.UNAVAILABLE
    if wish.starting(house, state, name):
        return Reason.STARTING
    if state.away or state.stopping:
        return Reason.AWAY
    if any(state.circuits[circuit].blind for circuit in house.power_w[name]):
        return Reason.BLIND
    wanted = wish.wanted(house, state, name)
    if ls.on:
        if wish.boosted(ls, state.at_s):
            return Reason.BOOSTED
        return Reason.SERVING if wanted else Reason.MIN_ON
    if not wanted:
        return Reason.IDLE
    if state.at_s < restrain.rested_s(house, name, ls):
        return Reason.MIN_OFF
    for circuit in house.power_w[name]:
        places = restrain.places_left(house, state, circuit)
        if places is not None and places <= 0:
            return Reason.MODE
    return Reason.SHED if ls.shed else Reason.WAITING


def until_s(house: House, state: State, name: str, next_tick_s: float | None) -> float | None:
    """Return until when the reason holds at the earliest or latest, where that is known."""
    ls = state.loads[name]
    match ls.reason:
        case Reason.FAULT:
            return ls.retry_s if ls.dead and ls.retry_s < INFINITY else None
        case Reason.BOOSTED:
            return ls.boost_until_s
        case Reason.MIN_ON:
            return restrain.released_s(house, name, ls)
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


def explain(draft: Draft) -> None:
    """Keep each load's reason and since when it holds."""
    for name, ls in draft.state.loads.items():
        now = reason(draft.house, draft.state, name)
        if now is not ls.reason:
            changed = draft.load(name)
            changed.reason = now
            changed.since_s = draft.at_s
