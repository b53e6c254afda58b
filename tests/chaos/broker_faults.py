"""The broker stands still, dies, forgets."""

import asyncio
import time

from tests.chaos.house import BASE
from tests.chaos.outcome import NOTICE_S, READY_S, SLOW_S, Outcome
from tests.chaos.rig import Rig


async def broker_frozen(rig: Rig, hold_s: float) -> Outcome:
    """SIGSTOP; noticed by the heartbeat, never by luck."""
    rig.broken()
    began_s = time.monotonic()
    rig.broker.freeze()
    noticed_s = await rig.noticed(rig.first, began_s, hold_s)
    if hold_s > NOTICE_S + SLOW_S:
        rig.judge.check("noticed", noticed_s is not None, "a frozen broker was not noticed")
    await asyncio.sleep(max(0.0, began_s + hold_s - time.monotonic()))
    rig.broker.thaw()
    back_s = time.monotonic()
    return Outcome(noticed_s, await rig.ready(back_s), hold_s)


async def _broker_down(rig: Rig, hold_s: float, *, wipe: bool) -> Outcome:
    rig.broken()
    began_s = time.monotonic()
    await rig.lose_broker()
    noticed_s = await rig.noticed(rig.first, began_s, NOTICE_S + SLOW_S)
    await asyncio.sleep(max(0.0, began_s + hold_s - time.monotonic()))
    back_s = await rig.bring_broker(wipe=wipe)
    return Outcome(noticed_s, await rig.ready(back_s), hold_s)


async def broker_killed(rig: Rig, hold_s: float) -> Outcome:
    """SIGKILL; it comes back with what it kept."""
    return await _broker_down(rig, hold_s, wipe=False)


async def broker_wiped(rig: Rig, hold_s: float) -> Outcome:
    """SIGKILL; it comes back empty, and everything is published again."""
    outcome = await _broker_down(rig, hold_s, wipe=True)
    kept = await rig.observer.audit()
    until_s = time.monotonic() + READY_S
    while f"{BASE}/status" not in kept and time.monotonic() < until_s:
        kept = await rig.observer.audit()
    for topic in (f"{BASE}/status", f"{BASE}/availability", f"{BASE}/zone/lounge"):
        rig.judge.check("republished", topic in kept, f"{topic} is not on the emptied broker")
    return outcome


async def broker_loop(rig: Rig, hold_s: float) -> Outcome:
    """It dies again and again, soon after it came back."""
    rig.broken()
    back_s = time.monotonic()
    until_s = back_s + hold_s
    while time.monotonic() < until_s:
        await rig.lose_broker()
        await asyncio.sleep(rig.random.uniform(0.0, 0.5))
        back_s = await rig.bring_broker()
        await asyncio.sleep(rig.random.uniform(0.0, 1.0))
    return Outcome(ready_s=await rig.ready(back_s), held_s=hold_s)


async def everything_dead(rig: Rig, hold_s: float) -> Outcome:
    """Balancer and broker are gone: leases run out, whatever can turn itself off is off."""
    rig.broken()
    leased = {
        name for name, relay in rig.house.relays.items() if relay.dead_man_s and not relay.stuck
    }
    longest_s = max(relay.dead_man_s or 0.0 for relay in rig.house.relays.values())
    began_s = time.monotonic()
    await rig.first.kill()
    if rig.random.random() < 0.5:
        await rig.lose_broker()
    gone = await rig.until(lambda: not rig.house.on & leased, longest_s + 2.0)
    rig.judge.check("lease", gone, f"{sorted(rig.house.on & leased)} on with everybody dead")
    held_s = time.monotonic() - began_s
    back_s = await rig.bring_broker()
    await rig.first.start()
    return Outcome(ready_s=await rig.ready(back_s), held_s=held_s)
