"""What must hold for every house and every history; the numbers are those of the invariants."""

import itertools
import math
import pickle
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from balancer.core.commands import Cause, Command, NoteKind, RenewLease, SwitchRelay
from balancer.core.events import (
    AwaySet,
    BoostSet,
    Connected,
    DeviceReported,
    Disconnected,
    Event,
    LimitSet,
    MeterReadings,
    RelayReported,
    RequestReported,
    Started,
    StopRequested,
)
from balancer.core.model import Estimation, House
from balancer.core.observe import snapshot
from tests.core.fakes import FakeRelay
from tests.core.house import METER, a_circuit, a_house
from tests.core.rig import Rig
from tests.strategies import START_S, Life, Turn, drive, houses, lives

# a quarter and a tenth of what the profile says: --hypothesis-profile=campaign looks deeper,
# and elsewhere each time; a commit is judged by the same lives on every machine
several = settings(
    max_examples=settings.default.max_examples // 4,
    derandomize=settings.default.max_examples <= 100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
few = settings(several, max_examples=settings.default.max_examples // 10)


def switchings(commands: Iterable[Command]) -> list[SwitchRelay]:
    return [each for each in commands if isinstance(each, SwitchRelay)]


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


@dataclass
class Bystander:
    """What somebody who hears all events and commands knows for sure."""

    house: House
    connected_s: float | None = None
    started_s: float | None = None
    stopping: bool = False
    away: bool = False
    limit_w: dict[str, float] = field(default_factory=dict)
    told: dict[str, tuple[float, bool]] = field(default_factory=dict)
    reported: dict[str, tuple[float, bool]] = field(default_factory=dict)
    readings: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    requests: dict[str, list[tuple[float, bool]]] = field(default_factory=dict)
    boosts: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.limit_w = {name: each.limit_w for name, each in self.house.circuits.items()}

    def hear(self, event: Event) -> None:
        """Note an event, before it is judged what the controller made of it."""
        at_s = event.at_s
        match event:
            case Connected():
                self.connected_s = at_s
                self.reported.clear()
            case Disconnected():
                self.connected_s = None
            case Started(memory=memory):
                self.started_s = at_s
                self.away = memory.away
                for name, circuit in memory.circuits.items():
                    if circuit.limit_w is not None:
                        self.limit_w[name] = circuit.limit_w
                for zone, requested in memory.requests.items():
                    self.requests.setdefault(zone, [(at_s, requested)])  # a report is newer
                for name, load in memory.loads.items():
                    if load.boost_until_s is not None:
                        self.boosts.setdefault(name, load.boost_until_s)
            case AwaySet(away=away):
                self.away = away
            case LimitSet(circuit=circuit, limit_w=limit_w):
                self.limit_w[circuit] = limit_w
            case BoostSet(load=load, for_s=for_s):
                most_s = self.house.loads[load].boost_max_s
                self.boosts[load] = at_s + min(for_s, most_s)
            case RequestReported(zone=zone, requested=requested):
                self.requests.setdefault(zone, []).append((at_s, requested))
            case RelayReported(load=load, on=on):
                self.reported[load] = (at_s, on)
            case DeviceReported(load=load, online=True):
                self.reported.pop(load, None)
            case MeterReadings(power_w=power_w):
                for meter, watts in power_w.items():
                    self.readings.setdefault(meter, []).append((at_s, watts))
            case StopRequested():
                self.stopping = not self.house.keep_on_exit
            case _:
                pass

    def note(self, turn: Turn) -> None:
        """Note what was said, after it has been judged."""
        for each in switchings(turn.decision.commands):
            self.told[each.load] = (turn.event.at_s, each.on)

    def may_want(self, load: str, at_s: float) -> bool:
        """Return whether the load may be wanted, hold-off and ages considered."""
        zone = self.house.zones[self.house.loads[load].zone]
        if self.boosts.get(load, -math.inf) >= at_s:
            return True
        since_s = at_s - self.house.hold_off_s - 1e-6
        asked = self.requests.get(zone.name, [])
        recent = [requested for when_s, requested in asked if when_s >= since_s]
        before = [requested for when_s, requested in asked if when_s < since_s][-1:]
        if not any(before + recent):
            return False
        last_true_s = max(when_s for when_s, requested in asked if requested)
        return zone.request_ttl_s is None or at_s - last_true_s <= zone.request_ttl_s + 1e-6


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


@given(
    powers_w=st.lists(
        st.sampled_from([500.0, 800.0, 1000.0, 1500.0, 2000.0]), min_size=1, max_size=7
    ),
    excess_w=st.floats(1.0, 8000.0),
)
@several
def test_the_fewest_loads_go_and_the_last_is_the_smallest_that_suffices(
    powers_w: list[float], excess_w: float
) -> None:
    """I14, R9: against all subsets."""
    # given loads that draw what they are rated, all on
    loads = {f"load{number}": power_w for number, power_w in enumerate(powers_w)}
    house = a_house(loads, a_circuit(limit_w=sum(powers_w), safe_ratio=1.0))
    rig = Rig(house, requested=True)
    rig.run(60.0)
    assert len(rig.on()) == len(loads)
    # when a reading is so much over the limit
    since_s = rig.now_s
    rig.read(METER, sum(powers_w) + excess_w)
    gone = sorted(loads[each.load] for each in rig.commands(since_s, on=False))
    # then as few go as cover it, with the greatest first and the smallest sufficient one last
    fewest = next(
        (count for count in range(1, len(loads) + 1) if sum(sorted(powers_w)[-count:]) >= excess_w),
        len(loads),
    )
    greatest = sorted(powers_w)[len(powers_w) - fewest + 1 :]
    rest = sorted(powers_w)[: len(powers_w) - fewest + 1]
    last = [power_w for power_w in rest if sum(greatest) + power_w >= excess_w][:1] or rest[-1:]
    assert gone == sorted(greatest + last)
