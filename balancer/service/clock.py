"""The only place that reads clocks."""

import time
from typing import Protocol


class Clock(Protocol):
    """What the service knows of time."""

    def monotonic_s(self) -> float:
        """Return seconds that never jump; the event loop counts the same ones."""
        ...

    def wall_s(self) -> float:
        """Return seconds since 1970 in UTC; may jump."""
        ...

    def awake_s(self) -> float:
        """Return seconds that go on while the machine sleeps."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def monotonic_s(self) -> float:
        return time.monotonic()

    def wall_s(self) -> float:
        return time.time()

    def awake_s(self) -> float:
        # A suspended laptop stops CLOCK_MONOTONIC but not CLOCK_BOOTTIME (Linux).
        return time.clock_gettime(time.CLOCK_BOOTTIME) if _BOOTTIME else time.monotonic()


_BOOTTIME = hasattr(time, "CLOCK_BOOTTIME")
