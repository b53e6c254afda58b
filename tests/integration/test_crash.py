"""The service breaks inside: heaters off, offline, exit 1."""

import sys
import time

import pytest

from tests.integration.conftest import MakeHouse

HANG_S = 2.0

BREAK = """
import sys, threading
from pathlib import Path
from balancer.config.load import read_setup
from balancer.engine import Engine
from balancer.service import service
from balancer.service.run import serve
from balancer.service.watchdog import HangWatch

service.HangWatch = lambda last_words: HangWatch(last_words, hang_s={hang_s})
receive = Engine.receive

def broken(self, message, at_s):
    if message.topic == "meter/power" and message.payload == b"666.0":
        {what}
    return receive(self, message, at_s)

Engine.receive = broken
sys.exit(serve(read_setup(Path(sys.argv[1]))))
"""


@pytest.mark.parametrize(
    ("what", "within_s"),
    [("raise RuntimeError('cannot be')", 2.0), ("threading.Event().wait()", HANG_S + 3.0)],
    ids=["raises", "hangs"],
)
async def test_broken_service_turns_everything_off_and_ends_with_1(
    make_house: MakeHouse, what: str, within_s: float
) -> None:
    """R16, F79, F80."""
    async with make_house() as house:
        program = (sys.executable, "-c", BREAK.format(what=what, hang_s=HANG_S))
        await house.start_service(program=program)
        await house.settled()
        await house.request("bath", "lounge")
        await house.until(lambda: house.is_on("bath", "lounge"), "both on")
        # when something inside breaks
        house.metering = False
        began_s = time.monotonic()
        await house.publish("meter/power", "666.0", qos=0)
        # then prepared messages turn everything off, and the process ends
        assert await house.ended(within_s) == 1
        assert time.monotonic() - began_s < within_s
        await house.until(house.is_on, "all off")
        await house.until(lambda: house.text("availability") == "offline", "offline")
        assert "most recent call" in house.log
        # and the next one knows what was asked for
        house.metering = True
        await house.start_service()
        await house.settled()
        assert house.text("zone/bath") == "ON"


async def test_broken_dry_run_commands_nothing(make_house: MakeHouse) -> None:
    """R17."""
    async with make_house(top="dry_run = true") as house:
        program = (
            sys.executable,
            "-c",
            BREAK.format(what="raise RuntimeError('cannot be')", hang_s=HANG_S),
        )
        await house.start_service(program=program)
        await house.settled()
        await house.request("bath")
        await house.until(lambda: house.events, "a decision")
        await house.publish("meter/power", "666.0", qos=0)
        assert await house.ended() == 1
        await house.until(lambda: house.text("availability") == "offline", "offline")
        assert house.commands() == []
