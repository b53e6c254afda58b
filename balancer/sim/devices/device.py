"""What every simulated device does: keep a connection to the broker, lose power, come back."""

from random import Random

from balancer.sim.broker import Broker, Link, Session
from balancer.sim.clock import Clock
from balancer.wire import Message


class Device:
    """A client of the broker that tries again when the connection breaks.

    Attributes:
        name: Client id.
        link: Its way to the broker; faults act on it.
        powered: False during a blackout.
        retry_s: Shortest and longest wait before it connects again, in seconds.
        keepalive_s: How long the broker waits for a dead device, in seconds.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        broker: Broker,
        random: Random,
        *,
        latency_s: tuple[float, float] = (0.001, 0.004),
        retry_s: tuple[float, float] = (1.0, 3.0),
    ) -> None:
        self.name = name
        self.clock = clock
        self.broker = broker
        self.random = random
        self.link = Link(latency_s=latency_s)
        self.powered = True
        self.retry_s = retry_s
        self.keepalive_s = 45.0
        self.session: Session | None = None
        self._attempt = 0
        self._booted = False

    # for subclasses ----------------------------------------------------------------------------

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics that it subscribes to."""
        return ()

    @property
    def will(self) -> Message | None:
        return None

    def on_connected(self, first: bool) -> None:
        """Say hello; ``first`` after power came."""

    def on_message(self, message: Message) -> None:
        """Obey."""

    def on_power(self, *, on: bool) -> None:
        """Do what hardware does when the power goes or comes."""

    # connection --------------------------------------------------------------------------------

    def start(self) -> None:
        """Switch it on: it connects at once."""
        self._connect()

    def power_off(self) -> None:
        """Take its power away; the broker notices when the keepalive is over."""
        if not self.powered:
            return
        self.powered = False
        self._booted = False
        if self.session is not None:
            self.session.vanish(self.keepalive_s)
            self.session = None
        self.on_power(on=False)

    def power_on(self, boot_s: float = 2.0) -> None:
        """Give it power again; it connects ``boot_s`` seconds later."""
        if self.powered:
            return
        self.powered = True
        self.on_power(on=True)
        self.clock.after(boot_s, self._connect)

    def lost(self) -> None:
        self.session = None
        self.clock.after(self.random.uniform(*self.retry_s), self._connect)

    def deliver(self, message: Message) -> None:
        if self.powered:
            self.on_message(message)

    def publish(self, topic: str, payload: str, *, qos: int = 0, retain: bool = False) -> None:
        if self.session is not None and self.powered:
            self.session.publish(Message(topic, payload.encode(), qos, retain))

    def _connect(self) -> None:
        if not self.powered or self.session is not None:
            return
        self._attempt += 1
        attempt = self._attempt

        def connected(session: Session) -> None:
            if attempt != self._attempt or not self.powered or self.session is not None:
                session.close()
                return
            self.session = session
            first, self._booted = not self._booted, True
            session.subscribe(self.topics)
            self.on_connected(first)

        def again() -> None:
            if attempt == self._attempt and self.session is None:
                self._connect()

        self.broker.connect(self, self.link, self.will, connected)
        self.clock.after(max(self.retry_s), again)
