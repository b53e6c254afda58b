"""Zigbee2MQTT: one bridge, its radio, and the relays behind it as they appear on the wire.

States are merged: every report repeats all that is known of a device, old or new. A command is
answered when the device acknowledged it; nothing is published when it did not.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any

from balancer.sim.broker import Broker
from balancer.sim.clock import Clock, Timer
from balancer.sim.devices.contact import Contact
from balancer.sim.devices.device import Device
from balancer.wire import Message

RESPONSE_TIMEOUT_S = 10.0  # ZCL default response, zigbee-herdsman endpoint
METERING_S = 10.0  # shortest time between two metering reports (ZHC default reporting)
METERING_STEP_W = 5.0
OFFLINE_AFTER_S = 600.0  # active.timeout of availability
AIR = 4  # more unicasts at a time than this collide (faults F35)


class ZigbeeRelay:
    """A device with one or more relays behind the bridge.

    Attributes:
        contacts: By endpoint; the key None is a device without endpoints.
        radio_s: Shortest and longest time from command to acknowledgement, in seconds.
        deaf: The radio does not reach it.
        lies: It acknowledges commands and does not switch.
        mute: It switches, and no acknowledgement or report comes back.
        loss: Share of commands and reports that the radio loses.
        on_time: How its firmware takes a timed ON: ``lease``, ``ignore`` (on for ever),
            ``toggle`` (toggles when the time is over) or ``refuse`` (ignores the command).
        power_w: What its meter shows, in watts; None without a meter.
    """

    def __init__(
        self,
        name: str,
        contacts: Mapping[str | None, Contact],
        *,
        power_w: Callable[[], float] | None = None,
    ) -> None:
        self.name = name
        self.contacts = dict(contacts)
        self.radio_s = (0.03, 0.3)
        self.deaf = False
        self.lies = False
        self.mute = False
        self.loss = 0.0
        self.powered = True
        self.on_time = "lease"
        self.power_w = power_w
        self.cached: dict[str, Any] = {"linkquality": 131}
        self.free_s = 0.0
        self.unheard_since_s: float | None = None
        self.shown_w = 0.0
        self.metered_s = -METERING_S
        self.timers: dict[str | None, Timer] = {}

    @staticmethod
    def key(endpoint: str | None) -> str:
        """Return the property that holds an endpoint's state."""
        return "state" if endpoint is None else f"state_{endpoint}"


class ZigbeeBridge(Device):
    """Zigbee2MQTT with its coordinator.

    Attributes:
        relays: By friendly name.
        burst_loss: Share of commands lost when more than four are in the air.
        places: Requests that the adapter handles at a time.
        with_availability: It publishes availability of its devices.
        retained_states: Device option ``retain``.
    """

    def __init__(
        self,
        relays: Mapping[str, ZigbeeRelay],
        clock: Clock,
        broker: Broker,
        random: Random,
        *,
        base: str = "zigbee2mqtt",
    ) -> None:
        super().__init__(f"{base}-bridge", clock, broker, random, retry_s=(1.0, 2.0))
        self.relays = dict(relays)
        self.base = base
        self.burst_loss = 0.0
        self.places = 16
        self.with_availability = True
        self.retained_states = False
        self.in_air = 0
        self._waiting: list[Callable[[], None]] = []
        for relay in self.relays.values():
            for endpoint, contact in relay.contacts.items():
                relay.cached[relay.key(endpoint)] = "ON" if contact.driven else "OFF"
                contact.on_change.append(partial(self._drew, relay))

    # as a client ---------------------------------------------------------------------------------

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(
            f"{self.base}/{name}/{part}{verb}"
            for name, relay in self.relays.items()
            for verb in ("set", "get")
            for part in ("", *(f"{endpoint}/" for endpoint in relay.contacts if endpoint))
        )

    @property
    def will(self) -> Message | None:
        return Message(f"{self.base}/bridge/state", b'{"state":"offline"}', 1, retain=True)

    def on_connected(self, first: bool) -> None:
        self.publish(f"{self.base}/bridge/state", '{"state":"online"}', qos=1, retain=True)
        for relay in self.relays.values():
            self._tell_availability(relay)
            if first:
                self.clock.after(0.2, partial(self.tell, relay))

    def on_message(self, message: Message) -> None:
        name, _, verb = message.topic[len(self.base) + 1 :].rpartition("/")
        endpoint: str | None = None
        if name not in self.relays:
            name, _, endpoint = name.rpartition("/")
        relay = self.relays.get(name)
        if relay is None:
            return
        try:
            wanted = json.loads(message.payload)
        except ValueError:
            text = message.payload.decode(errors="replace").strip()
            wanted = {"state": text} if text else {}
        if not isinstance(wanted, dict):
            return
        for at in relay.contacts:
            key = relay.key(at)
            if key in wanted or (at == endpoint and "state" in wanted):
                word = str(wanted.get(key, wanted.get("state", ""))).upper()
                if verb == "get":
                    self._queue(relay, partial(self._report, relay, at))
                elif word in {"ON", "OFF"}:
                    self._command(relay, at, on=word == "ON", wanted=wanted)

    # radio -------------------------------------------------------------------------------------

    def _command(
        self, relay: ZigbeeRelay, endpoint: str | None, *, on: bool, wanted: dict[str, Any]
    ) -> None:
        contact = relay.contacts[endpoint]
        timed_s = wanted.get("on_time") if on else None

        def executed() -> None:
            if timed_s is not None and relay.on_time == "refuse":
                return
            timer = relay.timers.pop(endpoint, None)
            if timer is not None:
                timer.cancel()
            if not relay.lies:
                contact.drive(on)
            if isinstance(timed_s, int | float) and relay.on_time in {"lease", "toggle"}:
                relay.timers[endpoint] = self.clock.after(
                    float(timed_s), lambda: self._expire(relay, endpoint)
                )
            word = "ON" if on else "OFF"
            if timed_s is None:
                relay.cached[relay.key(endpoint)] = word
                self.tell(relay)
            elif not relay.mute:  # a timed ON is not answered; the attribute report says it
                delay_s = self.random.uniform(0.1, 0.5)

                def report() -> None:
                    relay.cached[relay.key(endpoint)] = (
                        word if relay.lies else ("ON" if contact.driven else "OFF")
                    )
                    self.tell(relay)

                self.clock.after(delay_s, report)

        self._queue(relay, executed)

    def _queue(self, relay: ZigbeeRelay, executed: Callable[[], None]) -> None:
        """Send one unicast when the adapter has a place and the device is free."""
        if self.in_air >= self.places:
            self._waiting.append(lambda: self._queue(relay, executed))
            return
        self.in_air += 1
        risk = relay.loss + (self.burst_loss if self.in_air > AIR else 0.0)
        lost = risk > 0.0 and self.random.random() < risk
        start_s = max(self.clock.now_s, relay.free_s)
        reached = relay.powered and not relay.deaf and not lost
        took_s = self.random.uniform(*relay.radio_s) if reached else RESPONSE_TIMEOUT_S
        relay.free_s = start_s + took_s

        def done() -> None:
            self.in_air -= 1
            if self._waiting:
                self._waiting.pop(0)()
            if not self.powered:
                return
            if reached and relay.powered and not relay.deaf:
                executed()
            else:
                self._log_failure(relay)

        self.clock.at(relay.free_s, done)

    def _log_failure(self, relay: ZigbeeRelay) -> None:
        message = f"Publish 'set' 'state' to '{relay.name}' failed: 'Error: timeout'"
        document = {"level": "error", "message": message, "namespace": "z2m"}
        self.publish(f"{self.base}/bridge/logging", json.dumps(document))

    def _expire(self, relay: ZigbeeRelay, endpoint: str | None) -> None:
        relay.timers.pop(endpoint, None)
        if not relay.powered:
            return
        contact = relay.contacts[endpoint]
        contact.drive(not contact.driven if relay.on_time == "toggle" else False)
        self._report(relay, endpoint)

    def _report(self, relay: ZigbeeRelay, endpoint: str | None) -> None:
        """Let an attribute report of the device arrive, if the radio carries it."""
        if relay.deaf or relay.mute or not relay.powered or not self.powered:
            return
        relay.cached[relay.key(endpoint)] = "ON" if relay.contacts[endpoint].driven else "OFF"
        self.tell(relay)

    # what it says --------------------------------------------------------------------------------

    def tell(self, relay: ZigbeeRelay) -> None:
        """Publish everything cached of a device."""
        if relay.mute:
            return
        if relay.power_w is not None:
            relay.shown_w = relay.power_w() if relay.powered else 0.0
            relay.cached["power"] = round(relay.shown_w)
        self.publish(
            f"{self.base}/{relay.name}",
            json.dumps(relay.cached, separators=(",", ":")),
            retain=self.retained_states,
        )

    def _drew(self, relay: ZigbeeRelay, _load: str, _on: bool) -> None:
        """Let a metering report follow a switching: merged, so it may repeat an old state."""
        if relay.power_w is None:
            return
        due_s = max(self.clock.now_s + 1.0, relay.metered_s + METERING_S)
        relay.metered_s = due_s

        def meter() -> None:
            if not (relay.powered and self.powered) or relay.deaf:
                return
            assert relay.power_w is not None
            if abs(relay.power_w() - relay.shown_w) >= METERING_STEP_W:
                self.tell(relay)

        self.clock.at(due_s, meter)

    def toggle(self, name: str, endpoint: str | None) -> None:
        """Press the button on a device."""
        relay = self.relays[name]
        contact = relay.contacts[endpoint]
        contact.drive(not contact.driven)
        self.clock.after(self.random.uniform(0.05, 0.3), lambda: self._report(relay, endpoint))

    def device_off(self, name: str) -> None:
        """Take a device's power away; the bridge notices after ten minutes."""
        relay = self.relays[name]
        relay.powered = False
        relay.unheard_since_s = gone_s = self.clock.now_s
        for timer in relay.timers.values():
            timer.cancel()
        relay.timers.clear()

        def missed() -> None:
            if relay.unheard_since_s == gone_s:
                self._tell_availability(relay)

        self.clock.after(OFFLINE_AFTER_S, missed)

    def device_on(self, name: str, *, announce_s: float = 3.0) -> None:
        """Give a device its power again: it boots, rejoins and announces itself."""
        relay = self.relays[name]
        if relay.powered:
            return
        relay.powered = True
        relay.unheard_since_s = None
        for contact in relay.contacts.values():
            contact.boot()

        def announce() -> None:
            if not relay.powered or relay.deaf:
                return
            self._tell_availability(relay)
            for endpoint in relay.contacts:
                self._report(relay, endpoint)

        self.clock.after(announce_s, announce)

    def bridge_off(self) -> None:
        """Stop the bridge: its will says offline, radio and devices go on by themselves."""
        self.keepalive_s = 0.1
        super().power_off()

    def bridge_on(self) -> None:
        """Start the bridge again: it publishes what it remembers, however old."""
        super().power_on(boot_s=3.0)

    def _tell_availability(self, relay: ZigbeeRelay) -> None:
        if not self.with_availability:
            return
        gone = (
            relay.unheard_since_s is not None
            and self.clock.now_s - relay.unheard_since_s >= OFFLINE_AFTER_S
        )
        word = "offline" if gone else "online"
        self.publish(
            f"{self.base}/{relay.name}/availability", f'{{"state":"{word}"}}', qos=1, retain=True
        )
