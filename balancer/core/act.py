"""R10 to R12: decisions become commands; commands are verified, repeated, given up.

A switching is a ``Flight`` from the decision until every reading shows it. What is sent
when is decided here; what is wanted is decided elsewhere.
"""

from collections.abc import Iterator
from dataclasses import replace

from balancer.core import estimate, learn, wish
from balancer.core.commands import (
    Cause,
    NoteKind,
    QueryRelay,
    Reason,
    RenewLease,
    Switching,
    SwitchRelay,
)
from balancer.core.draft import Draft
from balancer.core.state import INFINITY, Flight, LoadState, Reading

PAUSES_S = (0.5, 1.0, 2.0)  # between repeats (R11)
STUCK_RETRY_S = 60.0
HEARD_AGAIN_S = 10.0  # plugs repeat their state with every power report
RECHECK_S = 60.0
DEAD_RETRY_S = 600.0
RECONCILE_S = 5.0
ASKED_S = 0.5  # a device that comes later than this after us has not heard the question
FOREIGN_TIMES = 3
FOREIGN_WITHIN_S = 600.0
LEFT_ALONE_S = 3600.0
BRIDGE_PLACES = 4
BRIDGE_PLACE_S = 0.5
MOST_CONFIRMS = 32
OVERDRAW = 1.2  # heaters draw up to a fifth more than they are rated for
SHEDDING = frozenset({Cause.OVERLOAD, Cause.UNCONFIRMED, Cause.LIMIT})


def decide(
    draft: Draft, name: str, *, on: bool, cause: Cause, reason: Reason, circuit: str | None = None
) -> None:
    """Decide that a load goes on or off; ``transmit`` sends it at the end of the step.

    Args:
        draft: Changed.
        name: The load.
        on: What is wanted of its heater.
        cause: Why this decision is made.
        reason: The load's reason from now on.
        circuit: The circuit it is made for; None: the load's own.
    """
    house = draft.house
    wish.accrue(draft)
    ls = draft.load(name)
    draw_w = {c: estimate.relief_w(house, draft.state, c, name) for c in house.power_w[name]}
    unseen = ls.flight is not None
    ls.on = on
    where = circuit or next(iter(house.loads[name].power_w_by_circuit))
    draft.switchings.setdefault((cause, where), []).append(Switching(name, on, reason))
    if on:
        ls.live = True
        ls.shed = False
        ls.put_right = False
        ls.too_big = False
        ls.asked = None
        ls.flight = Flight(
            on=True,
            cause=cause,
            decided_s=draft.at_s,
            before=_readings(draft, name),
            unseen=unseen,
            alone=not unseen and _alone(draft, name),
        )
        return
    ls.claim = False
    ls.put_right = False
    ls.renew_s = INFINITY
    ls.flight = Flight(
        on=False,
        cause=cause,
        decided_s=draft.at_s,
        draw_w=draw_w,
        before=_readings(draft, name),
        unseen=unseen,
        shed=cause in SHEDDING,
        alone=not unseen and _alone(draft, name),
    )


def _alone(draft: Draft, name: str) -> bool:
    house = draft.house
    return not any(
        other != name and draft.state.loads[other].flight is not None
        for circuit in house.power_w[name]
        for other in house.loads_of[circuit]
    )


def _readings(draft: Draft, name: str) -> dict[str, float]:
    last = {}
    for circuit in draft.house.power_w[name]:
        reading = estimate.last_reading(draft.state, draft.house.circuits[circuit])
        if reading is not None:
            last[circuit] = reading.power_w
    return last


def transmit(draft: Draft) -> None:
    """Send what is due: OFF before ON, sheds first, largest first, four a bridge (R10, R11).

    Leases are renewed last (R12): whatever this step switches off is no longer on.
    """
    state = draft.state
    if not (state.connected and state.started):
        return
    _send_due(draft)
    for name, ls in state.loads.items():
        if draft.at_s >= ls.renew_s:
            _renew(draft, name)


def _send_due(draft: Draft) -> None:
    house, state = draft.house, draft.state
    due = [name for name, ls in state.loads.items() if ls.flight is not None and ls.flight.due]
    if not due:
        return

    def key(name: str) -> tuple[bool, bool, float, int]:
        flight = state.loads[name].flight
        assert flight is not None
        return (flight.on, not flight.shed, -house.rated_w[name], house.rank[name])

    places = bridge_places(draft)
    for name in sorted(due, key=key):
        bridge = house.loads[name].relay.bridge
        if bridge is not None and bridge in places:
            if places[bridge] <= 0:
                continue
            places[bridge] -= 1
        _send(draft, name)


def bridge_places(draft: Draft, *, after_due: bool = False) -> dict[str, int]:
    """Return how many more commands each bridge takes (R11); bridges rest in a dry run.

    Args:
        draft: The step.
        after_due: Count what is due as sent: below 0 some of it has to wait.
    """
    places: dict[str, int] = {}
    if draft.house.dry_run:
        return places
    for name, ls in draft.state.loads.items():
        bridge = draft.house.loads[name].relay.bridge
        if bridge is None:
            continue
        places.setdefault(bridge, BRIDGE_PLACES)
        flight = ls.flight
        if flight is not None and (after_due if flight.due else _keeps_busy(flight, draft.at_s)):
            places[bridge] -= 1
    return places


def _keeps_busy(flight: Flight, at_s: float) -> bool:
    return (
        not flight.due and flight.confirmed_s is None and at_s < flight.last_sent_s + BRIDGE_PLACE_S
    )


def _send(draft: Draft, name: str) -> None:
    ls = draft.load(name)
    relay = draft.house.loads[name].relay
    flight = ls.flight
    assert flight is not None, name
    first = flight.first_sent_s is None
    flight = replace(
        flight,
        due=False,
        first_sent_s=draft.at_s if first else flight.first_sent_s,
        last_sent_s=draft.at_s,
    )
    ls.flight = flight
    if draft.house.dry_run:
        _changed(draft, name, on=flight.on, cause=flight.cause)
        _confirmed(draft, name, ls, flight)
        return
    if first:
        ls.flight = replace(
            flight,
            repeat_s=draft.at_s
            + estimate.confirm_within_s(draft.house, name, draft.state.loads[name]),
        )
        if not relay.confirms:
            _changed(draft, name, on=flight.on, cause=flight.cause)
    if flight.on and relay.dead_man_s is not None:
        ls.renew_s = draft.at_s + relay.dead_man_s / 3.0
    draft.commands.append(SwitchRelay(name, flight.on))


def _changed(draft: Draft, name: str, *, on: bool, cause: Cause) -> None:
    """Keep that the relay really moved (R8)."""
    ls = draft.load(name)
    ls.changed_s = draft.at_s
    ls.switches += 1
    draft.note(NoteKind.SWITCHED, name, float(on), cause)


def _confirmed(draft: Draft, name: str, ls: LoadState, flight: Flight) -> None:
    ls.flight = replace(flight, confirmed_s=draft.at_s, due=False, repeat_s=INFINITY)
    ls.live = flight.on
    if not flight.on:
        ls.idle = False
    if ls.fault and (flight.on or not ls.dead):
        mend(draft, name)


def mend(draft: Draft, name: str) -> None:
    """End a fault: the relay does as told, or its device came back."""
    ls = draft.load(name)
    if ls.fault:
        ls.fault = ls.dead = False
        ls.retry_s = INFINITY
        draft.note(NoteKind.FAULT_OVER, name)


def report(draft: Draft, name: str, *, on: bool) -> None:
    """Take in what a relay says of itself."""
    ls = draft.load(name)
    before, ls.relay = ls.relay, on
    if draft.house.dry_run:
        ls.reconciled = True
        return
    flight = ls.flight
    if flight is not None and flight.confirmed_s is None and flight.first_sent_s is not None:
        ls.reconciled = True
        ls.adopt = False
        if on is flight.on:
            if before is not on:
                _changed(draft, name, on=on, cause=flight.cause)
            if flight.tries == 0 and flight.repeat_s < INFINITY:
                took_s = draft.at_s - flight.first_sent_s
                ls.confirm_s = (*ls.confirm_s, took_s)[-MOST_CONFIRMS:]
                draft.note(NoteKind.CONFIRMED, name, took_s, flight.cause)
            _confirmed(draft, name, ls, flight)
        elif on and ls.fault and draft.at_s >= flight.last_sent_s + HEARD_AGAIN_S:
            ls.flight = replace(flight, due=True)  # it can be reached: no waiting for a minute
        return
    if not ls.reconciled or not draft.state.started:
        _reconcile(draft, name, on=on, before=before)
        return
    if on is ls.on:
        if before is not None and before is not on:
            if ls.live is not on:
                _changed(draft, name, on=on, cause=Cause.FOREIGN)
            else:
                ls.changed_s = draft.at_s  # the meter had shown it before, or seemed to
        ls.live = on or (ls.live and flight is not None and flight.on)
        if ls.fault and not ls.dead:
            mend(draft, name)
        return
    if flight is not None and flight.first_sent_s is None:
        ls.live = ls.live or on
        return  # our own command is about to say otherwise
    if ls.fault and ls.dead and on:
        mend(draft, name)
    if flight is not None and flight.confirmed_s is not None and _repeats_old(draft, name, flight):
        ls.relay = before  # asked again later
        ls.recheck_s = flight.last_sent_s + estimate.confirm_within_s(draft.house, name, ls)
        return
    if before is on and ls.live is on:
        return  # nothing new: a repeated report of what is known and left as it is
    if on and before is True:  # it never said that it went off, whatever the meter showed
        ls.live = True
        decide(draft, name, on=False, cause=Cause.RETRY, reason=Reason.IDLE)
        return
    _foreign(draft, name, on=on)


def _contradicts(ls: LoadState) -> bool:
    """Return whether a load is believed off by the meter, against its relay's last word."""
    return ls.relay is True and not ls.live and not ls.on


def _repeats_old(draft: Draft, name: str, flight: Flight) -> bool:
    """Return whether a report may be an old state repeated in a merged payload (R11)."""
    within_s = estimate.confirm_within_s(draft.house, name, draft.state.loads[name])
    return draft.house.loads[name].relay.merged and draft.at_s < flight.last_sent_s + within_s


def _foreign(draft: Draft, name: str, *, on: bool) -> None:
    """Somebody else switched it: count it, put it right or leave it alone (R11)."""
    house = draft.house
    ls = draft.load(name)
    draw_w = {c: estimate.relief_w(house, draft.state, c, name) for c in house.power_w[name]}
    unseen = ls.flight is not None
    draft.note(NoteKind.FOREIGN, name, float(on))
    _changed(draft, name, on=on, cause=Cause.FOREIGN)
    recent = tuple(each for each in ls.foreign_s if draft.at_s - each < FOREIGN_WITHIN_S)
    ls.foreign_s = (*recent, draft.at_s)
    ls.live = on
    ls.flight = _happened(draft.at_s, on=on, cause=Cause.FOREIGN, draw_w={} if on else draw_w)
    ls.flight = replace(ls.flight, unseen=unseen)
    if len(ls.foreign_s) > FOREIGN_TIMES or draft.at_s < ls.left_alone_until_s:
        if draft.at_s >= ls.left_alone_until_s:
            ls.left_alone_until_s = draft.at_s + LEFT_ALONE_S
            draft.note(NoteKind.LEFT_ALONE, name, float(on))
        ls.on = on
        ls.claim = False
        return
    if on:
        decide(draft, name, on=False, cause=Cause.FOREIGN, reason=Reason.IDLE)
    else:
        ls.on = False
        ls.claim = ls.put_right = wish.wanted(house, draft.state, name)


def _happened(at_s: float, *, on: bool, cause: Cause, draw_w: dict[str, float]) -> Flight:
    """Return a switching that was not ours: readings may not show it yet (R2)."""
    return Flight(
        on=on,
        cause=cause,
        decided_s=at_s,
        first_sent_s=at_s,
        due=False,
        confirmed_s=at_s,
        draw_w=draw_w,
    )


def _reconcile(draft: Draft, name: str, *, on: bool, before: bool | None) -> None:
    """Take over what a relay reports after start, reconnect or return (R15)."""
    ls = draft.load(name)
    ls.reconciled = True
    ls.reconcile_by_s = ls.recheck_s = INFINITY
    ls.live = on
    adopt, ls.adopt = ls.adopt, not draft.state.started
    if before is not None and before is not on:
        _changed(draft, name, on=on, cause=Cause.RECONCILE)
    if on is not ls.on and adopt:
        ls.on = on
        ls.claim = ls.claim and on
    if on is ls.on:
        if on and draft.house.loads[name].relay.dead_man_s is not None:
            ls.renew_s = draft.at_s  # nobody knows how much of its lease is left
        if on and before is not True and ls.flight is None:
            unknown = dict.fromkeys(draft.house.power_w[name], 0.0)
            ls.flight = _happened(draft.at_s, on=True, cause=Cause.RECONCILE, draw_w=unknown)
    elif on:
        decide(draft, name, on=False, cause=Cause.RECONCILE, reason=_rest(draft, name))
    else:
        ls.on = False
        ls.claim = wish.wanted(draft.house, draft.state, name)
        ls.flight = None


def _rest(draft: Draft, name: str) -> Reason:
    return Reason.WAITING if wish.wanted(draft.house, draft.state, name) else Reason.IDLE


def ask_all(draft: Draft) -> None:
    """After a connect: every relay's state is unknown again, and asked for (R15)."""
    for name in draft.house.loads:
        _forget(draft, name)


def returned(draft: Draft, name: str) -> None:
    """After a device's return: the same for its relay; its fault is over (R11, R15)."""
    mend(draft, name)
    _forget(draft, name)


def _forget(draft: Draft, name: str) -> None:
    ls = draft.load(name)
    if draft.house.dry_run:
        ls.reconciled = True
        ls.live = ls.on
        ls.flight = None
        return
    if not ls.adopt:
        ls.assumed_off = not ls.on and not ls.live
    ls.reconciled = False
    ls.live = True
    ls.renew_s = ls.recheck_s = INFINITY  # a renewal is an ON
    if ls.flight is not None and ls.flight.confirmed_s is None:
        ls.flight = None
    if draft.house.loads[name].relay.confirms:
        ls.reconcile_by_s = draft.at_s + RECONCILE_S
        ls.recheck_s = draft.at_s + RECONCILE_S / 2.0  # it may connect a little later than we
        draft.commands.append(QueryRelay(name))
    else:
        ls.reconcile_by_s = draft.at_s


def run_timers(draft: Draft) -> bool:
    """Do what time alone brings: repeats, faults, reconciliation.

    Returns:
        Whether the credit of an OFF has ended: the last readings are judged again (R11).
    """
    state = draft.state
    if not (state.connected and state.started):
        return False
    at_s = draft.at_s
    doubted = False
    for name in draft.house.loads:
        ls = state.loads[name]
        if at_s >= ls.reconcile_by_s and not ls.reconciled:
            _give_up_asking(draft, name)
        flight = ls.flight
        if flight is not None and at_s >= flight.repeat_s and flight.confirmed_s is None:
            doubted |= _unconfirmed(draft, name)
        if at_s >= ls.recheck_s:
            draft.load(name).recheck_s = at_s + RECHECK_S if _contradicts(ls) else INFINITY
            draft.commands.append(QueryRelay(name))
    return doubted


def _give_up_asking(draft: Draft, name: str) -> None:
    ls = draft.load(name)
    ls.reconciled = True
    ls.reconcile_by_s = INFINITY
    if ls.assumed_off:
        ls.live = False
        ls.on = False
    else:
        decide(draft, name, on=False, cause=Cause.RECONCILE, reason=_rest(draft, name))
    ls.adopt = False


def _unconfirmed(draft: Draft, name: str) -> bool:
    """Repeat a command, or give it up; return whether the credit of an OFF ended."""
    ls = draft.load(name)
    flight = ls.flight
    assert flight is not None, name
    relay = draft.house.loads[name].relay
    if not relay.confirms:
        _confirmed(draft, name, ls, flight)
        return False
    if flight.tries == 0:
        draft.note(NoteKind.UNCONFIRMED, name)
    if flight.on and not wish.wanted(draft.house, draft.state, name):
        decide(draft, name, on=False, cause=Cause.RETRY, reason=Reason.IDLE)
        return False  # nobody asks any more, and a slow relay must not go on late
    newly_doubted = not flight.doubted and not flight.on
    if flight.tries < relay.retries:
        pause_s = PAUSES_S[min(flight.tries, len(PAUSES_S) - 1)]
        draft.note(NoteKind.RETRIED, name)
        ls.flight = replace(
            flight,
            due=True,
            doubted=True,
            tries=flight.tries + 1,
            repeat_s=draft.at_s + pause_s,
        )
        return newly_doubted
    if not ls.fault:
        ls.fault = True
        draft.note(NoteKind.FAULT, name)
    if flight.on:
        ls.dead = True
        ls.retry_s = draft.at_s + DEAD_RETRY_S
        decide(draft, name, on=False, cause=Cause.RETRY, reason=Reason.FAULT)
        ls.flight = replace(draft.state.loads[name].flight or flight, doubted=True)
        return False
    again = flight.tries > relay.retries
    if again:
        draft.note(NoteKind.RETRIED, name)
    ls.flight = replace(
        flight,
        due=again,
        doubted=True,
        tries=flight.tries + 1,
        repeat_s=draft.at_s + STUCK_RETRY_S,
    )
    return newly_doubted


def _renew(draft: Draft, name: str) -> None:
    ls = draft.load(name)
    dead_man_s = draft.house.loads[name].relay.dead_man_s
    if not ls.on or dead_man_s is None or ls.online is False:
        ls.renew_s = INFINITY  # a device that is away is asked again when it returns
        return
    ls.renew_s = draft.at_s + dead_man_s / 3.0
    draft.commands.append(RenewLease(name))


def confirm_by_meter(draft: Draft, circuit: str, reading: Reading) -> None:
    """Believe an OFF that the circuit's meter shows: it fell by half the draw or more (R10).

    Where several are under way at once the fall has to leave no doubt about any of them. A
    relay that can report is asked until it says so, too.
    """
    house, state = draft.house, draft.state
    unsure: list[str] = []
    sure_w = 0.0
    for name in house.loads_of[circuit]:
        flight = state.loads[name].flight
        if (
            flight is None
            or flight.on
            or flight.first_sent_s is None
            or circuit not in flight.before
        ):
            continue
        if flight.confirmed_s is None:
            unsure.append(name)
        else:
            sure_w += OVERDRAW * house.power_w[name][circuit]
    flights = [flight for name in unsure if (flight := state.loads[name].flight) is not None]
    draws_w = [flight.draw_w.get(circuit, 0.0) for flight in flights]
    if not draws_w or min(draws_w) <= 0.0:
        return
    fell_w = min(flight.before[circuit] for flight in flights) - reading.power_w - sure_w
    if fell_w < sum(draws_w) - min(draws_w) / 2.0:
        return
    for name, flight in zip(unsure, flights, strict=True):
        if draft.at_s > flight.last_sent_s:
            ls = draft.load(name)
            if draft.house.loads[name].relay.confirms:
                _changed(draft, name, on=False, cause=flight.cause)
                ls.recheck_s = flight.repeat_s
            ls.flight = replace(flight, confirmed_s=draft.at_s, due=False, repeat_s=INFINITY)
            ls.live = False


def tidy(draft: Draft) -> None:
    """Forget switchings that both of the last readings show; learn from those (R2, R14)."""
    house, state = draft.house, draft.state
    for name in house.loads:
        flight = state.loads[name].flight
        if flight is None or flight.confirmed_s is None:
            continue
        if all(_shown(draft, circuit, name, flight) for circuit in house.power_w[name]):
            if flight.alone and flight.cause is not Cause.FOREIGN and _alone(draft, name):
                _learn(draft, name, flight)
            draft.load(name).flight = None
            if not flight.on:
                _account_for(draft, name)


def _account_for(draft: Draft, name: str) -> None:
    """Take what an OFF may have relieved from the falls that could confirm others (R10)."""
    power_w = draft.house.power_w[name]
    for other, ls in draft.state.loads.items():
        flight = ls.flight
        if flight is not None and not flight.on and flight.before.keys() & power_w.keys():
            draft.load(other).flight = replace(
                flight,
                before={
                    circuit: before_w - OVERDRAW * power_w.get(circuit, 0.0)
                    for circuit, before_w in flight.before.items()
                },
            )


def _learn(draft: Draft, name: str, flight: Flight) -> None:
    """Take the step of the first circuit's meter for this load's draw (R14)."""
    house, state = draft.house, draft.state
    if house.loads[name].meter is not None:
        return  # its own meter knows better
    for circuit in house.power_w[name]:
        meter = house.circuits[circuit].meter
        if meter is None or circuit not in flight.before:
            continue
        after = state.meters[meter.name].before
        assert after is not None, circuit
        step_w = after.power_w - flight.before[circuit]
        ratio = (step_w if flight.on else -step_w) / house.power_w[name][circuit]
        sure = bool(state.meters[meter.name].lags_s)  # else it may show it later
        if ratio >= learn.LEAST_RATIO or (sure and ratio > -learn.IDLE_RATIO):
            learn.with_step(draft.load(name), max(0.0, ratio), draft.at_s)
        return


def _shown(draft: Draft, circuit: str, name: str, flight: Flight) -> bool:
    settled_s = estimate.settled_at_s(draft.house, draft.state, circuit, name, flight)
    meter = draft.house.circuits[circuit].meter
    if meter is None:
        return draft.at_s >= settled_s
    before = draft.state.meters[meter.name].before
    return before is not None and before.at_s >= settled_s


def deadlines_s(draft: Draft, name: str, ls: LoadState) -> Iterator[float]:
    """Return when this load's switching needs time's attention; some may be past."""
    yield ls.renew_s
    yield ls.recheck_s
    if not ls.reconciled:
        yield ls.reconcile_by_s
    flight = ls.flight
    if flight is None:
        return
    if flight.confirmed_s is None:
        yield flight.repeat_s
        return
    for circuit in draft.house.power_w[name]:
        if draft.house.circuits[circuit].meter is None:
            yield estimate.settled_at_s(draft.house, draft.state, circuit, name, flight)


def bridge_free_s(draft: Draft) -> float:
    """Return when the next place of a full bridge is free, infinite while none is full."""
    if min(bridge_places(draft, after_due=True).values(), default=1) > 0:
        return INFINITY
    return min(
        (
            flight.last_sent_s + BRIDGE_PLACE_S
            for ls in draft.state.loads.values()
            if (flight := ls.flight) is not None and _keeps_busy(flight, draft.at_s)
        ),
        default=INFINITY,
    )
