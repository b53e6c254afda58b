"""The threat model of the README, claim by claim: what the service itself refuses."""

from pathlib import Path

import pytest

from balancer.devices import RELAYS
from balancer.wire import Message
from tests.engine.rig import CONFIG, EngineRig, running
from tests.fuzz.targets import CODECS_OF_RELAYS
from tests.fuzz.witness import weight

YESTERDAY = (
    ("balancer/house/zone/lounge/set", "ON"),
    ("balancer/house/load/towels/boost/set", "ON"),
    ("balancer/house/away/set", "ON"),
    ("balancer/house/circuit/main/limit/set", "1000"),
    ("balancer/house/circuit/main/mode/set", "3"),
    ("balancer/house/rotate/set", "now"),
)


@pytest.fixture
def rig(tmp_path: Path) -> EngineRig:
    """A house that is served: the lounge asks for heat."""
    config = CONFIG.replace("power = 1500", 'power = 1500\nboost_max = "10 min"')
    made = running(EngineRig(tmp_path, config=config))
    made.run(50.0)
    return made


# -- somebody may publish on one topic -------------------------------------------------------------


@pytest.mark.parametrize("limit", ["6001", "1e9", "inf", "nan", "-1", "6000.1 W", "\uff19\uff19"])
def test_no_message_raises_a_limit_above_the_configured_one(rig: EngineRig, limit: str) -> None:
    rig.set("circuit/main/limit", limit)
    rig.run(1.0)
    assert rig.status()["circuits"]["main"]["limit"] == 6000.0


@pytest.mark.parametrize("minutes", ["1e9", "100000", "ON"])
def test_no_boost_outlasts_its_greatest_length(rig: EngineRig, minutes: str) -> None:
    rig.set("zone/lounge", "OFF")
    rig.run(400.0)
    rig.set("load/towels/boost", minutes)
    rig.run(30.0)
    assert "towels" in rig.on
    rig.run(600.0)
    assert rig.status()["loads"]["towels"]["boost"] is False
    assert "towels" not in rig.on


def test_one_low_reading_admits_nothing(rig: EngineRig) -> None:
    rig.base_w = 1500.0
    rig.run(40.0)
    rig.send("trv", '{"state":"heat"}')  # 1500 W that do not fit beside 5500 W
    for _ in range(20):
        rig.send("meter", "0")
        rig.run(1.0)
        assert "towels" not in rig.on


@pytest.mark.parametrize(
    "reading", ["60001", "-12001", "nan", "inf", "1e999", "", "{}", "low", "0x10", "1_0"]
)
def test_what_is_no_reading_keeps_no_heater_on(rig: EngineRig, reading: str) -> None:
    rig.meter_s = float("inf")  # the true one is silenced
    for _ in range(18):
        rig.send("meter", reading)
        rig.run(1.0)
    assert rig.on == set()
    assert rig.status()["circuits"]["main"]["blind"] is True


def test_meter_that_stands_still_though_heaters_are_switched_is_not_believed(
    rig: EngineRig,
) -> None:
    rig.meter_s = float("inf")
    for number in range(4):
        rig.set("zone/lounge", "ON" if number % 2 else "OFF")
        for _ in range(130 if number % 2 else 310):  # min_off, min_on
            rig.send("meter", "100")
            rig.run(1.0)
    assert rig.status()["circuits"]["main"]["detail"] == "meter does not move"


def test_false_relay_report_is_counted_and_put_right(rig: EngineRig) -> None:
    rig.set("zone/lounge", "OFF")
    rig.run(400.0)
    assert rig.on == set()
    since_s = rig.now_s
    rig.send("heat/window", "ON")
    assert rig.commands(since_s) == [("window", b"OFF")]
    assert rig.engine.counts.foreign["window"] == 1


def test_relay_that_is_lied_about_again_and_again_is_left_alone_and_reported(
    rig: EngineRig,
) -> None:
    rig.set("zone/lounge", "OFF")
    rig.run(400.0)
    since_s = rig.now_s
    for _ in range(6):
        rig.send("heat/window", "ON")
        rig.run(30.0)
        rig.send("heat/window", "OFF")
        rig.run(1.0)
    assert rig.commands(since_s).count(("window", b"OFF")) <= 3
    assert any("relay_left_alone load=window" in line for line in rig.lines)


def test_settings_on_other_words_change_nothing(rig: EngineRig) -> None:
    before = rig.status()
    for topic in ("zone/lounge", "load/towels/boost", "away", "circuit/main/mode"):
        for word in ("maybe", "TOGGLE", "", "ON" * 1000, "\0ON", "o\u043d"):
            rig.set(topic, word)
    rig.run(1.0)
    after = rig.status()
    assert after["away"] is before["away"]
    assert after["zones"] == before["zones"]
    assert after["circuits"]["main"]["mode_source"] == "auto"


# -- somebody replays yesterday's messages -----------------------------------------------------------


@pytest.mark.parametrize(("topic", "payload"), YESTERDAY)
def test_setting_that_the_broker_kept_is_not_obeyed(
    rig: EngineRig, topic: str, payload: str
) -> None:
    rig.set("zone/lounge", "OFF")
    rig.run(400.0)
    before, since_s = rig.status(), rig.now_s
    rig.send(topic, payload, retain=True)
    rig.run(5.0)
    after = rig.status()
    assert rig.commands(since_s) == []
    assert (after["away"], after["zones"]) == (before["away"], before["zones"])
    assert after["circuits"]["main"]["limit"] == before["circuits"]["main"]["limit"]
    assert after["loads"]["towels"]["boost"] is False


def test_reading_that_the_broker_kept_is_none(rig: EngineRig) -> None:
    rig.meter_s = float("inf")
    for _ in range(20):
        rig.send("meter", "100", retain=True)
        rig.run(1.0)
    assert rig.on == set()


def test_every_command_says_what_shall_be_and_may_come_twice(rig: EngineRig) -> None:
    """A relay that hears an old OFF or the same ON again is not turned over."""
    assert set(RELAYS) == set(CODECS_OF_RELAYS)
    for relays in CODECS_OF_RELAYS.values():
        for relay in relays:
            on, off = relay.switch(on=True), relay.switch(on=False)
            assert on.payload != off.payload
            for each in (on, off):
                assert not each.retain
                assert b"toggle" not in each.payload.lower()


# -- somebody floods ---------------------------------------------------------------------------------


def test_flood_on_every_topic_leaves_memory_as_it_was(rig: EngineRig) -> None:
    topics = sorted(rig.engine.subscriptions())
    for number in range(2):
        for topic in topics:
            rig.engine.receive(_message(topic, number), rig.now_s)
    before = weight(rig.engine, without=rig.setup)
    for number in range(20_000):
        rig.engine.receive(_message(topics[number % len(topics)], number), rig.now_s)
        if number % 100 == 0:
            rig.now_s += 0.01
            rig.engine.wake(rig.now_s)
    assert weight(rig.engine, without=rig.setup) < 1.3 * before + 20_000


def test_flood_of_settings_is_answered_once(rig: EngineRig) -> None:
    since_s = rig.now_s
    for number in range(2_000):
        rig.set("away", "ON" if number % 2 else "OFF")
    rig.run(1.0)
    assert len(rig.published("balancer/house/away", since_s)) <= 20
    assert rig.on == set()  # away was the last word


def _message(topic: str, number: int) -> Message:
    payloads = (b"ON", b"OFF", b"%d" % number, b"x" * 70_000, b'{"state":"heat"}', b"\xff")
    return Message(topic, payloads[number % len(payloads)])
