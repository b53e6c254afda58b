"""The distribution board: where power flows, what interrupts it, and what no heater takes."""

from collections.abc import Mapping

from balancer.core.model import House
from balancer.sim.home.happenings import Journal, Kind
from balancer.sim.home.heaters import Heater
from balancer.sim.home.supply import Supply, Trip
from balancer.sim.home.thermostats import DAY_S
from balancer.sim.home.traces import Trace


class Board:
    """All circuits of a house.

    Attributes:
        supplies: Breaker and account of each circuit, by its name.
        watched: Further breakers on the same circuits, by circuit: they count their trips and
            close again at once, so that one run judges many profiles.
        unsheddable: Loads whose relays obey nobody (welded): no policy could switch them off.
    """

    def __init__(
        self,
        house: House,
        heaters: Mapping[str, Heater],
        *,
        supplies: Mapping[str, Supply],
        watched: Mapping[str, tuple[Supply, ...]],
        others: Mapping[str, Trace],
        journal: Journal | None,
    ) -> None:
        """Wire everything up; nothing flows yet.

        Args:
            house: What is configured.
            heaters: By load.
            supplies: By circuit.
            watched: By circuit.
            others: What no heater takes, by circuit.
            journal: Where each change is kept, if anywhere.
        """
        self.supplies = supplies
        self.watched = watched
        self.unsheddable: set[str] = set()
        self._ancestors = house.ancestors
        self._others = others
        self._plugged_w = dict.fromkeys(house.circuits, 0.0)
        self._journal = journal
        self._on_circuit = {
            circuit: tuple(
                (heaters[load], house.power_w[load][circuit] / house.rated_w[load], load)
                for load in names
            )
            for circuit, names in house.loads_of.items()
        }

    @property
    def trips(self) -> list[Trip]:
        """Return all trips so far, in order of time."""
        return sorted(
            (trip for supply in self.supplies.values() for trip in supply.trips),
            key=lambda trip: trip.at_s,
        )

    def dark(self, circuit: str) -> bool:
        """Return whether a circuit has no mains: its breaker, or one above it, is open."""
        return any(self.supplies[each].tripped for each in self._ancestors[circuit])

    def others_w(self, circuit: str, at_s: float) -> float:
        """Return what everything but the loads takes on a circuit, in watts; 0 while dark."""
        if self.dark(circuit):
            return 0.0
        return self._others[circuit].power_at(at_s) + self._plugged_w[circuit]

    def others_change_s(self, at_s: float) -> float:
        """Return the next instant at which something else than heating changes by itself."""
        return min(trace.next_change_s(at_s) for trace in self._others.values())

    def turns_s(self, circuit: str) -> float:
        """Return when a circuit's breaker trips, or is closed again, if nothing changes."""
        supply = self.supplies[circuit]
        return min(supply.trips_at_s, supply.rearm_s)

    def plug(self, circuit: str, watts: float) -> None:
        """Let an appliance take so much more, beside the trace; it does not flow yet."""
        for each in self._ancestors[circuit]:
            self._plugged_w[each] += watts

    def seen(self, at_s: float, circuit: str | None, reaction_s: float | None) -> None:
        """Tell the oracle that a meter samples a circuit, or all of them, now.

        Args:
            at_s: Now.
            circuit: Its name; None: all.
            reaction_s: How long this reading and the relays after it take; None: as built.
        """
        for name in self.supplies if circuit is None else (circuit,):
            self.supplies[name].seen(at_s, reaction_s)
            for each in self.watched[name]:
                each.seen(at_s, reaction_s)

    def flow(self, circuit: str, at_s: float) -> None:
        """Let the present power flow through a circuit's breaker."""
        others_w = self.others_w(circuit, at_s)
        heating_w = stuck_w = 0.0
        for heater, part, load in self._on_circuit[circuit]:
            heating_w += heater.power_w * part
            if load in self.unsheddable:
                stuck_w += heater.power_w * part
        self.supplies[circuit].flow(at_s, others_w + heating_w, others_w + stuck_w)
        for watched in self.watched[circuit]:
            if watched.trips_at_s <= at_s:
                trip_s = watched.trips_at_s
                watched.trip(trip_s, avoidable=self._ideal_holds(watched, trip_s), rearm_s=trip_s)
                watched.rearm(at_s, cold=True)
            watched.flow(at_s, others_w + heating_w, others_w + stuck_w)
        if self._journal is not None:
            self._journal.power_w[circuit].append((at_s, others_w + heating_w, others_w))

    def turn(self, circuit: str, at_s: float, *, rearm_after_s: float) -> Kind:
        """Trip a breaker, or close it again; return which; what is dark is not yet."""
        supply = self.supplies[circuit]
        if supply.tripped:
            supply.rearm(at_s)
            return Kind.REARMED
        supply.trip(at_s, avoidable=self._ideal_holds(supply, at_s), rearm_s=at_s + rearm_after_s)
        return Kind.TRIPPED

    def _ideal_holds(self, supply: Supply, at_s: float) -> bool:
        """Return whether the best policy's breaker stays shut until the overload is over."""
        ideal = supply.ideal_twin(at_s)
        if ideal is None:
            return False
        twin, at_s = ideal
        others = self._others[supply.name]
        until_s = at_s + DAY_S
        while at_s < until_s:
            next_s = others.next_change_s(at_s)
            if twin.trips_at_s <= next_s:
                return False
            power_w = others.power_at(next_s) + self._plugged_w[supply.name]
            if power_w <= supply.limit_w:
                return True
            twin.carry(next_s, supply.load_of(power_w))
            at_s = next_s
        return True
