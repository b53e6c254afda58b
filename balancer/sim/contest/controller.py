"""The balancer's own engine as one of the strategies: the same code as the service, fed by bytes.

The house's relays and meters are wired anew to plain topics, so that a year of simulation does
not spend its time on the payloads of families; what the controller decides does not depend on
them. Circuits, loads, limits and everything else stay as configured.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from math import inf

from balancer.config.setup import Setup
from balancer.devices import mqtt
from balancer.engine import Engine, Outgoing
from balancer.sim.contest.drive import Order
from balancer.sim.home.house import SimHouse
from balancer.views.topics import Topics, setter
from balancer.wire import Message


def rewired(setup: Setup) -> Setup:
    """Return the same house on plain topics."""
    house = setup.house
    return replace(
        setup,
        relays={
            load.name: mqtt.relay(
                command_topic=f"relay/{load.name}/set",
                state_topic=f"relay/{load.name}" if load.relay.confirms else None,
            )
            for load in house.loads.values()
        },
        meters={name: mqtt.meter(f"meter/{name}") for name in setup.meters},
        requests={
            zone.name: mqtt.request(f"thermostat/{zone.name}")
            for zone in house.zones.values()
            if not zone.own_switch
        },
    )


def meters_of(house: SimHouse) -> Mapping[str, Callable[[], float]]:
    """Return what every configured meter measures, by its name."""

    def reader(name: str) -> Callable[[], float]:
        for circuit in house.setup.house.circuits.values():
            if circuit.meter is not None and circuit.meter.name == name:
                supply = house.supplies[circuit.name]
                return lambda: supply.power_w
        return lambda: house.meter_w(name)

    return {name: reader(name) for name in house.setup.meters}


class Controller:
    """Drives an ``Engine``; a strategy among the others.

    Attributes:
        engine: The real thing.
    """

    def __init__(self, setup: Setup, start: datetime) -> None:
        """Make an engine whose wall clock shows ``start`` at time 0."""
        wired = rewired(setup)
        wall_s = start.replace(tzinfo=UTC).timestamp()
        self.engine = Engine(wired, at_s=0.0, wall_s=wall_s, views=False)
        self._topics = Topics(setup.broker.base_topic, setup.house.name)
        self._own = {zone.name: zone.own_switch for zone in setup.house.zones.values()}
        self._confirms = {load.name: load.relay.confirms for load in setup.house.loads.values()}
        self._orders = {
            (message.topic, message.payload): Order(load, on)
            for load, relay in wired.relays.items()
            for on in (False, True)
            for message in (relay.switch(on=on),)
        }
        self._asked: dict[str, bool] = {}
        lives_s = [zone.request_ttl_s for zone in setup.house.zones.values()]
        self._repeat_s = min((each for each in lives_s if each is not None), default=inf) / 3.0
        self._repeat_at_s = self._repeat_s

    @property
    def deadline_s(self) -> float:
        """Return when the engine, or a thermostat that repeats itself, is due."""
        return min(self.engine.deadline_s, self._repeat_at_s)

    def start(self, at_s: float) -> Iterable[Order]:
        """Connect, and begin with relays that report OFF."""
        orders = [*self._carried(self.engine.connected(at_s))]
        orders += self._carried(self.engine.start(at_s))
        for load in self._confirms:
            orders += self.report(at_s, load, on=False)
        return orders

    def read(self, at_s: float, power_w: Mapping[str, float]) -> Iterable[Order]:
        """Receive a message of every meter."""
        orders: list[Order] = []
        for name, watts in power_w.items():
            message = Message(f"meter/{name}", b"%.1f" % watts)
            orders += self._carried(self.engine.receive(message, at_s))
        return orders

    def request(self, at_s: float, zone: str, requested: bool) -> Iterable[Order]:
        """Receive what a thermostat says."""
        self._asked[zone] = requested
        topic = setter(self._topics.zone(zone)) if self._own[zone] else f"thermostat/{zone}"
        word = b"ON" if requested else b"OFF"
        return self._carried(self.engine.receive(Message(topic, word, qos=1), at_s))

    def report(self, at_s: float, load: str, on: bool) -> Iterable[Order]:
        """Receive a relay's state, if it has a topic for that."""
        if not self._confirms[load]:
            return ()
        message = Message(f"relay/{load}", b"ON" if on else b"OFF", qos=1)
        return self._carried(self.engine.receive(message, at_s))

    def wake(self, at_s: float) -> Iterable[Order]:
        """Let the engine do what is due; thermostats say again what they want."""
        orders: list[Order] = []
        if at_s >= self._repeat_at_s:
            self._repeat_at_s = at_s + self._repeat_s
            for zone, requested in self._asked.items():
                orders += self.request(at_s, zone, requested)
        orders += self._carried(self.engine.wake(at_s))
        return orders

    def changed(self, _at_s: float, _house: SimHouse) -> Iterable[Order]:
        """See nothing but messages."""
        return ()

    def _carried(self, outgoing: Outgoing) -> Iterable[Order]:
        known = self._orders
        return [
            known[message.topic, message.payload]
            for message in outgoing.commands
            if (message.topic, message.payload) in known
        ]
