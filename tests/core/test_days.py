"""Random days of any house: what holds while all is well, and after faults have healed."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from balancer.core.commands import Cause, NoteKind
from balancer.core.model import House
from tests.core.depth import few
from tests.core.fakes import FakeRelay
from tests.core.rig import Rig
from tests.strategies import houses


class Power:
    """Base load steps and requests of a random day."""

    def __init__(self, data: st.DataObject, rig: Rig) -> None:
        self.data, self.rig = data, rig

    def live(self, actions: int) -> None:
        """Let something happen and time pass, so many times."""
        rig, draw = self.rig, self.data.draw
        zones, loads = sorted(rig.house.zones), sorted(rig.house.loads)
        leaves = sorted(rig.house.circuits)
        for _ in range(actions):
            match draw(
                st.sampled_from(["base"] * 3 + ["request"] * 3 + ["rotate", "boost", "away"])
            ):
                case "base":
                    name = draw(st.sampled_from(leaves))
                    rig.base_w[name] = draw(st.sampled_from([0.0, 300.0, 1000.0, 2500.0, 6000.0]))
                case "request":
                    rig.request(
                        draw(st.sampled_from(zones)), draw(st.sampled_from([True, True, False]))
                    )
                case "rotate":
                    rig.rotate()
                case "boost":
                    rig.boost(draw(st.sampled_from(loads)), draw(st.sampled_from([0.0, 120.0])))
                case _:
                    rig.away(draw(st.sampled_from([True, False, False])))
            rig.run(draw(st.sampled_from([0.3, 1.0, 5.0, 31.0, 130.0, 310.0])))


MAY_BREAK_MIN_ON = {
    Cause.OVERLOAD,
    Cause.UNCONFIRMED,
    Cause.AWAY,
    Cause.MODE,
    Cause.LIMIT,
    Cause.BLIND,
    Cause.RECONCILE,
    Cause.FOREIGN,
    Cause.STOP,
}


@given(house=houses(only_global=True, only_honest=True), data=st.data())
@few
def test_in_a_house_without_faults_wear_limits_and_caps_hold(
    house: House, data: st.DataObject
) -> None:
    """I03, I12, I22, R4, R8, R9."""
    # given honest relays, and meters that show every second what is
    rig = Rig(house)
    # when a random day passes
    Power(data, rig).live(20)
    # then heating adds to an overload for a reading and a settle time at most (R2: what has just
    # gone off is credited as long as readings may still contain it)
    for name, over in rig.over.items():
        assert over.longest_s <= 1.0 + 3.0 + 1.0 + 0.2, name
    # and contacts keep min_off always, min_on except where safety goes first
    for load in house.loads.values():
        moves = [(at_s, on) for at_s, name, on in rig.switched if name == load.name]
        for (sooner_s, _), (later_s, on) in itertools.pairwise(moves):
            if on:
                assert later_s - sooner_s >= load.min_off_s - 1e-6, (load.name, later_s)
            elif later_s - sooner_s < load.min_on_s - 1e-6:
                (sent,) = [
                    each for each in rig.commands(load=load.name, on=False) if each.at_s <= later_s
                ][-1:]
                causes = {
                    each.cause
                    for at_s, each in rig.decided
                    if at_s == sent.at_s and any(one.load == load.name for one in each.switchings)
                }
                assert causes & MAY_BREAK_MIN_ON, (load.name, later_s, causes)
    # and never more than the greatest step were on
    for name, circuit in house.circuits.items():
        if circuit.steps is not None:
            assert rig.most_on[name] <= circuit.steps[0]


@given(house=houses(only_global=True), data=st.data())
@few
def test_in_a_house_without_faults_nobody_is_suspected(house: House, data: st.DataObject) -> None:
    """R11, R12, I16: no fault, no foreign switching, no lease that runs out, no still meter."""
    # given relays of all families that do as told, each at its own pace
    relays = {
        name: FakeRelay(
            latency_s=data.draw(st.sampled_from([0.02, 0.1, 0.4])),
            report_s=data.draw(st.sampled_from([0.0, 0.1, 0.5])),
        )
        for name in house.loads
    }
    rig = Rig(house, relays=relays)
    # when a random day passes
    Power(data, rig).live(20)
    # then nobody is suspected of anything
    odd = {NoteKind.FAULT, NoteKind.FOREIGN, NoteKind.SUSPECT, NoteKind.BLIND, NoteKind.LEFT_ALONE}
    assert [each for each in rig.notes if each[1].kind in odd] == []
    # and contacts agree with what is wanted when all is confirmed
    rig.run(10.0)
    seen = rig.snapshot()
    if seen.settled and not house.dry_run:
        assert {name for name, load in seen.loads.items() if load.on} == rig.on()


@given(house=houses(only_global=True, only_honest=True), data=st.data())
@few
def test_when_nothing_changes_nothing_is_sent_and_relays_agree(
    house: House, data: st.DataObject
) -> None:
    """R11, L06: steady readings, no ticks."""
    # given a random day
    rig = Rig(house)
    Power(data, rig).live(12)
    # when a quarter of an hour without ticks passes in which nothing changes
    rig.slow_down()
    rig.run(900.0)
    # then the next half hour is silent
    since_s = rig.now_s
    rig.run(1800.0)
    assert rig.commands(since_s) == []
    # and every relay is as it is wanted
    seen = rig.snapshot()
    for name, load in seen.loads.items():
        assert load.on == rig.relays[name].on == load.relay
    # and nobody who is wanted is off although there is room and a place (L02)
    for name, load in seen.loads.items():
        if load.on or seen.away or not (load.requested or load.boosted):
            continue
        assert any(
            rig.power_w(circuit) + 1.1 * power_w
            > seen.circuits[circuit].limit_w - house.circuits[circuit].reserve_w
            or seen.circuits[circuit].active >= (seen.circuits[circuit].max_active or math.inf)
            for circuit, power_w in house.power_w[name].items()
        ), (name, load)


@given(house=houses(only_global=True), data=st.data())
@few
def test_after_faults_have_healed_every_relay_is_as_it_is_wanted(
    house: House, data: st.DataObject
) -> None:
    """L06, I15: a relay in fault is tried again every 10 minutes, one left alone after an hour."""
    # given relays that stick, die, lie and lose commands during a random day
    if house.dry_run:
        return
    rig = Rig(house)
    # what a relay without state_topic really does nobody could ever know
    names = [name for name, load in house.loads.items() if load.relay.confirms]
    if not names:
        return
    for _ in range(4):
        relay = rig.relays[data.draw(st.sampled_from(names))]
        match data.draw(
            st.sampled_from(["stuck", "dead", "mute", "liar", "lose", "meter", "push"])
        ):
            case "lose":
                relay.lose = data.draw(st.integers(1, 6))
            case "meter":
                meter = rig.meters[data.draw(st.sampled_from(sorted(rig.meters)))]
                meter.silent = not meter.silent
            case "push":
                rig.push(data.draw(st.sampled_from(names)), on=data.draw(st.booleans()))
            case fault:
                setattr(relay, fault, True)
        Power(data, rig).live(4)
    # when all is mended
    for relay in rig.relays.values():
        relay.stuck = relay.dead = relay.mute = relay.liar = False
        relay.lose = 0
    for meter in rig.meters.values():
        meter.silent = False
    for name, relay in rig.relays.items():
        relay.says = relay.on
        rig.report(name)
    rig.slow_down()
    rig.run(3700.0)
    rig.forget_over()
    rig.rotate()
    rig.run(1300.0)
    # then what is wanted is what is
    for name, load in rig.snapshot().loads.items():
        if house.loads[name].relay.confirms:
            assert load.on == rig.relays[name].on, name
    # and no circuit is over its limit by heating
    for name, circuit in house.circuits.items():
        heating_w = rig.power_w(name) - sum(
            base_w for base, base_w in rig.base_w.items() if name in house.ancestors[base]
        )
        if heating_w > 0.0:
            assert rig.power_w(name) <= circuit.limit_w + 1e-6, name
