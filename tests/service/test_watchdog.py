"""systemd hears of us, and a process that hangs ends."""

import inspect
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from balancer.service.watchdog import HANG_S, HangWatch, Supervisor


@pytest.mark.parametrize("abstract", [False, True])
def test_supervisor_is_told(tmp_path: Path, abstract: bool) -> None:
    """sd_notify(3)."""
    name = f"{tmp_path}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name if abstract else name)
        systemd.settimeout(5.0)
        environment = {"NOTIFY_SOCKET": "@" + name if abstract else name}
        supervisor = Supervisor(environment | {"WATCHDOG_USEC": "10000000"})
        supervisor.ready()
        assert systemd.recv(100) == b"READY=1"
        supervisor.alive()
        assert systemd.recv(100) == b"WATCHDOG=1"
        supervisor.stopping()
        assert systemd.recv(100) == b"STOPPING=1"


def test_without_a_supervisor_nothing_is_said(tmp_path: Path) -> None:
    Supervisor({}).ready()
    gone = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "1"})
    gone.ready()
    gone.alive()


@pytest.mark.parametrize(
    ("body", "status"),
    [("while True: pass", 1), ("\nfor _ in range(8): watch.beat(); time.sleep(0.1)", 0)],
    ids=["hangs", "beats"],
)
def test_process_that_hangs_says_its_last_words_and_ends(body: str, status: int) -> None:
    """F80."""
    program = (
        "import time\n"
        "from balancer.service.watchdog import HangWatch\n"
        "watch = HangWatch(lambda: print('last words', flush=True), hang_s=0.5)\n"
        f"watch.start()\n{body}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=20.0, check=False
    )
    assert done.returncode == status
    assert (b"last words" in done.stdout) is bool(status)
    assert (b"most recent call first" in done.stderr) is bool(status)


def test_process_that_hangs_ends_even_if_nobody_reads_what_it_says() -> None:
    """F80: writing the traceback must not hang as well."""
    program = (
        "import os\n"
        "from balancer.service.watchdog import HangWatch\n"
        "os.set_blocking(2, False)\n"
        "try:\n"
        "    while True: os.write(2, b'x')\n"
        "except BlockingIOError: os.set_blocking(2, True)\n"
        "HangWatch(lambda: None, hang_s=0.2).start()\n"
        "while True: pass\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) as process:
        try:
            assert process.wait(20.0) != 0
        finally:
            process.kill()


def test_ten_seconds_are_what_a_hanging_service_gets() -> None:
    """F80."""
    assert HANG_S == 10
    assert inspect.signature(HangWatch).parameters["hang_s"].default == HANG_S
