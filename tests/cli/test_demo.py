"""``balancer demo`` from the outside: a process, its output, its exit status."""

import asyncio
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import aiomqtt
import pytest

from balancer.cli import demo
from balancer.cli.demo.broker import EmbeddedBroker
from balancer.cli.demo.house import REPEAT_S, LiveHouse
from balancer.config.load import read_setup

COMMAND = [sys.executable, "-m", "balancer", "demo"]


def test_the_demo_ends_by_itself_with_a_summary() -> None:
    # when it runs without a terminal until the kettle has been switched on (after 12 s)
    done = subprocess.run(
        [*COMMAND, "--seconds", "17"], capture_output=True, text=True, timeout=120, check=False
    )
    # then it has heated, shed when the kettle was switched on, and says so
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "thermostat     on:" in done.stdout
    assert re.search(r"overload +off:", done.stdout)
    assert re.search(r"shed (once|\d+ times): reading to last OFF [\d.]+ ms", done.stdout)
    assert "breaker trips: 0" in done.stdout
    heat = re.search(r"heat delivered: ([\d.]+) kWh", done.stdout)
    assert heat is not None
    assert float(heat[1]) > 0.0


def test_people_can_switch_the_oven_on_and_ctrl_c_ends_with_the_summary() -> None:
    # given a demo of which we know the port
    process = subprocess.Popen(
        [*COMMAND, "--speed", "10"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
    reader.start()
    port = int(_wait_for(lines, r"mosquitto_sub -p (\d+)")[1])

    # when somebody switches the oven on, as the demo says
    async def oven() -> None:
        async with aiomqtt.Client("127.0.0.1", port) as client:
            await client.publish("home/oven/set", b"ON", qos=1)

    asyncio.run(oven())
    # then the kitchen takes power
    _wait_for(lines, r"kitchen: .*oven")
    # and Ctrl-C ends it cleanly
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0
    reader.join(timeout=5)
    assert any("heat delivered" in line for line in lines)


def test_thermostats_ask_again_when_the_balancer_comes() -> None:
    """What was asked before it listened is lost; the first half minute would show a cold house."""
    # given a house on a broker
    broker = EmbeddedBroker()
    broker.start()
    config = Path(demo.__file__).parent / "demo.toml"
    setup = read_setup(config, environ={})
    house = LiveHouse(setup, config, speed=1.0)
    asking = {f"{house.topics.zone(zone)}/set" for zone in setup.house.zones}

    async def hear_all(client: aiomqtt.Client) -> None:
        missing = set(asking)
        async for message in client.messages:
            missing.discard(message.topic.value)
            if not missing:
                return

    async def come() -> None:
        async with aiomqtt.Client("127.0.0.1", broker.port) as client:
            await client.subscribe([(topic, 1) for topic in asking])
            living = asyncio.create_task(house.run("127.0.0.1", broker.port, asyncio.Event()))
            await hear_all(client)
            # when a balancer says that it is there
            await client.publish(house.topics.availability, b"online", qos=1, retain=True)
            # then everybody asks again, at once
            await hear_all(client)
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)
            await house.close()

    try:
        asyncio.run(asyncio.wait_for(come(), REPEAT_S / 2.0))
    finally:
        broker.stop()


def test_a_missing_extra_is_named_with_the_way_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a Python without the broker
    monkeypatch.setattr(demo, "find_spec", lambda name: None if name == "amqtt" else object())
    # when / then
    assert demo.run_demo(1.0, 1.0) == 1
    told = capsys.readouterr().err
    assert "amqtt" in told
    assert "pip install 'power-balancer[demo]'" in told


def _wait_for(lines: list[str], pattern: str, within_s: float = 40.0) -> re.Match[str]:
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        for line in tuple(lines):
            found = re.search(pattern, line)
            if found:
                return found
        threading.Event().wait(0.05)
    raise AssertionError(f"{pattern!r} not seen in {lines}")
