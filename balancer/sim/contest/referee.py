"""Watches a strategy's orders from outside and counts broken invariants.

The few that need no more than readings, requests, orders and reports. The virtual world's
checkers know many more; these cost nearly nothing and watch every simulated day.
"""

from collections.abc import Iterable, Mapping
from math import inf

from balancer.config.setup import Setup
from balancer.sim.contest.drive import Order, Strategy
from balancer.sim.home.house import SimHouse

ANSWER_S = 30.0  # an overload that is still seen so long after the last OFF was not answered
ROUNDING_W = 0.05  # what is said of a reading, to a tenth of a watt, may lie below it
SLACK_S = 1.0  # reports come later than what they report


class Referee:
    """A strategy that passes everything on and keeps the score.

    Attributes:
        violations: What was broken, a sentence each with its time.
    """

    def __init__(self, strategy: Strategy, setup: Setup) -> None:
        """Watch a strategy from its start."""
        self._strategy = strategy
        self._house = setup.house
        self._circuit_of = {
            circuit.meter.name: circuit
            for circuit in setup.house.circuits.values()
            if circuit.meter is not None
        }
        self._requested = dict.fromkeys(setup.house.zones, False)
        self._ordered = dict.fromkeys(setup.house.loads, False)
        self._reported = dict.fromkeys(setup.house.loads, False)
        self._off_s = dict.fromkeys(setup.house.loads, -inf)
        self._last_off_s = dict.fromkeys(setup.house.circuits, -inf)
        self.violations: list[str] = []

    @property
    def deadline_s(self) -> float:
        """Return when the strategy wants to be woken."""
        return self._strategy.deadline_s

    def start(self, at_s: float) -> Iterable[Order]:
        """Pass on."""
        return self._judged(at_s, self._strategy.start(at_s))

    def read(self, at_s: float, power_w: Mapping[str, float]) -> Iterable[Order]:
        """Pass on; an overload has to be answered in the same step (R9, I13)."""
        orders = self._judged(at_s, self._strategy.read(at_s, power_w))
        for meter, watts in power_w.items():
            circuit = self._circuit_of.get(meter)
            if circuit is None or watts <= circuit.limit_w + ROUNDING_W:
                continue
            name = circuit.name
            running = any(self._ordered[load] for load in self._house.loads_of[name])
            if running and at_s - self._last_off_s[name] > ANSWER_S:
                self._note(at_s, f"{watts:.0f} W on {name} are over the limit, nothing is shed")
        return orders

    def request(self, at_s: float, zone: str, requested: bool) -> Iterable[Order]:
        """Pass on."""
        self._requested[zone] = requested
        return self._judged(at_s, self._strategy.request(at_s, zone, requested))

    def report(self, at_s: float, load: str, on: bool) -> Iterable[Order]:
        """Pass on."""
        if self._reported[load] and not on:
            self._off_s[load] = at_s
        self._reported[load] = on
        return self._judged(at_s, self._strategy.report(at_s, load, on))

    def wake(self, at_s: float) -> Iterable[Order]:
        """Pass on."""
        return self._judged(at_s, self._strategy.wake(at_s))

    def changed(self, at_s: float, house: SimHouse) -> Iterable[Order]:
        """Pass on."""
        return self._judged(at_s, self._strategy.changed(at_s, house))

    def _judged(self, at_s: float, orders: Iterable[Order]) -> tuple[Order, ...]:
        given = tuple(orders)
        switched_on = False
        for order in given:
            self._judge_one(at_s, order)
            if switched_on and not order.on:
                self._note(at_s, f"{order.load} goes off after another has gone on (I02)")
            switched_on = switched_on or (order.on and not self._ordered[order.load])
            self._ordered[order.load] = order.on
            if not order.on:
                for circuit in self._house.power_w[order.load]:
                    self._last_off_s[circuit] = at_s
        if switched_on:
            self._judge_caps(at_s)
        return given

    def _judge_one(self, at_s: float, order: Order) -> None:
        load = self._house.loads[order.load]
        if not order.on or self._ordered[order.load]:
            return  # an OFF is always allowed, and so is saying ON again
        if not self._requested[load.zone]:
            self._note(at_s, f"{load.name} goes on though nobody asks (I04)")
        if at_s - self._off_s[load.name] < load.min_off_s - SLACK_S:
            self._note(at_s, f"{load.name} goes on within min_off (I03)")

    def _judge_caps(self, at_s: float) -> None:
        for circuit in self._house.circuits.values():
            if circuit.steps is not None:
                active = sum(self._ordered[load] for load in self._house.loads_of[circuit.name])
                if active > circuit.steps[0]:
                    self._note(at_s, f"{active} loads are on at {circuit.name} (R4)")

    def _note(self, at_s: float, what: str) -> None:
        self.violations.append(f"{at_s:.1f} s: {what}")
