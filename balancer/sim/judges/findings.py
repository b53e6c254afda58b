"""What judges find, and who is told of it."""

from collections.abc import Callable
from dataclasses import dataclass

from balancer.sim.clock import Clock


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be.

    Attributes:
        rule: Id of the invariant or of the liveness property.
        at_s: When, in seconds from the start of the run.
        text: What was seen.
    """

    rule: str
    at_s: float
    text: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.at_s:.3f} s: {self.text}"


class Findings:
    """Keeps what was found in a run.

    Attributes:
        violations: In order of time.
        listeners: Told each violation and each fault, for people who have to understand.
    """

    def __init__(self, clock: Clock) -> None:
        self.violations: list[Violation] = []
        self.listeners: list[Callable[[str], None]] = []
        self._clock = clock

    def found(self, rule: str, text: str) -> None:
        """Note a violation."""
        self.violations.append(Violation(rule, self._clock.now_s, text))
        self.note(f"VIOLATION {rule} {text}")

    def note(self, text: str) -> None:
        """Tell something that helps to understand a violation."""
        for listener in self.listeners:
            listener(text)
