"""The socket between the MQTT library and us."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from balancer.service.handover import Handover


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield both ends of a TCP connection."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as ours,
        server.accept()[0] as theirs,
    ):
        ours.settimeout(5.0)
        theirs.settimeout(5.0)
        yield ours, theirs


def test_what_is_not_encrypted_passes_as_it_is(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    line = Handover(None).wrap_socket(ours, server_hostname="x", do_handshake_on_connect=False)
    line.do_handshake()
    line.send(b"there")
    theirs.send(b"back")
    assert theirs.recv(100) == b"there"
    assert line.recv(100) == b"back"
    assert line.pending() == 0


def test_nothing_waits_for_acknowledgements_from_the_first_byte(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    Handover(None).wrap_socket(ends[0])
    assert ends[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_encrypted_line_says_what_is_decrypted_already(
    certificate: tuple[Path, Path],
    encryption: ssl.SSLContext,
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    trusting = ssl.create_default_context(cafile=certificate[0])
    line = Handover(trusting).wrap_socket(
        ours, server_hostname="localhost", do_handshake_on_connect=False
    )

    def talk() -> None:
        with encryption.wrap_socket(theirs, server_side=True) as encrypted:
            encrypted.send(b"back")
            assert encrypted.recv(100) == b"there"

    talking = asyncio.ensure_future(asyncio.to_thread(talk))
    await asyncio.to_thread(line.do_handshake)
    assert line.recv(1) == b"b"
    assert line.pending() == 3
    line.send(b"there")
    await talking
    line.close()


def test_handshake_that_fails_leaves_no_socket(ends: tuple[socket.socket, socket.socket]) -> None:
    """The library forgets it."""
    context = ssl.create_default_context()
    line = Handover(context).wrap_socket(
        ends[0], server_hostname="localhost", do_handshake_on_connect=False
    )
    ends[1].close()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        line.do_handshake()
    assert line.fileno() < 0


def test_socket_that_is_opened_after_the_end_is_closed(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    handover = Handover(None)
    handover.end()
    with pytest.raises(ConnectionAbortedError):
        handover.wrap_socket(ends[0])
    assert ends[1].recv(100) == b""
    assert handover.line is None


def test_end_is_read_before_the_socket_is_closed(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    handover = Handover(None)
    line = handover.wrap_socket(ends[0])
    assert handover.open
    ends[1].send(b"unread")
    handover.end()
    assert not handover.open
    assert line.recv(100) == b""
    assert line.fileno() > 0  # the library still has to forget it
    with pytest.raises(BrokenPipeError):
        line.send(b"late")
    line.close()
    assert line.closed
    assert line.fileno() < 0
