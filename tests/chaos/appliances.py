"""Relays as real firmware behaves on the broker, with a dead-man, healthy or broken.

Sources: Tasmota documentation (Commands: Power, PulseTime; MQTT: LWT), Zigbee2MQTT
documentation (MQTT topics and messages: set, get, availability, on_time).
"""

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Say = Callable[[str, str, bool], None]  # topic, payload, retained
Moved = Callable[["Relay", str], None]  # which, by what
_RADIO_S = 0.02


@dataclass
class Relay(ABC):
    """One relay channel with its heater.

    Attributes:
        name: Also of the load and its zone.
        on: What its contact is.
        dead_man_s: Of its lease, in seconds; None: it has none.
        dead: It neither hears nor says anything.
        mute: It switches and says nothing.
        stuck: Its contact does not move; it reports the truth.
        deaf: It will not hear so many commands.
        slow_s: It takes so long to switch and report.
        heard_on_s: When it last heard ON.
    """

    name: str
    power_w: float
    on: bool = False
    dead_man_s: float | None = None
    dead: bool = False
    mute: bool = False
    stuck: bool = False
    deaf: int = 0
    slow_s: float = 0.0
    heard_on_s: float = float("-inf")
    say: Say = field(default=lambda *_: None, repr=False)
    moved: Moved = field(default=lambda *_: None, repr=False)
    _lease: asyncio.TimerHandle | None = field(default=None, repr=False)
    by: str = ""  # what moved it last

    # what a family is

    @abstractmethod
    def config(self) -> str:
        """Return its ``relay`` in config.toml."""

    @abstractmethod
    def topics(self) -> tuple[str, ...]:
        """Return what it listens to."""

    @abstractmethod
    def commanded(self, topic: str, payload: bytes) -> bool | None:
        """Return what a message commands, None if it is no command to this relay."""

    @abstractmethod
    def reported(self, topic: str, payload: bytes) -> bool | None:
        """Return what a message says of this relay's contact, None if nothing."""

    def presence(self, topic: str, payload: bytes) -> bool | None:
        """Return whether a message says that its device is there, None if it says nothing."""
        return None

    @property
    def askable(self) -> bool:
        """Whether it can be asked for its state."""
        return True

    def asked(self, topic: str, payload: bytes) -> bool:
        """Return whether a message asks for the state."""
        return False

    @abstractmethod
    def report(self) -> None:
        """Say how the contact is."""

    def announced(self, *, here: bool) -> tuple[tuple[str, str], ...]:
        """Return topics and payloads that are retained when its device joins, or is gone."""
        return ()

    def lease_s(self, payload: bytes) -> float | None:
        """Return for how long an ON lasts; None: for ever."""
        return self.dead_man_s

    def adjusted(self, topic: str, payload: bytes) -> tuple[str, str] | None:
        """Take a setting; return topic and payload of its answer, None if it is none."""
        return None

    # what all have in common

    @property
    def healthy(self) -> bool:
        return not (self.dead or self.mute or self.stuck or self.deaf or self.slow_s)

    def hello(self) -> None:
        """Say what is said when its device joins the broker."""
        self._announce(here=True)

    def goodbye(self) -> None:
        """Say what the broker or bridge says when its device is gone."""
        self._announce(here=False)

    def _announce(self, *, here: bool) -> None:
        for topic, payload in self.announced(here=here):
            self.say(topic, payload, True)

    def mend(self) -> None:
        """Repair it; its device joins again."""
        self.dead = self.mute = self.stuck = False
        self.deaf, self.slow_s = 0, 0.0
        self.goodbye()
        self.hello()

    def receive(self, topic: str, payload: bytes) -> None:
        """Do what a message says."""
        if self.dead:
            return
        wanted = self.commanded(topic, payload)
        if wanted is None:
            if self.asked(topic, payload):
                self._soon(self._answer)
            elif (answer := self.adjusted(topic, payload)) is not None:
                self.say(*answer, False)
            return
        if self.deaf > 0:
            self.deaf -= 1
            return
        self._soon(lambda: self._obey(payload, wanted=wanted))

    def _soon(self, what: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(self.slow_s or self.latency_s, what)

    @property
    def latency_s(self) -> float:
        return 0.0

    def _answer(self) -> None:
        if not (self.dead or self.mute):
            self.report()

    def _obey(self, payload: bytes, *, wanted: bool) -> None:
        if self.dead:
            return
        self.end_lease()
        if wanted:
            self.heard_on_s = time.monotonic()
            self.begin_lease(self.lease_s(payload))
        self.turn(on=wanted, by="command")

    def turn(self, *, on: bool, by: str) -> None:
        """Move the contact, if it still moves, and report."""
        if not self.stuck and on is not self.on:
            self.on = on
            self.by = by
            self.moved(self, by)
        if not (self.mute or self.dead):
            self.report()

    def begin_lease(self, lease_s: float | None) -> None:
        self.end_lease()
        if lease_s is not None:
            self._lease = asyncio.get_running_loop().call_later(lease_s, self._ended)

    def end_lease(self) -> None:
        if self._lease is not None:
            self._lease.cancel()
            self._lease = None

    def _ended(self) -> None:
        self._lease = None
        self.turn(on=False, by="lease")


@dataclass
class PlainRelay(Relay):
    """``type = "mqtt"``: 1 and 0, the state retained; it has no timer of its own."""

    def config(self) -> str:
        return (
            f'{{ type = "mqtt", command_topic = "heat/{self.name}/set", on = "1", off = "0",'
            f' state_topic = "heat/{self.name}", qos = 1 }}'
        )

    def topics(self) -> tuple[str, ...]:
        return (f"heat/{self.name}/set",)

    def commanded(self, topic: str, payload: bytes) -> bool | None:
        if topic != f"heat/{self.name}/set" or payload not in {b"0", b"1"}:
            return None
        return payload == b"1"

    def reported(self, topic: str, payload: bytes) -> bool | None:
        if topic != f"heat/{self.name}" or payload not in {b"0", b"1"}:
            return None
        return payload == b"1"

    @property
    def askable(self) -> bool:
        return False

    def report(self) -> None:
        self.say(f"heat/{self.name}", "1" if self.on else "0", True)

    def announced(self, *, here: bool) -> tuple[tuple[str, str], ...]:
        return ((f"heat/{self.name}", "1" if self.on else "0"),) if here else ()


@dataclass
class TasmotaRelay(Relay):
    """One channel of a Tasmota device.

    Attributes:
        pulse_time: 0: none; up to 111 tenths of a second, above that seconds + 100.
    """

    device: str = ""
    channel: int = 1
    pulse_time: int = 0

    def config(self) -> str:
        lease = f', dead_man = "{self.dead_man_s} s"' if self.dead_man_s else ""
        return f'{{ type = "tasmota", device = "{self.device}", channel = {self.channel}{lease} }}'

    @property
    def _power(self) -> str:
        return f"cmnd/{self.device}/POWER{self.channel}"

    @property
    def _pulse(self) -> str:
        return f"cmnd/{self.device}/PulseTime{self.channel}"

    def topics(self) -> tuple[str, ...]:
        return (self._power, self._pulse)

    def commanded(self, topic: str, payload: bytes) -> bool | None:
        if topic != self._power or payload not in {b"ON", b"OFF"}:
            return None
        return payload == b"ON"

    def asked(self, topic: str, payload: bytes) -> bool:
        return topic == self._power and not payload

    def reported(self, topic: str, payload: bytes) -> bool | None:
        if topic == f"stat/{self.device}/RESULT":
            word = json.loads(payload).get(f"POWER{self.channel}")
            return None if word is None else word == "ON"
        if topic == f"stat/{self.device}/POWER{self.channel}":
            return payload == b"ON"
        return None

    def presence(self, topic: str, payload: bytes) -> bool | None:
        return payload == b"Online" if topic == f"tele/{self.device}/LWT" else None

    def report(self) -> None:
        word = "ON" if self.on else "OFF"
        key = f"POWER{self.channel}"
        self.say(f"stat/{self.device}/RESULT", json.dumps({key: word}), False)
        self.say(f"stat/{self.device}/{key}", word, False)

    def announced(self, *, here: bool) -> tuple[tuple[str, str], ...]:
        return ((f"tele/{self.device}/LWT", "Online" if here else "Offline"),)

    def adjusted(self, topic: str, payload: bytes) -> tuple[str, str] | None:
        if topic != self._pulse:
            return None
        if payload.isdigit():
            self.pulse_time = int(payload)
            if self.on:
                self.begin_lease(self.lease_s(b""))
        key = f"PulseTime{self.channel}"
        answer = {key: {"Set": self.pulse_time, "Remaining": 0}}
        return f"stat/{self.device}/RESULT", json.dumps(answer)

    def lease_s(self, payload: bytes) -> float | None:
        if not self.pulse_time:
            return None
        return self.pulse_time / 10.0 if self.pulse_time <= 111 else self.pulse_time - 100.0


@dataclass
class ZigbeeRelay(Relay):
    """A plug behind Zigbee2MQTT: ``on_time`` makes an ON a lease."""

    def config(self) -> str:
        lease = ""
        if self.dead_man_s:
            lease = f', dead_man = "{self.dead_man_s} s", dead_man_proven = true'
        return f'{{ type = "zigbee2mqtt", device = "{self.name}"{lease} }}'

    @property
    def _topic(self) -> str:
        return f"zigbee2mqtt/{self.name}"

    @property
    def latency_s(self) -> float:
        return _RADIO_S

    def topics(self) -> tuple[str, ...]:
        return (f"{self._topic}/set", f"{self._topic}/get")

    def commanded(self, topic: str, payload: bytes) -> bool | None:
        if topic != f"{self._topic}/set":
            return None
        word = json.loads(payload).get("state")
        return {"ON": True, "OFF": False}.get(word)

    def asked(self, topic: str, payload: bytes) -> bool:
        return topic == f"{self._topic}/get"

    def reported(self, topic: str, payload: bytes) -> bool | None:
        if topic != self._topic:
            return None
        state: str = json.loads(payload).get("state")
        return {"ON": True, "OFF": False}.get(state)

    def presence(self, topic: str, payload: bytes) -> bool | None:
        if topic not in {f"{self._topic}/availability", "zigbee2mqtt/bridge/state"}:
            return None
        state: str = json.loads(payload).get("state")
        return state == "online"

    def report(self) -> None:
        document = {"linkquality": 120, "state": "ON" if self.on else "OFF"}
        self.say(self._topic, json.dumps(document), False)

    def announced(self, *, here: bool) -> tuple[tuple[str, str], ...]:
        if not here:
            return ((f"{self._topic}/availability", '{"state":"offline"}'),)
        topics = ("zigbee2mqtt/bridge/state", f"{self._topic}/availability")
        return tuple((topic, '{"state":"online"}') for topic in topics)

    def lease_s(self, payload: bytes) -> float | None:
        on_time = json.loads(payload).get("on_time")
        return None if on_time is None else float(on_time)


def seven_heaters(dead_man_s: float = 30.0) -> Iterator[Relay]:
    """Return heaters of three families, together far above the limit."""
    for channel, (name, power_w) in enumerate(
        (("lounge", 1500.0), ("kitchen", 1000.0), ("tv", 1000.0)), 1
    ):
        yield TasmotaRelay(name, power_w, device="relay3", channel=channel, dead_man_s=dead_man_s)
    for name, power_w in (("office", 2000.0), ("bedroom", 1000.0), ("bath", 750.0)):
        yield ZigbeeRelay(name, power_w, dead_man_s=dead_man_s)
    yield PlainRelay("towels", 1250.0)
