"""Where settings come from: file, environment, options, secret files."""

import contextlib
import os
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest

from balancer.config.load import read_setup
from balancer.config.problems import ConfigError
from tests.config.small import HOUSE, Problems, Read

PASSWORD = "correct horse"
NOBODY = 65534
MQTT = '[mqtt]\nusername = "balancer"\n'


def test_an_option_wins_over_the_environment_and_that_over_the_file(read: Read) -> None:
    text = f"dry_run = false\n{HOUSE}"
    assert not read(text).house.dry_run
    assert read(text, BALANCER_DRY_RUN="true").house.dry_run
    assert not read(text, BALANCER_DRY_RUN="TRUE", dry_run=False).house.dry_run
    assert read(text, dry_run=True).house.dry_run


def test_without_environment_given_that_of_the_process_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(HOUSE)
    monkeypatch.setenv("BALANCER_NAME", "cabin")
    assert read_setup(path).house.name == "cabin"


def test_a_variable_changes_one_key_and_leaves_its_neighbours(read: Read) -> None:
    text = f'{HOUSE}[mqtt]\nhost = "broker"\nport = 1884\n'
    broker = read(text, BALANCER_MQTT__HOST="other").broker
    assert (broker.host, broker.port) == ("other", 1884)


def test_variables_reach_circuits_loads_and_devices_by_name(read: Read) -> None:
    text = HOUSE.replace("[loads.lounge]", "[loads.Lounge-1]")
    setup = read(
        text,
        BALANCER_CIRCUITS__MAIN__LIMIT="4 kW",
        BALANCER_CIRCUITS__MAIN__STEPS="[1, 0]",
        BALANCER_LOADS__LOUNGE_1__POWER="1.2 kW",
        BALANCER_LOADS__LOUNGE_1__RELAY__QOS="1",
        BALANCER_ROTATION__ORDER='["Lounge-1"]',
    )
    assert setup.house.circuits["main"].limit_w == 4000.0
    assert setup.house.circuits["main"].steps == (1, 0)
    assert setup.house.rated_w == {"Lounge-1": 1200.0}
    assert setup.relays["Lounge-1"].switch(on=True).qos == 1


def test_tables_in_a_variable_are_json_or_toml(read: Read) -> None:
    for table in ('{"type": "mqtt", "topic": "p1"}', '{ type = "mqtt", topic = "p1" }'):
        setup = read(HOUSE, BALANCER_CIRCUITS__MAIN__METER=table)
        assert setup.meters["circuits.main.meter"].topic == "p1"


def test_a_problem_names_the_variable_that_it_comes_from(problems: Problems) -> None:
    assert problems(HOUSE, BALANCER_MQTT__PORT="none", BALANCER_MQTT__HOTS="x") == [
        "mqtt.hots: there is no such key (from BALANCER_MQTT__HOTS)",
        'mqtt.port: "none" is not a number (from BALANCER_MQTT__PORT)',
    ]


DEEP = "BALANCER_LOADS" + 2000 * "__A"


@pytest.mark.parametrize(
    ("variable", "fix"),
    [
        ("BALANCER_DRYRUN", "rename it to BALANCER_DRY_RUN"),
        ("BALANCER_DRY_RUNS", "rename it to BALANCER_DRY_RUN"),
        ("BALANCER_MQTT_PASSWORD", "rename it to BALANCER_MQTT__PASSWORD"),
        ("BALANCER_MQTT_PASSWORD_FILE", "rename it to BALANCER_MQTT__PASSWORD_FILE"),
        ("BALANCER_HTTP_PORT", "rename it to BALANCER_HTTP__PORT"),
        ("BALANCER_LOADS_LOUNGE_POWER", "rename it to BALANCER_LOADS__LOUNGE__POWER"),
        ("BALANCER_MQQT__HOST", "rename it to BALANCER_MQTT__HOST"),
        ("BALANCER_FOO__BAR", "unset BALANCER_FOO__BAR"),
        (DEEP, f"unset {DEEP}"),
    ],
)
def test_a_variable_that_was_meant_as_a_setting_is_a_problem(
    variable: str, fix: str, read: Read
) -> None:
    with pytest.raises(ConfigError) as error:
        read(HOUSE, **{variable: "true"})
    assert [(each.where, each.fix) for each in error.value.problems] == [(variable, fix)]


def test_variables_of_a_container_platform_are_left_alone(read: Read) -> None:
    setup = read(
        HOUSE,
        BALANCER_PORT="tcp://10.0.0.1:9842",
        BALANCER_PORT_9842_TCP="tcp://10.0.0.1:9842",
        BALANCER_PORT_9842_TCP_ADDR="10.0.0.1",
        BALANCER_PORT_9842_TCP_PROTO="tcp",
        BALANCER_SERVICE_HOST="10.0.0.1",
        BALANCER_SERVICE_PORT="9842",
        BALANCER_SERVICE_PORT_HTTP="9842",
        BALANCER_MQTT_PORT="tcp://10.0.0.2:1883",
        BALANCER_MQTT_SERVICE_HOST="10.0.0.2",
        BALANCER_HTTP_PORT="tcp://10.0.0.1:9842",
        PATH="/bin",
    )
    assert setup.warnings == ()
    assert setup.broker.port == 1883


def test_other_variables_with_the_prefix_are_warned_of(read: Read) -> None:
    setup = read(HOUSE, BALANCER_VERSION="1.2", BALANCER_NAME="")
    assert setup.warnings == (
        "BALANCER_NAME is empty and ignored",
        "BALANCER_VERSION is no setting and ignored",
    )


def test_a_variable_below_a_plain_key_is_a_problem(problems: Problems) -> None:
    assert problems(HOUSE, BALANCER_NAME="cabin", BALANCER_NAME__TITLE="x") == [
        "name: a table is not text (from BALANCER_NAME)"
    ]


@pytest.mark.parametrize("key", ["host", "password"])
def test_a_variable_that_is_no_utf_8_is_a_problem(key: str, problems: Problems) -> None:
    # given bytes that the system hands on as lone surrogates
    found = problems(HOUSE + MQTT, **{f"BALANCER_MQTT__{key.upper()}": "a\udcff"})
    assert len(found) == 1
    assert found[0].startswith(f"mqtt.{key}: ")
    assert "is not UTF-8" in found[0]


def test_a_type_from_the_environment_that_is_not_utf8_is_a_problem(problems: Problems) -> None:
    text = f'{HOUSE}[zones.bath.request]\ntopic = "trv"\n'
    found = problems(text, BALANCER_ZONES__BATH__REQUEST__TYPE="\udcff")
    assert len(found) == 1
    assert found[0].startswith("zones.bath.request.type: there is no type")


def test_without_a_tz_database_only_utc_is_known(
    read: Read, problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a small container without one
    def nothing(key: str) -> None:
        raise zoneinfo.ZoneInfoNotFoundError(key)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", nothing)
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    # then the default needs none
    assert read(HOUSE)
    assert problems(f'{HOUSE}[rotation]\ntimezone = "Europe/Paris"') == [
        'rotation.timezone: there is no time zone "Europe/Paris"'
    ]


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_password_stands_in_a_file(ending: str, read: Read, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(f"{PASSWORD}{ending}".encode())
    # relative to the configuration, not to the working folder
    setup = read(f'{HOUSE}{MQTT}password_file = "secret"')
    assert setup.broker.password == PASSWORD
    assert PASSWORD not in repr(setup)


def test_the_environment_names_the_secret_file(read: Read, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    variables = {"BALANCER_MQTT__PASSWORD_FILE": str(secret)}
    assert read(HOUSE + MQTT, **variables).broker.password == PASSWORD
    # a password in the file is replaced, whichever form it has
    assert read(f'{HOUSE}{MQTT}password = "old"', **variables).broker.password == PASSWORD


def test_a_password_in_the_environment_wins_over_a_secret_file(read: Read) -> None:
    setup = read(f'{HOUSE}{MQTT}password_file = "/none"', BALANCER_MQTT__PASSWORD=PASSWORD)
    assert setup.broker.password == PASSWORD


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, '"{path}" cannot be read: No such file or directory'),
        (b"", "{path} is empty"),
        (b"\n", "{path} is empty"),
        (b"\xff", "{path} is not UTF-8"),
        (b"x" * 65_536, "{path} is longer than a password can be"),
    ],
)
def test_a_secret_file_without_a_password_is_a_problem(
    content: bytes | None,
    what: str,
    problems: Problems,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "s"
    if content is not None:
        path.write_bytes(content)
    text = f'{HOUSE}{MQTT}password_file = "{path}"'
    shown = str(path) if len(str(path)) <= 60 else f"{str(path)[:59]}…"
    expected = what.format(path=shown if "cannot" in what else path)
    assert problems(text) == [f"mqtt.password_file: {expected}"]


def test_a_password_without_a_username_is_warned_of(read: Read) -> None:
    setup = read(HOUSE, BALANCER_MQTT__PASSWORD=PASSWORD)
    assert setup.warnings == ("mqtt.username is missing: a password is not sent without it",)


def test_no_problem_text_shows_a_password(read: Read) -> None:
    text = f'{HOUSE}[mqtt]\npassword = "{PASSWORD}"\npasword = "{PASSWORD}"\nport = "x"'
    with pytest.raises(ConfigError) as error:
        read(text, BALANCER_MQTT_PASSWORD=PASSWORD, BALANCER_MQTT__PASSWORT=PASSWORD)
    assert PASSWORD not in str(error.value)
    assert len(error.value.problems) == 4


def test_no_problem_text_shows_a_password_that_stands_in_a_wrong_table(read: Read) -> None:
    text = f"""{HOUSE}secret = "{PASSWORD}"
[zones]
Password = "{PASSWORD}"
[circuits]
mqtt_pass = ["{PASSWORD}"]
"""
    text = text.replace("[zones.lounge]\n", "").replace("[circuits.main]", "[circuits.a]")
    with pytest.raises(ConfigError) as error:
        read(text)
    assert PASSWORD not in str(error.value)
    assert "zones.Password: what stands there is not a table" in str(error.value)


def test_tls_files_are_beside_the_configuration(read: Read, tmp_path: Path) -> None:
    for name in ("ca.crt", "client.crt", "client.key"):
        (tmp_path / name).write_text("x")
    tables = '{ ca = "ca.crt", certificate = "client.crt", key = "client.key" }'
    tls = read(f"{HOUSE}[mqtt]\nport = 8883\ntls = {tables}").broker.tls
    assert tls is not None
    assert (tls.ca, tls.certificate, tls.key) == (
        tmp_path / "ca.crt",
        tmp_path / "client.crt",
        tmp_path / "client.key",
    )
    system = read(f"{HOUSE}[mqtt]\nport = 8883\ntls = {{}}").broker.tls
    assert system is not None
    assert system.ca is None


def test_tls_files_that_are_not_there_are_problems(problems: Problems) -> None:
    found = problems(f'{HOUSE}[mqtt]\ntls = {{ ca = "/n/ca", key = "/n/key" }}')
    assert found == [
        'mqtt.tls.ca: "/n/ca" cannot be read: No such file or directory',
        'mqtt.tls.key: "/n/key" cannot be read: No such file or directory',
        "mqtt.tls.certificate: it is missing",
    ]


def test_tls_on_the_usual_port_is_warned_of(read: Read) -> None:
    assert read(f"{HOUSE}[mqtt]\ntls = {{}}").warnings == (
        "mqtt.port: 1883 with tls; brokers mostly listen for it on 8883",
    )


@pytest.mark.parametrize(
    ("content", "what", "fix"),
    [
        (b"name = house", "line 1, column 8: no value can be read here", 'name = "house"'),
        (b'a = 1\nname = "house', "line 2: ", "close the quotes"),
        (b"limit = 1,5", "line 1, column 10: Expected newline", "decimal point"),
        (b"[a]\n[b]\n[a]", "line 3, column 3: Cannot declare ('a',) twice", "once"),
        (b"a = 1\na = 2\n", "line 2, column 6: Cannot overwrite a value", "once"),
        (b"\xfe\xffn\x00", "line 1: byte 0xfe is not UTF-8", "UTF-8"),
        (b"a = 1\nb = '\xe9'", "line 2: byte 0xe9 is not UTF-8", "UTF-8"),
        (b"a = " + b"[" * 5000, "its lists or tables lie too deep in each other", "flatten"),
        (b"a." * 5000 + b"a = 1", "its lists or tables lie too deep in each other", "flatten"),
        (b"a = " + b"9" * 5000, "Exceeds the limit", "smaller"),
        (b"#" * 4_194_305, "it is larger than 4 MiB", "--config"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_file_that_is_no_toml_is_one_problem(
    content: bytes, what: str, fix: str, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        read_setup(path, environ={})
    (problem,) = error.value.problems
    assert problem.where == str(path)
    assert what in problem.what
    assert fix in problem.fix


def test_a_password_in_a_broken_line_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[mqtt]\npassword = hunter2\n")
    with pytest.raises(ConfigError) as error:
        read_setup(path, environ={})
    assert "hunter2" not in str(error.value)


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf" + HOUSE.encode())
    assert read_setup(path, environ={}).house.name == "house"


def test_a_missing_file_is_a_problem_not_an_empty_house(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    with pytest.raises(ConfigError) as error:
        read_setup(path, environ={})
    assert [each.what for each in error.value.problems] == ["there is no such file"]


def test_a_folder_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        read_setup(tmp_path, environ={})
    assert [each.what for each in error.value.problems] == ["it is a folder"]


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Let root, who may read everything, be somebody else; others are that already."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_name_that_no_file_can_have_is_a_problem() -> None:
    with pytest.raises(ConfigError) as error:
        read_setup(Path("a\0b"), environ={})
    assert "it cannot be read" in error.value.problems[0].what


def test_a_file_of_somebody_else_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(HOUSE)
    path.chmod(0)
    with as_nobody(), pytest.raises(ConfigError) as error:
        read_setup(path, environ={})
    assert "it may not be read" in error.value.problems[0].what
