"""Our own heartbeat, sent and looked for; and how fast the broker is."""

import logging
from statistics import median

from balancer.service.heartbeat import Heartbeat
from balancer.service.logs import line
from balancer.service.stream import Stream
from balancer.wire import Message

_UNHEARD = 2  # connections without any echo, then it is no coincidence
_JUDGED = 8
_SLOW_S = 0.02  # a local broker answers within 2 ms; one that waits for us takes 40
_LOGGER = logging.getLogger("balancer")


class Echo:
    """Sends heartbeats and knows when the broker has stopped to answer.

    Attributes:
        by_acknowledgement: The broker does not let us hear ourselves; QoS 1 must do. We then
            hear no other balancer either.
    """

    def __init__(self, instance: str, topic: str) -> None:
        self._topic = topic
        self._heartbeat = Heartbeat(instance)
        self._numbers: dict[int, int] = {}  # by packet id
        self._heard_ever = False
        self._unheard = 0
        self._first_s: list[float] = []
        self.by_acknowledgement = False

    @property
    def overdue_s(self) -> float:
        """When the broker counts as gone, on the monotonic line."""
        return self._heartbeat.overdue_s

    def connected(self, round_trip_s: float) -> None:
        """Begin anew on a connection that needed so long for its subscriptions, in seconds."""
        self._heartbeat.connected(round_trip_s)
        self._numbers.clear()

    def beat(self, stream: Stream, at_s: float, *, commanding: bool) -> None:
        """Send one."""
        beat = self._heartbeat.next(at_s, commanding=commanding)
        qos = 1 if self.by_acknowledgement else 0
        packet_id = stream.publish(Message(self._topic, beat.payload(), qos))
        if packet_id is not None:
            self._numbers[packet_id] = beat.number

    def answered(self, number: int, at_s: float) -> float | None:
        """Note one that came back; return its round trip in seconds, None if not awaited."""
        round_trip_s = self._heartbeat.answered(number, at_s)
        if round_trip_s is not None:
            self._heard_ever = True
            self._judge(round_trip_s)
        return round_trip_s

    def acknowledged(self, packet_id: int, at_s: float) -> float | None:
        """Note an acknowledgement, maybe of a heartbeat; as ``answered``."""
        number = self._numbers.pop(packet_id, None)
        return None if number is None else self.answered(number, at_s)

    def missed(self) -> str:
        """Note that the broker counts as gone; return what to tell the user."""
        if not self._heard_ever:
            self._unheard += 1
            self.by_acknowledgement |= self._unheard >= _UNHEARD
        if self.by_acknowledgement:
            return (
                f"what we publish on {self._topic} does not come back to us; allow reading and"
                " writing it in the broker's access list (ACL)"
            )
        return "our heartbeat does not come back: the broker or the network stands still"

    def _judge(self, round_trip_s: float) -> None:
        if len(self._first_s) >= _JUDGED:
            return
        self._first_s.append(round_trip_s)
        if len(self._first_s) < _JUDGED:
            return
        median_ms = 1000.0 * median(self._first_s)
        if median_ms < 1000.0 * _SLOW_S:
            _LOGGER.info(line("broker_echo", median_ms=median_ms))
            return
        why = (
            "the broker or the network holds every message back for so long, and every reaction"
            ' with it; if it is Mosquitto, add "set_tcp_nodelay true" to mosquitto.conf'
        )
        _LOGGER.warning(line("broker_slow", median_ms=median_ms, why=why))
