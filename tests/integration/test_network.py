"""The network between service and broker: slow, cut, deaf in one direction."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.appliances import TasmotaRelay
from tests.integration.house import House
from tests.integration.mosquitto import Mosquitto
from tests.integration.proxy import Proxy


@pytest_asyncio.fixture
async def proxy(mosquitto: Mosquitto) -> AsyncIterator[Proxy]:
    async with Proxy(mosquitto.port).open() as made:
        yield made


@pytest_asyncio.fixture
async def house(mosquitto: Mosquitto, proxy: Proxy, tmp_path: Path) -> AsyncIterator[House]:
    """A house whose service reaches the broker only through the proxy."""
    relays = [TasmotaRelay(name, 2500.0) for name in ("bath", "lounge", "study")]
    made = House(mosquitto.port, tmp_path, relays, service_port=proxy.port)
    async with made.open():
        yield made


async def heated(house: House) -> None:
    """Start the service and let two heaters run."""
    await house.start_service()
    await house.settled()
    await house.request("bath", "lounge")
    await house.until(lambda: house.is_on("bath", "lounge"), "both on", within_s=20.0)


async def test_packets_cut_to_single_bytes_are_understood(house: House, proxy: Proxy) -> None:
    """F47."""
    proxy.up.slice_bytes = proxy.down.slice_bytes = 1
    await heated(house)
    house.base_w = 3000.0
    await house.until(lambda: house.on_count == 1, "shed")
    assert "connection_lost" not in house.log


async def test_connection_that_is_reset_is_made_anew(house: House, proxy: Proxy) -> None:
    """F47: nothing is switched for it."""
    await heated(house)
    await house.until(lambda: house.reason("lounge") == "serving", "said")
    sent, sequence = len(house.commands()), house.sequence
    proxy.reset()
    await house.until(lambda: house.sequence > sequence, "a status", within_s=3.0)
    await house.never(lambda: len(house.commands()) > sent, "a command", for_s=1.0)
    assert "connection_lost cause=closed" in house.log


@pytest.mark.parametrize("deaf", ["up", "down", "both"])
async def test_connection_that_swallows_is_left(house: House, proxy: Proxy, deaf: str) -> None:
    """F46, F50: half-open, in one direction or in both."""
    await heated(house)
    connections = proxy.connections
    for name in ("up", "down") if deaf == "both" else (deaf,):
        getattr(proxy, name).swallows_through = connections
    began_s = time.monotonic()
    await house.until(lambda: proxy.connections > connections, "another connection")
    assert time.monotonic() - began_s < 3.5
    assert "cause=silent" in house.log
    await house.settled()
    house.base_w = 3000.0
    await house.until(lambda: house.on_count == 1, "shed")


async def test_slow_line_is_no_broken_one(house: House, proxy: Proxy) -> None:
    """F48: nearly two seconds there and back again."""
    proxy.up.delay_s = proxy.down.delay_s = 0.2
    await heated(house)
    proxy.up.delay_s = proxy.down.delay_s = 0.9
    house.base_w = 3000.0
    await house.until(lambda: house.on_count == 1, "shed", within_s=20.0)
    assert "connection_lost" not in house.log


async def test_command_does_not_wait_behind_discovery_on_a_thin_line(
    house: House, proxy: Proxy
) -> None:
    """F49: at 1 kB/s the discovery document alone takes many seconds."""
    await heated(house)
    proxy.up.bytes_per_s = 1000.0
    proxy.up.slice_bytes = 50
    # when everything is to be said anew
    await house.publish("homeassistant/status", "online")
    await house.never(lambda: False, "", for_s=1.0)
    house.base_w = 6500.0
    # then what is on still goes off within the time that the line takes
    await house.until(lambda: house.on_count == 0, "shed", within_s=20.0)


async def test_service_settles_on_a_thin_line(house: House, proxy: Proxy) -> None:
    """F49: what is too long for the line is put off, or each connection would end by it."""
    proxy.up.bytes_per_s = 1000.0
    proxy.up.slice_bytes = 50
    await house.start_service(wait=False)
    began_s = time.monotonic()
    while (await house.get("/healthz"))[0] != 200:
        assert time.monotonic() - began_s < 60.0, house.log
    await house.request("bath")
    await house.until(lambda: house.is_on("bath"), "on", within_s=20.0)
    lost = house.log.count("connection_lost")
    await house.never(lambda: house.log.count("connection_lost") > lost + 1, "lost", for_s=6.0)
