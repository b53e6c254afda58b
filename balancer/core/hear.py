"""R11, R15: what relays and their devices say of themselves: confirmed, foreign, reconciled."""

from balancer.core import act, estimate, learn
from balancer.core.commands import Cause, NoteKind, QueryRelay, Reason
from balancer.core.draft import Draft
from balancer.core.model import House
from balancer.core.state import INFINITY, Flight, LoadState

RECHECK_S = 60.0
RECONCILE_S = 5.0
HINT_S = 5.0  # what a device says so soon after it came is a memory of its bridge, or a boot
ASKED_S = 0.5  # a device that comes later than this after us has not heard the question
MOST_CONFIRMS = 32
FOREIGN_TIMES = 3
FOREIGN_WITHIN_S = 600.0
LEFT_ALONE_S = 3600.0
HEARD_AGAIN_S = 10.0  # plugs repeat their state with every power report


def report(draft: Draft, name: str, *, on: bool) -> None:
    """Take in what a relay says of itself."""
    ls = draft.load(name)
    before, ls.relay = ls.relay, on
    assumed_off, ls.assumed_off = ls.assumed_off, False
    if not on:
        ls.retell_s = INFINITY
    if draft.house.dry_run:
        ls.reconciled = True
        return
    flight = ls.flight
    if flight is not None and flight.confirmed_s is None and flight.first_sent_s is not None:
        ls.reconciled = True
        ls.adopt = False
        if on is flight.on:
            was_off = before is False or (before is None and assumed_off)
            if before is not on and (on or not was_off):
                act.changed(draft, name, on=on, cause=flight.cause)
            if flight.tries == 0 and flight.repeat_s < INFINITY:
                took_s = draft.at_s - flight.first_sent_s
                ls.confirm_s = (*ls.confirm_s, took_s)[-MOST_CONFIRMS:]
                draft.note(NoteKind.CONFIRMED, name, took_s, flight.cause)
            act.confirmed(draft, name, ls, flight)
        elif on:
            if flight.tries > 0 and not flight.heard:  # it has missed all that it was told so far
                flight = flight._replace(due=True, tries=1)
            elif ls.fault and draft.at_s >= flight.last_sent_s + HEARD_AGAIN_S:
                flight = flight._replace(due=True)  # it can be reached: no waiting for a minute
            ls.flight = flight._replace(heard=True)
        return
    if not ls.reconciled or not draft.state.started:
        _reconcile(draft, name, on=on, before=before)
        return
    if on is ls.on:
        _as_wanted(draft, name, on=on, before=before)
        return
    if flight is not None and flight.first_sent_s is None:
        ls.live = ls.live or on
        return  # our own command is about to say otherwise
    if ls.fault and ls.dead and on:
        act.mend(draft, name)
    if flight is not None and flight.confirmed_s is not None and _repeats_old(draft, name, flight):
        ls.relay = before  # asked again later
        ls.recheck_s = flight.last_sent_s + estimate.confirm_within_s(draft.house, name, ls)
        return
    if before is on and ls.live is on:
        return  # nothing new: a repeated report of what is known and left as it is
    if on and (before is True or ls.retell_s < INFINITY):
        _never_went_off(draft, name)
        return
    _unasked(draft, name, on=on, before=before)


def _as_wanted(draft: Draft, name: str, *, on: bool, before: bool | None) -> None:
    """Take in that a relay is as it should be."""
    ls = draft.load(name)
    flight = ls.flight
    if before is not None and before is not on:
        if ls.live is not on:
            act.changed(draft, name, on=on, cause=Cause.FOREIGN)
        else:
            ls.changed_s = draft.at_s  # the meter had shown it before, or seemed to
    elif not on and flight is not None and ls.recheck_s < INFINITY:
        ls.changed_s = draft.at_s  # it said on meanwhile, which was no old state perhaps
    ls.live = on or (ls.live and flight is not None and flight.on)
    if ls.fault and not ls.dead:
        act.mend(draft, name)


def belies(house: House, name: str, ls: LoadState, ratio: float, at_s: float) -> bool:
    """Return whether a load's own meter shows that it is on, though it is assumed to be off (R15).

    Args:
        house: What is configured.
        name: The load.
        ls: Its state.
        ratio: What its meter reads, as a multiple of its rated power.
        at_s: The instant; the meter may still show what was drawn before it last went off (R2).
    """
    return (
        ls.assumed_off
        and ratio >= learn.LEAST_RATIO
        and (ls.changed_s is None or at_s >= ls.changed_s + RECHECK_S)
        and house.loads[name].relay.confirms
    )


def drawn(draft: Draft, name: str) -> None:
    """Take in that a load's own meter belies that it is off: it speaks for its relay (R11, R15).

    That may have booted switched on, and said so while nobody listened.
    """
    ls = draft.load(name)
    if ls.reconciled:
        report(draft, name, on=True)
    else:
        ls.relay, ls.assumed_off = True, False  # unless it answers, it gets OFF


def run_timers(draft: Draft) -> None:
    """Ask again, and give up asking relays that do not answer."""
    state = draft.state
    if not (state.connected and state.started):
        return
    for name in draft.house.loads:
        ls = state.loads[name]
        if draft.at_s >= ls.reconcile_by_s and not ls.reconciled:
            _give_up_asking(draft, name)
        if draft.at_s >= ls.recheck_s:
            _recheck(draft, name)


def _recheck(draft: Draft, name: str) -> None:
    """Ask a relay again; tell it OFF again if it was asked in vain, or cannot be asked (R10)."""
    ls = draft.load(name)
    contradicts = _contradicts(ls)
    ls.recheck_s = draft.at_s + RECHECK_S if contradicts else INFINITY
    if contradicts and ls.changed_s is not None and draft.at_s >= ls.changed_s + RECHECK_S:
        _never_went_off(draft, name)
    else:
        draft.commands.append(QueryRelay(name))


def _never_went_off(draft: Draft, name: str) -> None:
    """Take back what the meter seemed to show of an OFF: it is on, and told again."""
    ls = draft.load(name)
    ls.live = True
    act.decide(draft, name, on=False, cause=Cause.RETRY, reason=Reason.IDLE)


def _contradicts(ls: LoadState) -> bool:
    """Return whether a load is believed off by the meter, against its relay's last word."""
    return ls.relay is True and not ls.live and not ls.on


def _repeats_old(draft: Draft, name: str, flight: Flight) -> bool:
    """Return whether a report may be an old state repeated in a merged payload (R11)."""
    within_s = estimate.confirm_within_s(draft.house, name, draft.state.loads[name])
    return draft.house.loads[name].relay.merged and draft.at_s < flight.last_sent_s + within_s


def _unasked(draft: Draft, name: str, *, on: bool, before: bool | None) -> None:
    """Take in a switching that was not ours: a boot, a bridge's memory, or somebody's hand."""
    ls = draft.load(name)
    if draft.at_s < ls.hint_until_s and draft.at_s >= ls.left_alone_until_s:
        ls.adopt = on and ls.claim
        _reconcile(draft, name, on=on, before=before)
    else:
        _foreign(draft, name, on=on)


def _foreign(draft: Draft, name: str, *, on: bool) -> None:
    """Somebody else switched it: count it, put it right or leave it alone (R11)."""
    house = draft.house
    ls = draft.load(name)
    draw_w = {c: estimate.relief_w(house, draft.state, c, name) for c in house.power_w[name]}
    draft.note(NoteKind.FOREIGN, name, float(on))
    act.count(draft, name)
    act.changed(draft, name, on=on, cause=Cause.FOREIGN)
    recent = tuple(each for each in ls.foreign_s if draft.at_s - each < FOREIGN_WITHIN_S)
    ls.foreign_s = (*recent, draft.at_s)
    ls.live = on
    _happened(draft, ls, on=on, cause=Cause.FOREIGN, draw_w={} if on else draw_w)
    if len(ls.foreign_s) > FOREIGN_TIMES or draft.at_s < ls.left_alone_until_s:
        if draft.at_s >= ls.left_alone_until_s:
            ls.left_alone_until_s = draft.at_s + LEFT_ALONE_S
            draft.note(NoteKind.LEFT_ALONE, name, float(on))
        ls.on = on
        ls.claim = False
        if on and house.loads[name].relay.dead_man_s is not None:
            ls.renew_s = ls.left_alone_until_s  # from then on its ON is ours
        return
    if on:
        act.decide(draft, name, on=False, cause=Cause.FOREIGN, reason=Reason.IDLE)
    else:
        ls.on = False
        ls.claim = ls.put_right = name in draft.state.wanted


def _happened(
    draft: Draft, ls: LoadState, *, on: bool, cause: Cause, draw_w: dict[str, float]
) -> None:
    """Keep a switching that was not ours: readings may not show it yet (R2)."""
    ls.flight = Flight(
        on=on,
        cause=cause,
        decided_s=draft.at_s,
        first_sent_s=draft.at_s,
        due=False,
        confirmed_s=draft.at_s,
        draw_w=draw_w,
        unseen=ls.flight is not None,
    )


def _reconcile(draft: Draft, name: str, *, on: bool, before: bool | None) -> None:
    """Take over what a relay reports after start, reconnect or return (R15)."""
    ls = draft.load(name)
    ls.reconciled = True
    ls.reconcile_by_s = INFINITY
    if draft.at_s >= ls.hint_until_s:
        ls.recheck_s = INFINITY  # else it may be a memory: asked again
    ls.live = on
    if ls.fault and ls.dead and not on:
        ls.retry_s, ls.vain = draft.at_s, 0  # it answers here: the last line may have been deaf
    adopt, ls.adopt = ls.adopt, not draft.state.started
    if before is not None and before is not on:
        act.count(draft, name)
        act.changed(draft, name, on=on, cause=Cause.RECONCILE)
    about_to_be_told = ls.flight is not None and ls.flight.due
    if on is not ls.on and adopt and not about_to_be_told:
        ls.on = on
        ls.claim = ls.claim and on
    if on is ls.on:
        if ls.fault and not ls.dead:
            act.mend(draft, name)
        if on and draft.house.loads[name].relay.dead_man_s is not None:
            ls.renew_s = draft.at_s  # nobody knows how much of its lease is left
        if on and before is not True and ls.flight is None:
            unknown = dict.fromkeys(draft.house.power_w[name], 0.0)
            _happened(draft, ls, on=True, cause=Cause.RECONCILE, draw_w=unknown)
    elif not on:
        ls.on = False
        ls.claim = name in draft.state.wanted
        ls.flight = None
    elif not about_to_be_told:
        if before is False:  # it has just gone on: no reading contains it yet
            _happened(draft, ls, on=True, cause=Cause.RECONCILE, draw_w={})
        act.decide(draft, name, on=False, cause=Cause.RECONCILE, reason=_rest(draft, name))


def _rest(draft: Draft, name: str) -> Reason:
    return Reason.WAITING if name in draft.state.wanted else Reason.IDLE


def ask_all(draft: Draft) -> None:
    """After a connect: every relay's state is unknown again, and asked for (R15)."""
    for name in draft.house.loads:
        _forget(draft, name)


def device(draft: Draft, name: str, *, online: bool, anew: bool) -> None:
    """Take in that a relay's device, or the bridge before it, came or went (R11, R15).

    One that only says again that it is there may have lost power, and booted in another state
    than its bridge remembers: it is asked, and the answer counts. Nothing else changes: bridges
    say so of all their devices, whatever is on its way.
    """
    ls = draft.load(name)
    before, ls.online = ls.online, online
    if not online:
        ls.claim = False
    elif before is False:
        act.mend(draft, name)
        _came(draft, ls)
        _forget(draft, name)
    elif ls.reconciled:
        if anew and not draft.house.dry_run and draft.at_s >= ls.came_s + ASKED_S:
            again_s = draft.at_s + RECONCILE_S / 2.0  # the question or the answer may be lost
            _came(draft, ls)
            ls.recheck_s = min(ls.recheck_s, again_s)
            draft.commands.append(QueryRelay(name))
    elif draft.at_s >= ls.reconcile_by_s - RECONCILE_S + ASKED_S:
        draft.commands.append(QueryRelay(name))  # it was not there to answer


def _came(draft: Draft, ls: LoadState) -> None:
    """Note that a device has come; one that says so all the time gives no hints."""
    if draft.at_s >= ls.came_s + RECHECK_S:
        ls.hint_until_s = draft.at_s + HINT_S
    ls.came_s = draft.at_s


def _forget(draft: Draft, name: str) -> None:
    ls = draft.load(name)
    if draft.house.dry_run:
        ls.reconciled = True
        ls.live = ls.on
        ls.flight = None
        return
    if not ls.adopt and ls.reconciled:
        ls.assumed_off = not ls.on and not ls.live
    ls.reconciled = False
    ls.live = True
    ls.renew_s = ls.recheck_s = INFINITY  # a renewal is an ON
    if ls.flight is not None and ls.flight.confirmed_s is None:
        ls.flight = None
    if draft.house.loads[name].relay.confirms:
        ls.reconcile_by_s = draft.at_s + RECONCILE_S
        ls.recheck_s = draft.at_s + RECONCILE_S / 2.0  # it may connect a little later than we
        if ls.retell_s < INFINITY:
            ls.retell_s = ls.recheck_s
        draft.commands.append(QueryRelay(name))
    else:
        ls.reconcile_by_s = draft.at_s


def _give_up_asking(draft: Draft, name: str) -> None:
    ls = draft.load(name)
    ls.reconciled = True
    ls.reconcile_by_s = INFINITY
    told = ls.flight is not None and ls.flight.confirmed_s is None
    if ls.assumed_off and not told:  # whoever was told OFF counts as on until that is confirmed
        ls.live = False
        ls.on = False
    else:
        act.decide(draft, name, on=False, cause=Cause.RECONCILE, reason=_rest(draft, name))
    ls.adopt = False
