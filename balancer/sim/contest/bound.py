"""The rotating clairvoyant: what could be had if everything were known without delay."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from math import exp, inf

from balancer.config.setup import Setup
from balancer.sim.contest.drive import Order
from balancer.sim.home.house import SimHouse

FORGET_S = 86_400.0
AHEAD = 0.03  # a waiting load takes a running one's place only if its share is lower by more


class Clairvoyant:
    """Knows every draw and the other power of every instant, switches without any lag.

    It shares like the balancer: among loads of one priority the least share is next, turns are
    exchanged at ticks, and a share forgets over a day. It needs no reserve, no waiting and spares
    no relay.
    """

    def __init__(self, setup: Setup, start: datetime) -> None:
        """Start with everything off; ``start`` is the wall clock at time 0."""
        self.house = setup.house
        self._schedule = setup.schedule
        self._start = start.replace(tzinfo=UTC)
        self._served = dict.fromkeys(self.house.loads, 0.0)
        self._wanted = dict.fromkeys(self.house.loads, 0.0)
        self._since_s = 0.0
        self._tick = False
        self.on: dict[str, bool] = dict.fromkeys(self.house.loads, False)
        self.requested = dict.fromkeys(self.house.zones, False)
        self.deadline_s = self._next_tick_s(0.0)

    def start(self, _at_s: float) -> Iterable[Order]:
        """Begin."""
        return ()

    def read(self, _at_s: float, _power_w: Mapping[str, float]) -> Iterable[Order]:
        """Need no meter."""
        return ()

    def request(self, at_s: float, zone: str, requested: bool) -> Iterable[Order]:
        """Remember what is asked; ``changed`` follows."""
        self._count(at_s)
        self.requested[zone] = requested
        return ()

    def report(self, _at_s: float, _load: str, _on: bool) -> Iterable[Order]:
        """Know better than a report."""
        return ()

    def wake(self, at_s: float) -> Iterable[Order]:
        """Give the turns anew at the next look."""
        self.deadline_s = self._next_tick_s(at_s)
        self._tick = True
        return ()

    def changed(self, at_s: float, house: SimHouse) -> Iterable[Order]:
        """Choose who is on from now on."""
        self._count(at_s)
        loads = self.house.loads
        self.on = {load: house.heating(load) and house.powered(load) for load in loads}
        wanted = [
            load for load in loads if self.requested[loads[load].zone] and house.powered(load)
        ]
        room_w = {
            name: circuit.limit_w - circuit.reserve_w - house.non_heating_w(name)
            for name, circuit in self.house.circuits.items()
        }
        chosen = self._choose(wanted, house, room_w)
        self._tick = False
        return [
            Order(load, load in chosen)
            for load in loads
            if house.powered(load) and house.heating(load) != (load in chosen)
        ]

    def _choose(self, wanted: list[str], house: SimHouse, room_w: dict[str, float]) -> set[str]:
        def place(load: str) -> tuple[float, float, int]:
            return -self.house.loads[load].priority, self._share(load), self.house.rank[load]

        line = sorted(wanted, key=place)
        if not self._tick:  # who is on stays on while it fits; the rest fills up
            line = [load for load in line if self.on[load]] + [
                load for load in line if not self.on[load]
            ]
        else:
            line = self._exchanged(line)
        chosen: set[str] = set()
        for load in line:
            draw_w = house.could_draw_w(load)
            parts = self.house.power_w[load]
            rated_w = self.house.rated_w[load]
            needs = {circuit: draw_w * watts / rated_w for circuit, watts in parts.items()}
            if all(needs[circuit] <= room_w[circuit] + 1e-6 for circuit in needs):
                chosen.add(load)
                for circuit, watts in needs.items():
                    room_w[circuit] -= watts
        return chosen

    def _exchanged(self, line: list[str]) -> list[str]:
        """Return the line with running loads before waiting ones that are hardly behind."""

        def place(load: str) -> tuple[float, float, int]:
            ahead = AHEAD if self.on[load] else 0.0
            share = self._share(load) - ahead
            return -self.house.loads[load].priority, share, self.house.rank[load]

        return sorted(line, key=place)

    def _share(self, load: str) -> float:
        wanted_s = self._wanted[load]
        turns = self.house.loads[load].turns
        return self._served[load] / wanted_s / turns if wanted_s > 0.0 else 0.0

    def _count(self, at_s: float) -> None:
        passed_s = at_s - self._since_s
        if passed_s <= 0.0:
            return
        self._since_s = at_s
        keep = exp(-passed_s / FORGET_S)
        loads = self.house.loads
        wanted = {load for load in loads if self.requested[loads[load].zone]}
        waits = any(not self.on[load] for load in wanted)
        for load in loads:
            self._served[load] *= keep
            self._wanted[load] *= keep
            if waits and load in wanted:
                self._wanted[load] += passed_s
                self._served[load] += passed_s if self.on[load] else 0.0

    def _next_tick_s(self, at_s: float) -> float:
        now = self._start + timedelta(seconds=at_s)
        following = self._schedule.next_after(now)
        return at_s + max(1.0, (following - now).total_seconds()) if following else inf
