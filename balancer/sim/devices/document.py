"""Writing a value into a JSON document by the kind of path that config.toml uses."""

import re
from typing import Any

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def put(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Write a value at a path such as ``ENERGY.Power[0]``, making what is missing; return the document."""
    steps: list[str | int] = [
        match[1] if match[1] is not None else int(match[2]) for match in _STEP.finditer(path)
    ]
    assert steps, path
    place: Any = document
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        empty: Any = value if following is None else ([] if isinstance(following, int) else {})
        if isinstance(step, int):
            while len(place) <= step:
                place.append(None)
            if following is None or place[step] is None:
                place[step] = empty
        elif following is None or step not in place:
            place[step] = empty
        place = place[step]
    return document
