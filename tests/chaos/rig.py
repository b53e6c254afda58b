"""Everything together: broker, house, proxies, balancers, observer."""

import asyncio
import contextlib
import random
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from tests.chaos.appliances import Relay, seven_heaters
from tests.chaos.children import Nursery
from tests.chaos.house import LIMIT_W, METER_PERIOD_S, STEPS, House
from tests.chaos.judge import Judge
from tests.chaos.mouth import Mouth
from tests.chaos.observer import PROMISE_S, Observer
from tests.chaos.proxy import Proxy
from tests.chaos.service import Service
from tests.integration.mosquitto import Mosquitto
from tests.machine import needed

USER, PASSWORD = "balancer", "right"
ALIVE_S = 12.0  # heat is given again: three readings, restore_delay, min_off, confirmations
HYSTERESIS = 1.1
CONFIRM_S = 2.5  # until a shed that nobody confirms is not believed any more
_LOOK_S = 0.02
_LOST_TRIES = 3


class Rig:
    """A house with one or two balancers, and all that can be broken.

    Attributes:
        services: ``first``, and ``second`` once there is one.
    """

    def __init__(
        self,
        folder: Path,
        seed: int,
        relays: list[Relay] | None = None,
        *,
        meter_period_s: float = METER_PERIOD_S,
    ) -> None:
        """Prepare; ``open`` starts broker and house.

        Args:
            folder: For configuration and logs.
            seed: Of everything that is random.
            relays: Of the house.
            meter_period_s: Between two readings, in seconds.
        """
        self.folder = folder
        self.seed = seed
        self.random = random.Random(seed)
        self.judge = Judge()
        (folder / "broker").mkdir(parents=True)
        self.acl = folder / "broker" / "acl"
        self._passwords = folder / "broker" / "passwords"
        self.broker = Mosquitto(
            folder / "broker",
            conf=f"allow_anonymous true\nacl_file {self.acl}\npassword_file {self._passwords}\n",
        )
        self.permit()
        self.trust(PASSWORD)
        relays = list(seven_heaters()) if relays is None else relays
        self.house = House(self.broker.port, relays, seed)
        self.house.meter_period_s = meter_period_s
        self.observer = Observer(self.broker.port, self.house, self.judge, self._guarded_since_s)
        self.services: dict[str, Service] = {}
        self.presses = dict.fromkeys(self.house.relays, 0)
        self._handicapped: list[Relay] = []
        self._nursery = Nursery()
        self._stack = contextlib.AsyncExitStack()
        self._news = asyncio.Event()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Rig"]:
        """Live, without a balancer."""
        await asyncio.to_thread(self.broker.start)
        try:
            async with self.house.open(), self.observer.open(), self._nursery.open(), self._stack:
                await self.until(lambda: self.house.connected, 5.0)
                try:
                    yield self
                finally:
                    for each in self.services.values():
                        await each.kill()
        finally:
            await asyncio.to_thread(self.broker.kill)

    # -- balancers -----------------------------------------------------------------------------

    async def add(self, name: str, *, http_port: int = 0) -> Service:
        """Make a balancer that does not run yet."""
        mouth = Mouth(self.judge, self.house.relays)
        mouth.news = self._news.set
        proxy = Proxy(name, self.broker.port, mouth, self.seed)
        await self._stack.enter_async_context(proxy.open())
        folder = self.folder / name
        folder.mkdir()
        mqtt = f'username = "{USER}"\npassword = "{PASSWORD}"'
        (folder / "config.toml").write_text(
            self.house.config(proxy.port, http_port=http_port, mqtt=mqtt)
        )
        service = Service(folder, self._nursery, proxy, mouth, self.judge)
        self.services[name] = service
        return service

    @property
    def first(self) -> Service:
        return self.services["first"]

    def commanding(self) -> Service | None:
        """Return the balancer that is ready and commands."""
        for each in self.services.values():
            connection = each.mouth.connection
            if connection is not None and connection.ready_s is not None:
                return each
        return None

    @property
    def roles(self) -> list[str]:
        """What the running balancers say they are."""
        return sorted(each.mouth.role for each in self.services.values() if each.pid)

    def _guarded_since_s(self) -> float | None:
        """Return since when a balancer is ready and has had the readings it needs."""
        service = self.commanding()
        if service is None or service.frozen or not self.house.connected:
            return None
        connection = service.mouth.connection
        if connection is None or connection.readings < 3:
            return None
        return connection.ready_s

    # -- waiting -------------------------------------------------------------------------------

    async def until(self, holds: Callable[[], object], within_s: float) -> bool:
        """Wait until something holds; return whether it did in time."""
        until_s = time.monotonic() + within_s
        while not holds():
            left_s = until_s - time.monotonic()
            if left_s <= 0.0:
                return False
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left_s, _LOOK_S)):
                    await self._news.wait()
        return True

    async def ready(self, since_s: float, within_s: float = 30.0) -> float | None:
        """Wait until a balancer is ready; return how long after an instant it was.

        Args:
            since_s: That instant, in monotonic seconds.
            within_s: For how long to wait; afterwards it is a violation.

        Returns:
            Seconds; 0 if its connection has lasted; None if it never was.
        """
        found = await self.until(self.commanding, within_s)
        service = self.commanding()
        connection = None if service is None else service.mouth.connection
        self.judge.check("ready", found, f"not ready within {within_s:.0f} s")
        if connection is None or connection.ready_s is None:
            return None
        return max(0.0, connection.ready_s - since_s)

    async def noticed(self, service: Service, since_s: float, within_s: float) -> float | None:
        """Wait until a balancer gives its connection up; return how long that took."""
        mouth = service.mouth
        found = await self.until(lambda: mouth.closed_s >= since_s, within_s)
        return mouth.closed_s - since_s if found else None

    # -- states of the house -------------------------------------------------------------------

    @property
    def stranded(self) -> list[str]:
        """The loads that wait although there is room for them."""
        return self._waiting(HYSTERESIS)

    @property
    def tempted(self) -> list[str]:
        """The loads that wait and may go on soon: there is just room for them."""
        return self._waiting(1.0)

    def _waiting(self, share: float) -> list[str]:
        house = self.house
        if len(house.on) >= STEPS[0]:
            return []
        room_w = LIMIT_W - house.power_w - (1.0 if share > 1.0 else 0.0)
        return [
            name
            for name, relay in house.relays.items()
            if house.wants[name]
            and not relay.on
            and relay.healthy
            and share * relay.power_w <= room_w
        ]

    @property
    def unwanted(self) -> list[str]:
        """The loads that heat though nobody asked for it."""
        return sorted(name for name in self.house.on if not self.house.wants[name])

    async def calm(self, within_s: float = ALIVE_S) -> None:
        """Let everything be whole and see that the house is served as it should be.

        Args:
            within_s: After this it is a violation.
        """
        self.whole()
        self.house.restless = False
        self.house.take(500.0)
        await self.ready(time.monotonic())
        for _ in range(_LOST_TRIES):  # a wish may fall into a reconnect, and is not repeated
            self.house.ask_again()
            served = await self.until(
                lambda: not (self.stranded or self.unwanted), within_s / _LOST_TRIES
            )
            if served:
                break
        why = self.observer.reasons()
        self.judge.check("stranded", not self.stranded, f"{self.stranded} wait with room: {why}")
        self.judge.check("stranded", not self.unwanted, f"{self.unwanted} heat for nobody")
        told = await self.until(lambda: self.observer.availability == "online", 5.0)
        self.judge.check("online", told, f"the broker says {self.observer.availability!r}")

    def handicap(self) -> None:
        """Let one relay be worse than it should, until ``whole``, whatever else is broken."""
        relay = self.random.choice(list(self.house.relays.values()))
        match self.random.randrange(5):
            case 0:
                relay.dead = True
            case 1:
                relay.mute = True
            case 2:
                relay.stuck = True
            case 3:
                relay.deaf = 2
            case _:
                relay.slow_s = 0.8
        self._handicapped.append(relay)

    def broken(self, promise_s: float | None = None) -> None:
        """Take note that something is broken on purpose.

        Args:
            promise_s: Within which the house is under its limit even so; None: nothing is
                promised.
        """
        self.observer.whole_s = None if promise_s is None else time.monotonic()
        extra_s = CONFIRM_S * len(self._handicapped)
        self.observer.promise_s = (PROMISE_S if promise_s is None else promise_s) + extra_s

    def whole(self) -> None:
        """Take note that nothing is broken any more."""
        for each in self.services.values():
            each.proxy.heal()
        for relay in self._handicapped:
            relay.mend()
        self._handicapped.clear()
        if self.observer.whole_s is None or self.observer.promise_s != PROMISE_S:
            self.observer.whole_s = time.monotonic()
        self.observer.promise_s = PROMISE_S

    # -- the broker ----------------------------------------------------------------------------

    async def lose_broker(self) -> None:
        """Kill -9; who wants to connect is refused."""
        await asyncio.to_thread(self.broker.kill)
        for each in self.services.values():
            each.proxy.deafen()

    async def bring_broker(self, *, wipe: bool = False) -> float:
        """Start it again; return when it was back, in monotonic seconds."""
        await asyncio.to_thread(self.broker.restart, wipe=wipe)
        for each in self.services.values():
            await each.proxy.listen()
        return time.monotonic()

    # -- the broker's opinion ------------------------------------------------------------------

    def permit(self, *refused: str) -> None:
        """Write the access list: all is allowed but these lines of ``deny TOPIC``."""
        allowed = "topic readwrite #\n"
        denied = "".join(f"topic deny {topic}\n" for topic in refused)
        self.acl.write_text(f"{allowed}\nuser {USER}\n{denied}{allowed}")

    def trust(self, password: str) -> None:
        """Give the balancer's user this password at the broker."""
        program = needed("mosquitto_passwd")
        subprocess.run(
            [program, "-c", "-b", str(self._passwords), USER, password],
            check=True,
            capture_output=True,
        )
