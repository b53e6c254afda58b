"""The HTTP endpoint: what it answers, and what clients cannot do to it."""

import asyncio
import gc
import json
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from balancer.service import http
from balancer.service.http import Endpoint
from tests.service.patience import until


class Asked:
    """An endpoint and what it was made of."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.broken = False
        self.rendered = 0
        self.metrics = b"some_metric 1.0\n"
        self.endpoint = Endpoint(self._metrics, lambda: self.problems)
        self.port = 0

    async def _metrics(self) -> bytes:
        self.rendered += 1
        if self.broken:
            raise RuntimeError("a metric is broken")
        return self.metrics

    async def raw(self, request: bytes) -> bytes:
        """Send bytes; return all that is answered."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        async with asyncio.timeout(8.0):
            answer = await reader.read()
        writer.close()
        return answer

    async def get(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        """Return status and body."""
        answer = await self.raw(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), body


@pytest_asyncio.fixture
async def asked() -> AsyncIterator[Asked]:
    made = Asked()
    made.port = await made.endpoint.open("127.0.0.1", 0)
    yield made
    await made.endpoint.close()


async def test_metrics_are_served(asked: Asked) -> None:
    assert await asked.get("/metrics") == (200, b"some_metric 1.0\n")
    assert await asked.get("/metrics?x=1") == (200, b"some_metric 1.0\n")


async def test_health_is_200_or_503_with_the_reasons(asked: Asked) -> None:
    status, body = await asked.get("/healthz")
    assert (status, json.loads(body)) == (200, {"healthy": True, "reasons": []})
    asked.problems = ["disconnected", "blind: main"]
    status, body = await asked.get("/healthz")
    assert (status, json.loads(body)["reasons"]) == (503, ["disconnected", "blind: main"])


async def test_other_requests_are_told_so(asked: Asked) -> None:
    assert (await asked.get("/"))[0] == 404
    assert (await asked.get("/metrics", "POST"))[0] == 405
    assert await asked.get("/metrics", "HEAD") == (200, b"")


@pytest.mark.parametrize("garbage", [b"\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"GET /\r\n\r\n"])
async def test_garbage_is_a_bad_request(asked: Asked, garbage: bytes) -> None:
    assert (await asked.raw(garbage)).startswith(b"HTTP/1.1 400 ")


async def test_endless_request_is_cut(asked: Asked) -> None:
    try:
        answer = await asked.raw(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000)
    except ConnectionError:
        answer = b""
    assert answer == b""


async def test_error_of_ours_is_a_500_and_stays_there(asked: Asked) -> None:
    """A metric that cannot be rendered must not turn heaters off."""
    asked.broken = True
    assert (await asked.get("/metrics"))[0] == 500
    assert (await asked.get("/healthz"))[0] == 200


async def test_metrics_asked_for_in_a_rush_are_rendered_five_times_a_second_at_most(
    asked: Asked,
) -> None:
    """F81: rendering takes the processor from decisions, however eager a scraper is."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for _ in range(3):
        answers = await asyncio.gather(*(asked.get("/metrics") for _ in range(8)))
        assert set(answers) == {(200, asked.metrics)}
    assert asked.rendered <= 2 + (loop.time() - began_s) / 0.2


async def test_scraper_that_waits_is_told_what_is_new(asked: Asked) -> None:
    """A shared rendering begins after it was asked for."""
    await asked.get("/metrics")
    waiting = asyncio.create_task(asked.get("/metrics"))
    await until(lambda: asked.endpoint._connections)
    asked.metrics = b"new 1.0\n"
    assert await waiting == (200, b"new 1.0\n")


async def test_error_that_nobody_waits_for_any_more_is_nobodys(asked: Asked) -> None:
    """It must not become an unhandled error, which would turn heaters off."""
    unhandled: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: unhandled.append(context))
    await asked.get("/metrics")
    asked.broken = True
    # given a scraper that asks and hangs up before its turn
    _, writer = await asyncio.open_connection("127.0.0.1", asked.port)
    writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
    await until(lambda: asked.endpoint._renderings)
    writer.transport.abort()
    # when it is rendered all the same
    await until(lambda: not asked.endpoint._renderings)
    gc.collect()
    assert asked.rendered == 2
    assert not unhandled


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the endpoint wait for clients for one second instead of five."""
    assert http._REQUEST_S == 5.0
    monkeypatch.setattr(http, "_REQUEST_S", 1.0)


async def test_connections_are_few_and_idle_ones_end(impatient: None, asked: Asked) -> None:
    """F81."""
    idle = [await asyncio.open_connection("127.0.0.1", asked.port) for _ in range(40)]
    # the last ones are refused while the first ones wait
    async with asyncio.timeout(3.0):
        assert await idle[-1][0].read() == b""
    # and those that say nothing are hung up on
    async with asyncio.timeout(8.0):
        assert await idle[0][0].read() == b""
    assert (await asked.get("/healthz"))[0] == 200
    for _, writer in idle:
        writer.close()


async def test_client_that_reads_nothing_is_hung_up_on(impatient: None, asked: Asked) -> None:
    """F81: its answer must not stay with us for as long as it likes."""
    # given a client that asks for more than the kernel takes, and reads nothing
    asked.metrics = b"x" * 20_000_000
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.connect(("127.0.0.1", asked.port))
    client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
    # when it is waited for long enough
    await until(lambda: asked.endpoint._connections)
    await until(lambda: not asked.endpoint._connections, 30.0)
    async with asyncio.timeout(30.0):
        # then the rest of the answer is gone, even if it reads after all
        reader, writer = await asyncio.open_connection(sock=client)
        assert len(await reader.read()) < len(asked.metrics)
        writer.close()
    assert (await asked.get("/healthz"))[0] == 200


async def test_answer_larger_than_any_buffer_arrives_whole(asked: Asked) -> None:
    asked.metrics = b"x" * 8_000_000
    assert await asked.get("/metrics") == (200, asked.metrics)
