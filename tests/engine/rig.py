"""An engine with the house around it: a broker that retains, relays that answer, a clock."""

import json
import logging
from pathlib import Path
from typing import Any

from balancer.config.load import read_setup
from balancer.engine import Engine, Outgoing
from balancer.wire import Message

WALL_S = 1_795_327_200.0
"""2026-11-22 06:00 UTC, at 1000 s of the monotonic line."""
START_S = 1000.0
STEP_S = 0.05

CONFIG = """
name = "house"
{top}
[rotation]
every = "*/10 * * * *"
[circuits.main]
unit = "W"
limit = 6000
steps = [3, 2, 1, 0]
meter = {{ type = "mqtt", topic = "meter" }}
[zones.lounge]
[zones.bath]
request = {{ type = "mqtt", topic = "trv", path = "state", on = "heat", off = "idle" }}
[loads.window]
zone = "lounge"
circuit = "main"
power = 2000
relay = {{ type = "mqtt", command_topic = "heat/window/set", state_topic = "heat/window" }}
[loads.door]
zone = "lounge"
circuit = "main"
power = 2000
relay = {{ type = "tasmota", device = "door", dead_man = "15 min" }}
[loads.towels]
zone = "bath"
circuit = "main"
power = 1500
relay = {{ type = "mqtt", command_topic = "heat/towels/set" }}
"""

POWER_W = {"window": 2000.0, "door": 2000.0, "towels": 1500.0}
HEARS = {"heat/window/set": "window", "cmnd/door/POWER": "door", "heat/towels/set": "towels"}
SAYS = {"window": "heat/window", "door": "stat/door/POWER"}


class EngineRig:
    """Drives an engine as the service does.

    Attributes:
        on: Loads whose contacts are closed.
        retained: What the broker keeps.
        out: Everything that was published, with its time.
        lines: The log.
    """

    def __init__(self, folder: Path, *, top: str = "", config: str = CONFIG) -> None:
        path = folder / "config.toml"
        path.write_text(config.format(top=top))
        self.setup = read_setup(path, environ={})
        self.now_s = START_S
        self.wall_offset_s = WALL_S - START_S
        self.on: set[str] = set()
        self.base_w = 500.0
        self.meter_s = self.now_s + 1.0
        self.retained: dict[str, bytes] = {"heat/window": b"OFF"}
        self.out: list[tuple[float, Message]] = []
        self.lines: list[str] = []
        self.pending: list[Message] = []
        self.new_engine()

    def new_engine(self) -> None:
        """Start the process (anew); nothing is connected."""
        self.connected = False
        self.engine = Engine(
            self.setup,
            at_s=self.now_s,
            wall_s=self.now_s + self.wall_offset_s,
            log=lambda level, line: self.lines.append(f"{logging.getLevelName(level)} {line}"),
        )

    # the broker

    def publish(self, outgoing: Outgoing) -> Outgoing:
        """Take what the engine sends: relays obey, retained messages are kept."""
        for message in (*outgoing.commands, *outgoing.rest):
            self.out.append((self.now_s, message))
            assert not message.retain or message.topic.startswith(("balancer/", "homeassistant/"))
            if message.retain:
                self.keep(message)
            load = HEARS.get(message.topic)
            if load is not None:
                if message.payload:
                    (self.on.add if message.payload == b"ON" else self.on.discard)(load)
                if load in SAYS:
                    self.pending.append(self.state(load))
                if load == "window":
                    self.retained["heat/window"] = self.state(load).payload
        return outgoing

    def keep(self, message: Message) -> None:
        if message.payload:
            self.retained[message.topic] = message.payload
        else:
            self.retained.pop(message.topic, None)

    def state(self, load: str) -> Message:
        return Message(SAYS[load], b"ON" if load in self.on else b"OFF")

    def connect(self) -> None:
        """Connect; what is retained is delivered after the subscriptions are granted."""
        self.connected = True
        wanted = self.engine.subscriptions()
        self.publish(self.engine.connected(self.now_s))
        for topic in [each for each in self.retained if each in wanted]:
            self.send(topic, self.retained[topic], retain=True)

    def begin(self) -> Outgoing:
        """Connect and start, as at the first echo of the own heartbeat."""
        self.connect()
        return self.publish(self.engine.start(self.now_s))

    def disconnect(self) -> None:
        self.connected = False
        self.engine.disconnected(self.now_s)

    def send(self, topic: str, payload: bytes | str, *, retain: bool = False) -> Outgoing:
        """Let a message arrive now."""
        data = payload.encode() if isinstance(payload, str) else payload
        return self.publish(self.engine.receive(Message(topic, data, 0, retain), self.now_s))

    def set(self, topic: str, payload: str) -> Outgoing:
        return self.send(f"balancer/house/{topic}/set", payload)

    # time

    def wake(self) -> Outgoing:
        return self.publish(self.engine.wake(self.now_s))

    def run(self, for_s: float) -> None:
        """Let time pass; the meter reports every second, relays answer one step later."""
        end_s = self.now_s + for_s
        while self.now_s < end_s - 1e-9:
            self.now_s = min(end_s, self.now_s + STEP_S)
            if self.engine.deadline_s <= self.now_s:
                self.wake()
                assert self.engine.deadline_s > self.now_s - STEP_S
            if not self.connected:
                continue
            answers, self.pending = self.pending, []
            for answer in answers:
                self.send(answer.topic, answer.payload)
            if self.now_s >= self.meter_s:
                self.meter_s = self.now_s + 1.0
                self.send("meter", str(self.base_w + sum(POWER_W[each] for each in self.on)))

    def jump(self, by_s: float) -> None:
        """Let somebody set the wall clock."""
        self.wall_offset_s += by_s
        self.engine.set_wall(self.now_s, self.now_s + self.wall_offset_s)

    # what was seen

    def published(self, topic: str, since_s: float = 0.0) -> list[tuple[float, bytes]]:
        return [
            (at_s, each.payload)
            for at_s, each in self.out
            if each.topic == topic and at_s >= since_s
        ]

    def commands(self, since_s: float = 0.0) -> list[tuple[str, bytes]]:
        """Return what relays were told, queries left out."""
        return [
            (HEARS[each.topic], each.payload)
            for at_s, each in self.out
            if each.topic in HEARS and each.payload and at_s >= since_s
        ]

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self.retained["balancer/house/status"])
        return status


def running(rig: EngineRig) -> EngineRig:
    """Start, ask for everything and let it settle: window and door are on, no room for more."""
    rig.begin()
    rig.run(7.0)
    rig.set("zone/lounge", "ON")
    rig.run(10.0)
    assert rig.on == {"window", "door"}
    return rig
