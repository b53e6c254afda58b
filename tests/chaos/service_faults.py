"""The balancer itself is frozen, killed, doubled."""

import asyncio
import os
import sys
import time

from tests.chaos.observer import PROMISE_S
from tests.chaos.outcome import READY_S, SLOW_S, Outcome
from tests.chaos.rig import Rig

_AFTER_S = 0.3
_KNOWN_S = 2.0
_REST_S = 0.5
_TEMPTED_S = 3.0
_START_S = 15.0


async def service_frozen(rig: Rig, hold_s: float) -> Outcome:
    """SIGSTOP of the balancer: what lay in its socket is not the present, but wishes last."""
    rig.broken()
    house = rig.house
    house.restless = False
    rig.first.freeze()
    house.take(rig.random.uniform(300.0, 5000.0))
    zone = rig.random.choice(list(house.wants))
    house.ask(zone, heat=not house.wants[zone])
    await asyncio.sleep(hold_s)
    thawed_s = time.monotonic()
    rig.first.thaw()
    mouth = rig.first.mouth
    goes_on = await rig.until(lambda: mouth.said_s > thawed_s, SLOW_S)
    rig.judge.check("ready", goes_on, f"nothing was said within {SLOW_S:.0f} s after a pause")
    ready_s = await rig.ready(thawed_s)
    known = await rig.until(lambda: rig.observer.requests.get(zone) is house.wants[zone], _KNOWN_S)
    rig.judge.check("wish", known, f"what {zone} wants was said during a pause and is not done")
    return Outcome(ready_s=ready_s, held_s=hold_s)


async def service_killed(rig: Rig, hold_s: float) -> Outcome:
    """Kill -9 at a random point of its life, and a supervisor that starts it again."""
    rig.broken()
    await asyncio.sleep(rig.random.uniform(0.0, hold_s))
    await rig.first.kill()
    began_s = time.monotonic()
    await rig.first.start()
    return Outcome(ready_s=await rig.ready(began_s, _START_S), held_s=0.0)


async def quiet_service_killed(rig: Rig, hold_s: float) -> Outcome:
    """Kill -9 while nothing happens: no relay moves for that, and nobody loses the turn."""
    moved = await _at_rest(rig)
    killed_s = time.monotonic()
    outcome = await service_killed(rig, hold_s)
    await asyncio.sleep(_AFTER_S)
    moves = rig.house.movements[moved:]
    rig.judge.check("still", not moves, f"{moves} when a quiet balancer was killed at {killed_s}")
    return outcome


async def _at_rest(rig: Rig) -> int:
    """Wait until no relay moves any more; return how many movements there were."""
    moved, until_s = -1, time.monotonic() + _TEMPTED_S
    while moved != len(rig.house.movements) or (rig.tempted and time.monotonic() < until_s):
        moved = len(rig.house.movements)
        await asyncio.sleep(_REST_S)
    return moved


async def service_stopped(rig: Rig, hold_s: float) -> Outcome:
    """SIGTERM: everything off, offline, and gone within three seconds."""
    rig.broken()
    await rig.first.stop()
    still = sorted(rig.house.obedient_on)
    rig.judge.check("stop", not still, f"{still} on after SIGTERM")
    told = await rig.until(lambda: rig.observer.availability == "offline", 1.0)
    rig.judge.check("stop", told, f"{rig.observer.availability!r} after SIGTERM")
    await asyncio.sleep(min(1.0, hold_s))
    began_s = time.monotonic()
    await rig.first.start()
    return Outcome(ready_s=await rig.ready(began_s), held_s=hold_s)


async def busy_machine(rig: Rig, hold_s: float) -> Outcome:
    """Others want all of the processor, and the balancer is the least of them (nice 19)."""
    rig.broken(PROMISE_S + 2.0)
    pid = rig.first.pid
    assert pid is not None
    os.setpriority(os.PRIO_PROCESS, pid, 19)
    busy = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", "while True: pass")
        for _ in range(os.cpu_count() or 1)
    ]
    rig.house.restless = True
    await asyncio.sleep(hold_s)
    rig.house.restless = False
    for each in busy:
        each.kill()
        await each.wait()
    rig.judge.check("alive", rig.first.pid == pid, "a busy machine ended the balancer")
    await rig.first.kill()  # nobody but root may be nice less
    began_s = time.monotonic()
    await rig.first.start()
    return Outcome(ready_s=await rig.ready(began_s, _START_S), held_s=hold_s)


async def clock_turned(rig: Rig, hold_s: float) -> Outcome:
    """The wall clock jumps: no relay moves for that."""
    moved = await _at_rest(rig)
    for _ in range(3):
        rig.first.turn_clock(rig.random.choice((-86_400.0, -3600.0, 3600.0, 86_400.0, 3e8, -3e8)))
        await asyncio.sleep(max(0.7, hold_s / 4.0))
    rig.first.turn_clock(0.0)
    await asyncio.sleep(max(0.7, hold_s / 4.0))
    moves = [(each.relay, each.on) for each in rig.house.movements[moved:]]
    rig.judge.check("clock", not moves, f"{moves} when the wall clock jumped")
    return Outcome(held_s=hold_s)


async def second_instance(rig: Rig, hold_s: float) -> Outcome:
    """A standby stays passive, takes over when the first is gone, and then is the first."""
    first = rig.first
    second = rig.services.get("second") or await rig.add("second")
    said = second.mouth.commands
    await second.start()
    up = await rig.until(lambda: second.mouth.role == "standby", 10.0)
    rig.judge.check("standby", up, "the second instance does not stand by")
    rig.house.restless = True
    await asyncio.sleep(max(1.0, hold_s / 2.0))
    rig.house.restless = False
    rig.judge.check("standby", second.mouth.commands == said, "a standby has commanded")
    # when the first is gone, the second takes over within three seconds of silence
    rig.broken()
    await first.kill()
    began_s = time.monotonic()
    ready_s = await rig.ready(began_s, 15.0)
    most_s = 3.0 + 0.5 + READY_S + SLOW_S
    took = ready_s is not None and ready_s <= most_s
    rig.judge.check("standby", took, f"took over after {ready_s} s")
    # when the first comes back, it is the one that stands by
    said = first.mouth.commands
    await first.start()
    up = await rig.until(lambda: first.mouth.role == "standby", 10.0)
    rig.judge.check("standby", up, "who comes back does not stand by")
    rig.judge.check("standby", first.mouth.commands == said, "who came back commanded")
    await second.stop()
    await rig.ready(time.monotonic(), 15.0)
    return Outcome(ready_s=ready_s, held_s=hold_s)


async def split_brain(rig: Rig, hold_s: float) -> Outcome:
    """The first is cut off, the second takes over, the first comes back: one keeps on."""
    second = rig.services.get("second") or await rig.add("second")
    await second.start()
    await rig.until(lambda: second.mouth.role == "standby", 10.0)
    rig.broken()
    rig.first.proxy.blackhole()
    began_s = time.monotonic()
    took = await rig.until(lambda: second.mouth.role == "active", 10.0)
    rig.judge.check("standby", took, "nobody took over from an instance that is cut off")
    await asyncio.sleep(max(0.0, began_s + hold_s - time.monotonic()))
    rig.first.proxy.heal()
    healed_s = time.monotonic()
    one = await rig.until(lambda: rig.roles == ["active", "standby"], 8.0)
    rig.judge.check("two", one, f"the roles are {rig.roles}")
    ready_s = await rig.ready(healed_s)
    await second.kill()
    await rig.ready(time.monotonic(), 15.0)
    return Outcome(ready_s=ready_s, held_s=hold_s)
