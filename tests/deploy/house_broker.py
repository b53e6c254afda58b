"""A real Mosquitto with the delivered configuration, and people who talk to it."""

import os
import re
import runpy
import signal
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from tests.machine import free_port, needed

ROOT = Path(__file__).parents[2]
PATIENCE_S = 10.0
"""How long a test waits for something that takes milliseconds, in seconds."""

DEVICES = ("relay1", "relay2", "linky")

Access: Any = runpy.run_path(str(ROOT / "mosquitto" / "access.py"))["Access"]


def until(condition: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait for a condition that another process makes true."""
    waiting = threading.Event()
    for _ in range(int(patience_s / 0.02)):
        if condition():
            return
        waiting.wait(0.02)
    pytest.fail(f"waited {patience_s} s in vain: {what}")


class Broker:
    """Mosquitto as a child process, with mosquitto.conf, acl and access.py as delivered.

    Only addresses, ports and folders differ from what a house gets.
    """

    def __init__(self, folder: Path, acl: str | None = None) -> None:
        """Make its files; ``start`` starts it.

        Args:
            folder: For them.
            acl: Another ACL than the delivered one.
        """
        self.program = needed("mosquitto")
        self.folder = folder
        self.access = Access(folder)
        self.access.create([])
        for user in ("observer", *DEVICES):
            self.access.user(user)
        acl = acl or (ROOT / "mosquitto" / "acl").read_text()
        (folder / "acl").write_text(f"{acl}\nuser observer\ntopic readwrite #\n")
        (folder / "data").mkdir()
        self.plain, self.tls, self.certificate = free_port(), free_port(), free_port()
        self.log = folder / "log"
        self.configuration = folder / "mosquitto.conf"
        self.configuration.write_text(self._configured())
        self.process: subprocess.Popen[bytes] | None = None

    def _configured(self) -> str:
        text = (ROOT / "mosquitto" / "mosquitto.conf").read_text()
        for there, here in (
            ("/etc/mosquitto/", f"{self.folder}/"),
            ("/var/lib/mosquitto", f"{self.folder}/data"),
            ("listener 1883 127.0.0.1\n", f"listener {self.plain} 127.0.0.1\n"),
            ("listener 8883\n", f"listener {self.tls} 127.0.0.1\n"),
            ("listener 8884\n", f"listener {self.certificate} 127.0.0.1\n"),
        ):
            assert there in text, there
            text = text.replace(there, here)
        # a temporary folder of root's is closed to the user that Mosquitto would become
        return text + ("user root\n" if os.geteuid() == 0 else "")

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "-c", str(self.configuration)], stdout=log, stderr=log
            )
        until(self._answers, f"broker on {self.plain}; log: {self.log}")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        # it listens a moment before a signal to reload would no longer end it
        with suppress(RefusedError), self.person("observer"):
            return True
        return False

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE_S)
            self.process = None

    def reload(self) -> None:
        """Have users, ACL and certificates read anew; it takes a moment."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def password(self, name: str) -> str:
        return (self.folder / "clients" / f"{name}.password").read_text()

    def refusals(self) -> int:
        """Return how often somebody was not let in."""
        return len(
            re.findall(
                r"not authori[sz]ed|OpenSSL Error|connection from .* failed", self.log.read_text()
            )
        )

    @contextmanager
    def person(self, name: str, **how: Any) -> "Iterator[Person]":
        """Connect somebody with name and password, by loopback."""
        somebody = Person(name)
        somebody.client.username_pw_set(name, how.get("password") or self.password(name))
        with somebody.connected(self.plain):
            yield somebody

    @contextmanager
    def over_tls(self, name: str, ca: Path | None = None, **how: Any) -> "Iterator[Person]":
        """Connect somebody over TLS: with `certificate` (its path) or with the password."""
        somebody = Person(name)
        context = ssl.create_default_context(cafile=ca or self.folder / "certs" / "ca.crt")
        certificate: Path | None = how.get("certificate")
        if certificate is not None:
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        else:
            somebody.client.username_pw_set(name, self.password(name))
        somebody.client.tls_set_context(context)
        port = self.tls if certificate is None else self.certificate
        with somebody.connected(how.get("port", port)):
            yield somebody


class RefusedError(Exception):
    """The broker did not let somebody in."""


class Person:
    """One MQTT 3.1.1 client whose messages arrive in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.client = paho.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        self.heard: list[tuple[str, bytes]] = []
        self._answer = threading.Event()
        self._refusal: str | None = None
        self.client.on_message = lambda *a: self.heard.append((a[2].topic, a[2].payload))
        self.client.on_connect = self._on_connect
        self.client.on_connect_fail = lambda *_: self._end("no connection")
        self.client.on_disconnect = lambda *a: self._end(f"disconnected: {a[3]}")
        self._granted = threading.Event()
        self.client.on_subscribe = lambda *_: self._granted.set()

    def _on_connect(self, *arguments: Any) -> None:
        if arguments[3].is_failure:
            self._refusal = str(arguments[3])
        self._answer.set()

    def _end(self, reason: str) -> None:
        self._refusal = self._refusal or reason
        self._answer.set()

    @contextmanager
    def connected(self, port: int) -> "Iterator[None]":
        try:
            self.client.connect("127.0.0.1", port)
        except OSError as error:
            raise RefusedError(str(error)) from error
        self.client.loop_start()
        try:
            assert self._answer.wait(PATIENCE_S), "no answer to CONNECT"
            if self._refusal:
                raise RefusedError(self._refusal)
            yield
        finally:
            self.client.disconnect()
            self.client.loop_stop()

    def subscribe(self, topic: str) -> None:
        self._granted.clear()
        assert self.client.subscribe(topic, 1)[0] == MQTTErrorCode.MQTT_ERR_SUCCESS
        assert self._granted.wait(PATIENCE_S), f"no SUBACK for {topic}"

    def publish(self, topic: str, payload: str = "x", *, retain: bool = False) -> None:
        """Publish and wait until the broker has dealt with it."""
        message = self.client.publish(topic, payload, qos=1, retain=retain)
        message.wait_for_publish(PATIENCE_S)
        assert message.is_published(), topic

    def waits_for(self, topic: str, payload: str) -> None:
        until(lambda: (topic, payload.encode()) in self.heard, f"{self.name} hears {topic}")
