"""What must hold for every house and every history; the numbers are those of the invariants."""

import math
import pickle
from dataclasses import replace

from hypothesis import given

from balancer.core.commands import RenewLease, SwitchRelay
from balancer.core.events import (
    Disconnected,
    MeterReadings,
    Started,
)
from balancer.core.model import Estimation
from balancer.core.observe import snapshot
from tests.core.bystander import Bystander, switchings
from tests.core.depth import few, several
from tests.core.driver import Turn, drive
from tests.strategies import START_S, Life, lives


@given(lives())
@several
def test_no_history_raises_and_a_snapshot_can_always_be_taken(
    life: Life,
) -> None:
    """I11, R18. Deadlines are in the future (checked by the driver) and all numbers are sound."""
    house = life.house

    def look(turn: Turn) -> None:
        seen = snapshot(house, turn.decision.state, turn.event.at_s)
        assert set(seen.loads) == set(house.loads)
        for load in seen.loads.values():
            assert 0.0 <= load.share <= 1.0 + 1e-9
            assert load.served_s <= load.wanted_s + 1e-6
            assert math.isfinite(load.draw_w)
        for circuit in seen.circuits.values():
            assert circuit.active >= 0
            if circuit.heat is not None:
                assert 0.0 <= circuit.heat <= 1.0

    drive(life, look)


@given(lives())
@few
def test_a_step_never_changes_the_state_that_it_was_given(
    life: Life,
) -> None:
    """Style: state is replaced, not mutated."""
    pickled: list[bytes] = []
    turns: list[Turn] = []

    def look(turn: Turn) -> None:
        pickled.append(pickle.dumps(turn.decision.state))
        turns.append(turn)

    drive(life, look)
    for turn, bytes_ in zip(turns, pickled, strict=True):
        assert pickle.dumps(turn.decision.state) == bytes_, turn.event


@given(lives())
@few
def test_the_same_events_give_the_same_commands(life: Life) -> None:
    """I19, I20."""
    first, second = drive(life), drive(life)
    assert [each.decision.commands for each in first] == [each.decision.commands for each in second]
    assert [each.decision.deadline_s for each in first] == [
        each.decision.deadline_s for each in second
    ]


@given(lives())
@several
def test_every_off_comes_before_every_on_and_nothing_is_said_twice_in_a_step(
    life: Life,
) -> None:
    """I02, R10, R11."""
    for turn in drive(life):
        order = [each.on for each in switchings(turn.decision.commands)]
        assert order == sorted(order)
        loads = [each.load for each in switchings(turn.decision.commands)]
        assert len(loads) == len(set(loads))
        decided = [one for each in turn.decision.decided for one in each.switchings]
        for each in turn.decision.decided:
            assert [one.on for one in each.switchings] == sorted(one.on for one in each.switchings)
        assert all(one.load in life.house.loads for one in decided)


@given(lives())
@several
def test_nothing_is_switched_before_the_start(life: Life) -> None:
    """R15: nothing is switched before what was remembered has been read back."""
    started = False
    for turn in drive(life):
        started = started or isinstance(turn.event, Started)
        if not started:
            assert switchings(turn.decision.commands) == []


@given(lives())
@several
def test_no_on_without_a_request_or_a_boost(life: Life) -> None:
    """I04."""
    bystander = Bystander(life.house)
    for turn in drive(life):
        bystander.hear(turn.event)
        for each in switchings(turn.decision.commands):
            if each.on:
                assert bystander.may_want(each.load, turn.event.at_s), (turn.event, each)
        bystander.note(turn)


@given(lives())
@several
def test_no_on_while_away_or_stopping_or_on_a_circuit_without_limit(
    life: Life,
) -> None:
    """I05."""
    house = life.house
    bystander = Bystander(house)
    for turn in drive(life):
        bystander.hear(turn.event)
        for each in turn.decision.commands:
            if isinstance(each, RenewLease) or (isinstance(each, SwitchRelay) and each.on):
                assert not bystander.away, (turn.event, each)
                assert isinstance(each, RenewLease) or not bystander.stopping, (turn.event, each)
                for circuit in house.power_w[each.load]:
                    if house.circuits[circuit].estimation != Estimation.EXTERNAL:
                        assert bystander.limit_w[circuit] > 0.0, (turn.event, each)
        bystander.note(turn)


@given(lives())
@several
def test_no_on_before_meters_and_the_relay_have_spoken(
    life: Life,
) -> None:
    """I08, R15: after a start or a connect; two readings after a start (R7)."""
    house = life.house
    if house.dry_run:
        return
    bystander = Bystander(house)
    for turn in drive(life):
        bystander.hear(turn.event)
        at_s = turn.event.at_s
        for each in switchings(turn.decision.commands):
            if not each.on:
                continue
            assert bystander.connected_s is not None, (turn.event, each)
            # it has reported; or 5 s are over: it got OFF, or was off when we last knew
            waited = at_s - bystander.connected_s >= 5.0 - 1e-6
            without_reports = not house.loads[each.load].relay.confirms
            assert each.load in bystander.reported or waited or without_reports, (turn.event, each)
            for name in house.power_w[each.load]:
                circuit = house.circuits[name]
                if circuit.estimation == Estimation.GLOBAL:
                    assert circuit.meter is not None
                    heard = bystander.readings.get(circuit.meter.name, [])
                    assert len(heard) >= 2, (turn.event, each)
                    assert heard[-1][0] >= bystander.connected_s, (turn.event, each)
        bystander.note(turn)


@given(lives(only_global=True))
@several
def test_an_on_fits_every_circuit_of_the_load(life: Life) -> None:
    """I06, I22, R4: the meter, what it does not contain yet, and the new one."""
    house = life.house
    bystander = Bystander(house)
    for turn in drive(life):
        bystander.hear(turn.event)
        admitted: list[str] = []
        for each in switchings(turn.decision.commands):
            told_s, told = bystander.told.get(each.load, (-math.inf, False))
            if not each.on or (told and turn.event.at_s - told_s < 660.0):
                continue  # an OFF, or the repetition of an ON
            admitted.append(each.load)
            for name in house.power_w[each.load]:
                circuit = house.circuits[name]
                assert circuit.meter is not None
                for read_s, read_w in bystander.readings[circuit.meter.name][-2:]:
                    least_w = read_w
                    for other in house.loads_of[name]:
                        when_s, on = bystander.told.get(other, (-math.inf, False))
                        power_w = house.power_w[other][name]
                        if other in admitted or (on and when_s > read_s):
                            least_w += power_w
                        elif not on and when_s >= read_s:
                            least_w -= 1.5 * power_w  # learned draws may exceed the rated power
                    assert least_w <= bystander.limit_w[name] - circuit.reserve_w + 1e-6, (
                        turn.event,
                        each,
                        name,
                    )
        bystander.note(turn)


@given(lives(only_global=True))
@several
def test_a_reading_over_the_limit_admits_nothing_and_sheds_at_once(
    life: Life,
) -> None:
    """I12, I13, R9."""
    house = life.house
    bystander = Bystander(house)
    for turn in drive(life):
        bystander.hear(turn.event)
        event = turn.event
        over = set()
        if isinstance(event, MeterReadings) and bystander.started_s is not None:
            over = {
                name
                for name, circuit in house.circuits.items()
                if circuit.meter is not None
                and event.power_w.get(circuit.meter.name, -math.inf)
                > bystander.limit_w[name] + 1e-6
            }
        for name in over:
            on_it = house.loads_of[name]
            said = switchings(turn.decision.commands)
            assert not any(each.on and each.load in on_it for each in said), (event, said)
            quiet = all(
                event.at_s - when_s > 30.0
                for load, (when_s, _) in bystander.told.items()
                if load in on_it
            )
            sure = [
                load
                for load in on_it
                if bystander.told.get(load, (0.0, False))[1]
                and bystander.reported.get(load, (0.0, False))[1]
                and bystander.reported[load][0] > bystander.told[load][0]
            ]
            if quiet and sure and bystander.connected_s is not None:
                assert any(not each.on and each.load in on_it for each in said), (event, sure)
        bystander.note(turn)


@given(lives())
@several
def test_without_its_meter_a_circuit_keeps_no_more_than_its_fallback(
    life: Life,
) -> None:
    """I01, R13: half a second after it is stale, more where a bridge takes four at a time."""
    house = life.house
    bystander = Bystander(house)
    history = [each for each in life.history if not isinstance(each.what, Disconnected)]
    for turn in drive(replace(life, history=history)):
        bystander.hear(turn.event)
        bystander.note(turn)
        at_s = turn.event.at_s
        if bystander.started_s is None or bystander.stopping or bystander.connected_s is None:
            continue
        for name, circuit in house.circuits.items():
            if circuit.estimation != Estimation.GLOBAL:
                continue
            assert circuit.meter is not None
            heard = bystander.readings.get(circuit.meter.name, [(START_S, 0.0)])
            since_s = max(heard[-1][0], bystander.started_s, bystander.connected_s)
            if at_s - since_s <= circuit.meter.stale_after_s + 0.5 + 1.5:
                continue
            on = [
                load
                for load in house.loads_of[name]
                if bystander.told.get(load, (0.0, False))[1] and not house.dry_run
            ]
            assert len(on) <= circuit.fallback_active, (turn.event, name, on)
