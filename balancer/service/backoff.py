"""How long to wait before the next attempt to connect, and why the last one failed."""

import random
from dataclasses import dataclass
from enum import StrEnum

_FIRST_S = 0.2
_LONGEST_S = 5.0
_LONGEST_REFUSED_S = 0.7  # nobody listens: asking costs a packet, and it shall be back in 1 s
_UNANSWERED_S = 3.0  # from one attempt that nobody answers to the next: twenty a minute
_WAITED_S = 1.0  # an attempt that took so long was there for an answer
_WORKED_S = 1.0  # the broker let us in and answered
_KICKED_S = 5.0  # who is kicked so soon after connecting may have a rival
_KICKS = 3
_CHANCE = random.SystemRandom()


class Loss(StrEnum):
    """Why there is no connection (label ``cause`` of ``balancer_mqtt_reconnects_total``)."""

    REFUSED = "refused"  # nobody listens
    UNKNOWN_HOST = "unknown_host"
    UNREACHABLE = "unreachable"  # no answer, no route
    CREDENTIALS = "credentials"
    REJECTED = "rejected"  # another negative CONNACK
    TLS = "tls"
    CLOSED = "closed"  # by the broker or something between
    SILENT = "silent"  # the heartbeat or the answer to a subscription did not come
    GAP = "gap"  # this process stood still
    ROLE = "role"  # another balancer took over


@dataclass(slots=True)
class Backoff:
    """Waiting times: jittered, doubling from 0.2 s to 5 s, for ever.

    What an attempt took counts as waiting: while nobody answers, the next attempt follows the
    last at once, so that there is always one which a line that comes back can answer.
    """

    _next_s: float = _FIRST_S
    _kicks: int = 0
    _unanswered: bool = False  # the attempt before

    def after(self, loss: Loss, lived_s: float | None, took_s: float = 0.0) -> float:
        """Return the seconds to wait now.

        Args:
            loss: Why there is no connection.
            lived_s: How long it had lasted, in seconds; None if it never came about.
            took_s: How long the attempt had taken in that case, in seconds.
        """
        if lived_s is not None and lived_s >= _WORKED_S:
            self._next_s = _FIRST_S
        if loss in {Loss.GAP, Loss.ROLE}:
            return 0.0
        if loss is Loss.CLOSED and lived_s is not None and lived_s < _KICKED_S:
            self._kicks += 1
        elif loss is Loss.REFUSED or lived_s is not None:
            self._kicks = 0  # the broker itself was away, or nobody kicked us
        wait_s = self._next_s
        self._next_s = min(_LONGEST_S, 2.0 * wait_s)
        if loss is Loss.REFUSED:  # a broker that comes and goes is no reason for longer pauses
            wait_s = min(wait_s, _LONGEST_REFUSED_S)
            self._next_s = min(self._next_s, _LONGEST_REFUSED_S)
        if lived_s is not None:
            took_s = 0.0
        unanswered = loss in {Loss.UNREACHABLE, Loss.SILENT} and took_s >= _WAITED_S
        if unanswered:
            wait_s = _UNANSWERED_S
        elif self._unanswered:
            wait_s = _FIRST_S  # whatever the answer was: the line is back
        self._unanswered = unanswered
        if self.rivalled:
            return _LONGEST_S * _CHANCE.uniform(1.0, 1.3)
        jitter = _CHANCE.uniform(0.8, 1.2)
        return max(_FIRST_S * jitter, wait_s * jitter - took_s)

    @property
    def rivalled(self) -> bool:
        """Kicked so often at once that another client must have the same id."""
        return self._kicks >= _KICKS
