"""R10 to R12: decisions become commands, which are repeated and given up.

A switching is a ``Flight`` from the decision until every reading shows it. What is sent
when is decided here; what is wanted is decided elsewhere, and what relays and meters say of
it is heard in ``hear`` and ``shown``.
"""

from collections.abc import Iterator

from balancer.core import estimate, learn, wish
from balancer.core.commands import (
    Cause,
    Command,
    NoteKind,
    Reason,
    RenewLease,
    Switching,
    SwitchRelay,
)
from balancer.core.draft import Draft
from balancer.core.state import INFINITY, Flight, LoadState

PAUSES_S = (0.5, 1.0, 2.0)  # between repeats (R11)
STUCK_RETRY_S = 60.0
RETELL_S = 60.0
BRIDGE_PLACES = 4
BRIDGE_PLACE_S = 0.5
LEAST_WAIT_S = 0.001  # this step has looked at its timers: what is due at once comes after it
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
    draw_w: dict[str, float] = {}
    fall_w: dict[str, float] = {}
    if not on:
        circuits = house.power_w[name]
        draw_w = {c: estimate.relief_w(house, draft.state, c, name) for c in circuits}
        fall_w = {c: estimate.fall_w(house, draft.state, c, name) for c in circuits}
    undone = ls.flight
    rise_w = {} if undone is None else _rise_w(draft, name, undone)
    count(draft, name)
    ls.on = on
    ls.put_right = False
    ls.retell_s = INFINITY
    if on:
        ls.live = True
        ls.shed = False
        ls.too_big = False
        ls.asked = None
    else:
        ls.claim = False
        ls.renew_s = INFINITY
    ls.flight = Flight(
        on=on,
        cause=cause,
        decided_s=draft.at_s,
        draw_w=draw_w,
        fall_w=fall_w,
        rise_w=rise_w,
        before=_readings(draft, name),
        unseen=undone is not None,
        shed=cause in SHEDDING,
        alone=(undone is None or bool(rise_w)) and alone(draft, name),
        number=_switchings(draft, name),
    )
    where = circuit or next(iter(house.loads[name].power_w_by_circuit))
    draft.switchings.setdefault((cause, where), []).append(Switching(name, on, reason))


def count(draft: Draft, name: str) -> None:
    """Count that a load is switched: nobody learns from a step that others fell into."""
    for circuit in draft.house.power_w[name]:
        draft.circuit(circuit).switchings += 1


def alone(draft: Draft, name: str) -> bool:
    """Return whether no other load on its circuits is being switched."""
    house = draft.house
    return not any(
        other != name and draft.state.loads[other].flight is not None
        for circuit in house.power_w[name]
        for other in house.loads_of[circuit]
    )


def was_alone(draft: Draft, name: str, flight: Flight) -> bool:
    """Return whether nothing else was switched on its circuits since before a flight began."""
    return flight.alone and is_last(draft, name, flight) and alone(draft, name)


def is_last(draft: Draft, name: str, flight: Flight) -> bool:
    """Return whether nothing was switched on a load's circuits since a flight began."""
    return flight.number == _switchings(draft, name)


def _switchings(draft: Draft, name: str) -> int:
    return sum(draft.state.circuits[circuit].switchings for circuit in draft.house.power_w[name])


def _rise_w(draft: Draft, name: str, undone: Flight) -> dict[str, float]:
    """Return what the last readings show of a confirmed ON, in watts by circuit; none: nothing."""
    if not undone.on or undone.confirmed_s is None or not was_alone(draft, name, undone):
        return {}
    rise_w = {}
    for circuit, before_w in undone.before.items():
        reading = estimate.last_reading(draft.state, draft.house.circuits[circuit])
        rose_w = 0.0 if reading is None else reading.power_w - before_w
        if rose_w >= learn.LEAST_RATIO * draft.house.power_w[name][circuit]:
            rise_w[circuit] = rose_w
    return rise_w


def _readings(draft: Draft, name: str) -> dict[str, float]:
    last = {}
    for circuit in draft.house.power_w[name]:
        reading = estimate.last_reading(draft.state, draft.house.circuits[circuit])
        if reading is not None:
            last[circuit] = reading.power_w
    return last


def transmit(draft: Draft) -> None:
    """Send what is due: OFF before ON, sheds first, largest first, four a bridge (R10, R11).

    What can wait comes last: OFFs told again, and leases (R12), of what is still on then.
    """
    state = draft.state
    if not (state.connected and state.started):
        return
    _send_due(draft)
    at_s = draft.at_s
    due = [name for name, ls in state.loads.items() if at_s >= ls.retell_s or at_s >= ls.renew_s]
    if due:
        _tell_again(draft, due)


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
    loads = draft.state.loads
    for name, bridge in draft.house.bridge_of.items():
        places.setdefault(bridge, BRIDGE_PLACES)
        flight = loads[name].flight
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
    repeat_s = flight.repeat_s
    if first:
        within_s = estimate.confirm_within_s(draft.house, name, ls)
        repeat_s = draft.at_s + max(within_s, LEAST_WAIT_S)
    elif flight.tries <= relay.retries:
        repeat_s = draft.at_s + PAUSES_S[min(flight.tries, len(PAUSES_S)) - 1]
    flight = ls.flight = flight._replace(
        due=False,
        first_sent_s=draft.at_s if first else flight.first_sent_s,
        last_sent_s=draft.at_s,
        repeat_s=repeat_s,
    )
    if draft.house.dry_run:
        changed(draft, name, on=flight.on, cause=flight.cause)
        confirmed(draft, name, ls, flight)
        return
    if first and not relay.confirms:
        changed(draft, name, on=flight.on, cause=flight.cause)
    if flight.on and relay.dead_man_s is not None:
        ls.renew_s = draft.at_s + relay.dead_man_s / 3.0
    draft.commands.append(SwitchRelay(name, flight.on))


def changed(draft: Draft, name: str, *, on: bool, cause: Cause) -> None:
    """Keep that the relay really moved (R8)."""
    ls = draft.load(name)
    ls.changed_s = draft.at_s
    ls.switches += 1
    draft.note(NoteKind.SWITCHED, name, float(on), cause)


def confirmed(draft: Draft, name: str, ls: LoadState, flight: Flight) -> None:
    """Take a switching for done."""
    ls.flight = flight._replace(confirmed_s=draft.at_s, due=False, repeat_s=INFINITY)
    ls.live = flight.on
    if not flight.on:
        ls.idle = False
    retries = draft.house.loads[name].relay.retries
    answers = flight.heard or flight.tries > retries  # after it was told OFF in vain
    if ls.fault and (flight.on or not ls.dead or answers):
        mend(draft, name)


def mend(draft: Draft, name: str) -> None:
    """End a fault: the relay does as told, or its device came back."""
    ls = draft.load(name)
    if ls.fault:
        ls.fault = ls.dead = False
        ls.retry_s, ls.vain = INFINITY, 0
        draft.note(NoteKind.FAULT_OVER, name)


def run_timers(draft: Draft) -> bool:
    """Repeat what is not confirmed in time, or give it up.

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
        flight = ls.flight
        if flight is not None and at_s >= flight.repeat_s and flight.confirmed_s is None:
            doubted |= _unconfirmed(draft, name)
    return doubted


def _unconfirmed(draft: Draft, name: str) -> bool:
    """Repeat a command, or give it up; return whether the credit of an OFF ended."""
    ls = draft.load(name)
    flight = ls.flight
    assert flight is not None, name
    relay = draft.house.loads[name].relay
    if not relay.confirms:
        confirmed(draft, name, ls, flight)
        return False
    if flight.due:  # its bridge has not taken the last repeat yet: it counts when it is sent
        ls.flight = flight._replace(repeat_s=draft.at_s + BRIDGE_PLACE_S)
        return False
    if flight.tries == 0:
        draft.note(NoteKind.UNCONFIRMED, name)
    if flight.on and name not in draft.state.wanted:
        decide(draft, name, on=False, cause=Cause.RETRY, reason=Reason.IDLE)
        return False  # nobody asks any more, and a slow relay must not go on late
    newly_doubted = not flight.doubted and not flight.on
    if flight.tries < relay.retries:
        draft.note(NoteKind.RETRIED, name)
        ls.flight = flight._replace(
            due=True,
            doubted=True,
            tries=flight.tries + 1,
            repeat_s=draft.at_s + BRIDGE_PLACE_S,  # set when it is sent
        )
        return newly_doubted
    if not ls.fault:
        ls.fault = True
        draft.note(NoteKind.FAULT, name)
    if flight.on:
        ls.dead = True
        ls.retry_s = draft.at_s + wish.DEAD_RETRY_S
        ls.vain += 1
        decide(draft, name, on=False, cause=Cause.RETRY, reason=Reason.FAULT)
        ls.flight = (ls.flight or flight)._replace(doubted=True)
        return False
    again = flight.tries > relay.retries
    if again:
        draft.note(NoteKind.RETRIED, name)
    ls.flight = flight._replace(
        due=again,
        doubted=True,
        tries=flight.tries + 1,
        repeat_s=draft.at_s + STUCK_RETRY_S,
    )
    return newly_doubted


def _tell_again(draft: Draft, due: list[str]) -> None:
    """Say what can wait, four a bridge and half a second; who has to wait stays that much behind.

    It waits for commands, but no command waits for it.
    """
    places = bridge_places(draft)
    for name, ls in draft.state.loads.items():
        bridge = draft.house.loads[name].relay.bridge
        if bridge in places and draft.at_s < ls.told_again_s + BRIDGE_PLACE_S:
            places[bridge] -= 1
    for name in due:
        ls = draft.load(name)
        off = draft.at_s >= ls.retell_s
        bridge = draft.house.loads[name].relay.bridge
        if bridge in places:
            if places[bridge] <= 0:
                if off:
                    ls.retell_s = draft.at_s + BRIDGE_PLACE_S
                else:
                    ls.renew_s = draft.at_s + BRIDGE_PLACE_S
                continue
            places[bridge] -= 1
        if off:
            _tell_off_again(draft, name)
        else:
            _renew(draft, name)


def _tell_off_again(draft: Draft, name: str) -> None:
    """Tell a relay OFF that has not said so, though the meter fell: it may have missed it."""
    ls = draft.load(name)
    ls.retell_s = draft.at_s + RETELL_S
    ls.told_again_s = draft.at_s
    draft.note(NoteKind.RETRIED, name)
    ons = (number for number, each in enumerate(draft.commands) if _is_on(each))
    draft.commands.insert(next(ons, len(draft.commands)), SwitchRelay(name, on=False))


def _is_on(command: Command) -> bool:
    return isinstance(command, RenewLease) or (isinstance(command, SwitchRelay) and command.on)


def _renew(draft: Draft, name: str) -> None:
    ls = draft.load(name)
    dead_man_s = draft.house.loads[name].relay.dead_man_s
    if not ls.on or dead_man_s is None or ls.online is False:
        ls.renew_s = INFINITY  # a device that is away is asked again when it returns
        return
    ls.renew_s = draft.at_s + dead_man_s / 3.0
    ls.told_again_s = draft.at_s
    draft.commands.append(RenewLease(name))


def deadlines_s(draft: Draft, name: str, flight: Flight) -> Iterator[float]:
    """Return when a switching needs time's attention; some may be past."""
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
