"""Fixtures: brokers, and houses on them."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.appliances import PlainRelay, Relay
from tests.integration.house import House
from tests.integration.mosquitto import Mosquitto

MakeHouse = Callable[..., AbstractAsyncContextManager[House]]


def three_heaters() -> list[Relay]:
    """Two of them fit beside 500 W under 6000 W, three do not."""
    return [PlainRelay(name, 2500.0) for name in ("bath", "lounge", "study")]


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path / "broker")
    (tmp_path / "broker").mkdir()
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def make_house(mosquitto: Mosquitto, tmp_path: Path) -> MakeHouse:
    """Return what makes a house on the broker, without the service."""

    def make(relays: list[Relay] | None = None, **options: Any) -> Any:
        relays = three_heaters() if relays is None else relays
        return House(mosquitto.port, tmp_path, relays, **options).open()

    return make


@contextlib.asynccontextmanager
async def served(
    folder: Path, *, conf: str = "", denied: str = "", relays: list[Relay] | None = None
) -> AsyncIterator[House]:
    """Run a house and its service, ready to decide, on a broker that is not the usual one.

    Args:
        folder: For the files of all.
        conf: Further lines of mosquitto.conf.
        denied: Topic on which the broker lets nobody publish or hear anything.
        relays: Three heaters of which two fit, if not others.
    """
    if denied:
        acl = folder / "acl"
        acl.write_text(f"topic deny {denied}\ntopic readwrite #\n")
        conf += f"allow_anonymous true\nacl_file {acl}\n"
    broker = Mosquitto(folder / "broker", conf=conf)
    (folder / "broker").mkdir()
    broker.start()
    made = House(broker.port, folder, three_heaters() if relays is None else relays)
    try:
        async with made.open():
            await made.start_service()
            await made.settled()
            yield made
    finally:
        broker.stop()


@pytest_asyncio.fixture
async def house(make_house: MakeHouse) -> AsyncIterator[House]:
    """Three heaters of which two fit, and the service, ready to decide."""
    async with make_house() as made:
        await made.start_service()
        await made.settled()
        yield made
