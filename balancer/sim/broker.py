"""A virtual MQTT broker: sessions, retained store, wills, and links that lose, delay and freeze.

Subscriptions are exact topics; quality of service changes nothing but the ``qos`` that is
delivered. What a link loses or doubles is what real networks lose between a broker and a client
that reconnects, or between a broker and a radio.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from balancer.sim.clock import Clock
from balancer.wire import Message

WILL_AFTER_KILL_S = 0.01  # a closed socket is seen at once; measured, protocols of Mosquitto 2
STALE_MESSAGES = 5000  # what a socket buffer holds of a frozen broker


class Client(Protocol):
    """Who is at the other end of a session."""

    @property
    def name(self) -> str: ...
    def deliver(self, message: Message) -> None: ...
    def lost(self) -> None:
        """The connection broke; not called after the client closed it."""
        ...


@dataclass
class Link:
    """The way between one client and the broker, both directions.

    Attributes:
        latency_s: Shortest and longest delay of a message, in seconds.
        drop: Share of messages that never arrive.
        duplicate: Share of messages that arrive twice.
        reorder: Share of messages that are overtaken by later ones.
        up_blocked: Nothing reaches the broker; it waits.
        down_blocked: Nothing reaches the client; it waits.
    """

    latency_s: tuple[float, float] = (0.0005, 0.002)
    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    up_blocked: bool = False
    down_blocked: bool = False
    up_free_s: float = 0.0
    down_free_s: float = 0.0
    up_waiting: list[Callable[[], None]] = field(default_factory=list)
    down_waiting: list[Callable[[], None]] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """Nothing is lost, blocked or noticeably late."""
        return not (self.drop or self.up_blocked or self.down_blocked or self.latency_s[1] > 0.5)


class Session:
    """One connection of one client."""

    def __init__(
        self,
        broker: "Broker",
        client: Client,
        link: Link,
        will: Message | None,
        *,
        sound: bool,
    ) -> None:
        self.client = client
        self.link = link
        self.will = will
        self.open = True
        self.sound = sound
        self._broker = broker

    def publish(self, message: Message) -> None:
        """Hand a message to the link; what becomes of it is the link's and the broker's business."""
        if self.open:
            self._broker.send(self, message)

    def subscribe(self, topics: Iterable[str], then: Callable[[], None] | None = None) -> None:
        """Ask for topics; ``then`` is called with the acknowledgement, before retained messages."""
        if self.open:
            self._broker.ask(self, tuple(topics), then)

    def unsubscribe(self, topics: Iterable[str]) -> None:
        if self.open:
            self._broker.drop_topics(self, topics)

    def close(self, *, clean: bool = True) -> None:
        """Leave: cleanly, without a will, or with the socket closed by a dying process."""
        if self.open:
            self.open = False
            self._broker.left(self, clean=clean)

    def vanish(self, after_s: float) -> None:
        """Lose power: the broker notices when the keepalive is over, in ``after_s`` seconds."""
        if self.open:
            self.open = False
            self._broker.clock.after(after_s, lambda: self._broker.left(self, clean=False))


Tap = Callable[[str, Message], None]


class Broker:
    """Keeps retained messages and passes the others on, in virtual time.

    Attributes:
        up: It accepts connections.
        frozen: It answers nobody, and nothing is lost (SIGSTOP).
        refused_topics: Subscriptions that its ACL refuses.
        silent_topics: Publishes that its ACL drops without a word.
        retained: By topic.
    """

    def __init__(self, clock: Clock, random: Random) -> None:
        self.clock = clock
        self.up = True
        self.frozen = False
        self.refused_topics: set[str] = set()
        self.silent_topics: set[str] = set()
        self.retained: dict[str, Message] = {}
        self.taps: list[Tap] = []
        self.on_trouble: list[Callable[[], None]] = []
        self._random = random
        self._sessions: dict[str, Session] = {}
        self._subscribers: dict[str, dict[str, Session]] = {}
        self._stalled: list[Callable[[], None]] = []

    # connections -------------------------------------------------------------------------------

    def connect(
        self, client: Client, link: Link, will: Message | None, then: Callable[[Session], None]
    ) -> None:
        """Connect; ``then`` gets the session. A frozen broker answers later, a dead one never."""
        if not self.up:
            return

        def accept() -> None:
            if not self.up:
                return
            if self.frozen:
                self._stalled.append(accept)
                return
            old = self._sessions.get(client.name)
            if old is not None:
                was_open = old.open
                self._end(old, clean=False)
                if was_open:
                    old.open = False
                    if old.client is not client:
                        old.client.lost()
            session = Session(self, client, link, will, sound=True)
            self._sessions[client.name] = session
            then(session)

        self._pass_up(link, accept, certain=True)

    def ask(
        self, session: Session, topics: tuple[str, ...], then: Callable[[], None] | None
    ) -> None:
        def arrive() -> None:
            if self.frozen:
                self._stalled.append(arrive)
                return
            if not session.sound:
                return
            for topic in topics:
                if topic not in self.refused_topics:
                    self._subscribers.setdefault(topic, {})[session.client.name] = session
            if then is not None:
                self._pass_down(session, then, certain=True)
            for topic in topics:
                kept = self.retained.get(topic)
                if kept is not None and topic not in self.refused_topics:
                    self._deliver(session, kept)

        self._pass_up(session.link, arrive, certain=True)

    def drop_topics(self, session: Session, topics: Iterable[str]) -> None:
        for topic in topics:
            self._subscribers.get(topic, {}).pop(session.client.name, None)

    def left(self, session: Session, *, clean: bool) -> None:
        """Notice that a client has gone; a frozen broker does so when it thaws."""

        def notice() -> None:
            if self.frozen:
                self._stalled.append(notice)
            else:
                self._end(session, clean=clean)

        link = session.link
        if link.up_blocked:
            link.up_waiting.append(notice)
        else:  # what was sent before arrives before the end of the connection does
            self.clock.at(max(self.clock.now_s, link.up_free_s) + WILL_AFTER_KILL_S, notice)

    def _end(self, session: Session, *, clean: bool) -> None:
        if not session.sound:
            return
        session.sound = False
        name = session.client.name
        if self._sessions.get(name) is session:
            del self._sessions[name]
            for subscribers in self._subscribers.values():
                if subscribers.get(name) is session:
                    del subscribers[name]
        if session.will is not None and not clean:
            self._accept(name, session.will)

    # messages ----------------------------------------------------------------------------------

    def send(self, session: Session, message: Message) -> None:
        def arrive() -> None:
            if self.frozen:
                if len(self._stalled) < STALE_MESSAGES:
                    self._stalled.append(arrive)
            elif self.up and session.sound:
                self._accept(session.client.name, message)

        self._pass_up(session.link, arrive)

    def _accept(self, sender: str, message: Message) -> None:
        topic = message.topic
        for tap in self.taps:
            tap(sender, message)
        if topic in self.silent_topics:
            return
        if message.retain:
            if message.payload:
                self.retained[topic] = message
            else:
                self.retained.pop(topic, None)
            message = Message(topic, message.payload, message.qos, retain=False)
        subscribers = self._subscribers.get(topic)
        if subscribers:
            for session in tuple(subscribers.values()):
                self._deliver(session, message)

    def _deliver(self, session: Session, message: Message) -> None:
        def arrive() -> None:
            if session.open and session.sound:
                session.client.deliver(message)

        self._pass_down(session, arrive)

    def _pass_up(self, link: Link, call: Callable[[], None], *, certain: bool = False) -> None:
        for _ in range(self._copies(link, certain=certain)):
            if link.up_blocked:
                link.up_waiting.append(call)
                continue
            at_s = self.clock.now_s + self._random.uniform(*link.latency_s)
            if link.reorder and self._random.random() < link.reorder:
                at_s += 4.0 * link.latency_s[1]
            else:
                at_s = link.up_free_s = max(at_s, link.up_free_s)
            self.clock.at(at_s, call)

    def _pass_down(
        self, session: Session, call: Callable[[], None], *, certain: bool = False
    ) -> None:
        link = session.link
        for _ in range(self._copies(link, certain=certain)):
            if link.down_blocked:
                link.down_waiting.append(call)
                continue
            at_s = self.clock.now_s + self._random.uniform(*link.latency_s)
            if link.reorder and self._random.random() < link.reorder:
                at_s += 4.0 * link.latency_s[1]
            else:
                at_s = link.down_free_s = max(at_s, link.down_free_s)
            self.clock.at(at_s, call)

    def _copies(self, link: Link, *, certain: bool) -> int:
        if certain or not (link.drop or link.duplicate):
            return 1
        draw = self._random.random()
        if draw < link.drop:
            return 0
        return 2 if draw < link.drop + link.duplicate else 1

    def unblock(self, link: Link) -> None:
        """Let everything that waits on a link through, in order."""
        link.up_blocked = link.down_blocked = False
        for waiting in (link.up_waiting, link.down_waiting):
            for call in waiting:
                self.clock.after(0.001, call)
            waiting.clear()

    # trouble -----------------------------------------------------------------------------------

    def freeze(self) -> None:
        """Stop it (SIGSTOP): nothing is answered, nothing is lost."""
        self.frozen = True
        self._tell()

    def thaw(self) -> None:
        """Let it go on with everything that waited in its sockets."""
        self.frozen = False
        stalled, self._stalled = self._stalled, []
        for call in stalled:
            self.clock.after(0.001, call)
        self._tell()

    def kill(self, *, wipe: bool) -> None:
        """Kill it: every connection breaks, no will is published; ``wipe`` loses what was kept."""
        self.up = False
        self.frozen = False
        self._stalled.clear()
        sessions, self._sessions = self._sessions, {}
        self._subscribers.clear()
        if wipe:
            self.retained.clear()
        for session in sessions.values():
            session.sound = False
            if session.open:
                session.open = False
                self.clock.after(0.001, session.client.lost)
        self._tell()

    def restart(self) -> None:
        """Start it again; clients come back when they try."""
        self.up = True
        self._tell()

    def reset(self, name: str) -> None:
        """Break one client's connection (RST); its will is published."""
        session = self._sessions.get(name)
        if session is None:
            return
        self._end(session, clean=False)
        if session.open:
            session.open = False
            session.client.lost()

    def _tell(self) -> None:
        for call in self.on_trouble:
            call()
