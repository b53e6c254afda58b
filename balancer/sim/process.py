"""The balancer's process in virtual time: drives the engine as the service does.

It connects, subscribes, starts the engine at its first own heartbeat echo, wakes it at its
deadline, notices a dead broker by missing echoes, comes back with back-off, and can be killed,
stopped, paused and started again.
"""

from collections.abc import Callable, Iterable
from random import Random

from balancer.config.setup import Setup
from balancer.engine import Engine, Outgoing
from balancer.sim.broker import Broker, Link, Session
from balancer.sim.clock import Clock, Timer
from balancer.sim.heartbeat import Heartbeat
from balancer.views.topics import Topics
from balancer.wire import Message

CONNECT_WITHIN_S = 5.0
BACKOFF_S = (0.2, 5.0)
EXIT_WITHIN_S = 3.0
MOST_WAKES = 200  # at one instant; more is an engine that spins


class Process:
    """One balancer, restarted as often as the supervisor likes.

    Attributes:
        name: Client id; new at each start.
        link: Its way to the broker.
        heartbeat: What notices a dead broker, told to look where something may be wrong.
        engine: None while it does not run.
        lives: Starts so far.
        ready_s: When the engine last became connected, in seconds; None while it is not.
        started_s: When the engine began to act in this life, in seconds; None before.
        changes_s: How often the engine shows numbers that change (its ``changes_s``).
        on_receive: Told of each message before the engine is.
        on_send: Told of each message that the engine sends; True for a relay command.
        on_handled: Told when all that one event led to was sent.
        on_life: Told of ``started``, ``connected``, ``lost``, ``ended``.
    """

    def __init__(self, setup: Setup, clock: Clock, broker: Broker, random: Random) -> None:
        self.setup = setup
        self.clock = clock
        self.broker = broker
        self.link = Link()
        self.name = "balancer"
        self.engine: Engine | None = None
        self.lives = 0
        self.ready_s: float | None = None
        self.started_s: float | None = None
        self.changes_s = 5.0
        self.on_receive: list[Callable[[Message], None]] = []
        self.on_send: list[Callable[[Message, bool], None]] = []
        self.on_handled: list[Callable[[], None]] = []
        self.on_life: list[Callable[[str], None]] = []
        self._random = random
        self._topics = Topics(setup.broker.base_topic, setup.house.name)
        self._session: Session | None = None
        self._base_s = 0.0
        self._paused = False
        self._inbox: list[Message] = []
        self._wake: Timer | None = None
        self._backoff_s = BACKOFF_S[0]
        self._attempt = 0
        self._stopping = False
        self._wakes = 0
        self._woken_s = -1.0
        self.heartbeat = Heartbeat(
            clock,
            broker,
            self.link,
            paused=lambda: self._paused,
            publish=self._publish_beat,
            silent=self._drop,
        )
        broker.on_trouble.append(self.heartbeat.look)

    # life --------------------------------------------------------------------------------------

    @property
    def at_s(self) -> float:
        """Return the engine's monotonic time: a reboot begins it anew."""
        return self.clock.now_s + self._base_s

    @property
    def running(self) -> bool:
        return self.engine is not None

    @property
    def paused(self) -> bool:
        return self._paused

    def start(self) -> None:
        """Start the process; nothing is remembered but what the broker keeps."""
        if self.engine is not None:
            return
        self.lives += 1
        self._base_s = round(self._random.uniform(10.0, 1e6), 3)
        self.name = f"{self._topics.base}-{self._topics.house}-{self._random.getrandbits(32):08x}"
        self.engine = Engine(
            self.setup, at_s=self.at_s, wall_s=self.clock.wall_s, changes_s=self.changes_s
        )
        self.started_s = None
        self._stopping = False
        self._paused = False
        self._backoff_s = BACKOFF_S[0]
        self._tell("started")
        self._connect()

    def kill(self) -> None:
        """Kill it (SIGKILL): the broker publishes its will."""
        if self._session is not None:
            self._session.close(clean=False)
        self._end()

    def stop(self) -> None:
        """Ask it to end (SIGTERM): at most three seconds, then ``offline`` and a clean goodbye."""
        if self.engine is None or self._stopping:
            return
        if self._session is None or self.started_s is None:
            self._end()
            return
        self._stopping = True
        self._emit(self.engine.stop(self.at_s))
        life = self.lives
        self.clock.after(EXIT_WITHIN_S, lambda: self._leave(life))
        self._leave_if_stopped()

    def crash(self) -> None:
        """Fail inside: every load gets OFF from prepared messages, then ``offline`` and the end."""
        if self.engine is None:
            return
        if self._session is not None:
            self._publish(self.engine.emergency, command=True)
            self._publish((self.engine.will,), command=False)
            self._session.close(clean=True)
        self._end()

    def pause(self) -> None:
        """Stop it in its tracks (SIGSTOP): messages wait, timers do not fire."""
        self._paused = True

    def resume(self) -> None:
        """Let it go on: what waited is received now."""
        if not self._paused:
            return
        self._paused = False
        if self.engine is None:
            return
        self.heartbeat.look()
        for message in self._take_inbox():
            self._handle(message)
        self._schedule()

    def _take_inbox(self) -> list[Message]:
        inbox, self._inbox = self._inbox, []
        return inbox

    def _end(self) -> None:
        if self.engine is None:
            return
        self.engine = None
        self._session = None
        self.ready_s = self.started_s = None
        self._attempt += 1
        self._paused = False
        self._inbox.clear()
        self.heartbeat.end()
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        self._tell("ended")

    def _leave_if_stopped(self) -> None:
        if (
            self._stopping
            and self.engine is not None
            and self.engine.stopped
            and self.engine.deadline_s > self.at_s  # the last status, with its switch times, is out
        ):
            self._leave(self.lives)

    def _leave(self, life: int) -> None:
        if life != self.lives or self.engine is None:
            return
        self._publish((self.engine.will,), command=False)
        if self._session is not None:
            session = self._session
            self.clock.after(0.1, session.close)
        self._end()

    def _tell(self, what: str) -> None:
        for call in self.on_life:
            call(what)

    # connection --------------------------------------------------------------------------------

    def _connect(self) -> None:
        if self.engine is None or self._session is not None:
            return
        if self._paused:
            self.clock.after(0.5, self._connect)
            return
        self._attempt += 1
        attempt = self._attempt

        def connected(session: Session) -> None:
            if attempt != self._attempt or self.engine is None or self._session is not None:
                session.close()
                return
            self._session = session
            wanted = self.engine.subscriptions()
            session.subscribe((*wanted, self._topics.heartbeat), lambda: subscribed(session))

        def subscribed(session: Session) -> None:
            if self.engine is None or self._session is not session:
                return
            self._backoff_s = BACKOFF_S[0]
            self.ready_s = self.clock.now_s
            self._tell("connected")
            self._emit(self.engine.connected(self.at_s))
            if self._session is session:
                self.heartbeat.begin(self.name[-8:])

        def late() -> None:
            if attempt == self._attempt and self.engine is not None and self.ready_s is None:
                self._drop()

        self.broker.connect(self, self.link, self.engine.will, connected)
        self.clock.after(CONNECT_WITHIN_S, late)

    def lost(self) -> None:
        """The socket says that the connection is gone."""
        if self.engine is not None:
            self._drop()

    def _drop(self) -> None:
        """Give the connection up and try again, with a fresh client."""
        assert self.engine is not None
        if self._session is not None:
            self._session.close(clean=False)
            self._session = None
        self._attempt += 1
        self.heartbeat.lost()
        if self.ready_s is not None:
            self.ready_s = None
            self._tell("lost")
            self.engine.disconnected(self.at_s)
            self._schedule()
        if self._stopping:
            self._end()
            return
        delay_s = self._backoff_s * self._random.uniform(0.8, 1.2)
        self._backoff_s = min(self._backoff_s * 2.0, BACKOFF_S[1])
        self.clock.after(delay_s, self._connect)

    # messages ----------------------------------------------------------------------------------

    def deliver(self, message: Message) -> None:
        if self.engine is None:
            return
        if self._paused:
            self._inbox.append(message)
        else:
            self._handle(message)

    def _handle(self, message: Message) -> None:
        if self.engine is None:
            return
        if message.topic == self._topics.heartbeat:
            if self.heartbeat.echoed(message.payload) and self.started_s is None:
                self._begin()
            return
        for call in self.on_receive:
            call(message)
        self._emit(self.engine.receive(message, self.at_s))

    def _begin(self) -> None:
        """Let the engine begin: what the broker keeps has arrived before the first echo."""
        assert self.engine is not None
        self.started_s = self.clock.now_s
        self._emit(self.engine.start(self.at_s))
        if self._session is not None:
            self._session.unsubscribe(self.engine.read_back_done())

    def _emit(self, outgoing: Outgoing) -> None:
        if outgoing.commands:
            self._publish(outgoing.commands, command=True)
        if outgoing.rest:
            self._publish(outgoing.rest, command=False)
        for call in self.on_handled:
            call()
        self._schedule()
        self._leave_if_stopped()

    def _publish(self, messages: Iterable[Message], *, command: bool) -> None:
        session = self._session
        if session is None:
            return
        for message in messages:
            for call in self.on_send:
                call(message, command)
            session.publish(message)

    def _publish_beat(self, payload: bytes) -> None:
        assert self._session is not None
        self._session.publish(Message(self._topics.heartbeat, payload))

    def _schedule(self) -> None:
        if self.engine is None:
            return
        due_s = max(self.engine.deadline_s - self._base_s, self.clock.now_s)
        if self._wake is not None:
            if self._wake.call is not None and self._wake.at_s <= due_s + 1e-9:
                return  # an early wake-up only schedules the next
            self._wake.cancel()
        self._wake = self.clock.at(min(due_s, self.clock.now_s + 3600.0), self._woken)

    def _woken(self) -> None:
        self._wake = None
        if self.engine is None or self._paused:
            return
        due_s = self.engine.deadline_s
        if self.at_s >= due_s - 1e-6:
            self._wakes = self._wakes + 1 if self._woken_s == self.clock.now_s else 0
            self._woken_s = self.clock.now_s
            assert self._wakes < MOST_WAKES, "the engine wants to be woken again and again"
            self.engine.set_wall(self.at_s, self.clock.wall_s)
            self._emit(self.engine.wake(max(self.at_s, due_s)))  # the wall may move its ticks
        else:
            self._schedule()
