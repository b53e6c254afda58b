"""The access list of ``check --acl`` on a real broker: all that is needed, and nothing else."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from balancer.cli.check import show_acl
from balancer.cli.topics import uses
from balancer.config.load import read_setup
from tests.integration.mosquitto import Mosquitto
from tests.machine import needed

SETUP = read_setup(Path(__file__).parents[2] / "config.toml", environ={})
PATIENCE_S = 10.0

Connect = Callable[[str], paho.Client]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """Return a broker with that access list, and a user who may do everything."""
    program = needed("mosquitto_passwd")
    acl, passwords = tmp_path / "acl", tmp_path / "passwords"
    acl.write_text(f"{show_acl(SETUP)}\n\nuser observer\ntopic readwrite #\n")
    passwords.touch()
    for user in ("balancer", "observer"):
        subprocess.run([program, "-b", passwords, user, user], check=True)
    for each in (tmp_path, acl, passwords):
        each.chmod(0o755)  # the broker is another user when tests run as root
    server = Mosquitto(
        tmp_path / "broker",
        conf=f"allow_anonymous false\nacl_file {acl}\npassword_file {passwords}\n",
    )
    (tmp_path / "broker").mkdir()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def connect(broker: Mosquitto) -> Iterator[Connect]:
    """Return what connects a user."""
    clients = []

    def connected(user: str) -> paho.Client:
        ready = threading.Event()
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        client.username_pw_set(user, user)
        client.on_connect = lambda *_: ready.set()
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        clients.append(client)
        assert ready.wait(PATIENCE_S)
        return client

    yield connected
    for client in clients:
        client.disconnect()
        client.loop_stop()


def heard_by(listener: paho.Client, filters: list[str], publish: Callable[[], object]) -> set[str]:
    """Return the topics that a client hears of while others publish, up to a message ``last``."""
    listening, done = threading.Event(), threading.Event()
    heard: set[str] = set()

    def on_message(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        heard.add(message.topic)
        if message.payload == b"last":
            done.set()

    listener.on_message = on_message
    listener.on_subscribe = lambda *_: listening.set()
    listener.subscribe([(each, 1) for each in filters])
    assert listening.wait(PATIENCE_S)
    publish()
    assert done.wait(PATIENCE_S)
    return heard


def test_every_topic_that_is_read_reaches_the_balancer_and_no_other(connect: Connect) -> None:
    observer, balancer = connect("observer"), connect("balancer")
    wanted = [use.topic for use in uses(SETUP) if use.reads]
    foreign = ["somebody/else", "zigbee2mqtt/lamp", "balancer/cabin/status"]

    def publish() -> None:
        for topic in [*wanted, *foreign]:
            observer.publish(topic, b"x", 1)
        observer.publish(wanted[0], b"last", 1)

    assert heard_by(balancer, [*wanted, *foreign], publish) == set(wanted)


def test_every_topic_that_is_written_leaves_the_balancer_and_no_other(connect: Connect) -> None:
    observer, balancer = connect("observer"), connect("balancer")
    wanted = [use.topic for use in uses(SETUP) if use.writes]
    foreign = ["zigbee2mqtt/lamp/set", "cmnd/relay8/POWER3", "balancer/cabin/status"]

    def publish() -> None:
        for topic in [*wanted, *foreign]:
            balancer.publish(topic, b"x", 1)
        balancer.publish(wanted[0], b"last", 1)

    assert heard_by(observer, ["#"], publish) == set(wanted)
