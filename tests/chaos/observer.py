"""An independent observer at the broker and in the house.

Rules:

* ``limit`` (R9): under guard, the house is under its limit again within the promised time, which
  is longer when something was switched off just before: a reading may still contain it (R2).
* ``lease`` (R12): a relay with a dead-man is off once nobody has renewed its ON for so long.
* ``retained``: what the broker keeps is only what may be kept.
* ``two`` (section 5 of the design): never do two balancers command side by side.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable

from tests.chaos.client import Client
from tests.chaos.house import BASE, LIMIT_W, House
from tests.chaos.judge import Judge
from tests.chaos.packets import Publish

PROMISE_S = 1.5  # a reading, its way, the decision, the relays' way
SETTLE_S = 1.3  # for so long a reading may still contain what was just switched off (R2) …
CREDITS = 2  # … so a shed of too little is seen as such only then, and the next one, too
LEASE_SLACK_S = 1.5
_OVERLAP_S = 2.5  # after a takeover the two have to hear each other first
_BEAT_S = 0.9  # who was active within so long is
_LOOK_S = 0.05
_KEPT = ("heat/", "tele/", "zigbee2mqtt/")  # by the devices themselves


class Observer:
    """Sees everything at the broker, and what the house really does.

    Attributes:
        promise_s: How long an overload may last now, in seconds.
        whole_s: Since when nothing is broken on purpose; None: something is.
        longest_over_s: Longest overload under guard.
        overloads: How many there were.
        availability: What the broker said last.
        status: The last one that was published.
    """

    def __init__(
        self,
        port: int,
        house: House,
        judge: Judge,
        ready: Callable[[], float | None],
    ) -> None:
        """Prepare.

        Args:
            port: Of the broker.
            house: What is watched.
            judge: Takes violations.
            ready: Returns since when a balancer guards the house, None if none does.
        """
        self._port = port
        self._house = house
        self._judge = judge
        self._ready = ready
        self.promise_s = PROMISE_S
        self.whole_s: float | None = 0.0
        self.longest_over_s = 0.0
        self.overloads = 0
        self.availability = ""
        self.status = b""
        self.seen = 0
        self._over_s: float | None = None
        self._over_told = False
        self._credit_s = 0.0
        self._power_w = 0.0
        self._active_s: dict[str, tuple[float, float]] = {}  # first and last beat, unbroken
        self._leases_told: set[tuple[str, float]] = set()
        self._client = Client(port, "observer", {"#": 0}, self._hear)
        house.watch = self._power_changed

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Observer"]:
        """Watch."""
        async with asyncio.TaskGroup() as tasks:
            watching = [
                tasks.create_task(self._client.run(), name="observer"),
                tasks.create_task(self._watch(), name="watch"),
            ]
            try:
                yield self
            finally:
                for each in watching:
                    each.cancel()

    def _hear(self, message: Publish) -> None:
        self.seen += 1
        if message.topic == f"{BASE}/heartbeat":
            self._hear_beat(message.payload)
        elif message.topic == f"{BASE}/status":
            self.status = message.payload
        elif message.topic == f"{BASE}/availability":
            self.availability = message.payload.decode()

    # -- the limit -----------------------------------------------------------------------------

    @property
    def sheddable(self) -> bool:
        """The house is over its limit, and relays that obey could change that."""
        house = self._house
        stuck_w = sum(
            relay.power_w for relay in house.relays.values() if relay.on and not relay.healthy
        )
        return house.power_w > LIMIT_W + 1.0 and house.base_w + stuck_w <= LIMIT_W

    def _power_changed(self) -> None:
        now_s, power_w = time.monotonic(), self._house.power_w
        rose = power_w > self._power_w
        self._power_w = power_w
        if not self.sheddable:
            self._settle(now_s)
            self._over_s = None
        elif self._over_s is None or rose:
            self._settle(now_s)
            self._over_s, self._over_told = now_s, False
            fresh = any(
                not each.on and now_s - each.at_s < SETTLE_S for each in self._house.movements[-9:]
            )
            self._credit_s = CREDITS * SETTLE_S if fresh else 0.0
            self.overloads += 1

    def _guarded_since_s(self) -> float | None:
        ready_s = self._ready()
        if ready_s is None or self.whole_s is None:
            return None
        return max(ready_s, self.whole_s)

    def _over_for_s(self, now_s: float) -> float:
        guarded_s = self._guarded_since_s()
        if self._over_s is None or guarded_s is None:
            return 0.0
        return now_s - max(self._over_s, guarded_s)

    def _settle(self, now_s: float) -> None:
        self.longest_over_s = max(self.longest_over_s, self._over_for_s(now_s))

    async def _watch(self) -> None:
        while True:
            asleep_s = time.monotonic()
            await asyncio.sleep(_LOOK_S)
            now_s = time.monotonic()
            lag_s = max(0.0, now_s - asleep_s - _LOOK_S)
            self._judge.lag_s = max(lag_s, 0.98 * self._judge.lag_s)
            self._watch_limit(now_s)
            self._watch_leases(now_s)

    def _watch_limit(self, now_s: float) -> None:
        over_s = self._over_for_s(now_s)
        if over_s <= 0.0:
            return
        most_s = self.promise_s + self._credit_s + 4.0 * self._judge.lag_s
        if over_s > most_s and not self._over_told:
            self._over_told = True
            text = (
                f"{self._house.power_w:.0f} W for {over_s:.2f} s under guard, base"
                f" {self._house.base_w:.0f} W, on: {sorted(self._house.on)}"
            )
            self._judge.check("limit", holds=False, text=text)
        elif over_s <= most_s:
            self._judge.checks["limit"] += 1

    def _watch_leases(self, now_s: float) -> None:
        for name, relay in self._house.relays.items():
            if not (relay.on and relay.by == "command" and relay.dead_man_s and relay.healthy):
                continue
            held_s = now_s - relay.heard_on_s
            key = (name, relay.heard_on_s)
            if key not in self._leases_told:
                holds = held_s <= relay.dead_man_s + LEASE_SLACK_S + self._judge.lag_s
                text = f"{name} is on {held_s:.1f} s after its last ON"
                self._judge.check("lease", holds, text)
                if not holds:
                    self._leases_told.add(key)

    def _hear_beat(self, payload: bytes) -> None:
        instance, _, rest = payload.decode(errors="replace").partition(" ")
        if not rest.endswith(" active"):
            self._active_s.pop(instance, None)
            return
        now_s = time.monotonic()
        first_s, last_s = self._active_s.get(instance, (now_s, now_s))
        mine = self._active_s[instance] = (first_s if now_s - last_s < _BEAT_S else now_s, now_s)
        together_s = {  # a killed one beats no more: it commands until its last beat at most
            rival: its[1] - max(mine[0], its[0])
            for rival, its in self._active_s.items()
            if rival != instance and now_s - its[1] < _BEAT_S
        }
        longest_s = max(together_s.values(), default=0.0)
        text = f"{sorted(together_s)} beside {instance} for {longest_s:.1f} s"
        self._judge.check("two", longest_s < _OVERLAP_S, text)

    @property
    def requests(self) -> dict[str, bool]:
        """What each zone asks for, as the balancer has it."""
        try:
            zones = json.loads(self.status)["zones"]
            return {name: each["request"] for name, each in zones.items()}
        except (ValueError, KeyError):
            return {}

    def reasons(self) -> str:
        """Return what the balancer says of its loads and circuit, for a failure."""
        try:
            status = json.loads(self.status)
            reasons = {name: each["reason"] for name, each in status["loads"].items()}
            return f"{reasons} {status['circuits']['main']}"
        except (ValueError, KeyError):
            return "no status"

    # -- what is kept --------------------------------------------------------------------------

    async def audit(self) -> dict[str, bytes]:
        """Return what the broker keeps, and judge it."""
        kept: dict[str, bytes] = {}
        done = asyncio.Event()

        def hear(message: Publish) -> None:
            if message.topic == "audit/over":
                done.set()
            elif message.retain:
                kept[message.topic] = message.payload

        client = Client(self._port, "auditor", {"#": 0}, hear)
        running = asyncio.create_task(client.run())
        try:
            async with asyncio.timeout(5.0):
                while not done.is_set():
                    client.publish("audit/over")
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.05):
                            await done.wait()
        finally:
            running.cancel()
            await asyncio.wait({running})
        for topic in kept:
            own = topic.startswith((f"{BASE}/", "homeassistant/device/"))
            lasting = not topic.endswith(("/set", "/event", "/heartbeat"))
            allowed = (own and lasting) or (topic.startswith(_KEPT) and not topic.endswith("/set"))
            self._judge.check("retained", allowed, f"the broker keeps {topic}")
        return kept
