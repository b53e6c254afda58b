"""What many trials came to, counted as they end."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from balancer.sim.faults import FAULTS
from balancer.sim.trial import Job, Result


@dataclass(slots=True, kw_only=True)
class Report:
    """What a campaign came to.

    Attributes:
        days: House-days simulated.
        trips: Of the breakers; ``avoidable`` of them should not have been.
        faults: Times that each was injected.
        defects: Runs that found something, each with the command that replays it.
        broken: Runs that did not come to their end, and the traceback.
        took_s: Real time.
        cut_short: Why not everything was done; empty: it was.
    """

    days: float = 0.0
    runs: int = 0
    trips: int = 0
    avoidable: int = 0
    violations: int = 0
    messages: int = 0
    commands: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    defects: list[Result] = field(default_factory=list)
    broken: list[tuple[Job, str]] = field(default_factory=list)
    took_s: float = 0.0
    cut_short: str = ""

    @property
    def sound(self) -> bool:
        """Return whether everything was done and nothing found."""
        return not (self.defects or self.broken or self.cut_short)

    @property
    def replays(self) -> list[str]:
        """Return the commands that run again what found something."""
        jobs = [each.job for each in self.defects] + [job for job, _ in self.broken]
        return [job.replay for job in jobs]

    @property
    def missed(self) -> tuple[str, ...]:
        """Return faults that were never injected."""
        return tuple(each for each in sorted(FAULTS) if not self.faults[each])

    def add(self, result: Result) -> None:
        """Count one run."""
        self.runs += 1
        self.days += result.days
        self.trips += result.trips
        self.avoidable += len(result.avoidable)
        self.violations += len(result.violations)
        self.messages += result.messages
        self.commands += result.commands
        self.faults.update(result.faults)
        if not result.sound:
            self.defects.append(result)

    def document(self) -> dict[str, Any]:
        """Return the report for programs."""
        return {
            "days": self.days,
            "runs": self.runs,
            "trips": self.trips,
            "avoidable_trips": self.avoidable,
            "violations": self.violations,
            "errors": len(self.broken),
            "faults": dict(sorted(self.faults.items())),
            "defects": self.replays,
        }

    def lines(self) -> Iterator[str]:
        """Yield the report for people."""
        injected = sum(self.faults.values())
        yield (
            f"{self.days:.1f} house-days, {self.runs} runs, {injected} faults of {len(self.faults)} "
            f"kinds ({injected / max(self.days, 1e-9):.0f} a day), {self.messages} messages, "
            f"{self.commands} commands, {self.took_s:.0f} s"
        )
        yield (
            f"{self.trips} trips, {self.avoidable} avoidable; {self.violations} violations; "
            f"{len(self.broken)} unhandled errors"
        )
        if self.cut_short:
            yield f"{self.cut_short}: this is what was done"
        if self.missed:
            yield f"never injected: {', '.join(self.missed)}"
        for defect in self.defects:
            yield f"defect: {defect.job.replay}"
            for line in (*defect.violations[:5], *defect.avoidable[:5]):
                yield f"  {line}"
        for job, raised in self.broken:
            yield f"defect: {job.replay}"
            for line in raised.splitlines():
                yield f"  {line}"
