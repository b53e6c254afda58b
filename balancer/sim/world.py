"""The virtual world: one house, its devices, a broker, people, and the balancer's process.

Everything is a function of the scenario and the seed: there is one source of chance, one clock,
and no other time. Two runs with the same arguments put the same bytes on the wire.
"""

import hashlib
from collections.abc import Callable
from math import inf
from random import Random

from balancer.config.setup import Setup
from balancer.sim.broker import Broker
from balancer.sim.clock import Clock, Timer
from balancer.sim.devices.people import People
from balancer.sim.devices.wiring import Devices, build_devices
from balancer.sim.home.building import build
from balancer.sim.home.happenings import Happening, Kind
from balancer.sim.home.house import SimHouse
from balancer.sim.home.traces import Trace, Weather, shipped_trace, shipped_weather
from balancer.sim.judges.checkers import Checkers
from balancer.sim.judges.ear import Ear
from balancer.sim.judges.findings import Findings
from balancer.sim.judges.oracle import Oracle
from balancer.sim.judges.readings import Readings
from balancer.sim.judges.witness import Witness
from balancer.sim.process import Process
from balancer.sim.scenarios import Scenario
from balancer.sim.troubles import Troubles
from balancer.views.topics import Topics
from balancer.wire import Message


class World:
    """Runs a scenario in virtual time.

    Attributes:
        clock, random, broker, house, devices, people, process: Its parts.
        troubles: Its faults.
        witness, checkers, oracle, findings: Those who judge it, and what they found.
        messages: Accepted by the broker so far.
        commands: Sent by the balancer to relays so far.
        ups: The broker and the balancer stay on when the main breaker trips.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        seed: int,
        trace: Trace | None = None,
        weather: Weather | None = None,
        first_day: int | None = None,
        ups: bool = False,
        changes_s: float = 5.0,
    ) -> None:
        """Build everything and switch it on; nothing has happened yet at 0 s."""
        self.scenario = scenario
        self.seed = seed
        document = scenario.document
        self.setup: Setup = scenario.setup()
        self.random = Random(f"{scenario.name}/{seed}")
        self.clock = Clock()
        self.broker = Broker(self.clock, self.random)
        self.topics = Topics(self.setup.broker.base_topic, self.setup.house.name)
        self.discovery_root = f"{self.setup.discovery_prefix or 'homeassistant'}/"
        self.ups = ups
        self.troubles = Troubles(self.clock, self._sync)
        self.findings = Findings(self.clock)
        self._digest = hashlib.sha256()
        self.messages = 0
        self.commands = 0
        self._house_timer: Timer | None = None
        self._server_boots: Timer | None = None
        self.house: SimHouse = build(
            self.setup,
            seed=seed,
            trace=trace or shipped_trace(),
            weather=weather or shipped_weather(),
            first_day=self.random.randrange(14) if first_day is None else first_day,
        )
        self.devices: Devices = build_devices(
            document,
            self.clock,
            self.broker,
            self.random,
            switch=self._switch,
            read_w=self._read_w,
            draw_w=self.house.heater_w,
            cadences=scenario.cadences,
            power_on=scenario.power_on,
        )
        self.people = People(
            document,
            self.topics,
            self.clock,
            self.broker,
            self.random,
            request=self._request,
            demand=self.house.demand,
        )
        readings = Readings(self.setup.house, self._now, self.house.heater_w, self.house.heating)
        for meter in self.devices.meters.values():
            readings.watch(meter)
        self.witness = Witness(self.setup.house, self.topics, Ear(document), self._now, readings)
        self.process = Process(self.setup, self.clock, self.broker, self.random)
        self.process.changes_s = changes_s
        self.oracle = Oracle(self)
        self.checkers = Checkers(self, self.oracle)
        self.process.on_receive.append(self.checkers.received)
        self.process.on_send.append(self._sent)
        self.process.on_handled.append(self.checkers.handled)
        self.process.on_life.append(self.checkers.life)
        self.broker.taps.append(self._tap)
        for device in self.devices.all:
            device.start()
        self.people.start()
        self.clock.after(0.5, self.process.start)
        self.people.begin()
        self._sync()

    # what tests do ---------------------------------------------------------------------------------

    def at(self, at_s: float, act: Callable[["World"], object]) -> None:
        """Let something happen at an instant."""
        self.clock.at(at_s, lambda: self._act(act))

    def run_until(self, until_s: float) -> None:
        """Let virtual time pass; raises what the engine raises, with the instant."""
        try:
            self.clock.run_until(until_s)
        except Exception as error:
            name = self.scenario.name
            error.add_note(f"at {self.clock.now_s:.3f} s in the house {name} with seed {self.seed}")
            for each in self.findings.violations[:5]:
                error.add_note(f"before that: {each}")
            raise
        self._sync()
        self.house.settle_accounts()

    def plug(self, circuit: str, watts: float, *, for_s: float = inf) -> None:
        """Switch an appliance on, for a time."""
        self._sync()
        self.house.plug(circuit, watts)
        self._sync()
        if for_s != inf:
            self.clock.after(for_s, lambda: self.plug(circuit, -watts))

    @property
    def digest(self) -> str:
        """Return the digest of every message on the broker, in order, with its time."""
        return self._digest.hexdigest()

    # parts -----------------------------------------------------------------------------------------

    def _act(self, act: Callable[["World"], object]) -> None:
        self._sync()
        act(self)
        self._sync()

    def _switch(self, load: str, closed: bool) -> None:
        self._sync()
        self.house.set_relay(load, closed)
        self._sync()

    def _now(self) -> float:
        return self.clock.now_s

    def _request(self, zone: str) -> bool:
        self.house.advance(self.clock.now_s)
        return self.house.request(zone)

    def _read_w(self, meter: str) -> float:
        self.house.advance(self.clock.now_s)
        return self.house.meter_w(meter)

    def _sync(self) -> None:
        """Bring the house to the present, tell what happened in it, and look at its next change."""
        self.house.advance(self.clock.now_s)
        while self.house.happened:
            happened, self.house.happened = self.house.happened, []
            for each in happened:
                self._happen(each)
        self.oracle.look()
        due_s = self.house.next_change_s
        timer = self._house_timer
        if timer is None or timer.call is None or due_s < timer.at_s - 1e-9:
            if timer is not None:
                timer.cancel()
            self._house_timer = self.clock.at(due_s, self._sync)

    def _happen(self, each: Happening) -> None:
        match each.kind:
            case Kind.REQUESTED:
                self.people.ask(each.name)
            case Kind.DARK:
                relay = self.devices.relays[each.name]
                self.house.boot_contact[each.name] = relay.contact.boots_driven
                relay.power_off()
            case Kind.BOOTED:
                relay = self.devices.relays[each.name]
                relay.power_on()
                self.house.set_relay(each.name, relay.contact.closed)
            case Kind.TRIPPED:
                if not self.ups and self.setup.house.circuits[each.name].parent is None:
                    self._blackout()
            case Kind.REARMED:
                if not self.ups and self.setup.house.circuits[each.name].parent is None:
                    self._back()

    def _blackout(self) -> None:
        """The server is in the house too: broker, bridge and balancer are gone at once."""
        if self._server_boots is not None:
            self._server_boots.cancel()
        self.process.kill()
        self.broker.kill(wipe=False)
        for bridge in self.devices.bridges.values():
            bridge.power_off()
        for meter in self.devices.meters.values():
            meter.power_off()

    def _back(self) -> None:
        def up() -> None:
            self.broker.restart()
            self.process.start()
            for bridge in self.devices.bridges.values():
                bridge.power_on(boot_s=8.0)

        self._server_boots = self.clock.after(20.0, up)
        for meter in self.devices.meters.values():
            meter.power_on(boot_s=5.0)

    # taps ------------------------------------------------------------------------------------------

    def _tap(self, sender: str, message: Message) -> None:
        self.messages += 1
        self._digest.update(
            f"{self.clock.now_s:.6f} {sender} {message.topic} {message.retain:d} ".encode()
        )
        self._digest.update(message.payload)

    def _sent(self, message: Message, command: bool) -> None:
        self.commands += command
        self.checkers.sent(message, command)
