"""What a reading tells: power, cadence, lag, the peak window, a meter that stands still, heat."""

from itertools import combinations

from balancer.core import book, breaker, estimate, hear, learn, restrain, shown
from balancer.core.commands import Cause, NoteKind
from balancer.core.draft import Draft
from balancer.core.events import MeterReadings
from balancer.core.model import Circuit, Estimation
from balancer.core.state import INFINITY, CircuitState, Lone, MeterState, Reading

INTERVALS = 8
LAGS = 8
LONGEST_LAG_S = 30.0
NOTICEABLE_W = 300.0  # a switching that a meter should show (R13)
UNMOVED_TIMES = 3
STILL_W = 0.5
MOST_IDLE = 6  # of which every combination is tried
IDLE_RISE = (0.7, 1.3)  # a rise of about its rated power: an idle heater draws again


def take(draft: Draft, event: MeterReadings) -> None:
    """Take in readings: of supplies, of what is available, of loads."""
    for name, power_w in event.power_w.items():
        accept(draft.meter(name), Reading(event.at_s, power_w))
    for name, circuit in draft.house.circuits.items():
        if circuit.meter is not None and circuit.meter.name in event.power_w:
            _supply(draft, name, circuit)
        guard = draft.house.guards.get(name)
        if guard is not None and guard.name in event.power_w and draft.state.circuits[name].blind:
            restrain.see_again(draft, name)
    for name, power_w in event.power_w.items():
        load = draft.house.load_of_meter.get(name)
        if load is not None:
            _own_meter(draft, load, power_w)


def accept(meter: MeterState, reading: Reading) -> None:
    """Keep a reading and the meter's cadence."""
    if meter.last is not None and meter.unbroken:
        interval_s = reading.at_s - meter.last.at_s
        meter.intervals_s = (*meter.intervals_s, interval_s)[-INTERVALS:]
    meter.before = meter.last
    meter.last = reading
    meter.unbroken += 1


def _own_meter(draft: Draft, name: str, power_w: float) -> None:
    ls = draft.state.loads[name]
    ratio = max(0.0, power_w) / draft.house.rated_w[name]
    if ls.on and ls.live and ls.flight is None:
        if learn.tells(ls, ratio, draft.at_s):
            learn.with_step(draft.load(name), ratio, draft.at_s)
    elif hear.belies(draft.house, name, ls, ratio, draft.at_s):
        hear.drawn(draft, name)


def _supply(draft: Draft, name: str, circuit: Circuit) -> None:
    """Take in a reading of a circuit's own meter, before anything is decided on it."""
    assert circuit.meter is not None, name
    meter = draft.state.meters[circuit.meter.name]
    reading = meter.last
    assert reading is not None, name
    cs = draft.circuit(name)
    if (
        meter.before is None
        or meter.unbroken == 1
        or reading.at_s - meter.before.at_s > circuit.meter.stale_after_s
    ):
        interrupted(cs)
    warm(cs, circuit, reading, meter.before)
    shown.confirm_by_meter(draft, name, reading)
    shown.end_credits(draft, name, reading)
    _lag(draft, name, cs, reading)
    _still(draft, name, cs, reading, meter.before)


def warm(cs: CircuitState, circuit: Circuit, now: Reading, before: Reading | None) -> None:
    """Advance the heat at the greater of the two powers (R19: never more optimistic)."""
    heat = breaker.initial_heat(circuit.breaker) if cs.heat is None else cs.heat
    if before is not None:
        power_w = max(abs(now.power_w), abs(before.power_w))
        heat = breaker.advance(circuit.breaker, heat, power_w, max(0.0, now.at_s - before.at_s))
    cs.heat = heat


def interrupted(cs: CircuitState) -> None:
    """Forget what depends on readings without a gap: the missing ones may have shown it."""
    cs.lone = None
    cs.unmoved = 0
    if not cs.suspect:  # a suspect one has to move (R13)
        cs.still_w = None


def _lag(draft: Draft, circuit: str, cs: CircuitState, reading: Reading) -> None:
    """Measure how long after the relay's report the meter shows a lone switching (R2).

    The switching is remembered for longer than its flight: a meter that lags more than
    ``settle`` shows it when nobody waits for it any more.
    """
    house, state = draft.house, draft.state
    under_way = [
        (name, flight)
        for name in house.loads_of[circuit]
        if (flight := state.loads[name].flight) is not None
    ]
    if len(under_way) > 1:
        cs.lone = None
    elif under_way:
        name, flight = under_way[0]
        watts = house.power_w[name][circuit] / house.circuits[circuit].safe_ratio
        if (
            flight.alone
            and flight.confirmed_s is not None
            and flight.cause is not Cause.FOREIGN
            and circuit in flight.before
            and watts >= NOTICEABLE_W
            and (cs.lone is None or cs.lone.decided_s != flight.decided_s)
        ):
            sign = 1.0 if flight.on else -1.0
            cs.lone = Lone(
                flight.decided_s, flight.confirmed_s, flight.before[circuit], sign * watts
            )
            cs.lone_seen = False
    lone = cs.lone
    if lone is None or cs.lone_seen:
        return
    lag_s = reading.at_s - lone.confirmed_s
    step_w = reading.power_w - lone.before_w
    if lag_s > LONGEST_LAG_S:
        cs.lone_seen = True
    elif step_w * lone.expected_w > 0.0 and abs(step_w) >= abs(lone.expected_w) / 2.0:
        cs.lone_seen = True
        meter = house.circuits[circuit].meter
        assert meter is not None, circuit
        own = draft.meter(meter.name)
        own.lags_s = (*own.lags_s, max(0.0, lag_s))[-LAGS:]
        own.prompt = (*own.prompt, any(estimate.early(own)[-1:]))[-LAGS:]


def _still(
    draft: Draft, circuit: str, cs: CircuitState, now: Reading, before: Reading | None
) -> None:
    """Count switchings that the meter should have shown and did not (R13)."""
    if cs.still_w is None or abs(now.power_w - cs.still_w) > STILL_W:
        cs.still_w = now.power_w
        cs.moved_s = now.at_s
        cs.unmoved = 0
        if cs.suspect:
            cs.suspect = False
            draft.note(NoteKind.SUSPECT_OVER, circuit)
        return
    house, state = draft.house, draft.state
    if before is None or house.dry_run:
        return
    due = {True: 0, False: 0}
    under_way = {True: 0, False: 0}
    for name in house.loads_of[circuit]:
        flight = state.loads[name].flight
        if flight is None or house.power_w[name][circuit] < NOTICEABLE_W:
            continue
        relief_w = flight.draw_w.get(circuit, NOTICEABLE_W)
        if state.loads[name].idle or relief_w <= 0.0:
            continue
        if not flight.on and relief_w > flight.before.get(circuit, INFINITY):
            continue  # there was less to be seen than it was believed to take
        if flight.unseen:
            continue
        under_way[flight.on] += 1
        settled_s = estimate.settled_at_s(house, state, circuit, name, flight)
        sent_s = flight.first_sent_s
        if sent_s is None or cs.moved_s > sent_s or flight.confirmed_s is None:
            continue
        if before.at_s < settled_s <= now.at_s:
            due[flight.on] += 1
    if under_way[True] and under_way[False]:
        return
    cs.unmoved += due[True] + due[False]
    if cs.unmoved >= UNMOVED_TIMES and not cs.suspect:
        cs.suspect = True
        draft.note(NoteKind.SUSPECT, circuit)


def note_room(draft: Draft, circuit: str) -> None:
    """Keep what heating could use, from a reading with nothing in flight (R7)."""
    house, state = draft.house, draft.state
    own = house.circuits[circuit]
    if state.circuits[circuit].blind:
        return
    used_w: float | None
    if own.estimation is Estimation.INDIVIDUAL:
        used_w = estimate.non_heating_w(house, state, circuit)
    elif own.estimation is Estimation.EXTERNAL and estimate.checked(own):
        available_w = estimate.available_w(house, state, circuit)
        used_w = None if available_w is None else -available_w
    else:
        reading = estimate.last_reading(state, own)
        if reading is None or estimate.in_flight(house, state, circuit, reading):
            return
        used_w = estimate.beside_heating_w(house, state, circuit)
    if used_w is None:
        return
    cs = draft.circuit(circuit)
    before_w = cs.last_non_heating_w
    if before_w is not None:
        rise_w = min(used_w - before_w, _meter_rise_w(draft, own))
        if rise_w > 0.0:
            cs.spike_w = max(rise_w, cs.spike_w or 0.0)
            _draws_again(draft, circuit, rise_w)
    keep_peak(cs, own, Reading(draft.at_s, used_w))
    book.earn(draft, circuit)


def keep_peak(cs: CircuitState, circuit: Circuit, used: Reading) -> None:
    """Add non-heating power to the window; only what may still be its peak is kept (R7)."""
    cs.last_non_heating_w = used.power_w
    if cs.window_since_s is None:
        cs.window_since_s = used.at_s
    oldest_s = used.at_s - circuit.restore_delay_s
    kept = [each for each in cs.window if each.power_w > used.power_w and each.at_s > oldest_s]
    cs.window = (*kept, used)


def _meter_rise_w(draft: Draft, circuit: Circuit) -> float:
    """Return how much the circuit's own meter rose; what we believe of loads may change too."""
    if circuit.meter is None or (
        circuit.estimation is not Estimation.GLOBAL and estimate.checked(circuit)
    ):
        return INFINITY
    meter = draft.state.meters[circuit.meter.name]
    if meter.last is None or meter.before is None:
        return 0.0
    return meter.last.power_w - meter.before.power_w


def _draws_again(draft: Draft, circuit: str, rise_w: float) -> None:
    """Idle loads whose rated power is about the rise are believed to draw again."""
    house, state = draft.house, draft.state
    idle = [name for name in house.loads_of[circuit] if state.loads[name].idle][:MOST_IDLE]
    best: tuple[str, ...] = ()
    best_w = INFINITY
    for count in range(1, len(idle) + 1):
        for names in combinations(idle, count):
            watts = sum(house.power_w[name][circuit] for name in names)
            off_w = abs(watts - rise_w)
            if IDLE_RISE[0] * watts <= rise_w <= IDLE_RISE[1] * watts and off_w < best_w:
                best, best_w = names, off_w
    for name in best:
        draft.load(name).idle = False
