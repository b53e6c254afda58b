"""R1, R2: what the circuits take, and what readings may not show yet."""

import itertools
from collections.abc import Iterator

from balancer.core import learn
from balancer.core.model import Circuit, Estimation, House
from balancer.core.state import INFINITY, Flight, LoadState, MeterState, Reading, State

ENOUGH_LAGS = 3
LATE_S = 1.0  # so much later than usual a reading may come
MEASURED_SETTLE_S = 10.0  # neither period nor lag raise settle by more than this each
LEAST_CONFIRM_S = 2.0
TINY_W = 1e-6  # sums of watts are equal if they differ by less


def period_s(meter: MeterState) -> float | None:
    """Return the measured time between readings, in seconds; None until two came."""
    rising = sorted(meter.intervals_s)
    if not rising:
        return None
    middle = len(rising) // 2
    return rising[middle] if len(rising) % 2 else (rising[middle - 1] + rising[middle]) / 2.0


def early(meter: MeterState) -> list[bool]:
    """Return of each of the last readings whether it came long before its turn.

    One that follows a late one is none of them: its turn was due.
    """
    turn_s = period_s(meter)
    if turn_s is None:
        return []
    return [
        each < 0.5 * turn_s and before < 1.5 * turn_s
        for before, each in itertools.pairwise(meter.intervals_s)
    ]


def settle_s(house: House, state: State, circuit: str) -> float:
    """Return how long a reading may not show a confirmed switching (R2).

    A measured lag holds the wait for the reading that showed it, so a few of them say all; until
    then the meter's period is added.
    """
    own = house.circuits[circuit]
    if own.meter is None:
        return own.settle_s
    meter = state.meters[own.meter.name]
    lag_s = min(max(meter.lags_s, default=0.0), MEASURED_SETTLE_S)
    if len(meter.lags_s) >= ENOUGH_LAGS:
        return max(own.settle_s, lag_s + 1.0)
    period = period_s(meter)
    if period is None:
        return own.settle_s
    return max(own.settle_s, min(period, MEASURED_SETTLE_S) + lag_s + 1.0)


def shown_within_s(house: House, state: State, circuit: str) -> float:
    """Return how long after its confirmation a switching is usually in two readings, in seconds."""
    meter = house.circuits[circuit].meter
    period = None if meter is None else period_s(state.meters[meter.name])
    return settle_s(house, state, circuit) + 2.0 * min(period or 0.0, MEASURED_SETTLE_S)


def confirm_within_s(house: House, load: str, ls: LoadState) -> float:
    """Return how long the relay may take to report a command (R11)."""
    relay = house.loads[load].relay
    if not relay.confirms:
        return settle_of_load(house, load)
    if relay.confirm_within_s is not None:
        return relay.confirm_within_s
    return max(LEAST_CONFIRM_S, 1.5 * max(ls.confirm_s)) if ls.confirm_s else LEAST_CONFIRM_S


def settle_of_load(house: House, load: str) -> float:
    """Return the configured settle of the load's slowest circuit."""
    return max(house.circuits[name].settle_s for name in house.power_w[load])


def settled_at_s(house: House, state: State, circuit: str, load: str, flight: Flight) -> float:
    """Return from when on a reading of the circuit surely shows the switching (R2)."""
    settle = settle_s(house, state, circuit)
    if flight.confirmed_s is not None:
        return flight.confirmed_s + settle
    if flight.first_sent_s is None:
        return INFINITY
    return flight.last_sent_s + confirm_within_s(house, load, state.loads[load]) + settle


def contained(house: House, state: State, circuit: str, load: str, reading: Reading) -> bool:
    """Return whether a live load's power is surely in a reading."""
    ls = state.loads[load]
    flight = ls.flight
    if not ls.live:
        return False
    if flight is None or not flight.on:
        return True
    return reading.at_s >= settled_at_s(house, state, circuit, load, flight)


def fall_w(house: House, state: State, circuit: str, load: str) -> float:
    """Return by how much the meter falls at least if a load's OFF is obeyed, in watts (R10).

    An ON that its relay never reported was obeyed if the meter rose.
    """
    flight = state.loads[load].flight
    reading = last_reading(state, house.circuits[circuit])
    if flight is None or not flight.on or flight.confirmed_s is not None:
        return relief_w(house, state, circuit, load)
    before_w = flight.before.get(circuit)
    if reading is None or before_w is None:
        return 0.0
    lowest_w = _lowest_w(house, state, circuit, load)
    return lowest_w if reading.power_w - before_w >= lowest_w / 2.0 else 0.0


def least_w(house: House, state: State, circuit: str, load: str) -> float:
    """Return the lower credible draw of a live load on a circuit, in watts; unknown is none."""
    ls = state.loads[load]
    if ls.relay is not True and (ls.adopt or not ls.on):
        return 0.0  # nothing in this life has shown that it is on
    return _lowest_w(house, state, circuit, load)


def _lowest_w(house: House, state: State, circuit: str, load: str) -> float:
    ratio = learn.least_ratio(state.loads[load], house.circuits[circuit].safe_ratio)
    return house.power_w[load][circuit] * ratio


def relief_w(house: House, state: State, circuit: str, load: str) -> float:
    """Return how much of the last reading a load's OFF surely takes away, in watts (R9).

    A load that has just gone on is believed to be in no reading from before its report.
    """
    flight = state.loads[load].flight
    reading = last_reading(state, house.circuits[circuit])
    if flight is not None and flight.on and reading is not None:
        reported = flight.confirmed_s is not None and reading.at_s >= flight.confirmed_s
        if not reported and not contained(house, state, circuit, load, reading):
            return 0.0
    return least_w(house, state, circuit, load)


def draw_w(house: House, state: State, circuit: str, load: str) -> float:
    """Return the believed draw of a live load on a circuit, in watts."""
    ratio = learn.draw_ratio(state.loads[load], house.circuits[circuit].safe_ratio)
    return house.power_w[load][circuit] * ratio


def rated_w(house: House, state: State, circuit: str, load: str) -> float:
    """Return what admission counts for a load on a circuit, in watts (R14)."""
    return house.power_w[load][circuit] * state.loads[load].learned.admission


def live_loads(house: House, state: State, circuit: str) -> Iterator[str]:
    """Return the loads of a circuit that have to be counted as on."""
    loads = state.loads
    return (name for name in house.loads_of[circuit] if loads[name].live)


def in_flight(house: House, state: State, circuit: str, reading: Reading) -> bool:
    """Return whether a reading may or may not show some switching of ours."""
    for name in house.loads_of[circuit]:
        flight = state.loads[name].flight
        if flight is not None and reading.at_s < settled_at_s(house, state, circuit, name, flight):
            return True
    return False


def stuck(ls: LoadState) -> bool:
    """Return whether a load is on against our will: its power is nobody's but the house's."""
    return ls.fault and ls.live and not ls.on


def checked(circuit: Circuit) -> bool:
    """Return whether power decides who may go on; else only the mode does (R1)."""
    return circuit.estimation is not Estimation.EXTERNAL or circuit.available is not None


def beside_heating_w(house: House, state: State, circuit: str) -> float | None:
    """Return the last reading of a circuit's meter less the draw of the loads it contains.

    A load that was switched off after it is one of them.
    """
    last = last_reading(state, house.circuits[circuit])
    if last is None:
        return None
    heating_w = 0.0
    for name in house.loads_of[circuit]:
        ls = state.loads[name]
        if (
            ls.live
            and (ls.flight is None or contained(house, state, circuit, name, last))
            and not stuck(ls)
        ):
            heating_w += draw_w(house, state, circuit, name)
        elif not ls.live and ls.flight is not None and _ended_after(ls.flight, last):
            heating_w += ls.flight.draw_w.get(circuit, 0.0)
    return max(0.0, last.power_w - heating_w)


def non_heating_w(house: House, state: State, circuit: str) -> float | None:
    """Return what everything that is no load takes now, in watts; None is unknown (R1)."""
    own = house.circuits[circuit]
    if own.estimation is Estimation.GLOBAL:
        return beside_heating_w(house, state, circuit)
    if own.estimation is Estimation.INDIVIDUAL:
        total = own.security_margin_w
        for meter in own.non_heating_meters:
            last = state.meters[meter.name].last
            silent = last is None or state.at_s - last.at_s > meter.stale_after_s
            total += meter.max_w if last is None or silent else max(0.0, last.power_w)
        total += sum(
            house.power_w[name][circuit]
            for name in house.loads_of[circuit]
            if stuck(state.loads[name])
        )
        return total
    return None


def unheard_w(house: House, state: State, circuit: str) -> float:
    """Return what appliances not heard since a reconnect may take beyond it, in watts (R15)."""
    total = 0.0
    for meter in house.circuits[circuit].non_heating_meters:
        ms = state.meters[meter.name]
        if (
            ms.last is not None
            and not ms.unbroken
            and state.at_s - ms.last.at_s <= meter.stale_after_s
        ):
            total += meter.max_w - max(0.0, ms.last.power_w)
    return total


def available_w(house: House, state: State, circuit: str) -> float | None:
    """Return what the heating may take, in watts (R1); None is unknown or not checked."""
    own = house.circuits[circuit]
    if own.estimation is Estimation.EXTERNAL:
        if own.available is None:
            return None
        last = state.meters[own.available.name].last
        return None if last is None else min(last.power_w, state.circuits[circuit].limit_w)
    other = non_heating_w(house, state, circuit)
    if other is None:
        return None
    return state.circuits[circuit].limit_w - own.reserve_w - other


def last_reading(state: State, circuit: Circuit) -> Reading | None:
    """Return the last reading of a circuit's meter, None if there is none."""
    return None if circuit.meter is None else state.meters[circuit.meter.name].last


def excess_w(house: House, state: State, circuit: str) -> float:
    """Return how far the last reading of a circuit's meter is over the limit; 0 if it is old."""
    own = house.circuits[circuit]
    reading = last_reading(state, own)
    if reading is None or own.meter is None or state.at_s - reading.at_s > own.meter.stale_after_s:
        return 0.0
    return max(0.0, reading.power_w - state.circuits[circuit].limit_w)


def credit_w(house: House, state: State, circuit: str, reading: Reading) -> float:
    """Return the power of loads just switched off that a reading may still contain (R2).

    A confirmed OFF counts for readings from before its settle ended, an unconfirmed one
    until it is doubted, and neither once the meter has shown its fall.
    """
    credits_ = _credits(house, state, circuit, reading)
    return sum(draw_w for draw_w, ends_s in credits_ if state.at_s < ends_s)


def credits_end_s(house: House, state: State, circuit: str) -> float:
    """Return when the next credit ends without another reading; infinite: none, or never."""
    reading = last_reading(state, house.circuits[circuit])
    if reading is None:
        return INFINITY
    credits_ = _credits(house, state, circuit, reading)
    return min((ends_s for _, ends_s in credits_ if state.at_s < ends_s), default=INFINITY)


def _credits(
    house: House, state: State, circuit: str, reading: Reading
) -> Iterator[tuple[float, float]]:
    """Yield what each OFF under way is credited with, in watts, and until when."""
    for name in house.loads_of[circuit]:
        flight = state.loads[name].flight
        if flight is None or flight.on or circuit in flight.fallen:
            continue
        draw_w = flight.draw_w.get(circuit, 0.0)
        if draw_w <= 0.0:
            continue
        if flight.confirmed_s is not None:
            yield draw_w, _shown_s(house, state, circuit, name, reading)
        elif not flight.doubted:
            yield draw_w, INFINITY


def _shown_s(house: House, state: State, circuit: str, load: str, reading: Reading) -> float:
    """Return from when on a meter must have shown a load's confirmed OFF (R2).

    With a reading, or with none: one that publishes on change would have spoken after its lag,
    any other when it was silent for longer than of late. Such a silence says so once: what was
    switched off since is contained in the last reading. Ours, without a connection, says nothing.
    """
    own = house.circuits[circuit]
    flight = state.loads[load].flight
    assert own.meter is not None, circuit
    assert flight is not None, load
    settled_s = settled_at_s(house, state, circuit, load, flight)
    if reading.at_s >= settled_s:
        return reading.at_s
    meter = state.meters[own.meter.name]
    if not state.connected or meter.unbroken == 0 or flight.first_sent_s is None:
        return INFINITY
    silent_s = late_s = max(meter.intervals_s, default=INFINITY) + LATE_S
    if any((*meter.prompt, *early(meter))):  # it does not wait its turn
        silent_s = min(silent_s, max(meter.lags_s, default=0.0))
    shown_s = max(settled_s, reading.at_s + silent_s)
    if flight.first_sent_s > reading.at_s and shown_s >= reading.at_s + late_s:
        return INFINITY
    return shown_s


def admission_meter_w(house: House, state: State, circuit: str) -> float | None:
    """Return the power that an ON is judged against, in watts (R4); None: two readings miss.

    The greater of the last two readings, each less the lower credible draw of the loads it
    contained whose OFF was sent after it and is confirmed, and plus the rated power of the
    loads that it does not surely contain.
    """
    own = house.circuits[circuit]
    assert own.meter is not None, circuit
    meter = state.meters[own.meter.name]
    if meter.last is None or meter.before is None or meter.unbroken < 2:
        return None
    return max(_seen_w(house, state, circuit, each) for each in (meter.last, meter.before))


def _ended_after(flight: Flight, reading: Reading) -> bool:
    """Return whether a reading contains a load whose OFF is confirmed, and was sent after it."""
    return (
        not flight.on
        and flight.confirmed_s is not None
        and flight.first_sent_s is not None
        and reading.at_s <= flight.first_sent_s
        and not flight.unseen
    )


def _seen_w(house: House, state: State, circuit: str, reading: Reading) -> float:
    power = reading.power_w
    for name in house.loads_of[circuit]:
        ls = state.loads[name]
        flight = ls.flight
        if ls.live:
            if flight is not None and flight.on:
                if not contained(house, state, circuit, name, reading):
                    power += rated_w(house, state, circuit, name)
            elif ls.idle and ls.on and house.circuits[circuit].idle_reserved:
                power += rated_w(house, state, circuit, name)
        elif flight is not None and _ended_after(flight, reading):
            power -= flight.draw_w.get(circuit, 0.0)
    return power


def live_rated_w(house: House, state: State, circuit: str) -> float:
    """Return the rated (or learned) power of everything that has to be counted as on."""
    return sum(rated_w(house, state, circuit, name) for name in live_loads(house, state, circuit))
