"""Whether overloads are answered at once, and with no more than they need."""

from typing import Any

from balancer.core.model import Circuit, Estimation
from balancer.sim.judges.allowances import (
    EDGE_W,
    IN_FLIGHT_S,
    PLACES,
    PLACES_S,
    SETTLE_START_S,
)
from balancer.sim.judges.readings import Reading
from balancer.sim.judges.stage import Stage

OVERDRAW = 1.2  # heaters draw up to a fifth more than they are rated for
LEAST_DRAWN = 0.9  # of what it drew: what it may at least be believed to draw


class Shedding:
    """Judges each reading over the limit by what was sent in the same instant."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._witness = stage.witness
        self._house = stage.setup.house
        self._found = stage.findings.found
        self._over: list[tuple[Circuit, Reading]] = []
        self._off: set[str] = set()

    def read(self, circuit: Circuit, reading: Reading) -> None:
        """Note a reading that the balancer is about to act on."""
        limit_w = self._witness.wishes.limit_w[circuit.name]
        if circuit.estimation is Estimation.GLOBAL and reading.power_w > limit_w + EDGE_W:
            self._over.append((circuit, reading))

    def sent_off(self, load: str) -> None:
        """Note that a load is told to go off."""
        self._off.add(load)

    def forget(self) -> None:
        """Judge nothing of what was read and sent until now."""
        self._over.clear()
        self._off.clear()

    def conclude(self) -> None:
        """Judge what was read by what has been sent: nothing more will be in this instant."""
        over, self._over = self._over, []
        off, self._off = self._off, set()
        if not self._stage.process.running:
            return
        for circuit, reading in over:
            if off.isdisjoint(self._house.loads_of[circuit.name]):
                self._judge_no_shed(circuit, reading)

    def _judge_no_shed(self, circuit: Circuit, reading: Reading) -> None:
        """Judge that nothing was shed: fine if OFFs in flight cover it, or nothing is left (I13)."""
        now_s, started_s = self._stage.clock.now_s, self._stage.process.started_s
        if started_s is None or now_s - started_s < SETTLE_START_S:
            return
        excess_w = reading.power_w - self._witness.wishes.limit_w[circuit.name]
        left = []
        for load in self._house.loads_of[circuit.name]:
            seen = self._witness.loads[load]
            rated_w = self._house.power_w[load][circuit.name]
            takes_w = self._stage.house.takes_w(load) * rated_w / self._house.rated_w[load]
            covers_w = max(OVERDRAW * rated_w, takes_w / LEAST_DRAWN)  # R14: it may take more
            if seen.believed_on is False and now_s - seen.went_off_s < IN_FLIGHT_S:
                excess_w -= covers_w  # whoever switched it off, the reading may be older (R2)
            elif seen.commanded is False:  # told to go off: whether it does is R11's business
                excess_w -= covers_w if now_s - seen.commanded_s < IN_FLIGHT_S else 0.0
            elif seen.believed_on and load in reading.drawing_w:
                left.append(load)
        waiting = any(self._bridge_full(load) for load in left)
        if excess_w > EDGE_W and left and not waiting:
            self._found(
                "I13",
                f"{circuit.name} reads {reading.power_w:.0f} W, {excess_w:.0f} W over what OFFs in "
                f"flight cover, and {', '.join(left)} stay on",
            )

    def _bridge_full(self, load: str) -> bool:
        """Return whether all places of the load's bridge are taken by unanswered commands (R11)."""
        bridge = self._house.loads[load].relay.bridge
        if bridge is None:
            return False
        now_s = self._stage.clock.now_s
        fresh = sum(
            model.relay.bridge == bridge
            and now_s - self._witness.loads[other].commanded_s < PLACES_S
            for other, model in self._house.loads.items()
        )
        return fresh >= PLACES

    def judge_size(self, event: dict[str, Any]) -> None:
        """Judge whether fewer OFFs, or a smaller last one, would have done (I14)."""
        name = event["circuit"]
        circuit = None if name is None else self._house.circuits[name]
        if circuit is None or circuit.estimation is not Estimation.GLOBAL or circuit.meter is None:
            return
        if self._unknown_below(circuit) or self._others_over(circuit):
            return
        meter_w = event["meter"] * circuit.watts_per_unit
        readings = self._witness.readings.of(circuit.meter.name)
        now = [
            each
            for each in readings
            if each.at_s >= self._stage.clock.now_s - 1e-9 and abs(each.power_w - meter_w) < EDGE_W
        ]
        if not now:
            return
        reading = now[-1]
        excess_w = reading.power_w - self._witness.wishes.limit_w[name]
        # who did not draw at the reading before may be believed to draw nothing now
        last_two = [each for each in readings if each.at_s <= reading.at_s][-2:]

        def least_w(load: str) -> float:
            watts = self._house.power_w[load][name]
            part = watts / self._house.rated_w[load]
            drawn_w = min(each.drawing_w.get(load, 0.0) for each in last_two) * part
            return min(watts / circuit.safe_ratio, LEAST_DRAWN * drawn_w)

        shed = [each["load"] for each in event["commands"] if not each["on"]]
        highest = max((self._class_of(load) for load in shed), default=None)
        total_w = sum(least_w(load) for load in shed)
        for load in shed:
            others_w = total_w - least_w(load)
            if self._class_of(load) == highest and others_w >= excess_w + EDGE_W:
                self._found(
                    "I14",
                    f"{load} is shed though {others_w:.0f} W of others cover {excess_w:.0f} W",
                )
                return

    def _unknown_below(self, circuit: Circuit) -> bool:
        """Return whether there is a relay of which nothing is known: it may not be counted upon."""
        return any(
            self._witness.loads[load].reported is None
            for load in self._house.loads_of[circuit.name]
            if self._house.loads[load].relay.confirms
        )

    def _others_over(self, circuit: Circuit) -> bool:
        """Return whether other circuits are over, too: then they are solved together (R9)."""
        limit_w = self._witness.wishes.limit_w
        return any(
            readings[-1].power_w > limit_w[each.name]
            for each in self._house.circuits.values()
            if each.name != circuit.name
            and each.meter is not None
            and (readings := self._witness.readings.of(each.meter.name))
        )

    def _class_of(self, load: str) -> tuple[bool, int]:
        """Return what decides who is shed last: the greater goes later."""
        boosted = self._witness.wishes.boost_until_s[load] > self._stage.clock.now_s
        return boosted, self._house.loads[load].priority
