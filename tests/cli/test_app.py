"""Commands, options and exit status, from outside."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import balancer
from balancer.cli import app as cli
from balancer.cli.options import SimulateOptions
from tests.cli.conftest import Run
from tests.config.small import HOUSE


def test_the_version_is_printed(run: Run) -> None:
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"balancer {balancer.__version__}\n")


def test_without_a_command_the_commands_are_listed_and_the_status_is_2(run: Run) -> None:
    result = run()
    assert result.returncode == 2
    for command in ("run", "check", "demo", "simulate"):
        assert command in result.stdout + result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["chek"],
        ["check", "--acll"],
        ["run", "--log-level", "loud"],
        ["demo", "--speed", "0"],
        ["simulate", "--seed", "x"],
        ["simulate", "--jobs", "0"],
    ],
)
def test_wrong_usage_is_status_2_without_a_traceback(arguments: list[str], run: Run) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_missing_file_is_status_2_on_standard_error(command: str, run: Run) -> None:
    result = run(command, "--config", "none.toml")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "none.toml has 1 problem",
        "",
        "none.toml: there is no such file",
        "  allowed: a TOML file that can be read",
        "  fix: name another with --config PATH",
    ]


def test_config_toml_of_the_working_folder_is_read_by_default(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(HOUSE + "[mqtt]\nport = 0")
    for command in ("run", "check"):
        result = run(command)
        assert result.returncode == 2
        assert "config.toml has 1 problem\n\nmqtt.port: 0 is less than 1" in result.stderr


def test_the_environment_is_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(HOUSE)
    result = run("check", BALANCER_NAME="cabin")
    assert result.returncode == 0
    assert "balancer/cabin/status" in result.stdout


def test_a_terminal_that_cannot_show_a_sign_is_no_failure(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        HOUSE.replace("[zones.lounge]", "[zones.lounge]\ntitle='é→'")
    )
    result = run("check", PYTHONIOENCODING="ascii")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("command", ["run", "check"])
def test_what_nobody_expected_is_status_1_with_a_traceback_said_once(command: str) -> None:
    script = """
from balancer import cli
from balancer.cli import app
def fail(**_):
    raise RuntimeError("boom")
app.app = fail
cli.main()
"""
    ended = subprocess.run(
        [sys.executable, "-c", script, command], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.count("Traceback") == 1
    assert ended.stderr.count("RuntimeError: boom") == 1


def test_simulate_hands_all_its_options_on(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a simulator that notes what it is asked for
    asked: list[SimulateOptions] = []

    def simulate(given: SimulateOptions) -> int:
        asked.append(given)
        return 0

    stand_in = type(sys)("balancer.cli.simulate")
    monkeypatch.setitem(sys.modules, "balancer.cli.simulate", stand_in)
    monkeypatch.setattr(stand_in, "run_simulate", simulate, False)
    # when it is started with every option, and with none
    everything = [
        *("--config", "c.toml", "--trace", "t.csv:p_w", "--weather", "w.csv", "--days", "2.5"),
        *("--seed", "7", "--faults", "F01,F27", "--sweep", "circuits.main.limit=20..30"),
        *("--json", "--report", "r.html", "--campaign", "0.5", "--jobs", "2"),
    ]
    runner = CliRunner()
    statuses = [runner.invoke(cli.app, ["simulate", *each]).exit_code for each in (everything, [])]
    # then it gets them
    assert statuses == [0, 0]
    assert asked == [
        SimulateOptions(
            config=Path("c.toml"),
            trace="t.csv:p_w",
            weather=Path("w.csv"),
            days=2.5,
            seed=7,
            faults="F01,F27",
            sweep="circuits.main.limit=20..30",
            json=True,
            report=Path("r.html"),
            campaign=0.5,
            jobs=2,
        ),
        SimulateOptions(),
    ]


def test_demo_hands_its_options_and_its_status_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, float | None]] = []

    def demo(speed: float, seconds: float | None) -> int:
        asked.append((speed, seconds))
        return 1

    monkeypatch.setattr(cli, "run_demo", demo)
    runner = CliRunner()
    result = runner.invoke(cli.app, ["demo", "--speed", "60", "--seconds", "5"])
    assert (result.exit_code, asked) == (1, [(60.0, 5.0)])
