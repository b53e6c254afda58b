"""Whether a load may go on: wanted, rested, heard, and the power and the place are there."""

from math import inf

from balancer.core.model import Circuit, Estimation
from balancer.sim.judges.allowances import BLIND_GRACE_S, EDGE_S, EDGE_W, SETTLE_START_S
from balancer.sim.judges.prediction import Prediction
from balancer.sim.judges.stage import Stage

LATE_S = 1.0  # a request that has just run out


class Admission:
    """Judges each ON at the instant at which it is sent, before it counts as sent."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._witness = stage.witness
        self._house = stage.setup.house
        self._found = stage.findings.found
        self._prediction = Prediction(stage)

    def judge(self, load: str) -> None:
        """Judge an ON (I01, I03 to I06, I08, I12)."""
        witness, now_s = self._witness, self._stage.clock.now_s
        model = self._house.loads[load]
        seen = witness.loads[load]
        if witness.wishes.away:
            self._found("I05", f"{load} is switched on while everybody is away")
        if self._nobody_asks(load):
            self._found("I04", f"{load} is switched on, and nobody asks for heat in {model.zone}")
        if seen.reported is not None and now_s < seen.went_off_s + model.min_off_s - EDGE_S:
            ago_s = now_s - seen.went_off_s
            self._found("I03", f"{load} is switched on {ago_s:.1f} s after it went off")
        for name in self._house.power_w[load]:
            self._judge_on_circuit(load, self._house.circuits[name])
        connected_s = witness.connected_s
        if (
            model.relay.confirms
            and seen.reported_s < connected_s
            and not (seen.sent_off_s >= connected_s and now_s - connected_s >= SETTLE_START_S)
            and not seen.kept_off
        ):
            self._found("I08", f"{load} is switched on before its relay was heard since connecting")

    def _nobody_asks(self, load: str) -> bool:
        """Return whether neither a request nor a boost is in force, whatever is in flight."""
        wishes, now_s = self._witness.wishes, self._stage.clock.now_s
        name = self._house.loads[load].zone
        zone = self._house.zones[name]
        wanted = wishes.requests[name]
        if zone.request_ttl_s is not None and wanted:
            silent_s = now_s - wishes.request_s[name]
            if silent_s != inf and silent_s > zone.request_ttl_s + LATE_S:
                wanted = False
        return wanted is False and wishes.boost_until_s[load] <= now_s and wishes.settled(name)

    def _judge_on_circuit(self, load: str, circuit: Circuit) -> None:
        if self._witness.wishes.limit_w[circuit.name] <= 0.0:
            self._found("I05", f"{load} is switched on while the limit of {circuit.name} is 0")
        self._judge_cap(load, circuit)
        match circuit.estimation:
            case Estimation.GLOBAL:
                self._judge_metered(load, circuit)
            case Estimation.INDIVIDUAL:
                self._judge_by_appliances(load, circuit)
            case Estimation.EXTERNAL:
                pass  # who publishes what is available answers for it

    def _judge_cap(self, load: str, circuit: Circuit) -> None:
        if circuit.steps is None:
            return
        mode = self._witness.wishes.mode[circuit.name]
        cap = circuit.steps[mode if mode is not None else 0]
        active = len(self._on_with(load, circuit))
        if active > cap:
            self._found("I06", f"{load} is the {active}th active load where {cap} may be")

    def _on_with(self, load: str, circuit: Circuit) -> list[str]:
        """Return the loads of a circuit that are believed to be on once this one is."""
        return [
            each
            for each in self._house.loads_of[circuit.name]
            if each == load or self._witness.loads[each].believed_on
        ]

    def _judge_metered(self, load: str, circuit: Circuit) -> None:
        witness, now_s = self._witness, self._stage.clock.now_s
        limit_w = witness.wishes.limit_w[circuit.name]
        assert circuit.meter is not None
        readings = witness.readings.of(circuit.meter.name)
        if not readings or readings[-1].at_s < witness.connected_s:
            self._found(
                "I08", f"{load} is switched on before {circuit.name} was read since connecting"
            )
            return
        reading = readings[-1]
        age_s = now_s - reading.at_s
        if age_s > circuit.meter.stale_after_s + BLIND_GRACE_S:
            self._found("I01", f"{load} is switched on, {circuit.name} silent for {age_s:.1f} s")
        shed_s = witness.shed_s.get(circuit.name, -inf)
        if reading.power_w > limit_w + EDGE_W and shed_s >= reading.at_s:
            self._found(
                "I12",
                f"{load} is switched on {now_s - shed_s:.1f} s after a shed, before another "
                f"reading than {reading.power_w:.0f} W, limit {limit_w:.0f} W",
            )
        taken_w = self._prediction.taken_w(circuit, reading)
        new_w = self._prediction.admitted_w(load, circuit)
        room_w = limit_w - circuit.reserve_w
        if taken_w + new_w > room_w + EDGE_W:
            self._found(
                "I06",
                f"{load} ({new_w:.0f} W at least) is switched on where {taken_w:.0f} W of "
                f"{room_w:.0f} W are taken",
            )

    def _judge_by_appliances(self, load: str, circuit: Circuit) -> None:
        now_s = self._stage.clock.now_s
        limit_w = self._witness.wishes.limit_w[circuit.name]
        others_w = circuit.security_margin_w
        for meter in circuit.non_heating_meters:
            readings = self._witness.readings.of(meter.name)
            fresh = readings and now_s - readings[-1].at_s <= meter.stale_after_s
            others_w += readings[-1].power_w if fresh else meter.max_w
        on_w = sum(
            self._prediction.admitted_w(each, circuit) for each in self._on_with(load, circuit)
        )
        if on_w + others_w > limit_w - circuit.reserve_w + EDGE_W:
            self._found(
                "I06",
                f"{load} makes {on_w:.0f} W of heating beside {others_w:.0f} W of others "
                f"in {limit_w:.0f} W",
            )
