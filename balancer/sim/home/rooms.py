"""Rooms as two heat capacities each: air that answers in minutes, walls that take days.

Between changes of heat and outdoor temperature both follow sums of two exponentials, so a room
is advanced over any time in one exact step.
"""

from dataclasses import dataclass
from math import exp, sqrt
from random import Random

DESIGN_INSIDE_C = 20.0
DESIGN_OUTSIDE_C = -3.0  # the coldest hour of the typical year that comes with the package
_LONGEST_LOOK_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomShape:
    """What a room is made of.

    Attributes:
        air_w_per_k: Loss from the air to the outside (windows, ventilation).
        wall_w_per_k: Loss from the walls to the outside.
        coupling_w_per_k: Exchange between air and walls.
        air_j_per_k: Heat capacity of air and furniture.
        wall_j_per_k: Heat capacity of the walls.
    """

    air_w_per_k: float
    wall_w_per_k: float
    coupling_w_per_k: float
    air_j_per_k: float
    wall_j_per_k: float


def room_for(power_w: float, chance: Random, *, oversize: float | None = None) -> RoomShape:
    """Return a room that heaters of that power keep warm at the design temperature.

    Args:
        power_w: Rated power of all heaters in the room, in watts; positive.
        chance: Source of the differences between rooms.
        oversize: Rated power divided by the loss at the design temperature; None: drawn between
            1.05 and 1.35, as installers choose it.
    """
    assert power_w > 0.0, power_w
    chosen = chance.uniform(1.05, 1.35) if oversize is None else oversize
    loss = power_w / (chosen * (DESIGN_INSIDE_C - DESIGN_OUTSIDE_C))
    through_air = loss * chance.uniform(0.35, 0.5)
    coupling = loss * chance.uniform(8.0, 11.0)
    # the walls lose the rest; seen from the air that loss stands behind the coupling
    rest = loss - through_air
    through_walls = rest * coupling / (coupling - rest)
    return RoomShape(
        air_w_per_k=through_air,
        wall_w_per_k=through_walls,
        coupling_w_per_k=coupling,
        air_j_per_k=(coupling + through_air) * chance.uniform(900.0, 1500.0),
        wall_j_per_k=loss * chance.uniform(25.0, 50.0) * 3600.0,
    )


class Room:
    """One room between two changes: temperatures at an instant, heat and outside since then."""

    __slots__ = (
        "_balance_air_k_per_w",
        "_balance_wall_k_per_w",
        "_fast",
        "_fast_per_s",
        "_fast_wall",
        "_level_c",
        "_since_s",
        "_slow",
        "_slow_per_s",
        "_slow_wall",
        "_wall_level_c",
        "heat_w",
        "outside_c",
    )

    def __init__(self, shape: RoomShape, *, air_c: float, outside_c: float) -> None:
        """Start at time 0 with the walls in balance between air and outside."""
        a11 = -(shape.air_w_per_k + shape.coupling_w_per_k) / shape.air_j_per_k
        a12 = shape.coupling_w_per_k / shape.air_j_per_k
        a21 = shape.coupling_w_per_k / shape.wall_j_per_k
        a22 = -(shape.wall_w_per_k + shape.coupling_w_per_k) / shape.wall_j_per_k
        middle = (a11 + a22) / 2.0
        spread = sqrt(((a11 - a22) / 2.0) ** 2 + a12 * a21)
        self._fast_per_s = middle - spread
        self._slow_per_s = middle + spread
        self._fast_wall = (self._fast_per_s - a11) / a12
        self._slow_wall = (self._slow_per_s - a11) / a12
        determinant = (shape.air_w_per_k + shape.coupling_w_per_k) * (
            shape.wall_w_per_k + shape.coupling_w_per_k
        ) - shape.coupling_w_per_k**2
        self._balance_air_k_per_w = (shape.wall_w_per_k + shape.coupling_w_per_k) / determinant
        self._balance_wall_k_per_w = shape.coupling_w_per_k / determinant
        self.heat_w = 0.0
        self.outside_c = outside_c
        self._since_s = 0.0
        weight = shape.coupling_w_per_k / (shape.coupling_w_per_k + shape.wall_w_per_k)
        self._start_from(air_c, outside_c + (air_c - outside_c) * weight)

    def air_c(self, at_s: float) -> float:
        """Return the air temperature at an instant not before the last change."""
        dt = at_s - self._since_s
        return (
            self._level_c
            + self._fast * exp(self._fast_per_s * dt)
            + self._slow * exp(self._slow_per_s * dt)
        )

    def wall_c(self, at_s: float) -> float:
        """Return the temperature of the walls."""
        dt = at_s - self._since_s
        return (
            self._wall_level_c
            + self._fast_wall * self._fast * exp(self._fast_per_s * dt)
            + self._slow_wall * self._slow * exp(self._slow_per_s * dt)
        )

    def change(self, at_s: float, *, heat_w: float, outside_c: float) -> None:
        """Let other heat and another outdoor temperature act from an instant on."""
        air_c, wall_c = self.air_c(at_s), self.wall_c(at_s)
        self._since_s = at_s
        self.heat_w = heat_w
        self.outside_c = outside_c
        self._start_from(air_c, wall_c)

    def reaches_s(self, level_c: float, at_s: float) -> float | None:
        """Return when the air will have reached a temperature, looking an hour ahead.

        Returns:
            The instant, or None if the air is on the same side of it an hour later.
        """
        before, after = at_s, at_s + _LONGEST_LOOK_S
        low, high = self.air_c(before) - level_c, self.air_c(after) - level_c
        if low == 0.0:
            return at_s
        if (low > 0.0) == (high > 0.0):
            return None
        for _ in range(60):  # Illinois variant of regula falsi: a handful of rounds suffices
            middle = before + (after - before) * low / (low - high)
            found = self.air_c(middle) - level_c
            if abs(found) < 1e-6 or after - before < 1e-3:
                break
            if (found > 0.0) == (high > 0.0):
                after, high = middle, found
                low /= 2.0
            else:
                before, low = middle, found
                high /= 2.0
        return middle

    def _start_from(self, air_c: float, wall_c: float) -> None:
        self._level_c = self.outside_c + self.heat_w * self._balance_air_k_per_w
        self._wall_level_c = self.outside_c + self.heat_w * self._balance_wall_k_per_w
        air = air_c - self._level_c
        wall = wall_c - self._wall_level_c
        self._slow = (wall - self._fast_wall * air) / (self._slow_wall - self._fast_wall)
        self._fast = air - self._slow
