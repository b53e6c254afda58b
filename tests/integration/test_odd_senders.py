"""Others at the broker who say too much, nonsense, or what MQTT does not allow."""

import asyncio
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.packets import connect
from tests.fuzz.topics import packet
from tests.integration.appliances import SOON, Answer, PlainRelay, Relay, ZigbeeRelay
from tests.integration.conftest import MakeHouse, served
from tests.integration.house import METER_TOPIC, House
from tests.integration.mosquitto import Mosquitto


async def say_raw(port: int, data: bytes) -> bytes:
    """Connect, say something, and return what the broker answers until it ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(connect("odd") + data + b"\xe0\x00")  # a broker that bears it gets a goodbye
    try:
        return await asyncio.wait_for(reader.read(), 5.0)
    except ConnectionError:
        return b""
    finally:
        writer.close()


ODD_TOPICS = {
    "no UTF-8": b"balancer/house/\xff\xfe/set",
    "NUL": b"balancer/house/zone/bath\0/set",
    "hash": b"balancer/house/#",
    "plus": b"balancer/house/zone/+/set",
    "empty": b"",
    "$SYS": b"$SYS/balancer/house/away/set",
    "64 KiB": b"balancer/house/zone/" + b"a" * 65_000 + b"/set",
}


async def test_topic_that_mqtt_does_not_know_reaches_nobody(
    house: House, mosquitto: Mosquitto
) -> None:
    """F61."""
    for topic in ODD_TOPICS.values():
        data = packet(topic, b"ON", qos=0, packet_id=0, retain=False, duplicate=False)
        await say_raw(mosquitto.port, data)
    await house.request("bath")
    await house.until(lambda: house.is_on("bath"), "on")
    assert "connection_lost" not in house.log
    assert "internal_error" not in house.log


async def test_storm_of_home_assistant_births_is_answered_once(house: House) -> None:
    """F69."""
    document = "homeassistant/device/balancer_house/config"
    await house.until(lambda: house.seen(document), "the first")
    before = len(house.seen(document))
    for _ in range(50):
        await house.publish("homeassistant/status", "online", qos=0)
    await house.until(lambda: len(house.seen(document)) > before, "once more")
    await house.never(lambda: len(house.seen(document)) > before + 1, "again", for_s=1.0)


async def test_single_false_zero_of_the_meter_admits_nothing(house: House) -> None:
    """F04: the greater of the last two readings decides an ON."""
    await house.request("bath", "lounge", "study")
    await house.until(lambda: house.on_count == 2, "two fit")
    for _ in range(3):
        await house.until(
            lambda: [each.text for each in house.seen(METER_TOPIC)[-3:]] == ["5500.0"] * 3, "true"
        )
        await house.publish(METER_TOPIC, "0", qos=0)
        await house.until(lambda: house.seen(METER_TOPIC)[-1].text != "0", "the truth after it")
        assert house.on_count <= 2
    await house.never(lambda: house.on_count > 2, "too much", for_s=0.5)


async def test_small_queue_of_the_broker_loses_nothing_that_is_needed(tmp_path: Path) -> None:
    """F62: max_queued_messages 10, and nobody reads for two seconds."""
    conf = "max_queued_messages 10\nmax_inflight_messages 1\n"
    async with served(tmp_path, conf=conf) as house:
        await house.request("bath", "lounge")
        await house.until(lambda: house.is_on("bath", "lounge"), "both on")
        # when the service does not read, and much is said
        house.signal(signal.SIGSTOP)
        for number in range(2000):
            await house.publish(METER_TOPIC, f"{5000 + number % 500}", qos=0)
            await house.publish("heat/study", "0", qos=0)
        house.base_w = 3000.0
        house.signal(signal.SIGCONT)
        # then it decides by what is true now
        await house.until(lambda: house.on_count == 1, "one off")


async def test_payload_of_five_megabytes_is_no_reading(house: House) -> None:
    """F12."""
    await house.publish(METER_TOPIC, b"1" * 5_000_000, qos=0)
    await house.until_metric(
        'balancer_rejected_messages_total{house="house",reason="oversize",'
        'source="circuits.main.meter"} 1.0'
    )
    assert "connection_lost" not in house.log


async def test_nothing_goes_on_while_the_zigbee_bridge_is_away(make_house: MakeHouse) -> None:
    """F37."""
    async with make_house([ZigbeeRelay("one", 2500.0), ZigbeeRelay("two", 2500.0)]) as house:
        await house.start_service()
        await house.settled()
        await house.request("one")
        await house.until(lambda: house.is_on("one"), "on")
        state = "zigbee2mqtt/bridge/state"
        await house.publish(state, '{"state":"offline"}', retain=True)
        await house.until(lambda: house.reason("two") == "unavailable", "said")
        await house.request("two")
        await house.never(lambda: house.relays["two"].on, "switched unseen", for_s=0.5)
        # and when it is back the heat is too
        await house.publish(state, '{"state":"online"}', retain=True)
        await house.until(lambda: house.is_on("one", "two"), "both on")


@dataclass
class Channel(ZigbeeRelay):
    """One channel of a device that tells of all its channels together."""

    def config(self) -> str:
        return f'{{ type = "zigbee2mqtt", device = "box", channel = "{self.name}" }}'

    def command_topic(self) -> str:
        return "zigbee2mqtt/box/set"

    def subscriptions(self) -> Iterator[str]:
        yield from ("zigbee2mqtt/box/set", "zigbee2mqtt/box/get")

    def hello(self) -> Iterator[Answer]:
        yield "zigbee2mqtt/bridge/state", '{"state":"online"}', True

    def receive(self, topic: str, payload: bytes) -> Iterator[Answer]:
        word = json.loads(payload).get(f"state_{self.name}")
        if topic.endswith("/get") and word is not None:
            yield from self.report()
        elif word in {"ON", "OFF"}:
            yield from self.switch(word == "ON")

    def report(self) -> Iterator[Answer]:
        document = {f"state_{self.name}": "ON" if self.on else "OFF", "linkquality": 90}
        yield "zigbee2mqtt/box", json.dumps(document), False


async def test_partial_report_of_a_device_concerns_only_the_channels_named(
    make_house: MakeHouse,
) -> None:
    """F42."""
    channels = [Channel(name, 500.0) for name in ("l1", "l2", "l3", "l4")]
    async with make_house(channels) as house:
        await house.start_service()
        await house.settled()
        await house.request("l1", "l2", "l3")
        await house.until(lambda: house.is_on("l1", "l2", "l3"), "three on")
        await house.until(lambda: house.status["loads"]["l3"]["relay"], "reported")
        told = len(house.commands())
        await house.publish("zigbee2mqtt/box", '{"state_l2":"ON","state_l4":"OFF","power":3}')
        await house.publish("zigbee2mqtt/box", '{"state_l1":null,"linkquality":9}')
        await house.never(lambda: len(house.commands()) > told, "a command", for_s=0.5)
        assert [house.status["loads"][each]["relay"] for each in house.relays] == [
            *(True, True, True, False)
        ]


async def test_commands_that_the_broker_swallows_lead_to_a_hint(tmp_path: Path) -> None:
    """F54: in MQTT 3.1.1 nobody says that a publish was refused."""
    relays: list[Relay] = [PlainRelay(name, 2500.0, options=SOON) for name in ("bath", "lounge")]
    async with served(tmp_path, denied="heat/bath/set", relays=relays) as house:
        await house.request("bath", "lounge")
        await house.until(lambda: house.reason("bath") == "fault", "fault")
        assert "check --acl" in house.log
        await house.until(lambda: house.is_on("lounge"), "the other one")
