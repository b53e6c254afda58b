"""One connection to the broker, from CONNECT to its end; a new client for each.

A client that connects again would deliver what the last connection had left over: an ON that
nobody wants any more.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from balancer.config.setup import Broker, Tls
from balancer.service.backoff import Loss
from balancer.service.clock import Clock
from balancer.service.handover import Handover
from balancer.service.packets import DISCONNECT, Received
from balancer.service.stream import Stream
from balancer.wire import Message

_CONNECT_S = 3.0  # to reach the host
_WELCOME_S = 5.0  # to get CONNACK; a broker that stands still is used as soon as it goes on
_ANSWER_S = 5.0  # to get SUBACK or UNSUBACK
_SILENCE_S = 2.5  # without a byte while we wait for them: the broker stands still
_WELCOMES = 2.0  # a line on which CONNACK took long may be silent for so many times as long
_NARROW_BYTES_PER_S = 1_000.0  # so is one that has to carry many topics
_LEAST_CARRIED_S = 1.0
_MOST_ANSWER_S = 60.0  # ends the library's own waiting, which we do not rely on
_GOODBYE_S = 0.25
_KEEPALIVE_S = 10  # the broker sends our will 1.5 times later; we ourselves have the heartbeat
_TOPICS_AT_ONCE = 64
_LOOK_S = 0.05
_REFUSED = 0x80  # return code of SUBACK
_BAD_CREDENTIALS = {134, 135}  # how the library words CONNACK 4 and 5

NETWORK_ERRORS: tuple[type[Exception], ...] = (OSError, aiomqtt.MqttError)
"""What the network does to a client that nobody waits for any more."""

_LIBRARY_LOGGER = logging.getLogger("balancer.mqtt")
_LIBRARY_LOGGER.setLevel(logging.CRITICAL)  # what it has to say comes as exceptions too


_T = TypeVar("_T")


class SessionError(Exception):
    """There is no connection, or none any more; the text says what to look at."""

    def __init__(self, loss: Loss, message: str) -> None:
        super().__init__(message)
        self.loss = loss


class _Client(aiomqtt.Client):
    """The library's client, on a socket of ours."""

    def __init__(self, handover: Handover, host: str, port: int, **options: Any) -> None:
        context: Any = handover
        super().__init__(host, port, tls_context=context, **options)
        self.handover = handover
        paho, loop = self.paho, asyncio.get_running_loop()
        library_opens = paho.on_socket_open

        def opened() -> None:
            if handover.open:
                library_opens(paho, None, handover.line)

        # The library would ask its thread for the number of a socket that may be closed by
        # then, and another's. What it writes until CONNACK is small enough for any socket;
        # it is written when the library has begun to read.
        paho.on_socket_open = lambda *_: loop.call_soon_threadsafe(opened)
        paho.on_socket_register_write = lambda *_: loop.call_soon_threadsafe(
            loop.call_soon, paho.loop_write
        )
        paho.on_socket_unregister_write = None

    @property
    def paho(self) -> Any:
        """The client behind it."""
        return self._client

    async def give_up(self, entering: "asyncio.Future[Any]") -> None:
        """End an attempt to connect; the library's thread may still be at it."""
        self._end()
        entering.cancel()
        await asyncio.wait({entering})  # so long what was begun before finds the socket open
        self.hang_up()

    def hang_up(self) -> None:
        """Close the socket at once, where ``disconnect()`` waits until the broker takes it."""
        self._end()
        self.paho.loop_read()  # it reads the end, and closes

    def _end(self) -> None:
        self.paho.on_disconnect = None  # nobody waits for it any more
        self.handover.end()


class Session:
    """A connection that stands.

    Attributes:
        stream: Its socket.
        lost: Done when it has ended.
    """

    def __init__(self, client: _Client, stream: Stream, clock: Clock, welcome_s: float) -> None:
        """Begin.

        Args:
            client: Connected.
            stream: Its socket.
            clock: For how long answers are waited for.
            welcome_s: What connecting took, in seconds.
        """
        self._client = client
        self._clock = clock
        self._welcome_s = welcome_s
        self.stream = stream
        self.lost = asyncio.create_task(_watch(client), name="connection")

    async def subscribe(self, topics: Mapping[str, int]) -> tuple[str, ...]:
        """Subscribe exact topics with their QoS; return those that the broker refused.

        Raises:
            SessionError: No answer.
        """
        wanted = list(topics.items())
        refused: list[str] = []
        for start in range(0, len(wanted), _TOPICS_AT_ONCE):
            some = wanted[start : start + _TOPICS_AT_ONCE]
            answers = await self._answer(
                self._client.subscribe(some, timeout=_MOST_ANSWER_S), [topic for topic, _ in some]
            )
            if len(answers) != len(some):
                raise SessionError(Loss.CLOSED, "the broker answered a subscription with nonsense")
            for (topic, _), answer in zip(some, answers, strict=True):
                code: Any = getattr(answer, "value", answer)
                if code >= _REFUSED:
                    refused.append(topic)
        return tuple(refused)

    async def unsubscribe(self, topics: tuple[str, ...]) -> None:
        """End subscriptions.

        Raises:
            SessionError: No answer.
        """
        for start in range(0, len(topics), _TOPICS_AT_ONCE):
            some = list(topics[start : start + _TOPICS_AT_ONCE])
            await self._answer(self._client.unsubscribe(some, timeout=_MOST_ANSWER_S), some)

    async def _answer(self, request: Coroutine[Any, Any, _T], topics: Sequence[str]) -> _T:
        """Wait for SUBACK or UNSUBACK, for as long as the line may need."""
        carried_s = sum(map(len, topics)) / _NARROW_BYTES_PER_S
        silence_s = max(_SILENCE_S, _LEAST_CARRIED_S + carried_s, _WELCOMES * self._welcome_s)
        longest_s = max(_ANSWER_S, silence_s)
        asked_s = self._clock.monotonic_s()
        asking = asyncio.ensure_future(request)
        try:
            while not (asking.done() or self.lost.done()):
                now_s = self._clock.monotonic_s()
                until_s = min(asked_s + longest_s, max(asked_s, self.stream.heard_s) + silence_s)
                if now_s >= until_s:
                    raise SessionError(
                        Loss.SILENT, f"no answer to a subscription for {now_s - asked_s:.1f} s"
                    )
                await asyncio.wait(
                    {asking, self.lost},
                    timeout=until_s - now_s,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            if asking.done():
                return asking.result()
        except aiomqtt.MqttError as error:
            raise SessionError(Loss.CLOSED, f"no answer to a subscription: {error}") from error
        finally:
            asking.cancel()
        raise SessionError(Loss.CLOSED, "the connection ended while subscribing")


@contextlib.asynccontextmanager
async def open_session(
    broker: Broker,
    clock: Clock,
    *,
    client_id: str,
    will: Message | None,
    on_messages: Callable[[list[Received], float], None],
    on_acknowledged: Callable[[int], None],
) -> AsyncIterator[Session]:
    """Connect; say goodbye at the end if the connection still stands.

    Args:
        broker: Where.
        clock: When messages come.
        client_id: The same for all connections of this process: the broker then ends the
            one before, should it still know it, and its will comes before we are online.
        will: What the broker says when we vanish, if anything.
        on_messages: See ``Stream``.
        on_acknowledged: See ``Stream``.

    Raises:
        SessionError: It could not be made.
    """

    def take_over(client: _Client) -> Stream:
        paho, line = client.paho, client.handover.line
        assert line is not None
        line.behind = stream = Stream(
            line.sock,
            clock,
            on_messages=on_messages,
            on_other=paho.loop_read,
            on_acknowledged=on_acknowledged,
        )

        def write() -> None:
            paho.loop_write()
            stream.flush()

        loop = asyncio.get_running_loop()
        paho.on_socket_register_write = lambda *_: loop.call_soon(write)
        return stream

    began_s = clock.monotonic_s()
    client, stream = await _connect(broker, client_id, will, take_over)
    session = Session(client, stream, clock, clock.monotonic_s() - began_s)
    try:
        yield session
    finally:
        try:
            # Whoever closes with something unread resets the connection; the broker would then
            # miss the DISCONNECT and publish our will. It closes when it has read it.
            stream.write(DISCONNECT)
            await asyncio.wait({session.lost}, timeout=_GOODBYE_S)
        finally:
            session.lost.cancel()
            client.hang_up()


async def _connect(
    broker: Broker, client_id: str, will: Message | None, take_over: Callable[[_Client], Stream]
) -> tuple[_Client, Stream]:
    """Connect; the socket is taken over with CONNACK, before the library reads on."""
    loop = asyncio.get_running_loop()
    try:
        tls = await loop.run_in_executor(None, _tls_context, broker.tls) if broker.tls else None
    except (OSError, ValueError) as error:
        raise SessionError(
            Loss.TLS, f"the files of mqtt.tls cannot be used: {error}; see that they exist"
        ) from error
    handover = Handover(tls)
    client = _Client(
        handover,
        broker.host,
        broker.port,
        username=broker.username,
        password=broker.password,
        identifier=client_id,
        logger=_LIBRARY_LOGGER,
        will=None
        if will is None
        else aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
        clean_session=True,
        timeout=_WELCOME_S,
        keepalive=_KEEPALIVE_S,
    )
    paho = client.paho
    paho.connect_timeout = _CONNECT_S
    paho.disable_logger()
    alerts: list[str] = []  # TLS 1.3: what is wrong with our certificate comes after the handshake

    def note_alert(*args: Any) -> None:
        if "SSL: " in args[-1]:
            alerts.append(args[-1])

    paho.on_log = note_alert
    streams: list[Stream] = []
    library_connects = paho.on_connect

    def connect_noted(
        paho: object, userdata: object, flags: object, reason: Any, *more: object
    ) -> None:
        if not reason.is_failure and not streams:
            streams.append(take_over(client))
        library_connects(paho, userdata, flags, reason, *more)

    paho.on_connect = connect_noted
    entering = asyncio.ensure_future(client.__aenter__())
    closed = False
    try:
        while not entering.done() and not closed:
            # the library would wait for an answer from a socket that has been closed
            closed = handover.line is not None and handover.line.closed
            await asyncio.wait({entering}, timeout=_LOOK_S)  # it may just have had one
        if entering.done():
            entering.result()
    except BaseException as error:
        await client.give_up(entering)
        if isinstance(error, aiomqtt.MqttError):
            raise _explained(error, broker) from error
        raise
    if not entering.done():
        await client.give_up(entering)
        if alerts:
            raise _refused_by(broker, alerts[0].partition(": ")[2])
        raise SessionError(Loss.CLOSED, "the connection ended before the broker answered")
    if paho.socket() is None:  # let in and put out in one breath: a broker that is going down
        raise SessionError(Loss.CLOSED, "the broker ended the connection at once")
    return client, streams[0]


async def _watch(client: _Client) -> None:
    with contextlib.suppress(aiomqtt.MqttError):
        async for _ in client.messages:
            pass  # what was subscribed never comes here: the stream takes it


def _tls_context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.ca)
    if tls.certificate is not None:
        context.load_cert_chain(tls.certificate, tls.key)
    return context


def _explained(error: aiomqtt.MqttError, broker: Broker) -> SessionError:
    where = f"{broker.host}:{broker.port}"
    if isinstance(error, MqttConnectError):
        code = getattr(error.rc, "value", error.rc)
        if code in _BAD_CREDENTIALS:
            who = f"user {broker.username!r}" if broker.username else "a client without user name"
            return SessionError(
                Loss.CREDENTIALS,
                f"{where} refuses {who}; check mqtt.username and mqtt.password or password_file",
            )
        return SessionError(Loss.REJECTED, f"{where} refuses the connection: {error}")
    cause = error.__context__
    if isinstance(cause, ConnectionRefusedError):
        return SessionError(
            Loss.REFUSED,
            f"nobody listens at {where}; is the broker running, are mqtt.host and mqtt.port right?",
        )
    if isinstance(cause, socket.gaierror):
        return SessionError(
            Loss.UNKNOWN_HOST, f"no address is known for {broker.host!r}; check mqtt.host and DNS"
        )
    if isinstance(cause, ssl.SSLError):
        if " alert " in str(cause):
            return _refused_by(broker, str(cause))
        return SessionError(
            Loss.TLS,
            f"no encrypted connection to {where}: {cause}; check mqtt.tls.ca, the port, and the"
            " name and dates in the broker's certificate",
        )
    if isinstance(cause, ConnectionError):
        return SessionError(Loss.CLOSED, f"{where} ended the connection: {cause}")
    return SessionError(Loss.UNREACHABLE, f"no answer from {where}: {error}; check the network")


def _refused_by(broker: Broker, alert: str) -> SessionError:
    return SessionError(
        Loss.TLS,
        f"{broker.host}:{broker.port} refuses our certificate: {alert}; check mqtt.tls.certificate,"
        " until when it is valid and who signed it",
    )
