"""R2, R10, R14: what the meters show of a switching: confirmed by them, settled, learned from."""

from collections.abc import Sequence

from balancer.core import act, estimate, learn
from balancer.core.commands import Cause, NoteKind
from balancer.core.draft import Draft
from balancer.core.state import INFINITY, Flight, Reading

TENFOLD = (7.0, 14.0)  # a step as a multiple of the rated power
TENTH = (0.07, 0.14)
OFF_SCALE_TIMES = 3
LEAST_FELL = 0.65  # of one that went on: had it not fallen, the step would be beyond belief
OVERDRAW = learn.MOST_RATIO  # a fifth above the label, and mains voltage above 230 V


def confirm_by_meter(draft: Draft, circuit: str, reading: Reading) -> None:
    """Believe an OFF that the circuit's meter shows: it fell by half the draw or more (R10).

    Where several are under way at once the fall has to leave no doubt about any of them. A
    relay that can report is asked until it says so, too. What falls after the first reading that
    surely shows the last command is something else: the next one is judged from there.
    """
    house, state = draft.house, draft.state
    meter = house.circuits[circuit].meter
    assert meter is not None, circuit
    previous = state.meters[meter.name].before
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
            settled_s = estimate.settled_at_s(house, state, circuit, name, flight)
            if previous is None or previous.at_s < settled_s:
                unsure.append(name)
                continue
            before = {**flight.before, circuit: reading.power_w}
            draft.load(name).flight = flight._replace(before=before)
        sure_w += OVERDRAW * house.power_w[name][circuit]
    flights = [flight for name in unsure if (flight := state.loads[name].flight) is not None]
    falls_w = [flight.fall_w.get(circuit, 0.0) for flight in flights]
    if not falls_w or min(falls_w) <= 0.0:
        return
    fell_w = min(flight.before[circuit] for flight in flights) - reading.power_w - sure_w
    if fell_w < sum(falls_w) - min(falls_w) / 2.0:
        return
    for name, flight in zip(unsure, flights, strict=True):
        if draft.at_s > flight.last_sent_s:
            ls = draft.load(name)
            if draft.house.loads[name].relay.confirms:
                if ls.relay is True or not flight.unseen:
                    act.changed(draft, name, on=False, cause=flight.cause)
                else:
                    ls.changed_s = draft.at_s  # no relay has said that it moved, but it may have
                ls.recheck_s = flight.repeat_s
                ls.retell_s = draft.at_s + act.RETELL_S
            ls.flight = flight._replace(confirmed_s=draft.at_s, due=False, repeat_s=INFINITY)
            ls.live = False


def end_credits(draft: Draft, circuit: str, reading: Reading) -> None:
    """Note the OFFs whose fall a reading shows: they take nothing off the next ones (R2, R9).

    The evidence is that of ``confirm_by_meter``. If it was another appliance that went off, one
    load too many is shed at worst.
    """
    state = draft.state
    names = []
    draws_w = []
    befores_w = []
    for name in draft.house.loads_of[circuit]:
        flight = state.loads[name].flight
        if flight is None or flight.on or circuit in flight.fallen:
            continue
        draw_w = flight.draw_w.get(circuit, 0.0)
        if draw_w <= 0.0 or (flight.doubted and flight.confirmed_s is None):
            continue  # nothing is credited for it
        if flight.first_sent_s is None or circuit not in flight.before:
            return  # some of what is to fall has not been sent, or nobody knows from where
        names.append(name)
        draws_w.append(draw_w)
        befores_w.append(flight.before[circuit])
    if not names:
        return
    if min(befores_w) - reading.power_w >= sum(draws_w) - min(draws_w) / 2.0:
        for name in names:
            ls = draft.load(name)
            assert ls.flight is not None, name
            ls.flight = ls.flight._replace(fallen=ls.flight.fallen | {circuit})


def tidy(draft: Draft) -> None:
    """Forget switchings that both of the last readings show; learn from those (R2, R14)."""
    house, state = draft.house, draft.state
    for name in house.loads:
        flight = state.loads[name].flight
        if flight is None or flight.confirmed_s is None:
            continue
        if all(_shown(draft, circuit, name, flight) for circuit in house.power_w[name]):
            if flight.cause is not Cause.FOREIGN and act.was_alone(draft, name, flight):
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
            draft.load(other).flight = flight._replace(
                alone=False,
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
        if flight.unseen and not learn.consistent(-step_w, flight.rise_w.get(circuit, 0.0)):
            return  # something else went on, or it was never seen to be on
        ratio = (step_w if flight.on else -step_w) / house.power_w[name][circuit]
        _judge_scale(draft, circuit, ratio)
        sure = bool(state.meters[meter.name].lags_s)  # else it may show it later
        if ratio >= learn.LEAST_RATIO or (sure and ratio > -learn.IDLE_RATIO):
            learn.with_step(draft.load(name), max(0.0, ratio), draft.at_s)
        return


def learn_from_overload(draft: Draft, circuit: str, picked: Sequence[str]) -> None:
    """Learn from a reading over the limit what the load draws that has just gone on (R14).

    In a full house nobody is switched alone: one that takes more than its label says would be
    over the limit at each turn, for ever. What went off for it is taken to have drawn what its OFF
    is credited with. It may have been idle, or its contact welded: so it has to be large enough
    for the step to be rejected then. A step counts if it is more than rated.

    Args:
        draft: Changed.
        circuit: Where the reading is from.
        picked: Loads that are shed now. If nothing else was switched the fall will tell, too.
    """
    house, state = draft.house, draft.state
    reading = estimate.last_reading(state, house.circuits[circuit])
    flights = {
        name: flight
        for name in house.loads_of[circuit]
        if (flight := state.loads[name].flight) is not None
    }
    went_on = [name for name, flight in flights.items() if flight.on]
    if reading is None or len(went_on) != 1:
        return
    (name,) = went_on
    if name in picked and len(flights) == 1:
        return
    flight = flights[name]
    before_w = flight.before.get(circuit)
    if (
        before_w is None
        or house.loads[name].meter is not None
        or not act.is_last(draft, name, flight)
        or any(
            each.confirmed_s is None
            or reading.at_s < each.confirmed_s
            or each.before.get(circuit) != before_w
            for each in flights.values()
        )
    ):
        return
    power_w = house.power_w[name][circuit]
    falls_w = [each.draw_w.get(circuit, 0.0) for each in flights.values() if not each.on]
    if min(falls_w, default=power_w) < LEAST_FELL * power_w:
        return
    ratio = (reading.power_w - before_w + sum(falls_w)) / power_w
    told = any(each.at_s == draft.at_s for each in state.loads[name].ratios)  # by a sub-panel
    if ratio > 1.0 and not told:
        learn.with_step(draft.load(name), ratio, draft.at_s)


def _judge_scale(draft: Draft, circuit: str, ratio: float) -> None:
    """Say it once when a meter shows every switching tenfold, or as a tenth: its unit is wrong."""
    cs = draft.circuit(circuit)
    sign = 1 if TENFOLD[0] <= ratio <= TENFOLD[1] else -1 if TENTH[0] <= ratio <= TENTH[1] else 0
    if abs(cs.off_scale) >= OFF_SCALE_TIMES and sign * cs.off_scale <= 0:
        draft.note(NoteKind.WRONG_SCALE_OVER, circuit)
    cs.off_scale = cs.off_scale + sign if sign * cs.off_scale > 0 else sign
    if abs(cs.off_scale) == OFF_SCALE_TIMES:
        draft.note(NoteKind.WRONG_SCALE, circuit, ratio)


def _shown(draft: Draft, circuit: str, name: str, flight: Flight) -> bool:
    settled_s = estimate.settled_at_s(draft.house, draft.state, circuit, name, flight)
    meter = draft.house.circuits[circuit].meter
    if meter is None:
        return draft.at_s >= settled_s
    before = draft.state.meters[meter.name].before
    return before is not None and before.at_s >= settled_s
