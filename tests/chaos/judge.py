"""What must hold on the wire, whatever is broken; one judge for everything that is seen."""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

MOST_KEPT = 200


@dataclass(frozen=True)
class Violation:
    """Something happened that must not.

    Attributes:
        rule: Which; see the rules of ``Mouth`` and ``Observer``.
        during: The fault that was on, or the last one.
        wall: As in the log of the balancer.
    """

    at_s: float
    rule: str
    text: str
    during: str
    wall: datetime

    def __str__(self) -> str:
        when = f"at {self.at_s:.1f} s, {self.wall:%H:%M:%S.%f}"[:-3]
        return f"VIOLATION {self.rule} {when} ({self.during}): {self.text}"


class Judge:
    """Collects violations.

    Attributes:
        during: What is being injected, for the record.
        lag_s: How late this process itself may be; excuses that much.
    """

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.counts: Counter[str] = Counter()
        self.checks: Counter[str] = Counter()
        self.during = "start"
        self.lag_s = 0.0
        self.began_s = time.monotonic()

    def check(self, rule: str, holds: object, text: str) -> None:
        """Count a check, and a violation if it does not hold."""
        self.checks[rule] += 1
        if holds:
            return
        self.counts[rule] += 1
        if len(self.violations) < MOST_KEPT:
            at_s = time.monotonic() - self.began_s
            now = datetime.now(tz=UTC)
            self.violations.append(Violation(at_s, rule, text, self.during, now))
