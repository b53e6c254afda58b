"""Somebody at the HTTP port who means no good: ``molest.py PORT hang|crowd|garbage|scrape``."""

import contextlib
import random
import selectors
import socket
import sys
import time

CROWD = 1000  # connections that are held, or tried again as soon as they end
HANGING = 40
SAID = b"GET /metrics HTTP/1.1\r\n\r\n"
PAUSE_S = 0.002  # between two rounds: the machine is to be busy with others, too


def connection(port: int, say: bytes, room: int | None = None) -> socket.socket:
    """Return a connection that is being made and on which something was said.

    Args:
        port: On this machine.
        say: What to send at once.
        room: Bytes to receive before the other side has to wait; None: as usual.
    """
    sock = socket.socket()
    if room is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    sock.settimeout(1.0)
    sock.connect(("127.0.0.1", port))
    sock.sendall(say)
    return sock


def hold(port: int, count: int, say: list[bytes], room: int | None = None) -> None:
    """Keep so many connections, each ended one replaced; read nothing."""
    ended = selectors.DefaultSelector()
    held = 0
    while True:
        for _ in range(min(count - held, 20)):
            try:
                ended.register(connection(port, random.choice(say), room), 0)
            except OSError:
                break
            held += 1
        for key, _ in ended.select(PAUSE_S) if held else ():
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            if _over(sock):
                ended.unregister(sock)
                sock.close()
                held -= 1
        time.sleep(PAUSE_S)


def _over(sock: socket.socket) -> bool:
    """Return whether the other side has hung up; what it said before is left unread."""
    sock.setblocking(False)
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def chatter(port: int, make: list[bytes]) -> None:
    """Connect, say something, hang up, again and again."""
    while True:
        with contextlib.suppress(OSError):  # it hung up before we could say all of it
            connection(port, random.choice(make)).close()
        time.sleep(PAUSE_S)


def main() -> None:
    """Do it until killed."""
    port, how = int(sys.argv[1]), sys.argv[2]
    if how == "hang":  # scrapers that never finish asking, or never read the answer
        hold(port, HANGING, [SAID[:-2], SAID], room=2048)
    elif how == "crowd":
        hold(port, CROWD, [b""])
    elif how == "garbage":
        chatter(port, [random.randbytes(size) for size in (1, 100, 9000)] + [b"\r\n\r\n"])
    else:  # an eager but honest Prometheus
        while True:
            with connection(port, SAID) as sock:
                while sock.recv(65_536):
                    pass


if __name__ == "__main__":
    main()
