"""The service in this process, on a broker in this process: as the demo runs it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from balancer.cli.demo.broker import ANYBODY, embedded
from balancer.config.load import read_setup
from balancer.service.service import Service
from tests.integration.appliances import Relay
from tests.integration.conftest import three_heaters
from tests.integration.house import House

LISTED = "amqtt.plugins.topic_checking.TopicAccessControlListPlugin"


@contextlib.asynccontextmanager
async def amqtt(plugins: Mapping[str, Any]) -> AsyncIterator[int]:
    """Run a broker; yields its port."""
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.ERROR)
    async with embedded(plugins) as port:
        yield port


@contextlib.asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Service]:
    """Run the service of a config.toml in this loop."""
    service = Service(read_setup(folder / "config.toml"))
    task = asyncio.create_task(service.run())
    try:
        yield service
    finally:
        service.stop()
        async with asyncio.timeout(5.0):
            await task


@pytest_asyncio.fixture
async def port() -> AsyncIterator[int]:
    async with amqtt(ANYBODY) as port:
        yield port


async def test_service_runs_in_process_on_an_embedded_broker(port: int, tmp_path: Path) -> None:
    relays: list[Relay] = three_heaters()
    async with House(port, tmp_path, relays).open() as house, running(tmp_path) as service:
        await house.until(lambda: not service.problems(), "healthy")
        # when heat is asked for, and the oven starts
        await house.request("bath", "lounge")
        await house.until(lambda: house.is_on("bath", "lounge"), "both on")
        house.base_w = 3000.0
        await house.until(lambda: house.on_count == 1, "shed")
        assert service.counts.connected
        assert (service.counts.heartbeat_rtt_s or 1.0) < 1.0
        # when it is stopped
        service.stop()
        await house.until(lambda: house.text("availability") == "offline", "offline")
        assert house.is_on()


@pytest.mark.filterwarnings("ignore:The 'acl' option")
async def test_topic_refused_by_the_access_list_is_named_and_the_rest_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """F53."""
    relays: list[Relay] = three_heaters()
    topics = [
        *("balancer/house/#", "homeassistant/#", "meter/power"),
        *("heat/bath", "heat/lounge"),
    ]
    access = {"acl": {"anonymous": topics}, "publish_acl": {"anonymous": ["#"]}}
    async with amqtt({**ANYBODY, LISTED: access}) as port:
        house = House(port, tmp_path, relays)  # writes config.toml
        with caplog.at_level(logging.INFO, "balancer"):
            async with running(tmp_path) as service:
                await house.until(
                    lambda: service.counts.connected and "started" in caplog.text, "started"
                )
        refused = [each for each in caplog.messages if "subscription_refused" in each]
        assert len(refused) == 1
        assert "topic=heat/study" in refused[0]
        assert "ACL" in refused[0]
