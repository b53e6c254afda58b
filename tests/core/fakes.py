"""Relays and meters that a test can weld, silence and slow down."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

LATENCY_S = 0.11
"""From a command to the report of a relay as it comes, and a little."""


@dataclass(slots=True)
class FakeRelay:
    """One contact and its radio.

    Attributes:
        stuck: The contact does not move; the report tells the truth.
        dead: Hears and says nothing.
        mute: Moves, but says nothing.
        liar: Says what it was told; the contact does not move.
        unasked: Speaks when it is switched; it cannot be asked.
        lose: Number of commands that get lost on their way.
        latencies_s: How long the next commands take, before ``latency_s`` holds.
    """

    on: bool = False
    latency_s: float = 0.05
    report_s: float = 0.05
    stuck: bool = False
    dead: bool = False
    mute: bool = False
    liar: bool = False
    unasked: bool = False
    lose: int = 0
    latencies_s: deque[float] = field(default_factory=deque)
    says: bool | None = None
    lease: int = 0


@dataclass(slots=True)
class FakeMeter:
    """Samples a power and reports it later.

    Attributes:
        shown: What becomes of the true value; None is no report.
        lags_s: Lag of the next reports in turn, for ever again; else ``lag_s``.
    """

    source: Callable[[], float]
    period_s: float = 1.0
    lag_s: float = 0.0
    silent: bool = False
    shown: Callable[[float], float | None] = lambda power_w: power_w
    lags_s: tuple[float, ...] = ()
