"""Each role on the broker can do its work and nothing else."""

from pathlib import Path

import pytest

from balancer.cli.check import show_acl
from balancer.cli.topics import uses
from balancer.config.load import read_setup
from balancer.config.setup import Setup
from tests.deploy.house_broker import DEVICES, ROOT, Broker, Person

ROLES = ("balancer", "homeassistant", "zigbee2mqtt", "viewer", *DEVICES)

WRITERS = {
    # the balancer's own
    "balancer/house/availability": {"balancer"},
    "balancer/house/status": {"balancer"},
    "balancer/house/event": {"balancer"},
    "balancer/house/heartbeat": {"balancer"},
    "balancer/house/away": {"balancer"},
    "balancer/house/zone/lounge": {"balancer"},
    "balancer/house/load/towels/state": {"balancer"},
    "balancer/house/load/towels/boost": {"balancer"},
    "balancer/house/circuit/main/mode": {"balancer"},
    "balancer/house/circuit/main/limit": {"balancer"},
    # what people ask of it
    "balancer/house/zone/lounge/set": {"homeassistant"},
    "balancer/house/load/towels/boost/set": {"homeassistant"},
    "balancer/house/away/set": {"homeassistant"},
    "balancer/house/rotate/set": {"homeassistant"},
    "balancer/house/circuit/main/mode/set": {"homeassistant"},
    "balancer/house/circuit/main/limit/set": {"homeassistant"},
    # discovery
    "homeassistant/device/balancer_house/config": {"balancer", "homeassistant"},
    "homeassistant/switch/0x00124b/switch/config": {"homeassistant", "zigbee2mqtt"},
    "homeassistant/status": {"homeassistant"},
    # relays and meters on Zigbee
    "zigbee2mqtt/relay_lounge/set": {"balancer", "zigbee2mqtt"},
    "zigbee2mqtt/ground floor/relay/set": {"balancer", "zigbee2mqtt"},
    "zigbee2mqtt/relay_lounge/get": {"balancer", "zigbee2mqtt"},
    "zigbee2mqtt/relay_lounge": {"zigbee2mqtt"},
    "zigbee2mqtt/relay_lounge/availability": {"zigbee2mqtt"},
    "zigbee2mqtt/bridge/state": {"zigbee2mqtt"},
    "zigbee2mqtt/bridge/request/permit_join": {"zigbee2mqtt"},
    # relays and meters with Tasmota
    "cmnd/relay1/POWER": {"balancer"},
    "cmnd/relay1/POWER7": {"balancer"},
    "cmnd/relay1/PulseTime1": {"balancer"},
    "cmnd/relay1/Backlog": set(),
    "cmnd/relay1/OtaUrl": set(),
    "cmnd/tasmotas/POWER0": set(),
    "stat/relay1/RESULT": {"relay1"},
    "stat/relay1/POWER": {"relay1"},
    "tele/relay1/LWT": {"relay1"},
    "tele/relay1/SENSOR": {"relay1"},
    # nobody's
    "tele/viewer/SENSOR": set(),
    "stat/balancer/POWER": set(),
    "tele/homeassistant/SENSOR": set(),
    "stat/zigbee2mqtt/POWER": set(),
    "anything/else": set(),
}
"""Who may write a topic, of the roles and two devices; nobody else may."""

READERS = {
    "balancer/house/status": {"balancer", "homeassistant", "viewer"},
    "balancer/house/load/towels/state": {"balancer", "homeassistant", "viewer"},
    "balancer/house/zone/lounge/set": {"balancer", "homeassistant", "viewer"},
    "homeassistant/status": {"balancer", "homeassistant", "zigbee2mqtt"},
    "homeassistant/device/balancer_house/config": {"balancer", "homeassistant", "zigbee2mqtt"},
    "zigbee2mqtt/relay_lounge": {"balancer", "homeassistant", "zigbee2mqtt"},
    "zigbee2mqtt/ground floor/relay/availability": {"balancer", "homeassistant", "zigbee2mqtt"},
    "zigbee2mqtt/relay_lounge/set": {"balancer", "homeassistant", "zigbee2mqtt"},
    "cmnd/relay1/POWER": {"relay1"},
    "cmnd/relay1/PulseTime1": {"relay1"},
    "stat/relay1/RESULT": {"balancer", "homeassistant"},
    "tele/relay1/SENSOR": {"balancer", "homeassistant"},
    "tele/relay1/LWT": {"balancer", "homeassistant"},
    "cmnd/viewer/POWER": set(),
    "anything/else": set(),
}
"""Who may read a topic; nobody else may."""

MAY_ALWAYS_READ = {
    "balancer": "balancer/house/status",
    "homeassistant": "balancer/house/status",
    "viewer": "balancer/house/status",
    "zigbee2mqtt": "homeassistant/status",
    "relay1": "cmnd/relay1/STATE",
    "relay2": "cmnd/relay2/STATE",
    "linky": "cmnd/linky/STATE",
}


@pytest.mark.parametrize("role", ROLES)
def test_role_writes_what_its_work_needs_and_nothing_else(broker: Broker, role: str) -> None:
    # given somebody who hears everything
    with broker.person("observer") as observer, broker.person(role) as somebody:
        observer.subscribe("#")
        # when the role tries to write everything
        for topic in WRITERS:
            somebody.publish(topic, role)
        end_of_round(observer, observer)
        # then only what is its own arrives
        arrived = {topic for topic, payload in observer.heard if payload == role.encode()}
        assert arrived == {topic for topic, writers in WRITERS.items() if role in writers}


@pytest.mark.parametrize("role", ROLES)
def test_role_reads_what_its_work_needs_and_nothing_else(broker: Broker, role: str) -> None:
    with broker.person("observer") as observer, broker.person(role) as somebody:
        # given the role asks for everything
        somebody.subscribe("#")
        # when all kinds of messages are on their way
        for topic in READERS:
            observer.publish(topic, "secret")
        observer.publish(MAY_ALWAYS_READ[role], "end")
        somebody.waits_for(MAY_ALWAYS_READ[role], "end")
        # then it hears only what is for it
        heard = {topic for topic, payload in somebody.heard if payload == b"secret"}
        assert heard == {topic for topic, readers in READERS.items() if role in readers}


def test_device_neither_commands_another_relay_nor_the_balancer(broker: Broker) -> None:
    with broker.person("observer") as observer, broker.person("relay2") as device:
        observer.subscribe("#")
        # when a stolen password of one device is tried on everything that heats
        for topic in ("cmnd/relay1/POWER", "zigbee2mqtt/relay_lounge/set", "stat/relay1/POWER"):
            device.publish(topic, "ON")
        device.publish("balancer/house/load/towels/boost/set", "ON")
        device.publish("balancer/house/circuit/main/limit/set", "99")
        end_of_round(observer, observer)
        # then nobody hears of it
        assert observer.heard == [("observer/end", b"end")]


def example_house() -> Setup:
    return read_setup(ROOT / "config.toml", environ={})


def test_acl_as_delivered_suffices_for_the_example_house(broker: Broker) -> None:
    """All but plain MQTT devices, whose topics nobody can know beforehand."""
    known = [use for use in uses(example_house()) if not use.topic.startswith("heat/")]
    with broker.person("observer") as observer, broker.person("balancer") as balancer:
        observer.subscribe("#")
        balancer.subscribe("#")
        # when the balancer writes what it writes, and hears what it reads
        for use in known:
            if use.writes:
                balancer.publish(use.topic, "from the balancer")
            if use.reads:
                observer.publish(use.topic, "to the balancer")
        end_of_round(observer, observer)
        observer.publish("balancer/house/status", "end")
        balancer.waits_for("balancer/house/status", "end")
    # then nothing of it is denied
    written = {topic for topic, payload in observer.heard if payload == b"from the balancer"}
    read = {topic for topic, payload in balancer.heard if payload == b"to the balancer"}
    assert written == {use.topic for use in known if use.writes}
    assert read == {use.topic for use in known if use.reads}


def test_lines_that_check_prints_take_the_place_of_the_balancers_section(tmp_path: Path) -> None:
    # given an ACL with only what `balancer check --acl` prints for the example house
    broker = Broker(tmp_path / "broker", acl=show_acl(example_house()))
    broker.start()
    try:
        with broker.person("observer") as observer, broker.person("balancer") as balancer:
            observer.subscribe("#")
            # when the balancer writes to its house's devices and to a stranger's
            balancer.publish("heat/towels/set", "1")
            balancer.publish("cmnd/stranger/POWER", "ON")
            end_of_round(observer, observer)
            # then only its own hear of it
            assert [topic for topic, _ in observer.heard] == ["heat/towels/set", "observer/end"]
    finally:
        broker.end()


def end_of_round(writer: Person, reader: Person) -> None:
    """Let a last message pass, so that whatever was going to arrive has arrived."""
    writer.publish("observer/end", "end")
    reader.waits_for("observer/end", "end")
