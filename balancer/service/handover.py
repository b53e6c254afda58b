"""How we get between the MQTT library and the socket that it opens, by what it does for TLS.

The library can be given a host, never a socket (paho.mqtt.python, open issue 873). But 2.2 hands
every new socket to ``wrap_socket`` of the context that ``tls_set_context`` was given, and uses
what comes back: recv, send, fileno, pending, setblocking, settimeout, do_handshake and close.
That is not promised, so pyproject bounds the version.
"""

import contextlib
import socket
import ssl
import threading
from typing import Any

from balancer.service.stream import Stream

_NODELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Line:
    """What the library takes for its socket; what is behind it may change.

    Attributes:
        sock: The socket, encrypted or not.
        behind: What reads and writes it: itself, later the stream that has taken it over.
        ended: Nothing more is read but the end.
        closed: Nothing is read or written any more.
    """

    def __init__(self, sock: socket.socket) -> None:
        """Begin with a connected socket."""
        self.sock = sock
        self.behind: socket.socket | Stream = sock
        self.ended = self.closed = False

    def do_handshake(self) -> None:
        """Do TLS's; without TLS there is none."""
        if isinstance(self.sock, ssl.SSLSocket):
            try:
                self.sock.do_handshake()
            except BaseException:
                self.sock.close()  # the library would forget it
                raise

    def recv(self, buffer_size: int) -> bytes:
        """Return what there is; b"" at the end.

        Raises:
            OSError: Nothing yet, or never again.
        """
        return b"" if self.ended else self.behind.recv(buffer_size)

    def send(self, data: bytes | bytearray) -> int:
        """Return how much was taken.

        Raises:
            OSError: Nothing now, or never again.
        """
        return self.behind.send(data)

    def pending(self) -> int:
        """Return the bytes that can be read although the socket has none."""
        return self.behind.pending() if isinstance(self.behind, ssl.SSLSocket | Stream) else 0

    def settimeout(self, seconds: float | None) -> None:
        self.sock.settimeout(seconds)

    def setblocking(self, flag: bool) -> None:
        self.sock.setblocking(flag)

    def fileno(self) -> int:
        return self.behind.fileno()

    def close(self) -> None:
        self.closed = True
        self.behind.close()


class Handover:
    """What the library takes for an ``SSLContext``, whether or not the line is encrypted.

    Attributes:
        line: What it has for the socket that it opened, None before.
    """

    check_hostname = True  # the library need not look at names in certificates: TLS does

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        """Prepare for one connection, encrypted or not."""
        self.line: Line | None = None
        self._tls = tls
        self._over = False
        self._lock = threading.Lock()  # the library opens its socket in a thread

    def wrap_socket(self, sock: socket.socket, **options: Any) -> Line:
        """Take a connected socket that the library has opened.

        Raises:
            ConnectionAbortedError: Nobody waits for it any more.
        """
        with self._lock:
            if self._over:
                sock.close()
                raise ConnectionAbortedError
            sock.setsockopt(*_NODELAY)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, **options)
            self.line = Line(sock)
        return self.line

    @property
    def open(self) -> bool:
        """There is a socket, and somebody who waits for what it brings."""
        return self.line is not None and not (self.line.ended or self.line.closed)

    def end(self) -> None:
        """Give the library the end to read, and no socket that it opens from now on.

        Until it has read it the socket stays open, or what its thread does with it could be
        done to another one of the same number; it fails.
        """
        with self._lock:
            self._over = True
        if self.line is not None:
            self.line.ended = True
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self.line.sock, socket.SHUT_RDWR)  # TLS's own ends TLS
