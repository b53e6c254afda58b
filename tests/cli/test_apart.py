"""``balancer run`` reads in a child and serves without what reading takes."""

import errno
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import balancer.service.run
from balancer.cli.apart import Job, Take, run_apart
from balancer.config.load import read_setup
from balancer.config.setup import Setup
from tests.cli.conftest import ROOT, Run

EXAMPLE = ROOT / "config.toml"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Setup, dict[str, Any]]]:
    """Return what the service was started with in this process; it ends with status 7."""
    started: list[tuple[Setup, dict[str, Any]]] = []

    def serve(setup: Setup, **options: Any) -> int:
        started.append((setup, options))
        return 7

    monkeypatch.setattr(balancer.service.run, "serve", serve)
    return started


def a_job() -> Job:
    setup = read_setup(EXAMPLE, environ={})
    return Job(setup=setup, log_level="debug", log_format="json", config=EXAMPLE)


def test_what_a_child_reads_is_served_by_its_parent(
    served: list[tuple[Setup, dict[str, Any]]],
) -> None:
    expected = a_job().setup
    # when a child hands the job over
    status = run_apart(lambda take: take(a_job()))
    # then it is run here, as it was read, and its status is ours
    assert status == 7
    ((setup, options),) = served
    assert setup.house == expected.house
    for kind in ("relays", "meters", "requests"):  # decoders are partial functions: never equal
        assert repr(getattr(setup, kind)) == repr(getattr(expected, kind))
    assert setup.broker == expected.broker
    assert options == {"log_level": "debug", "log_format": "json", "config_path": EXAMPLE}


@pytest.mark.parametrize("status", [0, 1, 2])
def test_without_a_job_the_status_of_the_command_is_ours(
    served: list[tuple[Setup, dict[str, Any]]], status: int
) -> None:
    assert run_apart(lambda _: status) == status
    assert served == []


def test_a_child_that_is_killed_is_a_failure_and_said(
    served: list[tuple[Setup, dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    def die(_: Take) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    assert run_apart(die) == 1
    assert served == []
    assert capsys.readouterr().err.startswith("reading the configuration was ended: Killed")


def test_where_no_process_can_be_started_everything_is_done_here(
    served: list[tuple[Setup, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> int:
        raise OSError(errno.EAGAIN, "no process left")

    monkeypatch.setattr(os, "fork", refuse)
    assert run_apart(lambda take: take(a_job())) == 7
    assert len(served) == 1


def test_a_password_goes_along_and_still_does_not_show(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(EXAMPLE.read_text())
    environ = {"BALANCER_MQTT__USERNAME": "u", "BALANCER_MQTT__PASSWORD": "hunter2"}
    setup = pickle.loads(pickle.dumps(read_setup(path, environ=environ)))
    assert setup.broker.password == "hunter2"
    assert "hunter2" not in repr(setup)


def test_the_service_holds_nothing_of_what_only_reads(tmp_path: Path) -> None:
    # given a service that only tells which packages are in memory
    code = (
        "import sys, balancer.service.run\n"
        "def serve(setup, **options):\n"
        "    print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
        "    return 0\n"
        "balancer.service.run.serve = serve\n"
        f"sys.argv = ['balancer', 'run', '--config', {str(EXAMPLE)!r}]\n"
        "from balancer.cli import main\n"
        "main()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    # then none of these is
    assert (result.returncode, result.stderr) == (0, "")
    packages = set(result.stdout.split())
    assert "balancer" in packages
    heavy = {"pydantic", "pydantic_settings", "typer", "rich", "matplotlib", "numpy", "amqtt"}
    assert heavy.isdisjoint(packages)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["--help"], 0), (["--wrong"], 2), (["--config", "none.toml"], 2)],
)
def test_run_without_a_house_ends_with_the_status_of_the_command(
    arguments: list[str], status: int, run: Run
) -> None:
    result = run("run", *arguments)
    assert result.returncode == status
    assert "Traceback" not in result.stderr
    # said once, not by parent and child
    assert len((result.stdout + result.stderr).split("Usage:")) <= 2


def test_sigterm_while_the_configuration_is_read_ends_parent_and_child() -> None:
    """Asked to stop before anything runs: nothing is wrong, and nobody stays behind."""
    program = (
        "import signal\n"
        "from balancer.cli.apart import run_apart\n"
        "def read(take):\n"
        "    print('reading', flush=True)\n"
        "    signal.pause()\n"
        "raise SystemExit(run_apart(read))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"reading\n"
        # when the parent is asked, which by then waits or imports
        while not _catches_sigterm(process.pid):
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        # then both ends of the pipes are closed: the child is gone too
        _, said = process.communicate(timeout=30.0)
    assert process.returncode == 0
    assert said == b""


def _catches_sigterm(pid: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(line for line in lines if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
