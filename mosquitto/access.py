#!/usr/bin/env python3
"""Make the users, the local CA and the certificates of a house's Mosquitto.

Needs Python 3.11 and openssl, nothing else. Everything is written below one folder, or the last
four into another one that the broker need not see (--secrets):

    passwd                     hashed passwords               for the broker
    acl                        who may do what                for the broker
    certs/ca.crt               the house's CA                 for everybody
    certs/server.crt, .key     the broker's certificate       for the broker
    private/ca.key             whoever has it is trusted      for nobody; keep it off the network
    clients/NAME.password      a password in clear            for that client alone
    clients/NAME.crt, .key     a client certificate           for that client alone

What exists is kept, so that `create` can be run again at any time.
"""

import argparse
import base64
import contextlib
import datetime as dt
import hashlib
import ipaddress
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

ROLES = ("balancer", "homeassistant", "zigbee2mqtt", "viewer")
"""Users that the ACL knows by name; devices are added with `user`."""

CA_DAYS = 20 * 365
DAYS = 10 * 365
"""Nobody looks at a house's certificates: one that runs out in two years is a cold house."""

HASH_ROUNDS = 101
"""As mosquitto_passwd. The broker hashes at every connect, while everybody else waits; a random
password of 128 bits needs no slow hash."""

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""No `/`, `+`, `#`: a name stands for one topic level in the ACL's patterns."""

HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}|[0-9a-fA-F:.]+")


class AccessError(Exception):
    """What the person at the keyboard has to know."""


class Access:
    """The files of one broker.

    Attributes:
        folder: Where the broker reads them; `/etc/mosquitto` on Debian.
        secrets: Where those are that are none of the broker's business; the same by default.
        days: How long new certificates of the broker and of clients are valid, in days.
    """

    def __init__(self, folder: Path, days: int = DAYS, secrets: Path | None = None) -> None:
        self.folder = folder
        self.secrets = secrets or folder
        self.days = days
        self.passwd = folder / "passwd"
        self.ca_crt = folder / "certs" / "ca.crt"
        self.ca_key = self.secrets / "private" / "ca.key"
        self.clients = self.secrets / "clients"
        self.server_crt = folder / "certs" / "server.crt"
        self.server_key = folder / "certs" / "server.key"

    def create(self, hosts: list[str]) -> None:
        """Make everything that a new broker needs and that is not there yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.secrets.mkdir(parents=True, exist_ok=True)
        self.ca_crt.parent.mkdir(mode=0o755, exist_ok=True)
        for private in (self.ca_key.parent, self.clients):
            private.mkdir(mode=0o700, exist_ok=True)
        acl = self.folder / "acl"
        if not acl.exists():
            _write(acl, (Path(__file__).parent / "acl").read_text(), broker=True)
        if not self.ca_key.exists():
            self._make_ca()
        if not self.server_crt.exists():
            self.server(hosts)
        known = self.users()
        for role in ROLES:
            if role not in known:
                self.user(role)

    def users(self) -> dict[str, str]:
        """Return the users that have a password: their hash, by name, in the file's order."""
        if not self.passwd.exists():
            return {}
        lines = self.passwd.read_text().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def user(self, name: str, password: str | None = None) -> Path:
        """Give a user a password, a random one if none is given; return the file that holds it."""
        _check_name(name)
        password = password or secrets.token_hex(16)
        self._write_users(self.users() | {name: hashed(password)})
        path = self.clients / f"{name}.password"
        _write(path, password)
        return path

    def remove(self, name: str) -> None:
        """Take a user's password away."""
        users = self.users()
        if name not in users:
            raise AccessError(f"there is no user {name}; there are: {', '.join(users) or 'none'}")
        users.pop(name)
        self._write_users(users)
        (self.clients / f"{name}.password").unlink(missing_ok=True)

    def certificate(self, name: str) -> Path:
        """Make a client certificate whose common name is the user's name; return its path."""
        _check_name(name)
        path = self.clients / f"{name}.crt"
        self._sign(path, name, ["extendedKeyUsage=clientAuth"])
        return path

    def server(self, hosts: list[str]) -> None:
        """Make or renew the broker's certificate for this machine's names and `hosts`."""
        for host in hosts:
            if not HOST.fullmatch(host):
                raise AccessError(f'"{host}" is neither a host name nor an address')
        here = socket.gethostname()
        names = ["localhost", "127.0.0.1", "::1", "mosquitto", here, f"{here}.local", *hosts]
        wanted = ",".join(dict.fromkeys(f"{_kind(host)}:{host}" for host in names))
        lines = ["extendedKeyUsage=serverAuth", f"subjectAltName={wanted}"]
        self._sign(self.server_crt, hosts[0] if hosts else here, lines, broker=True)

    def certificates(self) -> dict[str, dt.datetime]:
        """Return when each certificate runs out, by its folder and name."""
        ends = {}
        paths = (*self.ca_crt.parent.glob("*.crt"), *self.clients.glob("*.crt"))
        for path in sorted(paths):
            text = _openssl("x509", "-in", str(path), "-noout", "-enddate").strip()
            when = text.removeprefix("notAfter=").replace("GMT", "+0000")
            ends[f"{path.parent.name}/{path.name}"] = dt.datetime.strptime(
                when, "%b %d %H:%M:%S %Y %z"
            )
        return ends

    def _write_users(self, users: dict[str, str]) -> None:
        _write(self.passwd, "".join(f"{n}:{h}\n" for n, h in users.items()), broker=True)

    def _make_ca(self) -> None:
        _write(self.ca_key, _new_key())
        with tempfile.TemporaryDirectory() as scratch:
            request = Path(scratch) / "ca.cnf"
            request.write_text(
                "[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=ca\n"
                "[dn]\nCN=Balancer house CA\n"
                "[ca]\nbasicConstraints=critical,CA:TRUE,pathlen:0\n"
                "keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
            )
            arguments = ("-config", str(request), "-key", str(self.ca_key), "-days", str(CA_DAYS))
            _write(self.ca_crt, _openssl("req", "-x509", "-new", "-sha256", *arguments), 0o644)

    def _sign(
        self, path: Path, common_name: str, lines: list[str], *, broker: bool = False
    ) -> None:
        if not self.ca_key.exists():
            raise AccessError(f"{self.ca_key} is not there; run `create` first")
        key = _new_key()
        with tempfile.TemporaryDirectory() as scratch:
            key_path, request = Path(scratch) / "key", Path(scratch) / "request"
            extensions = Path(scratch) / "extensions"
            _write(key_path, key)
            subject = ("-subj", f"/CN={common_name}")
            request.write_text(_openssl("req", "-new", "-key", str(key_path), *subject))
            fixed = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"]
            ids = ["subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid"]
            extensions.write_text("\n".join([*fixed, *ids, *lines]))
            arguments = ("-in", str(request), "-extfile", str(extensions), "-days", str(self.days))
            issuer = ("-CA", str(self.ca_crt), "-CAkey", str(self.ca_key), "-set_serial", _serial())
            signed = _openssl("x509", "-req", "-sha256", *arguments, *issuer)
        _write(path.with_suffix(".key"), key, broker=broker)
        _write(path, signed, 0o644)


def hashed(password: str) -> str:
    """Return the password as a line of Mosquitto's password file holds it (PBKDF2, SHA-512)."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, HASH_ROUNDS)
    return f"$7${HASH_ROUNDS}${_base64(salt)}${_base64(digest)}"


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _serial() -> str:
    return f"0x{secrets.token_hex(16)}"


def _new_key() -> str:
    return _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def _kind(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "DNS"
    return "IP"


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise AccessError(f'"{name}" is no name: letters, digits, "_" and "-", at most 64')


def _openssl(*arguments: str) -> str:
    program = shutil.which("openssl")
    if program is None:
        raise AccessError("openssl is not installed (Debian: apt install openssl)")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AccessError(f"openssl {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def _write(path: Path, text: str, mode: int = 0o600, *, broker: bool = False) -> None:
    """Replace a file whole; what the broker reads belongs to its group when we are root."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    if broker and os.geteuid() == 0:
        with contextlib.suppress(LookupError):  # no broker on this machine
            shutil.chown(beside, "mosquitto", "mosquitto")
    beside.replace(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("/etc/mosquitto"))
    parser.add_argument("--secrets", type=Path, help="where private/ and clients/ are, else FOLDER")
    parser.add_argument("--days", type=int, default=DAYS, help="validity of new certificates")
    commands = parser.add_subparsers(dest="command", required=True)
    for command, text in (
        ("create", "everything a new broker needs: CA, broker certificate, ACL, users"),
        ("server", "renew the broker's certificate"),
    ):
        made = commands.add_parser(command, help=text)
        made.add_argument("--host", action="append", default=[], help="name or address clients use")
    user = commands.add_parser(
        "user", help="a password for a user, new or known (a device: its topic)"
    )
    user.add_argument("name")
    user.add_argument("--password-file", type=Path, help="take the password from this file")
    for command, text in (
        ("remove", "take a user's password away"),
        ("certificate", "a client certificate for a user"),
    ):
        commands.add_parser(command, help=text).add_argument("name")
    commands.add_parser("show", help="users, and when certificates run out")
    return parser.parse_args()


def _run(arguments: argparse.Namespace) -> None:
    access = Access(arguments.folder, arguments.days, arguments.secrets)
    match arguments.command:
        case "create":
            if arguments.host and access.server_crt.exists():
                print(f"{access.server_crt} is kept; for other names: `server --host NAME`")
            access.create(arguments.host)
            print(f"{access.folder}: users {', '.join(access.users())}")
            print(f"passwords: {access.clients}; CA for clients: {access.ca_crt}")
        case "server":
            access.server(arguments.host)
            print(f"{access.server_crt}: new; the broker reads it again on HUP")
        case "user":
            file = arguments.password_file
            path = access.user(arguments.name, file.read_text().strip() if file else None)
            print(f"{path}: the password of {arguments.name}; the broker reads it on HUP")
        case "remove":
            access.remove(arguments.name)
            print(f"{arguments.name} has no password any more once the broker got a HUP")
            print("a certificate stays valid: see the last lines of the ACL")
        case "certificate":
            path = access.certificate(arguments.name)
            print(f"{path} and {path.with_suffix('.key')}: for port 8884")
        case _:
            for name in access.users():
                print(f"user {name}")
            now = dt.datetime.now(dt.UTC)
            for certificate, end in access.certificates().items():
                print(f"{certificate} until {end:%Y-%m-%d} ({(end - now).days} days)")


def main() -> int:
    """Do what the command line says; return the exit status."""
    os.umask(0o022)
    try:
        _run(_arguments())
    except (AccessError, OSError) as error:
        print(f"access.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
