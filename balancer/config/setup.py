"""The result of reading config.toml: everything the rest of the program needs, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Protocol

from balancer.core.model import House
from balancer.devices.base import MeterCodec, RelayCodec, RequestCodec


@dataclass(frozen=True, slots=True)
class Tls:
    """Files for an encrypted connection; None: the system's authorities, no client certificate."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """How to reach the broker. The password never shows in ``repr``."""

    host: str = "localhost"
    port: int = 1883
    username: str | None = None
    password: "Secret | None" = None
    base_topic: str = "balancer"
    tls: Tls | None = None


class Secret(str):
    """A string that does not print."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('…')"


class Schedule(Protocol):
    """When ticks are due; wall clock, with zone."""

    @property
    def timezone(self) -> tzinfo:
        """Where the wall clock hangs; the house's days begin at its midnight."""
        ...

    def next_after(self, instant: datetime) -> datetime:
        """Return the first tick after an aware instant, in UTC; DST is the schedule's business."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A house and the devices in it.

    Attributes:
        house: For the controller.
        relays: Codec by load name; as many as ``house.loads``.
        meters: Codec by meter name (key path); every ``Meter`` of the house has one.
        requests: Codec by zone name; zones with an own switch have none.
        discovery_prefix: Home Assistant's, or None: no discovery.
        http_port: 0: no endpoint.
        warnings: Sentences that ``check`` and ``run`` show; nothing is wrong.
    """

    house: House
    broker: Broker
    schedule: Schedule
    relays: Mapping[str, RelayCodec]
    meters: Mapping[str, MeterCodec]
    requests: Mapping[str, RequestCodec]
    discovery_prefix: str | None = "homeassistant"
    http_host: str = "127.0.0.1"
    http_port: int = 9842
    warnings: tuple[str, ...] = ()
