"""What others, or we ourselves, have left on the broker before the service starts."""

import json

import aiomqtt

from tests.integration.conftest import MakeHouse, three_heaters
from tests.integration.mosquitto import Mosquitto


async def kept(broker: Mosquitto, topic: str) -> bytes | None:
    """Return what the broker keeps on a topic."""
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe(topic)
        await client.subscribe("$SYS/broker/version")  # retained too: the end
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            return message.payload if message.topic.value == topic else None
    return None


async def test_ghost_on_a_relays_command_topic_is_put_right_and_left_where_it_is(
    make_house: MakeHouse, mosquitto: Mosquitto
) -> None:
    """F38: the relay hears its old ON each time that it connects."""
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        await client.publish("heat/study/set", "1", qos=1, retain=True)
    async with make_house() as house:
        await house.until(lambda: house.is_on("study"), "the ghost was heard")
        await house.start_service()
        await house.until(house.is_on, "off again")
        # when it hears it once more
        await house.turn("study", on=True)
        await house.until(house.is_on, "off again")
        foreign = 'balancer_relay_foreign_total{house="house",load="study"} 1.0'
        await house.until_metric(foreign)
        assert await kept(mosquitto, "heat/study/set") == b"1"  # it is not ours


async def test_load_that_left_the_configuration_leaves_the_broker_too(
    make_house: MakeHouse, mosquitto: Mosquitto
) -> None:
    """F70."""
    async with make_house() as house:
        await house.start_service()
        await house.settled()
        await house.until(lambda: house.text("load/study/state") == "OFF", "published")
        document = "homeassistant/device/balancer_house/config"
        await house.until(lambda: b"study" in house.latest[document].payload, "discovered")
        assert await house.stop_service() == 0
        # when it is started without that load and its zone
        del house.relays["study"]
        house.write_config()
        await house.start_service()
        await house.settled()
        topics = ("load/study/state", "load/study/boost", "zone/study")
        await house.until(lambda: {house.text(each) for each in topics} == {""}, "cleared")
        for topic in topics:
            assert await kept(mosquitto, f"balancer/house/{topic}") is None

        def left() -> set[str]:
            parts = json.loads(house.latest[document].payload)["components"]
            return {name for name, part in parts.items() if "study" in name and len(part) > 1}

        await house.until(lambda: not left(), "no entity of it")
        assert "study" not in house.status["loads"]


async def test_corrupt_memory_is_said_and_starts_from_nothing(make_house: MakeHouse) -> None:
    """F77: no ON before the meter has reported."""
    async with make_house() as house:
        house.metering = False
        for topic, payload in {
            "status": b'{"version": 1, "loads": {"bath"',
            "away": b"\xff\xfe",
            "zone/bath": b"maybe",
            "circuit/main/limit": b"1e999",
            "load/bath/state": b"{}",
            "load/bath/boost": b"\0",
        }.items():
            await house.publish(f"balancer/house/{topic}", payload, retain=True)
        await house.start_service(wait=False)
        await house.until(lambda: "state_not_restored" in house.log, "said")
        await house.set("zone/bath")
        await house.until(lambda: house.text("zone/bath") == "ON", "answered")
        await house.never(lambda: not house.is_on(), "heat without a reading", for_s=0.5)
        house.metering = True
        await house.until(lambda: house.is_on("bath"), "on")
        assert house.text("circuit/main/limit") == "6000"


async def test_memory_of_a_later_version_is_not_guessed_at(
    mosquitto: Mosquitto, make_house: MakeHouse
) -> None:
    """F77."""
    async with make_house(three_heaters()) as house:
        newer = {"version": 99, "sequence": 7, "loads": {"bath": {"boost": True}}}
        await house.publish("balancer/house/status", json.dumps(newer), retain=True)
        await house.start_service(wait=False)
        await house.settled()
        assert "state_not_restored" in house.log
        assert house.is_on()
