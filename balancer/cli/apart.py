"""Reading the command and the configuration in a process of its own.

What reads them is a quarter of the memory that the service would then hold for months, and
takes as long to import as the service itself. So a child reads, hands the result over, and
ends, while its parent imports the service.
"""

import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from balancer.config.setup import Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What ``balancer run`` was asked for, read and checked.

    Attributes:
        setup: The house.
        log_level: ``debug``, ``info``, ``warning`` or ``error``.
        log_format: ``text`` or ``json``.
        config: Where the setup was read from.
    """

    setup: Setup
    log_level: str
    log_format: str
    config: Path

    def run(self) -> int:
        """Run the service here until it is stopped; return the exit status."""
        from balancer.service.run import serve

        return serve(
            self.setup,
            log_level=self.log_level,
            log_format=self.log_format,
            config_path=self.config,
        )


Take = Callable[[Job], int]
"""Takes a job and returns the exit status of the process that found it."""


def run_apart(command: Callable[[Take], int]) -> int:
    """Run what a command finds to do, without what it took to find it.

    Must be called before there are threads. Where no process can be started, everything is
    done in this one.

    Args:
        command: Reads the command line; hands a job to its argument, or says what is wrong.

    Returns:
        The exit status: of the job, or of the command if there is none.
    """
    reader, writer = os.pipe()
    try:
        child = os.fork()
    except OSError:  # a container may allow no further process
        os.close(reader)
        os.close(writer)
        return command(Job.run)
    if child == 0:
        os.close(reader)
        _end(command, writer)
    os.close(writer)
    with _stoppable(child):
        import balancer.service.run  # noqa: F401 - while the child reads

        with os.fdopen(reader, "rb") as pipe:
            content = pipe.read()
        _, ended = os.waitpid(child, 0)
        if not content:
            return max(os.waitstatus_to_exitcode(ended), 1) if ended else 0
        job = pickle.loads(content)  # noqa: S301 - from our own child
        assert isinstance(job, Job), job
        return job.run()


@contextmanager
def _stoppable(child: int) -> Iterator[None]:
    """Obey SIGTERM until the service does; the first process of a container would ignore it."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(command: Callable[[Take], int], writer: int) -> None:
    """Run the command as the child, and end without what a parent does at its end."""

    def send(job: Job) -> int:
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(job, pipe)
        return 0

    status = 1
    try:
        status = command(send)
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)
