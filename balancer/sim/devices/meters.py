"""Meters with the cadence and the lag of real ones; payloads of their families."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from balancer.sim.broker import Broker
from balancer.sim.clock import Clock, Timer
from balancer.sim.devices.device import Device
from balancer.sim.devices.document import put
from balancer.wire import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """When a meter samples, when it publishes and how late that arrives.

    Attributes:
        period_s: Shortest and longest time between two samples, in seconds.
        lag_s: Shortest and longest time from sample to broker, in seconds.
        step_w: A sample is published only when it moved by more, in watts; 0: every sample.
        heartbeat_s: It is published after so long even if it did not move, in seconds.
    """

    period_s: tuple[float, float] = (1.0, 1.0)
    lag_s: tuple[float, float] = (0.05, 0.15)
    step_w: float = 0.0
    heartbeat_s: float = 10.0


P1 = Cadence(lag_s=(0.1, 0.5))  # DSMR 5 telegram every second
LINKY = Cadence(period_s=(1.5, 2.1), lag_s=(0.2, 1.4))  # TIC frame and teleinfo bridge
SHELLY = Cadence(lag_s=(0.1, 0.5), step_w=10.0, heartbeat_s=15.0)
POWER_DELTA = Cadence(lag_s=(0.1, 1.0), step_w=50.0, heartbeat_s=10.0)  # PowerDelta, TelePeriod 10
ON_CHANGE = Cadence(lag_s=(0.02, 0.1), step_w=1.0, heartbeat_s=12.0)
SLOW = Cadence(period_s=(10.0, 10.0), lag_s=(0.2, 1.0))  # Zigbee default reporting
CADENCES = {
    "p1": P1,
    "linky": LINKY,
    "shelly": SHELLY,
    "power_delta": POWER_DELTA,
    "on_change": ON_CHANGE,
    "slow": SLOW,
}


@dataclass(slots=True)
class Quantity:
    """One number in a meter's payload.

    Attributes:
        name: Key path of the meter in config.toml.
        path: Where it stands in the document; None: the payload is the number.
        unit: As published.
        voltage: For amperes, in volts.
        read_w: What it measures, in watts.
    """

    name: str
    path: str | None
    unit: str
    voltage: float
    read_w: Callable[[], float]

    def shown(self, power_w: float) -> float:
        """Return watts as the meter shows them."""
        if self.unit in {"A", "mA"}:
            amperes = power_w / self.voltage
            return round(amperes, 3) if self.unit == "A" else round(amperes * 1000.0)
        if self.unit in {"kW", "kVA"}:
            return round(power_w / 1000.0, 3)
        return round(power_w)


class Meter(Device):
    """One topic on which a meter reports one or more quantities.

    Attributes:
        cadence: As built; faults stretch it.
        silent: It publishes nothing.
        held_w: A stuck meter goes on with these watts, by quantity.
        distort: Changes a value on its way into the payload, in watts.
        raw: Replaces the payload altogether.
        on_sample: Told each sound payload and the watts in it, by meter name, as it is sampled.
    """

    def __init__(
        self,
        topic: str,
        quantities: list[Quantity],
        clock: Clock,
        broker: Broker,
        random: Random,
        *,
        cadence: Cadence,
        background: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"meter-{topic}", clock, broker, random, retry_s=(1.0, 5.0))
        self.topic = topic
        self.quantities = quantities
        self.cadence = cadence
        self.silent = False
        self.held_w: dict[str, float] | None = None
        self.distort: Callable[[str, float], float] | None = None
        self.raw: Callable[[], bytes | None] | None = None
        self.on_sample: Callable[[bytes, dict[str, float]], None] | None = None
        self._background = background or {}
        self._last_w: dict[str, float] = {}
        self._last_s = -1e9
        self._timer: Timer | None = None

    def on_connected(self, _first: bool) -> None:
        self._next(self.random.uniform(0.0, self.cadence.period_s[0]))

    def _next(self, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.clock.after(delay_s, self._sample)

    def _sample(self) -> None:
        cadence = self.cadence
        low, high = cadence.period_s
        self._timer = self.clock.after(
            low if low == high else self.random.uniform(low, high), self._sample
        )
        if self.silent or self.session is None or not self.powered:
            return
        power_w = {quantity.name: quantity.read_w() for quantity in self.quantities}
        if self.held_w is not None:
            power_w = {name: self.held_w.setdefault(name, watts) for name, watts in power_w.items()}
        if self.distort is not None:
            power_w = {name: self.distort(name, watts) for name, watts in power_w.items()}
        now_s = self.clock.now_s
        if cadence.step_w and now_s - self._last_s < cadence.heartbeat_s:
            last = self._last_w
            if all(abs(watts - last[name]) <= cadence.step_w for name, watts in power_w.items()):
                return
        self._last_w, self._last_s = power_w, now_s
        payload = self.raw() if self.raw is not None else None
        if payload is None:
            payload = self.payload(power_w)
            if self.on_sample is not None:
                self.on_sample(payload, power_w)
        self.clock.after(self.random.uniform(*cadence.lag_s), partial(self._send, payload))

    def _send(self, payload: bytes) -> None:
        if self.session is not None and self.powered:
            self.session.publish(Message(self.topic, payload))

    def sample_now(self) -> None:
        """Publish a reading out of turn."""
        if self.silent or self.session is None or not self.powered:
            return
        power_w = {quantity.name: quantity.read_w() for quantity in self.quantities}
        payload = self.payload(power_w)
        if self.on_sample is not None:
            self.on_sample(payload, power_w)
        self._send(payload)

    def token(self, word: str) -> bytes:
        """Return a payload in which every value is a word of JSON, or of none."""
        if self.quantities[0].path is None:
            return word.encode()
        document = json.loads(json.dumps(self._background))
        for quantity in self.quantities:
            assert quantity.path is not None
            put(document, quantity.path, "@")
        return json.dumps(document).replace('"@"', word).encode()

    def payload(self, power_w: dict[str, float]) -> bytes:
        """Return what the meter says of these watts."""
        document: dict[str, Any] | None = None
        for quantity in self.quantities:
            value = quantity.shown(power_w[quantity.name])
            if quantity.path is None:
                return str(value).encode()
            if document is None:
                document = json.loads(json.dumps(self._background)) if self._background else {}
            put(document, quantity.path, value)
        return json.dumps(document, separators=(",", ":")).encode()
