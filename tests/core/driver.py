"""Lets the controller live through a random life, turn by turn."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from balancer.core.commands import RenewLease, SwitchRelay
from balancer.core.events import (
    Event,
    MeterReadings,
    RelayReported,
    Wake,
)
from balancer.core.state import State, initial_state
from balancer.core.step import Decision, step
from tests.strategies import START_S, Echo, EchoAll, Life, TrueReadings


@dataclass(frozen=True, slots=True)
class Turn:
    """One event and what was decided."""

    event: Event
    before: State
    decision: Decision


class Driver:
    """Tells the controller a life, and wakes it at its deadlines."""

    def __init__(self, life: Life, look: Callable[[Turn], None] | None = None) -> None:
        self.house, self.life, self.look = life.house, life, look
        self.state, self.deadline_s = initial_state(life.house, START_S), math.inf
        self.now_s = START_S
        self.told = dict.fromkeys(life.house.loads, False)
        self.base_w = 0.0
        self.turns: list[Turn] = []
        self.reports: list[tuple[float, str]] = []
        self.read_s = START_S + 0.7

    def run(self) -> list[Turn]:
        """Return all turns of the life."""
        for happening in self.life.history:
            self.wait_until(self.now_s + happening.wait_s)
            self.happen(happening.what)
        return self.turns

    def tell(self, event: Event) -> None:
        """Give one event to the controller."""
        decision = step(self.house, self.state, event)
        turn = Turn(event, self.state, decision)
        self.turns.append(turn)
        self.state, self.deadline_s = decision.state, decision.deadline_s
        for each in decision.commands:
            if isinstance(each, SwitchRelay):
                self.told[each.load] = each.on
            if self.life.lively and not isinstance(each, RenewLease):
                self.reports.append((event.at_s + 0.1, each.load))
        assert self.deadline_s > event.at_s, (event, self.deadline_s)
        if self.look is not None:
            self.look(turn)

    def wait_until(self, at_s: float) -> None:
        """Let time pass: wake the controller, and let the house live in between."""
        pace_s = 1.0 if at_s - self.now_s <= 20.0 else 9.0
        while True:
            next_s, load = min(self.reports, default=(math.inf, ""))
            reading_s = self.read_s if self.life.lively else math.inf
            due_s = min(self.deadline_s, next_s, reading_s)
            if due_s > at_s:
                break
            self.now_s = max(self.now_s, due_s)
            if self.deadline_s <= due_s:
                self.tell(Wake(self.now_s))
            elif next_s <= due_s:
                self.reports.remove((next_s, load))
                if load not in self.life.deaf and self.house.loads[load].relay.confirms:
                    self.happen(Echo(load))
            else:
                self.read_s = self.now_s + pace_s
                self.happen(TrueReadings(self.base_w))
        self.now_s = max(self.now_s, at_s)

    def happen(self, what: Event | Echo | EchoAll | TrueReadings) -> None:
        """Let one thing happen now."""
        match what:
            case Echo(load):
                self.tell(RelayReported(self.now_s, load, self.told[load]))
            case EchoAll():
                for load in self.house.loads:
                    self.tell(RelayReported(self.now_s, load, self.told[load]))
            case TrueReadings(base_w):
                self.base_w = base_w
                readings = self.readings()
                if readings:
                    self.tell(MeterReadings(self.now_s, readings))
            case event:
                self.tell(replace(event, at_s=self.now_s))

    def readings(self) -> dict[str, float]:
        """Return what the meters of all circuits show, as far as it is believable."""
        readings = {}
        for name, circuit in self.house.circuits.items():
            power_w = self.base_w + sum(
                self.house.power_w[load][name]
                for load in self.house.loads_of[name]
                if self.told[load] and load not in self.life.deaf
            )
            if circuit.meter is not None and power_w <= circuit.meter.max_w:
                readings[circuit.meter.name] = power_w
            if circuit.available is not None:
                readings[circuit.available.name] = circuit.limit_w - self.base_w
            for meter in circuit.non_heating_meters:
                readings[meter.name] = min(self.base_w, meter.max_w)
        return readings


def drive(life: Life, look: Callable[[Turn], None] | None = None) -> list[Turn]:
    """Return what the controller makes of a life."""
    return Driver(life, look).run()
