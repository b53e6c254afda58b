"""The simulated house in real time: heaters, thermostats, kitchen and devices on a real broker."""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from math import inf
from pathlib import Path
from random import Random
from typing import Any

import aiomqtt

from balancer.cli.demo.broker import Outlet
from balancer.cli.demo.tally import Tally
from balancer.config.setup import Setup
from balancer.sim.clock import Clock
from balancer.sim.devices.wiring import Devices, build_devices
from balancer.sim.home.building import build
from balancer.sim.home.happenings import Kind
from balancer.sim.home.house import SimHouse
from balancer.sim.home.traces import shipped_trace, shipped_weather
from balancer.sim.judges.ear import Ear
from balancer.sim.scenarios import Scenario
from balancer.views.topics import Topics
from balancer.wire import Message

EVENING_S = 17.5 * 3600.0  # people come home, cook, and every room is a little too cold
COLD_DAY = 3  # of the shipped fortnight
LOOK_S = 0.25
REPEAT_S = 30.0
ROOT = "home"  # topics of the appliances


@dataclass(slots=True)
class Appliance:
    """Something in the kitchen that people switch on.

    Attributes:
        heats_s: For so long it takes its power at first, in seconds.
        cycle_s: Then so long on and so long off, until it is switched off; None: it ends.
        ends_s: It switches itself off after so long, in seconds.
    """

    name: str
    power_w: float
    heats_s: float
    cycle_s: tuple[float, float] | None
    ends_s: float
    on_since_s: float | None = None
    drawing: bool = False

    def draws(self, now_s: float) -> bool:
        """Return whether it takes its power now; ends it when its time is over."""
        if self.on_since_s is None:
            return False
        passed_s = now_s - self.on_since_s
        if passed_s >= self.ends_s:
            self.on_since_s = None
            return False
        if passed_s < self.heats_s:
            return True
        if self.cycle_s is None:
            self.on_since_s = None
            return False
        on_s, off_s = self.cycle_s
        return (passed_s - self.heats_s) % (on_s + off_s) >= off_s


def kitchen() -> dict[str, Appliance]:
    """Return what cooks."""
    return {
        "oven": Appliance("oven", 2900.0, 25.0, (10.0, 12.0), 75.0),
        "kettle": Appliance("kettle", 2200.0, 18.0, None, 18.0),
        "washer": Appliance("washer", 2000.0, 30.0, None, 30.0),
    }


SCRIPT = ((12.0, "kettle"), (40.0, "oven"), (62.0, "kettle"), (120.0, "washer"), (165.0, "kettle"))
SCRIPT_LASTS_S = 190.0


class LiveHouse:
    """Everything but the balancer, at a real broker.

    Attributes:
        house: The physics; its time goes ``speed`` times as fast as the devices' and ours.
        appliances: By name; anybody may switch them with ``home/<name>/set``.
        tally: What is counted for the summary.
    """

    def __init__(self, setup: Setup, config: Path, *, speed: float, seed: int = 1) -> None:
        self.setup = setup
        self.topics = Topics(setup.broker.base_topic, setup.house.name)
        self.speed = speed
        self.clock = Clock()
        self.random = Random(seed)
        self.tally = Tally(setup.house)
        self.appliances = kitchen()
        self.tripped = False
        self.house = _evening_house(setup, seed, speed)
        self._house_began_s = self.house.now_s
        self._zero_s = time.monotonic()
        self._asked: dict[str, bool] = {}
        self._said_s = -inf
        self._next_script = 0
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outlet = Outlet(self.clock, self.random, self._outbox.put_nowait)
        document = Scenario.of_file("demo", config).document
        self._ear = Ear(document)
        self._timer: asyncio.TimerHandle | None = None
        self.devices: Devices = build_devices(
            document,
            self.clock,
            self._outlet,
            self.random,
            switch=self._switch,
            read_w=self._read_w,
            draw_w=self.house.heater_w,
            cadences={},
        )
        for device in self.devices.all:
            device.start()
        self.heat_before_kwh = self.heat_kwh()
        self._limit_w = setup.house.circuits["main"].limit_w

    @property
    def now_s(self) -> float:
        """Return real seconds since the beginning."""
        return time.monotonic() - self._zero_s

    async def run(self, host: str, port: int, ready: asyncio.Event) -> None:
        """Live until cancelled; ``ready`` is set when the devices are on the broker."""
        async with aiomqtt.Client(host, port, identifier="demo-house", timeout=5.0) as client:
            self.clock.run_until(self.now_s)
            self.clock.run_until(self.clock.now_s + 0.1)  # devices connect and subscribe
            topics = [*self._outlet.topics, *(f"{ROOT}/{name}/set" for name in self.appliances)]
            topics.append(self.topics.availability)
            await client.subscribe([(topic, 0) for topic in topics])
            self._zero_s = time.monotonic() - self.clock.now_s
            ready.set()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(client))
                tasks.create_task(self._speak(client))
                tasks.create_task(self._live())

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for received in client.messages:
            payload = received.payload
            if not isinstance(payload, bytes) or received.retain:
                continue
            message = Message(received.topic.value, payload, received.qos)
            for load, decode in self._ear.commands.get(message.topic, ()):
                on = decode(payload)
                if on is not None:
                    self.tally.commanded(load, on, time.monotonic())
            name = message.topic.removeprefix(f"{ROOT}/").removesuffix("/set")
            if name in self.appliances and message.topic.startswith(f"{ROOT}/"):
                self.switch_appliance(name, payload.strip().upper() == b"ON")
            if message.topic == self.topics.availability and payload == b"online":
                self._said_s = -inf  # as good thermostats do: what was said before is lost
                self._look()
            self._step()
            self._outlet.arrived(message)
            self._step()

    async def _speak(self, client: aiomqtt.Client) -> None:
        meters = set(self.devices.meters)
        while True:
            message = await self._outbox.get()
            if message.topic in meters:
                self.tally.read(self.house.power_w("main"), self._limit_w, time.monotonic())
            await client.publish(
                message.topic, message.payload, qos=message.qos, retain=message.retain
            )

    async def _live(self) -> None:
        while True:
            self._step()
            self._look()
            await asyncio.sleep(LOOK_S)

    def switch_appliance(self, name: str, on: bool) -> None:
        """Switch something in the kitchen."""
        self.appliances[name].on_since_s = self.now_s if on else None
        self._look()

    # time --------------------------------------------------------------------------------------

    def _step(self) -> None:
        """Let the devices' time catch up with ours, and look again when something is due."""
        self.clock.run_until(max(self.now_s, self.clock.now_s))
        if self._timer is not None:
            self._timer.cancel()
        wait_s = max(0.001, self.clock.next_due_s - self.now_s)
        if wait_s < LOOK_S:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._step)

    def _house_time(self) -> float:
        return self._house_began_s + self.clock.now_s * self.speed

    def _advance(self) -> None:
        self.house.advance(max(self._house_time(), self.house.now_s))
        over = self.house.power_w("main") > self._limit_w
        self.tally.over(over, time.monotonic())

    def _look(self) -> None:
        """Let thermostats ask, and the kitchen cook."""
        now_s = self.now_s
        round_s = now_s % SCRIPT_LASTS_S
        due = [name for at_s, name in SCRIPT if at_s <= round_s < at_s + 2.0 * LOOK_S]
        for name in due:
            if self.appliances[name].on_since_s is None:
                self.appliances[name].on_since_s = now_s
        self._advance()
        for each in self.appliances.values():
            drawing = each.draws(now_s)
            if drawing != each.drawing:
                each.drawing = drawing
                self.house.plug("main", each.power_w if drawing else -each.power_w)
                word = b"ON" if each.on_since_s is not None else b"OFF"
                self._outbox.put_nowait(Message(f"{ROOT}/{each.name}", word, 0, retain=True))
        self._advance()
        repeat = now_s - self._said_s > REPEAT_S
        if repeat:
            self._said_s = now_s
        for zone in self.setup.house.zones:
            wanted = self.house.request(zone)
            if repeat or self._asked.get(zone) != wanted:
                self._asked[zone] = wanted
                word = b"ON" if wanted else b"OFF"
                self._outbox.put_nowait(Message(f"{self.topics.zone(zone)}/set", word, 1))
        for each_happened in self.house.happened:
            if each_happened.kind is Kind.TRIPPED:
                self.tripped = True
                self.tally.trips += 1
            elif each_happened.kind is Kind.REARMED:
                self.tripped = False
        self.house.happened.clear()

    # wires -------------------------------------------------------------------------------------

    def _switch(self, load: str, closed: bool) -> None:
        self._advance()
        self.house.set_relay(load, closed)
        self._advance()
        self.tally.switched(load)

    def _read_w(self, meter: str) -> float:
        self._advance()
        return self.house.meter_w(meter)

    def heat_kwh(self) -> float:
        """Return the heat that all heaters gave since the beginning, in kilowatt hours."""
        return sum(self.house.energy_j(load) for load in self.setup.house.loads) / 3.6e6

    def shown(self) -> dict[str, Any]:
        """Return what the view tells of the house itself."""
        return {
            "power_w": self.house.power_w("main"),
            "heating_w": sum(self.house.heater_w(load) for load in self.setup.house.loads),
            "watts_per_unit": self.setup.house.circuits["main"].watts_per_unit,
            "rooms": {
                zone: (self.house.room_c(zone), self.house.set_c(zone))
                for zone in self.setup.house.zones
            },
            "appliances": {
                name: (each.on_since_s is not None, each.drawing, each.power_w)
                for name, each in self.appliances.items()
            },
            "day_s": (self.house.now_s + self._day_from_s()) % 86_400.0,
            "outside_c": self.house.outside_c,
        }

    def _day_from_s(self) -> float:
        start = self.house.start
        return start.hour * 3600.0 + start.minute * 60.0 + start.second

    async def close(self) -> None:
        """Let go of what waits."""
        if self._timer is not None:
            self._timer.cancel()
        with contextlib.suppress(asyncio.QueueEmpty):
            while True:
                self._outbox.get_nowait()


def _evening_house(setup: Setup, seed: int, speed: float) -> SimHouse:
    """Return the house on a cold evening, kept half warm by what fitted until then."""
    profile = "linky" if speed <= 2.0 else "quarter_hour"  # a hurried bimetal would be unfair
    house = build(
        setup,
        seed=seed,
        trace=shipped_trace(),
        weather=shipped_weather(),
        breaker=profile,
        rearm_after_s=15.0 * speed,
        first_day=COLD_DAY,
    )
    start = house.start
    began_s = EVENING_S - (start.hour * 3600.0 + start.minute * 60.0 + start.second)
    limit_w = setup.house.circuits["main"].limit_w
    loads = list(setup.house.loads.values())
    turn = 0
    at_s = 0.0
    while at_s < began_s:
        at_s = min(at_s + 600.0, began_s)
        house.advance(at_s)
        turn += 1
        room_w = 0.8 * (limit_w - house.non_heating_w("main"))
        for number in range(len(loads)):
            load = loads[(turn + number) % len(loads)]
            rated_w = setup.house.rated_w[load.name]
            fits = house.request(load.zone) and room_w >= rated_w
            room_w -= rated_w if fits else 0.0
            house.set_relay(load.name, fits)
    for load in loads:
        house.set_relay(load.name, False)
    house.happened.clear()
    return house
