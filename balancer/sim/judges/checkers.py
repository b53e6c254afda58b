"""Outsiders that judge the balancer by the wire and by the house, never by its own state.

Ids are those of the fault catalogue: I… must hold at every instant, L… after everything was
healed. Where a rule leaves the balancer an estimate, the checker uses the truth that favours it:
what is reported here is wrong under every reading of the rules.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from balancer.core.model import Circuit, Estimation
from balancer.sim.devices.tasmota import TasmotaRelays
from balancer.sim.judges.stage import Stage
from balancer.sim.judges.witness import Reading, Witness
from balancer.wire import Message

FAVOUR = 0.9  # the mains voltage was lower when its draw was learned
EDGE_W = 2.0  # rounding of payloads
BLIND_GRACE_S = 0.5  # R13
PLACES_S = 0.5  # a place on a bridge frees after so long (R11)
IN_FLIGHT_S = 30.0  # longest that an OFF may go on counting as relief while it is unconfirmed
OVERDRAW = 1.2  # heaters draw up to a fifth more than they are rated for
ANSWER_S = 0.2
MARGIN_EDGE_S = 1.5  # a breaker that is evaluated once a second, and rounding
LEASE_GRACE_S = 60.0
SETTLE_START_S = 5.0  # unknown relays get OFF after so long (R15)
FREE_CAUSES = frozenset({"overload", "unconfirmed", "away", "mode", "limit", "blind"})
FREE_CAUSES |= {"reconcile", "foreign", "retry", "stop"}


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be.

    Attributes:
        rule: Id of the invariant or of the liveness property.
        at_s: When, in seconds from the start of the run.
        text: What was seen.
    """

    rule: str
    at_s: float
    text: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.at_s:.3f} s: {self.text}"


class Checkers:
    """Look at each message that the balancer receives and sends.

    Attributes:
        violations: What was found, in order of time.
        listeners: Told each violation and each fault, for people who have to understand.
    """

    def __init__(self, world: Stage) -> None:
        self.world = world
        self.witness: Witness = world.witness
        self.house = world.setup.house
        self.violations: list[Violation] = []
        self.listeners: list[Callable[[str], None]] = []
        self._on_sent_at: tuple[float, int] = (-1.0, -1)
        self._batch = 0
        self._switched: list[tuple[str, bool]] = []
        self._over: list[tuple[Circuit, Reading]] = []
        self._own = world.topics.root + "/"
        self._never_retained = {world.topics.event, world.topics.heartbeat}
        self._circuit_of = {
            circuit.meter.name: circuit
            for circuit in self.house.circuits.values()
            if circuit.meter is not None
        }
        topics = world.topics
        self._answers = {f"{topics.away}/set": topics.away}
        for load in self.house.loads:
            self._answers[f"{topics.boost(load)}/set"] = topics.boost(load)
        for zone, model in self.house.zones.items():
            if model.own_switch:
                self._answers[f"{topics.zone(zone)}/set"] = topics.zone(zone)
        for circuit in self.house.circuits.values():
            self._answers[f"{topics.limit(circuit.name)}/set"] = topics.limit(circuit.name)
            if circuit.steps is not None:
                self._answers[f"{topics.mode(circuit.name)}/set"] = topics.mode(circuit.name)
        self._unanswered: dict[str, float] = {}
        self._shed_s: dict[str, float] = {}
        self._armed: dict[str, float] = {}
        self._last_seen: dict[str, float] = {}

    def found(self, rule: str, text: str) -> None:
        """Note a violation."""
        self.violations.append(Violation(rule, self.world.clock.now_s, text))
        self.note(f"VIOLATION {rule} {text}")

    def began(self) -> None:
        """A new life of the balancer: what was sent before is another's."""
        self._over.clear()
        self._switched.clear()

    def note(self, text: str) -> None:
        """Remember something for people who have to understand a violation."""
        for listener in self.listeners:
            listener(text)

    # messages ------------------------------------------------------------------------------------

    def received(self, message: Message) -> None:
        """Look at a message before the balancer acts on it."""
        self._finish_batch()
        self._batch += 1
        self._ask(message)
        for name in self.witness.received(message):
            circuit = self._circuit_of.get(name)
            if circuit is None:
                continue
            reading = self.witness.readings[name][-1]
            self._last_seen[circuit.name] = reading.at_s
            self._arm(circuit)
            if (
                circuit.estimation is Estimation.GLOBAL
                and reading.power_w > self.witness.limit_w[circuit.name] + EDGE_W
            ):
                self._over.append((circuit, reading))

    def handled(self) -> None:
        """Look at what one event led to, after all of its messages were sent."""
        self._finish_batch()

    def sent(self, message: Message, command: bool) -> None:
        """Look at a message of the balancer."""
        witness = self.witness
        if message.retain and (
            message.topic in self._never_retained
            or not message.topic.startswith((self._own, self.world.discovery_root))
        ):
            self.found("I09", f"{message.topic} is published retained")
        if not command:
            self._unanswered.pop(message.topic, None)
            witness.published(message)
            if message.topic == self.world.topics.status:
                self._judge_margins()
            if message.topic == self.world.topics.event:
                self._event(message)
            return
        now_s = self.world.clock.now_s
        for load, on in self._commands(message):
            seen = witness.loads[load]
            renewal = on and seen.believed_on is True and seen.reported is not False
            retry = seen.commanded == on
            if on and not renewal and not retry:
                self._judge_on(load)
            elif on and renewal and witness.away:
                self.found("I05", f"{load} has its lease renewed while everybody is away")
            if not on and not retry and self._on_sent_at == (now_s, self._batch):
                self.found("I02", f"{load} is sent OFF after an ON of the same plan")
            if on and not renewal and not retry:
                self._on_sent_at = (now_s, self._batch)
            self._switched.append((load, on))
        witness.said(message)

    def _commands(self, message: Message) -> list[tuple[str, bool]]:
        found = []
        for load, decode in self.witness.ear.commands.get(message.topic, ()):
            on = decode(message.payload)
            if on is not None:
                found.append((load, on))
        return found

    def _ask(self, message: Message) -> None:
        """Expect the answer to somebody's wish (design: Topics)."""
        state = self._answers.get(message.topic)
        if state is None or message.retain or self.world.process.started_s is None:
            return
        asked_s = self._unanswered.setdefault(state, self.world.clock.now_s)

        def late() -> None:
            if self._unanswered.get(state) == asked_s:
                del self._unanswered[state]
                self.found("ANSWER", f"{message.topic} was not answered on {state}")

        self.world.clock.after(ANSWER_S, late)

    def lost(self) -> None:
        """The balancer, or its connection, is gone: nothing can be answered."""
        self._unanswered.clear()

    # numbers and timers ----------------------------------------------------------------------------

    def _judge_margins(self) -> None:
        """Judge whether the published trip margins are within the true ones (I24)."""
        status, world = self.witness.status, self.world
        assert status is not None
        for name, shown in status["circuits"].items():
            margin_s = shown["trip_margin"]
            if margin_s is None or world.unsure_of_heat(name):
                continue
            supply = world.house.supplies[name]
            model = self.house.circuits[name]
            if abs(supply.power_w - shown["meter"] * model.watts_per_unit) > EDGE_W:
                continue  # it has changed since the reading
            true_s = supply.trips_at_s - world.clock.now_s
            if margin_s > true_s + MARGIN_EDGE_S:
                self.found(
                    "I24", f"{name} shows {margin_s:.1f} s until it trips, it is {true_s:.1f} s"
                )

    def look_at_leases(self) -> None:
        """Judge whether every Tasmota relay with a dead-man that is on has its timer running (I16)."""
        world = self.world
        process = world.process
        ready = process.ready_s is not None and world.clock.now_s - process.ready_s > LEASE_GRACE_S
        for relay in world.devices.relays.values():
            device = relay.device
            if (
                ready
                and process.started_s is not None
                and isinstance(device, TasmotaRelays)
                and self.house.loads[relay.load].relay.dead_man_s is not None
                and world.calm(f"relay/{relay.load}", LEASE_GRACE_S)
                and device.session is not None
                and isinstance(relay.channel, int)
                and relay.contact.driven
                and not device.counting(relay.channel)
            ):
                self.found("I16", f"{relay.load} is on and nothing turns it off by itself")

    # ON ------------------------------------------------------------------------------------------

    def _judge_on(self, load: str) -> None:
        """Judge an ON at the instant at which it is sent, before it counts as sent."""
        world, witness = self.world, self.witness
        now_s = world.clock.now_s
        model = self.house.loads[load]
        seen = witness.loads[load]
        if witness.away:
            self.found("I05", f"{load} is switched on while everybody is away")
        wanted = witness.requests[model.zone]
        zone = self.house.zones[model.zone]
        if zone.request_ttl_s is not None and wanted:
            silent_s = now_s - witness.request_s[model.zone]
            if silent_s != inf and silent_s > zone.request_ttl_s + 1.0:
                wanted = False
        if wanted is False and seen.boost_until_s <= now_s and world.settled_requests(model.zone):
            self.found("I04", f"{load} is switched on, and nobody asks for heat in {model.zone}")
        if seen.reported is not None and now_s < seen.went_off_s + model.min_off_s - 0.01:
            ago_s = now_s - seen.went_off_s
            self.found("I03", f"{load} is switched on {ago_s:.1f} s after it went off")
        connected_s = witness.connected_s
        for name in self.house.power_w[load]:
            self._judge_on_circuit(load, self.house.circuits[name])
        if (
            model.relay.confirms
            and seen.reported_s < connected_s
            and not (seen.sent_off_s >= connected_s and now_s - connected_s >= SETTLE_START_S)
            and not world.kept_off(load)
        ):
            self.found("I08", f"{load} is switched on before its relay was heard since connecting")

    def _judge_on_circuit(self, load: str, circuit: Circuit) -> None:
        witness = self.witness
        now_s = self.world.clock.now_s
        limit_w = witness.limit_w[circuit.name]
        if limit_w <= 0.0:
            self.found("I05", f"{load} is switched on while the limit of {circuit.name} is 0")
        self._judge_cap(load, circuit)
        if circuit.estimation is Estimation.GLOBAL:
            assert circuit.meter is not None
            readings = witness.readings.get(circuit.meter.name)
            reading = readings[-1] if readings else None
            if reading is None or reading.at_s < witness.connected_s:
                self.found(
                    "I08", f"{load} is switched on before {circuit.name} was read since connecting"
                )
                return
            age_s = now_s - reading.at_s
            if age_s > circuit.meter.stale_after_s + BLIND_GRACE_S:
                self.found("I01", f"{load} is switched on, {circuit.name} silent for {age_s:.1f} s")
            shed_s = self._shed_s.get(circuit.name, -inf)
            if reading.power_w > limit_w + EDGE_W and shed_s >= reading.at_s:
                self.found(
                    "I12",
                    f"{load} is switched on {now_s - shed_s:.1f} s after a shed, before another "
                    f"reading than {reading.power_w:.0f} W, limit {limit_w:.0f} W",
                )
            predicted_w = self.predicted_w(circuit, reading)
            new_w = self._admitted_w(load, circuit)
            if predicted_w + new_w > limit_w - circuit.reserve_w + EDGE_W:
                self.found(
                    "I06",
                    f"{load} ({new_w:.0f} W at least) is switched on where {predicted_w:.0f} W of "
                    f"{limit_w - circuit.reserve_w:.0f} W are taken",
                )
        elif circuit.estimation is Estimation.INDIVIDUAL:
            others_w = circuit.security_margin_w
            for meter in circuit.non_heating_meters:
                readings = witness.readings.get(meter.name)
                fresh = readings and now_s - readings[-1].at_s <= meter.stale_after_s
                others_w += readings[-1].power_w if fresh and readings else meter.max_w
            on_w = sum(
                self._admitted_w(each, circuit)
                for each in self.house.loads_of[circuit.name]
                if each == load or witness.loads[each].believed_on
            )
            if on_w + others_w > limit_w - circuit.reserve_w + EDGE_W:
                self.found(
                    "I06",
                    f"{load} makes {on_w:.0f} W of heating beside {others_w:.0f} W of others "
                    f"in {limit_w:.0f} W",
                )

    def predicted_w(self, circuit: Circuit, reading: Reading) -> float:
        """Return the least that the circuit may take now, judged by the last reading and the truth.

        What the reading contained and is off now is taken from it at its true draw; what was
        told to go on since then, or is on, is added.
        """
        witness, world = self.witness, self.world
        power_w = reading.power_w
        gain = world.meter_gain(circuit)
        for load in self.house.loads_of[circuit.name]:
            rated_w = self.house.power_w[load][circuit.name]
            part = rated_w / self.house.rated_w[load]
            seen = witness.loads[load]
            on = world.house.heating(load) and world.house.powered(load)
            went_off = seen.commanded is False and self._confirmed_off(load, reading)
            drew_w = reading.drawing_w.get(load, 0.0) * part * gain
            if went_off and seen.known_on:  # whether it drew nothing, being idle or dead, is hidden
                power_w -= max(drew_w, rated_w / circuit.safe_ratio)
            elif load in reading.heating:
                power_w -= drew_w if went_off or not on else 0.0
            elif seen.commanded is True and seen.reported is not False:
                draw_w = world.house.heater_w(load) * part
                if draw_w > 0.0:
                    power_w += min(draw_w, self._admitted_w(load, circuit))
                elif (
                    not on
                    and not seen.reported  # else it had said that it was on, and lied
                    and seen.sent_on_s > world.clock.now_s - 2.0
                ):
                    power_w += self._admitted_w(load, circuit)
        return power_w

    def _admitted_w(self, load: str, circuit: Circuit) -> float:
        """Return the least that a load may be counted as, once its real draw is learned (R14)."""
        rated_w = self.house.power_w[load][circuit.name]
        takes_w = self.world.house.takes_w(load) * rated_w / self.house.rated_w[load]
        return FAVOUR * min(rated_w, takes_w)

    def _confirmed_off(self, load: str, reading: Reading) -> bool:
        """Return whether an OFF sent after a reading counts as done, be it true or not."""
        seen = self.witness.loads[load]
        if seen.commanded_s < reading.sample_s:
            return False
        if seen.reported is False or not self.house.loads[load].relay.confirms:
            return True
        return any(self._fell(load, circuit) for circuit in self.house.power_w[load])

    def _fell(self, load: str, circuit: str) -> bool:
        """Return whether a circuit's meter has shown an OFF, if perhaps not every meter has (R10)."""
        own = self.house.circuits[circuit]
        readings = None if own.meter is None else self.witness.readings.get(own.meter.name)
        if readings is None or len(readings) < 2:
            return False
        before, last = readings[-2], readings[-1]
        draw_w = self.house.power_w[load][circuit] / own.safe_ratio
        return (
            last.at_s >= self.witness.loads[load].commanded_s
            and before.power_w - last.power_w >= draw_w / 2.0
        )

    def _judge_cap(self, load: str, circuit: Circuit) -> None:
        if circuit.steps is None:
            return
        mode = self.witness.mode[circuit.name]
        cap = circuit.steps[mode if mode is not None else 0]
        active = sum(
            1
            for each in self.house.loads_of[circuit.name]
            if each == load or self.witness.loads[each].believed_on
        )
        if active > cap:
            self.found("I06", f"{load} is the {active}th active load where {cap} may be")

    # readings over the limit -----------------------------------------------------------------------

    def _finish_batch(self) -> None:
        """Judge a reading over the limit by what was sent in the same instant."""
        over, self._over = self._over, []
        switched, self._switched = self._switched, []
        if not over or not self.world.process.running:
            return
        off = [load for load, on in switched if not on]
        for circuit, reading in over:
            names = self.house.loads_of[circuit.name]
            if any(load in names for load in off):
                continue
            self._judge_no_shed(circuit, reading)

    def _judge_no_shed(self, circuit: Circuit, reading: Reading) -> None:
        """Judge that nothing was shed: fine if OFFs in flight cover it, or nothing is left."""
        world, witness = self.world, self.witness
        now_s = world.clock.now_s
        if world.process.started_s is None or now_s - world.process.started_s < SETTLE_START_S:
            return
        excess_w = reading.power_w - witness.limit_w[circuit.name]
        left = []
        for load in self.house.loads_of[circuit.name]:
            seen = witness.loads[load]
            watts = self.house.power_w[load][circuit.name]
            if seen.commanded is False:  # told to go off: whether it does is R11's business
                covers_w = OVERDRAW * watts  # R14: a learned draw may be above the rated power
                excess_w -= covers_w if now_s - seen.commanded_s < IN_FLIGHT_S else 0.0
            elif seen.believed_on and load in reading.drawing_w:
                left.append(load)
        waiting = any(self._bridge_full(load) for load in left)
        if excess_w > EDGE_W and left and not waiting:
            self.found(
                "I13",
                f"{circuit.name} reads {reading.power_w:.0f} W, {excess_w:.0f} W over what OFFs in "
                f"flight cover, and {', '.join(left)} stay on",
            )

    def _bridge_full(self, load: str) -> bool:
        """Return whether four commands of the load's bridge are unanswered (R11)."""
        bridge = self.house.loads[load].relay.bridge
        if bridge is None:
            return False
        now_s = self.world.clock.now_s
        fresh = sum(
            1
            for other, model in self.house.loads.items()
            if model.relay.bridge == bridge
            and now_s - self.witness.loads[other].commanded_s < PLACES_S
        )
        return fresh >= 4

    # events ----------------------------------------------------------------------------------------

    def _event(self, message: Message) -> None:
        document = json.loads(message.payload)
        cause = document["cause"]
        now_s = self.world.clock.now_s
        for command in document["commands"]:
            load = command["load"]
            seen = self.witness.loads[load]
            model = self.house.loads[load]
            if command["on"] or cause in FREE_CAUSES or seen.reported is None:
                continue
            if now_s < seen.went_on_s + model.min_on_s - 0.01:
                self.found(
                    "I03",
                    f"{load} is switched off by {cause} {now_s - seen.went_on_s:.1f} s after it "
                    "went on",
                )
        if cause == "overload":
            for command in document["commands"]:
                for circuit in self.house.power_w[command["load"]]:
                    self._shed_s[circuit] = now_s
            self._judge_shed(document)

    def _judge_shed(self, document: dict[str, object]) -> None:
        """Judge whether fewer OFFs, or a smaller last one, would have done (I14)."""
        name = document["circuit"]
        if not isinstance(name, str):
            return
        circuit = self.house.circuits[name]
        if circuit.estimation is not Estimation.GLOBAL or circuit.meter is None:
            return
        if any(
            self.witness.loads[load].reported is None
            for load in self.house.loads_of[name]
            if self.house.loads[load].relay.confirms
        ):
            return  # a relay of which nothing is known may not be counted upon
        readings = self.witness.readings.get(circuit.meter.name)
        meter_w = float(str(document["meter"])) * circuit.watts_per_unit
        judged = [
            each
            for each in readings or ()
            if each.at_s >= self.world.clock.now_s - 1e-9 and abs(each.power_w - meter_w) < EDGE_W
        ]
        if not judged:
            return
        reading = judged[-1]
        commands = document["commands"]
        assert isinstance(commands, list)
        shed = [each["load"] for each in commands if not each["on"]]
        parents = [each for each in self.house.circuits.values() if each.name != name]
        if any(
            reading_of and reading_of[-1].power_w > self.witness.limit_w[each.name]
            for each in parents
            if each.meter is not None and (reading_of := self.witness.readings.get(each.meter.name))
        ):
            return
        excess_w = reading.power_w - self.witness.limit_w[name]
        # who did not draw at the reading before may be believed to draw nothing now
        last_two = [each for each in readings or () if each.at_s <= reading.at_s][-2:]

        def least_w(load: str) -> float:
            assert reading is not None
            part = self.house.power_w[load][name] / self.house.rated_w[load]
            rated_w = self.house.power_w[load][name] / circuit.safe_ratio
            drawn_w = min(each.drawing_w.get(load, 0.0) for each in last_two) * part
            return min(rated_w, 0.9 * drawn_w)

        rank = {load: self._class_of(load) for load in shed}
        highest = max(rank.values(), default=None)
        total_w = sum(least_w(load) for load in shed)
        for load in shed:
            if rank[load] == highest and total_w - least_w(load) >= excess_w + EDGE_W:
                self.found(
                    "I14",
                    f"{load} is shed though {total_w - least_w(load):.0f} W of others cover "
                    f"{excess_w:.0f} W",
                )
                return

    def _class_of(self, load: str) -> tuple[bool, int]:
        boosted = self.witness.loads[load].boost_until_s > self.world.clock.now_s
        return boosted, self.house.loads[load].priority

    # silence ---------------------------------------------------------------------------------------

    def _arm(self, circuit: Circuit) -> None:
        """Look again when the circuit has been silent for too long."""
        assert circuit.meter is not None
        due_s = self.world.clock.now_s + self._silence_s(circuit)
        if self._armed.get(circuit.name, -inf) > self.world.clock.now_s:
            return
        self._armed[circuit.name] = due_s
        self.world.clock.at(due_s, lambda: self._silent(circuit))

    def _silence_s(self, circuit: Circuit) -> float:
        assert circuit.meter is not None
        bridges = len(self.house.loads_of[circuit.name]) // 4 * PLACES_S
        return circuit.meter.stale_after_s + BLIND_GRACE_S + bridges + 0.01

    def _silent(self, circuit: Circuit) -> None:
        self._armed.pop(circuit.name, None)
        world, witness = self.world, self.witness
        now_s = world.clock.now_s
        since_s = self._last_seen[circuit.name]
        due_s = since_s + self._silence_s(circuit)
        if now_s < due_s - 1e-6:
            self._armed[circuit.name] = due_s
            world.clock.at(due_s, lambda: self._silent(circuit))
            return
        if (
            circuit.estimation is not Estimation.GLOBAL
            or not world.process.running
            or world.process.paused
            or world.process.started_s is None
            or now_s - witness.connected_s < self._silence_s(circuit)
            or now_s - world.process.started_s < SETTLE_START_S + BLIND_GRACE_S
        ):
            return
        on = [
            load
            for load in self.house.loads_of[circuit.name]
            if witness.loads[load].believed_on
            and witness.loads[load].reported_s < now_s - BLIND_GRACE_S
            and witness.loads[load].sent_off_s < now_s - IN_FLIGHT_S
        ]
        if len(on) > circuit.fallback_active:
            self.found(
                "I01",
                f"{circuit.name} is silent for {now_s - since_s:.1f} s and {', '.join(on)} stay on",
            )
