"""install.sh puts a service beside an existing broker, and takes all of it away again."""

import os
import shutil
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.deploy.house_broker import ROOT

SCRIPT = ROOT / "deploy" / "systemd" / "install.sh"
PROGRAM = "opt/balancer"
CONFIG = "etc/balancer/config.toml"
PASSWORD = "etc/balancer/mqtt_password"
UNIT = "etc/systemd/system/balancer.service"
NO_PASSWORD = f"{UNIT}.d/no-password.conf"
LINK = "usr/local/bin/balancer"


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, "--root", root, *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine on which the program itself is already there, so that pip has nothing to do."""
    program = tmp_path / PROGRAM
    (program / "bin").mkdir(parents=True)
    (program / ".installed").touch()
    python = program / "bin" / "python"
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    return tmp_path


@pytest.fixture
def password(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("given") / "password"
    path.write_text("secret\n")
    return str(path)


def test_installed_house_knows_its_user_and_only_root_reads_the_password(
    root: Path, password: str
) -> None:
    done = run(root, "--password-file", password)
    assert done.returncode == 0, done.stderr
    assert tomllib.loads((root / CONFIG).read_text())["mqtt"]["username"] == "balancer"
    assert (root / PASSWORD).read_text() == "secret"
    assert stat.S_IMODE((root / PASSWORD).stat().st_mode) == 0o600
    assert (root / UNIT).read_text() == (SCRIPT.parent / "balancer.service").read_text()
    assert (root / LINK).readlink() == Path("/opt/balancer/bin/balancer")
    assert "balancer check" in done.stdout
    assert "secret" not in done.stdout + done.stderr


def test_broker_without_passwords_needs_no_credential(root: Path) -> None:
    assert run(root, "--no-password").returncode == 0
    assert "LoadCredential=\n" in (root / NO_PASSWORD).read_text()
    assert "username" not in tomllib.loads((root / CONFIG).read_text())["mqtt"]


def test_password_given_later_is_used(root: Path, password: str) -> None:
    run(root, "--no-password")
    assert run(root, "--password-file", password).returncode == 0
    assert not (root / NO_PASSWORD).parent.exists()
    assert (root / PASSWORD).read_text() == "secret"


def test_upgrade_keeps_configuration_and_password(root: Path, password: str) -> None:
    run(root, "--password-file", password)
    (root / CONFIG).write_text("# mine\n")
    done = run(root)
    assert done.returncode == 0, done.stderr
    assert (root / CONFIG).read_text() == "# mine\n"
    assert (root / PASSWORD).read_text() == "secret"


def test_undo_leaves_the_house_and_purge_leaves_nothing(root: Path, password: str) -> None:
    run(root, "--password-file", password)
    assert run(root, "--undo").returncode == 0
    assert files(root) == {CONFIG, PASSWORD}
    assert run(root, "--undo", "--purge").returncode == 0
    assert files(root) == set()
    assert run(root, "--undo").returncode == 0, "undoing nothing is no failure"


def files(root: Path) -> set[str]:
    found = {path for path in root.rglob("*") if path.is_symlink() or path.is_file()}
    return {str(path.relative_to(root)) for path in found}


def test_undo_touches_nothing_that_is_not_ours(root: Path, password: str) -> None:
    # given a program of that name and a drop-in that somebody else put there
    shutil.rmtree(root / PROGRAM)
    (root / PROGRAM).mkdir(parents=True)
    for name in (LINK, f"{UNIT}.d/mine.conf", f"{PROGRAM}/something"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("somebody's")
    # when installing is tried and undone
    assert "not of this script's making" in run(root, "--password-file", password).stderr
    assert run(root, "--undo", "--purge").returncode == 0
    # then it is still there
    assert files(root) == {LINK, f"{UNIT}.d/mine.conf", f"{PROGRAM}/something"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--password-file FILE or --no-password"),
        (("--password-file", "/nowhere"), "missing or empty"),
        (("--password-file",), "needs a value"),
        (("--no-password", "--python", "/nowhere"), "older than 3.11"),
        (("--frobnicate",), "is no option"),
    ],
)
def test_mistake_is_named_before_anything_is_changed(
    root: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = files(root)
    done = run(root, *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert files(root) == before


def test_without_root_directory_it_wants_systemd() -> None:
    if Path("/run/systemd/system").exists() and os.geteuid() == 0:
        pytest.skip("this would really install")
    done = subprocess.run([SCRIPT, "--no-password"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "has to run as root" in done.stderr or "systemd does not run" in done.stderr


def test_whole_program_installs_and_runs(tmp_path: Path) -> None:
    # when installed for real
    done = run(tmp_path, "--no-password")
    assert done.returncode == 0, done.stderr
    # then it runs, by itself, and understands its configuration
    program = tmp_path / PROGRAM / "bin" / "balancer"
    checked = subprocess.run(
        [program, "check", "--config", tmp_path / CONFIG],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert checked.returncode == 0, checked.stderr
    assert "House house" in checked.stdout
    # and nobody in particular may read it
    for path in (tmp_path / PROGRAM).rglob("*"):
        assert path.is_symlink() or path.stat().st_mode & stat.S_IROTH, path
