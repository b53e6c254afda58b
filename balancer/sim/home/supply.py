"""What stands before a house: mains voltage, and each circuit's breaker with what it has seen."""

from dataclasses import dataclass
from math import inf
from random import Random

from balancer.sim.home.breakers import Breaker, Never

LOWEST_V, HIGHEST_V = 207.0, 253.0  # EN 50160, 230 V -10 % +10 %
TOLERANCE_W = 0.5  # what counts as over the limit is not a matter of rounding


class Voltage:
    """Mains voltage: a level of the house's own, wandering slowly."""

    def __init__(self, chance: Random) -> None:
        """Draw the level and the first value."""
        self._chance = chance
        self._level_v = chance.uniform(226.0, 242.0)
        self.now_v = self._level_v

    def change(self) -> None:
        """Go on to the next value."""
        pull = 0.15 * (self._level_v - self.now_v)
        wandered_v = self.now_v + pull + self._chance.gauss(0.0, 1.2)
        self.now_v = min(HIGHEST_V, max(LOWEST_V, wandered_v))


@dataclass(frozen=True, slots=True)
class Trip:
    """A breaker opened.

    Attributes:
        avoidable: Some policy with the same readings and the same lags would have kept it shut:
            it did not happen before anything could be seen and done, and without the heaters
            the breaker would have held.
    """

    at_s: float
    circuit: str
    avoidable: bool


class Supply:
    """One circuit as it really is: power that flows, breaker, time over the limit.

    The oracle is a twin of the breaker on which every overload that a reading has shown is shed
    completely, one reaction later. A trip at which the twin still holds was avoidable.
    """

    def __init__(
        self,
        name: str,
        limit_w: float,
        breaker: Breaker,
        rating_w: float,
        *,
        reaction_s: float,
        unseen_s: float,
    ) -> None:
        """Start without load.

        Args:
            name: Of the circuit.
            limit_w: What may flow for ever, in watts.
            breaker: What trips.
            rating_w: The power that its load of 1 stands for; positive.
            reaction_s: From the sample of a reading to the moment a relay opens.
            unseen_s: After so long an overload that no reading shows would be shed blindly.
        """
        self.name = name
        self.limit_w = limit_w
        self.breaker = breaker
        self.reaction_s = reaction_s
        self.power_w = 0.0
        self.others_w = 0.0  # of that, what no heater takes and what could not be shed
        self.tripped = False
        self.rearm_s = inf
        self.over_s = 0.0
        self.longest_over_s = 0.0
        self.trips: list[Trip] = []
        self._cold = breaker.twin()
        self._ideal = breaker.twin()
        self._ideal_sheds_s = inf  # when the best policy's relays have opened
        self._rating_w = max(rating_w, 1.0)
        self._unseen_s = unseen_s
        self._since_s = 0.0
        self._over_since_s = inf
        self._never = isinstance(breaker, Never)

    @property
    def trips_at_s(self) -> float:
        """Return when it trips if nothing changes."""
        return inf if self.tripped else self.breaker.trips_at_s

    def would_trip_at_s(self, at_s: float, power_w: float) -> float:
        """Return when it trips if another power flows from an instant on, in watts."""
        breaker = self.breaker.twin()
        breaker.carry(at_s, power_w / self._rating_w)
        return breaker.trips_at_s

    @property
    def over(self) -> bool:
        """Return whether more flows than the limit, and heaters are the reason."""
        edge_w = self.limit_w + TOLERANCE_W
        return self.power_w > edge_w and self.others_w <= edge_w

    def flow(self, at_s: float, power_w: float, others_w: float) -> None:
        """Let another power flow from an instant on.

        Args:
            at_s: The instant, in seconds.
            power_w: All of it, in watts.
            others_w: Of that, what no policy could shed, in watts.
        """
        self.account(at_s)
        was_over = self.over
        if power_w <= self.limit_w + TOLERANCE_W:
            self._ideal_sheds_s = inf
        elif self._ideal_sheds_s == inf:
            self._ideal_sheds_s = at_s + self._unseen_s + self.reaction_s
        self.power_w = power_w
        self.others_w = others_w
        if self.over != was_over:
            self._over_since_s = at_s if self.over else inf
        if not self._never:
            self.breaker.carry(at_s, power_w / self._rating_w)
            shed = at_s >= self._ideal_sheds_s
            self._ideal.carry(at_s, (others_w if shed else power_w) / self._rating_w)

    def seen(self, at_s: float, reaction_s: float | None = None) -> None:
        """A meter has just sampled the power: from now on it can be known.

        Args:
            at_s: Now.
            reaction_s: How long this reading and the relays after it take; None: as built.
        """
        if self.power_w > self.limit_w + TOLERANCE_W:
            takes_s = self.reaction_s if reaction_s is None else reaction_s
            self._ideal_sheds_s = min(self._ideal_sheds_s, at_s + takes_s)

    def account(self, at_s: float) -> None:
        """Bring the times over the limit, and the oracle's twin, up to an instant."""
        if self._since_s < self._ideal_sheds_s <= at_s:
            self._ideal.carry(self._ideal_sheds_s, self.others_w / self._rating_w)
        if self.over:
            self.over_s += at_s - self._since_s
            self.longest_over_s = max(self.longest_over_s, at_s - self._over_since_s)
        self._since_s = at_s

    def trip(self, at_s: float, *, avoidable: bool, rearm_s: float) -> None:
        """Open; somebody closes it again at ``rearm_s``."""
        self.account(at_s)
        self.trips.append(Trip(at_s, self.name, avoidable))
        self.tripped = True
        self.rearm_s = rearm_s

    def rearm(self, at_s: float, *, cold: bool = False) -> None:
        """Close again, with the heat that is left or none; its twin is as warm."""
        self.tripped = False
        self.rearm_s = inf
        if cold:
            self.breaker = self._cold.twin()
        self.breaker.carry(at_s, 0.0)
        self._ideal = self.breaker.twin()

    def ideal_twin(self, at_s: float) -> tuple[Breaker, float] | None:
        """Return a copy of the oracle's twin after the best policy's shed, and when that is.

        None: it has tripped by then; nobody could have shed in time.
        """
        self.account(at_s)
        sheds_s = max(at_s, self._ideal_sheds_s)
        if self._ideal.trips_at_s <= sheds_s:
            return None
        twin = self._ideal.twin()
        twin.carry(sheds_s, self.load_of(self.others_w))
        return twin, sheds_s

    def load_of(self, power_w: float) -> float:
        """Return a power as a multiple of the breaker's rating."""
        return power_w / self._rating_w
