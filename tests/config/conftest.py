"""A configuration file in a folder of its own, and texts to compare with."""

from pathlib import Path

import pytest

from balancer.config.load import read_setup
from balancer.config.problems import ConfigError
from balancer.config.setup import Setup
from tests.config.small import Golden, Problems, Read


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return what writes a text to config.toml and reads it; keyword arguments are variables."""

    def read_text(text: str, *, dry_run: bool | None = None, **environ: str) -> Setup:
        path = tmp_path / "config.toml"
        path.write_text(text)
        return read_setup(path, dry_run=dry_run, environ=environ)

    return read_text


@pytest.fixture
def problems(read: Read) -> Problems:
    """Return what reads a text and lists its problems as "where: what"."""

    def found(text: str, **environ: str) -> list[str]:
        try:
            read(text, **environ)
        except ConfigError as error:
            return [f"{each.where}: {each.what}" for each in error.problems]
        return []

    return found


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Return what compares a text with golden/<name>; ``--update-golden`` writes it."""

    def compare(name: str, text: str) -> None:
        path = Path(__file__).with_name("golden") / name
        if request.config.getoption("--update-golden"):
            path.write_text(text)
        assert text == path.read_text()

    return compare
