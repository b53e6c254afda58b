"""What judges see of a world: its parts and its faults, never the balancer's own state."""

from typing import Protocol

from balancer.config.setup import Setup
from balancer.core.model import Circuit
from balancer.sim.clock import Clock
from balancer.sim.devices.wiring import Devices
from balancer.sim.home.house import SimHouse
from balancer.sim.judges.witness import Witness
from balancer.sim.process import Process
from balancer.views.topics import Topics


class Stage(Protocol):
    """A world on which something is played.

    Attributes:
        clock, setup, topics, house, devices, process, witness: Its parts.
        discovery_root: Topics of Home Assistant's discovery begin with it.
        taken: Parts that a fault has befallen.
        freed_s: When parts were healed last, in seconds.
    """

    clock: Clock
    setup: Setup
    topics: Topics
    house: SimHouse
    devices: Devices
    process: Process
    witness: Witness
    discovery_root: str
    taken: set[str]
    freed_s: dict[str, float]

    def meter_gain(self, circuit: Circuit) -> float:
        """Return what the circuit's meter makes of one watt."""

    def settled_requests(self, zone: str) -> bool:
        """Return whether the last request is older than the hold-off."""

    def kept_off(self, load: str) -> bool:
        """Return whether it was kept, when the balancer connected, that the load is off."""

    def calm(self, key: str, for_s: float) -> bool:
        """Return whether nothing has befallen a part for so long, in seconds."""

    def unsure_of_heat(self, circuit: str) -> bool:
        """Return whether the balancer may not know how warm a breaker is: it missed readings."""
