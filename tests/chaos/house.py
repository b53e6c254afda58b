"""An electrical house at the broker: relays, a meter on the supply, thermostats.

It is connected straight to the broker. What it does is the truth that others are judged by:
the meter publishes the sum of what the contacts let through and everything else.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from tests.chaos.appliances import Relay
from tests.chaos.client import Client
from tests.chaos.packets import Publish

LIMIT_W = 6000.0
METER_TOPIC = "meter/power"
METER_PERIOD_S = 0.2
STALE_S = 2.0
MIN_OFF_S = 1.0
STEPS = (6, 4, 2, 0)
BASE = "balancer/house"
GARBAGE = (b"", b"nan", b"-inf", b"1e999", b"\xff\xfe", b"[1]", b"1,5", b"9" * 5000, b"-8388608")


@dataclass(frozen=True)
class Movement:
    """A contact has moved.

    Attributes:
        by: ``command``, ``lease``, ``hand`` or ``reboot``.
    """

    at_s: float
    relay: str
    on: bool
    by: str


class House:
    """Everything but the broker and the balancer.

    Attributes:
        relays: By name.
        base_w: What everything but the heaters takes, in watts.
        wants: Which zones ask for heat.
        movements: Of all contacts, in order.
        metering: ``True``; a payload instead of the truth; or None: silence.
        speed: How many seconds pass in one; the durations of the configuration are so much longer.
        noise_w: The meter shows up to so much more than there is.
        watch: Called after anything changed that changes the power.
    """

    def __init__(self, port: int, relays: Iterable[Relay], seed: int = 0) -> None:
        self.relays = {relay.name: relay for relay in relays}
        self.base_w = 500.0
        self.wants = dict.fromkeys(self.relays, False)
        self.movements: list[Movement] = []
        self.metering: bool | bytes | None = True
        self.watch: Callable[[], None] = lambda: None
        self.restless = False
        self.noise_w = 0.0
        self.speed = 1.0
        self.meter_period_s = METER_PERIOD_S
        self._random = random.Random(seed)
        topics = {topic: 1 for relay in self.relays.values() for topic in relay.topics()}
        self._client = Client(
            port, "house", topics, self._hear, on_connected=self._hello, again_s=0.02
        )
        self._listeners: dict[str, list[Relay]] = {}
        for relay in self.relays.values():
            relay.say, relay.moved = self._say, self._moved
            for topic in relay.topics():
                self._listeners.setdefault(topic, []).append(relay)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["House"]:
        """Live."""
        async with asyncio.TaskGroup() as tasks:
            living = [
                tasks.create_task(each, name=name)
                for name, each in {
                    "house": self._client.run(),
                    "meter": self._measure(),
                    "people": self._live(),
                }.items()
            ]
            try:
                yield self
            finally:
                for each in living:
                    each.cancel()
                for relay in self.relays.values():
                    relay.end_lease()

    # -- power -------------------------------------------------------------------------------

    @property
    def power_w(self) -> float:
        """What the whole house takes."""
        return self.base_w + sum(relay.power_w for relay in self.relays.values() if relay.on)

    @property
    def on(self) -> set[str]:
        """The relays that are on."""
        return {name for name, relay in self.relays.items() if relay.on}

    @property
    def obedient_on(self) -> set[str]:
        """The relays that are on and would go off if they were told to."""
        return {name for name in self.on if self.relays[name].healthy}

    @property
    def connected(self) -> bool:
        return self._client.connected

    def take(self, base_w: float) -> None:
        """Let everything but the heaters take so much."""
        self.base_w = base_w
        self.watch()

    def _moved(self, relay: Relay, by: str) -> None:
        self.movements.append(Movement(time.monotonic(), relay.name, relay.on, by))
        self.watch()

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(self.meter_period_s)
            if self.metering is True:
                self._client.publish(
                    METER_TOPIC, f"{self.power_w + self._random.uniform(0.0, self.noise_w):.1f}"
                )
            elif self.metering is not None and self.metering is not False:
                self._client.publish(METER_TOPIC, self.metering)

    # -- people ------------------------------------------------------------------------------

    def ask(self, *zones: str, heat: bool = True) -> None:
        """Let thermostats ask for heat, or no longer."""
        for zone in zones:
            self.wants[zone] = heat
            self.set(f"zone/{zone}", "ON" if heat else "OFF")

    def ask_again(self) -> None:
        """Let every thermostat say once more what it wants."""
        for zone, heat in self.wants.items():
            self.set(f"zone/{zone}", "ON" if heat else "OFF")

    def set(self, what: str, payload: str = "ON") -> bool:
        """Command the balancer on one of its ``…/set`` topics."""
        return self._client.publish(f"{BASE}/{what}/set", payload, qos=1)

    def press(self, name: str, *, on: bool) -> None:
        """Press the button on a relay."""
        self.relays[name].turn(on=on, by="hand")

    def reboot(self, device: str, *, on: bool) -> None:
        """Let the relays of a device start anew with their contacts like that."""
        for relay in self.relays.values():
            if device in {relay.name, getattr(relay, "device", "")}:
                relay.end_lease()
                relay.goodbye()
                relay.turn(on=on, by="reboot")
                relay.hello()

    async def _live(self) -> None:
        """Ovens and thermostats, while the house is restless."""
        while True:
            await asyncio.sleep(self._random.uniform(0.5, 2.0))
            if not self.restless:
                continue
            match self._random.randrange(6):
                case 0 | 1:
                    self.take(self._random.uniform(300.0, 3500.0))
                case 2:
                    self.take(self._random.choice((4500.0, 5800.0, 6400.0)))
                case 3:
                    self.set("rotate", "now")
                case _:
                    zone = self._random.choice(list(self.wants))
                    self.ask(zone, heat=self._random.random() < 0.7)

    # -- the broker --------------------------------------------------------------------------

    def _hello(self) -> None:
        for relay in self.relays.values():
            if not relay.dead:
                relay.hello()

    def _say(self, topic: str, payload: str, retain: bool) -> None:
        self._client.publish(topic, payload, retain=retain)

    def _hear(self, message: Publish) -> None:
        for relay in self._listeners.get(message.topic, ()):
            relay.receive(message.topic, message.payload)

    # -- the service's side of it --------------------------------------------------------------

    def config(self, port: int, *, http_port: int = 0, mqtt: str = "", more: str = "") -> str:
        """Return config.toml for a balancer of this house.

        Args:
            port: Where it reaches the broker.
            http_port: Of its endpoint.
            mqtt: Further lines of ``[mqtt]``.
            more: Further tables.
        """
        speed, stale_s = self.speed, STALE_S * self.speed
        every = "0 0 1 1 *" if speed <= 1.0 else "*/10 * * * *"
        lines = [
            f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n{mqtt}',
            f"[http]\nport = {http_port}",
            f'[rotation]\nevery = "{every}"\nhold_off = "{0.2 * speed} s"',
            "[circuits.main]",
            f"limit = {LIMIT_W}",
            f'settle = "{0.3 * speed} s"\nrestore_delay = "{speed} s"',
            f"steps = {list(STEPS)}",
            f'meter = {{ type = "mqtt", topic = "{METER_TOPIC}", stale_after = "{stale_s} s" }}',
        ]
        for relay in self.relays.values():
            lines += [
                f"[zones.{relay.name}]",
                f'[loads.{relay.name}]\nzone = "{relay.name}"\ncircuit = "main"',
                f'power = {relay.power_w}\nmin_on = 0\nmin_off = "{MIN_OFF_S * speed} s"',
                f"relay = {relay.config()}",
            ]
        return "\n".join([*lines, more, ""])
