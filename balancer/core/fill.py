"""R4, R5, R7: who of the waiting goes on now."""

from collections.abc import Iterable

from balancer.core import act, estimate, restrain, wish
from balancer.core.book import Book
from balancer.core.commands import Cause, Reason
from balancer.core.draft import Draft
from balancer.core.state import INFINITY


def fill(draft: Draft) -> float:
    """Switch on what fits, in R5's order; claims keep their room until they can (R6, R10).

    Returns:
        When the windows prove room for somebody who fits already, infinite if for nobody.
    """
    house, state = draft.house, draft.state
    again_s = INFINITY
    if not (state.started and state.connected) or state.stopping:
        return again_s
    names = wish.waiting(draft)
    if not names:
        return again_s
    bridges = act.bridge_places(draft, after_due=True)
    if min(bridges.values(), default=0) < 0:
        return again_s  # every OFF of a plan is on the wire before its first ON (R10)
    admitted: list[str] = []
    book = Book(draft)
    untouched = not any(ls.flight for ls in state.loads.values())
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
            untouched = False
        elif ls.claim:
            book.take(need_w)
            untouched = False
        else:
            if fits:
                again_s = min(again_s, book.at_once_s(need_w))
            too_big = not fits and (book.too_big(name) if untouched else ls.too_big)
            if too_big is not ls.too_big:
                draft.load(name).too_big = too_big
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
        draft.load(name).retry_s = draft.at_s + wish.DEAD_RETRY_S
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
