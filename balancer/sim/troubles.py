"""What has befallen which part of a world, and what heals it."""

from collections import Counter
from collections.abc import Callable
from math import inf

from balancer.sim.clock import Clock


class Troubles:
    """Claims of faults on parts, such as ``relay/<load>``, ``meter/<topic>`` or ``link``.

    Attributes:
        taken: Parts that a fault has befallen.
        freed_s: When parts were healed last, in seconds.
        healers: What undoes the faults that are on, by a number.
        begun: Times that each fault was injected, by id.
        gains: What the meter of a circuit makes of one watt, where a fault has changed that.
    """

    def __init__(self, clock: Clock, healed: Callable[[], None]) -> None:
        """Know of no trouble yet; ``healed`` is called after each healing."""
        self.taken: set[str] = set()
        self.freed_s: dict[str, float] = {}
        self.healers: dict[int, Callable[[], None]] = {}
        self.begun: Counter[str] = Counter()
        self.gains: dict[str, float] = {}
        self._clock = clock
        self._healed = healed
        self._number = 0

    def take(self, part: str) -> bool:
        """Claim a part for one fault; False if another fault has it."""
        if part in self.taken:
            return False
        self.taken.add(part)
        return True

    def on_heal(self, part: str | None, heal: Callable[[], None], *, after_s: float) -> None:
        """Undo something later, or when everything is healed; then its part is free again."""
        self._number += 1
        number = self._number

        def undo() -> None:
            if self.healers.pop(number, None) is None:
                return
            if part is not None:
                self.taken.discard(part)
                self.freed_s[part] = self._clock.now_s
            heal()
            self._healed()

        self.healers[number] = undo
        self._clock.after(after_s, undo)

    def heal_all(self) -> None:
        """Undo every fault that is on, now."""
        for number in sorted(self.healers):
            undo = self.healers.get(number)
            if undo is not None:
                undo()

    def calm(self, part: str, for_s: float) -> bool:
        """Return whether nothing has befallen a part for so long, in seconds."""
        healed_s = self.freed_s.get(part, -inf)
        return part not in self.taken and self._clock.now_s - healed_s > for_s
