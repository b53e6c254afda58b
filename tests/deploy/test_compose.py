"""The compose file: four programs that fit together, locked in, without a secret in it."""

import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.house_broker import ROOT, Broker, until
from tests.deploy.house_service import Service

FOLDER = ROOT / "deploy" / "docker"


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    return found


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a user has after prepare.sh, in a copy of the files."""
    root = tmp_path_factory.mktemp("clone")
    for name in ("mosquitto", "deploy"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("house", ".env"))
    shutil.copy(ROOT / "config.toml", root)
    prepare(root, "create", "--host", "192.168.1.2")
    return root


def prepare(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        [root / "deploy" / "docker" / "prepare.sh", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", services())
def test_every_program_is_locked_in_and_pinned(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].startswith("${BALANCER_UID:?")
    assert "privileged" not in service
    if "build" not in service:
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), "a version, never latest"


@pytest.mark.parametrize("name", services())
def test_no_secret_stands_in_the_file_and_only_tls_is_open_to_the_house(name: str) -> None:
    service = services()[name]
    for key, value in service.get("environment", {}).items():
        if "PASSWORD" in key:
            assert value.startswith("/run/secrets/"), key
    for port in service.get("ports", ()):
        assert port in {"8883:8883", "8884:8884"} or port.startswith("127.0.0.1:"), port


def test_nobody_restarts_a_balancer_that_is_only_unhealthy() -> None:
    for service in services().values():
        assert service["restart"] == "unless-stopped"
        assert "autoheal" not in str(service.get("labels", ""))
        assert isinstance(service.get("depends_on", []), list), "an order, no condition"


def test_everything_that_is_mounted_is_there_after_prepare(prepared: Path) -> None:
    folder = prepared / "deploy" / "docker"
    mounts = [m.split(":")[0] for service in services().values() for m in service["volumes"]]
    mounts += [secret["file"] for secret in compose()["secrets"].values()]
    for mount in mounts:
        assert (folder / mount).exists(), mount


def test_secrets_that_are_used_are_declared_and_the_ca_key_is_mounted_nowhere(
    prepared: Path,
) -> None:
    folder = prepared / "deploy" / "docker"
    declared = compose()["secrets"]
    for service in services().values():
        assert set(service.get("secrets", ())) <= set(declared)
        for mount in service["volumes"]:
            there = folder / mount.split(":")[0]
            assert not list(there.rglob("ca.key")), mount
            assert not list(there.rglob("*.password")), mount


def test_prepare_leaves_secrets_to_their_owner_and_never_makes_a_container_root(
    prepared: Path,
) -> None:
    folder = prepared / "deploy" / "docker"
    for path in (folder / "house" / "secrets").rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
    environment = dict(
        line.split("=") for line in (folder / ".env").read_text().splitlines() if line
    )
    uid = int(environment["BALANCER_UID"])
    assert uid > 0
    assert {p.stat().st_uid for p in (folder / "house").rglob("*")} == {uid}


def test_prepare_again_keeps_what_is_there_and_adds_a_device(prepared: Path) -> None:
    house = prepared / "deploy" / "docker" / "house"
    (house / "config.toml").write_text("# mine\n")
    before = {p: p.read_bytes() for p in house.rglob("*") if p.is_file() and p.name != "passwd"}
    prepare(prepared, "user", "relay2")
    after = {p: p.read_bytes() for p in house.rglob("*") if p.is_file() and p.name != "passwd"}
    assert set(after) - set(before) == {house / "secrets" / "clients" / "relay2.password"}
    assert all(after[path] == text for path, text in before.items())
    assert "relay2:" in (house / "mosquitto" / "passwd").read_text()


def test_what_prepare_makes_is_never_committed() -> None:
    ignored = (FOLDER / ".gitignore").read_text().split("\n")
    assert {"/house/", "/.env"} <= set(ignored)


def test_balancer_connects_with_the_environment_of_the_compose_file(
    own_broker: Broker, tmp_path: Path
) -> None:
    # given the variables as they stand there, but for the places of this test
    environment = services()["balancer"]["environment"] | {
        "BALANCER_MQTT__HOST": "localhost",
        "BALANCER_MQTT__PORT": str(own_broker.tls),
        "BALANCER_HTTP__HOST": "127.0.0.1",
    }
    places = {
        "/run/secrets/mqtt_password": own_broker.folder / "clients" / "balancer.password",
        "/run/secrets/house_ca": own_broker.folder / "certs" / "ca.crt",
    }
    environment = {k: str(places.get(v, v)) for k, v in environment.items()}
    service = Service(tmp_path, "")
    environment["BALANCER_HTTP__PORT"] = str(service.http_port)
    # when the service starts with them
    with service.running(environment):
        # then it is connected over TLS
        until(service.says_connected, "connected")
