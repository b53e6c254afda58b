"""The balancer's heartbeat in virtual time: its echoes tell that the broker is there.

While all is well no heartbeat is sent: it would change nothing.
"""

from collections.abc import Callable

from balancer.sim.broker import Broker, Link
from balancer.sim.clock import Clock, Timer

PERIOD_S = 0.5
ANSWER_WITHIN_S = 2.0  # design: Topics, Heartbeat; round trips here are far below half a second
WATCHED_S = 5.0  # it goes on for so long after somebody had a look


class Heartbeat:
    """Beats while something may be wrong with the broker or the link."""

    def __init__(
        self,
        clock: Clock,
        broker: Broker,
        link: Link,
        *,
        paused: Callable[[], bool],
        publish: Callable[[bytes], None],
        silent: Callable[[], None],
    ) -> None:
        """Make a heart that does not beat yet.

        Args:
            clock: Virtual time.
            broker: Where the beats go.
            link: The way there and back.
            paused: Whether the process is stopped in its tracks.
            publish: Sends a beat.
            silent: Told that no echo has come back for too long.
        """
        self._clock = clock
        self._broker = broker
        self._link = link
        self._paused = paused
        self._publish = publish
        self._silent = silent
        self._id = ""
        self._connected = False
        self._number = 0
        self._sent_s: dict[bytes, float] = {}  # unanswered beats, oldest first
        self._watched_until_s = 0.0
        self._timer: Timer | None = None

    def begin(self, id_: str) -> None:
        """Beat once, under a connection's id: its echo tells that the connection carries."""
        self._id = id_
        self._connected = True
        self._sent_s.clear()
        self._beat()

    def lost(self) -> None:
        """Stop: the connection is gone."""
        self._connected = False
        self._sent_s.clear()

    def end(self) -> None:
        """Stop for good: the process is gone."""
        self.lost()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def look(self) -> None:
        """Beat again: something may be wrong."""
        self._watched_until_s = self._clock.now_s + WATCHED_S
        if self._timer is None and self._connected:
            self._beat()

    def echoed(self, payload: bytes) -> bool:
        """Take what came back on the heartbeat's topic; return whether it answers a beat."""
        if payload not in self._sent_s:
            return False
        sent = tuple(self._sent_s)
        for older in sent[: sent.index(payload) + 1]:
            del self._sent_s[older]
        return True

    def _beat(self) -> None:
        self._timer = None
        if not self._connected:
            return
        now_s = self._clock.now_s
        if not self._paused():
            oldest_s = min(self._sent_s.values(), default=now_s)
            if now_s - oldest_s > ANSWER_WITHIN_S:
                self._silent()
                return
            self._number += 1
            payload = f"{self._id} {self._number} active".encode()
            self._sent_s[payload] = now_s
            self._publish(payload)
            trouble = not (self._broker.up and self._link.healthy) or self._broker.frozen
            if not trouble and len(self._sent_s) <= 1 and now_s >= self._watched_until_s:
                return
        self._timer = self._clock.after(PERIOD_S, self._beat)
