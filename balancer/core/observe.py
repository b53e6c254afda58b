"""What can be seen of the controller: a snapshot of house and state (R18, R19)."""

from balancer.core import breaker, estimate, learn, reasons, restrain, shown, wish
from balancer.core.commands import Reason
from balancer.core.draft import Draft
from balancer.core.model import Circuit, House
from balancer.core.snapshot import CircuitSnapshot, LoadSnapshot, MeterSnapshot, Snapshot
from balancer.core.state import LoadState, State

TAKES_MORE = 1.05  # above this a learned draw is worth telling


def snapshot(house: House, state: State, at_s: float, next_tick_s: float | None = None) -> Snapshot:
    """Return what can be seen at ``at_s``, which is not before the last event.

    Args:
        house: The house.
        state: As the last step left it; not changed.
        at_s: Now, on the monotonic line.
        next_tick_s: When the next tick is due, where that is known.
    """
    draft = Draft(house, state, max(at_s, state.at_s))
    wish.accrue(draft)
    now = draft.state
    wanting = [name for name in house.loads if wish.contends(now, name)]
    behind = [name for name in wanting if not now.loads[name].on] or wanting
    order = wish.in_order(house, now, behind)
    return Snapshot(
        at_s=at_s,
        away=now.away,
        starting=not now.started or any(ls.reason is Reason.STARTING for ls in now.loads.values()),
        settled=all(
            ls.flight is None or ls.flight.confirmed_s is not None for ls in now.loads.values()
        ),
        pointer=order[0] if order else None,
        circuits={name: _circuit(house, now, circuit) for name, circuit in house.circuits.items()},
        meters={
            name: MeterSnapshot(
                power_w=None if meter.last is None else meter.last.power_w,
                age_s=None if meter.last is None else now.at_s - meter.last.at_s,
                period_s=estimate.period_s(meter),
            )
            for name, meter in now.meters.items()
        },
        zones={name: zone.requested for name, zone in now.zones.items()},
        loads={name: _load(house, now, name, ls, next_tick_s) for name, ls in now.loads.items()},
    )


def _circuit(house: House, state: State, circuit: Circuit) -> CircuitSnapshot:
    name = circuit.name
    cs = state.circuits[name]
    reading = estimate.last_reading(state, circuit)
    if circuit.available is not None and circuit.meter is None:
        shown = state.meters[circuit.available.name].last
        age_s = None if shown is None else state.at_s - shown.at_s
    else:
        age_s = None if reading is None else state.at_s - reading.at_s
    active = restrain.active(house, state, name)
    mode = restrain.shown_mode(circuit, cs, active)
    heat = margin_s = None
    if reading is not None and age_s is not None and cs.heat is not None:
        warm = breaker.advance(circuit.breaker, cs.heat, reading.power_w, max(0.0, age_s))
        heat = breaker.heat_ratio(circuit.breaker, warm, reading.power_w)
        margin_s = breaker.trip_margin_s(circuit.breaker, warm, reading.power_w)
    overload = sheddable_overload(house, state, circuit)
    return CircuitSnapshot(
        limit_w=cs.limit_w,
        meter_w=None if reading is None else reading.power_w,
        age_s=age_s,
        blind=cs.blind,
        starting=not wish.ready(house, state, name) and not cs.blind,
        non_heating_w=estimate.non_heating_w(house, state, name),
        available_w=estimate.available_w(house, state, name),
        headroom_w=None if reading is None else cs.limit_w - reading.power_w,
        mode=mode,
        mode_source=None if circuit.steps is None else "auto" if cs.mode is None else "set",
        max_active=None if circuit.steps is None or mode is None else circuit.steps[mode],
        active=active,
        heat=heat,
        trip_margin_s=margin_s,
        sheddable_overload=overload,
        likely_overload=None if overload is None else likely_overload(house, state, circuit),
        spike_w=cs.spike_w,
        detail=_circuit_detail(house, state, circuit, overload),
    )


def reaction_s(house: House, state: State, circuit: Circuit) -> float | None:
    """Return the time from a rise of power to the last relay that opened, as measured (R19).

    None until the meter's period is known; relays not yet measured count as slow.
    """
    if circuit.meter is None:
        return None
    meter = state.meters[circuit.meter.name]
    period_s = max(meter.intervals_s, default=None)
    if period_s is None:
        return None
    confirms = [
        max(state.loads[name].confirm_s, default=estimate.LEAST_CONFIRM_S)
        for name in house.loads_of[circuit.name]
    ]
    return period_s + max(meter.lags_s, default=0.0) + max(confirms, default=0.0)


def sheddable_overload(house: House, state: State, circuit: Circuit) -> float | None:
    """Return the largest overload that can be shed in time, as a multiple of the limit (R19)."""
    delay_s = reaction_s(house, state, circuit)
    if delay_s is None:
        return None
    limit_w = state.circuits[circuit.name].limit_w
    if limit_w <= 0.0:
        return None
    return breaker.survivable_overload(circuit.breaker, delay_s, limit_w)


def likely_overload(house: House, state: State, circuit: Circuit) -> float:
    """Return what the loads and the biggest spike seen can cause, as a multiple of the limit."""
    cs = state.circuits[circuit.name]
    if cs.limit_w <= 0.0:
        return 1.0
    full_w = cs.limit_w - circuit.reserve_w
    if not circuit.idle_reserved:
        full_w += sum(
            estimate.rated_w(house, state, circuit.name, name)
            for name in estimate.live_loads(house, state, circuit.name)
            if state.loads[name].idle
        )
    return (full_w + (cs.spike_w or 0.0)) / cs.limit_w


def _circuit_detail(
    house: House, state: State, circuit: Circuit, overload: float | None
) -> str | None:
    cs = state.circuits[circuit.name]
    if cs.suspect:
        return "meter does not move"
    if cs.unsheddable:
        return "over the limit with every load off"
    if abs(cs.off_scale) >= shown.OFF_SCALE_TIMES:
        share = "ten times" if cs.off_scale > 0 else "a tenth of"
        return f"meter shows {share} what is switched: are its unit and scale right?"
    needed = likely_overload(house, state, circuit)
    if overload is not None and overload < needed:
        return (
            f"an overload of {needed:.2f} times the limit can happen, "
            f"only {overload:.2f} times can be shed in time"
        )
    return None


def _load(
    house: House, state: State, name: str, ls: LoadState, next_tick_s: float | None
) -> LoadSnapshot:
    load = house.loads[name]
    own = next(iter(load.power_w_by_circuit))
    measured = None if load.meter is None else state.meters[load.meter.name].last
    if (
        measured is not None
        and load.meter is not None
        and (state.at_s - measured.at_s <= load.meter.stale_after_s)
    ):
        draw_w = measured.power_w
    elif ls.live:
        ratio = learn.draw_ratio(ls, house.circuits[own].safe_ratio)
        draw_w = house.rated_w[name] * ratio
    else:
        draw_w = 0.0
    return LoadSnapshot(
        on=ls.on,
        relay=ls.relay,
        reason=ls.reason,
        since_s=ls.since_s,
        until_s=reasons.until_s(house, state, name, next_tick_s),
        requested=state.zones[load.zone].requested,
        boosted=wish.boosted(ls, state.at_s),
        boost_until_s=ls.boost_until_s,
        draw_w=draw_w,
        learned_w=learn.learned_w(house, name, ls),
        learned_low_w=learn.learned_low_w(house, name, ls),
        learned_steps=ls.learned.steps,
        share=wish.share(house, state, name),
        served_s=state.shares[name].served_s,
        wanted_s=state.shares[name].wanted_s,
        claim=ls.claim,
        shed=ls.shed,
        online=ls.online,
        switched_s=ls.changed_s,
        switches=ls.switches,
        wear=ls.switches / load.rated_switches,
        detail=_load_detail(house, state, name, ls),
    )


def _load_detail(house: House, state: State, name: str, ls: LoadState) -> str | None:
    if ls.fault:
        return "does not go on" if ls.dead else "does not go off"
    if wish.left_alone(ls, state.at_s):
        return "switched by somebody else, left alone"
    if ls.too_big and not ls.on and name in state.wanted:
        return "too big now"
    learned_w = learn.learned_w(house, name, ls)
    if learned_w is not None and learned_w > TAKES_MORE * house.rated_w[name]:
        more = round(100.0 * (learned_w / house.rated_w[name] - 1.0))
        return f"takes {more} % more than configured"
    if ls.idle and ls.on:
        return "on, but draws nothing"
    return None
