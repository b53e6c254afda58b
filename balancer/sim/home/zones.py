"""A room with its thermostat and its heaters."""

from dataclasses import dataclass

from balancer.sim.home.heaters import Heater
from balancer.sim.home.rooms import Room
from balancer.sim.home.thermostats import Programme, Thermostat

COLD_TOLERANCE_K = 0.5  # a thermostat's band; colder than that below the set point is cold
SELDOM_S = 3600.0  # a thermostat looks at its room at least so often


@dataclass(slots=True)
class Zone:
    """What one thermostat controls.

    Attributes:
        cold_k_h: How long, and by how much, it was too cold so far, in degree hours.
    """

    room: Room
    programme: Programme
    thermostat: Thermostat
    heaters: tuple[Heater, ...]
    cold_k_h: float = 0.0

    def look(self, at_s: float, day_s: float) -> float:
        """Let the thermostat judge the room; return when it has to look again.

        Args:
            at_s: Now.
            day_s: Second of the day.
        """
        next_s = self.thermostat.look(self.room, self.programme.at(day_s), at_s)
        programme_s = at_s + max(1.0, self.programme.next_change_s(day_s) - day_s)
        return min(next_s, programme_s, at_s + SELDOM_S)

    def warm(self, at_s: float, outside_c: float) -> None:
        """Let the heaters' present power and the weather act on the room from now on."""
        heat_w = sum(heater.power_w for heater in self.heaters)
        self.room.change(at_s, heat_w=heat_w, outside_c=outside_c)

    def count_cold(self, air_c: float, set_c: float, for_s: float) -> None:
        """Count a time in which the room was as cold as this."""
        self.cold_k_h += max(0.0, set_c - COLD_TOLERANCE_K - air_c) * for_s / 3600.0
