"""The virtual world: one house, its devices, a broker, people, and the balancer's process.

Everything is a function of the scenario and the seed: there is one source of chance, one clock,
and no other time. Two runs with the same arguments put the same bytes on the wire.
"""

import hashlib
import json
from collections.abc import Callable
from math import inf
from random import Random
from typing import Any

from balancer.config.setup import Setup
from balancer.core.model import Circuit
from balancer.sim.broker import Broker
from balancer.sim.clock import Clock, Timer
from balancer.sim.devices.device import Device
from balancer.sim.devices.document import put
from balancer.sim.devices.wiring import Devices, build_devices
from balancer.sim.home.house import Happening, Kind, SimHouse, build
from balancer.sim.home.traces import Trace, Weather, shipped_trace, shipped_weather
from balancer.sim.judges.checkers import Checkers
from balancer.sim.judges.ear import Ear
from balancer.sim.judges.oracle import Oracle
from balancer.sim.judges.witness import Witness
from balancer.sim.process import Process
from balancer.sim.scenarios import Scenario
from balancer.views.topics import Topics
from balancer.wire import Message

MEMORY_OF_HEAT_S = 900.0  # a breaker has forgotten by then
LEASES_S = 60.0
REPEAT_S = 300.0  # generic_thermostat's keep_alive, as people set it


class People(Device):
    """Thermostats, Home Assistant and hands: they publish, and say again what they asked for."""

    def tell(self, topic: str, payload: str, *, qos: int = 1, retain: bool = False) -> None:
        """Publish; while the broker is away it is lost, as from any client."""
        self.publish(topic, payload, qos=qos, retain=retain)


class World:
    """Runs a scenario in virtual time.

    Attributes:
        clock, random, broker, house, devices, people, process, witness, checkers: Its parts.
        document: config.toml as read.
        faults: Times that each fault was injected, by id.
        messages: Accepted by the broker so far.
        commands: Sent by the balancer to relays so far.
        healers: What undoes the faults that are on, by a number.
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
        self.document = scenario.document
        self.setup: Setup = scenario.setup()
        self.random = Random(f"{scenario.name}/{seed}")
        self.clock = Clock()
        self.broker = Broker(self.clock, self.random)
        self.topics = Topics(self.setup.broker.base_topic, self.setup.house.name)
        self.discovery_root = f"{self.setup.discovery_prefix or 'homeassistant'}/"
        self.ups = ups
        self.faults: dict[str, int] = {}
        self.healers: dict[int, Callable[[], None]] = {}
        self.taken: set[str] = set()
        self.freed_s: dict[str, float] = {}
        self.held_requests: dict[str, bool] = {}
        self.gains: dict[str, float] = {}
        self._kept_off: set[str] = set()
        self._number = 0
        self._digest = hashlib.sha256()
        self.messages = 0
        self.commands = 0
        self._house_timer: Timer | None = None
        self.house: SimHouse = build(
            self.setup,
            seed=seed,
            trace=trace or shipped_trace(),
            weather=weather or shipped_weather(),
            first_day=self.random.randrange(14) if first_day is None else first_day,
            inverted=[
                name
                for name, load in self.document["loads"].items()
                if load["relay"].get("inverted", False)
            ],
        )
        self.devices: Devices = build_devices(
            self.document,
            self.clock,
            self.broker,
            self.random,
            switch=self._switch,
            read_w=self._read_w,
            draw_w=self.house.heater_w,
            cadences=scenario.cadences,
            power_on=scenario.power_on,
        )
        self.people = People("homeassistant", self.clock, self.broker, self.random)
        self.witness = Witness(
            self.setup.house,
            self.topics,
            Ear(self.document),
            lambda: self.clock.now_s,
            self.house.heater_w,
            self.house.heating,
        )
        for meter in self.devices.meters.values():
            self.witness.watch(meter)
        self.process = Process(self.setup, self.clock, self.broker, self.random)
        self.process.changes_s = changes_s
        self.checkers = Checkers(self)
        self.oracle = Oracle(self)
        self.process.on_receive.append(self.checkers.received)
        self.process.on_send.append(self._sent)
        self.process.on_handled.append(self.checkers.handled)
        self.process.on_life.append(self._life)
        self.broker.taps.append(self._tap)
        self.clock.at(LEASES_S, self._look_at_leases)
        self._zone_topics = self._request_topics()
        for device in self.devices.all:
            device.start()
        self.people.start()
        self.clock.after(0.5, self.process.start)
        for number, zone in enumerate(self.setup.house.zones):
            self.ask(zone)
            self.clock.at(1.0 + number, lambda zone=zone: self._repeat(zone))  # type: ignore[misc]
        self._sync()

    # what tests do ---------------------------------------------------------------------------------

    def at(self, at_s: float, act: Callable[["World"], None]) -> None:
        """Let something happen at an instant."""
        self.clock.at(at_s, lambda: self._act(act))

    def run_until(self, until_s: float) -> None:
        """Let virtual time pass; raises what the engine raises, with the command to replay it."""
        try:
            self.clock.run_until(until_s)
        except Exception as error:
            error.add_note(f"at {self.clock.now_s:.3f} s; replay: {self.replay}")
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

    def say(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Let somebody publish."""
        self.people.tell(topic, payload, retain=retain)

    def insist(self, topic: str, payload: str) -> None:
        """Say something until the balancer has heard it: every half minute, for five minutes."""
        for number in range(10):
            self.clock.after(30.0 * number, lambda: self.say(topic, payload))

    def hold_request(self, zone: str, wanted: bool | None) -> None:
        """Let a thermostat ask whatever the room says; None: the room decides again."""
        if wanted is None:
            self.held_requests.pop(zone, None)
        else:
            self.held_requests[zone] = wanted
        self.ask(zone)

    @property
    def digest(self) -> str:
        """Return the digest of every message on the broker, in order, with its time."""
        return self._digest.hexdigest()

    @property
    def replay(self) -> str:
        """Return the command that runs this again."""
        return f"python -m balancer.sim.campaign --replay {self.scenario.name}:{self.seed}"

    # faults ----------------------------------------------------------------------------------------

    def take(self, key: str) -> bool:
        """Claim a part for one fault; False if another fault has it."""
        if key in self.taken:
            return False
        self.taken.add(key)
        return True

    def on_heal(self, key: str | None, heal: Callable[[], None], *, after_s: float) -> None:
        """Undo something later, or when everything is healed."""
        self._number += 1
        number = self._number

        def undo() -> None:
            if self.healers.pop(number, None) is None:
                return
            if key is not None:
                self.taken.discard(key)
                self.freed_s[key] = self.clock.now_s
            heal()
            self._sync()

        self.healers[number] = undo
        self.clock.after(after_s, undo)

    def heal_all(self) -> None:
        """Undo every fault that is on, now."""
        for number in sorted(self.healers):
            undo = self.healers.get(number)
            if undo is not None:
                undo()

    # what checkers ask -----------------------------------------------------------------------------

    def meter_gain(self, circuit: Circuit) -> float:
        """Return what the circuit's meter makes of one watt."""
        return self.gains.get(circuit.name, 1.0)

    def settled_requests(self, zone: str) -> bool:
        """Return whether the last request is older than the hold-off."""
        asked_s = self.witness.request_s[zone]
        return self.clock.now_s - asked_s > self.setup.house.hold_off_s + 0.1

    def kept_off(self, load: str) -> bool:
        """Return whether it was kept, when the balancer connected, that the load is off."""
        return load in self._kept_off

    def everything_up(self) -> None:
        """Make sure that nobody is away, nothing is limited, and everything runs."""
        self.insist(f"{self.topics.away}/set", "OFF")
        if not self.broker.up:
            self.broker.restart()
        if not self.process.running:
            self.process.start()

    def calm(self, key: str, for_s: float) -> bool:
        """Return whether nothing has befallen a part for so long."""
        healed_s = self.freed_s.get(key, -inf)
        return key not in self.taken and self.clock.now_s - healed_s > for_s

    def unsure_of_heat(self, circuit: str) -> bool:
        """Return whether the balancer may not know how warm a breaker is: it missed readings."""
        meter = self.setup.house.circuits[circuit].meter
        if meter is None or self.clock.now_s - self.oracle.blind_at_s < MEMORY_OF_HEAT_S:
            return True
        return not self.calm(f"meter/{self.devices.meter_of.get(meter.name)}", MEMORY_OF_HEAT_S)

    def _able(self) -> bool:
        """Return whether the balancer hears and is heard."""
        process = self.process
        return (
            process.started_s is not None
            and process.ready_s is not None
            and not process.paused
            and not self.broker.frozen
            and process.link.healthy
        )

    # parts -----------------------------------------------------------------------------------------

    def _act(self, act: Callable[["World"], None]) -> None:
        self._sync()
        act(self)
        self._sync()

    def _switch(self, load: str, closed: bool) -> None:
        self._sync()
        self.house.set_relay(load, closed)
        self._sync()

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
        if not self._able():
            self.oracle.excuse()
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
                self.ask(each.name)
            case Kind.DARK:
                relay = self.devices.relays[each.name]
                contact = relay.contact
                on = contact.driven if contact.power_on == "previous" else contact.power_on == "on"
                self.house.boot_contact[each.name] = on
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

        self.clock.after(20.0, up)
        for meter in self.devices.meters.values():
            meter.power_on(boot_s=5.0)

    def _look_at_leases(self) -> None:
        self.checkers.look_at_leases()
        self.clock.after(LEASES_S, self._look_at_leases)

    # requests --------------------------------------------------------------------------------------

    def _request_topics(self) -> dict[str, dict[str, Any]]:
        return {
            zone: section.get("request", {})
            for zone, section in self.document.get("zones", {}).items()
        }

    def requested(self, zone: str) -> bool:
        """Return what the zone's thermostat asks for now."""
        held = self.held_requests.get(zone)
        return self.house.request(zone) if held is None else held

    def ask(self, zone: str) -> None:
        """Let a zone's thermostat say what it asks for."""
        if f"silent/{zone}" in self.taken:
            return
        section = self._zone_topics[zone]
        on = self.requested(zone)
        if not section:
            self.people.tell(f"{self.topics.zone(zone)}/set", "ON" if on else "OFF")
            return
        value: Any
        if "above" in section:
            value = round(self.house.demand(zone)) if zone not in self.held_requests else on * 100
        else:
            value = section.get("on", "ON") if on else section.get("off", "OFF")
        payload = str(value)
        if "path" in section:
            payload = json.dumps(put({}, section["path"], value))
        self.people.tell(section["topic"], payload)

    def _repeat(self, zone: str) -> None:
        self.house.advance(self.clock.now_s)
        self.ask(zone)
        self.clock.after(REPEAT_S, lambda: self._repeat(zone))

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

    def _life(self, what: str) -> None:
        if what == "started":
            self._kept_off = {
                load
                for load in self.setup.house.loads
                if (kept := self.broker.retained.get(self.topics.load_state(load))) is not None
                and kept.payload == b"OFF"
            }
            self.witness.began(self.broker.retained)
            self.checkers.began()
        elif what == "connected":
            self._kept_off |= self.witness.said_off
            self.witness.connected_s = self.clock.now_s
        else:
            self.witness.connected_s = inf
            self.checkers.lost()
