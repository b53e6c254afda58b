"""Watches over ourselves: tells systemd that decisions flow, ends a process that hangs."""

import contextlib
import faulthandler
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable

HANG_S = 10
_TRACEBACK_S = 2


class Supervisor:
    """systemd's notification socket; without one nothing is said.

    Source: sd_notify(3), systemd.service(5): ``Type=notify``, ``WatchdogSec=``.
    """

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        variables = os.environ if environment is None else environment
        address = variables.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        interval_us = variables.get("WATCHDOG_USEC", "")
        self.watched = bool(self._address) and interval_us.isdecimal()

    def ready(self) -> None:
        """Say that the service runs, whether or not the broker does."""
        self._say("READY=1")

    def alive(self) -> None:
        """Say that decisions flow."""
        if self.watched:
            self._say("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the service is going down."""
        self._say("STOPPING=1")

    def _say(self, text: str) -> None:
        if not self._address:
            return
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
        # when systemd itself restarts nobody listens; it counts what it gets
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, kind) as notify:
            notify.sendto(text.encode(), self._address)


class HangWatch:
    """A thread that ends the process when the loop has not shown itself for ten seconds.

    It counts its own seconds: when the whole process was stopped (SIGSTOP, a paused virtual
    machine) it was stopped as well.

    Args:
        last_words: Called before the end, from this thread.
    """

    def __init__(self, last_words: Callable[[], None], *, hang_s: float = HANG_S) -> None:
        self._last_words = last_words
        self._period_s = hang_s / 10.0
        self._missed = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="hang watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def beat(self) -> None:
        """Show that the loop turns."""
        self._missed = 0

    def stop(self) -> None:
        """End the watch."""
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(self._period_s):
            self._missed += 1
            if self._missed > 10:
                try:
                    self._last_words()
                    signal.alarm(_TRACEBACK_S)  # ends us if nobody reads standard error
                    faulthandler.dump_traceback(sys.__stderr__ or 2)
                finally:
                    os._exit(1)
