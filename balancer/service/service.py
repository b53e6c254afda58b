"""One balancer on one broker: arrives, stands by or commands, reconnects for ever, leaves."""

import asyncio
import copy
import gc
import logging
import random
from collections import deque
from collections.abc import Coroutine
from typing import Any

import balancer
from balancer.config.setup import Setup
from balancer.engine import Engine
from balancer.service.clock import Clock, SystemClock
from balancer.service.driver import Driver
from balancer.service.http import Endpoint
from balancer.service.presence import Presence
from balancer.service.standby import Role
from balancer.service.watchdog import HangWatch, Supervisor
from balancer.views.counts import Session as SessionCounts
from balancer.views.topics import Topics

_TICK_S = 0.5
_LAGS = 120  # ticks that the greatest loop lag is taken from: a minute
_FREEZE_S = 2.0  # after the start: what lives by then lives on
_LOGGER = logging.getLogger("balancer")


class EndpointBusyError(Exception):
    """The HTTP port cannot be had; the text says which and what to do."""


class Service:
    """Runs one house until ``stop``; wants a running event loop.

    Attributes:
        counts: What is measured of the connection.
        port: Of the HTTP endpoint, 0 without one.
    """

    def __init__(
        self, setup: Setup, *, clock: Clock | None = None, hang_watch: bool = False
    ) -> None:
        """Prepare everything; nothing happens before ``run``.

        Args:
            setup: The house and its devices.
            clock: Another time than that of this machine.
            hang_watch: End the process when the event loop hangs.
        """
        self._setup = setup
        self._clock = SystemClock() if clock is None else clock
        self._supervisor = Supervisor()
        self.counts = SessionCounts()
        self.port = 0
        self._driver = self._make_driver()
        self._presence = Presence(
            setup,
            self._clock,
            self._driver,
            instance=f"{random.getrandbits(32):08x}",
            make_engine=self._make_engine,
        )
        self._hang_watch = HangWatch(self._driver.last_words) if hang_watch else None

    # -- from outside ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until ``stop``.

        Raises:
            EndpointBusyError: Before anything else was done.
            ExceptionGroup: Something broke; the loads have been told to go off (R16).
        """
        endpoint = Endpoint(self._metrics, self.problems)
        try:
            if self._setup.http_port:
                self.port = await self._open(endpoint)
            self._supervisor.ready()
            if self._hang_watch is not None:
                self._hang_watch.start()
            async with asyncio.TaskGroup() as tasks:
                others = [
                    tasks.create_task(self._guarded(self._tick()), name="clock"),
                    tasks.create_task(self._decisions(), name="decisions"),
                ]
                await self._guarded(self._presence.attend())
                for each in others:
                    each.cancel()
        finally:
            self._supervisor.stopping()
            if self._hang_watch is not None:
                self._hang_watch.stop()
            self._driver.close()
            await endpoint.close()

    def stop(self) -> None:
        """Leave in order (R16); ``run`` returns within three seconds."""
        self._presence.leave()

    def fail(self, error: BaseException) -> None:
        """Treat an error from elsewhere in this process as one of ours (R16)."""
        self._driver.fail(error)

    @property
    def role(self) -> Role:
        """What it is to the house."""
        return self._presence.standby.role

    def problems(self) -> list[str]:
        """Return why the house is not guarded, in words for ``/healthz``; empty if it is."""
        found: list[str] = []
        if not self.counts.connected:
            found.append("disconnected")
        if self.role is Role.STANDBY:
            return [*found, "standby"]
        seen = self._driver.engine.snapshot(self._clock.monotonic_s())
        if seen.starting or not self._presence.started:
            found.append("starting")
        for name, circuit in seen.circuits.items():
            if circuit.blind:
                found.append(f"blind: {name}")
            elif circuit.starting:
                found.append(f"starting: {name}")
        return found

    # -- ourselves -------------------------------------------------------------------------------

    async def _tick(self) -> None:
        """Follow the wall clock, measure the loop, show that decisions flow."""
        lags_s: deque[float] = deque(maxlen=_LAGS)
        freeze_s = self._clock.monotonic_s() + _FREEZE_S
        while True:
            asleep_s = self._clock.monotonic_s()
            await asyncio.sleep(_TICK_S)
            now_s = self._clock.monotonic_s()
            lags_s.append(max(0.0, now_s - asleep_s - _TICK_S))
            self.counts.loop_lag_s = max(lags_s)
            self._driver.gap()
            self._driver.set_wall(now_s, self._clock.wall_s())
            self._driver.pump_soon()
            if self._driver.flows:
                self._supervisor.alive()
                if self._hang_watch is not None:
                    self._hang_watch.beat()
            if now_s >= freeze_s:
                freeze_s = float("inf")
                gc.freeze()  # a full collection took 38 ms with what a large house keeps for ever

    async def _decisions(self) -> None:
        await self._driver.failed

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            self._driver.fail(error)
            raise

    # -- made of the setup -----------------------------------------------------------------------

    def _make_engine(self) -> Engine:
        return Engine(
            self._setup,
            at_s=self._clock.monotonic_s(),
            wall_s=self._clock.wall_s(),
            log=self._note,
        )

    def _note(self, level: int, text: str) -> None:
        self._driver.note(level, text)

    def _stood_still(self, for_s: float) -> None:
        self._presence.stood_still(for_s)

    def _make_driver(self) -> Driver:
        setup = self._setup
        meters = {codec.topic for codec in setup.meters.values()}
        requests = {codec.topic for codec in setup.requests.values()}
        reports: set[str] = set()
        for relay in setup.relays.values():
            reports.update(relay.states, relay.online, relay.setup_replies)
        engine = self._make_engine()
        own = Topics(setup.broker.base_topic, setup.house.name).root + "/"
        settings = {
            topic
            for topic in engine.subscriptions()
            if topic.startswith(own) and topic.endswith("/set")
        }
        wishes = (requests | settings) - meters - reports
        driver = Driver(
            engine,
            self._clock,
            self.counts,
            meter_topics=frozenset(topic.encode() for topic in meters),
            overtaken=frozenset(topic.encode() for topic in meters - requests - reports),
            wishes=frozenset(topic.encode() for topic in wishes),
            log=_LOGGER.log,
            on_gap=self._stood_still,
        )
        heat_off = () if setup.house.dry_run else driver.engine.emergency
        driver.prepare((*heat_off, driver.engine.will))
        return driver

    async def _open(self, endpoint: Endpoint) -> int:
        host, port = self._setup.http_host, self._setup.http_port
        try:
            return await endpoint.open(host, port)
        except OSError as error:
            raise EndpointBusyError(
                f"port {port} of {host} cannot be used: {error.strerror or error}; is another"
                " balancer running? Choose another http.port, or 0 for none"
            ) from error

    async def _metrics(self) -> bytes:
        """Render a snapshot beside the loop: the controller does not wait for a scraper."""
        engine = self._driver.engine
        seen = engine.snapshot(self._clock.monotonic_s())
        engine.counts.follow(seen)
        counts, session = copy.deepcopy(engine.counts), copy.deepcopy(self.counts)

        def render() -> bytes:
            from balancer.views.metrics import Metrics

            version = balancer.__version__
            return Metrics(
                self._setup.house,
                version=version,
                seen=lambda: seen,
                counts=counts,
                session=session,
            ).render()

        return await asyncio.get_running_loop().run_in_executor(None, render)
