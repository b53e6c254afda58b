"""Tasmota devices as they speak on the wire (Tasmota documentation: MQTT, PulseTime, PowerDelta)."""

import json
from collections.abc import Mapping
from random import Random

from balancer.sim.broker import Broker
from balancer.sim.clock import Clock, Timer
from balancer.sim.devices.contact import Contact
from balancer.sim.devices.device import Device
from balancer.wire import Message

TELE_PERIOD_S = 300.0


def full(pattern: str, prefix: str, device: str) -> str:
    """Return the beginning of a topic: FullTopic with its tokens filled in."""
    start = pattern.replace("%prefix%", prefix).replace("%topic%", device)
    return start if start.endswith("/") else start + "/"


def pulse_seconds(value: int) -> float:
    """Return the seconds that a stored PulseTime stands for: tenths up to 111, then plus 100."""
    return value / 10.0 if value <= 111 else value - 100.0


class TasmotaRelays(Device):
    """A device with one or more relays; answers every POWER command, changed or not.

    Attributes:
        contacts: By channel, from 1.
        ack_s: Shortest and longest time from command to answer, in seconds.
        deaf: It ignores commands.
        mute: It obeys and says nothing.
        pulse: Stored PulseTime by channel; 0 is none.
    """

    def __init__(
        self,
        device: str,
        contacts: Mapping[int, Contact],
        clock: Clock,
        broker: Broker,
        random: Random,
        *,
        single: bool,
        full_topic: str = "%prefix%/%topic%/",
    ) -> None:
        super().__init__(f"tasmota-{device}", clock, broker, random, retry_s=(10.0, 20.0))
        self.contacts = dict(contacts)
        self.ack_s = (0.01, 0.05)
        self.deaf = False
        self.mute = False
        self.pulse = dict.fromkeys(contacts, 0)
        self._single = single
        self._cmnd = full(full_topic, "cmnd", device)
        self._stat = full(full_topic, "stat", device)
        self._tele = full(full_topic, "tele", device)
        self._timers: dict[int, Timer] = {}
        self._due: dict[int, float] = {}
        self._telemetry: Timer | None = None

    @property
    def topics(self) -> tuple[str, ...]:
        names = ["POWER", "PulseTime", "STATE", "Status", "TelePeriod"]
        for channel in self.contacts:
            names += [f"POWER{channel}", f"PulseTime{channel}"]
        return tuple(self._cmnd + name for name in names)

    @property
    def will(self) -> Message | None:
        return Message(self._tele + "LWT", b"Offline", 1, retain=True)

    def on_connected(self, first: bool) -> None:
        self.publish(self._tele + "LWT", "Online", qos=1, retain=True)
        self.publish(self._cmnd + "POWER", "")
        if first:
            for channel in self.contacts:
                self._report(channel)
        if self._telemetry is not None:
            self._telemetry.cancel()
        self._telemetry = self.clock.after(
            self.random.uniform(10.0, TELE_PERIOD_S), self._tell_state
        )

    def on_power(self, *, on: bool) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if on:
            for channel, contact in self.contacts.items():
                contact.boot()
                if contact.driven:
                    self._start_pulse(channel)

    def on_message(self, message: Message) -> None:
        name = message.topic[len(self._cmnd) :]
        payload = message.payload.decode(errors="replace").strip()
        if self.deaf:
            return
        if name.startswith("POWER"):
            if payload == "" and name == "POWER" and not self._single:
                return  # its own greeting, and a query of nothing
            self._obey(int(name[5:] or 1), payload.upper())
        elif name.startswith("PulseTime"):
            self._set_pulse(int(name[9:] or 1), payload)
        elif name in {"STATE", "TelePeriod"}:
            self.clock.after(self.random.uniform(*self.ack_s), self._tell_state)
        elif name == "Status" and payload in {"0", "11"}:
            self._say("STATUS11", json.dumps({"StatusSTS": self._state()}))

    def counting(self, channel: int) -> bool:
        """Return whether a relay's own timer will turn it off."""
        return channel in self._timers

    def toggle(self, channel: int) -> None:
        """Press the button on the device."""
        contact = self.contacts[channel]
        self._set(channel, energised=not contact.driven)
        self._report(channel)

    def tell_part(self) -> None:
        """Answer with the state of one relay and with something else."""
        channel = self.random.choice(list(self.contacts))
        self._report(channel)
        self._say("RESULT", '{"TelePeriod":300}')

    def reboot(self) -> None:
        """Restart the firmware: relays keep their state, the timers start anew."""
        if not self.powered:
            return
        if self.session is not None:
            self.session.close(clean=False)
            self.session = None
        self._booted = False
        for channel, contact in self.contacts.items():
            if contact.driven:
                self._start_pulse(channel)
        self.clock.after(3.0, self._connect)

    def _obey(self, channel: int, word: str) -> None:
        if channel not in self.contacts:
            return

        def act() -> None:
            if not self.powered:
                return
            if word in {"ON", "1", "TRUE"}:
                self._set(channel, energised=True)
            elif word in {"OFF", "0", "FALSE"}:
                self._set(channel, energised=False)
            self._report(channel)

        self.clock.after(self.random.uniform(*self.ack_s), act)

    def _set(self, channel: int, *, energised: bool) -> None:
        timer = self._timers.pop(channel, None)
        if timer is not None:
            timer.cancel()
        self.contacts[channel].drive(energised)
        if energised:
            self._start_pulse(channel)

    def _start_pulse(self, channel: int) -> None:
        if not self.pulse[channel]:
            return
        seconds = pulse_seconds(self.pulse[channel])

        def expire() -> None:
            self._timers.pop(channel, None)
            if self.powered:
                self.contacts[channel].drive(energised=False)
                self._report(channel)

        self._due[channel] = self.clock.now_s + seconds
        self._timers[channel] = self.clock.after(seconds, expire)

    def _set_pulse(self, channel: int, payload: str) -> None:
        if channel not in self.contacts:
            return
        if payload.isdigit():
            self.pulse[channel] = int(payload)
        value = self.pulse[channel]
        left_s = max(0.0, self._due.get(channel, 0.0) - self.clock.now_s)
        remaining = round(left_s) + 100 if channel in self._timers else 0
        document = {f"PulseTime{channel}": {"Set": value, "Remaining": remaining}}
        self._say("RESULT", json.dumps(document, separators=(",", ":")))

    def _report(self, channel: int) -> None:
        key = "POWER" if self._single else f"POWER{channel}"
        word = "ON" if self.contacts[channel].driven else "OFF"
        self._say("RESULT", f'{{"{key}":"{word}"}}')
        self._say(key, word)

    def _say(self, name: str, payload: str) -> None:
        if not self.mute:
            self.publish(self._stat + name, payload)

    def _state(self) -> dict[str, object]:
        powers = {
            ("POWER" if self._single else f"POWER{channel}"): "ON" if contact.driven else "OFF"
            for channel, contact in self.contacts.items()
        }
        return {
            "Time": "2026-01-05T18:22:01",
            "UptimeSec": int(self.clock.now_s),
            "Heap": 27,
            **powers,
            "Wifi": {"AP": 1, "RSSI": 74, "Signal": -63},
        }

    def _tell_state(self) -> None:
        if self.session is None or not self.powered:
            return
        if not self.mute:
            self.publish(self._tele + "STATE", json.dumps(self._state(), separators=(",", ":")))
        if self._telemetry is not None:
            self._telemetry.cancel()
        self._telemetry = self.clock.after(TELE_PERIOD_S, self._tell_state)
