"""A small house in virtual time: contacts, what heaters take, and how long it was too much.

There is no controller in it yet; that is ``Rig``.
"""

import heapq
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from balancer.core.model import House
from tests.core.fakes import FakeRelay


@dataclass(slots=True)
class Over:
    """How long heating kept the true power above a circuit's configured limit."""

    total_s: float = 0.0
    longest_s: float = 0.0
    now_s: float = 0.0


class World(ABC):
    """The house and the time.

    Attributes:
        house: As configured.
        now_s: The instant.
        relays: What each load hangs on.
        heater_w: What each load takes while it is on, in watts.
        base_w: What each circuit takes besides, without its children, in watts.
        deadline_s: When whoever lives here wants to be woken.
        over: How long heating kept each circuit above its limit.
        most_on: Loads of each circuit that were on together.
        on_s: How long each load was on.
        switched: When each contact moved, and where to.
    """

    def __init__(
        self,
        house: House,
        at_s: float,
        base_w: float | Mapping[str, float],
        relays: Mapping[str, FakeRelay],
    ) -> None:
        self.house = house
        self.now_s = at_s
        self.relays = {name: relays.get(name, FakeRelay()) for name in house.loads}
        self.heater_w: dict[str, Callable[[], float] | float] = dict(house.rated_w)
        self.base_w = {
            name: base_w.get(name, 0.0) if isinstance(base_w, Mapping) else base_w
            for name in house.circuits
        }
        self.deadline_s = math.inf
        self.switched: list[tuple[float, str, bool]] = []
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._accounted_s = at_s
        self._at_this_instant = 0
        self.forget_over()

    @abstractmethod
    def wake(self) -> None:
        """Do what is due at the deadline."""

    # what is true

    def load_w(self, name: str) -> float:
        """Return what a load takes now, in watts."""
        if not self.relays[name].on:
            return 0.0
        power = self.heater_w[name]
        return power() if callable(power) else power

    def power_w(self, circuit: str) -> float:
        """Return what a circuit takes now, in watts, its children included."""
        total_w = sum(
            base_w for name, base_w in self.base_w.items() if circuit in self.house.ancestors[name]
        )
        for name in self.house.loads_of[circuit]:
            part = self.house.power_w[name][circuit] / self.house.rated_w[name]
            total_w += self.load_w(name) * part
        return total_w

    def on(self) -> set[str]:
        """Return the loads whose contacts are closed."""
        return {name for name, relay in self.relays.items() if relay.on}

    # time

    def at(self, at_s: float, do: Callable[[], Any]) -> None:
        """Do something at an instant; things of one instant in the order they were asked."""
        heapq.heappush(self._queue, (max(at_s, self.now_s), next(self._number), do))

    def after(self, wait_s: float, do: Callable[[], Any]) -> None:
        """Do something later."""
        self.at(self.now_s + wait_s, do)

    def run(self, for_s: float) -> None:
        """Let time pass."""
        self.run_until(self.now_s + for_s)

    def run_until(self, end_s: float) -> None:
        """Let time pass until an instant, everything due at it included."""
        while True:
            next_s = self._queue[0][0] if self._queue else math.inf
            at_s = min(next_s, self.deadline_s)
            if at_s > end_s:
                break
            self._go_to(at_s)
            if self.deadline_s <= next_s:
                self.wake()
            else:
                heapq.heappop(self._queue)[2]()
        self._go_to(end_s)

    def run_while(self, condition: Callable[[], bool], at_most_s: float) -> None:
        """Let time pass in small steps until the condition is false; fail if it never is."""
        end_s = self.now_s + at_most_s
        while condition():
            assert self.now_s < end_s, "the condition still holds"
            self.run(0.01)

    def _go_to(self, at_s: float) -> None:
        if at_s > self.now_s:
            self._account(at_s)
            self._at_this_instant = 0
        self._at_this_instant += 1
        assert self._at_this_instant < 500, f"time stands still at {at_s}"
        self.now_s = max(self.now_s, at_s)

    def _account(self, to_s: float) -> None:
        passed_s, self._accounted_s = to_s - self._accounted_s, to_s
        for name, relay in self.relays.items():
            if relay.on:
                self.on_s[name] += passed_s
        for name, over in self.over.items():
            power_w = self.power_w(name)
            active = sum(self.relays[load].on for load in self.house.loads_of[name])
            self.most_on[name] = max(self.most_on[name], active)
            heating = any(self.load_w(load) > 0.0 for load in self.house.loads_of[name])
            if heating and power_w > self.house.circuits[name].limit_w + 1e-6:
                over.total_s += passed_s
                over.now_s += passed_s
                over.longest_s = max(over.longest_s, over.now_s)
            else:
                over.now_s = 0.0

    def forget_over(self) -> None:
        """Start the account of overloads and of loads that are on anew."""
        self.over = {name: Over() for name in self.house.circuits}
        self.most_on = dict.fromkeys(self.house.circuits, 0)
        self.on_s = dict.fromkeys(self.house.loads, 0.0)

    def move(self, load: str, *, on: bool) -> None:
        """Move a contact."""
        self._account(self.now_s)
        if self.relays[load].on != on:
            self.relays[load].on = on
            self.switched.append((self.now_s, load, on))
