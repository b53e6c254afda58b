"""An ordinary day: requests, shedding, restoring, turns, boost, away, modes, the limit."""

import time

import pytest

from tests.integration.appliances import PlainRelay, Relay, TasmotaRelay, ZigbeeRelay
from tests.integration.conftest import MakeHouse
from tests.integration.house import House


async def test_request_switches_the_heater_on_and_its_end_off(house: House) -> None:
    """R4."""
    # when a thermostat asks for heat
    await house.request("lounge")
    # then its heater goes on, says so, and is the only one
    await house.until(lambda: house.is_on("lounge"), "lounge on")
    await house.until(lambda: house.reason("lounge") == "serving", "serving")
    assert house.text("zone/lounge") == "ON"
    assert house.text("load/lounge/state") == "ON"
    # when the thermostat has enough
    await house.request("lounge", heat=False)
    # then it goes off
    await house.until(house.is_on, "all off")
    await house.until(lambda: house.reason("lounge") == "idle", "idle")


async def test_as_many_heaters_run_as_fit(house: House) -> None:
    """R4: 500 W and two of 2500 W fit under 6000 W, three do not."""
    await house.request("bath", "lounge", "study")
    await house.until(lambda: house.on_count == 2, "two on")
    await house.never(lambda: house.on_count > 2, "three do not fit", for_s=1.0)
    reasons = {house.reason(name) for name in house.relays}
    assert reasons == {"serving", "waiting"}


async def test_oven_sheds_one_heater_at_once_and_its_end_restores_it(house: House) -> None:
    """R9, R7."""
    # given two heaters on
    await house.request("bath", "lounge")
    await house.until(lambda: house.is_on("bath", "lounge"), "both on")
    await house.until(
        lambda: all(house.reason(name) == "serving" for name in ("bath", "lounge")), "serving"
    )
    # when somebody starts the oven
    house.base_w = 2500.0
    await house.until(lambda: house.on_count == 1, "one off")
    # then one command did it, and the status says why
    await house.until(lambda: "shed" in {house.reason(name) for name in ("bath", "lounge")}, "shed")
    shed = [each for each in house.events if each["cause"] == "overload"]
    assert len(shed) == 1
    assert [each["on"] for each in shed[0]["commands"]] == [False]
    # when the oven is done
    house.base_w = 500.0
    # then it comes back
    await house.until(lambda: house.is_on("bath", "lounge"), "both on again")


async def test_nothing_is_sent_while_nothing_changes(house: House) -> None:
    """R11: commands only when they change something."""
    await house.request("bath", "lounge")
    await house.until(lambda: house.is_on("bath", "lounge"), "both on")
    sent = len(house.commands())
    await house.never(lambda: len(house.commands()) > sent, "a command", for_s=2.0)


async def test_tick_gives_the_waiting_heater_its_turn_off_before_on(house: House) -> None:
    """R6, R10."""
    await house.request("bath", "lounge", "study")
    await house.until(lambda: house.on_count == 2, "two on")
    await house.until(
        lambda: sum(house.reason(name) == "waiting" for name in house.relays) == 1, "one waits"
    )
    waiting = next(name for name in house.relays if house.reason(name) == "waiting")
    # given that the meter has had the time to show the others
    await house.never(lambda: house.on_count > 2, "three on", for_s=2.0)
    began_s = time.monotonic()
    # when a tick is commanded
    await house.set("rotate", "now")
    # then it gets a place, and never were three on
    await house.until(lambda: house.relays[waiting].on, "its turn")
    first, second = house.commands(began_s)[:2]
    assert (first.text, second.text) == ("0", "1")
    assert house.on_count == 2


async def test_boost_heats_without_a_request_and_ends_by_itself(make_house: MakeHouse) -> None:
    """Boost wins a place and its time runs out."""
    async with make_house(load='boost_max = "2 s"') as house:
        await house.start_service()
        await house.settled()
        # when somebody boosts
        await house.set("load/study/boost")
        # then it heats, answered at once
        await house.until(lambda: house.is_on("study"), "study on")
        await house.until(lambda: house.reason("study") == "boosted", "boosted")
        assert house.text("load/study/boost") == "ON"
        # and it ends
        await house.until(house.is_on, "off again", within_s=4.0)
        await house.until(lambda: house.text("load/study/boost") == "OFF", "no boost")


async def test_boost_ends_when_told(house: House) -> None:
    await house.set("load/study/boost", "30")
    await house.until(lambda: house.is_on("study"), "study on")
    await house.set("load/study/boost", "OFF")
    await house.until(house.is_on, "off")


async def test_away_turns_everything_off_and_home_on_again(house: House) -> None:
    await house.request("bath", "lounge")
    await house.until(lambda: house.is_on("bath", "lounge"), "both on")
    # when everybody leaves
    await house.set("away", "on")
    await house.until(house.is_on, "all off")
    await house.until(lambda: house.text("away") == "ON", "answered")
    await house.until(lambda: house.reason("bath") == "away", "reason")
    # when somebody comes home
    await house.set("away", "OFF")
    await house.until(lambda: house.is_on("bath", "lounge"), "both on again")


async def test_mode_caps_the_number_of_heaters(make_house: MakeHouse) -> None:
    """R4."""
    async with make_house(circuit={"steps": "[3, 1, 0]"}) as house:
        await house.start_service()
        await house.settled()
        await house.request("bath", "lounge")
        await house.until(lambda: house.is_on("bath", "lounge"), "both on")
        # when somebody chooses a saving mode
        await house.set("circuit/main/mode", "1")
        await house.until(lambda: house.on_count == 1, "one on")
        await house.until(lambda: house.text("circuit/main/mode") == "1", "answered")
        await house.set("circuit/main/mode", "2")
        await house.until(house.is_on, "none on")
        # when it is automatic again
        await house.set("circuit/main/mode", "auto")
        await house.until(lambda: house.is_on("bath", "lounge"), "both on again")


async def test_lower_limit_sheds_at_once_and_a_higher_one_restores(house: House) -> None:
    """The limit from outside is judged against the last reading."""
    await house.request("bath", "lounge")
    await house.until(lambda: house.is_on("bath", "lounge"), "both on")
    await house.set("circuit/main/limit", "4000")
    await house.until(lambda: house.on_count == 1, "one off")
    await house.until(lambda: house.text("circuit/main/limit") == "4000", "answered")
    await house.set("circuit/main/limit", "6000")
    await house.until(lambda: house.is_on("bath", "lounge"), "both on again")


async def test_limit_that_is_not_allowed_changes_nothing_and_is_answered(house: House) -> None:
    topic = "balancer/house/circuit/main/limit"
    await house.until(lambda: house.text("circuit/main/limit") == "6000", "published")

    async def answered(payload: str) -> float:
        count = len(house.seen(topic))
        await house.set("circuit/main/limit", payload)
        return await house.until(lambda: len(house.seen(topic)) > count, "an answer")

    for payload in ("6001", "-1", "nan", "1e999", "six", ""):
        assert await answered(payload) < 0.5
        assert house.text("circuit/main/limit") == "6000"


async def test_dry_run_decides_and_publishes_but_commands_nothing(make_house: MakeHouse) -> None:
    """R17."""
    async with make_house() as house:
        await house.start_service("--dry-run")
        await house.settled()
        await house.request("bath")
        await house.until(lambda: house.events, "a decision")
        assert house.events[-1]["dry_run"] is True
        assert house.status["dry_run"] is True
        await house.until(lambda: house.status["loads"]["bath"]["on"], "would be on")
        assert house.commands() == []
        assert await house.stop_service() == 0
        assert house.commands() == []


@pytest.mark.parametrize("family", [PlainRelay, TasmotaRelay, ZigbeeRelay])
async def test_every_family_is_switched_and_read(
    make_house: MakeHouse, family: type[Relay]
) -> None:
    async with make_house([family("one", 2500.0), family("two", 2500.0)]) as house:
        await house.start_service()
        await house.settled()
        await house.request("one", "two")
        await house.until(lambda: house.is_on("one", "two"), "on")
        confirmed = 'balancer_relay_confirm_seconds_count{house="house",load="two"} 1.0'
        await house.until_metric(confirmed)
        house.base_w = 3000.0
        await house.until(lambda: house.on_count == 1, "shed")
        house.base_w = 6500.0
        await house.until(lambda: house.on_count == 0, "shed")
