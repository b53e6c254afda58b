"""Relays and meters that do not do what they should."""

import json
import time

from tests.integration.appliances import SOON, PlainRelay, TasmotaRelay
from tests.integration.conftest import MakeHouse, three_heaters
from tests.integration.house import METER_TOPIC, House


async def test_heater_switched_by_hand_is_put_right(house: House) -> None:
    """R11: foreign switching."""
    # when somebody switches on what nobody asked for
    await house.turn("study", on=True)
    # then it is switched off
    await house.until(house.is_on, "off again")
    foreign = 'balancer_relay_foreign_total{house="house",load="study"} 1.0'
    await house.until_metric(foreign)


async def test_stuck_relay_becomes_a_fault_and_counts_as_on(make_house: MakeHouse) -> None:
    """R11: a shed that is not confirmed is repeated, then said to have failed."""
    relays = [PlainRelay("bath", 2500.0, options=SOON), PlainRelay("lounge", 2500.0)]
    async with make_house(relays) as house:
        await house.start_service()
        await house.settled()
        await house.request("bath")
        await house.until(lambda: house.is_on("bath"), "on")
        # given a welded contact
        house.relays["bath"].stuck = True
        # when the oven starts
        house.base_w = 4000.0
        # then it is told four times, and given up
        await house.until(lambda: house.reason("bath") == "fault", "fault", within_s=15.0)
        told = [each.text for each in house.commands() if each.topic == "heat/bath/set"]
        assert told == ["1", "0", "0", "0", "0"]
        # and nobody else gets the power that it still takes
        await house.request("lounge")
        await house.never(lambda: house.relays["lounge"].on, "too much", for_s=1.0)


async def test_dead_relay_gives_its_turn_to_the_next(make_house: MakeHouse) -> None:
    """R11."""
    relays = [
        TasmotaRelay("bath", 2500.0, dead=True, options=SOON),
        TasmotaRelay("lounge", 2500.0),
        TasmotaRelay("study", 2500.0),
    ]
    async with make_house(relays, circuit={"limit": "5500"}) as house:
        await house.start_service()
        await house.settled()
        await house.request("bath", "lounge", "study")
        await house.until(lambda: house.is_on("lounge", "study"), "the others", within_s=15.0)
        await house.until(lambda: house.reason("bath") == "fault", "fault")


async def test_mute_relay_never_heats_unseen(make_house: MakeHouse) -> None:
    """R11: an ON that is never confirmed is answered with OFF."""
    async with make_house([TasmotaRelay("bath", 2500.0, options=SOON)]) as house:
        await house.start_service()
        await house.settled()
        house.relays["bath"].mute = True
        await house.request("bath")
        await house.until(lambda: house.reason("bath") == "fault", "fault", within_s=15.0)
        await house.until(house.is_on, "off")


async def test_silent_meter_turns_heaters_off_until_it_speaks_again(house: House) -> None:
    """R13."""
    await house.request("bath", "lounge")
    await house.until(lambda: house.is_on("bath", "lounge"), "both on")
    # when the meter dies
    house.metering = False
    silent_s = house.seen(METER_TOPIC)[-1].at_s
    # then after stale_after, and not before, everything goes off
    await house.until(house.is_on, "all off")
    assert 1.9 < house.commands(silent_s + 0.5)[0].at_s - silent_s < 2.6
    status, body = await house.get("/healthz")
    assert (status, json.loads(body)["reasons"]) == (503, ["blind: main"])
    # when it speaks again
    house.metering = True
    # then heat comes back
    await house.until(lambda: house.is_on("bath", "lounge"), "both on again")


async def test_garbage_from_the_meter_is_no_reading(house: House) -> None:
    """R13: garbage neither switches anything nor keeps the meter alive."""
    await house.request("bath", "lounge")
    await house.until(lambda: house.is_on("bath", "lounge"), "both on")
    sent = len(house.commands())
    house.metering = False
    garbage = [
        b"",
        b"nan",
        b"-inf",
        b"1e999",
        b"\xff\xfe",
        b"[1]",
        b"9" * 70_000,
        b"9" * 2_000_000,
        b"1,5",
    ]
    began_s = time.monotonic()
    while len(house.commands()) == sent:
        for payload in garbage:
            await house.publish(METER_TOPIC, payload, qos=0)
        assert time.monotonic() - began_s < 5.0
    # blind in spite of it all
    await house.until(house.is_on, "all off")
    rejected = (await house.get("/metrics"))[1]
    for reason in ("empty", "nonfinite", "utf8", "oversize"):
        assert f'reason="{reason}",source="circuits.main.meter"' in rejected


async def test_retained_reading_is_none(make_house: MakeHouse) -> None:
    """R13: what was kept from before says nothing about now."""
    async with make_house() as house:
        house.metering = False
        await house.publish(METER_TOPIC, "500", retain=True)
        await house.request("bath")
        await house.start_service()
        await house.set("zone/bath", "ON")
        await house.never(lambda: not house.is_on(), "heat without a reading", for_s=1.5)


async def test_meter_flood_is_conflated_and_control_goes_on(house: House) -> None:
    """F13: the newest reading counts, memory and reaction stay as they are."""
    await house.request("bath", "lounge")
    await house.until(lambda: house.is_on("bath", "lounge"), "both on")
    house.metering = False
    until_s = time.monotonic() + 2.0
    while time.monotonic() < until_s:
        for _ in range(200):
            await house.publish(METER_TOPIC, f"{house.power_w}", qos=0)
    house.base_w = 3000.0
    house.metering = True
    took_s = await house.until(lambda: house.on_count == 1, "one off")
    assert took_s < 1.0


async def test_bad_payload_on_every_topic_harms_nobody(make_house: MakeHouse) -> None:
    """I11: no input can raise out of the handlers."""
    relays = [*three_heaters(), TasmotaRelay("towels", 500.0)]
    async with make_house(relays) as house:
        await house.start_service()
        await house.settled()
        await house.request("bath")
        await house.until(lambda: house.is_on("bath"), "on")
        own = ("zone/bath/set", "load/bath/boost/set", "away/set", "circuit/main/limit/set")
        topics = [
            *(f"balancer/house/{each}" for each in (*own, "heartbeat", "availability", "status")),
            *("heat/lounge", "stat/towels/RESULT", "tele/towels/LWT", METER_TOPIC),
            *("homeassistant/status", "homeassistant/device/balancer_house/config"),
        ]
        payloads = [b"", b"\x00", b"\xff" * 16, b"{" * 10_000, b'{"POWER":NaN}', b"null", b"[]"]
        for topic in topics:
            for payload in payloads:
                await house.publish(topic, payload, qos=0)
        # the service is still there, and still decides
        house.base_w = 6000.0
        await house.until(lambda: not house.relays["bath"].on, "shed")
        assert "internal_error" not in house.log


async def test_retained_ghost_on_a_set_topic_is_not_obeyed(make_house: MakeHouse) -> None:
    """Retained commands would come back with every connection."""
    async with make_house() as house:
        await house.publish("balancer/house/zone/bath/set", "ON", retain=True)
        await house.publish("balancer/house/load/study/boost/set", "ON", retain=True)
        await house.start_service()
        await house.settled()
        await house.never(lambda: not house.is_on(), "a ghost was obeyed", for_s=1.0)
        assert "reason=retained" in house.log
