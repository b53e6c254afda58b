"""The figures by which strategies are compared, all taken from the house itself."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from balancer.sim.home.house import SimHouse

DAY_S = 86_400.0
WINTER_DAYS = 200.0  # of heating in a year


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one strategy did to a house. None is unknown.

    Attributes:
        trips: How often a breaker opened.
        avoidable_trips: Of these, the ones that some policy with the same readings and lags
            would have avoided.
        minutes_over_limit: Time above a limit while the other power alone was not, in minutes.
        heat_kwh: Heat given to all rooms.
        heat_share: Of the clairvoyant's heat.
        cold_degree_hours: Over all rooms, below the set point by more than half a degree.
        unfairness_points: Greatest less least share among equal requesters of a day, in per cent
            points, on the worst day.
        switchings_per_load_day: Moves of a contact by command.
        longest_over_limit_s: Longest single time as in ``minutes_over_limit``, in seconds.
        violations: Broken invariants.
    """

    trips: int
    avoidable_trips: int
    minutes_over_limit: float
    heat_kwh: float
    heat_share: float | None
    cold_degree_hours: float
    unfairness_points: float | None
    switchings_per_load_day: float
    longest_over_limit_s: float
    violations: int | None

    def document(self) -> Mapping[str, float | int | None]:
        """Return the figures as they are printed, by their names."""
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFigures:
    """How one load and its relay fared.

    Attributes:
        served_share: Of the time in which it was wanted while one of its class had to wait; None:
            there was none.
        switchings_per_day: Moves of its contact by command.
        winters: Until these make up ``rated_switches``; None: it never moved.
    """

    served_share: float | None
    switchings_per_day: float
    winters: float | None


def loads_of(house: SimHouse) -> dict[str, LoadFigures]:
    """Return how each load fared until now; at least a moment has passed."""
    house.settle_accounts()
    days = house.now_s / DAY_S
    found: dict[str, LoadFigures] = {}
    for name, load in house.setup.house.loads.items():
        a_day = house.switchings(name) / days
        found[name] = LoadFigures(
            served_share=house.shares.share(name),
            switchings_per_day=a_day,
            winters=load.rated_switches / (WINTER_DAYS * a_day) if a_day > 0.0 else None,
        )
    return found


def heat_kwh(house: SimHouse) -> float:
    """Return the heat of all loads so far."""
    return sum(house.energy_j(load) for load in house.setup.house.loads) / 3.6e6


def figures_of(
    house: SimHouse, *, bound_kwh: float | None, violations: int | None = None
) -> Figures:
    """Return the figures of a house that has been driven until now.

    Args:
        house: After the run; at least a moment has passed.
        bound_kwh: The clairvoyant's heat in the same house and time.
        violations: Counted elsewhere; None: nobody counted.
    """
    house.settle_accounts()
    heat = heat_kwh(house)
    loads = house.setup.house.loads
    days = house.now_s / DAY_S
    trips = house.trips
    return Figures(
        trips=len(trips),
        avoidable_trips=sum(trip.avoidable for trip in trips),
        minutes_over_limit=sum(each.over_s for each in house.supplies.values()) / 60.0,
        heat_kwh=heat,
        heat_share=heat / bound_kwh if bound_kwh else None,
        cold_degree_hours=sum(house.cold_k_h(zone) for zone in house.setup.house.zones),
        unfairness_points=house.shares.worst_day_points(),
        switchings_per_load_day=sum(house.switchings(load) for load in loads) / len(loads) / days,
        longest_over_limit_s=max(each.longest_over_s for each in house.supplies.values()),
        violations=violations,
    )
