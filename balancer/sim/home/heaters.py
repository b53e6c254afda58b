"""Electric heaters: what one draws depends on the mains voltage and on its own thermostat."""

from math import exp, inf, log
from random import Random

NOMINAL_V = 230.0
LABELLED = (0.95, 1.02)
"""Least and greatest draw at 230 V of heaters that keep to what config.toml says, as multiples."""
FOUND = (0.8, 1.2)
"""As they are found in houses: tolerances, age, labels of another voltage, somebody's guess."""


class Heater:
    """One heater behind a relay contact or a pilot wire.

    Its own thermostat sits in the warm body and knows the room only roughly: it sees the air
    plus what the body is warmer, and cuts out and in by itself.
    """

    __slots__ = (
        "_body_k",
        "_body_since_s",
        "_own_band_c",
        "_own_set_c",
        "_rise_k",
        "_tau_s",
        "contact",
        "cut_out",
        "energy_j",
        "inverted",
        "power_w",
        "powered",
        "resistance_w",
        "since_s",
        "switchings",
        "turned_down",
    )

    def __init__(
        self,
        *,
        resistance_w: float,
        own_set_c: float = inf,
        own_band_c: float = 1.0,
        rise_k: float = 3.0,
        tau_s: float = 400.0,
        inverted: bool = False,
    ) -> None:
        """Make a heater that is off.

        Args:
            resistance_w: What it draws at 230 V, in watts.
            own_set_c: Where its own thermostat cuts out; infinite: it has none.
            own_band_c: Between cutting out and in.
            rise_k: How much warmer the body is in the long run while drawing.
            tau_s: Time constant of the body.
            inverted: The closed contact means off (pilot wire).
        """
        self.resistance_w = resistance_w
        self.inverted = inverted
        self.contact = inverted
        self.powered = True
        self.cut_out = False
        self.turned_down = False
        self.power_w = 0.0
        self.energy_j = 0.0
        self.since_s = 0.0
        self.switchings = 0
        self._own_set_c = own_set_c
        self._own_band_c = own_band_c
        self._rise_k = rise_k
        self._tau_s = tau_s
        self._body_k = 0.0
        self._body_since_s = 0.0

    @property
    def allowed(self) -> bool:
        """Return whether the contact lets it heat."""
        return self.contact != self.inverted

    def could_draw_w(self, voltage_v: float) -> float:
        """Return what it takes when mains and contact let it, in watts."""
        return 0.0 if self.cut_out or self.turned_down else self.takes_w(voltage_v)

    def takes_w(self, voltage_v: float) -> float:
        """Return what it takes while it draws at all, in watts."""
        return self.resistance_w * (voltage_v / NOMINAL_V) ** 2

    def settle_power(self, at_s: float, voltage_v: float) -> bool:
        """Work out what it draws from now on; return whether that changed."""
        power_w = self.could_draw_w(voltage_v) if self.powered and self.allowed else 0.0
        if power_w == self.power_w:
            return False
        self._body_k = self._body(at_s)
        self._body_since_s = at_s
        self.energy_j += self.power_w * (at_s - self.since_s)
        self.since_s = at_s
        self.power_w = power_w
        return True

    def energy_at(self, at_s: float) -> float:
        """Return the energy drawn until an instant, in joules."""
        return self.energy_j + self.power_w * (at_s - self.since_s)

    def look(self, air_c: float, at_s: float) -> float:
        """Let its own thermostat judge; return the instant at which it has to be asked again.

        The air is taken as constant until then, which is never longer than ten minutes while
        the answer depends on it.
        """
        if self._own_set_c == inf:
            return inf
        felt_c = air_c + self._body(at_s)
        if self.cut_out:
            if felt_c <= self._own_set_c - self._own_band_c + 1e-6:
                self.cut_out = False
        elif felt_c >= self._own_set_c - 1e-6:
            self.cut_out = True
        drawing = self.powered and self.allowed and not self.cut_out
        edge_k = (self._own_set_c - (self._own_band_c if self.cut_out else 0.0)) - air_c
        body_k, goal_k = self._body(at_s), self._rise_k if drawing else 0.0
        if not drawing and not self.cut_out:
            return inf  # off, and stays as it is until it is switched
        # the body moves from body_k to goal_k; does it pass the edge on its way?
        if (body_k - edge_k) * (goal_k - edge_k) < 0.0:
            reached_s = self._tau_s * log((body_k - goal_k) / (edge_k - goal_k))
            return at_s + min(600.0, max(1.0, reached_s))
        return at_s + 600.0

    def _body(self, at_s: float) -> float:
        goal_k = self._rise_k if self.power_w > 0.0 else 0.0
        return goal_k + (self._body_k - goal_k) * exp(-(at_s - self._body_since_s) / self._tau_s)


def heater_for(
    rated_w: float,
    set_c: float,
    chance: Random,
    *,
    inverted: bool = False,
    draws: tuple[float, float] = FOUND,
) -> Heater:
    """Return a heater of a house.

    Args:
        rated_w: Its power in config.toml, in watts.
        set_c: The room's highest set point, in degrees Celsius; the heater's own is set above.
        chance: Source of the differences between heaters.
        inverted: It hangs on a pilot wire.
        draws: Least and greatest draw at 230 V, as multiples of ``rated_w``.
    """
    return Heater(
        resistance_w=rated_w * chance.uniform(*draws),
        own_set_c=set_c + chance.uniform(2.5, 6.0),
        own_band_c=chance.uniform(0.6, 1.5),
        rise_k=chance.uniform(1.5, 3.5),
        tau_s=chance.uniform(240.0, 600.0),
        inverted=inverted,
    )
