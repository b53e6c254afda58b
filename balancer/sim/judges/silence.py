"""Whether loads go off when nothing is heard of their circuit for too long."""

from math import inf

from balancer.core.model import Circuit, Estimation
from balancer.sim.judges.allowances import (
    BLIND_GRACE_S,
    EDGE_S,
    IN_FLIGHT_S,
    PLACES,
    PLACES_S,
    SETTLE_START_S,
)
from balancer.sim.judges.readings import Reading
from balancer.sim.judges.stage import Stage


class Silence:
    """Looks at each metered circuit when it has been silent for too long (I01)."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._house = stage.setup.house
        self._looks_s: dict[str, float] = {}
        self._heard_s: dict[str, float] = {}

    def heard(self, circuit: Circuit, reading: Reading) -> None:
        """Note a reading; look again when none has followed for too long."""
        self._heard_s[circuit.name] = reading.at_s
        now_s = self._stage.clock.now_s
        if self._looks_s.get(circuit.name, -inf) <= now_s:
            self._look_at(now_s + self._longest_s(circuit), circuit)

    def _look_at(self, at_s: float, circuit: Circuit) -> None:
        self._looks_s[circuit.name] = at_s
        self._stage.clock.at(at_s, lambda: self._look(circuit))

    def _longest_s(self, circuit: Circuit) -> float:
        """Return how long after the last reading the last OFF has to be sent."""
        assert circuit.meter is not None
        bridges = len(self._house.loads_of[circuit.name]) // PLACES * PLACES_S
        return circuit.meter.stale_after_s + BLIND_GRACE_S + bridges + EDGE_S

    def _look(self, circuit: Circuit) -> None:
        self._looks_s.pop(circuit.name, None)
        now_s = self._stage.clock.now_s
        since_s = self._heard_s[circuit.name]
        due_s = since_s + self._longest_s(circuit)
        if now_s < due_s - 1e-6:
            self._look_at(due_s, circuit)
            return
        if circuit.estimation is not Estimation.GLOBAL or not self._had_time(circuit):
            return
        loads = self._stage.witness.loads
        on = [
            load
            for load in self._house.loads_of[circuit.name]
            if loads[load].believed_on
            and loads[load].reported_s < now_s - BLIND_GRACE_S
            and loads[load].sent_off_s < now_s - IN_FLIGHT_S
        ]
        if len(on) > circuit.fallback_active:
            self._stage.findings.found(
                "I01",
                f"{circuit.name} is silent for {now_s - since_s:.1f} s and {', '.join(on)} stay on",
            )

    def _had_time(self, circuit: Circuit) -> bool:
        """Return whether the balancer has been running and connected for the whole silence."""
        now_s, process = self._stage.clock.now_s, self._stage.process
        return (
            process.running
            and not process.paused
            and process.started_s is not None
            and now_s - self._stage.witness.connected_s >= self._longest_s(circuit)
            and now_s - process.started_s >= SETTLE_START_S + BLIND_GRACE_S
        )
