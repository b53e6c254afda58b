"""Starts balancers quickly: everything is imported once, each balancer is a fork.

Each line on standard input is an order in JSON: ``config``, ``log`` and ``clock``, all paths, and
``speed``: how many of the balancer's seconds pass in one. It is answered with ``{"pid": …}``, the
end of a process with ``{"ended": pid, "status": …}``.

A balancer is what ``balancer run`` is, but for its wall clock, to which the number of seconds
in the file ``clock`` is added; and on SIGUSR2 it writes the number of its tasks beside that.
"""

import asyncio
import json
import os
import selectors
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import balancer.service.run
from balancer.cli import main
from balancer.config import load
from balancer.service.clock import SystemClock

PRELOADED = (balancer.service.run, load)


def serve() -> None:
    """Obey until standard input ends; then nothing of ours shall live on."""
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    alive: set[int] = set()
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        selector.register(awake, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                data = os.read(key.fd, 65_536)
                if key.fd == awake:
                    _reap(alive)
                    continue
                if not data:
                    for pid in alive:
                        os.kill(pid, signal.SIGKILL)
                    return
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    order = json.loads(line)
                    pid = os.fork()
                    if not pid:
                        _live(order)
                    alive.add(pid)
                    _say(pid=pid)


def _reap(alive: set[int]) -> None:
    for pid in tuple(alive):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            alive.discard(pid)
            _say(ended=pid, status=os.waitstatus_to_exitcode(status))


def _say(**answer: int) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


class Hurry(selectors.DefaultSelector):
    """Waits for a fraction of what it is asked to wait."""

    speed = 1.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / self.speed)


class HurriedLoop(asyncio.SelectorEventLoop):
    """An event loop whose seconds pass faster."""

    def __init__(self) -> None:
        super().__init__(Hurry())

    def time(self) -> float:
        return time.monotonic() * Hurry.speed


def _replace(owner: object, **replacements: object) -> None:
    """Let a module or a class have something else for the rest of this process."""
    for name, replacement in replacements.items():
        setattr(owner, name, replacement)


def _hurry(speed: float) -> None:
    """Let the balancer's clocks and timers go so many times as fast; all else stays as it is."""
    Hurry.speed = speed

    def passed_s(_: SystemClock) -> float:
        return time.monotonic() * speed

    _replace(asyncio, new_event_loop=HurriedLoop)
    _replace(SystemClock, monotonic_s=passed_s, awake_s=passed_s)


def _live(order: dict[str, Any]) -> NoReturn:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    for number, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(number, target)
    os.closerange(3, 1024)
    clock = Path(order["clock"])

    speed = float(order["speed"])
    if speed > 1.0:
        _hurry(speed)
    began_s = time.time()

    def wall_s(_: SystemClock) -> float:
        return began_s + (time.time() - began_s) * speed + float(clock.read_text())

    def count_tasks(*_: object) -> None:
        counted = clock.with_suffix(".counted")
        counted.write_text(str(len(asyncio.all_tasks())))
        counted.replace(clock.with_suffix(".tasks"))

    _replace(SystemClock, wall_s=wall_s)
    signal.signal(signal.SIGUSR2, count_tasks)
    sys.argv = ["balancer", "run", "--config", order["config"]]
    status = 70
    try:
        main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve()
