"""The contact of a relay: what its firmware drives and what the copper does."""

from collections.abc import Callable
from enum import StrEnum


class Copper(StrEnum):
    """What is wrong with a contact, if anything."""

    SOUND = "sound"
    WELDED = "welded"  # closed for ever
    DEAD = "dead"  # the coil does nothing: open for ever
    STUCK = "stuck"  # stays as it is, whatever the firmware believes


class Contact:
    """One channel. The firmware drives it; the house is told when it closes or opens.

    Attributes:
        load: The heater behind it.
        inverted: Closed means off (pilot wire, normally closed contactor).
        driven: What the firmware believes: energised or not.
        changes: Times that it really closed or opened.
        on_change: Told the load and whether its heater is on now.
    """

    def __init__(
        self,
        load: str,
        *,
        inverted: bool,
        switch: Callable[[str, bool], None],
        power_on: str = "previous",
    ) -> None:
        self.load = load
        self.inverted = inverted
        self.power_on = power_on
        self.driven = inverted  # the heater starts off
        self.changes = 0
        self.on_change: list[Callable[[str, bool], None]] = []
        self._copper = Copper.SOUND
        self._closed = self.driven
        self._switch = switch

    @property
    def copper(self) -> Copper:
        return self._copper

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def heater_on(self) -> bool:
        """Return whether the heater is connected, whatever the firmware believes."""
        return self._closed != self.inverted

    def drive(self, energised: bool) -> None:
        """Let the firmware energise the coil or release it."""
        self.driven = energised
        self._settle()

    def spoil(self, copper: Copper) -> None:
        """Break the contact, or mend it: mended, it follows the firmware again."""
        self._copper = copper
        self._settle()

    @property
    def boots_driven(self) -> bool:
        """Return what the firmware does after a blackout, as ``power_on`` says: off, on, previous."""
        return self.driven if self.power_on == "previous" else self.power_on == "on"

    def boot(self) -> None:
        """Come back from a blackout."""
        self.driven = self.boots_driven
        self._settle()

    def _settle(self) -> None:
        closed = {
            Copper.SOUND: self.driven,
            Copper.WELDED: True,
            Copper.DEAD: False,
            Copper.STUCK: self._closed,
        }[self._copper]
        if closed == self._closed:
            return
        self._closed = closed
        self.changes += 1
        self._switch(self.load, closed)
        for call in self.on_change:
            call(self.load, self.heater_on)
