"""The systemd unit: valid, locked in, and a supervisor that restarts what a restart mends."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.house_broker import ROOT

UNIT = ROOT / "deploy" / "systemd" / "balancer.service"
PROGRAM = "/opt/balancer/bin/balancer"


def analyzer() -> str:
    """Return systemd-analyze; not every machine that runs the tests has systemd."""
    path = shutil.which("systemd-analyze")
    if path is None:
        pytest.skip("systemd is not installed")
    return path


def options() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    here = tmp_path / UNIT.name
    here.write_text(UNIT.read_text().replace(PROGRAM, sys.executable))
    checked = subprocess.run(
        [analyzer(), "verify", "--man=no", here], capture_output=True, text=True, check=False
    )
    # without systemd as the first process it misses units of the machine, not of ours
    complaints = [line for line in checked.stderr.splitlines() if "sysinit.target" not in line]
    assert not complaints


def test_exposure_is_small_by_systemds_own_measure() -> None:
    measured = subprocess.run(
        [analyzer(), "security", "--offline=true", "--json=short", "--threshold=15", UNIT],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unrecognized option" in measured.stderr:
        pytest.skip("this systemd is too old to measure a file")
    assert measured.returncode == 0, measured.stdout + measured.stderr
    failed = [row["name"] for row in json.loads(measured.stdout) if row["set"] is False]
    assert "NoNewPrivileges" not in failed


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Type", "notify"),
        ("Restart", "always"),
        ("RestartPreventExitStatus", "2"),
        ("StartLimitIntervalSec", "0"),
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("CapabilityBoundingSet", ""),
        ("LoadCredential", "mqtt_password:/etc/balancer/mqtt_password"),
    ],
)
def test_unit_says(key: str, value: str) -> None:
    assert options()[key] == [value]


def test_watchdog_leaves_the_service_time_to_end_itself_first() -> None:
    """It takes up to eleven seconds to notice that it hangs, and then says OFF to every heater."""
    assert float(options()["WatchdogSec"][0]) > 12


def test_nothing_restarts_on_healthz() -> None:
    commands = [v for key, values in options().items() if key.startswith("Exec") for v in values]
    assert commands == [f"{PROGRAM} run --config /etc/balancer/config.toml"]


def test_password_reaches_the_service_as_a_credential_only() -> None:
    assert "BALANCER_MQTT__PASSWORD_FILE=%d/mqtt_password" in options()["Environment"]
    assert not [each for each in options()["Environment"] if "PASSWORD=" in each]
