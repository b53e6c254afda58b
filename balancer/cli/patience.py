"""Long runs at the terminal: a bar while they last, and a way to leave them early."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def patience(days: float, what: str) -> Iterator[Callable[[float], bool]]:
    """Show a bar on a terminal; the first Ctrl-C ends the run after the hour it is in."""
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    try:
        before = signal.signal(signal.SIGINT, ask)
    except ValueError:  # not in the main thread: nobody sends it there
        yield lambda _days: True
        return
    try:
        with _bar(days, what) as tell:

            def going_on(done: float) -> bool:
                tell(done)
                return not asked

            yield going_on
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _bar(days: float, what: str) -> Iterator[Callable[[float], None]]:
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:
        yield lambda done: print(f"\r{what} {done:.1f} of {days:g} days ", end="", file=sys.stderr)
        return
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=days)
        yield lambda done: progress.update(task, completed=done)
