"""A reading that changes nothing: the common case, and the only one that has to be cheap.

While nothing is in flight, blind or suspect, what the loads draw and who waits is known from
the last full step (``Calm``). A reading that is under every limit and leaves too little room
for whoever waits then only moves windows and clocks. Everything else takes the full step.
"""

from collections.abc import Mapping

from balancer.core import book, estimate, hear, learn, measure, restrain, wish
from balancer.core.events import MeterReadings
from balancer.core.model import Estimation, House
from balancer.core.state import INFINITY, Calm, CalmCircuit, Reading, State, copied


def calm(house: House, state: State) -> Calm | None:
    """Return what quiet readings need to know, None while a reading may change more."""
    if not (state.started and state.connected) or state.stopping:
        return None
    for ls in state.loads.values():
        if ls.flight is not None or not ls.reconciled:
            return None
    sums: dict[str, CalmCircuit] = {}
    rooms_w: dict[str, float] = {}
    for name, circuit in house.circuits.items():
        cs = state.circuits[name]
        if cs.blind or cs.suspect or cs.unsheddable:
            return None
        if cs.lone is not None and not cs.lone_seen:
            return None
        if not wish.ready(house, state, name):
            return None
        if circuit.estimation is Estimation.EXTERNAL and circuit.meter is None:
            rooms_w[name] = book.measured_w(house, state, name) + estimate.TINY_W
            continue
        if circuit.estimation is not Estimation.GLOBAL:
            return None
        live = list(estimate.live_loads(house, state, name))
        if any(estimate.stuck(state.loads[each]) for each in live):
            return None
        rated_w = {each: estimate.rated_w(house, state, name, each) for each in live}
        idle = [each for each in live if state.loads[each].idle]
        waiting = [
            each
            for each in house.loads_of[name]
            if each in state.wanted and not state.loads[each].on
        ]
        sums[name] = CalmCircuit(
            idle_w=sum(rated_w[each] for each in idle) if circuit.idle_reserved else 0.0,
            telling_w=measure.IDLE_RISE[0]
            * min((house.power_w[each][name] for each in idle), default=INFINITY),
            heating_w=sum(estimate.draw_w(house, state, name, each) for each in live),
            live_w=sum(rated_w.values()),
            waiting=bool(waiting),
            same_w=_same_w(house, state, name, waiting),
        )
    return Calm(sums=sums, rooms_w=rooms_w, needs_w=_needs_w(house, state))


def _same_w(house: House, state: State, circuit: str, waiting: list[str]) -> tuple[float, float]:
    """Return from which room to which the same of the waiting are too big, in watts (R6)."""
    if not waiting:
        return -INFINITY, INFINITY
    ours_w = sum(
        estimate.rated_w(house, state, circuit, each)
        for each in house.loads_of[circuit]
        if state.loads[each].on
    )
    edges_w = [estimate.rated_w(house, state, circuit, each) - ours_w for each in waiting]
    room_w = book.measured_w(house, state, circuit) + estimate.TINY_W
    return (
        max((each for each in edges_w if each <= room_w), default=-INFINITY),
        min((each for each in edges_w if each > room_w), default=INFINITY),
    )


def _needs_w(house: House, state: State) -> tuple[Mapping[str, float], ...]:
    needs: list[Mapping[str, float]] = []
    for name in house.loads:
        ls = state.loads[name]
        if ls.on or ls.live or name not in state.wanted:
            continue
        if state.at_s < restrain.rested_s(house, name, ls):
            continue  # time brings a full step
        own = house.power_w[name]
        if any(
            (places := restrain.places_left(house, state, circuit)) is not None and places <= 0
            for circuit in own
        ):
            continue
        ratio = ls.learned.admission
        need = {circuit: watts * ratio for circuit, watts in own.items()}
        if not any(_covers(need, other) for other in needs):
            needs = [other for other in needs if not _covers(other, need)]
            needs.append(need)
    return tuple(needs)


def _covers(need: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Return whether there is room for the other wherever there is room for this one."""
    return all(watts <= need.get(circuit, -1.0) for circuit, watts in other.items())


def quiet(house: House, state: State, event: MeterReadings) -> State | None:
    """Return the state after a reading that changes nothing, None if it may change something."""
    known = state.calm
    if known is None or event.at_s >= state.timers_s:
        return None
    meters = state.meters
    circuits = state.circuits
    measured: list[str] = []
    for name, power_w in event.power_w.items():
        load = house.load_of_meter.get(name)
        if load is not None:
            ls = state.loads[load]
            ratio = max(0.0, power_w) / house.rated_w[load]
            if ls.on and learn.tells(ls, ratio, event.at_s):
                return None
            if hear.belies(house, load, ls, ratio, event.at_s):
                return None
            continue
        before = meters[name].last
        own = house.measured_by.get(name)
        if before is None or own is None:
            return None
        for circuit in own:
            if power_w > circuits[circuit].limit_w:
                return None
            sums = known.sums[circuit]
            if power_w - before.power_w >= sums.telling_w:
                return None
            if sums.waiting:
                from_w, to_w = sums.same_w
                if not from_w <= _room_w(house, state, event, circuit) < to_w:
                    return None
        measured += own
    for need in known.needs_w:
        for circuit, watts in need.items():
            if watts > _room_w(house, state, event, circuit):
                break
        else:
            return None
    after = copied(state)
    after.at_s = event.at_s
    after.meters = meters.copy()
    for name, power_w in event.power_w.items():
        meter = after.meters[name] = copied(meters[name])
        measure.accept(meter, Reading(event.at_s, power_w))
    if measured:
        after.circuits = circuits.copy()
        for circuit in measured:
            _follow(house, after, circuit, known.sums[circuit])
    return after


def _room_w(house: House, state: State, event: MeterReadings, circuit: str) -> float:
    """Return the room that a circuit has at most after a reading, in watts (R4)."""
    assert state.calm is not None, circuit
    told_w = state.calm.rooms_w.get(circuit)
    if told_w is not None:
        return told_w
    own = house.circuits[circuit]
    assert own.meter is not None, circuit
    meter = state.meters[own.meter.name]
    assert meter.last is not None, circuit
    power_w = event.power_w.get(own.meter.name)
    if power_w is None:
        power_w = meter.last.power_w if meter.before is None else meter.before.power_w
    most_w = max(power_w, meter.last.power_w)
    free_w = state.circuits[circuit].limit_w - own.reserve_w - state.calm.sums[circuit].idle_w
    return free_w - most_w + estimate.TINY_W


def _follow(house: House, after: State, circuit: str, sums: CalmCircuit) -> None:
    own = house.circuits[circuit]
    assert own.meter is not None, circuit
    meter = after.meters[own.meter.name]
    assert meter.last is not None, circuit
    now = meter.last
    cs = after.circuits[circuit] = copied(after.circuits[circuit])
    measure.warm(cs, own, now, meter.before)
    if cs.still_w is None or abs(now.power_w - cs.still_w) > measure.STILL_W:
        cs.still_w = now.power_w
        cs.moved_s = now.at_s
        cs.unmoved = 0
    used_w = max(0.0, now.power_w - sums.heating_w)
    if cs.last_non_heating_w is not None and meter.before is not None:
        rise_w = min(used_w - cs.last_non_heating_w, now.power_w - meter.before.power_w)
        if rise_w > 0.0:
            cs.spike_w = max(rise_w, cs.spike_w or 0.0)
    measure.keep_peak(cs, own, Reading(now.at_s, used_w))
    free_w = cs.limit_w - own.reserve_w
    if not sums.waiting:
        peak_w = book.proven_peak_w(own, cs, now.at_s)
        if peak_w is not None:
            proven_w = free_w - peak_w - sums.heating_w
            cs.usable_w = max(cs.usable_w, sums.live_w + proven_w)
    cs.usable_w = min(cs.usable_w, sums.live_w + free_w - now.power_w)
