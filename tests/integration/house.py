"""A house on a real broker: relays, a meter, somebody who listens; and the service beside it."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt

from tests.integration.appliances import Answer, Relay
from tests.machine import free_port

LIMIT_W = 6000.0
METER_TOPIC = "meter/power"
PATIENCE_S = 10.0
FAST = {
    "settle": '"0.2 s"',
    "restore_delay": '"0.6 s"',
    "meter": f'{{ type = "mqtt", topic = "{METER_TOPIC}", stale_after = "2 s" }}',
}


@dataclass(frozen=True)
class Seen:
    """A message that went over the broker."""

    at_s: float
    topic: str
    payload: bytes
    retain: bool

    @property
    def text(self) -> str:
        return self.payload.decode()


def config(
    relays: Iterable[Relay],
    broker_port: int,
    *,
    http_port: int = 0,
    top: str = "",
    circuit: dict[str, str] | None = None,
    load: str = "",
    loads: dict[str, str] | None = None,
    more: str = "",
) -> str:
    """Return a config.toml that is quick enough for tests.

    Args:
        relays: Each becomes a load in a zone of its own.
        broker_port: Of the broker.
        http_port: Of the endpoint.
        top: Lines before the first table.
        circuit: Keys of ``circuits.main`` to add or replace, with their TOML values.
        load: Lines in every load.
        loads: Lines in one load, by name.
        more: Lines and tables at the end.
    """
    keys = {"limit": str(LIMIT_W), **FAST, **(circuit or {})}
    lines = [
        top,
        f'[mqtt]\nhost = "127.0.0.1"\nport = {broker_port}',
        f"[http]\nport = {http_port}",
        "[circuits.main]",
        *(f"{key} = {value}" for key, value in keys.items()),
    ]
    for relay in relays:
        own = (loads or {}).get(relay.name, "")
        lines += [
            f"[zones.{relay.name}]",
            f'[loads.{relay.name}]\nzone = "{relay.name}"\ncircuit = "main"',
            f"power = {relay.power_w}\nrelay = {relay.config()}",
            own,
            *("" if key in own else f"{key} = 0" for key in ("min_on", "min_off")),
            load,
        ]
    return "\n".join([*lines, more, ""])


class House:
    """Everything but the service, which it starts as a process of its own."""

    def __init__(
        self,
        port: int,
        folder: Path,
        relays: Iterable[Relay],
        *,
        service_port: int | None = None,
        **options: Any,
    ) -> None:
        """Prepare; ``open`` connects.

        Args:
            port: Of the broker.
            folder: For config.toml and the log.
            relays: Of this house.
            service_port: Where the service finds the broker, if elsewhere.
            options: See ``config``.
        """
        self.port = port
        self._service_port = port if service_port is None else service_port
        self.folder = folder
        self.relays = {relay.name: relay for relay in relays}
        self.http_port = free_port()
        self.base_w = 500.0  # what everything but the heaters takes
        self.meter_period_s = 0.1
        self.metering = True
        self.messages: list[Seen] = []
        self.latest: dict[str, Seen] = {}
        self._options = options
        self._client: aiomqtt.Client | None = None
        self._news = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self.write_config()

    def write_config(self, **options: Any) -> None:
        """Write config.toml anew, with other options."""
        self._options |= options
        text = config(
            self.relays.values(), self._service_port, http_port=self.http_port, **self._options
        )
        (self.folder / "config.toml").write_text(text)

    # -- the world ---------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["House"]:
        """Let relays, meter and listener live; end the service at the end."""
        async with asyncio.TaskGroup() as tasks:
            living = [
                tasks.create_task(self._live(), name="relays"),
                tasks.create_task(self._measure(), name="meter"),
            ]
            await self.until(lambda: self._client is not None, "the test's own connection")
            try:
                yield self
            finally:
                await self.kill_service()
                for each in living:
                    while not each.done():  # before 3.12 wait_for may swallow it
                        each.cancel()
                        await asyncio.wait({each}, timeout=0.5)

    async def _live(self) -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client("127.0.0.1", self.port, timeout=0.5) as client:
                    await client.subscribe("#", qos=1)
                    for relay in self.relays.values():
                        await self._say(client, relay.hello())
                    self._client = client
                    self._news.set()
                    async for message in client.messages:
                        await self._take(client, message)
            self._client = None
            await asyncio.sleep(0.05)

    async def _take(self, client: aiomqtt.Client, message: aiomqtt.Message) -> None:
        payload = message.payload if isinstance(message.payload, bytes) else b""
        seen = Seen(time.monotonic(), message.topic.value, payload, message.retain)
        self.messages.append(seen)
        self.latest[seen.topic] = seen
        self._news.set()
        for relay in self.relays.values():
            if seen.topic in relay.subscriptions():
                await self._say(client, relay.receive(seen.topic, seen.payload))

    async def _say(self, client: aiomqtt.Client, answers: Iterable[Answer]) -> None:
        for topic, payload, retain in answers:
            await client.publish(topic, payload, qos=1, retain=retain)

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(self.meter_period_s)
            if self.metering and self._client is not None:
                with contextlib.suppress(aiomqtt.MqttError):
                    await self._client.publish(METER_TOPIC, f"{self.power_w:.1f}")

    @property
    def power_w(self) -> float:
        """What the whole house takes."""
        heating_w = sum(relay.power_w for relay in self.relays.values() if relay.on)
        return self.base_w + heating_w

    async def publish(
        self, topic: str, payload: str | bytes = "", *, retain: bool = False, qos: int = 1
    ) -> None:
        """Publish as somebody in the house."""
        await self.until(lambda: self._client is not None, "the test's own connection")
        assert self._client is not None
        await self._client.publish(topic, payload, qos=qos, retain=retain)

    async def set(self, what: str, payload: str = "ON") -> None:
        """Command the balancer on one of its ``…/set`` topics."""
        await self.publish(f"balancer/house/{what}/set", payload)

    async def request(self, *zones: str, heat: bool = True) -> None:
        """Let thermostats ask for heat."""
        for zone in zones:
            await self.set(f"zone/{zone}", "ON" if heat else "OFF")

    async def turn(self, relay: str, *, on: bool) -> None:
        """Press the button on a relay."""
        assert self._client is not None
        await self._say(self._client, self.relays[relay].switch(on))

    # -- what is seen ------------------------------------------------------------------------

    async def until(
        self, holds: Callable[[], object], what: str, *, within_s: float = PATIENCE_S
    ) -> float:
        """Wait until something holds; return how long it took, in seconds.

        Raises:
            AssertionError: It never did; with what was seen last.
        """
        began_s = time.monotonic()
        while not holds():
            left_s = began_s + within_s - time.monotonic()
            assert left_s > 0.0, f"{what}: not within {within_s} s\n{self.story()}"
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left_s, 0.05)):
                    await self._news.wait()
        return time.monotonic() - began_s

    async def never(self, holds: Callable[[], object], what: str, *, for_s: float) -> None:
        """Watch for so long that something does not come to hold."""
        until_s = time.monotonic() + for_s
        while time.monotonic() < until_s:
            assert not holds(), f"{what}\n{self.story()}"
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await self._news.wait()

    def story(self) -> str:
        """Return what happened last, for a failure."""
        lines = [f"{each.at_s:.3f} {each.topic} {each.payload[:300]!r}" for each in self.messages]
        quiet = [each for each in lines if "heartbeat" not in each and METER_TOPIC not in each]
        return "\n".join([*quiet[-40:], "--- log", *self.log.splitlines()[-30:]])

    def is_on(self, *names: str) -> bool:
        """Return whether exactly these relays are on."""
        return {name for name, relay in self.relays.items() if relay.on} == set(names)

    @property
    def on_count(self) -> int:
        return sum(relay.on for relay in self.relays.values())

    def text(self, what: str) -> str | None:
        """Return the last payload of a topic under ``balancer/house``."""
        seen = self.latest.get(f"balancer/house/{what}")
        return None if seen is None else seen.text

    @property
    def status(self) -> dict[str, Any]:
        """The last status, {} before the first."""
        text = self.text("status")
        return json.loads(text) if text else {}

    @property
    def sequence(self) -> int:
        """Of the last status; it grows with each."""
        return int(self.status.get("sequence", 0))

    def reason(self, load: str) -> str | None:
        """Return why a load is as it is."""
        found = self.status.get("loads", {}).get(load, {}).get("reason")
        return found if isinstance(found, str) else None

    @property
    def events(self) -> list[dict[str, Any]]:
        """All decisions that were published."""
        return [json.loads(each.payload) for each in self.seen("balancer/house/event")]

    def seen(self, topic: str) -> list[Seen]:
        """Return every message on a topic."""
        return [each for each in self.messages if each.topic == topic]

    def commands(self, since_s: float = 0.0) -> list[Seen]:
        """Return every command to a relay, in order."""
        topics = {relay.command_topic() for relay in self.relays.values()}
        return [
            each
            for each in self.messages
            if each.topic in topics and each.payload and each.at_s >= since_s
        ]

    async def settled(self) -> None:
        """Wait until the service is healthy: connected, readings there, not starting."""
        until_s = time.monotonic() + PATIENCE_S
        while (await self.get("/healthz"))[0] != 200:
            assert time.monotonic() < until_s, self.story()
            await asyncio.sleep(0.03)

    async def until_metric(self, sample: str) -> None:
        """Wait until a line stands in the metrics."""
        until_s = time.monotonic() + PATIENCE_S
        while sample not in (body := (await self.get("/metrics"))[1]).splitlines():
            name = sample.partition("{")[0]
            found = [each for each in body.splitlines() if each.startswith(name)]
            assert time.monotonic() < until_s, f"{sample} not among {found}"
            await asyncio.sleep(0.05)

    # -- the service -------------------------------------------------------------------------

    async def start_service(
        self,
        *options: str,
        wait: bool = True,
        program: tuple[str, ...] | None = None,
    ) -> None:
        """Start it as a user would, or another program that gets the configuration."""
        assert self._process is None
        seen = len(self.messages)
        with (self.folder / "service.log").open("ab") as log:
            usual = (sys.executable, "-m", "balancer", "run", "--config")
            self._process = await asyncio.create_subprocess_exec(
                *(usual if program is None else program),
                str(self.folder / "config.toml"),
                *options,
                stderr=log,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        if wait:
            await self.until(
                lambda: any(
                    each.topic == "balancer/house/status" and not each.retain
                    for each in self.messages[seen:]
                ),
                "a status",
            )

    @property
    def log(self) -> str:
        path = self.folder / "service.log"
        return path.read_text() if path.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the service."""
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self, within_s: float = PATIENCE_S) -> int:
        """Wait for the service to end; return its exit status."""
        assert self._process is not None
        async with asyncio.timeout(within_s):
            status = await self._process.wait()
        self._process = None
        return status

    async def stop_service(self) -> int:
        """SIGTERM; return the exit status."""
        self.signal(signal.SIGTERM)
        return await self.ended()

    async def kill_service(self) -> None:
        """Kill -9, if it runs."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None

    async def get(self, path: str) -> tuple[int, str]:
        """Ask the HTTP endpoint; return status and body, (0, "") if nobody answers."""

        def ask() -> tuple[int, str]:
            try:
                url = f"http://127.0.0.1:{self.http_port}{path}"
                with urllib.request.urlopen(url, timeout=5.0) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()
            except OSError:
                return 0, ""

        return await asyncio.to_thread(ask)
