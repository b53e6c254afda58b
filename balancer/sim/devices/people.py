"""Thermostats, Home Assistant and hands: they publish, and say again what they asked for."""

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from balancer.sim.broker import Broker
from balancer.sim.clock import Clock
from balancer.sim.devices.device import Device
from balancer.sim.devices.document import put
from balancer.views.topics import Topics

REPEAT_S = 300.0  # generic_thermostat's keep_alive, as people set it
INSIST_S = 30.0
INSIST_TIMES = 10


class People(Device):
    """Everybody who wants something of the balancer.

    Attributes:
        held: What thermostats ask for whatever their rooms say, by zone.
        silent: Zones whose thermostats say nothing.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        topics: Topics,
        clock: Clock,
        broker: Broker,
        random: Random,
        *,
        request: Callable[[str], bool],
        demand: Callable[[str], float],
    ) -> None:
        """Make people who have not said anything yet.

        Args:
            document: config.toml as read: where requests are published, and how.
            topics: The balancer's own.
            clock: Virtual time.
            broker: Where they connect.
            random: Source of their latencies.
            request: Whether a room is too cold now, by its zone.
            demand: The same in per cent.
        """
        super().__init__("homeassistant", clock, broker, random)
        self.held: dict[str, bool] = {}
        self.silent: set[str] = set()
        self._topics = topics
        self._request = request
        self._demand = demand
        self._sections: dict[str, Mapping[str, Any]] = {
            zone: section.get("request", {}) for zone, section in document.get("zones", {}).items()
        }

    def begin(self) -> None:
        """Ask for what every room wants, now and again and again."""
        for number, zone in enumerate(self._sections):
            self.ask(zone)
            self._repeat_after(1.0 + number, zone)

    def say(self, topic: str, payload: str) -> None:
        """Publish; while the broker is away it is lost, as from any client."""
        self.publish(topic, payload, qos=1)

    def insist(self, topic: str, payload: str) -> None:
        """Say something until the balancer has heard it: every half minute, for five minutes."""
        for number in range(INSIST_TIMES):
            self.clock.after(INSIST_S * number, lambda: self.say(topic, payload))

    def hold(self, zone: str, wanted: bool | None) -> None:
        """Let a thermostat ask whatever the room says; None: the room decides again."""
        if wanted is None:
            self.held.pop(zone, None)
        else:
            self.held[zone] = wanted
        self.ask(zone)

    def requested(self, zone: str) -> bool:
        """Return what the zone's thermostat asks for now."""
        held = self.held.get(zone)
        return self._request(zone) if held is None else held

    def ask(self, zone: str) -> None:
        """Let a zone's thermostat say what it asks for."""
        if zone in self.silent:
            return
        section = self._sections[zone]
        on = self.requested(zone)
        if not section:
            self.say(f"{self._topics.zone(zone)}/set", "ON" if on else "OFF")
            return
        value: Any
        if "above" in section:
            value = on * 100 if zone in self.held else round(self._demand(zone))
        else:
            value = section.get("on", "ON") if on else section.get("off", "OFF")
        payload = json.dumps(put({}, section["path"], value)) if "path" in section else str(value)
        self.say(section["topic"], payload)

    def _repeat_after(self, delay_s: float, zone: str) -> None:
        def repeat() -> None:
            self.ask(zone)
            self._repeat_after(REPEAT_S, zone)

        self.clock.after(delay_s, repeat)
