"""What people do today against the same house: rules to compare the balancer with."""

from collections.abc import Iterable, Mapping
from math import ceil, inf

from balancer.core.model import House
from balancer.sim.contest.drive import Order
from balancer.sim.home.house import SimHouse


class Base:
    """Requests followed as they come; the common part of all rules."""

    def __init__(self, house: House) -> None:
        """Start with nothing requested and everything off."""
        self.house = house
        self.deadline_s = inf
        self.requested = dict.fromkeys(house.zones, False)
        self.on = dict.fromkeys(house.loads, False)

    def start(self, _at_s: float) -> Iterable[Order]:
        """Begin."""
        return ()

    def read(self, _at_s: float, _power_w: Mapping[str, float]) -> Iterable[Order]:
        """Take no notice of meters."""
        return ()

    def request(self, _at_s: float, zone: str, requested: bool) -> Iterable[Order]:
        """Switch a zone's loads as its thermostat says."""
        self.requested[zone] = requested
        return [
            order
            for load in self.house.loads.values()
            if load.zone == zone
            for order in self.put(load.name, requested)
        ]

    def report(self, _at_s: float, load: str, on: bool) -> Iterable[Order]:
        """Switch again what a blackout has switched."""
        return [] if on == self.on[load] else [Order(load, self.on[load])]

    def wake(self, _at_s: float) -> Iterable[Order]:
        """Do nothing."""
        return ()

    def changed(self, _at_s: float, _house: SimHouse) -> Iterable[Order]:
        """See nothing but messages."""
        return ()

    def wanted(self, load: str) -> bool:
        """Return whether a load's zone asks for heat."""
        return self.requested[self.house.loads[load].zone]

    def put(self, load: str, on: bool, after_s: float = 0.0) -> list[Order]:
        """Return the order that is needed for a load to be on or off."""
        if self.on[load] == on:
            return []
        self.on[load] = on
        return [Order(load, on, after_s)]


class Nothing(Base):
    """No limit is watched: every thermostat has its heater."""


class Threshold(Base):
    """The usual automation: above the limit everything off; after a while it comes back.

    When the reading has been under the limit for five minutes, what is asked for comes back, one
    load a minute, whatever there is room for: until it is too much again.
    """

    RESTORE_AFTER_S = 300.0
    EVERY_S = 60.0

    def __init__(self, house: House) -> None:
        """Start with nothing shed."""
        super().__init__(house)
        self._back_s: dict[str, float] = {}  # when the next load comes back, by circuit

    def read(self, at_s: float, power_w: Mapping[str, float]) -> Iterable[Order]:
        """Shed all that is on the circuit, or give one load back."""
        orders: list[Order] = []
        for circuit, watts in power_w.items():
            loads = self.house.loads_of[circuit]
            if watts > self.house.circuits[circuit].limit_w:
                self._back_s[circuit] = at_s + self.RESTORE_AFTER_S
                for load in loads:
                    orders += self.put(load, False)
            elif at_s >= self._back_s.get(circuit, inf):
                waiting = [load for load in loads if self.wanted(load) and not self.on[load]]
                self._back_s[circuit] = at_s + self.EVERY_S
                if not waiting:
                    del self._back_s[circuit]
                elif all(
                    at_s >= self._back_s.get(each, -inf) - self.EVERY_S
                    for each in self.house.power_w[waiting[0]]
                ):
                    orders += self.put(waiting[0], True)
        return orders

    def request(self, _at_s: float, zone: str, requested: bool) -> Iterable[Order]:
        """Follow the thermostat unless the circuit has been shed."""
        self.requested[zone] = requested
        orders: list[Order] = []
        for load in self.house.loads.values():
            if load.zone == zone and not (requested and self._held(load.name)):
                orders += self.put(load.name, requested)
        return orders

    def _held(self, load: str) -> bool:
        return any(circuit in self._back_s for circuit in self.house.power_w[load])


class Priority(Base):
    """A fixed order, as energy managers on a DIN rail have it: the last goes first.

    Sheds from the end until the excess is covered, gives back one at a time, the first first,
    when its rated power has been free for a minute.
    """

    RESTORE_AFTER_S = 60.0
    IN_FLIGHT_S = 3.0

    def __init__(self, house: House) -> None:
        """Start with everything off."""
        super().__init__(house)
        self._free_since_s: dict[str, float] = dict.fromkeys(house.loads, inf)
        self._quiet_until_s = 0.0

    def read(self, at_s: float, power_w: Mapping[str, float]) -> Iterable[Order]:
        """Shed at once, give back one."""
        if at_s < self._quiet_until_s:
            return ()
        orders: list[Order] = []
        for circuit, watts in power_w.items():
            excess_w = watts - self.house.circuits[circuit].limit_w
            for load in reversed(self.house.order):
                if excess_w > 0.0 and self.on[load] and load in self.house.loads_of[circuit]:
                    orders += self.put(load, False)
                    excess_w -= self.house.power_w[load][circuit]
        if not orders:
            orders = self._give_back(at_s, power_w)
        if orders:
            self._quiet_until_s = at_s + self.IN_FLIGHT_S
        return orders

    def request(self, _at_s: float, zone: str, requested: bool) -> Iterable[Order]:
        """Switch off what is no longer asked for; what is asked for waits for its place."""
        self.requested[zone] = requested
        orders: list[Order] = []
        for load in self.house.loads.values():
            if load.zone == zone and not requested:
                orders += self.put(load.name, False)
        return orders

    def _give_back(self, at_s: float, power_w: Mapping[str, float]) -> list[Order]:
        for load in dict.fromkeys(self.house.order):
            if self.on[load] or not self.wanted(load):
                self._free_since_s[load] = inf
                continue
            fits = all(
                power_w.get(circuit, 0.0) + watts <= self.house.circuits[circuit].limit_w
                for circuit, watts in self.house.power_w[load].items()
            )
            self._free_since_s[load] = min(self._free_since_s[load], at_s) if fits else inf
            if at_s - self._free_since_s[load] >= self.RESTORE_AFTER_S:
                self._free_since_s = dict.fromkeys(self._free_since_s, inf)
                return self.put(load, True)
        return []


class Seed(Base):
    """The round robin that the balancer grew out of, one copy per root circuit.

    A power-saving mode moves by one with each *changed* reading: more saving when less than 1.3
    heaters are free, less saving when more than 1.56 are and nothing moved for 90 s. Modes allow
    a number of heaters, all taken for equal. A pointer moves on by that number every two minutes
    and at every request; relays are written one after the other in their order, off and on mixed.
    """

    STEP_S = 120.0
    DAMPED_S = 90.0
    FACTOR = 1.3
    BAND = 1.2
    WRITE_S = 0.15

    def __init__(self, house: House) -> None:
        """Start in the most saving mode, as after a reload."""
        super().__init__(house)
        self._roots = [name for name, each in house.circuits.items() if each.parent is None]
        self._steps = {root: self._modes(root) for root in self._roots}
        self._mode = {root: len(self._steps[root]) - 1 for root in self._roots}
        self._moved_s = dict.fromkeys(self._roots, -inf)
        self._last_w: dict[str, float] = {}
        self._pointer = dict.fromkeys(self._roots, 0)
        self.deadline_s = self.STEP_S

    def read(self, at_s: float, power_w: Mapping[str, float]) -> Iterable[Order]:
        """Move the mode by one step, if the value is another than last time."""
        orders: list[Order] = []
        for root in self._roots:
            watts = power_w[root]
            if self._last_w.get(root) == watts:
                continue
            self._last_w[root] = watts
            free_w = self.house.circuits[root].limit_w - watts
            needed_w = self.FACTOR * self._heater_w(root)
            mode = self._mode[root]
            if free_w < needed_w and mode < len(self._steps[root]) - 1:
                mode += 1
            elif (
                free_w > self.BAND * needed_w
                and mode > 0
                and at_s - self._moved_s[root] >= self.DAMPED_S
            ):
                mode -= 1
            if mode != self._mode[root]:
                self._mode[root] = mode
                self._moved_s[root] = at_s
                orders += self._go_round(root)
        return orders

    def request(self, _at_s: float, zone: str, requested: bool) -> Iterable[Order]:
        """Every change of a thermostat moves the pointer on."""
        self.requested[zone] = requested
        roots = {self._root(load.name) for load in self.house.loads.values() if load.zone == zone}
        return [order for root in self._roots if root in roots for order in self._go_round(root)]

    def wake(self, at_s: float) -> Iterable[Order]:
        """Step every two minutes."""
        self.deadline_s = at_s + self.STEP_S
        return [order for root in self._roots for order in self._go_round(root)]

    def _go_round(self, root: str) -> list[Order]:
        loads = [load for load in self.house.loads if self._root(load) == root]
        places = self._steps[root][self._mode[root]]
        begin = self._pointer[root] % len(loads)
        line = loads[begin:] + loads[:begin]
        chosen = [load for load in line if self.wanted(load)][:places]
        if chosen:
            self._pointer[root] = (loads.index(chosen[-1]) + 1) % len(loads)
        orders: list[Order] = []
        for number, load in enumerate(loads):  # all are written, one waits for the other
            orders += self.put(load, load in chosen, after_s=number * self.WRITE_S)
        return orders

    def _root(self, load: str) -> str:
        nearest = next(iter(self.house.loads[load].power_w_by_circuit))
        return self.house.ancestors[nearest][-1]

    def _heater_w(self, root: str) -> float:
        rated = [watts for load, watts in self.house.rated_w.items() if self._root(load) == root]
        return sum(rated) / len(rated) if rated else 1.0

    def _modes(self, root: str) -> tuple[int, ...]:
        steps = self.house.circuits[root].steps
        if steps is not None:
            return steps
        loads = [load for load in self.house.loads if self._root(load) == root]
        limit_w = self.house.circuits[root].limit_w
        most = min(len(loads), max(1, int(limit_w / self._heater_w(root)) - 1))
        return tuple(sorted({most, max(0, most - 1), ceil((most - 1) / 2), 1, 0}, reverse=True))


RULES = {"seed": Seed, "threshold": Threshold, "priority": Priority, "none": Nothing}
"""By the name in the results."""
