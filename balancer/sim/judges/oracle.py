"""Whose fault a trip was.

A trip was avoidable when some policy with the same readings, lags and relays would have kept the
breaker shut. The house's own oracle (``supply``) knows the physics: it sheds everything, one
reaction after each reading that showed an overload. What it cannot know is the wire: whether a
reading reached the balancer at all, and whether the relays obeyed. That is judged here, and only
from the outside.
"""

from dataclasses import dataclass
from math import inf

from balancer.core.model import Circuit, Estimation
from balancer.sim.home.supply import Trip
from balancer.sim.judges.stage import Stage

REACTION_S = 2.0  # radio, relay and one reading: shorter overloads are nobody's fault
HELD_S = 120.0  # how far back a fault excuses: heat of a breaker that was not cooled since


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one trip.

    Attributes:
        avoidable: The balancer should have kept the breaker shut.
        why: What excuses it, or what it missed; a sentence.
    """

    trip: Trip
    avoidable: bool
    why: str


class Oracle:
    """Follows each circuit's overloads, and judges trips when they happen.

    Attributes:
        verdicts: On every trip so far.
        blind_at_s: When the balancer was last unable to hear or to be heard, in seconds.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._over_since_s = dict.fromkeys(stage.setup.house.circuits, inf)
        self.blind_at_s = -inf
        self._judged = 0
        self.verdicts: list[Verdict] = []

    def look(self) -> None:
        """Take in the present power, and judge what has tripped since the last look."""
        stage = self._stage
        if not self._able():
            self.blind_at_s = stage.clock.now_s
        trips = stage.house.trips
        for trip in trips[self._judged :]:  # before the dark house counts as not overloaded
            self.verdicts.append(self._judge(trip))
        self._judged = len(trips)
        for name, supply in stage.house.supplies.items():
            if supply.power_w <= supply.limit_w:
                self._over_since_s[name] = inf
            elif self._over_since_s[name] == inf:
                self._over_since_s[name] = stage.clock.now_s

    def _able(self) -> bool:
        """Return whether the balancer hears and is heard."""
        process = self._stage.process
        return (
            process.started_s is not None
            and process.ready_s is not None
            and not process.paused
            and not self._stage.broker.frozen
            and process.link.healthy
        )

    def _judge(self, trip: Trip) -> Verdict:
        why = self._excuse(trip)
        if why is not None:
            return Verdict(trip, avoidable=False, why=why)
        return Verdict(trip, avoidable=True, why="readings showed it and relays would have obeyed")

    def _excuse(self, trip: Trip) -> str | None:
        stage = self._stage
        if not trip.avoidable:
            return "no policy could have shed in time"
        now_s = trip.at_s
        if now_s - self.blind_at_s < HELD_S:
            return "the balancer, or its way to the broker, was down"
        circuit = stage.setup.house.circuits[trip.circuit]
        if self._meter_befallen(circuit):
            return "the meter was befallen"
        over_since_s = self._over_since_s[trip.circuit]
        if over_since_s == inf or now_s - over_since_s < REACTION_S:
            return "shorter than reading, radio and relay"
        if circuit.estimation is not Estimation.GLOBAL:
            return "the circuit has no meter"
        return None

    def _meter_befallen(self, circuit: Circuit) -> bool:
        stage = self._stage
        names = [each.name for each in circuit.non_heating_meters]
        names += [each.name for each in (circuit.meter, circuit.available) if each is not None]
        topics = {stage.devices.meter_of.get(name) for name in names}
        return not all(stage.troubles.calm(f"meter/{topic}", HELD_S) for topic in topics)
