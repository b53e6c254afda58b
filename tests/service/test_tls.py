"""Encrypted connections."""

import asyncio
import ssl
import threading
from pathlib import Path

import pytest

from balancer.config.setup import Tls
from balancer.service.backoff import Loss
from balancer.service.packets import Received, publish_packet
from balancer.wire import Message
from tests.service.patience import until
from tests.service.scripted import (
    CONNACK,
    failure,
    given_up,
    leavings,
    packet,
    quiet,
    scripted,
    session,
)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_encrypted_connection_carries_much_both_ways(
    certificate: tuple[Path, Path], encryption: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    encryption.minimum_version = encryption.maximum_version = version
    big = publish_packet(Message("big", b"x" * 100_000))
    echoed = asyncio.Event()
    total = 20 * len(big)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        subscribe = await packet(reader)
        writer.write(b"\x90\x03" + subscribe[2:4] + b"\x00")
        for _ in range(20):
            writer.write(big)
        await writer.drain()
        assert await reader.readexactly(total) == big * 20
        echoed.set()

    received: list[Received] = []
    async with scripted(talk, encryption) as port, asyncio.timeout(10.0):
        tls = Tls(ca=certificate[0])
        async with session(port, received, host="localhost", tls=tls) as made:
            await made.subscribe({"big": 0})
            for _ in range(20):
                made.stream.publish(Message("big", b"x" * 100_000))
            await echoed.wait()
            await until(lambda: len(received) == 20)
    assert {len(each.payload) for each in received} == {100_000}


async def test_certificate_that_nobody_vouches_for_is_explained(encryption: ssl.SSLContext) -> None:
    async with scripted(quiet, encryption) as port:
        error = await failure(port, host="localhost", tls=Tls())
    assert error.loss is Loss.TLS
    assert "mqtt.tls.ca" in str(error)


async def test_attempt_that_is_given_up_in_the_handshake_leaves_nothing() -> None:
    greeted, ended = threading.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1)
        greeted.set()
        while await reader.read(1000):
            pass
        ended.set()

    async with scripted(talk) as port:
        left = leavings()
        await given_up(port, greeted, host="localhost", tls=Tls())
        async with asyncio.timeout(1.0):  # long before the library would end it
            await ended.wait()
        await until(lambda: not left())


async def test_missing_tls_file_is_explained(tmp_path: Path) -> None:
    error = await failure(1, tls=Tls(ca=tmp_path / "gone.pem"))
    assert error.loss is Loss.TLS
    assert "mqtt.tls" in str(error)
