"""What is counted while the service runs; plain numbers, so that counting costs nothing.

The metrics endpoint renders them, see ``metrics``.
"""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from balancer.core.commands import Cause, Decided, Note, NoteKind
from balancer.core.snapshot import Snapshot

CONFIRM_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0, 10.0)
"""From a relay on the cable (5 ms) to a Zigbee mesh in trouble."""
REACTION_BOUNDS_S = (
    *(0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05),
    *(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
)
"""From a step on a fast machine (0.2 ms) to a disaster."""
SHEDDING = (Cause.OVERLOAD, Cause.UNCONFIRMED, Cause.LIMIT, Cause.MODE, Cause.BLIND)
"""Causes for which power or places are taken away."""


class Histogram:
    """How often a duration fell under each bound.

    Attributes:
        bounds_s: Upper bounds, in seconds, ascending; beyond the last is one more bucket.
        counts: Observations per bucket, not cumulated; one more than bounds.
        total_s: Sum of all observations, in seconds.
    """

    __slots__ = ("bounds_s", "counts", "total_s")

    def __init__(self, bounds_s: tuple[float, ...]) -> None:
        self.bounds_s = bounds_s
        self.counts = [0] * (len(bounds_s) + 1)
        self.total_s = 0.0

    def observe(self, duration_s: float) -> None:
        """Count one duration, in seconds."""
        self.counts[bisect_left(self.bounds_s, duration_s)] += 1
        self.total_s += duration_s


@dataclass(slots=True)
class Counts:
    """What the engine counts; every number only grows.

    Attributes:
        rejected: Messages that were no report, by source (meter, relay or
            topic name from the configuration) and reason.
        switches: Real changes of relays, by load and cause.
        retries: Repeated commands by load.
        unconfirmed: Commands given up, by load.
        foreign: Switchings by somebody else, by load.
        sheds: Decisions that took power away, by circuit ("" for the whole
            house) and cause.
        rotations: Ticks that exchanged turns.
        conflated: Readings that a newer one overtook unread.
        on_s: Time on by load, in seconds.
        confirm: Time from command to report by load.
    """

    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)
    switches: Counter[tuple[str, str]] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    unconfirmed: Counter[str] = field(default_factory=Counter)
    foreign: Counter[str] = field(default_factory=Counter)
    sheds: Counter[tuple[str, str]] = field(default_factory=Counter)
    rotations: int = 0
    conflated: int = 0
    on_s: dict[str, float] = field(default_factory=dict)
    confirm: dict[str, Histogram] = field(default_factory=dict)
    _on_since_s: dict[str, float] = field(default_factory=dict)

    def note(self, note: Note) -> None:
        """Count what a step noted."""
        match note.kind:
            case NoteKind.CONFIRMED:
                if note.subject not in self.confirm:
                    self.confirm[note.subject] = Histogram(CONFIRM_BOUNDS_S)
                self.confirm[note.subject].observe(note.value)
            case NoteKind.UNCONFIRMED:
                self.unconfirmed[note.subject] += 1
            case NoteKind.RETRIED:
                self.retries[note.subject] += 1
            case NoteKind.FOREIGN:
                self.foreign[note.subject] += 1
            case NoteKind.ROTATED:
                self.rotations += 1
            case NoteKind.SWITCHED:
                self.switches[note.subject, note.cause or Cause.RECONCILE] += 1
            case _:
                pass  # states, not counts: the snapshot shows them

    def decided(self, decided: Decided) -> None:
        """Count a decision that takes power or places away."""
        if decided.cause in SHEDDING and any(not each.on for each in decided.switchings):
            self.sheds[decided.circuit or "", decided.cause] += 1

    def follow(self, seen: Snapshot) -> None:
        """Add up the time that loads are on; call it after each decision and before showing."""
        for name, load in seen.loads.items():
            since_s = self._on_since_s.pop(name, None)
            if since_s is not None:
                self.on_s[name] = self.on_s.get(name, 0.0) + max(0.0, seen.at_s - since_s)
            if load.on if load.relay is None else load.relay:
                self._on_since_s[name] = seen.at_s


@dataclass(slots=True)
class Session:
    """What the service measures of its connection and of itself.

    Attributes:
        connected: The broker answers.
        reconnects: Connections after the first, by cause (a fixed word).
        heartbeat_rtt_s: Last round trip of the heartbeat, in seconds; None before the first.
        loop_lag_s: Greatest recent delay of the event loop, in seconds.
        reaction: Meter message received to last relay command handed to the socket.
    """

    connected: bool = False
    reconnects: Counter[str] = field(default_factory=Counter)
    heartbeat_rtt_s: float | None = None
    loop_lag_s: float = 0.0
    reaction: Histogram = field(default_factory=lambda: Histogram(REACTION_BOUNDS_S))
