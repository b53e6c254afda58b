"""The alerts fire when they should, and only then (promtool), and know metrics that exist."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.house_broker import ROOT
from tests.deploy.metric_names import known, used
from tests.machine import needed

FOLDER = ROOT / "deploy" / "prometheus"
TESTS = sorted(FOLDER.glob("*.test.yml"))


def alerts() -> dict[str, Any]:
    """Return the rules by name."""
    groups = yaml.safe_load((FOLDER / "balancer.rules.yml").read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def test_prometheus_accepts_its_configuration() -> None:
    promtool = needed("promtool")
    checked = subprocess.run(
        [promtool, "check", "config", FOLDER / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should(path: Path) -> None:
    promtool = needed("promtool")
    tested = subprocess.run(
        [promtool, "test", "rules", path], capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_is_seen_firing_by_a_test_and_says_what_to_do() -> None:
    fired = set()
    for path in TESTS:
        for case in yaml.safe_load(path.read_text())["tests"]:
            fired |= {each["alertname"] for each in case["alert_rule_test"] if each["exp_alerts"]}
    assert fired == set(alerts())
    for name, rule in alerts().items():
        assert set(rule["annotations"]) == {"summary", "description"}, name
        assert rule["labels"]["severity"] in {"critical", "warning"}, name


def test_alerts_use_only_metrics_that_the_service_has() -> None:
    expressions = [rule["expr"] for rule in alerts().values()]
    assert used(expressions) <= known() | {"up"}


def test_alerts_cover_what_the_users_fear() -> None:
    text = " ".join(rule["expr"] for rule in alerts().values())
    for metric in (
        "balancer_circuit_blind",
        'balancer_load_reason{reason="fault"}',
        "balancer_circuit_headroom_watts",
        "balancer_circuit_active_loads == 0",
        "balancer_relay_wear_ratio",
        "balancer_mqtt_connected",
        "balancer_reaction_seconds_bucket",
        "balancer_sheddable_overload_ratio",
    ):
        assert metric in text
    assert not re.search(r"\bhouse=\"", text), "alerts hold for every house"
