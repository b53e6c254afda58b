"""Who was served of those who wanted, day by day, seen from outside."""

from collections.abc import Mapping

from balancer.core.model import House

HALF_DAY_S = 43_200.0


class Shares:
    """Seconds wanted and served of each load, counted only while one of its class waits.

    A class is the loads of one priority whose nearest circuits are the same; of these, loads with
    as many turns are compared.

    Attributes:
        days: For each finished day (served, wanted) in seconds by load.
    """

    def __init__(self, house: House) -> None:
        """Start counting at time 0."""
        classes: dict[tuple[object, ...], list[str]] = {}
        for load in house.loads.values():
            key = (load.priority, *sorted(load.power_w_by_circuit))
            classes.setdefault(key, []).append(load.name)
        self._classes = [tuple(names) for names in classes.values()]
        self._peers = [
            tuple(name for name in names if house.loads[name].turns == turns)
            for names in self._classes
            for turns in {house.loads[name].turns for name in names}
        ]
        self._served = dict.fromkeys(house.loads, 0.0)
        self._wanted = dict.fromkeys(house.loads, 0.0)
        self._since_s = 0.0
        self.days: list[dict[str, tuple[float, float]]] = []

    def count(self, at_s: float, wanted: Mapping[str, bool], on: Mapping[str, bool]) -> None:
        """Count the time until an instant, in which these were wanted and these were on."""
        passed_s = at_s - self._since_s
        if passed_s <= 0.0:
            return
        self._since_s = at_s
        for names in self._classes:
            if any(wanted[name] and not on[name] for name in names):
                for name in names:
                    if wanted[name]:
                        self._wanted[name] += passed_s
                        if on[name]:
                            self._served[name] += passed_s

    def end_day(self) -> None:
        """Close a day; what is counted next belongs to another."""
        self.days.append({name: (self._served[name], self._wanted[name]) for name in self._wanted})
        self._served = dict.fromkeys(self._served, 0.0)
        self._wanted = dict.fromkeys(self._wanted, 0.0)

    def share(self, load: str) -> float | None:
        """Return the served share of the whole time, 0 to 1; None: it never had to contend."""
        served_s = self._served[load] + sum(day[load][0] for day in self.days)
        wanted_s = self._wanted[load] + sum(day[load][1] for day in self.days)
        return served_s / wanted_s if wanted_s > 0.0 else None

    def worst_day_points(self) -> float | None:
        """Return the greatest difference of shares among equal requesters on any day, in per cent.

        Equal requesters of a day are loads of one class that wanted heat, while somebody had to
        wait, for nearly the same time (within a fifth of the one that wanted longest), half of
        the day at least: a share of less is told by a few turns, and what it makes good of the
        day before would look unfair. None: there was no such day.
        """
        worst: float | None = None
        for day in self.days:
            for names in self._peers:
                longest_s = max(day[name][1] for name in names)
                if longest_s < HALF_DAY_S:
                    continue
                equal = [name for name in names if day[name][1] >= 0.8 * longest_s]
                if len(equal) < 2:
                    continue
                shares = [day[name][0] / day[name][1] for name in equal]
                points = 100.0 * (max(shares) - min(shares))
                worst = points if worst is None else max(worst, points)
        return worst
