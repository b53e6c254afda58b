"""An engine that does what a test says."""

from collections.abc import Callable, Sequence
from typing import Any

from balancer.engine import Outgoing
from balancer.views.counts import Counts
from balancer.wire import Message

NOTHING = Outgoing()


class FakeEngine:
    """Answers every message with ``answer``."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.deadline_s = float("inf")
        self.received: list[Message] = []
        self.calls: list[str] = []
        self.passed_over: list[Message] = []
        self.answer: Callable[[Message], Outgoing] = lambda _: NOTHING
        self.will = Message("b/availability", b"offline", 1, True)

    def receive(self, message: Message, at_s: float) -> Outgoing:
        self.received.append(message)
        return self.answer(message)

    def overtaken(self, count: int, judged: Sequence[Message]) -> None:
        self.counts.conflated += count
        self.passed_over += judged

    def reads(self, message: Message) -> bool:
        return message.payload.isdigit()

    def understands(self, message: Message) -> bool:
        return message.payload in {b"ON", b"OFF"}

    def wake(self, at_s: float) -> Outgoing:
        self.calls.append("wake")
        self.deadline_s = float("inf")
        return NOTHING

    def connected(self, at_s: float) -> Outgoing:
        self.calls.append("connected")
        return NOTHING

    def disconnected(self, at_s: float) -> None:
        self.calls.append("disconnected")

    def set_wall(self, at_s: float, wall_s: float) -> None:
        self.calls.append("set_wall")


class FakeStream:
    """Keeps what is written; idle as told."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.last: list[bytes] = []
        self.idle = True
        self._packet_id = 0x8000

    def publish(self, message: Message) -> int | None:
        self.sent.append(message)
        if message.qos == 0:
            return None
        self._packet_id += 1
        return self._packet_id

    def publish_all(self, messages: tuple[Message, ...]) -> None:
        self.sent += messages

    def send_last(self, data: bytes, within_s: float) -> bool:
        self.last.append(data)
        return True


class FakeClock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept_s = 0.0

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_s(self) -> float:
        return 1e9 + self.now_s

    def awake_s(self) -> float:
        return self.now_s + self.slept_s


def any_of(value: object) -> Any:
    """Let a fake pass for what it stands for."""
    return value
