"""What can be wrong with a line, and who listens to it."""

from dataclasses import dataclass
from enum import StrEnum

from tests.chaos.packets import Packet


class Way(StrEnum):
    """A direction."""

    UP = "up"  # from the service to the broker
    DOWN = "down"


@dataclass
class Toxics:
    """What is wrong with one direction; nothing by default.

    Attributes:
        latency_s: Every packet comes so much later, in seconds.
        jitter_s: And up to so much more; the order stays.
        bytes_per_s: Bandwidth; None: all there is.
        slice_bytes: Every write is cut into pieces of so many bytes; None: not.
        held: Nothing arrives; what is sent meanwhile comes at the end.
        repeat_share: Share of PUBLISH packets that come twice.
    """

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float | None = None
    slice_bytes: int | None = None
    held: bool = False
    repeat_share: float = 0.0


@dataclass(frozen=True)
class Passed:
    """A packet that went through.

    Attributes:
        at_s: When the service handed it over, or had it handed over; monotonic.
        link: Name of the proxy.
        connection: Number of the connection, from 1.
    """

    at_s: float
    link: str
    connection: int
    way: Way
    packet: Packet


class Tap:
    """Whoever listens; does nothing by itself."""

    def opened(self, link: str, connection: int, at_s: float) -> None:
        """Take note that the service has connected."""

    def passed(self, passed: Passed) -> None:
        """Take note of a packet."""

    def closed(self, link: str, connection: int, at_s: float, *, by_service: bool) -> None:
        """Take note that the service's side has ended."""
