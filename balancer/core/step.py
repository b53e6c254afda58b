"""One step: an event comes in, a new state and what is to be done come out.

Theory of operation; the numbers are the rules of the design that the tests name.

1. Estimate (R1, R2): what a circuit takes that is not ours, and what its readings may not
   show yet. Whatever we switch is in flight until every reading shows it.
2. Guard (R13, R15): without meters that report and relays that are known nothing goes on.
3. Shed (R9): a reading over the limit takes loads off in the same step.
4. Restrain (R4, R8): away, ended requests and lower caps take loads off.
5. Rotate (R6): at a tick turns are given anew; claims are places kept.
6. Fill (R4, R5, R7): what is free is used, in order, if it will stay free.
7. Act (R10, R11, R12): OFF before ON, said once, verified, repeated, given up.
8. Explain (R18): every load has a reason.
"""

from collections.abc import Iterable
from typing import NamedTuple, assert_never

from balancer.core import (
    act,
    estimate,
    fill,
    hear,
    learn,
    measure,
    quiet,
    reasons,
    restrain,
    rotate,
    shed,
    shown,
    wish,
)
from balancer.core.commands import Cause, Command, Decided, Note
from balancer.core.draft import Draft
from balancer.core.events import (
    AwaySet,
    BoostSet,
    Connected,
    DeviceReported,
    Disconnected,
    Event,
    LimitSet,
    MeterReadings,
    ModeSet,
    RelayReported,
    RequestReported,
    RotateDue,
    Started,
    StopRequested,
    Wake,
)
from balancer.core.memory import Memory
from balancer.core.model import House
from balancer.core.state import INFINITY, LoadState, Share, State


class Decision(NamedTuple):
    """What follows from one event.

    Attributes:
        state: To be given to the next step.
        commands: To be sent now, in this order; every OFF before every ON.
        decided: Decisions with commands, whether sent now or paced (R11).
        notes: To be counted and logged.
        deadline_s: Earliest instant at which silence would change our mind.
    """

    state: State
    commands: tuple[Command, ...] = ()
    decided: tuple[Decided, ...] = ()
    notes: tuple[Note, ...] = ()
    deadline_s: float = INFINITY


def step(house: House, state: State, event: Event) -> Decision:
    """Decide what follows from one event; ``event.at_s`` never falls."""
    assert event.at_s >= state.at_s, (event.at_s, state.at_s)
    if isinstance(event, MeterReadings):
        after = quiet.quiet(house, state, event)
        if after is not None:
            return Decision(after, deadline_s=min(after.timers_s, _silence_s(house, after)))
    draft = Draft(house, state, event.at_s)
    is_reading = isinstance(event, MeterReadings)
    timed = event.at_s >= state.timers_s or not (is_reading or isinstance(event, RelayReported))
    doubted, room_s = False, INFINITY
    if timed or not is_reading:
        wish.accrue(draft)  # a reading alone changes nothing that shares depend on
    cause = _take_in(draft, event)
    if timed:
        _end_requests(draft)
        wish.review(draft)
        learn.forget(draft)
        hear.run_timers(draft)
        doubted = act.run_timers(draft)
    shown.tidy(draft)
    restrain.go_blind(draft)
    if draft.state.started:
        for circuit in _told_of(draft, event):
            measure.note_room(draft, circuit)
        shedding = shed.shed(draft, Cause.UNCONFIRMED if doubted else cause or Cause.OVERLOAD)
        restrain.lower_to_caps(draft)
        restrain.release(draft, Cause.BOOST if isinstance(event, BoostSet) else Cause.REQUEST)
        if isinstance(event, RotateDue) or draft.state.turns_by_s < INFINITY:
            rotate.turn(draft, asked=isinstance(event, RotateDue) and event.asked)
        if not shedding:
            room_s = fill.fill(draft)
    act.transmit(draft)
    reasons.explain(draft, all_loads=timed)
    _set_deadlines(draft, room_s, all_loads=timed)
    return _decision(draft)


def _decision(draft: Draft) -> Decision:
    house, state = draft.house, draft.state
    decided: tuple[Decided, ...] = ()
    if draft.switchings:
        available_w = {
            circuit: estimate.available_w(house, state, circuit)
            for _, circuit in draft.switchings
            if circuit is not None
        }
        decided = tuple(draft.decided(available_w))
    state.calm = quiet.calm(house, state)
    return Decision(
        state=state,
        commands=tuple(draft.commands),
        decided=decided,
        notes=tuple(draft.notes),
        deadline_s=min(state.timers_s, _silence_s(house, state)),
    )


def _take_in(draft: Draft, event: Event) -> Cause | None:
    """Take an event into the state; return the cause of sheds that follow, None as usual."""
    state = draft.state
    match event:
        case MeterReadings():
            measure.take(draft, event)
        case RelayReported():
            hear.report(draft, event.load, on=event.on)
        case RequestReported():
            _requested(draft, event)
        case BoostSet():
            ls = draft.load(event.load)
            ls.boost_until_s = event.at_s + event.for_s if event.for_s > 0.0 else None
            if event.for_s > 0.0 and not ls.on:
                ls.asked = Cause.BOOST
        case AwaySet():
            state.away = event.away
        case ModeSet():
            draft.circuit(event.circuit).mode = event.mode
        case LimitSet():
            cs = draft.circuit(event.circuit)
            cs.usable_w += event.limit_w - cs.limit_w
            cs.limit_w = event.limit_w
            return Cause.LIMIT
        case DeviceReported():
            hear.device(draft, event.load, online=event.online, anew=event.anew)
        case Connected():
            state.connected = True
            for name in state.meters:
                draft.meter(name).unbroken = 0
            hear.ask_all(draft)
        case Disconnected():
            state.connected = False
        case Started():
            _remember(draft, event.memory)
            state.started = True
            for name, ls in state.loads.items():
                if ls.reconciled:
                    draft.load(name).adopt = False
        case StopRequested():
            state.stopping = not draft.house.keep_on_exit
        case RotateDue() | Wake():
            pass
        case _:
            assert_never(event)
    return None


def _requested(draft: Draft, event: RequestReported) -> None:
    """R8: the first change acts at once, changes within ``hold_off`` are merged."""
    zone = draft.zone(event.zone)
    zone.reported = event.requested
    zone.reported_s = event.at_s
    if event.requested is not zone.requested and event.at_s >= zone.held_until_s:
        _change_request(draft, event.zone, requested=event.requested)


def _change_request(draft: Draft, name: str, *, requested: bool) -> None:
    zone = draft.zone(name)
    zone.requested = requested
    zone.held_until_s = draft.at_s + draft.house.hold_off_s
    if requested:
        for load in draft.house.loads.values():
            if load.zone == name and not draft.state.loads[load.name].on:
                ls = draft.load(load.name)
                ls.asked = Cause.REQUEST
                ls.put_right = False


def _end_requests(draft: Draft) -> None:
    """End what time ends: held-off changes, requests not repeated, boosts."""
    zones = draft.state.zones
    for name, ttl_s in draft.house.request_ttl_s.items():
        if zones[name].reported and draft.at_s >= zones[name].reported_s + ttl_s:
            draft.zone(name).reported = False
    for name, zone in draft.state.zones.items():
        if zone.reported is not zone.requested and draft.at_s >= zone.held_until_s:
            _change_request(draft, name, requested=zone.reported)
    for name, ls in draft.state.loads.items():
        if ls.boost_until_s is not None and draft.at_s >= ls.boost_until_s:
            draft.load(name).boost_until_s = None


def _told_of(draft: Draft, event: Event) -> list[str]:
    """Return the circuits whose room a reading has told anew."""
    if not isinstance(event, MeterReadings):
        return []
    tells_of = draft.house.tells_of
    told = {circuit for name in event.power_w for circuit in tells_of.get(name, ())}
    return [name for name in draft.house.circuits if name in told]


def _remember(draft: Draft, memory: Memory) -> None:
    """Take over what the retained topics kept (R15)."""
    house, state = draft.house, draft.state
    state.away = memory.away
    for name, kept in memory.circuits.items():
        cs = draft.circuit(name)
        cs.mode = kept.mode
        if kept.limit_w is not None:
            cs.limit_w = min(kept.limit_w, house.circuits[name].limit_w)
    for name, requested in memory.requests.items():
        zone = draft.zone(name)
        if zone.reported_s == -INFINITY:  # the thermostat itself has not spoken yet
            zone.requested = zone.reported = requested
            zone.reported_s = draft.at_s
    state.shares = {
        **state.shares,
        **{name: Share(was.served_s, was.wanted_s) for name, was in memory.loads.items()},
    }
    for name, was in memory.loads.items():
        ls = draft.load(name)
        ls.boost_until_s = was.boost_until_s
        ls.changed_s = was.switched_s if ls.changed_s is None else ls.changed_s
        ls.switches += was.switches
        ls.shed = was.shed and not ls.on
        ls.claim = was.claim
        ls.assumed_off = was.on is False and not ls.reconciled
        if was.learned_w is not None:
            rated_w, low_w = house.rated_w[name], was.learned_low_w
            highest = was.learned_w / rated_w
            if learn.LEAST_RATIO <= highest <= learn.MOST_RATIO:  # else it was another heater
                learn.remember(
                    ls,
                    highest=highest,
                    lowest=None if low_w is None else low_w / rated_w,
                    steps=was.learned_steps,
                    at_s=draft.at_s,
                )
        if was.on and ls.adopt and ls.relay is not False:  # it has not said otherwise
            ls.on = ls.live = True


def _set_deadlines(draft: Draft, room_s: float, *, all_loads: bool) -> None:
    """Keep the earliest deadline but for silent meters.

    Args:
        draft: Changed.
        room_s: When somebody may be switched on without another reading.
        all_loads: Not only what was touched may have other deadlines.
    """
    house, state, at_s = draft.house, draft.state, draft.at_s
    for name, ls in (state.loads if all_loads else draft.touched).items():
        due_s = _next_s(at_s, _deadlines_s(draft, name, ls))
        if due_s != ls.due_s:
            draft.load(name).due_s = due_s
    due = [ls.due_s for ls in state.loads.values()]
    due += (room_s, act.bridge_free_s(draft), state.turns_by_s)
    due += [
        estimate.credits_end_s(house, state, circuit)
        for circuit in house.circuits
        if estimate.excess_w(house, state, circuit) > estimate.TINY_W
    ]
    zones = state.zones
    due += [zone.held_until_s for zone in zones.values() if zone.reported is not zone.requested]
    due += [
        zones[name].reported_s + ttl_s
        for name, ttl_s in house.request_ttl_s.items()
        if zones[name].reported
    ]
    state.timers_s = _next_s(at_s, due)


def _next_s(at_s: float, due_s: Iterable[float]) -> float:
    """Return the earliest instant after another; infinite: none."""
    next_s = INFINITY
    for each in due_s:
        if at_s < each < next_s:
            next_s = each
    return next_s


def _deadlines_s(draft: Draft, name: str, ls: LoadState) -> list[float]:
    """Return when time changes anything about a load; some may be past."""
    house, state = draft.house, draft.state
    due = [ls.left_alone_until_s, ls.learned.until_s]
    if ls.boost_until_s is not None:
        due.append(ls.boost_until_s)
    if state.connected and state.started:
        due += (ls.renew_s, ls.recheck_s, ls.retell_s)
        if not ls.reconciled:
            due.append(ls.reconcile_by_s)
        if ls.flight is not None:
            due += act.deadlines_s(draft, name, ls.flight)
    if ls.on:
        if name not in state.wanted:
            due.append(restrain.released_s(house, name, ls))
    elif name in state.wanted:
        due.append(restrain.rested_s(house, name, ls))
        if ls.fault and ls.dead:
            due.append(ls.retry_s)
    return due


def _silence_s(house: House, state: State) -> float:
    """Return when the next meter would have been silent for too long."""
    due = INFINITY
    circuits, meters = state.circuits, state.meters
    for name, guard in house.guards.items():
        if not circuits[name].blind:
            last = meters[guard.name].last
            silent_s = (state.since_s if last is None else last.at_s) + guard.stale_after_s
            due = min(due, silent_s)
    for meter in house.appliances:
        last = meters[meter.name].last
        if last is not None and last.at_s + meter.stale_after_s >= state.at_s:
            due = min(due, last.at_s + meter.stale_after_s)
    # just after, since a meter is stale only when it was silent for longer
    return due + 0.001
