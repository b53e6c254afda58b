"""The service goes and comes back: killed, asked to, stopped in the middle."""

import asyncio
import json
import signal
import time

from balancer.service.driver import GAP_S
from tests.integration.appliances import PlainRelay
from tests.integration.conftest import MakeHouse
from tests.integration.house import House
from tests.integration.mosquitto import Mosquitto

INFLIGHT = 20  # Mosquitto's max_inflight_messages


async def test_killed_service_comes_back_without_moving_a_relay(make_house: MakeHouse) -> None:
    """R15: under the limit a restart after kill -9 changes nothing, and nothing is forgotten."""
    relays = [PlainRelay(name, 2500.0) for name in ("bath", "lounge", "study", "towels")]
    async with make_house(relays, circuit={"steps": "[4, 2, 0]"}) as house:
        await house.start_service()
        await house.settled()
        # given requests, a boost, a mode, a limit, and shares
        await house.request("bath", "lounge", "study", "towels")
        await house.until(lambda: house.on_count == 2, "two on")
        await house.set("load/study/boost", "30")
        await house.set("circuit/main/mode", "1")
        await house.set("circuit/main/limit", "5900")
        await house.until(lambda: house.text("circuit/main/limit") == "5900", "limit")
        await house.until(
            lambda: any(load["share"] > 0.5 for load in house.status["loads"].values()),
            "shares in the status",
        )
        before = house.status
        on, sent = house.on_count, len(house.commands())
        # when it is killed and started again
        await house.kill_service()
        await house.until(lambda: house.text("availability") == "offline", "offline")
        await house.start_service()
        await house.settled()
        # then no relay has moved
        await house.never(lambda: len(house.commands()) > sent, "a command", for_s=1.5)
        assert house.on_count == on
        # and everything is as it was
        after = house.status
        assert after["sequence"] > before["sequence"]
        assert after["circuits"]["main"]["limit"] == 5900.0
        assert (after["circuits"]["main"]["mode"], house.text("circuit/main/mode")) == (1, "1")
        for name, load in after["loads"].items():
            for field in ("on", "request", "boost", "boost_until", "switches"):
                assert load[field] == before["loads"][name][field], (name, field)
            assert abs(load["share"] - before["loads"][name]["share"]) < 0.05, name


async def test_away_survives_a_kill(house: House) -> None:
    """R15."""
    await house.request("bath")
    await house.set("away", "ON")
    await house.until(lambda: house.text("away") == "ON", "away")
    await house.kill_service()
    await house.start_service()
    await house.settled()
    await house.never(lambda: not house.is_on(), "heat while away", for_s=1.0)
    assert house.text("away") == "ON"
    assert house.text("zone/bath") == "ON"


async def test_sigterm_turns_everything_off_says_offline_and_exits_0(house: House) -> None:
    """R16."""
    await house.request("bath", "lounge")
    await house.until(lambda: house.is_on("bath", "lounge"), "both on")
    began_s = time.monotonic()
    assert await house.stop_service() == 0
    assert time.monotonic() - began_s < 3.0
    await house.until(lambda: house.text("availability") == "offline", "offline")
    assert house.is_on()


async def test_sigterm_without_a_connection_still_turns_everything_off(
    house: House, mosquitto: Mosquitto
) -> None:
    """R16: a broker that is back within two seconds gets the last OFF."""
    await house.request("bath", "lounge")
    await house.until(lambda: house.is_on("bath", "lounge"), "both on")
    mosquitto.stop()
    await house.until(lambda: "connection_failed" in house.log, "no connection")
    house.signal(signal.SIGTERM)
    mosquitto.restart()
    assert await house.ended() == 0
    await house.until(house.is_on, "all off")
    await house.until(lambda: house.text("availability") == "offline", "offline")


async def test_sigterm_with_a_mute_relay_takes_three_seconds_at_most(house: House) -> None:
    """R16: confirmed or 3 s."""
    await house.request("bath")
    await house.until(lambda: house.is_on("bath"), "on")
    house.relays["bath"].mute = True
    house.metering = False  # it would confirm
    began_s = time.monotonic()
    assert await house.stop_service() == 0
    assert 2.0 < time.monotonic() - began_s < 3.3
    assert house.is_on()


async def test_on_exit_keep_leaves_the_heaters_on(make_house: MakeHouse) -> None:
    """R16."""
    async with make_house(top='on_exit = "keep"') as house:
        await house.start_service()
        await house.settled()
        await house.request("bath", "lounge")
        await house.until(lambda: house.is_on("bath", "lounge"), "both on")
        sent = len(house.commands())
        assert await house.stop_service() == 0
        await house.until(lambda: house.text("availability") == "offline", "offline")
        # and the next start moves nothing either
        await house.start_service()
        await house.settled()
        await house.never(lambda: len(house.commands()) > sent, "a command", for_s=1.5)
        assert house.is_on("bath", "lounge")


async def test_sigint_is_asked_to_stop_too(house: House) -> None:
    house.signal(signal.SIGINT)
    assert await house.ended() == 0


async def test_paused_process_does_not_take_old_messages_for_new(house: House) -> None:
    """F74: after a pause the connection is made anew; what people want is not forgotten."""
    await house.request("bath", "study")
    await house.until(lambda: house.is_on("bath", "study"), "both on")
    # when the process stands still, and somebody wants another room to be warm, after more has
    # been said than the broker sends to one who does not acknowledge it
    house.signal(signal.SIGSTOP)
    for _ in range(3 * INFLIGHT):
        await house.request("study", heat=False)
    await house.request("lounge")
    await house.never(lambda: False, "", for_s=GAP_S + 0.2)
    house.signal(signal.SIGCONT)
    # then it says so, and connects anew
    await house.until(lambda: "process_gap" in house.log, "said")
    await house.until(lambda: "cause=gap" in house.log, "connected anew")
    await house.until(lambda: house.is_on("bath", "lounge"), "what is wanted now")
    house.base_w = 3000.0
    await house.until(lambda: house.on_count == 1, "it decides")


async def test_busy_http_port_ends_with_1_and_says_so(make_house: MakeHouse) -> None:
    async with make_house() as house:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", house.http_port)
        try:
            await house.start_service(wait=False)
            assert await house.ended() == 1
        finally:
            server.close()
        assert "http_port_busy" in house.log
        assert str(house.http_port) in house.log
        assert house.commands() == []


async def test_hanging_scrapers_do_not_disturb_control(house: House) -> None:
    """F81."""
    writers = []
    for _ in range(60):
        _, writer = await asyncio.open_connection("127.0.0.1", house.http_port)
        writer.write(b"GET /metr")
        writers.append(writer)
    await house.request("bath", "lounge")
    await house.until(lambda: house.is_on("bath", "lounge"), "both on")
    house.base_w = 3000.0
    took_s = await house.until(lambda: house.on_count == 1, "shed")
    assert took_s < 1.0
    for writer in writers:
        writer.close()


async def test_json_log_has_one_object_a_line(make_house: MakeHouse) -> None:
    async with make_house() as house:
        await house.start_service("--log-format", "json")
        await house.settled()
        await house.request("bath")
        await house.until(lambda: house.is_on("bath"), "on")
        assert await house.stop_service() == 0
        events = [json.loads(each)["event"] for each in house.log.splitlines()]
        assert {"starting", "connected", "started", "request", "stopped"} <= set(events)
