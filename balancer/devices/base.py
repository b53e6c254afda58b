"""What every family gives the rest of the program. Nothing a device says is trusted."""

from collections.abc import Callable, Mapping
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
    def setup_replies(self) -> Mapping[str, Callable[[bytes], tuple[Message, ...]]]:
        """Topics of answers to ``setup``, each with what has to be written then (R12)."""
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
