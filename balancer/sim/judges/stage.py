"""What judges see of a world: its parts and its troubles, never the balancer's own state."""

from typing import Protocol

from balancer.config.setup import Setup
from balancer.sim.broker import Broker
from balancer.sim.clock import Clock
from balancer.sim.devices.wiring import Devices
from balancer.sim.home.house import SimHouse
from balancer.sim.judges.findings import Findings
from balancer.sim.judges.witness import Witness
from balancer.sim.process import Process
from balancer.sim.troubles import Troubles
from balancer.views.topics import Topics


class Stage(Protocol):
    """A world on which something is played.

    Attributes:
        clock, broker, setup, topics, house, devices, process, troubles, witness: Its parts.
        findings: Where judges note what they find.
        discovery_root: Topics of Home Assistant's discovery begin with it.
    """

    clock: Clock
    broker: Broker
    setup: Setup
    topics: Topics
    house: SimHouse
    devices: Devices
    process: Process
    troubles: Troubles
    witness: Witness
    findings: Findings
    discovery_root: str
