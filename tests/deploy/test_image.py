"""The image: what goes in, as whom it runs, and what its health check calls healthy."""

import re
import runpy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.deploy.house_broker import ROOT
from tests.machine import free_port

FOLDER = ROOT / "deploy" / "docker"


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions and their arguments, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", (FOLDER / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def copied() -> set[str]:
    """Return what is copied from the repository."""
    found: set[str] = set()
    for name, arguments in instructions():
        if name == "COPY" and not arguments.startswith("--from"):
            found |= set(arguments.split()[:-1])
    return found


def test_what_is_copied_exists_and_nothing_else_reaches_the_builder() -> None:
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == copied()
    for path in copied():
        assert (ROOT / path).exists(), path


def test_image_runs_as_nobody_and_holds_no_secret() -> None:
    last = {name: arguments for name, arguments in instructions() if name != "COPY"}
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last["USER"])
    assert last["ENTRYPOINT"] == '["balancer"]'
    said = " ".join(arguments for _, arguments in instructions()).lower()
    assert not re.search("password|secret|token", said)


@contextmanager
def answering(status: int) -> Iterator[int]:
    """Serve one status on every path; yield the port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def health(port: int, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("BALANCER_HTTP__PORT", str(port))
    status: int = runpy.run_path(str(FOLDER / "health.py"))["main"]()
    return status


@pytest.mark.parametrize(
    ("status", "exit_status"),
    [(200, 0), (503, 0), (404, 1), (500, 1)],
    ids=["guarding", "blind or not connected", "something else", "broken"],
)
def test_health_is_to_answer_not_to_be_connected(
    status: int, exit_status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Section 7: a 503 must not lead to a restart."""
    with answering(status) as port:
        assert health(port, monkeypatch) == exit_status


def test_silence_is_not_healthy_and_no_endpoint_is_no_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert health(free_port(), monkeypatch) == 1
    assert health(0, monkeypatch) == 0


def test_readme_and_licence_that_the_wheel_needs_go_in() -> None:
    wanted = set(
        re.findall(r'^readme = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    )
    assert wanted | {"LICENSE", "pyproject.toml", "balancer"} <= copied()
    assert Path(ROOT / "LICENSE").exists()
