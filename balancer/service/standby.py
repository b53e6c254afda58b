"""Which of several balancers of one house commands; the others stand by. One brain only."""

from dataclasses import dataclass
from enum import StrEnum

from balancer.service.heartbeat import PERIOD_S, Beat

LISTEN_S = 1.5  # after having found somebody online at process start
TAKE_OVER_S = 3.0
_OWN_GAP_S = 3.0 * PERIOD_S  # longer between our own echoes: it is us who are deaf


class Role(StrEnum):
    """What this process is to the house."""

    ARRIVING = "arriving"
    STANDBY = "standby"
    COMMANDING = "commanding"


@dataclass(slots=True)
class Standby:
    """What is heard of other balancers, and what follows from it.

    Attributes:
        instance: Our own id.
        role: What we are now.
        online_before: What the retained availability said at process start.
        rival: The commanding one heard last, None if none was.
    """

    instance: str
    role: Role = Role.ARRIVING
    online_before: bool = False
    rival: str | None = None
    _silence_s: float = 0.0
    _echo_s: float | None = None

    def connected(self) -> None:
        """Begin to count the silence of others anew."""
        self._silence_s = 0.0
        self._echo_s = None

    def heard(self, beat: Beat) -> None:
        """Note a foreign heartbeat. Of two that command, the smaller id keeps on."""
        assert beat.instance != self.instance, beat
        if not beat.commanding:
            return
        self.rival = beat.instance
        self.connected()
        if self.role is not Role.COMMANDING or beat.instance < self.instance:
            self.role = Role.STANDBY

    def echoed(self, at_s: float) -> None:
        """Note that our own heartbeat came back: we would have heard the others.

        Args:
            at_s: When, in monotonic seconds.
        """
        if self._echo_s is not None and at_s - self._echo_s <= _OWN_GAP_S:
            self._silence_s += at_s - self._echo_s
        self._echo_s = at_s
        patience_s = TAKE_OVER_S
        if self.role is Role.ARRIVING:
            patience_s = LISTEN_S if self.online_before else 0.0
        if self._silence_s >= patience_s:
            self.role = Role.COMMANDING
