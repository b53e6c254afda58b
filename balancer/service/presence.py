"""Our presence at the broker: connect, say who we are, keep the heartbeat, reconnect for ever."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace

import balancer
from balancer.config.setup import Setup
from balancer.engine import Engine
from balancer.service.backoff import Backoff, Loss
from balancer.service.clock import Clock
from balancer.service.driver import Driver
from balancer.service.echo import Echo
from balancer.service.heartbeat import PERIOD_S, read_beat
from balancer.service.logs import line
from balancer.service.packets import Received
from balancer.service.session import Session, SessionError, open_session
from balancer.service.standby import Role, Standby
from balancer.views.counts import Session as SessionCounts
from balancer.views.topics import Topics

_STOP_S = 2.7  # for the relays; with saying offline it makes at most 3 s
_FAREWELL_S = 0.25
_AGAIN_S = 0.1
_REACH_S = 2.0  # for a connection that is being made when we are asked to leave
_LOOK_S = 0.05  # how often to see whether every relay is off
_REMIND_S = 60.0  # a broker that stays away is mentioned again
_CORRECT_S = 1.0
_HEAR_OUT_S = 0.25
_LOGGER = logging.getLogger("balancer")


class Presence:
    """Keeps the house connected until it is asked to leave.

    Attributes:
        standby: What we are to the house, and who else is there.
        started: The engine decides.
    """

    def __init__(
        self,
        setup: Setup,
        clock: Clock,
        driver: Driver,
        *,
        instance: str,
        make_engine: Callable[[], Engine],
    ) -> None:
        """Prepare; nothing happens before ``attend``.

        Args:
            setup: Which house, which broker.
            clock: When.
            driver: What gets the messages.
            instance: Our id, unlike that of any other process.
            make_engine: A new one each time that we begin to command.
        """
        self._broker = setup.broker
        self._house = setup.house.name
        self._client_id = f"{setup.broker.base_topic}-{self._house}-{instance}"
        self._topics = Topics(setup.broker.base_topic, self._house)
        self._clock = clock
        self._driver = driver
        self._make_engine = make_engine
        self.standby = Standby(instance)
        self.started = False
        self._echo = Echo(instance, self._topics.heartbeat)
        self._own = {
            self._topics.heartbeat.encode(): self._heard,
            self._topics.availability.encode(): self._available,
        }
        self._session: Session | None = None
        self._leaving = asyncio.Event()
        self._leave_by_s = 0.0  # when waiting for the relays ends, once we are leaving
        self._parted = False  # nothing is left to be said to the house
        self._tending = False
        self._changed = asyncio.Event()  # wakes what tends the connection
        self._connected_s: float | None = None
        self._lost_by: Loss | None = None  # what ended the connection before
        self._stood_s = 0.0  # how long the process stood still during this connection
        self._more_waits = False  # the broker may hold back more of what was said then
        self._corrected_s = 0.0
        self._attending: asyncio.Task[None] | None = None
        self._unsubscribing: asyncio.Task[None] | None = None

    @property
    def counts(self) -> SessionCounts:
        return self._driver.counts

    def leave(self) -> None:
        """Stop in order; ``attend`` returns within three seconds."""
        if self._leaving.is_set():
            return
        self._leaving.set()
        self._leave_by_s = self._clock.monotonic_s() + _STOP_S
        self._changed.set()
        asyncio.get_running_loop().call_later(_REACH_S, self._give_up)

    def stood_still(self, for_s: float) -> None:
        """Give up a connection in which old messages wait, once people's wishes are out of it."""
        why = "readings and reports that came meanwhile are not looked at"
        _LOGGER.warning(line("process_gap", seconds=for_s, why=why))
        self._stood_s = for_s
        if self._driver.stream is not None:
            self._driver.detach()
        self._changed.set()

    async def attend(self) -> None:
        """Be there until asked to leave."""
        self._attending = asyncio.create_task(self._attend(), name="broker")
        try:
            await self._attending
        except asyncio.CancelledError:
            if not (self._leaving.is_set() and self._attending.cancelled()):
                raise

    def _give_up(self) -> None:
        """Leave without a connection: none came about in time to say goodbye."""
        self._parted = True
        if not self._tending and self._attending is not None:
            self._attending.cancel()

    async def _attend(self) -> None:
        """Connect again and again."""
        backoff = Backoff()
        said: Loss | None = None
        said_s = rival_s = -_REMIND_S
        while not self._leaving.is_set() or self._owes_farewell:
            self._connected_s = None
            began_s = self._clock.monotonic_s()
            try:
                await self._visit()
                continue  # another role, or time to leave
            except SessionError as error:
                lost = error
            now_s = self._clock.monotonic_s()
            lived_s = None if self._connected_s is None else now_s - self._connected_s
            wait_s = backoff.after(lost.loss, lived_s, now_s - began_s)
            if lived_s is not None:
                self._lost_by, said = lost.loss, None
            if lost.loss is not said or now_s >= said_s + _REMIND_S:
                said, said_s = lost.loss, now_s
                level = logging.ERROR if lived_s is None else logging.WARNING
                event = "connection_failed" if lived_s is None else "connection_lost"
                _LOGGER.log(level, line(event, cause=lost.loss, why=str(lost), retry_s=wait_s))
            if backoff.rivalled and now_s >= rival_s + _REMIND_S:
                rival_s = now_s
                why = "the broker ends each connection at once; another client may use our id"
                _LOGGER.warning(line("client_id_rivalled", client_id=self._client_id, why=why))
            if not await _set(self._leaving, within_s=wait_s) or not self._owes_farewell:
                continue
            await asyncio.sleep(_AGAIN_S)  # the loads are as we left them: say OFF if we can

    @property
    def _owes_farewell(self) -> bool:
        return self.started and self.standby.role is Role.COMMANDING and not self._parted

    # -- one connection -----------------------------------------------------------------------

    async def _visit(self) -> None:
        """Connect, subscribe, stay until the connection ends or the role changes."""
        driver, role = self._driver, self.standby.role
        if role is Role.COMMANDING and not self.started:
            driver.engine = self._make_engine()  # what it knows begins now
        try:
            async with open_session(
                self._broker,
                self._clock,
                client_id=self._client_id,
                will=driver.engine.will if role is Role.COMMANDING else None,
                on_messages=self._take,
                on_acknowledged=self._acknowledged,
            ) as session:
                try:
                    await self._settle_in(session, role)
                    self._tending = True
                    await self._tend(session, role)
                finally:
                    self._session, self._tending = None, False
                    self.counts.connected = False
                    if self._unsubscribing is not None:
                        self._unsubscribing.cancel()
                    if driver.stream is not None:
                        driver.detach()
        finally:
            if self.standby.role is not role:
                self._change_role()  # also when the connection ended in the same moment

    async def _settle_in(self, session: Session, role: Role) -> None:
        self._session = session
        self._stood_s = 0.0
        session.lost.add_done_callback(lambda _: self._changed.set())
        topics = {self._topics.heartbeat: 0, self._topics.availability: 1}
        if role is Role.COMMANDING:
            subscriptions = self._driver.engine.subscriptions()
            self._driver.attach(session.stream, subscriptions)
            topics |= subscriptions
        asked_s = self._clock.monotonic_s()
        for topic in await session.subscribe(topics):
            why = "the broker does not let us read it; allow it in the broker's access list (ACL)"
            _LOGGER.error(line("subscription_refused", topic=topic, why=why))
            if topic == self._topics.heartbeat:
                self._echo.by_acknowledgement = True
        self._connected_s = self._clock.monotonic_s()
        self._echo.connected(self._connected_s - asked_s)
        self.standby.connected()
        if self._lost_by is not None:
            self.counts.reconnects[self._lost_by.value] += 1
            self._lost_by = None
        _LOGGER.info(line("connected", host=self._broker.host, port=self._broker.port, role=role))
        if role is Role.COMMANDING and not self._stood_s:
            self._driver.connected()

    async def _tend(self, session: Session, role: Role) -> None:
        """Keep the heartbeat until something changes.

        Raises:
            SessionError: The connection is of no use any more.
        """
        driver, echo = self._driver, self._echo
        beat_s = self._clock.monotonic_s()
        leave_s: float | None = None
        while self.standby.role is role:
            now_s = self._clock.monotonic_s()
            if session.lost.done() or session.stream.closed:
                raise self._why_lost()
            if self._stood_s:
                if session.stream.idle and not self._leaving.is_set():
                    await self._hear_out(session)
                session.stream.abort()
                raise self._why_lost()
            if now_s >= beat_s:
                echo.beat(session.stream, now_s, commanding=role is Role.COMMANDING)
                beat_s = max(beat_s + PERIOD_S, now_s)
                driver.pump_soon()
            if now_s >= echo.overdue_s:
                self._look_for_echo(session, now_s)
            if self._leaving.is_set() and leave_s is None:
                if role is not Role.COMMANDING:
                    return
                driver.tell(driver.engine.stop)
                leave_s = self._leave_by_s
            if leave_s is not None and (now_s >= leave_s or driver.engine.stopped):
                driver.outbox.withdraw(driver.engine.will.topic)
                session.stream.publish(driver.engine.will)
                await self._until_acknowledged(session)
                self._parted = True
                return
            look_s = beat_s if leave_s is None else now_s + _LOOK_S
            self._changed.clear()
            await _set(self._changed, within_s=min(beat_s, echo.overdue_s, look_s) - now_s)

    async def _hear_out(self, session: Session) -> None:
        """Get what people said while we stood still: the broker may not have sent it all.

        It waits when so many messages of QoS 1 are not acknowledged (Mosquitto: 20). Its answer
        to anything that we ask comes after what our acknowledgements have set free.
        """
        with contextlib.suppress(TimeoutError, SessionError):
            async with asyncio.timeout(_HEAR_OUT_S):
                self._more_waits = True
                while self._more_waits:
                    self._more_waits = False
                    await session.unsubscribe((self._topics.heartbeat,))

    def _why_lost(self) -> SessionError:
        if self._stood_s:
            return SessionError(Loss.GAP, f"this process stood still for {self._stood_s:.1f} s")
        return SessionError(Loss.CLOSED, "the broker ended the connection")

    def _look_for_echo(self, session: Session, now_s: float) -> None:
        """Give up a connection in which our heartbeat does not come back."""
        session.stream.read()  # the echo may lie there: then we were slow, not the broker
        if session.stream.closed:
            raise self._why_lost()
        if session.stream.drained and now_s >= self._echo.overdue_s:
            why = self._echo.missed()
            if self._driver.outbox.fell_silent(now_s, now_s - (self._connected_s or now_s)):
                why += "; or the line is too thin: status and discovery are put off for a while"
            session.stream.abort()
            raise SessionError(Loss.SILENT, why)

    async def _until_acknowledged(self, session: Session) -> None:
        until_s = self._clock.monotonic_s() + _FAREWELL_S
        while not (session.stream.all_acknowledged or session.lost.done()):
            left_s = until_s - self._clock.monotonic_s()
            self._changed.clear()
            if not await _set(self._changed, within_s=left_s):
                return

    # -- what the broker says ------------------------------------------------------------------

    def _take(self, batch: list[Received], at_s: float) -> None:
        if self._stood_s:
            self._more_waits |= any(each.packet_id is not None for each in batch)
            self._driver.keep_wishes(batch)
        else:
            self._driver.messages(batch, at_s, self._own)

    def _heard(self, received: Received, at_s: float) -> None:
        beat = read_beat(received.payload)
        if beat is None or received.retain:
            return
        role = self.standby.role
        if beat.instance == self.standby.instance:
            self._answered(self._echo.answered(beat.number, at_s), at_s)
        else:
            self.standby.heard(beat)
        if self.standby.role is not role:
            self._changed.set()

    def _acknowledged(self, packet_id: int) -> None:
        self._driver.acknowledged(packet_id)
        at_s = self._clock.monotonic_s()
        self._answered(self._echo.acknowledged(packet_id, at_s), at_s)
        if self._leaving.is_set():
            self._changed.set()

    def _answered(self, round_trip_s: float | None, at_s: float) -> None:
        """Note that the broker answers."""
        if round_trip_s is None:
            return
        self.counts.heartbeat_rtt_s = round_trip_s
        self.counts.connected = True
        self.standby.echoed(at_s)
        self._driver.outbox.echoed(round_trip_s, at_s)
        if self._driver.stream is not None and not self.started:
            self._start()

    def _start(self) -> None:
        """Begin to decide: whatever was retained has arrived before our own echo."""
        self.started = True
        driver = self._driver
        driver.tell(driver.engine.start)
        _LOGGER.info(line("started", house=self._house, version=balancer.__version__))
        topics = driver.engine.read_back_done()
        if topics and self._session is not None:
            self._unsubscribing = asyncio.create_task(self._unsubscribe(self._session, topics))

    async def _unsubscribe(self, session: Session, topics: tuple[str, ...]) -> None:
        with contextlib.suppress(SessionError):  # what tends the connection sees it too
            await session.unsubscribe(topics)

    def _available(self, received: Received, at_s: float) -> None:
        """Look at what the broker says of the house's availability."""
        online = received.payload == b"online"
        if received.retain:
            self.standby.online_before = online
        elif (
            not online and self.started and not self._leaving.is_set() and at_s >= self._corrected_s
        ):
            # the will of a connection that the broker has only now found dead
            self._corrected_s = at_s + _CORRECT_S
            self._driver.outbox.put([replace(self._driver.engine.will, payload=b"online")])
            self._driver.pump_soon()

    def _change_role(self) -> None:
        rival = self.standby.rival
        if self.standby.role is Role.STANDBY:
            _LOGGER.warning(line("standing_by", rival=rival, why="it commands this house"))
            self._driver.rest(self._make_engine())
        elif rival is not None:
            _LOGGER.warning(line("taking_over", silent=rival))
        self.started = False


async def _set(event: asyncio.Event, *, within_s: float) -> bool:
    """Return whether the event was set in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, within_s)):
            return await event.wait()
    return False
