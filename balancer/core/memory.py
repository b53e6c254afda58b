"""What survives a restart: read back from the retained topics (R15)."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadMemory:
    """What is remembered of one load; None is unknown.

    Attributes:
        on: What the balancer last wanted of the heater (``B/load/<load>/state``).
        served_s: Served part of ``wanted_s``, in seconds (R6).
        wanted_s: Time that counts for the share, in seconds.
        boost_until_s: End of the boost on the monotonic line.
        switched_s: Last change of the relay on the monotonic line (may be negative).
        shed: It was off because it had been shed.
        learned_w: Learned draw, in watts: the highest of the steps that agreed.
        learned_low_w: The lowest of them.
        learned_steps: How many they were; 0: nobody knows.
    """

    on: bool | None = None
    claim: bool = False
    served_s: float = 0.0
    wanted_s: float = 0.0
    boost_until_s: float | None = None
    switched_s: float | None = None
    switches: int = 0
    shed: bool = False
    learned_w: float | None = None
    learned_low_w: float | None = None
    learned_steps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitMemory:
    """What was set from outside on one circuit; None: nothing was."""

    mode: int | None = None
    limit_w: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Everything remembered; empty after a first start."""

    away: bool = False
    circuits: Mapping[str, CircuitMemory] = field(default_factory=dict)
    requests: Mapping[str, bool] = field(default_factory=dict)
    loads: Mapping[str, LoadMemory] = field(default_factory=dict)
