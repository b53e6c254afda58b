"""Files for Home Assistant fit the example configuration and what is announced."""

import json
import re
from pathlib import Path

import pytest

from balancer.config.load import read_setup
from balancer.core.commands import Reason
from balancer.views.homeassistant import discovery
from balancer.views.topics import Topics

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "homeassistant"
ENTITY = re.compile(r"\b[a-z_]+\.balancer_house_[a-z0-9_]+")


def announced() -> set[str]:
    """Return the entity ids of the example house."""
    setup = read_setup(ROOT / "config.toml", environ={})
    topics = Topics(setup.broker.base_topic, setup.house.name)
    message = discovery(setup.house, topics, prefix="homeassistant", version="1")
    components = json.loads(message.payload)["components"].values()
    return {component["default_entity_id"] for component in components}


@pytest.mark.parametrize("name", ["balancer.yaml", "dashboard.yaml"])
def test_every_entity_that_a_file_names_is_announced(name: str) -> None:
    used = set(ENTITY.findall((FOLDER / name).read_text(encoding="utf-8")))
    assert len(used) > 5
    assert used - announced() == set()


def test_every_request_of_the_example_house_has_a_thermostat() -> None:
    package = (FOLDER / "balancer.yaml").read_text(encoding="utf-8")
    heaters = set(re.findall(r"^ +heater: (\S+)$", package, re.MULTILINE))
    assert heaters == {entity for entity in announced() if entity.endswith("_request")}


def test_the_reasons_that_are_explained_are_all_there_are() -> None:
    """R18."""
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    table = page.split("## Why is this heater off?")[1]
    explained = re.findall(r"`([a-z_]+)`", table)
    assert sorted(explained) == sorted(reason.value for reason in Reason)


def test_the_example_of_the_move_is_a_configuration(tmp_path: Path) -> None:
    page = (FOLDER / "migrating.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "config.toml").write_text(example, encoding="utf-8")
    setup = read_setup(tmp_path / "config.toml", environ={})
    assert setup.house.dry_run
    assert list(setup.house.loads) == ["lounge_window", "lounge_entrance", "bedroom"]


def test_every_key_that_the_move_names_is_a_key_of_the_configuration() -> None:
    page = (FOLDER / "migrating.md").read_text(encoding="utf-8")
    rows = [line.split("|")[2] for line in page.splitlines() if line.startswith("| `")]
    named = set(re.findall(r"`(?:[a-z]+\.)?([a-z_]+)(?: = [^`]*)?`", " ".join(rows)))
    known = (ROOT / "config.toml").read_text(encoding="utf-8")
    assert len(named) > 12
    assert {key for key in named if not re.search(rf"\b{key}\b", known)} == set()
