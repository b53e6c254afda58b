"""access.py makes users and certificates for people who do not read manuals."""

import datetime as dt
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.house_broker import ROOT, Access
from tests.machine import needed

PROGRAM = ROOT / "mosquitto" / "access.py"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PROGRAM, "--folder", folder, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_create_twice_keeps_keys_passwords_and_an_edited_acl(tmp_path: Path) -> None:
    # given a folder with everything and an ACL that somebody edited
    assert run(tmp_path, "create", "--host", "house.example").returncode == 0
    (tmp_path / "acl").write_text("# mine\n")
    before = contents(tmp_path)
    # when it is created again
    done = run(tmp_path, "create")
    # then nothing has changed
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_secrets_are_closed_to_others(tmp_path: Path) -> None:
    access = Access(tmp_path)
    access.create([])
    access.certificate("balancer")
    for path in tmp_path.rglob("*"):
        open_to_others = stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
        public = path.suffix == ".crt" or (path.is_dir() and path.name == "certs")
        assert public or not open_to_others, path


def test_mosquitto_reads_the_hash_as_its_own_tool_would_write_it(tmp_path: Path) -> None:
    """The tool hashes a file of plain passwords in place; ours must look the same."""
    needed("mosquitto_passwd")
    theirs = tmp_path / "theirs"
    theirs.write_text("balancer:secret\n")
    subprocess.run(["mosquitto_passwd", "-U", theirs], check=True, capture_output=True)
    access = Access(tmp_path)
    access.create([])
    assert shape(access.users()["balancer"]) == shape(theirs.read_text().strip().split(":")[1])


def shape(line: str) -> list[str | int]:
    """Return method and rounds of a password hash, and how long salt and hash are."""
    _, method, rounds, salt, digest = line.split("$")
    return [method, rounds, len(salt), len(digest)]


def test_certificate_names_this_machine_compose_and_the_given_hosts(tmp_path: Path) -> None:
    assert run(tmp_path, "create", "--host", "192.168.1.2", "--host", "mq.lan").returncode == 0
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-ext", "subjectAltName"],
        input=(tmp_path / "certs" / "server.crt").read_text(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in ("DNS:localhost", "IP Address:127.0.0.1", "DNS:mosquitto", "DNS:mq.lan"):
        assert name in shown
    assert "IP Address:192.168.1.2" in shown


def test_certificates_outlive_everybodys_memory(tmp_path: Path) -> None:
    access = Access(tmp_path)
    access.create([])
    in_nine_years = dt.datetime.now(dt.UTC) + dt.timedelta(days=9 * 365)
    ends = access.certificates()
    assert set(ends) == {"certs/ca.crt", "certs/server.crt"}
    assert all(end > in_nine_years for end in ends.values())


def test_show_lists_users_and_when_certificates_run_out(tmp_path: Path) -> None:
    run(tmp_path, "create")
    run(tmp_path, "--days", "30", "certificate", "wallpanel")
    shown = run(tmp_path, "show").stdout
    assert "user balancer\n" in shown
    assert "clients/wallpanel.crt until" in shown
    assert "(29 days)" in shown


@pytest.mark.parametrize("name", ["a/b", "relay+", "#", "", "x" * 65, "rela y", "-"])
def test_name_that_would_break_the_acl_is_refused_with_the_reason(
    tmp_path: Path, name: str
) -> None:
    run(tmp_path, "create")
    done = run(tmp_path, "user", "--", name)
    if name == "-":  # unusual, but one topic level like any other
        assert done.returncode == 0
    else:
        assert done.returncode == 1
        assert "is no name: letters, digits" in done.stderr
        assert "Traceback" not in done.stderr


def test_password_may_come_from_a_file_and_never_stands_on_the_command_line(
    tmp_path: Path,
) -> None:
    run(tmp_path, "create")
    (tmp_path / "mine").write_text("my own password\n")
    assert (
        run(tmp_path, "user", "relay2", "--password-file", str(tmp_path / "mine")).returncode == 0
    )
    assert (tmp_path / "clients" / "relay2.password").read_text() == "my own password"


def test_secrets_may_lie_where_the_broker_does_not_look(tmp_path: Path) -> None:
    broker, secrets = tmp_path / "broker", tmp_path / "secrets"
    assert run(broker, "--secrets", str(secrets), "create").returncode == 0
    assert run(broker, "--secrets", str(secrets), "certificate", "balancer").returncode == 0
    assert {path.name for path in broker.iterdir()} == {"acl", "passwd", "certs"}
    assert (secrets / "private" / "ca.key").exists()
    assert (secrets / "clients" / "balancer.key").exists()
    assert "clients/balancer.crt until" in run(broker, "--secrets", str(secrets), "show").stdout


def test_removing_nobody_and_certificates_without_ca_say_what_to_do(tmp_path: Path) -> None:
    assert "there is no user ghost" in run(tmp_path, "remove", "ghost").stderr
    assert "run `create` first" in run(tmp_path, "certificate", "balancer").stderr


def test_missing_openssl_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM, "--folder", tmp_path, "create"],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "openssl is not installed" in done.stderr
