"""What every family gives the rest of the program. Nothing a device says is trusted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


class RelayCodec(Protocol):
    """One relay channel. ``on`` is always the heater's state: inverted wiring ends here."""

    @property
    def traits(self) -> RelayTraits: ...
    @property
    def states(self) -> Mapping[str, StateDecoder]:
        """Topics that report its state."""
        ...

    @property
    def online(self) -> Mapping[str, OnlineDecoder]:
        """Topics that say whether it can be reached; all must agree that it can."""
        ...

    @property
    def setup_replies(self) -> Mapping[str, SetupDecoder]:
        """Topics of answers to ``setup``, each with what has to be written then (R12)."""
        ...

    @property
    def command_topics(self) -> tuple[str, ...]:
        """All topics that are written to: commands, queries, setup. For the broker's ACL."""
        ...

    def switch(self, *, on: bool) -> Message:
        """Return the command; never retained. With ``dead_man`` an ON is a lease."""
        ...

    def query(self) -> tuple[Message, ...]:
        """Return what asks for the state; empty if it cannot be asked."""
        ...

    def setup(self) -> tuple[Message, ...]:
        """Return what is asked once after each connect (the dead-man's setting)."""
        ...


class MeterCodec(Protocol):
    """A topic and how to read watts from its payload."""

    @property
    def topic(self) -> str: ...
    @property
    def qos(self) -> int: ...
    def decode(self, payload: bytes) -> float:
        """Return finite watts, negative while exporting. Raises DecodeError."""
        ...


class RequestCodec(Protocol):
    """A topic and how to read a request for heat from its payload."""

    @property
    def topic(self) -> str: ...
    @property
    def qos(self) -> int: ...
    def decode(self, payload: bytes, *, requested: bool) -> bool | None:
        """Return whether heat is wanted; None: it says nothing about that.

        Args:
            payload: As received.
            requested: What is requested now (a demand in per cent has a hysteresis).

        Raises:
            DecodeError: An unknown word, not a number, not JSON.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One kind of device: what it can be, and what is known of it without configuration.

    The constructors take the family's options by name and raise ValueError, with a
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
