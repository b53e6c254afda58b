"""What the previous run left, as the tests of the memory read it back."""

import json
from collections.abc import Mapping
from typing import Any

from balancer.core.memory import Memory
from balancer.core.model import House
from balancer.core.snapshot import Snapshot
from balancer.views.memory import Left, memory
from balancer.views.status import dump
from tests.views.small_house import TOPICS, a_house, a_snapshot, a_status, to_monotonic

NOW_S = 800.0


def restored(
    retained: Mapping[str, bytes], *, house: House | None = None, now_s: float = NOW_S
) -> tuple[Memory, tuple[str, ...], Left]:
    return memory(retained, house or a_house(), TOPICS, to_monotonic=to_monotonic, now_s=now_s)


def the_status(seen: Snapshot | None = None) -> dict[str, bytes]:
    return {TOPICS.status: dump(a_status(seen or a_snapshot()))}


def mended(*path: str, value: Any) -> dict[str, bytes]:
    """Return the status with one value replaced."""
    document: Any = json.loads(dump(a_status(a_snapshot())))
    at = document
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return {TOPICS.status: json.dumps(document).encode()}
