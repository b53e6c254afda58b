"""What every family gives the rest of the program. Nothing a device says is trusted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from balancer.core.model import RelayTraits
from balancer.wire import Message

MAX_PAYLOAD_BYTES = 65_536  # bridge and status documents of real devices stay far below


class Rejection(StrEnum):
    """Why a payload is no report (label ``reason`` of ``balancer_rejected_messages_total``)."""

    EMPTY = "empty"
    OVERSIZE = "oversize"
    UTF8 = "utf8"
    PARSE = "parse"
    MISSING = "missing"
    NONFINITE = "nonfinite"
    RANGE = "range"
    WORD = "word"
    RETAINED = "retained"
    NOT_ALLOWED = "not_allowed"


class DecodeError(ValueError):
    """A payload that is no report; the message says what was found, shortened."""

    def __init__(self, reason: Rejection, message: str) -> None:
        super().__init__(message)
        self.reason = reason


StateDecoder = Callable[[bytes], bool | None]
"""Payload to "the heater is on"; None: it says nothing about this relay. Raises DecodeError."""
OnlineDecoder = Callable[[bytes], bool | None]
"""Payload to "the device is reachable"; None: it says nothing about that. Raises DecodeError."""
SetupDecoder = Callable[[bytes], tuple[Message, ...]]
"""Answer to ``setup`` to what has to be written; empty: all is well. Raises DecodeError."""


class RequestDecoder(Protocol):
    """Payload to "heat is wanted"."""

    def __call__(self, payload: bytes, *, requested: bool) -> bool | None:
        """Return whether heat is wanted; None: it says nothing about that.

        Args:
            payload: As received.
            requested: What is requested now (a demand in per cent has a hysteresis).

        Raises:
            DecodeError: An unknown word, not a number, not JSON.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayCodec:
    """One relay channel. ``on`` is always the heater's state: inverted wiring ends here.

    Attributes:
        traits: What the controller has to know of it.
        inverted: The heater is on while the relay is off; all else here is turned round already.
        commands: What switches it, by the heater's state; never retained. With ``dead_man`` an
            ON is a lease.
        aliases: What would switch the same channel; never sent.
        query: What asks for its state; empty: it cannot be asked.
        setup: What is asked once after each connect (the dead-man's setting).
        states: Topics that report its state.
        online: Topics that say whether it can be reached; all must agree that it can.
        setup_replies: Topics of answers to ``setup``, each with what has to be written then (R12).
    """

    traits: RelayTraits
    inverted: bool = False
    commands: Mapping[bool, Message]
    aliases: tuple[Message, ...] = ()
    query: tuple[Message, ...] = ()
    setup: tuple[Message, ...] = ()
    states: Mapping[str, StateDecoder]
    online: Mapping[str, OnlineDecoder] = field(default_factory=dict)
    setup_replies: Mapping[str, SetupDecoder] = field(default_factory=dict)

    def switch(self, *, on: bool) -> Message:
        """Return the command."""
        return self.commands[on]

    @property
    def command_topics(self) -> tuple[str, ...]:
        """Return all topics that are written to: commands, queries, setup."""
        messages = (*self.commands.values(), *self.query, *self.setup)
        return tuple(dict.fromkeys(each.topic for each in messages))


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterCodec:
    """A topic and how to read watts from its payload.

    Attributes:
        topic: Where it reports.
        qos: Of the subscription.
        decode: Payload to finite watts, negative while exporting. Raises DecodeError.
        usual_period_s: How often it reports unless the device is told otherwise, in seconds;
            None: unknown.
        sooner: What to do on the device so that it reports more often.
    """

    topic: str
    qos: int
    decode: Callable[[bytes], float]
    usual_period_s: float | None = None
    sooner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCodec:
    """A topic and how to read a request for heat from its payload.

    Attributes:
        topic: Where it is said.
        qos: Of the subscription.
        decode: See there.
    """

    topic: str
    qos: int
    decode: RequestDecoder


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One kind of device: what it can be, and what is known of it without configuration.

    What makes codecs takes the family's options by name and raises ValueError, with a
    sentence for people, for options that cannot be.

    Attributes:
        relay: Makes a relay's codec, or None: the family has no relays.
        meter: Makes a meter's codec, or None. Beside the family's options it takes
            ``watts_per_unit`` and ``scale``.
        request: Makes a request's codec, or None.
        unit_of: Path in a meter's payload (None: the default path) to the unit
            of the number there; None: unknown.
        least_period_s: The shortest time between two reports of an unchanging
            meter that the family can be set to, in seconds; None: unknown (R13).
    """

    relay: Callable[..., RelayCodec] | None = None
    meter: Callable[..., MeterCodec] | None = None
    request: Callable[..., RequestCodec] | None = None
    unit_of: Callable[[str | None], str | None]
    least_period_s: float | None = None
