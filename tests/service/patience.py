"""Waiting for what no event tells."""

import asyncio
import time
from collections.abc import Callable


async def until(holds: Callable[[], object], within_s: float = 5.0) -> None:
    """Let the loop run until something holds.

    Raises:
        AssertionError: It never did.
    """
    until_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until_s, f"not within {within_s} s"
        await asyncio.sleep(0.001)
