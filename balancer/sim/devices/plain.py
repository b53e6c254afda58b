"""Relays with a topic of their own for commands and, mostly, one for their state (ESPHome and others)."""

import json
from random import Random

from balancer.sim.broker import Broker
from balancer.sim.clock import Clock
from balancer.sim.devices.contact import Contact
from balancer.sim.devices.device import Device
from balancer.sim.devices.document import put
from balancer.wire import Message


class PlainRelay(Device):
    """One relay behind a command topic.

    Attributes:
        deaf: It ignores commands.
        mute: It obeys and says nothing.
        only_changes: A command that changes nothing is not answered (ESPHome).
    """

    def __init__(
        self,
        contact: Contact,
        clock: Clock,
        broker: Broker,
        random: Random,
        *,
        command_topic: str,
        on: str = "ON",
        off: str = "OFF",
        state_topic: str | None = None,
        state_path: str | None = None,
        state_on: str | None = None,
        state_off: str | None = None,
        retained: bool = False,
        only_changes: bool = False,
    ) -> None:
        super().__init__(f"plain-{contact.load}", clock, broker, random)
        self.contact = contact
        self.deaf = False
        self.mute = False
        self.only_changes = only_changes
        self.ack_s = (0.005, 0.03)
        self._command_topic = command_topic
        self._words = (on, off)
        self._state_topic = state_topic
        self._state_path = state_path
        self._state_words = (
            on if state_on is None else state_on,
            off if state_off is None else state_off,
        )
        self._retained = retained

    @property
    def topics(self) -> tuple[str, ...]:
        return (self._command_topic,)

    def on_connected(self, _first: bool) -> None:
        self._report()

    def on_power(self, *, on: bool) -> None:
        if on:
            self.contact.boot()

    def on_message(self, message: Message) -> None:
        word = message.payload.decode(errors="replace")
        if self.deaf or word not in self._words:
            return
        energised = word == self._words[0]

        def act() -> None:
            if not self.powered:
                return
            changed = self.contact.driven != energised
            self.contact.drive(energised)
            if changed or not self.only_changes:
                self._report()

        self.clock.after(self.random.uniform(*self.ack_s), act)

    def toggle(self) -> None:
        """Press the button on the device."""
        self.contact.drive(not self.contact.driven)
        self._report()

    def _report(self) -> None:
        if self._state_topic is None or self.mute:
            return
        word = self._state_words[0 if self.contact.driven else 1]
        payload = word
        if self._state_path is not None:
            payload = json.dumps(put({}, self._state_path, word), separators=(",", ":"))
        self.publish(self._state_topic, payload, retain=self._retained)
