"""What the machine that runs the tests has: programs and ports."""

import os
import shutil
import socket

import pytest

_FOLDERS = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


def needed(program: str) -> str:
    """Return the program's path; without it skip the test, in CI fail it."""
    path = shutil.which(program, path=_FOLDERS)
    if path is None:
        reason = f"{program} is not installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def free_port() -> int:
    """Return a port of the loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
