"""Processes of balancers, started by a nursery of ours."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

_NURSERY = Path(__file__).with_name("nursery.py")


class Child:
    """One balancer's process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def end(self, status: int) -> None:
        """Take note of its end."""
        if not self._ended.done():
            self._ended.set_result(status)

    async def wait(self) -> int:
        """Return its exit status, once it has one; negative: the signal that ended it."""
        return await asyncio.shield(self._ended)

    def send_signal(self, number: signal.Signals) -> None:
        """Signal it, if it is still there."""
        if not self._ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Nursery:
    """Starts balancers."""

    def __init__(self) -> None:
        self._children: dict[int, Child] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._born: asyncio.Queue[Child] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Nursery"]:
        """Import everything; at the end nothing that was started lives on."""
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, str(_NURSERY), stdin=pipe, stdout=pipe
        )
        listening = asyncio.create_task(self._listen(self._process))
        try:
            yield self
        finally:
            assert self._process.stdin is not None
            self._process.stdin.close()
            await self._process.wait()
            await listening

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            answer = json.loads(line)
            if "ended" in answer:
                self._children.pop(answer["ended"]).end(answer["status"])
            else:
                child = self._children[answer["pid"]] = Child(answer["pid"])
                self._born.put_nowait(child)

    async def start(self, *, config: Path, log: Path, clock: Path, speed: float = 1.0) -> Child:
        """Start a balancer; one at a time."""
        assert self._process is not None
        assert self._process.stdin is not None
        order = {"config": str(config), "log": str(log), "clock": str(clock), "speed": speed}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return await self._born.get()
