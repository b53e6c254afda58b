"""What is measured of a fault, and what is promised."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.chaos.rig import Rig

NOTICE_S = 2.5  # a broker that stands still is noticed
READY_S = 1.0  # after the broker is back
SUBACK_S = 6.0  # an answer that got lost is waited for that long while messages come
SLOW_S = 3.0  # this machine may have other work


@dataclass(frozen=True)
class Outcome:
    """What was measured.

    Attributes:
        noticed_s: From the fault until the balancer gave its connection up.
        ready_s: From the end of the fault until it was ready; 0: its connection lasted.
        held_s: How long it was on.
    """

    noticed_s: float | None = None
    ready_s: float | None = None
    held_s: float = 0.0


Fault = Callable[[Rig, float], Awaitable[Outcome]]
