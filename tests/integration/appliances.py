"""Relays as they answer on the broker, working or broken."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field

Answer = tuple[str, str, bool]  # topic, payload, retained
SOON = ', confirm_within = "0.4 s"'  # as options: a relay that does not answer is known soon


@dataclass
class Relay(ABC):
    """One relay channel.

    Attributes:
        on: What its contact really is.
        stuck: Its contact does not move; it reports the truth.
        mute: It switches and says nothing.
        dead: It neither switches nor says anything.
        options: Further keys of its ``relay`` in config.toml.
        changes: Every movement of the contact, as it was moved to.
    """

    name: str
    power_w: float
    on: bool = False
    stuck: bool = False
    mute: bool = False
    dead: bool = False
    options: str = ""
    changes: list[bool] = field(default_factory=list)

    @abstractmethod
    def command_topic(self) -> str:
        """Return where it takes commands."""

    @abstractmethod
    def config(self) -> str:
        """Return its ``relay`` in config.toml."""

    def hello(self) -> Iterator[Answer]:
        """Return what it says when it joins."""
        yield from ()

    def subscriptions(self) -> Iterator[str]:
        """Return what it listens to."""
        yield self.command_topic()

    @abstractmethod
    def receive(self, topic: str, payload: bytes) -> Iterator[Answer]:
        """Switch, and return what is answered."""

    @abstractmethod
    def report(self) -> Iterator[Answer]:
        """Return what says how its contact is."""

    def switch(self, on: bool) -> Iterator[Answer]:
        """Move the contact, if it still moves, and report."""
        if self.dead:
            return
        if not self.stuck and on is not self.on:
            self.on = on
            self.changes.append(on)
        if not self.mute:
            yield from self.report()


@dataclass
class PlainRelay(Relay):
    """``type = "mqtt"``: 1 and 0 on a command topic, the same on a retained state topic."""

    def command_topic(self) -> str:
        return f"heat/{self.name}/set"

    def config(self) -> str:
        return (
            f'{{ type = "mqtt", command_topic = "{self.command_topic()}", on = "1", off = "0",'
            f' state_topic = "heat/{self.name}"{self.options} }}'
        )

    def receive(self, topic: str, payload: bytes) -> Iterator[Answer]:
        if payload in {b"0", b"1"}:
            yield from self.switch(payload == b"1")

    def report(self) -> Iterator[Answer]:
        yield f"heat/{self.name}", "1" if self.on else "0", True

    def hello(self) -> Iterator[Answer]:
        yield from self.report()


@dataclass
class TasmotaRelay(Relay):
    """Channel 1 of a Tasmota device (Tasmota documentation: Commands, MQTT)."""

    def command_topic(self) -> str:
        return f"cmnd/{self.name}/POWER"

    def config(self) -> str:
        return f'{{ type = "tasmota", device = "{self.name}"{self.options} }}'

    def hello(self) -> Iterator[Answer]:
        yield f"tele/{self.name}/LWT", "Online", True

    def receive(self, topic: str, payload: bytes) -> Iterator[Answer]:
        if payload in {b"ON", b"OFF"}:
            yield from self.switch(payload == b"ON")
        elif not payload and not self.dead and not self.mute:
            yield from self.report()

    def report(self) -> Iterator[Answer]:
        word = "ON" if self.on else "OFF"
        yield f"stat/{self.name}/RESULT", json.dumps({"POWER": word}), False
        yield f"stat/{self.name}/POWER", word, False


@dataclass
class ZigbeeRelay(Relay):
    """A plug behind Zigbee2MQTT 2 (its documentation: MQTT topics and messages)."""

    def command_topic(self) -> str:
        return f"zigbee2mqtt/{self.name}/set"

    def config(self) -> str:
        return f'{{ type = "zigbee2mqtt", device = "{self.name}"{self.options} }}'

    def hello(self) -> Iterator[Answer]:
        yield "zigbee2mqtt/bridge/state", '{"state":"online"}', True
        yield f"zigbee2mqtt/{self.name}/availability", '{"state":"online"}', True

    def subscriptions(self) -> Iterator[str]:
        yield self.command_topic()
        yield f"zigbee2mqtt/{self.name}/get"

    def receive(self, topic: str, payload: bytes) -> Iterator[Answer]:
        if topic.endswith("/get"):
            if not self.dead and not self.mute:
                yield from self.report()
            return
        word = json.loads(payload).get("state")
        if word in {"ON", "OFF"}:
            yield from self.switch(word == "ON")

    def report(self) -> Iterator[Answer]:
        document = {"linkquality": 120, "state": "ON" if self.on else "OFF"}
        yield f"zigbee2mqtt/{self.name}", json.dumps(document), False
