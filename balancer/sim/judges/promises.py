"""What the balancer promises to people: answers in time, true trip margins, running leases."""

from balancer.core.model import House
from balancer.sim.devices.tasmota import TasmotaRelays
from balancer.sim.judges.allowances import EDGE_W
from balancer.sim.judges.oracle import Oracle
from balancer.sim.judges.stage import Stage
from balancer.views.topics import Topics
from balancer.wire import Message

ANSWER_S = 0.2
MARGIN_EDGE_S = 1.5  # a breaker that is evaluated once a second, and rounding
MEMORY_OF_HEAT_S = 900.0  # a breaker has forgotten by then
LEASES_S = 60.0
LEASE_GRACE_S = 60.0


class Promises:
    """Judges what was published, and what was not."""

    def __init__(self, stage: Stage, oracle: Oracle) -> None:
        self._stage = stage
        self._oracle = oracle
        self._found = stage.findings.found
        self._answers = _answers(stage.setup.house, stage.topics)
        self._unanswered: dict[str, float] = {}
        stage.clock.at(LEASES_S, self._look_at_leases)

    # answers -------------------------------------------------------------------------------------

    def asked(self, message: Message) -> None:
        """Expect the answer to somebody's wish (design: Topics)."""
        state = self._answers.get(message.topic)
        process = self._stage.process
        if state is None or message.retain or process.started_s is None:
            return
        if process.ready_s is None:
            return  # read from the socket after the line was given up: told when it is back
        asked_s = self._unanswered.setdefault(state, self._stage.clock.now_s)

        def late() -> None:
            if self._unanswered.get(state) == asked_s:
                del self._unanswered[state]
                self._found("ANSWER", f"{message.topic} was not answered on {state}")

        self._stage.clock.after(ANSWER_S, late)

    def answered(self, topic: str) -> None:
        """Note that the balancer published something."""
        self._unanswered.pop(topic, None)

    def forget(self) -> None:
        """Expect no answer any more: the balancer, or its connection, is gone."""
        self._unanswered.clear()

    # trip margins ----------------------------------------------------------------------------------

    def judge_margins(self) -> None:
        """Judge whether the published trip margins are within the true ones (I24)."""
        stage = self._stage
        status = stage.witness.status
        assert status is not None
        now_s = stage.clock.now_s
        for name, shown in status["circuits"].items():
            margin_s = shown["trip_margin"]
            if margin_s is None or self._unsure_of_heat(name):
                continue
            supply = stage.house.supplies[name]
            model = stage.setup.house.circuits[name]
            meter_w = shown["meter"] * model.watts_per_unit
            if abs(supply.power_w - meter_w) > EDGE_W:
                continue  # it has changed since the reading
            # just above what a breaker carries for ever, half a watt is seconds
            true_s = supply.would_trip_at_s(now_s, min(supply.power_w, meter_w)) - now_s
            if margin_s > true_s + MARGIN_EDGE_S:
                self._found(
                    "I24", f"{name} shows {margin_s:.1f} s until it trips, it is {true_s:.1f} s"
                )

    def _unsure_of_heat(self, circuit: str) -> bool:
        """Return whether the balancer may not know how warm a breaker is: it missed readings."""
        stage = self._stage
        meter = stage.setup.house.circuits[circuit].meter
        if meter is None or stage.clock.now_s - self._oracle.blind_at_s < MEMORY_OF_HEAT_S:
            return True
        topic = stage.devices.meter_of.get(meter.name)
        return not stage.troubles.calm(f"meter/{topic}", MEMORY_OF_HEAT_S)

    # leases ----------------------------------------------------------------------------------------

    def _look_at_leases(self) -> None:
        """Judge whether every Tasmota relay with a dead-man that is on has its timer running (I16)."""
        stage = self._stage
        stage.clock.after(LEASES_S, self._look_at_leases)
        process = stage.process
        if (
            process.ready_s is None
            or process.started_s is None
            or stage.clock.now_s - process.ready_s <= LEASE_GRACE_S
        ):
            return
        for relay in stage.devices.relays.values():
            device = relay.device
            if (
                isinstance(device, TasmotaRelays)
                and stage.setup.house.loads[relay.load].relay.dead_man_s is not None
                and stage.troubles.calm(f"relay/{relay.load}", LEASE_GRACE_S)
                and device.session is not None
                and isinstance(relay.channel, int)
                and relay.contact.driven
                and not device.counting(relay.channel)
            ):
                self._found("I16", f"{relay.load} is on and nothing turns it off by itself")


def _answers(house: House, topics: Topics) -> dict[str, str]:
    """Return the state topic on which each wish is answered, by the topic of the wish."""
    states = [topics.away]
    states += [topics.boost(load) for load in house.loads]
    states += [topics.zone(zone) for zone, model in house.zones.items() if model.own_switch]
    states += [topics.limit(circuit) for circuit in house.circuits]
    states += [topics.mode(name) for name, each in house.circuits.items() if each.steps is not None]
    return {f"{state}/set": state for state in states}
