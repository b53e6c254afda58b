"""What is broken on purpose, one function a fault; each heals what it broke.

A fault gets the rig and for how long, in seconds, and returns what was measured of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tests.chaos.client import Client
from tests.chaos.house import BASE, GARBAGE, METER_TOPIC, STALE_S
from tests.chaos.observer import PROMISE_S
from tests.chaos.proxy import Toxics, Way
from tests.chaos.rig import PASSWORD, Rig

NOTICE_S = 2.5  # a broker that stands still is noticed
READY_S = 1.0  # after the broker is back
_SLOW_S = 3.0  # this machine may have other work
_SUBACK_S = 5.0
_RIVAL_S = 0.1
_CONFIRM_S = 2.5
_AFTER_S = 0.3
_START_S = 15.0


@dataclass(frozen=True)
class Outcome:
    """What was measured.

    Attributes:
        noticed_s: From the fault until the balancer gave its connection up.
        ready_s: From the end of the fault until it was ready; 0: its connection lasted.
        held_s: How long it was on.
    """

    noticed_s: float | None = None
    ready_s: float | None = None
    held_s: float = 0.0


Fault = Callable[[Rig, float], Awaitable[Outcome]]


# -- the broker --------------------------------------------------------------------------------


async def broker_frozen(rig: Rig, hold_s: float) -> Outcome:
    """SIGSTOP; noticed by the heartbeat, never by luck."""
    rig.broken()
    began_s = time.monotonic()
    rig.broker.freeze()
    noticed_s = await rig.noticed(rig.first, began_s, hold_s)
    if hold_s > NOTICE_S + _SLOW_S:
        rig.judge.check("noticed", noticed_s is not None, "a frozen broker was not noticed")
    await asyncio.sleep(max(0.0, began_s + hold_s - time.monotonic()))
    rig.broker.thaw()
    back_s = time.monotonic()
    return Outcome(noticed_s, await rig.ready(back_s), hold_s)


async def _broker_down(rig: Rig, hold_s: float, *, wipe: bool) -> Outcome:
    rig.broken()
    began_s = time.monotonic()
    await rig.lose_broker()
    noticed_s = await rig.noticed(rig.first, began_s, NOTICE_S + _SLOW_S)
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


# -- the network -------------------------------------------------------------------------------


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


async def _with_toxics(rig: Rig, hold_s: float, promise_s: float, **toxics: Toxics) -> Outcome:
    proxy = rig.first.proxy
    rig.broken(promise_s)
    proxy.toxics = {way: toxics.get(way.value, Toxics()) for way in Way}
    rig.house.restless = True
    await asyncio.sleep(hold_s)
    rig.house.restless = False
    proxy.heal()
    return Outcome(ready_s=await rig.ready(time.monotonic()), held_s=hold_s)


async def slow_line(rig: Rig, hold_s: float) -> Outcome:
    """Latency and jitter, unlike in both directions."""
    slow = {
        way.value: Toxics(
            latency_s=rig.random.uniform(0.02, 0.4), jitter_s=rig.random.uniform(0.0, 0.4)
        )
        for way in Way
    }
    most_s = sum(each.latency_s + each.jitter_s for each in slow.values())
    return await _with_toxics(rig, hold_s, PROMISE_S + 4.0 * most_s, **slow)


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
    narrow = Toxics(bytes_per_s=1000.0)
    return await _with_toxics(rig, hold_s, PROMISE_S + 10.0, up=narrow, down=narrow)


async def sliced_line(rig: Rig, hold_s: float) -> Outcome:
    """Every byte comes alone."""
    sliced = Toxics(slice_bytes=1)
    return await _with_toxics(rig, hold_s, PROMISE_S + 1.0, up=sliced, down=sliced)


async def repeating_line(rig: Rig, hold_s: float) -> Outcome:
    """Half of all messages come twice, commands too."""
    twice = Toxics(repeat_share=0.5)
    return await _with_toxics(rig, hold_s, PROMISE_S + 0.5, up=twice, down=twice)


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
    ready_s = await rig.ready(time.monotonic(), _SUBACK_S + 10.0)
    return Outcome(ready_s=ready_s, held_s=time.monotonic() - began_s)


# -- who may do what ---------------------------------------------------------------------------


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
    await asyncio.sleep(0.2)
    rig.first.proxy.reset()
    await asyncio.sleep(hold_s)
    rig.permit()
    rig.broker.reload()
    await asyncio.sleep(0.2)
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
    await asyncio.sleep(0.2)
    rig.first.proxy.reset()
    await asyncio.sleep(hold_s)
    rig.trust(PASSWORD)
    rig.broker.reload()
    return Outcome(ready_s=await rig.ready(time.monotonic()), held_s=hold_s)


# -- ourselves ---------------------------------------------------------------------------------


async def service_frozen(rig: Rig, hold_s: float) -> Outcome:
    """SIGSTOP of the balancer: what lay in its socket meanwhile is not taken for the present."""
    rig.broken()
    rig.first.freeze()
    rig.house.take(rig.random.uniform(300.0, 5000.0))
    await asyncio.sleep(hold_s)
    rig.first.mouth.forget_wishes()
    rig.first.thaw()
    return Outcome(ready_s=await rig.ready(time.monotonic()), held_s=hold_s)


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
    moved = len(rig.house.movements)
    outcome = await service_killed(rig, hold_s)
    await asyncio.sleep(_AFTER_S)
    moves = [(each.relay, each.on) for each in rig.house.movements[moved:]]
    rig.judge.check("still", not moves, f"{moves} when a quiet balancer was killed")
    return outcome


async def service_stopped(rig: Rig, hold_s: float) -> Outcome:
    """SIGTERM: everything off, offline, and gone within three seconds."""
    rig.broken()
    await rig.first.stop()
    rig.judge.check("stop", not rig.house.on, f"{sorted(rig.house.on)} on after SIGTERM")
    told = await rig.until(lambda: rig.observer.availability == "offline", 1.0)
    rig.judge.check("stop", told, f"{rig.observer.availability!r} after SIGTERM")
    await asyncio.sleep(min(1.0, hold_s))
    began_s = time.monotonic()
    await rig.first.start()
    return Outcome(ready_s=await rig.ready(began_s), held_s=hold_s)


async def clock_turned(rig: Rig, hold_s: float) -> Outcome:
    """The wall clock jumps: no relay moves for that."""
    moved = len(rig.house.movements)
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
    await second.start()
    up = await rig.until(lambda: second.mouth.role == "standby", 10.0)
    rig.judge.check("standby", up, "the second instance does not stand by")
    rig.house.restless = True
    await asyncio.sleep(max(1.0, hold_s / 2.0))
    rig.house.restless = False
    rig.judge.check("standby", not second.mouth.commands, "a standby has commanded")
    # when the first is gone, the second takes over within three seconds of silence
    rig.broken()
    await first.kill()
    began_s = time.monotonic()
    ready_s = await rig.ready(began_s, 15.0)
    most_s = 3.0 + 0.5 + READY_S + _SLOW_S
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


# -- devices -----------------------------------------------------------------------------------


async def _broken_relays(rig: Rig, hold_s: float, how: str, value: object) -> Outcome:
    names = rig.random.sample(list(rig.house.relays), 2)
    rig.broken(PROMISE_S + _CONFIRM_S * (1 + len(names)))
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


# -- the meter ---------------------------------------------------------------------------------


async def silent_meter(rig: Rig, hold_s: float) -> Outcome:
    """Nothing from the meter: blind, everything off, nothing on."""
    rig.broken()
    rig.house.metering = None
    began_s = time.monotonic()
    await asyncio.sleep(max(hold_s, STALE_S + 1.0))
    still = sorted(rig.house.on)
    rig.judge.check("blind", not still, f"{still} on though the meter is silent")
    rig.house.metering = True
    return Outcome(held_s=time.monotonic() - began_s)


async def garbage_meter(rig: Rig, hold_s: float) -> Outcome:
    """What the meter says is no reading, and does not count as one."""
    rig.broken()
    rig.house.metering = rig.random.choice(GARBAGE)
    began_s = time.monotonic()
    await asyncio.sleep(max(hold_s, STALE_S + 1.0))
    still = sorted(rig.house.on)
    rig.judge.check("blind", not still, f"{still} on though the meter says {rig.house.metering!r}")
    rig.house.metering = True
    return Outcome(held_s=time.monotonic() - began_s)


async def everything_dead(rig: Rig, hold_s: float) -> Outcome:
    """Balancer and broker are gone: leases run out, whatever can turn itself off is off."""
    rig.broken()
    leased = {name for name, relay in rig.house.relays.items() if relay.dead_man_s}
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


@dataclass(frozen=True)
class Kind:
    """A fault in a campaign.

    Attributes:
        weight: How often, relative to others.
        least_s, most_s: How long it lasts.
        ready_s: How soon after it the balancer has to be ready; None: nothing is said.
        noticed_s: How soon it has to be noticed, likewise.
        quiet: It wants a house in which nothing happens.
    """

    fault: Fault
    weight: float = 1.0
    least_s: float = 1.0
    most_s: float = 5.0
    ready_s: float | None = None
    noticed_s: float | None = None
    quiet: bool = False

    @property
    def name(self) -> str:
        return getattr(self.fault, "__name__", "fault")

    def at_most(self, longest_s: float) -> "Kind":
        """Return the same, never longer than that."""
        return replace(self, most_s=max(self.least_s, min(self.most_s, longest_s)))


KINDS = (
    Kind(broker_frozen, 3.0, 1.0, 120.0, READY_S, NOTICE_S),
    Kind(broker_killed, 3.0, 0.1, 30.0, READY_S),
    Kind(broker_wiped, 2.0, 0.1, 20.0, READY_S),
    Kind(broker_loop, 1.0, 3.0, 15.0),
    Kind(deaf_line, 1.0, 3.0, 60.0),
    Kind(dumb_line, 1.0, 3.0, 60.0),
    Kind(dead_line, 1.0, 3.0, 60.0),
    Kind(half_open, 1.0, 3.0, 60.0),
    Kind(slow_line, 2.0, 5.0, 20.0),
    Kind(very_slow_line, 0.5, 10.0, 30.0),
    Kind(narrow_line, 0.7, 15.0, 40.0),
    Kind(sliced_line, 1.0, 4.0, 15.0),
    Kind(repeating_line, 2.0, 5.0, 15.0),
    Kind(reset_line, 2.0, 0.0, 5.0),
    Kind(refusing_line, 0.5, 5.0, 20.0),
    Kind(lost_suback, 1.0, 0.0, 1.0),
    Kind(rival_id, 0.5, 3.0, 15.0),
    Kind(meter_forbidden, 0.5, 4.0, 8.0),
    Kind(heartbeat_forbidden, 0.5, 4.0, 12.0),
    Kind(commands_forbidden, 0.5, 4.0, 12.0),
    Kind(bad_password, 0.5, 2.0, 15.0),
    Kind(service_frozen, 3.0, 0.5, 12.0),
    Kind(service_killed, 5.0, 0.0, 4.0),
    Kind(quiet_service_killed, 3.0, 0.0, 2.0, quiet=True),
    Kind(service_stopped, 1.0, 0.0, 2.0),
    Kind(clock_turned, 1.0, 3.0, 6.0, quiet=True),
    Kind(second_instance, 1.0, 2.0, 8.0),
    Kind(split_brain, 1.0, 4.0, 20.0),
    Kind(dead_relays, 1.0, 4.0, 15.0),
    Kind(mute_relays, 1.0, 4.0, 15.0),
    Kind(stuck_relays, 1.0, 4.0, 15.0),
    Kind(deaf_relays, 1.0, 3.0, 10.0),
    Kind(slow_relays, 1.0, 4.0, 15.0),
    Kind(button, 1.0, 0.5, 1.0),
    Kind(device_reboot, 1.0, 1.0, 2.0),
    Kind(silent_meter, 1.0, 3.0, 10.0),
    Kind(garbage_meter, 1.0, 3.0, 10.0),
    Kind(everything_dead, 0.5, 30.0, 32.0),
)


def kind(fault: Fault) -> Kind:
    """Return what a campaign says of a fault."""
    return next(each for each in KINDS if each.fault is fault)
