"""What must fit together in the tables of the service: broker, files, schedule."""

import zoneinfo
from datetime import UTC, tzinfo
from pathlib import Path

from balancer.config.findings import Findings
from balancer.config.problems import listed, meant, shown
from balancer.config.schedule import CronSchedule
from balancer.config.schema import Config, MqttTable, RotationTable
from balancer.config.setup import Broker, Secret, Tls

_LONGEST_PASSWORD_BYTES = 65_535  # MQTT 3.1.1, 3.1.3.5
_TLS_PORT = 8883


def read_broker(table: MqttTable, folder: Path, findings: Findings) -> Broker:
    """Return how to reach the broker; what is wrong with it is noted.

    Args:
        table: As written.
        folder: Where relative paths start.
        findings: Takes problems and warnings.
    """
    if table.password is not None and table.password_file is not None:
        findings.add(
            ("mqtt", "password_file"),
            "there is a password too",
            "password or password_file",
            "remove one of them",
        )
    password = table.password
    if table.password_file is not None:
        password = _read_password(folder / table.password_file, findings)
    if (table.password or table.password_file) and table.username is None:
        findings.warnings.append("mqtt.username is missing: a password is not sent without it")
    return Broker(
        host=table.host,
        port=table.port,
        username=table.username,
        password=password,
        base_topic=table.base_topic,
        tls=_read_tls(table, folder, findings),
    )


def read_schedule(table: RotationTable, findings: Findings) -> CronSchedule | None:
    """Return when ticks are due, or note why that cannot be told."""
    zone: tzinfo = UTC  # needs no tz database, which small containers lack
    try:
        if table.timezone != "UTC":
            zone = zoneinfo.ZoneInfo(table.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        names = zoneinfo.available_timezones()
        guess = meant(table.timezone, sorted(names)) or "UTC"
        allowed = 'a name of the tz database, such as "Europe/Paris"'
        if not names:
            allowed = "UTC only: this system has no tz database (package tzdata)"
        findings.add(
            ("rotation", "timezone"),
            f"there is no time zone {shown(table.timezone)}",
            allowed,
            f'timezone = "{guess}"',
        )
    try:
        return CronSchedule(table.every, zone)
    except ValueError as error:
        findings.add(
            ("rotation", "every"),
            f"{shown(table.every)} gives no time: {error}",
            "5 cron fields, a sixth at the end gives seconds",
            'every = "*/10 * * * *"',
        )
    return None


def check_order(config: Config, findings: Findings) -> None:
    """Note names in ``rotation.order`` that are no loads."""
    names = findings.names("loads")
    for position, name in enumerate(config.rotation.order):
        if names is not None and name not in names:
            guess = meant(name, names)
            findings.add(
                ("rotation", "order", position),
                f"there is no load named {shown(name)}",
                listed(names),
                f'"{guess}"' if guess else f"remove it, or add [loads.{name}]",
            )


def _read_password(path: Path, findings: Findings) -> Secret | None:
    where = ("mqtt", "password_file")
    allowed = "the path of a file that holds the password and nothing else"
    fix = 'password_file = "/run/secrets/mqtt"'
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST_PASSWORD_BYTES + 3)
        text = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        findings.add(where, f"{path} is not UTF-8", allowed, fix)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        findings.add(where, f"{shown(str(path))} cannot be read: {why}", allowed, fix)
    else:
        if text and len(text.encode()) <= _LONGEST_PASSWORD_BYTES:
            return Secret(text)
        size = "longer than a password can be" if text else "empty"
        findings.add(where, f"{path} is {size}", allowed, fix)
    return None


def _read_tls(table: MqttTable, folder: Path, findings: Findings) -> Tls | None:
    if table.tls is None:
        return None
    paths: dict[str, Path | None] = {}
    for key in ("ca", "certificate", "key"):
        name = getattr(table.tls, key)
        paths[key] = None if name is None else folder / name
        if name is not None:
            _check_file(folder / name, key, findings)
    if table.tls.key is not None and table.tls.certificate is None:
        findings.add_missing(
            ("mqtt", "tls", "certificate"),
            "the path of the certificate that the key belongs to",
            'certificate = "client.crt"',
        )
    if table.port != _TLS_PORT and table.port == MqttTable().port:
        findings.warnings.append(
            f"mqtt.port: {table.port} with tls; brokers mostly listen for it on {_TLS_PORT}"
        )
    return Tls(**paths)


def _check_file(path: Path, key: str, findings: Findings) -> None:
    try:
        with path.open("rb"):
            return
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
    findings.add(
        ("mqtt", "tls", key),
        f"{shown(str(path))} cannot be read: {why}",
        "the path of a file, from the folder of config.toml",
        f'{key} = "/etc/balancer/{key}.pem"',
    )
