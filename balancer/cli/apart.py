"""Reading the command and the configuration in a process of its own.

What reads them is a quarter of the memory that the service would then hold for months, and
takes as long to import as the service itself. So a child reads, hands the result over, and
ends, while its parent imports the service.
"""

import importlib
import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
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
    fork = multiprocessing.get_context("fork")
    reader, writer = fork.Pipe(duplex=False)
    child = fork.Process(target=_read, args=(command, reader, writer))
    try:
        child.start()
    except OSError:  # a container may allow no further process
        return command(Job.run)
    writer.close()
    with _stoppable(child):
        importlib.import_module("balancer.service.run")  # while the child reads
        job: Job | None = None
        with reader, suppress(EOFError):  # there is nothing to run
            job = reader.recv()
        child.join()
        if job is None:
            return _ended(child.exitcode or 0)
        return job.run()


def _ended(status: int) -> int:
    """Return the exit status of a child that found nothing to run; say it if it could not."""
    if status >= 0:
        return status
    why = signal.strsignal(-status)
    sys.stderr.write(f"reading the configuration was ended: {why}; is there memory left?\n")
    return 1


@contextmanager
def _stoppable(child: BaseProcess) -> Iterator[None]:
    """Obey SIGTERM until the service does; the first process of a container would ignore it."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        child.terminate()
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _read(command: Callable[[Take], int], reader: Connection, writer: Connection) -> None:
    """Run the command as the child, and end with its status."""
    reader.close()  # or a parent that is gone would be waited for

    def send(job: Job) -> int:
        writer.send(job)
        return 0

    sys.exit(command(send))
