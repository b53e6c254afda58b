"""The network between balancer and broker is bad."""

import asyncio
import time
from collections.abc import Mapping

from tests.chaos.observer import PROMISE_S
from tests.chaos.outcome import SUBACK_S, Outcome
from tests.chaos.rig import Rig
from tests.chaos.toxics import Toxics, Way

_GENTLE_S = 150.0  # on a thin line the status is put off for a minute, then for two


async def _cut_off(rig: Rig, hold_s: float, *ways: Way, half_open: bool = False) -> Outcome:
    rig.broken()
    proxy = rig.first.proxy
    proxy.half_open = half_open
    proxy.blackhole(*ways)
    began_s = time.monotonic()
    noticed_s = await rig.noticed(rig.first, began_s, hold_s)
    await asyncio.sleep(max(0.0, began_s + hold_s - time.monotonic()))
    proxy.heal()
    return Outcome(noticed_s, await rig.ready(time.monotonic()), hold_s)


async def deaf_line(rig: Rig, hold_s: float) -> Outcome:
    """What the broker says does not arrive."""
    return await _cut_off(rig, hold_s, Way.DOWN)


async def dumb_line(rig: Rig, hold_s: float) -> Outcome:
    """What the balancer says does not arrive."""
    return await _cut_off(rig, hold_s, Way.UP)


async def dead_line(rig: Rig, hold_s: float) -> Outcome:
    """Nothing arrives."""
    return await _cut_off(rig, hold_s)


async def half_open(rig: Rig, hold_s: float) -> Outcome:
    """Connections are accepted and nothing more."""
    return await _cut_off(rig, hold_s, half_open=True)


async def _with_toxics(
    rig: Rig, hold_s: float, promise_s: float, toxics: Mapping[Way, Toxics], within_s: float = 30.0
) -> Outcome:
    proxy = rig.first.proxy
    rig.broken(promise_s)
    proxy.toxics = dict(toxics)
    rig.house.restless = True
    await asyncio.sleep(hold_s)
    rig.house.restless = False
    proxy.heal()
    return Outcome(ready_s=await rig.ready(time.monotonic(), within_s), held_s=hold_s)


async def slow_line(rig: Rig, hold_s: float) -> Outcome:
    """Latency and jitter, unlike in both directions."""
    slow = {
        way: Toxics(latency_s=rig.random.uniform(0.02, 0.4), jitter_s=rig.random.uniform(0.0, 0.4))
        for way in Way
    }
    most_s = sum(each.latency_s + each.jitter_s for each in slow.values())
    return await _with_toxics(rig, hold_s, PROMISE_S + 4.0 * most_s, slow)


async def very_slow_line(rig: Rig, hold_s: float) -> Outcome:
    """Two seconds each way: it works, but promises nothing."""
    rig.broken()
    slow = Toxics(latency_s=1.5, jitter_s=0.5)
    proxy = rig.first.proxy
    proxy.toxics = dict.fromkeys(Way, slow)
    began_s = time.monotonic()
    await asyncio.sleep(hold_s)
    ready = await rig.until(rig.commanding, 60.0)
    rig.judge.check("ready", ready, "no connection over a slow line")
    proxy.heal()
    return Outcome(ready_s=await rig.ready(time.monotonic()), held_s=time.monotonic() - began_s)


async def narrow_line(rig: Rig, hold_s: float) -> Outcome:
    """One kilobyte a second."""
    narrow = dict.fromkeys(Way, Toxics(bytes_per_s=1000.0))
    patience_s = PROMISE_S + 10.0
    return await _with_toxics(rig, hold_s, patience_s, narrow, _GENTLE_S)


async def sliced_line(rig: Rig, hold_s: float) -> Outcome:
    """Every byte comes alone."""
    sliced = dict.fromkeys(Way, Toxics(slice_bytes=1))
    return await _with_toxics(rig, hold_s, PROMISE_S + 1.0, sliced)


async def repeating_line(rig: Rig, hold_s: float) -> Outcome:
    """Half of all messages come twice, commands too."""
    twice = dict.fromkeys(Way, Toxics(repeat_share=0.5))
    return await _with_toxics(rig, hold_s, PROMISE_S + 0.5, twice)


async def reset_line(rig: Rig, hold_s: float) -> Outcome:
    """RST, in the middle of a message of either side or between."""
    rig.broken()
    proxy = rig.first.proxy
    until_s = time.monotonic() + hold_s
    back_s = time.monotonic()
    while True:
        began_s = time.monotonic()
        proxy.cut = rig.random.choice((Way.UP, Way.DOWN, None))
        if proxy.cut is None:
            proxy.reset()
        await rig.noticed(rig.first, began_s, 2.0)
        back_s = time.monotonic()
        if back_s >= until_s:
            break
        await asyncio.sleep(rig.random.uniform(0.0, 0.5))
    if proxy.cut is not None:  # it was not connected, or had nothing to say
        proxy.cut, back_s = None, time.monotonic()
    return Outcome(ready_s=await rig.ready(back_s), held_s=hold_s)


async def refusing_line(rig: Rig, hold_s: float) -> Outcome:
    """Connections are accepted and closed at once; few attempts are made all the same."""
    rig.broken()
    proxy = rig.first.proxy
    proxy.refusing = True
    opened = proxy.opened
    proxy.reset()
    await asyncio.sleep(hold_s)
    most = 6.0 + hold_s / 2.0
    tried = proxy.opened - opened
    rig.judge.check("storm", tried <= most, f"{tried} attempts to connect in {hold_s:.0f} s")
    proxy.heal()
    return Outcome(ready_s=await rig.ready(time.monotonic()), held_s=hold_s)


async def lost_suback(rig: Rig, hold_s: float) -> Outcome:
    """The answer to the subscription gets lost once."""
    rig.broken()
    proxy = rig.first.proxy
    proxy.lost_subacks = 1
    proxy.reset()
    began_s = time.monotonic()
    await rig.until(lambda: proxy.lost_subacks == 0, 10.0)
    ready_s = await rig.ready(time.monotonic(), SUBACK_S + 10.0)
    return Outcome(ready_s=ready_s, held_s=time.monotonic() - began_s)
