"""What the machine that runs the tests has: programs and ports."""

import itertools
import os
import random
import shutil
import socket

import pytest

_FOLDERS = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_WORKERS = 16
# Below those that Linux gives to connections (from 32768 on): one of them could take the port
# before the program that it was looked for.
_PORTS = range(20_000 + _WORKER % _WORKERS, 32_000, _WORKERS)
_ports = itertools.cycle(random.sample(_PORTS, len(_PORTS)))


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
    """Return a port of the loopback that nobody has; each worker has ports of its own."""
    for port in itertools.islice(_ports, len(_PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    pytest.fail("no port is free")
