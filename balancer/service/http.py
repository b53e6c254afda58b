"""A small HTTP endpoint: /metrics for Prometheus, /healthz for whoever supervises."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

_CONNECTIONS = 32
_REQUEST_BYTES = 8_192
_REQUEST_S = 5.0
_PACE_S = 0.2  # from one rendering to the next: it costs as much as a hundred decisions
_LOGGER = logging.getLogger("balancer")
_TEXT = "text/plain; charset=utf-8"


class Endpoint:
    """Serves a snapshot; whatever a client sends, control does not notice.

    Args:
        metrics: Renders the metrics in Prometheus' text format.
        problems: Returns why the house is not guarded; empty if it is.
    """

    def __init__(
        self, metrics: Callable[[], Awaitable[bytes]], problems: Callable[[], Sequence[str]]
    ) -> None:
        self._metrics = metrics
        self._problems = problems
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._coming: asyncio.Task[bytes] | None = None  # a rendering that is still to begin
        self._renderings: set[asyncio.Task[bytes]] = set()
        self._next_s = 0.0

    async def open(self, host: str, port: int) -> int:
        """Listen; return the port.

        Raises:
            OSError: Somebody else has it, or the address is not ours.
        """
        self._server = await asyncio.start_server(
            self._serve, host, port, limit=_REQUEST_BYTES, backlog=_CONNECTIONS
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and hang up."""
        if self._server is not None:
            self._server.close()
            for each in [*self._connections, *self._renderings]:
                each.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        transport = writer.transport
        transport.set_write_buffer_limits(high=0)  # drained is what the kernel took
        taken = False
        try:
            if len(self._connections) > _CONNECTIONS:
                return
            async with asyncio.timeout(_REQUEST_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await self._answered(head))
                await writer.drain()
                taken = True
        except (OSError, EOFError, asyncio.LimitOverrunError, TimeoutError):
            pass  # not our problem: the client is slow, gone or no HTTP client
        except asyncio.CancelledError:
            pass  # closing; the stream protocol would report it as an error
        finally:
            self._connections.discard(connection)
            if taken:
                writer.close()
            else:
                transport.abort()  # closing would wait for a client that may never read

    async def _rendered(self) -> bytes:
        """Return metrics rendered from now on; who asks in a rush waits and shares them."""
        if self._coming is None:
            self._coming = asyncio.create_task(self._render(), name="metrics")
            self._renderings.add(self._coming)
            self._coming.add_done_callback(self._rendered_or_not)
        return await asyncio.shield(self._coming)

    async def _render(self) -> bytes:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._next_s - loop.time()))
        self._next_s = loop.time() + _PACE_S
        self._coming = None
        return await self._metrics()

    def _rendered_or_not(self, rendering: asyncio.Task[bytes]) -> None:
        """Take note of an error though whoever asked may have hung up: no reason to stop."""
        self._renderings.discard(rendering)
        if not rendering.cancelled():
            rendering.exception()

    async def _answered(self, head: bytes) -> bytes:
        try:
            return await self._answer(head)
        except Exception:  # what cannot be shown must not turn heaters off
            _LOGGER.exception("http_error")
            text = b"this could not be rendered; the log says why\n"
            return _response(HTTPStatus.INTERNAL_SERVER_ERROR, _TEXT, text)

    async def _answer(self, head: bytes) -> bytes:
        words = head.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _response(HTTPStatus.BAD_REQUEST, _TEXT, b"this is an HTTP/1.1 endpoint\n")
        method, path = words[0], words[1].split(b"?", 1)[0]
        if method not in {b"GET", b"HEAD"}:
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, _TEXT, b"only GET and HEAD\n")
        if path == b"/metrics":
            kind = "text/plain; version=0.0.4; charset=utf-8"
            answer = _response(HTTPStatus.OK, kind, await self._rendered())
        elif path == b"/healthz":
            problems = list(self._problems())
            status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
            body = json.dumps({"healthy": not problems, "reasons": problems}).encode() + b"\n"
            answer = _response(status, "application/json", body)
        else:
            answer = _response(HTTPStatus.NOT_FOUND, _TEXT, b"try /metrics or /healthz\n")
        return answer.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n" if method == b"HEAD" else answer


def _response(status: HTTPStatus, kind: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Content-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body
