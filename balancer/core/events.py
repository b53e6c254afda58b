"""What happens: facts with the time at which they were received, on the monotonic line."""

from collections.abc import Mapping
from dataclasses import dataclass

from balancer.core.memory import Memory


@dataclass(frozen=True, slots=True)
class MeterReadings:
    """One message of a meter, or of several that share a topic.

    Attributes:
        at_s: Receipt time, in seconds.
        power_w: Watts by meter name; finite and believable; negative while exporting.
    """

    at_s: float
    power_w: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RequestReported:
    """A zone's thermostat said whether it wants heat; repeated or not."""

    at_s: float
    zone: str
    requested: bool


@dataclass(frozen=True, slots=True)
class BoostSet:
    """Somebody boosts a load for ``for_s`` seconds; 0 ends the boost."""

    at_s: float
    load: str
    for_s: float


@dataclass(frozen=True, slots=True)
class AwaySet:
    """Somebody leaves or comes home."""

    at_s: float
    away: bool


@dataclass(frozen=True, slots=True)
class ModeSet:
    """A power-saving mode was set from outside; None is ``auto``."""

    at_s: float
    circuit: str
    mode: int | None


@dataclass(frozen=True, slots=True)
class LimitSet:
    """A circuit's limit was changed, in watts; not above the configured one."""

    at_s: float
    circuit: str
    limit_w: float


@dataclass(frozen=True, slots=True)
class RotateDue:
    """A tick: the turns are given anew (R6).

    Attributes:
        asked: By somebody, now, and not by the clock, which asks again.
    """

    at_s: float
    asked: bool = False


@dataclass(frozen=True, slots=True)
class RelayReported:
    """A relay reported whether its heater is on."""

    at_s: float
    load: str
    on: bool


@dataclass(frozen=True, slots=True)
class DeviceReported:
    """A relay's device, or the bridge before it, came or went.

    Attributes:
        anew: It says so live: perhaps it has come just now, and nobody heard it go.
    """

    at_s: float
    load: str
    online: bool
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker can be reached; every relay has to be reconciled (R15)."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The broker is gone; nothing that is said would be heard."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Started:
    """What was remembered has been read back; decisions may begin (R15)."""

    at_s: float
    memory: Memory


@dataclass(frozen=True, slots=True)
class StopRequested:
    """SIGTERM: follow ``on_exit`` (R16)."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Wake:
    """Time has passed; the deadline of the last decision has come."""

    at_s: float


Event = (
    MeterReadings
    | RequestReported
    | BoostSet
    | AwaySet
    | ModeSet
    | LimitSet
    | RotateDue
    | RelayReported
    | DeviceReported
    | Connected
    | Disconnected
    | Started
    | StopRequested
    | Wake
)
