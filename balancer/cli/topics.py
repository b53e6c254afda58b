"""Every topic that a house uses, in or out, and what for."""

from collections.abc import Iterator
from dataclasses import dataclass

from balancer.config.setup import Setup
from balancer.core.model import House
from balancer.views import homeassistant
from balancer.views.memory import read_back
from balancer.views.topics import Topics, setter


@dataclass(frozen=True, slots=True)
class Use:
    """One topic.

    Attributes:
        topic: Its full name.
        reads: The balancer listens to it.
        writes: The balancer publishes on it.
        purpose: What is said there.
    """

    topic: str
    reads: bool
    writes: bool
    purpose: str

    @property
    def direction(self) -> str:
        """``in``, ``out`` or ``in, out``."""
        return ", ".join(name for name, used in (("in", self.reads), ("out", self.writes)) if used)


def uses(setup: Setup) -> tuple[Use, ...]:
    """Return all topics, each once: own ones, Home Assistant's, meters', requests', relays'."""
    found: dict[str, Use] = {}
    for use in (*_own(setup), *_discovery(setup), *_devices(setup)):
        old = found.get(use.topic)
        if old is None:
            found[use.topic] = use
            continue
        purposes = dict.fromkeys((*old.purpose.split("; "), use.purpose))
        found[use.topic] = Use(
            use.topic,
            reads=old.reads or use.reads,
            writes=old.writes or use.writes,
            purpose="; ".join(purposes),
        )
    return tuple(found.values())


def topics_of(setup: Setup) -> Topics:
    """Return the names of the balancer's own topics."""
    return Topics(setup.broker.base_topic, setup.house.name)


def _own(setup: Setup) -> Iterator[Use]:
    topics, house = topics_of(setup), setup.house
    yield Use(topics.availability, reads=True, writes=True, purpose="online or offline")
    yield Use(topics.heartbeat, reads=True, writes=True, purpose="heartbeat")
    yield Use(topics.event, reads=False, writes=True, purpose="decisions")
    yield from _settings(house, topics)
    yield Use(topics.status, reads=False, writes=True, purpose="everything, as JSON")
    for load in house.loads:
        yield Use(topics.load_state(load), reads=False, writes=True, purpose="wanted state")
    for topic in read_back(house, topics):
        yield Use(topic, reads=True, writes=False, purpose="read back at the start")


def _settings(house: House, topics: Topics) -> Iterator[Use]:
    states = [(topics.away, "away")]
    states += [
        (topics.zone(zone.name), "request for heat")
        for zone in house.zones.values()
        if zone.own_switch
    ]
    states += [(topics.boost(load), "boost") for load in house.loads]
    for circuit in house.circuits.values():
        if circuit.steps is not None:
            states.append((topics.mode(circuit.name), "power-saving mode"))
        states.append((topics.limit(circuit.name), "limit"))
    for topic, purpose in states:
        yield Use(setter(topic), reads=True, writes=False, purpose=purpose)
        yield Use(topic, reads=False, writes=True, purpose=purpose)
    yield Use(setter(topics.rotate), reads=True, writes=False, purpose="turns are given now")


def _discovery(setup: Setup) -> Iterator[Use]:
    prefix = setup.discovery_prefix
    if prefix is not None:
        topic = homeassistant.topic(topics_of(setup), prefix)
        yield Use(topic, reads=True, writes=True, purpose="entities for Home Assistant")
        yield Use(f"{prefix}/status", reads=True, writes=False, purpose="birth of Home Assistant")


def _devices(setup: Setup) -> Iterator[Use]:
    for name, meter in setup.meters.items():
        yield Use(meter.topic, reads=True, writes=False, purpose=name)
    for zone, request in setup.requests.items():
        yield Use(request.topic, reads=True, writes=False, purpose=f"request of zones.{zone}")
    for load, relay in setup.relays.items():
        for topic in relay.command_topics:
            yield Use(topic, reads=False, writes=True, purpose=f"relay of loads.{load}")
        for topic in (*relay.states, *relay.online, *relay.setup_replies):
            yield Use(topic, reads=True, writes=False, purpose=f"relay of loads.{load}")
