"""A real Mosquitto on a free port of this machine, in a directory of its own."""

import getpass
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.machine import free_port, needed

UP_S = 10.0


def listens(port: int) -> bool:
    """Return whether somebody accepts connections there."""
    with socket.socket() as sock:
        sock.settimeout(0.5)
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Mosquitto:
    """The broker as a child process; faults are signals to exactly this process."""

    def __init__(self, folder: Path, *, conf: str = "", stock: bool = False) -> None:
        """Prepare; ``start`` starts it.

        Args:
            folder: For its files.
            conf: Further lines of mosquitto.conf.
            stock: Nothing in mosquitto.conf but the port and that anybody may connect.
        """
        self.folder = folder
        self.port = free_port()
        self._conf = conf
        self._stock = stock
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return (self.folder / "mosquitto.log").read_text()

    def start(self) -> None:
        """Start it and wait until it accepts; where it is not installed, skip the test."""
        store = self.folder / "store"
        store.mkdir(parents=True, exist_ok=True)
        conf = self.folder / "mosquitto.conf"
        access = "" if "allow_anonymous" in self._conf else "allow_anonymous true\n"
        keep = (
            f"persistence true\npersistence_location {store}/\n"
            "autosave_interval 1\nautosave_on_changes true\n"
        )
        conf.write_text(
            f"listener {self.port} 127.0.0.1\n{access}"
            f"user {getpass.getuser()}\n"  # else root becomes somebody who may not read here
            f"{'' if self._stock else keep}{self._conf}"
        )
        program = needed("mosquitto")
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([program, "-c", conf], stdout=log, stderr=log)
        self._until(lambda: listens(self.port))

    def freeze(self) -> None:
        """Let it stand still, connections and all."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without a word."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            self._end(signal.SIGTERM)

    def restart(self, *, wipe: bool = False) -> None:
        """Start it again after ``kill`` or ``stop``; ``wipe``: it has forgotten everything."""
        if self._process is not None:
            self.kill()
        if wipe:
            shutil.rmtree(self.folder / "store")
        self.start()

    def reload(self) -> None:
        """Let it read its access list again; what it does from now on obeys that."""
        said = len(self.log)
        self._signal(signal.SIGHUP)
        self._until(lambda: "Reloading config" in self.log[said:])

    def _until(self, holds: Callable[[], bool]) -> None:
        assert self._process is not None
        until_s = time.monotonic() + UP_S
        while not holds():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < until_s, self.log
            time.sleep(0.01)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.send_signal(signal.SIGCONT)  # a frozen one could not end
        self._process.wait(UP_S)
        self._process = None
