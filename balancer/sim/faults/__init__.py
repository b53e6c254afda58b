"""Every fault of the catalogue that can happen in virtual time, by id.

Not here: F17 (comes with the Linky family); F49, F61 (bytes on a socket); F52 (a second service:
its standby is the session's); F70, F83, F84 (configuration); F73 (dates); F78, F80, F81, F82
(processors, ports and memory of a real host).
"""

from balancer.sim.faults import house, meters, network, people, relays, time
from balancer.sim.faults.base import FAULTS, Fault

NOT_SIMULATED = frozenset(
    {"F17", "F49", "F52", "F61", "F70", "F73", "F78", "F80", "F81", "F82", "F83", "F84"}
)

__all__ = [
    "FAULTS",
    "NOT_SIMULATED",
    "Fault",
    "house",
    "meters",
    "network",
    "people",
    "relays",
    "time",
]
