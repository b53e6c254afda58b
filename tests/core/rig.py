"""A small house around ``step``: relays, meters and people do what a test says.

Nothing here looks inside the controller: it is given events in the order of time, woken at its
deadline, and what it asks of the relays happens to contacts that a test can weld or silence.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from balancer.core.commands import Decided, Note, NoteKind, QueryRelay, RenewLease, SwitchRelay
from balancer.core.events import (
    AwaySet,
    BoostSet,
    Connected,
    DeviceReported,
    Disconnected,
    Event,
    LimitSet,
    MeterReadings,
    ModeSet,
    RelayReported,
    RequestReported,
    RotateDue,
    Started,
    StopRequested,
    Wake,
)
from balancer.core.memory import CircuitMemory, LoadMemory, Memory
from balancer.core.model import House
from balancer.core.observe import snapshot
from balancer.core.snapshot import LoadSnapshot, Snapshot
from balancer.core.state import State, initial_state
from balancer.core.step import Decision, step
from tests.core.fakes import FakeMeter, FakeRelay
from tests.core.world import World


@dataclass(frozen=True, slots=True)
class Sent:
    """One switching command as it left the controller."""

    at_s: float
    load: str
    on: bool


class Rig(World):
    """A house with its controller."""

    def __init__(
        self,
        house: House,
        *,
        at_s: float = 1000.0,
        period_s: float = 1.0,
        base_w: float | Mapping[str, float] = 0.0,
        requested: Iterable[str] | bool = (),
        relays: Mapping[str, FakeRelay] | None = None,
        start: bool = True,
        memory: Memory | None = None,
    ) -> None:
        super().__init__(house, at_s, base_w, relays or {})
        self.meters: dict[str, FakeMeter] = {}
        self.state: State = initial_state(house, at_s)
        self.connected = False
        self.alive = True
        self.sent: list[Sent] = []
        self.renewed: list[tuple[float, str]] = []
        self.queried: list[tuple[float, str]] = []
        self.decided: list[tuple[float, Decided]] = []
        self.notes: list[tuple[float, Note]] = []
        self.watch: list[Callable[[Event, State, Decision], None]] = []
        for circuit in house.circuits.values():
            if circuit.meter is not None:
                self.add_meter(circuit.meter.name, partial(self.power_w, circuit.name), period_s)
        for load in house.loads.values():
            if load.meter is not None:
                self.add_meter(load.meter.name, partial(self.load_w, load.name), period_s)
        if start:
            self.start(memory)
        if requested:
            names = house.zones if requested is True else requested
            for zone in names:
                self.request(zone)

    # the controller

    def tell(self, event: Event) -> Decision:
        """Give the controller one event and carry out what it asks."""
        before = self.state
        decision = step(self.house, before, event)
        assert decision.deadline_s > event.at_s, (event, decision.deadline_s)
        for look in self.watch:
            look(event, before, decision)
        self.state, self.deadline_s = decision.state, decision.deadline_s
        self.decided += [(event.at_s, each) for each in decision.decided]
        self.notes += [(event.at_s, each) for each in decision.notes]
        for command in decision.commands:
            match command:
                case SwitchRelay():
                    self.sent.append(Sent(event.at_s, command.load, command.on))
                    self._transmit(command.load, on=command.on)
                case RenewLease():
                    self.renewed.append((event.at_s, command.load))
                    self._transmit(command.load, on=True)
                case QueryRelay():
                    self.queried.append((event.at_s, command.load))
                    if not self.relays[command.load].unasked:
                        self.after(0.02, partial(self.report, command.load))
        return decision

    def wake(self) -> None:
        self.tell(Wake(self.now_s))

    def snapshot(self) -> Snapshot:
        return snapshot(self.house, self.state, self.now_s)

    def load(self, name: str) -> LoadSnapshot:
        return self.snapshot().loads[name]

    # relays

    def _transmit(self, load: str, *, on: bool) -> None:
        relay = self.relays[load]
        if not self.connected or relay.dead or self.house.dry_run:
            return
        if relay.lose > 0:
            relay.lose -= 1
            return
        latency_s = relay.latencies_s.popleft() if relay.latencies_s else relay.latency_s
        self.after(latency_s, lambda: self._arrive(load, on=on))

    def _arrive(self, load: str, *, on: bool) -> None:
        relay = self.relays[load]
        if relay.dead:
            return
        if not relay.stuck and not relay.liar:
            self.move(load, on=on)
        relay.says = on if relay.liar else relay.on
        relay.lease += 1
        dead_man_s = self.house.loads[load].relay.dead_man_s
        if on and dead_man_s is not None:
            lease = relay.lease
            self.after(dead_man_s, lambda: self._lease_ends(load, lease))
        self.after(relay.report_s, lambda: self.report(load))

    def _lease_ends(self, load: str, lease: int) -> None:
        if self.relays[load].lease == lease:
            self.push(load, on=False)

    def report(self, load: str) -> None:
        """Say the relay's state now, if it can speak."""
        relay = self.relays[load]
        if relay.dead or relay.mute or not self.connected:
            return
        if self.house.loads[load].relay.confirms:
            says = relay.says if relay.liar and relay.says is not None else relay.on
            self.tell(RelayReported(self.now_s, load, says))

    def push(self, load: str, *, on: bool) -> None:
        """Somebody presses the button on the wall."""
        self.move(load, on=on)
        self.report(load)

    # meters

    def add_meter(
        self, name: str, source: Callable[[], float], period_s: float = 1.0, **options: Any
    ) -> FakeMeter:
        """Start a meter; its first sample is taken one period from now."""
        meter = FakeMeter(source=source, period_s=period_s, **options)
        self.meters[name] = meter

        def sample() -> None:
            power_w = meter.shown(meter.source())
            if not meter.silent and power_w is not None and self.connected:
                lag_s = meter.lag_s
                if meter.lags_s:
                    lag_s, meter.lags_s = meter.lags_s[0], (*meter.lags_s[1:], meter.lags_s[0])
                if lag_s:
                    self.after(lag_s, lambda: self.read(name, power_w))
                else:
                    self.read(name, power_w)
            self.after(meter.period_s, sample)

        self.after(period_s, sample)
        return meter

    def slow_down(self, period_s: float = 10.0) -> None:
        """Let all meters speak less often from now on: hours pass in fewer steps."""
        for meter in self.meters.values():
            meter.period_s = period_s

    def meter(self, circuit: str = "main") -> FakeMeter:
        configured = self.house.circuits[circuit].meter
        assert configured is not None
        return self.meters[configured.name]

    def read(self, name: str, power_w: float) -> Decision:
        """Let one reading arrive now."""
        return self.tell(MeterReadings(self.now_s, {name: power_w}))

    # people

    def start(self, memory: Memory | None = None) -> None:
        """Connect for the first time and start with what was remembered."""
        self.connect()
        self.tell(Started(self.now_s, memory or Memory()))

    def connect(self) -> Decision:
        self.connected = True
        return self.tell(Connected(self.now_s))

    def disconnect(self) -> Decision:
        self.connected = False
        return self.tell(Disconnected(self.now_s))

    def request(self, zone: str, requested: bool = True) -> Decision:
        return self.tell(RequestReported(self.now_s, zone, requested))

    def boost(self, load: str, for_s: float = 3600.0) -> Decision:
        return self.tell(BoostSet(self.now_s, load, for_s))

    def away(self, away: bool = True) -> Decision:
        return self.tell(AwaySet(self.now_s, away))

    def mode(self, mode: int | None, circuit: str = "main") -> Decision:
        return self.tell(ModeSet(self.now_s, circuit, mode))

    def limit(self, limit_w: float, circuit: str = "main") -> Decision:
        return self.tell(LimitSet(self.now_s, circuit, limit_w))

    def device(self, load: str, online: bool, *, anew: bool = False) -> Decision:
        return self.tell(DeviceReported(self.now_s, load, online, anew=anew))

    def stop(self) -> Decision:
        return self.tell(StopRequested(self.now_s))

    def rotate(self, *, asked: bool = False) -> Decision:
        return self.tell(RotateDue(self.now_s, asked))

    def ticks(self, every_s: float = 600.0) -> None:
        """Rotate regularly from now on, first after one period."""

        def tick() -> None:
            if self.alive:
                self.tell(RotateDue(self.now_s))
            self.after(every_s, tick)

        self.after(every_s, tick)

    # restart

    def memory(self) -> Memory:
        """Return what the retained topics would give back."""
        seen = self.snapshot()
        return Memory(
            away=seen.away,
            circuits={
                name: CircuitMemory(
                    mode=each.mode if each.mode_source == "set" else None, limit_w=each.limit_w
                )
                for name, each in seen.circuits.items()
            },
            requests=dict(seen.zones),
            loads={
                name: LoadMemory(
                    on=each.on,
                    claim=each.claim,
                    served_s=each.served_s,
                    wanted_s=each.wanted_s,
                    boost_until_s=each.boost_until_s,
                    switched_s=each.switched_s,
                    switches=each.switches,
                    shed=each.shed,
                    learned_w=each.learned_w,
                    learned_low_w=each.learned_low_w,
                    learned_steps=each.learned_steps,
                )
                for name, each in seen.loads.items()
            },
        )

    def restart(self, down_s: float = 1.0, memory: Memory | None = None) -> None:
        """Kill the controller; a new one starts with the same memory. The relays stay."""
        kept = memory or self.memory()
        self.connected = self.alive = False
        self.deadline_s = math.inf
        self.run(down_s)
        self.state = initial_state(self.house, self.now_s)
        self.alive = True
        self.start(kept)

    # what was seen

    def commands(
        self, since_s: float = 0.0, load: str | None = None, on: bool | None = None
    ) -> list[Sent]:
        """Return the switching commands, filtered."""
        return [
            each
            for each in self.sent
            if each.at_s >= since_s
            and (load is None or each.load == load)
            and (on is None or each.on == on)
        ]

    def times(self, load: str, on: bool, since_s: float) -> list[float]:
        """Return when a load was commanded so, in seconds since an instant, to a hundredth."""
        return [round(each.at_s - since_s, 2) for each in self.commands(since_s, load, on)]

    def noted(self, kind: NoteKind, since_s: float = 0.0) -> list[tuple[float, Note]]:
        return [each for each in self.notes if each[0] >= since_s and each[1].kind == kind]
