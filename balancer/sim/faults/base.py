"""The table of faults: each has an id of the catalogue, a way to begin and a way to end."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from balancer.core.model import Circuit, Estimation
from balancer.sim.devices.meters import Meter
from balancer.sim.devices.wiring import Relay

if TYPE_CHECKING:
    from balancer.sim.world import World

Inject = Callable[["World", Random, float], bool]
"""Begins a fault that lasts so many seconds; False: there is nothing here that it could befall."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of the catalogue.

    Attributes:
        id: Such as ``F27``.
        title: For people.
        lasts_s: Shortest and longest time until it heals, in seconds.
        inject: Begins it.
    """

    id: str
    title: str
    lasts_s: tuple[float, float]
    inject: Inject

    def begin(self, world: "World", chance: Random, *, for_s: float | None = None) -> bool:
        """Let it happen now; return whether it could."""
        seconds = chance.uniform(*self.lasts_s) if for_s is None else for_s
        if not self.inject(world, chance, seconds):
            return False
        world.troubles.begun[self.id] += 1
        world.findings.note(f"{self.id} {self.title} for {seconds:.1f} s")
        return True


FAULTS: dict[str, Fault] = {}
"""By id, in the order of the catalogue's chapters."""


def fault(id_: str, title: str, *, lasts_s: tuple[float, float]) -> Callable[[Inject], Inject]:
    """Enter an injector into the table."""

    def enter(inject: Inject) -> Inject:
        assert id_ not in FAULTS, id_
        FAULTS[id_] = Fault(id_, title, lasts_s, inject)
        return inject

    return enter


def circuit_meter(world: "World", chance: Random) -> tuple[Circuit, Meter] | None:
    """Return a circuit that decides by its meter, and that meter; None: all are befallen."""
    found = [
        (circuit, world.devices.meters[topic])
        for circuit in world.setup.house.circuits.values()
        if circuit.estimation is Estimation.GLOBAL
        and circuit.meter is not None
        and (topic := world.devices.meter_of.get(circuit.meter.name)) is not None
        and f"meter/{topic}" not in world.troubles.taken
    ]
    return chance.choice(found) if found else None


def any_meter(world: "World", chance: Random) -> Meter | None:
    """Return any meter that nothing has befallen; its claim is ``meter/<topic>``."""
    found = [
        meter
        for topic, meter in world.devices.meters.items()
        if f"meter/{topic}" not in world.troubles.taken
    ]
    return chance.choice(found) if found else None


def any_relay(
    world: "World", chance: Random, fits: Callable[[Relay], bool] = lambda _relay: True
) -> Relay | None:
    """Return a relay that nothing has befallen; its claim is ``relay/<load>``."""
    found = [
        relay
        for relay in world.devices.relays.values()
        if f"relay/{relay.load}" not in world.troubles.taken and relay.powered and fits(relay)
    ]
    return chance.choice(found) if found else None
