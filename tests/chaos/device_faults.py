"""Relays, people and the meter do what they should not."""

import asyncio
import time

from tests.chaos.house import GARBAGE, STALE_S
from tests.chaos.observer import PROMISE_S
from tests.chaos.outcome import Outcome
from tests.chaos.rig import CONFIRM_S, Rig


async def _broken_relays(rig: Rig, hold_s: float, how: str, value: object) -> Outcome:
    names = rig.random.sample(list(rig.house.relays), 2)
    rig.broken(PROMISE_S + CONFIRM_S * (1 + len(names)))
    for name in names:
        setattr(rig.house.relays[name], how, value)
    rig.house.restless = True
    await asyncio.sleep(hold_s)
    rig.house.restless = False
    for name in names:
        rig.house.relays[name].mend()
    return Outcome(held_s=hold_s)


async def dead_relays(rig: Rig, hold_s: float) -> Outcome:
    """Two relays neither hear nor answer."""
    return await _broken_relays(rig, hold_s, "dead", value=True)


async def mute_relays(rig: Rig, hold_s: float) -> Outcome:
    """Two relays switch and say nothing."""
    return await _broken_relays(rig, hold_s, "mute", value=True)


async def stuck_relays(rig: Rig, hold_s: float) -> Outcome:
    """Two relays do not move."""
    return await _broken_relays(rig, hold_s, "stuck", value=True)


async def deaf_relays(rig: Rig, hold_s: float) -> Outcome:
    """Two relays do not hear the next two commands."""
    return await _broken_relays(rig, hold_s, "deaf", value=2)


async def slow_relays(rig: Rig, hold_s: float) -> Outcome:
    """Two relays take more than a second for everything."""
    return await _broken_relays(rig, hold_s, "slow_s", value=1.3)


async def button(rig: Rig, hold_s: float) -> Outcome:
    """Somebody presses the buttons of one relay; few times, or it would be left alone."""
    name = min(rig.house.relays, key=lambda each: rig.presses[each])
    rig.presses[name] += 1
    if rig.presses[name] > 2:  # a third one within ten minutes is the last that is put right
        return Outcome()
    rig.house.press(name, on=not rig.house.relays[name].on)
    await asyncio.sleep(min(hold_s, 1.0))
    return Outcome(held_s=0.0)


async def device_reboot(rig: Rig, hold_s: float) -> Outcome:
    """A power cut at one device: it comes back with every relay on."""
    rig.broken(PROMISE_S + 1.0)
    rig.house.reboot(rig.random.choice(("relay3", "office", "bath")), on=True)
    await asyncio.sleep(min(hold_s, 2.0))
    return Outcome(held_s=0.0)


async def _blind(rig: Rig, hold_s: float, says: bytes | None) -> Outcome:
    rig.broken()
    rig.house.metering = says
    began_s = time.monotonic()
    await asyncio.sleep(max(hold_s, STALE_S + 1.0))
    still = sorted(rig.house.obedient_on)
    rig.judge.check("blind", not still, f"{still} on though the meter says {says!r}")
    rig.house.metering = True
    return Outcome(held_s=time.monotonic() - began_s)


async def silent_meter(rig: Rig, hold_s: float) -> Outcome:
    """Nothing from the meter: blind, everything off, nothing on."""
    return await _blind(rig, hold_s, None)


async def garbage_meter(rig: Rig, hold_s: float) -> Outcome:
    """What the meter says is no reading, and does not count as one."""
    return await _blind(rig, hold_s, rig.random.choice(GARBAGE))
