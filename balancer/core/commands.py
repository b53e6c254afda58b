"""What is asked of the world, and why."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a load is as it is, by precedence (R18)."""

    FAULT = "fault"
    UNAVAILABLE = "unavailable"
    STARTING = "starting"
    AWAY = "away"
    BLIND = "blind"
    BOOSTED = "boosted"
    SERVING = "serving"
    MIN_ON = "min_on"
    IDLE = "idle"
    MIN_OFF = "min_off"
    MODE = "mode"
    SHED = "shed"
    WAITING = "waiting"


class Cause(StrEnum):
    """What made a decision happen (``cause`` of an event)."""

    OVERLOAD = "overload"
    UNCONFIRMED = "unconfirmed"
    REQUEST = "request"
    BOOST = "boost"
    ROTATION = "rotation"
    RESTORE = "restore"
    AWAY = "away"
    MODE = "mode"
    LIMIT = "limit"
    BLIND = "blind"
    RECONCILE = "reconcile"
    FOREIGN = "foreign"
    RETRY = "retry"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class SwitchRelay:
    """Send the command; ``on`` is the heater's state, whatever the wiring."""

    load: str
    on: bool


@dataclass(frozen=True, slots=True)
class RenewLease:
    """Repeat ON before the relay's dead-man turns it off (R12)."""

    load: str


@dataclass(frozen=True, slots=True)
class QueryRelay:
    """Ask the relay for its state."""

    load: str


Command = SwitchRelay | RenewLease | QueryRelay


@dataclass(frozen=True, slots=True)
class Switching:
    """One load that a decision switches."""

    load: str
    on: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision with commands, for the event topic and the log.

    Attributes:
        circuit: The circuit that it was made for, None for the whole house.
        meter_w: Its last reading, in watts.
        available_w: Its available power, in watts.
        switchings: OFF before ON.
    """

    cause: Cause
    circuit: str | None
    meter_w: float | None
    available_w: float | None
    switchings: tuple[Switching, ...]


class NoteKind(StrEnum):
    """Things worth counting or logging that are no decision."""

    CONFIRMED = "confirmed"  # value: seconds from command to report
    UNCONFIRMED = "unconfirmed"
    RETRIED = "retried"
    FOREIGN = "foreign"
    LEFT_ALONE = "left_alone"
    FAULT = "fault"
    FAULT_OVER = "fault_over"
    BLIND = "blind"
    BLIND_OVER = "blind_over"
    SUSPECT = "suspect"
    SUSPECT_OVER = "suspect_over"
    WRONG_SCALE = "wrong_scale"  # value: a step of the meter as a multiple of the rated power
    WRONG_SCALE_OVER = "wrong_scale_over"
    UNSHEDDABLE = "unsheddable"  # value: excess that is left with every load off, in watts
    ROTATED = "rotated"
    SWITCHED = "switched"  # the relay really changed; value: 1 on, 0 off; cause says why


@dataclass(frozen=True, slots=True)
class Note:
    """One such thing; ``subject`` is a load, or a circuit for blind, suspect, scale, unsheddable."""

    kind: NoteKind
    subject: str
    value: float = 0.0
    cause: Cause | None = None
