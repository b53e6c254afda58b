"""The balancer as a process that can be frozen, killed and started again."""

import asyncio
import signal
import time
from pathlib import Path

from tests.chaos.children import Child, Nursery
from tests.chaos.judge import Judge
from tests.chaos.mouth import Mouth
from tests.chaos.proxy import Proxy

_ENDS_S = 3.0 + 1.0  # R16, and what the machine needs
_COUNTS_S = 10.0
_SUPERVISOR_S = 0.5
_WRONG = ("internal_error", "event=unhandled", " unhandled ", "Traceback")


class Service:
    """One balancer behind its own proxy.

    Attributes:
        mouth: What it was told and said.
        proxy: Its way to the broker.
        pid: Of the process; None: it does not run.
        speed: How many of its seconds pass in one.
        starts: How often it was started.
        wanted: A supervisor would start it again.
        started_s: When it was started last, in monotonic seconds.
    """

    def __init__(
        self, folder: Path, nursery: Nursery, proxy: Proxy, mouth: Mouth, judge: Judge
    ) -> None:
        """Prepare.

        Args:
            folder: With config.toml; gets the log.
            nursery: Starts it.
            proxy: Its way to the broker.
            mouth: The proxy's tap.
            judge: Takes violations.
        """
        self._folder = folder
        self._nursery = nursery
        self._judge = judge
        self.proxy = proxy
        self.mouth = mouth
        self.speed = 1.0
        self.starts = 0
        self.started_s = 0.0
        self.frozen = False
        self.wanted = False
        self._process: Child | None = None
        self._watching: asyncio.Task[None] | None = None
        self._log_bytes = 0
        self._clock = folder / "clock"
        self._clock.write_text("0")

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start it as a supervisor would."""
        assert self._process is None
        self.wanted = True
        self.mouth.restarted()
        self.starts += 1
        self.started_s = time.monotonic()
        self._process = await self._nursery.start(
            config=self._folder / "config.toml",
            log=self._folder / "service.log",
            clock=self._clock,
            speed=self.speed,
        )
        self._watching = asyncio.create_task(self._watch(self._process))

    async def _watch(self, process: Child) -> None:
        status = await process.wait()
        if self._process is process:  # nobody asked it to
            self._process = None
            self._judge.check("alive", holds=False, text=f"the service ended with {status}")
            await asyncio.sleep(_SUPERVISOR_S)
            if self._process is None and self.wanted:
                await self.start()

    async def kill(self) -> None:
        """Kill -9."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> float:
        """SIGTERM; return how long it took to end, in seconds."""
        began_s = time.monotonic()
        status = await self._end(signal.SIGTERM)
        took_s = time.monotonic() - began_s
        most_s = _ENDS_S + 4.0 * self._judge.lag_s
        self._judge.check("stop", took_s <= most_s, f"SIGTERM took {took_s:.2f} s")
        self._judge.check("stop", status == 0, f"SIGTERM ended with {status}")
        return took_s

    async def _end(self, number: signal.Signals) -> int | None:
        self.wanted = False
        process, self._process = self._process, None
        if process is None:
            return None
        process.send_signal(number)
        if self.frozen:
            process.send_signal(signal.SIGCONT)
        self.frozen = False
        try:
            async with asyncio.timeout(10.0):
                status = await process.wait()
        except TimeoutError:
            process.send_signal(signal.SIGKILL)
            status = await process.wait()
        if self._watching is not None and process is not None:
            await asyncio.wait({self._watching}, timeout=1.0)
        self.read_log()
        return status

    def freeze(self) -> None:
        """SIGSTOP."""
        assert self._process is not None
        self.frozen = True
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
        self.frozen = False

    def turn_clock(self, by_s: float) -> None:
        """Let its wall clock be wrong by so many seconds."""
        turned = self._clock.with_suffix(".new")
        turned.write_text(str(by_s))
        turned.replace(self._clock)

    async def tasks(self) -> int:
        """Return how many tasks its event loop has."""
        counted = self._clock.with_suffix(".tasks")
        counted.unlink(missing_ok=True)
        assert self._process is not None
        self._process.send_signal(signal.SIGUSR2)
        for _ in range(int(_COUNTS_S / 0.02)):
            if counted.exists():
                break
            await asyncio.sleep(0.02)
        return int(counted.read_text())

    def read_log(self) -> None:
        """Look for what must never be in the log."""
        path = self._folder / "service.log"
        if not path.exists():
            return
        with path.open("rb") as log:
            log.seek(self._log_bytes)
            data = log.read()
        self._log_bytes += len(data)
        for each in data.decode(errors="replace").splitlines():
            wrong = any(word in each for word in _WRONG)
            if wrong:
                self._judge.check("log", holds=False, text=each[:300])
        self._judge.checks["log"] += 1
