"""Passwords stay where they were put: no log, topic, endpoint, table or command line has them."""

import subprocess
import sys
from pathlib import Path

import aiomqtt
import pytest

from balancer.config.load import read_setup
from tests.integration.conftest import three_heaters
from tests.integration.house import House
from tests.integration.mosquitto import Mosquitto
from tests.machine import needed

PASSWORD = "correct-horse-battery-4711"
USER = "balancer"

BREAK = """
import sys
from pathlib import Path
from balancer.config.load import read_setup
from balancer.engine import Engine
from balancer.service.run import serve

receive = Engine.receive

def broken(self, message, at_s):
    if message.payload == b"666.0":
        raise RuntimeError(self._setup.broker)
    return receive(self, message, at_s)

Engine.receive = broken
sys.exit(serve(read_setup(Path(sys.argv[1])), log_level="debug"))
"""


def broker_with_users(folder: Path) -> Mosquitto:
    """Return a running broker that knows our user; others come in without a name."""
    program = needed("mosquitto_passwd")
    passwords = folder / "passwords"
    subprocess.run(
        [program, "-c", "-b", str(passwords), USER, PASSWORD], check=True, capture_output=True
    )
    made = Mosquitto(folder, conf=f"allow_anonymous true\npassword_file {passwords}\n")
    made.start()
    return made


def house_with(folder: Path, port: int, secret: str) -> House:
    """Return a house whose service has these lines of ``[mqtt]``."""
    house = House(port, folder, three_heaters())
    path = folder / "config.toml"
    path.write_text(
        path.read_text().replace("[mqtt]\n", f'[mqtt]\nusername = "{USER}"\n{secret}\n')
    )
    return house


def command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


async def everything_published(port: int) -> list[bytes]:
    """Return topic and payload of all that the broker keeps."""
    found: list[bytes] = []
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("#")
        await client.publish("last", "x")
        async for message in client.messages:
            if message.topic.value == "last":
                break
            assert isinstance(message.payload, bytes)
            found.append(message.topic.value.encode() + b" " + message.payload)
    return found


@pytest.mark.parametrize("form", ["text", "json"])
async def test_a_life_with_a_password_shows_it_nowhere(tmp_path: Path, form: str) -> None:
    broker = broker_with_users(tmp_path)
    try:
        house = house_with(tmp_path, broker.port, f'password = "{PASSWORD}"')
        async with house.open():
            await house.start_service("--log-level", "debug", "--log-format", form)
            await house.settled()
            await house.request("bath")
            await house.until(lambda: house.is_on("bath"), "on")
            shown = [house.log.encode(), command_line(house.pid)]
            shown += [(await house.get(each))[1].encode() for each in ("/metrics", "/healthz")]
            shown += [each.topic.encode() + each.payload for each in house.messages]
            shown += await everything_published(broker.port)
            assert await house.stop_service() == 0
            shown.append(house.log.encode())
        assert any(b"connected" in each for each in shown)
        assert not any(PASSWORD.encode() in each for each in shown)
    finally:
        broker.stop()


async def test_refused_password_is_not_repeated(tmp_path: Path) -> None:
    broker = broker_with_users(tmp_path)
    wrong = f"{PASSWORD}-not"
    secret = tmp_path / "secret"
    secret.write_text(wrong)
    try:
        house = house_with(tmp_path, broker.port, f'password_file = "{secret}"')
        await house.start_service("--log-level", "debug", wait=False)
        await house.until(lambda: "cause=credentials" in house.log, "refused")
        assert await house.stop_service() == 0
        assert wrong not in house.log
    finally:
        broker.stop()


async def test_crash_does_not_show_it_either(tmp_path: Path) -> None:
    """Even a traceback whose message has the whole broker in it."""
    broker = broker_with_users(tmp_path)
    try:
        house = house_with(tmp_path, broker.port, f'password = "{PASSWORD}"')
        async with house.open():
            await house.start_service(program=(sys.executable, "-c", BREAK))
            house.metering = False
            await house.publish("meter/power", "666.0", qos=0)
            assert await house.ended() == 1
        assert "RuntimeError: Broker(" in house.log
        assert PASSWORD not in house.log
    finally:
        broker.stop()


@pytest.mark.parametrize("options", [(), ("--acl",)])
def test_check_shows_no_password(tmp_path: Path, options: tuple[str, ...]) -> None:
    house = house_with(tmp_path, 1883, f'password = "{PASSWORD}"')
    told = subprocess.run(
        [
            *(sys.executable, "-m", "balancer", "check", *options),
            *("--config", str(house.folder / "config.toml")),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert USER in told.stdout
    assert PASSWORD not in told.stdout + told.stderr


def test_password_is_shown_by_no_form_of_the_setup(tmp_path: Path) -> None:
    house = house_with(tmp_path, 1883, f'password = "{PASSWORD}"')
    setup = read_setup(house.folder / "config.toml", environ={})
    assert setup.broker.password == PASSWORD
    assert PASSWORD not in f"{setup!r} {setup} {setup.broker!r}"
