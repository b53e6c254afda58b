"""Outsiders that judge the balancer by the wire and by the house, never by its own state.

Ids are those of the fault catalogue: I… must hold at every instant, L… after everything was
healed. Where a rule leaves the balancer an estimate, the checker uses the truth that favours it:
what is reported here is wrong under every reading of the rules.
"""

from balancer.sim.judges.admission import Admission
from balancer.sim.judges.allowances import EDGE_S
from balancer.sim.judges.oracle import Oracle
from balancer.sim.judges.promises import Promises
from balancer.sim.judges.shedding import Shedding
from balancer.sim.judges.silence import Silence
from balancer.sim.judges.stage import Stage
from balancer.wire import Message

FREE_CAUSES = frozenset({"overload", "unconfirmed", "away", "mode", "limit", "blind"})
FREE_CAUSES |= {"reconcile", "foreign", "retry", "stop"}


class Checkers:
    """Look at each message that the balancer receives and sends, and ask the judges."""

    def __init__(self, stage: Stage, oracle: Oracle) -> None:
        self._stage = stage
        self._witness = stage.witness
        self._house = stage.setup.house
        self._found = stage.findings.found
        self._admission = Admission(stage)
        self._shedding = Shedding(stage)
        self._silence = Silence(stage)
        self._promises = Promises(stage, oracle)
        self._plan = 0  # a number for all that one event leads to
        self._on_sent_at = (-1.0, -1)  # instant and plan of the last ON
        self._own = f"{stage.topics.root}/"
        self._never_retained = {stage.topics.event, stage.topics.heartbeat}
        self._circuit_of = {
            circuit.meter.name: circuit
            for circuit in self._house.circuits.values()
            if circuit.meter is not None
        }

    def life(self, what: str) -> None:
        """Look at a turn of the balancer's life, as ``Process.on_life`` tells it."""
        match what:
            case "started":
                self._witness.began(self._stage.broker.retained)
                self._shedding.forget()  # what was sent before is another's
            case "connected":
                self._witness.connected()
            case _:
                self._witness.lost()
                self._promises.forget()

    def received(self, message: Message) -> None:
        """Look at a message before the balancer acts on it."""
        self._shedding.conclude()
        self._plan += 1
        self._promises.asked(message)
        for name in self._witness.received(message):
            circuit = self._circuit_of.get(name)
            if circuit is not None:
                reading = self._witness.readings.of(name)[-1]
                self._silence.heard(circuit, reading)
                self._shedding.read(circuit, reading)

    def handled(self) -> None:
        """Look at what one event led to, after all of its messages were sent."""
        self._shedding.conclude()

    def sent(self, message: Message, command: bool) -> None:
        """Look at a message of the balancer."""
        if message.retain and (
            message.topic in self._never_retained
            or not message.topic.startswith((self._own, self._stage.discovery_root))
        ):
            self._found("I09", f"{message.topic} is published retained")
        if command:
            self._commanded(message)
        else:
            self._published(message)

    def _published(self, message: Message) -> None:
        self._promises.answered(message.topic)
        self._witness.published(message)
        if message.topic == self._stage.topics.status:
            self._promises.judge_margins()
        elif message.topic == self._stage.topics.event:
            self._judge_event()

    def _commanded(self, message: Message) -> None:
        switched = [
            (load, on)
            for load, decode in self._witness.ear.commands.get(message.topic, ())
            if (on := decode(message.payload)) is not None
        ]
        now = (self._stage.clock.now_s, self._plan)
        for load, on in switched:
            seen = self._witness.loads[load]
            renewal = on and seen.believed_on is True and seen.reported is not False
            retry = seen.commanded == on
            if not on:
                self._shedding.sent_off(load)
                if not retry and self._on_sent_at == now:
                    self._found("I02", f"{load} is sent OFF after an ON of the same plan")
            elif renewal:
                if self._witness.wishes.away:
                    self._found("I05", f"{load} has its lease renewed while everybody is away")
            elif not retry:
                self._admission.judge(load)
                self._on_sent_at = now
        for load, on in switched:
            self._witness.said(load, on)

    def _judge_event(self) -> None:
        """Judge what the balancer says of the switching that it has just done."""
        event = self._witness.event
        assert event is not None
        cause = event["cause"]
        if cause not in FREE_CAUSES:
            for command in event["commands"]:
                if not command["on"]:
                    self._judge_off(command["load"], cause)
        if cause == "overload":
            self._shedding.judge_size(event)

    def _judge_off(self, load: str, cause: str) -> None:
        """Judge whether a load that nothing compels to go off has been on for long enough (I03)."""
        seen = self._witness.loads[load]
        on_s = self._stage.clock.now_s - seen.went_on_s
        if seen.reported is not None and on_s < self._house.loads[load].min_on_s - EDGE_S:
            self._found("I03", f"{load} is switched off by {cause} {on_s:.1f} s after it went on")
