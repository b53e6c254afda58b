"""Drives a simulated house with any strategy: samples meters, carries commands, passes time."""

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from math import ceil, inf
from random import Random
from typing import Protocol

from balancer.sim.home.happenings import Kind
from balancer.sim.home.house import SimHouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Lags:
    """How late everything is; ranges are drawn evenly for each message.

    Attributes:
        period_s: Between two samples of a meter, in seconds. Its clock is not quite ours, so that
            over a day everything happens at every moment between two samples.
        step_w: A sample is published only if it moved by more, in watts; negative: always.
        heartbeat_s: It is published after so long even if it did not move, in seconds.
        reading_s: From a sample to its arrival.
        relay_s: From a command to the contact's move.
        report_s: From there to the arrival of the relay's report.
    """

    period_s: float = 1.0003
    step_w: float = -1.0
    heartbeat_s: float = 10.0
    reading_s: tuple[float, float] = (0.1, 0.4)
    relay_s: tuple[float, float] = (0.05, 0.25)
    report_s: tuple[float, float] = (0.02, 0.1)

    @property
    def reaction_s(self) -> float:
        """Return the slowest way from a sample to an open contact."""
        return self.reading_s[1] + self.relay_s[1]


SELDOM = 10  # samples of a circuit's meter for one of a plug
EVERY_SECOND = Lags()
ON_CHANGE = Lags(step_w=1.0)


@dataclass(frozen=True, slots=True)
class Order:
    """A load shall be on or off; sent after a delay, in seconds."""

    load: str
    on: bool
    after_s: float = 0.0


class Strategy(Protocol):
    """Something that decides which loads are on; its arguments go by their places."""

    @property
    def deadline_s(self) -> float:
        """Return when it wants to be woken; infinite: never."""
        ...

    def start(self, at_s: float, /) -> Iterable[Order]: ...

    def read(self, at_s: float, power_w: Mapping[str, float], /) -> Iterable[Order]:
        """Take a reading of every meter, in watts by the name that ``meters`` gave."""
        ...

    def request(self, at_s: float, zone: str, requested: bool, /) -> Iterable[Order]: ...

    def report(self, at_s: float, load: str, on: bool, /) -> Iterable[Order]:
        """Take a relay's report of the heater's state."""
        ...

    def wake(self, at_s: float, /) -> Iterable[Order]: ...

    def changed(self, at_s: float, house: SimHouse, /) -> Iterable[Order]:
        """Look at the house itself after each of its changes; only a clairvoyant does."""
        ...


class Drive:
    """One house, one strategy, and the messages between them."""

    def __init__(
        self,
        house: SimHouse,
        strategy: Strategy,
        meters: Mapping[str, Callable[[], float]],
        lags: Lags,
        *,
        seed: int,
        seldom: Collection[str] = (),
    ) -> None:
        """Start at time 0.

        Args:
            house: Fresh from ``build``.
            strategy: Who decides.
            meters: What is sampled, by the name under which the strategy reads it.
            lags: How late everything is.
            seed: Draws the lags.
            seldom: Meters that publish only with every tenth sample, as plugs do.
        """
        self.house = house
        self.strategy = strategy
        self._meters = {name: read for name, read in meters.items() if name not in seldom}
        self._seldom = {name: read for name, read in meters.items() if name in seldom}
        self._samples = 0
        self._lags = lags
        self._chance = Random(f"{seed}/lags")
        self._queue: list[tuple[float, int, Callable[[float], Iterable[Order]]]] = []
        self._numbers = count()
        self._moves_s = dict.fromkeys(house.setup.house.loads, -inf)
        self._first_s = self._sample_s = self._chance.uniform(0.0, 1.0)
        self._published_s = -inf
        self._last_w: dict[str, float] = {}
        self._inverted = {
            load: house.contact(load) != house.heating(load) for load in house.setup.house.loads
        }
        self._send(0.0, strategy.start(0.0))
        for zone in house.setup.house.zones:
            self._send(0.0, strategy.request(0.0, zone, house.request(zone)))
        self._look(0.0)

    def run_until(self, until_s: float) -> None:
        """Let the house and its strategy live until an instant."""
        house, strategy, queue = self.house, self.strategy, self._queue
        while True:
            change_s, wake_s = house.next_change_s, strategy.deadline_s
            at_s = min(change_s, self._sample_s, queue[0][0] if queue else inf, wake_s)
            if at_s > until_s:
                break
            at_s = max(at_s, house.now_s)
            house.advance(at_s)
            if change_s <= at_s:
                self._look(at_s)
            if self._sample_s <= at_s:
                self._sample(at_s)
            while queue and queue[0][0] <= at_s:
                self._send(at_s, heapq.heappop(queue)[2](at_s))
            # what became due by the above comes with the next round, which is at once
            if wake_s <= at_s and strategy.deadline_s <= at_s:
                self._send(at_s, strategy.wake(at_s))
        house.advance(until_s)
        house.settle_accounts()

    def _look(self, at_s: float) -> None:
        """Pass on what happened by itself, and let a clairvoyant look."""
        house, strategy = self.house, self.strategy
        if house.happened:
            happened, house.happened = house.happened, []
            for each in happened:
                if each.kind is Kind.REQUESTED:
                    self._send(at_s, strategy.request(at_s, each.name, house.request(each.name)))
                elif each.kind is Kind.BOOTED:
                    self._report(at_s, each.name, delay_s=2.0)
        orders = tuple(strategy.changed(at_s, house))
        while orders:  # at once, without any lag; its own switching is a change too
            for order in orders:
                house.set_relay(order.load, order.on != self._inverted[order.load])
            orders = tuple(strategy.changed(at_s, house))
        self._plan_sample(at_s)

    def _send(self, at_s: float, orders: Iterable[Order]) -> None:
        low_s, high_s = self._lags.relay_s
        for order in orders:
            due_s = at_s + order.after_s + low_s + (high_s - low_s) * self._chance.random()
            # what is said to one relay arrives in that order
            due_s = self._moves_s[order.load] = max(due_s, self._moves_s[order.load])

            def move(now_s: float, order: Order = order) -> Iterable[Order]:
                return self._move(now_s, order)

            heapq.heappush(self._queue, (due_s, next(self._numbers), move))

    def _move(self, at_s: float, order: Order) -> Iterable[Order]:
        if not self.house.powered(order.load):
            return ()
        self.house.set_relay(order.load, order.on != self._inverted[order.load])
        self._plan_sample(at_s)
        low_s, high_s = self._lags.report_s
        self._report(at_s, order.load, low_s + (high_s - low_s) * self._chance.random())
        return ()

    def _report(self, at_s: float, load: str, delay_s: float) -> None:
        on = self.house.heating(load)

        def tell(now_s: float) -> Iterable[Order]:
            return self.strategy.report(now_s, load, on)

        heapq.heappush(self._queue, (at_s + delay_s, next(self._numbers), tell))

    def _plan_sample(self, at_s: float) -> None:
        """Find the next sample that is published; between changes there is none but heartbeats."""
        lags = self._lags
        if lags.step_w < 0.0 or not self._last_w:
            return
        for name, last_w in self._last_w.items():
            if abs(self._meters[name]() - last_w) > lags.step_w:
                samples = ceil((at_s - self._first_s) / lags.period_s)
                grid_s = self._first_s + samples * lags.period_s
                self._sample_s = max(grid_s, self._published_s + lags.period_s)
                return
        self._sample_s = self._published_s + lags.heartbeat_s

    def _sample(self, at_s: float) -> None:
        lags = self._lags
        self._published_s = at_s
        self._last_w = {name: read() for name, read in self._meters.items()}
        self._sample_s = at_s + (lags.period_s if lags.step_w < 0.0 else lags.heartbeat_s)
        low_s, high_s = lags.reading_s
        lag_s = low_s + (high_s - low_s) * self._chance.random()
        due_s = at_s + lag_s
        self.house.seen(reaction_s=lag_s + lags.relay_s[1])
        power_w = self._last_w
        if self._seldom and self._samples % SELDOM == 0:
            power_w = power_w | {name: read() for name, read in self._seldom.items()}
        self._samples += 1

        def arrive(now_s: float) -> Iterable[Order]:
            return self.strategy.read(now_s, power_w)

        heapq.heappush(self._queue, (due_s, next(self._numbers), arrive))
