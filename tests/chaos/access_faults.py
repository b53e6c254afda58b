"""The broker lets somebody else in, or us no more."""

import asyncio
import time

from tests.chaos.client import Client
from tests.chaos.house import BASE, METER_TOPIC
from tests.chaos.outcome import Outcome
from tests.chaos.rig import PASSWORD, Rig

_RIVAL_S = 0.1


async def rival_id(rig: Rig, hold_s: float) -> Outcome:
    """Somebody else connects with our client id, again and again."""
    rig.broken()
    before = rig.first.proxy.opened
    rival = Client(rig.broker.port, rig.first.mouth.client_id, {}, lambda _: None, again_s=_RIVAL_S)
    kicking = asyncio.create_task(rival.run())
    await asyncio.sleep(hold_s)
    kicking.cancel()
    await asyncio.wait({kicking})
    tried = rig.first.proxy.opened - before
    most = 8.0 + hold_s / 2.0
    rig.judge.check("storm", tried <= most, f"{tried} attempts to connect in {hold_s:.0f} s")
    return Outcome(ready_s=await rig.ready(time.monotonic()), held_s=hold_s)


async def _forbidden(rig: Rig, hold_s: float, *topics: str) -> Outcome:
    rig.broken()
    rig.permit(*topics)
    rig.broker.reload()
    rig.first.proxy.reset()
    await asyncio.sleep(hold_s)
    rig.permit()
    rig.broker.reload()
    rig.first.proxy.reset()
    return Outcome(ready_s=await rig.ready(time.monotonic()), held_s=hold_s)


async def meter_forbidden(rig: Rig, hold_s: float) -> Outcome:
    """The broker does not let us read the meter: blind, and nothing is switched on."""
    return await _forbidden(rig, hold_s, METER_TOPIC)


async def heartbeat_forbidden(rig: Rig, hold_s: float) -> Outcome:
    """The broker does not let us hear ourselves."""
    return await _forbidden(rig, hold_s, f"{BASE}/heartbeat")


async def commands_forbidden(rig: Rig, hold_s: float) -> Outcome:
    """The broker swallows what we tell the relays, without a word (MQTT 3.1.1)."""
    topics = [topic for relay in rig.house.relays.values() for topic in relay.topics()]
    outcome = await _forbidden(rig, hold_s, *topics)
    for relay in rig.house.relays.values():
        relay.mend()
    return outcome


async def bad_password(rig: Rig, hold_s: float) -> Outcome:
    """The broker does not know our password any more."""
    rig.broken()
    rig.trust("another")
    rig.broker.reload()
    rig.first.proxy.reset()
    await asyncio.sleep(hold_s)
    rig.trust(PASSWORD)
    rig.broker.reload()
    return Outcome(ready_s=await rig.ready(time.monotonic()), held_s=hold_s)
