"""R15, R16: starting, being restarted, coming back, stopping."""

import pytest

from balancer.core.commands import Cause, NoteKind, QueryRelay, Reason, SwitchRelay
from balancer.core.events import Connected, MeterReadings, RelayReported, Started
from balancer.core.memory import CircuitMemory, LoadMemory, Memory
from balancer.core.model import Breaker, Circuit, Estimation, Meter
from balancer.core.state import initial_state
from balancer.core.step import step
from tests.core.fakes import FakeRelay
from tests.core.house import FREE, METER, A, a_circuit, a_house, a_load
from tests.core.rig import Rig


def test_connecting_asks_every_relay_and_switches_none() -> None:
    """R15."""
    rig = Rig(a_house(3), start=False)
    decision = rig.connect()
    assert set(decision.commands) == {QueryRelay("a"), QueryRelay("b"), QueryRelay("c")}


def test_before_the_start_nothing_is_switched_whatever_happens() -> None:
    """R15: not even by a reading far over the limit."""
    rig = Rig(a_house(2), start=False, base_w=40 * A, relays={"a": FakeRelay(on=True)})
    rig.connect()
    rig.request("b")
    rig.run(60.0)
    assert rig.sent == []
    # and once it is started, at once
    rig.tell(Started(rig.now_s, Memory()))
    rig.run(1.2)
    assert rig.on() == set()


def test_a_relay_that_reports_is_adopted_as_it_is() -> None:
    """R15: on and wanted, it stays on; a first start knows nothing."""
    rig = Rig(a_house(2), relays={"a": FakeRelay(on=True)}, start=False)
    rig.connect()
    rig.request("a")
    rig.run(0.5)
    rig.tell(Started(rig.now_s, Memory()))
    rig.run(60.0)
    assert rig.commands(load="a") == []
    assert rig.on() == {"a"}
    assert rig.load("a").reason == Reason.SERVING


def test_a_relay_that_is_on_unwanted_after_a_first_start_goes_off() -> None:
    """R15, I04: adopted, and then not wanted."""
    rig = Rig(a_house(1), relays={"a": FakeRelay(on=True)})
    rig.run(400.0)
    assert rig.on() == set()
    assert len(rig.commands()) == 1


@pytest.mark.parametrize(
    ("remembered", "commands"),
    [(None, 1), (True, 1), (False, 0)],
    ids=["unknown", "was on", "was off"],
)
def test_a_relay_without_reports_gets_off_unless_we_know_that_it_is(
    remembered: bool | None, commands: int
) -> None:
    """R15."""
    memory = Memory(loads={"a": LoadMemory(on=remembered)})
    house = a_house([a_load("a", relay={"confirms": False})])
    rig = Rig(house, memory=memory)
    rig.run(10.0)
    assert [(each.load, each.on) for each in rig.commands()] == [("a", False)] * commands


@pytest.mark.parametrize(
    ("wait_s", "off"), [(4.9, False), (5.1, True)], ids=["just before", "just after"]
)
def test_a_relay_that_does_not_answer_gets_off_after_five_seconds(wait_s: float, off: bool) -> None:
    """R15."""
    rig = Rig(a_house(1), relays={"a": FakeRelay(mute=True)})
    rig.run(wait_s)
    assert bool(rig.commands(load="a", on=False)) is off


def test_an_unknown_relay_counts_as_on() -> None:
    """R15, I07: for the budget, until it is known."""
    # given one place, and a relay that may be on
    rig = Rig(a_house(2, a_circuit(steps=(1, 0))), relays={"a": FakeRelay(mute=True, on=True)})
    rig.heater_w["a"] = 0.0
    rig.request("b")
    rig.run(4.9)
    assert rig.commands(load="b") == []
    assert rig.most_on["main"] <= 1


def test_nothing_goes_on_before_its_relay_and_meters_have_reported() -> None:
    """R15, I08: here the relay answers late, then the meter speaks late."""
    rig = Rig(a_house(1), relays={"a": FakeRelay(mute=True)}, requested=True)
    rig.run(3.0)
    assert rig.commands(on=True) == []
    rig.relays["a"].mute = False
    rig.report("a")
    rig.run(1.0)
    assert rig.on() == {"a"}
    # the other way round
    rig = Rig(a_house(1), start=False)
    rig.meter().silent = True
    rig.start()
    rig.request("a")
    rig.run(10.0)
    assert rig.load("a").reason == Reason.STARTING
    rig.meter().silent = False
    rig.run(2.2)
    assert rig.on() == {"a"}


def test_after_a_reconnect_nothing_goes_on_before_meters_and_relays_have_spoken_again() -> None:
    """R15, I08."""
    rig = Rig(a_house(2, load_options=FREE), base_w=5 * A)
    rig.run(60.0)
    rig.request("a")
    rig.run(30.0)
    rig.disconnect()
    rig.run(5.0)
    rig.request("b")
    rig.connect()
    rig.rotate()
    assert rig.commands(load="b") == []
    rig.run(5.0)
    assert rig.on() == {"a", "b"}
    assert len(rig.commands()) == 2


def test_a_relay_that_came_on_while_we_were_away_goes_off_first() -> None:
    """R15, F32: device return, OFF first."""
    rig = Rig(a_house(2, load_options=FREE))
    rig.run(30.0)
    rig.device("a", False)
    rig.relays["a"].on = True
    rig.run(30.0)
    since_s = rig.now_s
    rig.device("a", True)
    rig.run(1.0)
    assert rig.on() == set()
    assert [each.on for each in rig.commands(since_s)] == [False]


def test_a_relay_that_was_on_and_wanted_goes_on_again_after_its_device_returns() -> None:
    """R15, R8: a power cut switched it off; min_off is kept."""
    rig = Rig(a_house(1), requested=True)
    rig.run(60.0)
    rig.device("a", False)
    rig.relays["a"].on = False
    rig.run(5.0)
    rig.device("a", True)
    rig.run(100.0)
    assert rig.commands(1030.0, on=True) == []
    rig.run(60.0)
    assert rig.on() == {"a"}


def test_everything_that_matters_is_remembered() -> None:
    """R15, L03: shares, boosts with their ends, mode, limit, learned draws, switch times."""
    # given a house in the middle of its life
    house = a_house(4, a_circuit(steps=(4, 2, 1, 0)), load_options={"min_on_s": 0.0})
    rig = Rig(house, base_w=12 * A, requested=True)
    rig.run(300.0)
    rig.boost("d", 3600.0)
    rig.mode(1)
    rig.limit(25 * A)
    rig.rotate()
    rig.run(200.0)
    before = rig.snapshot()
    # when it is restarted at once
    rig.restart(down_s=0.0)
    rig.run(3.0)
    after = rig.snapshot()
    # then all is as it was
    for name, load in before.loads.items():
        now = after.loads[name]
        assert now.on == load.on
        assert now.boost_until_s == load.boost_until_s
        assert now.switches == load.switches
        assert now.switched_s == load.switched_s
        assert now.shed == load.shed
        assert now.share == pytest.approx(load.share, abs=0.02)
        assert now.learned_w == load.learned_w
        assert now.learned_low_w == load.learned_low_w
        assert now.learned_steps == load.learned_steps
    for name, circuit in before.circuits.items():
        assert after.circuits[name].mode == circuit.mode
        assert after.circuits[name].mode_source == circuit.mode_source
        assert after.circuits[name].limit_w == circuit.limit_w
    assert after.zones == before.zones


def test_away_is_remembered() -> None:
    """R15, I05."""
    memory = Memory(away=True, requests={"a": True}, circuits={"main": CircuitMemory()})
    rig = Rig(a_house(1), relays={"a": FakeRelay(on=True)}, memory=memory)
    rig.run(10.0)
    assert rig.on() == set()
    assert rig.load("a").reason == Reason.AWAY


def test_a_request_that_came_before_the_start_is_newer_than_memory() -> None:
    """R15: what a thermostat says now wins."""
    rig = Rig(a_house(2), start=False)
    rig.connect()
    rig.run(0.1)
    rig.request("a", True)
    rig.request("b", False)
    rig.tell(Started(rig.now_s, Memory(requests={"a": False, "b": True})))
    assert rig.snapshot().zones["a"] is True
    assert rig.snapshot().zones["b"] is False


def test_a_restart_over_the_limit_sheds() -> None:
    """R15: only under the limit does it move no relay."""
    rig = Rig(a_house(4), base_w=10 * A, requested=True)
    rig.run(100.0)
    rig.base_w["main"] = 13 * A
    rig.restart(down_s=0.5)
    since_s = rig.now_s
    rig.run(2.0)
    assert [each.on for each in rig.commands(since_s)] == [False]


def appliance_house() -> Rig:
    """Return a house with an individual estimation, two of four on."""
    circuit = Circuit(
        name="main",
        limit_w=30 * A,
        estimation=Estimation.INDIVIDUAL,
        non_heating_meters=(Meter(name="oven", stale_after_s=900.0, min_w=0.0, max_w=20 * A),),
        breaker=Breaker(profile="worst_norm", rating_w=30 * A),
    )
    rig = Rig(a_house(4, circuit))
    rig.add_meter("oven", lambda: 20 * A, 5.0)
    rig.run(20.0)
    for zone in "abcd":
        rig.request(zone)
    rig.run(300.0)
    assert rig.on() == {"a", "b"}
    return rig


def test_a_restart_moves_no_relay_with_an_individual_budget_either() -> None:
    """R15: relays that have not answered yet are no reason to shed."""
    rig = appliance_house()
    since_s = rig.now_s
    rig.restart()
    rig.run(100.0)
    assert rig.commands(since_s) == []


def test_a_first_start_with_an_individual_budget_sheds_nothing_that_is_off() -> None:
    """R15."""
    rig = appliance_house()
    assert rig.commands(on=False) == []


# R16


def test_stopping_switches_everything_off_and_says_when_it_is_done() -> None:
    """R16: on_exit off."""
    rig = Rig(a_house(3), requested=True)
    rig.run(60.0)
    decision = rig.stop()
    assert all(isinstance(each, SwitchRelay) and not each.on for each in decision.commands)
    assert len(decision.commands) == 3
    assert [each.cause for each in decision.decided] == [Cause.STOP]
    assert not rig.snapshot().settled
    rig.run(0.2)
    assert rig.snapshot().settled
    assert rig.on() == set()
    # nothing is switched on any more
    rig.rotate()
    rig.boost("a")
    rig.run(300.0)
    assert rig.on() == set()


def test_stopping_may_keep_the_relays_as_they_are() -> None:
    """R16: on_exit keep."""
    rig = Rig(a_house(3, keep_on_exit=True), requested=True)
    rig.run(60.0)
    assert rig.stop().commands == ()
    assert rig.snapshot().settled


def test_readings_before_the_start_count_as_readings() -> None:
    """R15: they are kept, not acted on."""
    rig = Rig(a_house(1), start=False)
    rig.tell(Connected(rig.now_s))
    rig.tell(MeterReadings(rig.now_s, {METER: 1000.0}))
    assert rig.snapshot().circuits["main"].meter_w == 1000.0
    assert not rig.noted(NoteKind.SWITCHED)


def test_a_device_that_connects_after_us_is_asked_again_before_it_gets_off() -> None:
    """R15: after a broker restart devices come back later than we do."""
    rig = Rig(a_house(1, load_options=FREE), base_w=5 * A)
    rig.run(30.0)
    rig.request("a")
    rig.run(30.0)
    assert rig.on() == {"a"}
    since_s = rig.now_s
    rig.disconnect()
    rig.relays["a"].dead = True
    rig.connect()
    rig.run(1.0)
    rig.relays["a"].dead = False
    rig.device("a", online=True)
    rig.run(60.0)
    assert not rig.commands(since_s, load="a")
    assert rig.on() == {"a"}


def test_what_blindness_took_off_is_not_adopted_nor_renewed_at_a_later_reconnect() -> None:
    """R12, R13, R15: only the first report of a process's life is adopted."""
    rig = Rig(a_house(1, load_options={**FREE, "relay": {"dead_man_s": 60.0}}), base_w=5 * A)
    rig.relays["a"].on = True
    rig.request("a")
    rig.run(30.0)
    assert rig.on() == {"a"}
    # given a meter that falls silent and a broker that goes before the OFF is heard
    rig.meter().silent = True
    rig.run(14.0)
    rig.disconnect()
    rig.run(5.0)
    since_s = rig.now_s
    rig.connect()
    rig.run(10.0)
    # then the heater goes off, and its lease is not renewed on the way
    assert not rig.on()
    assert not rig.commands(since_s, load="a", on=True)


def test_a_relay_that_says_off_before_the_start_is_off_whatever_was_remembered() -> None:
    """R15: after a power cut it is switched on anew instead of being believed on for ever."""
    rig = Rig(a_house(1, load_options=FREE), base_w=5 * A)
    rig.run(30.0)
    rig.request("a")
    rig.run(30.0)
    assert rig.on() == {"a"}
    memory = rig.memory()
    rig.relays["a"].on = False
    rig.restart(memory=memory)
    rig.run(200.0)
    assert rig.on() == {"a"}


def test_a_report_before_the_start_outweighs_memory() -> None:
    """R15: else it would be believed on for ever, and never commanded."""
    house = a_house(1, load_options=FREE)
    state = initial_state(house, 0.0)
    memory = Memory(requests={"a": True}, loads={"a": LoadMemory(on=True)})
    for event in (
        Connected(0.0),
        RelayReported(0.1, "a", on=False),
        Started(0.2, memory),
        MeterReadings(1.0, {METER: 0.0}),
        MeterReadings(2.0, {METER: 0.0}),
    ):
        decision = step(house, state, event)
        state = decision.state
    assert decision.commands == (SwitchRelay("a", on=True),)


def test_a_relay_that_says_on_counts_as_on_though_it_was_assumed_to_be_off() -> None:
    """R11, R15: its OFF is still unconfirmed; a word of the relay outweighs what was remembered."""
    # given a restart into an overload: one was off when we last knew, is on, and does not go off
    memory = Memory(loads={"a": LoadMemory(on=False)})
    stuck = FakeRelay(on=True, mute=True, stuck=True)
    house = a_house(2, a_circuit(steps=(1, 0)), load_options=FREE)
    rig = Rig(house, base_w=40 * A, memory=memory, relays={"a": stuck})
    rig.run(1.1)
    assert rig.commands(load="a", on=False)
    rig.base_w["main"] = 0.0
    rig.run(6.0)
    # when it says so later than a relay is waited for
    stuck.mute = False
    rig.report("a")
    # then it holds the only place
    rig.run(60.0)
    rig.request("b")
    rig.run(60.0)
    assert rig.on() == {"a"}
    # and the other has it as soon as it is off
    stuck.stuck = False
    rig.run(70.0)
    assert rig.on() == {"b"}
    assert rig.most_on["main"] == 1
