"""Virtual time: a heap of timed calls, a monotonic line and a wall that can be moved."""

import heapq
from collections.abc import Callable
from itertools import count
from math import inf

WALL_AT_START_S = 1_767_225_600.0  # 2026-01-01T00:00:00Z: winter, whole hours


class Timer:
    """A call that is due at an instant; cancelled, it is skipped."""

    __slots__ = ("at_s", "call")

    def __init__(self, at_s: float, call: Callable[[], None]) -> None:
        self.at_s = at_s
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class Clock:
    """Monotonic seconds that only a call's due time can move on.

    Attributes:
        now_s: The present instant, in seconds since the start of the run.
    """

    def __init__(self, *, wall_at_start_s: float = WALL_AT_START_S) -> None:
        self.now_s = 0.0
        self._wall_offset_s = wall_at_start_s
        self._due: list[tuple[float, int, Timer]] = []
        self._numbers = count()

    @property
    def wall_s(self) -> float:
        """Return the epoch seconds that a clock on the wall shows."""
        return self.now_s + self._wall_offset_s

    def jump_wall(self, by_s: float) -> None:
        """Move the wall clock, forwards or backwards; the monotonic line stays."""
        self._wall_offset_s += by_s

    def at(self, at_s: float, call: Callable[[], None]) -> Timer:
        """Make a call at an instant, in seconds; at once if that is past. Ties keep their order."""
        timer = Timer(max(at_s, self.now_s), call)
        heapq.heappush(self._due, (timer.at_s, next(self._numbers), timer))
        return timer

    def after(self, delay_s: float, call: Callable[[], None]) -> Timer:
        """Make a call after a delay, in seconds."""
        return self.at(self.now_s + delay_s, call)

    @property
    def next_due_s(self) -> float:
        """Return when the next call is due, cancelled or not; infinite if there is none."""
        return self._due[0][0] if self._due else inf

    def run_until(self, until_s: float) -> None:
        """Make every call that is due up to an instant, in order of time."""
        due = self._due
        pop = heapq.heappop
        while due and due[0][0] <= until_s:
            at_s, _, timer = pop(due)
            call = timer.call
            if call is None:
                continue
            timer.call = None
            self.now_s = at_s
            call()
        self.now_s = max(self.now_s, until_s)
