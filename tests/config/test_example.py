"""config.toml explains every key there is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from balancer.config.devices import Table
from balancer.config.schema import Config

EXAMPLE = (Path(__file__).parents[2] / "config.toml").read_text()


def tables(kind: Any) -> Iterator[type[Table]]:
    """Yield a table and all that may lie in it."""
    if isinstance(kind, type) and issubclass(kind, Table):
        yield kind
        for field in kind.model_fields.values():
            yield from tables(field.annotation)
    for inner in get_args(kind):
        yield from tables(inner)


KEYS = sorted({key for table in tables(Config) for key in table.model_fields})


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_explained_in_the_example(key: str) -> None:
    assert re.search(rf"(?<![\w.]){key}(?![\w])", EXAMPLE)
