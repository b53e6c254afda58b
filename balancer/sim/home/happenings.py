"""What happens by itself in the simulated house, and what a report keeps of it."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What happened by itself in the house."""

    TRIPPED = "tripped"  # name: circuit
    REARMED = "rearmed"  # name: circuit
    DARK = "dark"  # name: load; it and its relay have lost power
    BOOTED = "booted"  # name: load; its relay starts anew, in the state of ``boot_contact``
    REQUESTED = "requested"  # name: zone; ``request`` says what is asked now


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened by itself, for whoever drives the house."""

    at_s: float
    kind: Kind
    name: str


class Journal:
    """What a report draws; kept only when asked for.

    Attributes:
        power_w: (instant, total, of it not heating) at each change, by circuit.
        relays: (instant, on) at each change of the heater's contact, by load.
        rooms: (instant, air, set point) every ten minutes, by zone.
        requests: (instant, requested) at each change, by zone.
    """

    def __init__(
        self, circuits: Collection[str], loads: Collection[str], zones: Collection[str]
    ) -> None:
        """Start with nothing."""
        self.power_w: dict[str, list[tuple[float, float, float]]] = {each: [] for each in circuits}
        self.relays: dict[str, list[tuple[float, bool]]] = {each: [] for each in loads}
        self.rooms: dict[str, list[tuple[float, float, float]]] = {each: [] for each in zones}
        self.requests: dict[str, list[tuple[float, bool]]] = {each: [] for each in zones}
