"""A virtual broker with one listener, for tests of devices."""

from random import Random

from balancer.sim.broker import Broker, Link, Session
from balancer.sim.clock import Clock
from balancer.wire import Message


class Ears:
    """A client that keeps what it hears."""

    def __init__(self, name: str = "ears") -> None:
        self.name = name
        self.heard: list[tuple[str, str, bool]] = []
        self.losses = 0
        self.session: Session | None = None

    def deliver(self, message: Message) -> None:
        self.heard.append((message.topic, message.payload.decode(), message.retain))

    def lost(self) -> None:
        self.losses += 1

    def on(self, topic: str) -> list[str]:
        """Return payloads heard on a topic, in order."""
        return [payload for heard, payload, _ in self.heard if heard == topic]


class Bench:
    """Clock, broker and a listener.

    Attributes:
        ears: Connected, and subscribed to the given topics.
    """

    def __init__(self, *topics: str, seed: int = 1) -> None:
        self.clock = Clock()
        self.random = Random(seed)
        self.broker = Broker(self.clock, self.random)
        self.ears = self.join(Ears(), *topics)

    def join(
        self, ears: Ears, *topics: str, will: Message | None = None, link: Link | None = None
    ) -> Ears:
        """Connect a listener, subscribe, and wait until that is done."""

        def connected(session: Session) -> None:
            ears.session = session
            session.subscribe(topics)

        self.broker.connect(ears, link or Link(), will, connected)
        self.run(0.1)
        return ears

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.run_until(self.clock.now_s + seconds)

    def say(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Publish as the listener, and let it arrive."""
        assert self.ears.session is not None
        self.ears.session.publish(Message(topic, payload.encode(), 0, retain))
        self.run(0.01)
