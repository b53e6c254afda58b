"""The real service on the delivered broker, with a Tasmota relay, a Zigbee plug and a meter."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.deploy.house_broker import PATIENCE_S, Broker, Person, until
from tests.machine import free_port

HOUSE = """\
name = "house"

[http]
port = {http_port}

[circuits.main]
limit = 6000
restore_delay = "1 s"
settle = "0.2 s"
steps = [2, 1, 0]
meter = {{ type = "tasmota", device = "linky", stale_after = "5 s" }}

[zones.lounge]
[zones.bathroom]

[loads.radiator]
zone = "lounge"
circuit = "main"
power = 2000
min_on = 0
min_off = 0
relay = {{ type = "tasmota", device = "relay1" }}

[loads.towels]
zone = "bathroom"
circuit = "main"
power = 1500
min_on = 0
min_off = 0
relay = {{ type = "zigbee2mqtt", device = "plug" }}

[mqtt]
host = "127.0.0.1"
"""


class Service:
    """``balancer run`` as a child process."""

    def __init__(self, folder: Path, mqtt: str) -> None:
        """Prepare it.

        Args:
            folder: For its configuration and log.
            mqtt: Lines of the table ``mqtt`` beside the host.
        """
        self.http_port = free_port()
        self.config = folder / "config.toml"
        self.config.write_text(HOUSE.format(http_port=self.http_port) + mqtt)
        self._log = folder / "balancer.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return self._log.read_text()

    @contextmanager
    def running(self, environment: dict[str, str] | None = None) -> "Iterator[Service]":
        self.start(environment)
        try:
            yield self
        finally:
            self.end()

    def start(self, variables: dict[str, str] | None = None) -> None:
        """Start it with these variables of its own."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("BALANCER_")}
        environment |= variables or {}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "balancer", "run", "--config", self.config],
                stdout=log,
                stderr=log,
                env=environment,
            )

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE_S)
            self._process = None

    def metrics(self) -> str:
        address = f"http://127.0.0.1:{self.http_port}/metrics"
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
            text: str = answer.read().decode()
        return text

    def says(self, pattern: str) -> bool:
        return re.search(pattern, self.log) is not None

    def says_connected(self) -> bool:
        try:
            return 'balancer_mqtt_connected{house="house"} 1.0' in self.metrics()
        except OSError:
            return False


class Appliances:
    """Relay, plug and meter, each with its own user on the broker, as devices behave."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._over = threading.Event()
        self.other_w = 300.0
        self.on = {"radiator": False, "towels": False}
        self._people: dict[str, Person] = {}

    @contextmanager
    def living(self) -> "Iterator[Appliances]":
        with ExitStack() as stack:
            for name in ("relay1", "zigbee2mqtt", "linky"):
                self._people[name] = stack.enter_context(self._broker.person(name))
            relay, plug = self._people["relay1"], self._people["zigbee2mqtt"]
            relay.client.on_message = self._switch_relay
            relay.subscribe("cmnd/relay1/#")
            relay.publish("tele/relay1/LWT", "Online", retain=True)
            plug.client.on_message = self._switch_plug
            plug.subscribe("zigbee2mqtt/plug/#")
            plug.publish("zigbee2mqtt/bridge/state", '{"state":"online"}', retain=True)
            thread = threading.Thread(target=self._measure, name="meter")
            thread.start()
            try:
                yield self
            finally:
                self._over.set()
                thread.join()

    def _switch_relay(self, client: Any, _: object, message: Any) -> None:
        if message.topic != "cmnd/relay1/POWER":
            return
        if message.payload:
            self.on["radiator"] = message.payload == b"ON"
        word = "ON" if self.on["radiator"] else "OFF"
        client.publish("stat/relay1/RESULT", json.dumps({"POWER": word}))
        client.publish("stat/relay1/POWER", word)

    def _switch_plug(self, client: Any, _: object, message: Any) -> None:
        if message.topic == "zigbee2mqtt/plug/set":
            self.on["towels"] = json.loads(message.payload)["state"] == "ON"
        elif message.topic != "zigbee2mqtt/plug/get":
            return
        state = "ON" if self.on["towels"] else "OFF"
        client.publish("zigbee2mqtt/plug", json.dumps({"state": state}))

    def _measure(self) -> None:
        while not self._over.wait(0.2):
            heating_w = 2000.0 * self.on["radiator"] + 1500.0 * self.on["towels"]
            reading = json.dumps({"ENERGY": {"Power": self.other_w + heating_w}})
            self._people["linky"].client.publish("tele/linky/SENSOR", reading)


@contextmanager
def everything(broker: Broker, folder: Path) -> "Iterator[tuple[Service, Appliances, Person]]":
    """Run the service with its password, the appliances, and Home Assistant beside them."""
    password = broker.folder / "clients" / "balancer.password"
    mqtt = f'port = {broker.plain}\nusername = "balancer"\npassword_file = "{password}"\n'
    with (
        broker.person("homeassistant") as homeassistant,
        Appliances(broker).living() as appliances,
        Service(folder, mqtt).running() as service,
    ):
        homeassistant.subscribe("balancer/#")
        until(
            lambda: ("balancer/house/availability", b"online") in homeassistant.heard,
            "the service is online",
        )
        yield service, appliances, homeassistant
