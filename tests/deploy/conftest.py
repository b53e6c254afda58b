"""What the tests of the delivered files share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.house_broker import Broker


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running broker of the house, shared by a module's tests."""
    yield from running(tmp_path_factory.mktemp("broker"))


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A running broker for one test that kills or changes it."""
    yield from running(tmp_path / "broker")


def running(folder: Path) -> Iterator[Broker]:
    broker = Broker(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.end()
