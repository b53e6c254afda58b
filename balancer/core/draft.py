"""A state being changed within one step."""

from collections.abc import Iterable

from balancer.core.commands import (
    Cause,
    Command,
    Decided,
    Note,
    NoteKind,
    Switching,
)
from balancer.core.model import House
from balancer.core.state import (
    CircuitState,
    LoadState,
    MeterState,
    State,
    ZoneState,
    copied,
)


class Draft:
    """Works on copies of what it touches, each copied once; the given state never changes.

    Attributes:
        at_s: The instant of the step.
        state: The state as it becomes.
        commands: To be sent, in order.
        switchings: What is decided, by cause and circuit (None: the whole house).
        notes: To be counted and logged.
        touched: The loads that were to be changed, as they become.
    """

    __slots__ = ("_own", "at_s", "commands", "house", "notes", "state", "switchings", "touched")

    def __init__(self, house: House, state: State, at_s: float) -> None:
        self.house = house
        self.at_s = at_s
        self.state = copied(state)
        self.state.at_s = at_s
        self._own: set[tuple[str, str]] = set()
        self.touched: dict[str, LoadState] = {}
        self.commands: list[Command] = []
        self.switchings: dict[tuple[Cause, str | None], list[Switching]] = {}
        self.notes: list[Note] = []

    def load(self, name: str) -> LoadState:
        """Return a load's state to be changed."""
        ls = self.touched.get(name)
        if ls is None:
            if not self.touched:
                self.state.loads = self.state.loads.copy()
            ls = self.touched[name] = self.state.loads[name] = copied(self.state.loads[name])
        return ls

    def circuit(self, name: str) -> CircuitState:
        """Return a circuit's state to be changed."""
        if ("circuit", name) not in self._own:
            self._own.add(("circuit", name))
            self.state.circuits = {**self.state.circuits, name: copied(self.state.circuits[name])}
        return self.state.circuits[name]

    def meter(self, name: str) -> MeterState:
        """Return a meter's state to be changed."""
        if ("meter", name) not in self._own:
            self._own.add(("meter", name))
            self.state.meters = {**self.state.meters, name: copied(self.state.meters[name])}
        return self.state.meters[name]

    def zone(self, name: str) -> ZoneState:
        """Return a zone's state to be changed."""
        if ("zone", name) not in self._own:
            self._own.add(("zone", name))
            self.state.zones = {**self.state.zones, name: copied(self.state.zones[name])}
        return self.state.zones[name]

    def note(
        self, kind: NoteKind, subject: str, value: float = 0.0, cause: Cause | None = None
    ) -> None:
        """Add something to be counted or logged."""
        self.notes.append(Note(kind, subject, value, cause))

    def decided(self, available_w: dict[str, float | None]) -> Iterable[Decided]:
        """Return the decisions, those with OFF first; one for the house where circuits differ."""
        causes: dict[Cause, dict[str | None, list[Switching]]] = {}
        for (cause, circuit), switchings in self.switchings.items():
            causes.setdefault(cause, {}).setdefault(circuit, []).extend(switchings)
        for cause, by_circuit in causes.items():
            circuit = next(iter(by_circuit)) if len(by_circuit) == 1 else None
            together = [each for switchings in by_circuit.values() for each in switchings]
            together.sort(key=lambda each: each.on)
            last = None
            if circuit is not None and (meter := self.house.circuits[circuit].meter) is not None:
                last = self.state.meters[meter.name].last
            yield Decided(
                cause=cause,
                circuit=circuit,
                meter_w=None if last is None else last.power_w,
                available_w=None if circuit is None else available_w.get(circuit),
                switchings=tuple(together),
            )
