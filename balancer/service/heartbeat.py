"""A message to ourselves through the broker: it tells whether the broker still works."""

from collections import deque
from dataclasses import dataclass, field
from statistics import median

PERIOD_S = 0.5
_LEAST_S = 2.0
_MOST_S = 10.0
_ROUND_TRIPS = 4.0
_REMEMBERED = 21
_LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat of some balancer.

    Attributes:
        instance: Who.
        number: How many before.
        commanding: Whether it is no standby.
    """

    instance: str
    number: int
    commanding: bool

    def payload(self) -> bytes:
        role = "active" if self.commanding else "standby"
        return f"{self.instance} {self.number} {role}".encode()


def read_beat(payload: bytes) -> Beat | None:
    """Return the heartbeat in a payload, None if there is none."""
    try:
        instance, number, role = payload.decode("ascii").split(" ")
        if role not in {"active", "standby"} or not 0 < len(instance) <= _LONGEST_ID:
            return None
        if not number.isdecimal() or len(number) > 18:
            return None
        return Beat(instance, int(number), role == "active")
    except ValueError:
        return None


@dataclass(slots=True)
class Heartbeat:
    """Our own heartbeats: sent, come back, overdue."""

    instance: str
    _number: int = 0
    _unanswered: dict[int, float] = field(default_factory=dict)  # number: sent at
    _round_trips_s: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def connected(self, round_trip_s: float) -> None:
        """Begin anew on a connection that needed so long for its subscriptions, in seconds."""
        self._unanswered.clear()
        self._round_trips_s.clear()
        self._round_trips_s.append(round_trip_s)

    def next(self, at_s: float, *, commanding: bool) -> Beat:
        """Return the heartbeat that is sent now."""
        self._number += 1
        self._unanswered[self._number] = at_s
        return Beat(self.instance, self._number, commanding)

    def answered(self, number: int, at_s: float) -> float | None:
        """Note that one came back; return its round trip in seconds, None if it was not awaited."""
        sent_s = self._unanswered.get(number)
        if sent_s is None:
            return None
        for each in [each for each in self._unanswered if each <= number]:
            del self._unanswered[each]  # they arrive in order: an earlier one is lost
        self._round_trips_s.append(at_s - sent_s)
        return at_s - sent_s

    @property
    def round_trip_s(self) -> float:
        """Median round trip, in seconds."""
        return median(self._round_trips_s) if self._round_trips_s else 0.0

    @property
    def overdue_s(self) -> float:
        """When the broker counts as gone if nothing comes back, on the monotonic line."""
        if not self._unanswered:
            return float("inf")
        patience_s = max(_LEAST_S, min(_MOST_S, _ROUND_TRIPS * self.round_trip_s))
        return next(iter(self._unanswered.values())) + patience_s
