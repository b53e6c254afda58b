"""What stands between the MQTT library and its socket, so that nothing waits on the hot path.

Measured on loopback with Mosquitto 2.0.11, meter message to last of N relay commands:

* One task a message, three ``recv`` a packet, one ``send`` and one ``await`` a command cost
  1.4 ms for N = 7 and 7 ms for N = 50. Reading whatever is there at once, deciding in the
  reader's callback and sending all commands of a decision with one ``send`` costs 0.33 and
  0.62 ms.
* The kernel delays acknowledgements by 40 ms; a broker with Nagle's algorithm on (Mosquitto
  without ``set_tcp_nodelay true``) waits for them: half of all reactions then take 40 ms at
  1000 messages a second. TCP_QUICKACK, armed anew after each read, ends that.
* Without TCP_NODELAY on our side a relay command waits 40 ms behind the acknowledgement of
  the reading that caused it.

The library keeps what it does well: connecting, TLS, subscribing, keep-alive, disconnecting.
Its socket is a ``Line``, which a ``Stream`` stands behind. Its writes end in the one buffer that
ours end in, whole packet after whole packet, so a packet is never torn; what it reads is what is
no PUBLISH.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable

from balancer.service.clock import Clock
from balancer.service.packets import (
    ProtocolError,
    Received,
    Splitter,
    puback_packet,
    publish_packet,
)
from balancer.wire import Message

_CHUNK_BYTES = 65_536
_LONGEST_BYTES = 1_048_576  # our own status of a thousand loads is read back; a codec takes less
_BATCH_BYTES = 4 * _CHUNK_BYTES  # then the loop gets a turn; what is left comes in the next
_BUFFER_BYTES = 1_048_576  # far beyond all commands of a house: nobody reads any more
_FIRST_ID, _LAST_ID = 0x8000, 0xFFFF  # the library numbers its subscriptions from 1
_MOST_UNACKNOWLEDGED = 0x1000  # a broker that owes us so many acknowledgements is none
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)  # Linux
_WOULD_BLOCK = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Stream:
    """A connected socket with its reader, its one writing buffer and the packet ids of QoS 1.

    Args:
        sock: Connected and not blocking.
        on_messages: Called with what was received together and when (monotonic seconds).
        on_other: Called when the library has something to read.
        on_acknowledged: Called with the id of a QoS 1 message of ours.
    """

    def __init__(
        self,
        sock: socket.socket,
        clock: Clock,
        *,
        on_messages: Callable[[list[Received], float], None],
        on_other: Callable[[], object],
        on_acknowledged: Callable[[int], None],
    ) -> None:
        self._sock = sock
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._on_messages = on_messages
        self._on_other = on_other
        self._on_acknowledged = on_acknowledged
        self._splitter = Splitter(_LONGEST_BYTES)
        self._for_library = bytearray()
        self._out = bytearray()
        self._writing = False
        self._last_said = False
        self._next_id = _FIRST_ID
        self._unacknowledged: set[int] = set()
        self._encrypted = isinstance(sock, ssl.SSLSocket)
        over_tcp = sock.family in {socket.AF_INET, socket.AF_INET6}
        self._quickack = _QUICKACK if over_tcp else None
        self.drained = False  # nothing was left to read at the last look
        self.ended = False  # nothing more will come
        self.closed = False
        self.heard_s = clock.monotonic_s()  # when something came last
        self._loop.add_reader(sock.fileno(), self.read)
        if self._encrypted:
            self._loop.call_soon(self.read)  # it may have been decrypted together with CONNACK

    # -- ours ------------------------------------------------------------------------------

    def read(self) -> None:
        """Take what has come and pass it on at once."""
        if self.closed:
            return
        at_s = self._clock.monotonic_s()
        received: list[Received] = []
        acknowledged: list[int] = []
        taken = 0
        self.drained = False
        try:
            while taken < _BATCH_BYTES and not self.ended:
                data = self._sock.recv(_CHUNK_BYTES)
                self.heard_s = at_s
                taken += len(data)
                self.ended = not data
                self._splitter.feed(data, received, acknowledged, self._for_library)
                if len(data) < _CHUNK_BYTES and not self._encrypted:
                    self.drained = True
                    break
            if self._quickack is not None:
                self._sock.setsockopt(socket.IPPROTO_TCP, self._quickack, 1)
        except _WOULD_BLOCK:
            self.drained = True
        except (OSError, ProtocolError):
            self.ended = True
        for packet_id in acknowledged:
            self._unacknowledged.discard(packet_id)
            self._on_acknowledged(packet_id)
        if received:
            self._on_messages(received, at_s)
            acknowledgements = b"".join(
                puback_packet(each.packet_id) for each in received if each.packet_id is not None
            )
            if acknowledgements:
                self.write(acknowledgements)
        if self.ended and not self.closed:
            self._loop.remove_reader(self._sock.fileno())
        while (self._for_library or self.ended) and not self.closed:
            left = len(self._for_library)
            self._on_other()
            if len(self._for_library) == left:
                break
        if self._encrypted and not self.drained and not self.ended and not self.closed:
            self._loop.call_soon(self.read)  # what is decrypted already wakes nobody
        if self._out:
            self.flush()  # TLS may have waited for something to read

    def publish(self, message: Message) -> int | None:
        """Send one message now; return its packet id, None with QoS 0."""
        packet_id = self._number(message)
        self.write(publish_packet(message, packet_id))
        return packet_id

    def publish_all(self, messages: tuple[Message, ...]) -> None:
        """Send messages now, in their order, with one ``send``."""
        self.write(b"".join(publish_packet(each, self._number(each)) for each in messages))

    def write(self, data: bytes) -> None:
        """Send whole packets after all that was written before; never waits."""
        if self.closed or self.ended or self._last_said:
            return
        if self._out:
            self._out += data
            self.flush()
            return
        sent = 0
        try:
            sent = self._sock.send(data)
        except _WOULD_BLOCK:
            pass
        except OSError:
            self._end_soon()
            return
        if sent < len(data):
            self._out += data[sent:]
            self._await_writable()

    def flush(self) -> None:
        """Send what is buffered, as far as the socket takes it."""
        if self.closed or self.ended or self._last_said:
            return
        try:
            while self._out:
                sent = self._sock.send(self._out)
                del self._out[:sent]
        except ssl.SSLWantReadError:
            self._end_writing()  # after the next read; until then it would be called in vain
            return
        except _WOULD_BLOCK:
            if len(self._out) > _BUFFER_BYTES:
                self._end_soon()
            else:
                self._await_writable()
            return
        except OSError:
            self._end_soon()
            return
        self._end_writing()

    @property
    def idle(self) -> bool:
        """The socket took everything."""
        return not self._out and not self.ended and not self.closed

    @property
    def all_acknowledged(self) -> bool:
        return not self._unacknowledged

    def abort(self) -> None:
        """Give the connection up: nothing of what was sent shall still arrive later."""
        if not self.closed:
            self._out.clear()
            self._for_library.clear()
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.ended = True
            self._on_other()  # the library reads the end and closes

    def send_last(self, data: bytes, within_s: float) -> bool:
        """Block until everything is sent; for the moment before the process ends.

        Nothing is sent after it, and what the kernel has taken is left to it.

        Returns:
            Whether the socket took it all.
        """
        if self.closed:
            return False
        self._last_said = True  # from here on, even if it is cut in the middle of a packet
        try:
            self._sock.settimeout(within_s)
            self._sock.sendall(bytes(self._out) + data)
            self._sock.setblocking(False)
        except OSError:
            return False
        finally:
            self._out.clear()
        return True

    def _number(self, message: Message) -> int | None:
        if message.qos == 0:
            return None
        if len(self._unacknowledged) >= _MOST_UNACKNOWLEDGED:
            self._end_soon()
        while True:
            number = self._next_id
            self._next_id = _FIRST_ID if number == _LAST_ID else number + 1
            if number not in self._unacknowledged or self.ended:
                self._unacknowledged.add(number)
                return number

    def _await_writable(self) -> None:
        if not self._writing:
            self._writing = True
            self._loop.add_writer(self._sock.fileno(), self.flush)

    def _end_writing(self) -> None:
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._sock.fileno())

    def _end_soon(self) -> None:
        # not from here: whoever writes may be the library itself
        if not self.ended:
            self.ended = True
            self._loop.call_soon(self.read)

    # -- the socket that the library sees -----------------------------------------------------

    def recv(self, buffer_size: int) -> bytes:
        """Return what the library may read; b"" at the end.

        Raises:
            BlockingIOError: Nothing yet.
        """
        if not self._for_library and not self.ended:
            raise BlockingIOError
        data = bytes(self._for_library[:buffer_size])
        del self._for_library[:buffer_size]
        return data

    def send(self, buffer: bytes | bytearray) -> int:
        """Take a packet of the library, whole; ``flush`` sends it."""
        self._out += buffer
        return len(buffer)

    def close(self) -> None:
        if not self.closed:
            self._loop.remove_reader(self._sock.fileno())
            self._loop.remove_writer(self._sock.fileno())
            self.closed = True
            self._sock.close()

    def fileno(self) -> int:
        return self._sock.fileno()

    def pending(self) -> int:
        """Return the bytes that can be read without waiting."""
        return len(self._for_library)
