"""The demo from beginning to end: starts the parts, shows them, ends them, sums up."""

import asyncio
import contextlib
import json
import logging
import signal
import sys
import time
from collections.abc import Coroutine, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import aiomqtt
from rich.console import Console
from rich.live import Live

from balancer.cli.demo import view
from balancer.cli.demo.broker import EmbeddedBroker, silence_library
from balancer.cli.demo.house import LiveHouse
from balancer.config.load import read_setup
from balancer.config.setup import Setup
from balancer.service.service import Service

HOST = "127.0.0.1"
FRAME_S = 0.25
LINE_S = 5.0
STOP_WITHIN_S = 4.0
READY_S = 10.0


class Show:
    """One demo."""

    def __init__(self, *, speed: float, seconds: float | None) -> None:
        self._speed = speed
        self._seconds = seconds
        self._console = Console()
        self._broker = EmbeddedBroker()
        self._status: Mapping[str, Any] | None = None
        self._done = asyncio.Event()
        self._failed: BaseException | None = None

    def run(self) -> int:
        """Run it; return the exit status."""
        silence_library()
        for name in ("balancer", "balancer.mqtt"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            self._broker.start()
        except RuntimeError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        try:
            return asyncio.run(self._run())
        finally:
            self._broker.stop()

    async def _run(self) -> int:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, _context: None)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._done.set)
        config = Path(str(resources.files("balancer.cli.demo") / "demo.toml"))
        setup = read_setup(
            config,
            environ={"BALANCER_MQTT__PORT": str(self._broker.port), "BALANCER_MQTT__HOST": HOST},
        )
        house = LiveHouse(setup, config, speed=self._speed)
        events = view.Events(setup.house)
        there, watching = asyncio.Event(), asyncio.Event()
        service = Service(setup)
        began_s = time.monotonic()
        house_began_s = house.house.now_s
        # one after the other: the broker fails who connects while another subscribes
        world = self._begin(house.run(HOST, self._broker.port, there))
        await self._first(there)
        watcher = self._begin(self._watch(setup, events, watching))
        await self._first(watching)
        serving = self._begin(service.run())
        timer = None
        if self._seconds is not None:
            timer = loop.call_later(self._seconds, self._done.set)
        await self._show(setup, house, events, began_s)
        if timer is not None:
            timer.cancel()
        ran_s = time.monotonic() - began_s
        service.stop()
        await asyncio.wait({serving}, timeout=STOP_WITHIN_S)
        for task in (watcher, world, serving):
            task.cancel()
        await asyncio.gather(watcher, world, serving, return_exceptions=True)
        await house.close()
        if self._failed is not None:
            sys.stderr.write(f"The demo failed: {self._failed!r}\n")
            return 1
        heat_kwh = house.heat_kwh() - house.heat_before_kwh
        house_h = (house.house.now_s - house_began_s) / 3600.0
        for each in house.tally.lines(ran_s=ran_s, heat_kwh=heat_kwh, house_h=house_h):
            self._console.print(f"  {each}", highlight=False)
        return 0

    async def _first(self, ready: asyncio.Event) -> None:
        """Wait until a part is ready, or until something is over."""
        waiting = [asyncio.create_task(ready.wait()), asyncio.create_task(self._done.wait())]
        await asyncio.wait(waiting, timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    def _begin(self, part: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin a part of the demo; it ends when one of them fails."""
        task = asyncio.create_task(part)
        task.add_done_callback(self._end_if_failed)
        return task

    def _end_if_failed(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            if not self._done.is_set():
                self._failed = error
            self._done.set()

    async def _watch(self, setup: Setup, events: view.Events, watching: asyncio.Event) -> None:
        """Listen to what the balancer publishes, as anybody could."""
        root = f"{setup.broker.base_topic}/{setup.house.name}"
        async with aiomqtt.Client(HOST, self._broker.port, identifier="demo-view") as client:
            await client.subscribe([(f"{root}/status", 1), (f"{root}/event", 0)])
            watching.set()
            async for message in client.messages:
                if not isinstance(message.payload, bytes) or not message.payload:
                    continue
                document = json.loads(message.payload)
                if message.topic.value == f"{root}/status":
                    self._status = document
                elif message.topic.value == f"{root}/event":
                    text = events.add(document)
                    if not self._console.is_terminal:
                        self._console.print(text, highlight=False, soft_wrap=True)

    async def _show(
        self, setup: Setup, house: LiveHouse, events: view.Events, began_s: float
    ) -> None:
        if self._console.is_terminal:
            await self._live(setup, house, events, began_s)
        else:
            await self._lines(setup, house)

    async def _live(
        self, setup: Setup, house: LiveHouse, events: view.Events, began_s: float
    ) -> None:
        with Live(console=self._console, screen=True, auto_refresh=False) as live:
            while not self._done.is_set():
                size = self._console.size
                live.update(
                    view.page(
                        setup.house,
                        self._status,
                        house.shown(),
                        events,
                        port=self._broker.port,
                        ran_s=time.monotonic() - began_s,
                        tripped=house.tripped,
                        width=size.width,
                        height=size.height,
                    ),
                    refresh=True,
                )
                await self._pause(FRAME_S)

    async def _lines(self, setup: Setup, house: LiveHouse) -> None:
        while self._status is None and not self._done.is_set():
            await self._pause(FRAME_S)
        self._console.print("join in from another terminal:", highlight=False)
        for each in view.commands(self._broker.port):
            self._console.print(f"  {each}", highlight=False, soft_wrap=True)
        while not self._done.is_set():
            if self._status is not None:
                text = view.line(setup.house, self._status, house.shown())
                self._console.print(text, highlight=False, soft_wrap=True)
            await self._pause(LINE_S)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._done.wait(), seconds)
