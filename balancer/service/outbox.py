"""What can wait: status, states, discovery, events. Relay commands never come here."""

from collections.abc import Iterable

from balancer.service.stream import Stream
from balancer.wire import Message

_MOST_EVENTS = 1_000
_WINDOW_BYTES = 8_192  # on its way at most: on a slow line a command must not queue behind more
_PATIENCE_S = 5.0  # an acknowledgement that takes longer is not waited for
_LONG_BYTES = 1_024
_CHOKED_S = 30.0  # a connection that fell silent so soon, with messages of ours on their way
_CHOKES = 2  # in a row, and no broker stood still: the line is too thin for what we say
_GENTLE_S = 60.0  # then nothing long is said for so long, and twice as long each further time
_MOST_GENTLE_S = 3_600.0
_WIDE_S = 0.02  # a heartbeat takes 130 ms there and back at 1 kB/s
_WIDE_ECHOES = 4


class Outbox:
    """The latest message of each retained topic, and events in their order.

    A message leaves only when the socket has taken everything before and not much is
    unacknowledged. Nothing here outlives a connection: after the next one the engine says
    everything anew.
    """

    def __init__(self) -> None:
        self._stream: Stream | None = None
        self._waiting: dict[object, Message] = {}
        self._events = 0
        self._on_its_way: dict[int, tuple[int, float]] = {}  # packet id: bytes, sent at
        self._chokes = 0
        self._gentle_until_s = 0.0
        self._quick_echoes = 0
        self.dropped_events = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def attach(self, stream: Stream | None) -> None:
        """Begin with a new connection, or with none."""
        self._stream = stream
        self._waiting.clear()
        self._on_its_way.clear()
        self._events = 0

    def put(self, messages: Iterable[Message]) -> None:
        """Keep messages until ``pump``; without a connection they are forgotten."""
        if self._stream is None:
            return
        for message in messages:
            if message.retain:
                self._waiting[message.topic] = message
            elif self._events < _MOST_EVENTS:
                self._events += 1
                self._waiting[object()] = message
            else:
                self.dropped_events += 1

    def withdraw(self, topic: str) -> None:
        """Forget a retained message that was not sent yet: the last word is another."""
        self._waiting.pop(topic, None)

    def acknowledged(self, packet_id: int) -> None:
        """Note that the broker has a message."""
        size, _ = self._on_its_way.pop(packet_id, (0, 0.0))
        if size > _LONG_BYTES:
            self._chokes = 0

    def fell_silent(self, at_s: float, lived_s: float) -> bool:
        """Note that the connection ended because nothing came back; call it before ``attach``.

        Args:
            at_s: When, in monotonic seconds.
            lived_s: How long it had lasted, in seconds.

        Returns:
            Whether long messages are put off from now on.
        """
        self._chokes = self._chokes + 1 if self._on_its_way and lived_s < _CHOKED_S else 0
        if self._chokes < _CHOKES:
            return False
        gentle_s = min(_MOST_GENTLE_S, _GENTLE_S * 2.0 ** (self._chokes - _CHOKES))
        self._gentle_until_s = at_s + gentle_s
        return True

    def echoed(self, round_trip_s: float, at_s: float) -> None:
        """Note how long a heartbeat took: a line that is thin no more is told everything.

        Args:
            round_trip_s: There and back.
            at_s: When it came back, in monotonic seconds.
        """
        if at_s >= self._gentle_until_s:
            return
        self._quick_echoes = self._quick_echoes + 1 if round_trip_s <= _WIDE_S else 0
        if self._quick_echoes >= _WIDE_ECHOES:
            self._gentle_until_s, self._quick_echoes = at_s, 0

    def pump(self, at_s: float) -> None:
        """Send what may leave now."""
        stream = self._stream
        while stream is not None and self._waiting and stream.idle and self._may_send(at_s):
            key = self._next(at_s)
            if key is None:
                return
            message = self._waiting.pop(key)
            if not message.retain:
                self._events -= 1
            packet_id = stream.publish(message)
            if packet_id is not None:
                self._on_its_way[packet_id] = (len(message.payload), at_s)

    def _next(self, at_s: float) -> object | None:
        longest = _LONG_BYTES if at_s < self._gentle_until_s else 1 << 30
        fits = (key for key, each in self._waiting.items() if len(each.payload) <= longest)
        return next(fits, None)

    def _may_send(self, at_s: float) -> bool:
        for packet_id, (_, sent_s) in list(self._on_its_way.items()):
            if at_s - sent_s > _PATIENCE_S:
                del self._on_its_way[packet_id]
        window = _LONG_BYTES if at_s < self._gentle_until_s else _WINDOW_BYTES
        return sum(size for size, _ in self._on_its_way.values()) < window
