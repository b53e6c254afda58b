"""What somebody who hears all events and commands knows for sure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from balancer.core.commands import Command, SwitchRelay
from balancer.core.events import (
    AwaySet,
    BoostSet,
    Connected,
    DeviceReported,
    Disconnected,
    Event,
    LimitSet,
    MeterReadings,
    RelayReported,
    RequestReported,
    Started,
    StopRequested,
)
from balancer.core.model import House
from tests.core.driver import Turn


def switchings(commands: Iterable[Command]) -> list[SwitchRelay]:
    return [each for each in commands if isinstance(each, SwitchRelay)]


@dataclass
class Bystander:
    """What somebody who hears all events and commands knows for sure."""

    house: House
    connected_s: float | None = None
    started_s: float | None = None
    stopping: bool = False
    away: bool = False
    limit_w: dict[str, float] = field(default_factory=dict)
    told: dict[str, tuple[float, bool]] = field(default_factory=dict)
    reported: dict[str, tuple[float, bool]] = field(default_factory=dict)
    readings: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    requests: dict[str, list[tuple[float, bool]]] = field(default_factory=dict)
    boosts: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.limit_w = {name: each.limit_w for name, each in self.house.circuits.items()}

    def hear(self, event: Event) -> None:
        """Note an event, before it is judged what the controller made of it."""
        at_s = event.at_s
        match event:
            case Connected():
                self.connected_s = at_s
                self.reported.clear()
            case Disconnected():
                self.connected_s = None
            case Started(memory=memory):
                self.started_s = at_s
                self.away = memory.away
                for name, circuit in memory.circuits.items():
                    if circuit.limit_w is not None:
                        self.limit_w[name] = circuit.limit_w
                for zone, requested in memory.requests.items():
                    self.requests.setdefault(zone, [(at_s, requested)])  # a report is newer
                for name, load in memory.loads.items():
                    if load.boost_until_s is not None:
                        self.boosts.setdefault(name, load.boost_until_s)
            case AwaySet(away=away):
                self.away = away
            case LimitSet(circuit=circuit, limit_w=limit_w):
                self.limit_w[circuit] = limit_w
            case BoostSet(load=load, for_s=for_s):
                most_s = self.house.loads[load].boost_max_s
                self.boosts[load] = at_s + min(for_s, most_s)
            case RequestReported(zone=zone, requested=requested):
                self.requests.setdefault(zone, []).append((at_s, requested))
            case RelayReported(load=load, on=on):
                self.reported[load] = (at_s, on)
            case DeviceReported(load=load, online=True):
                self.reported.pop(load, None)
            case MeterReadings(power_w=power_w):
                for meter, watts in power_w.items():
                    self.readings.setdefault(meter, []).append((at_s, watts))
            case StopRequested():
                self.stopping = not self.house.keep_on_exit
            case _:
                pass

    def note(self, turn: Turn) -> None:
        """Note what was said, after it has been judged."""
        for each in switchings(turn.decision.commands):
            self.told[each.load] = (turn.event.at_s, each.on)

    def may_want(self, load: str, at_s: float) -> bool:
        """Return whether the load may be wanted, hold-off and ages considered."""
        zone = self.house.zones[self.house.loads[load].zone]
        if self.boosts.get(load, -math.inf) >= at_s:
            return True
        since_s = at_s - self.house.hold_off_s - 1e-6
        asked = self.requests.get(zone.name, [])
        recent = [requested for when_s, requested in asked if when_s >= since_s]
        before = [requested for when_s, requested in asked if when_s < since_s][-1:]
        if not any(before + recent):
            return False
        last_true_s = max(when_s for when_s, requested in asked if requested)
        return zone.request_ttl_s is None or at_s - last_true_s <= zone.request_ttl_s + 1e-6
