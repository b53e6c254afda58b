"""A whole engine with every family around it, fed with anything."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from balancer.config.setup import Broker, Setup
from balancer.core.model import Breaker, Circuit, Estimation, House, Load, Meter, Zone
from balancer.devices.base import DecodeError, MeterCodec, RelayCodec, RequestCodec
from balancer.engine import Engine, Outgoing
from balancer.views.topics import Topics, setter
from balancer.wire import Message
from tests.fuzz.targets import CODECS_OF_METERS, CODECS_OF_RELAYS, CODECS_OF_REQUESTS
from tests.fuzz.witness import Witness, weight

LIMIT_W = 6000.0
WALL_S = 1_795_327_200.0
MESSAGES_A_LIFE = 5_000  # then another engine begins
MESSAGES_BEFORE_START = 50
WEIGHED = (1_000, 4_900)  # messages of a life after which it is weighed
MOST_GROWN = 1.5
MOST_STEP_S = 0.4  # between two messages
ANSWERED = 0.9  # share of the relay commands that are answered
KEYS = (b"POWER", b"POWER1", b"POWER2", b"state", b"state_l1", b"state_l2")
READINGS = (  # of the circuits of a_setup
    ("tele/main/SENSOR", b'{"ENERGY":{"Power":%d}}'),
    ("tele/amps/SENSOR", b'{"ENERGY":{"Current":0.%d}}'),
    ("zigbee2mqtt/clamp", b'{"power_ab":-%d}'),
    ("meter/plain", b"3.%d"),
    ("tele/linky/SENSOR", b'{"TIC":{"PAPP":%d}}'),
)


class EveryTenMinutes:
    """Ticks."""

    timezone = UTC

    def next_after(self, instant: datetime) -> datetime:
        return instant + timedelta(minutes=10)


def a_setup() -> Setup:
    """Return a house with a circuit of each kind, all relays, meters and requests."""
    meters: dict[str, MeterCodec] = {}

    def meter(codec: MeterCodec) -> Meter:
        name = f"meters.{len(meters)}"
        meters[name] = codec
        return Meter(name=name, stale_after_s=15.0, min_w=-2 * LIMIT_W, max_w=10 * LIMIT_W)

    breaker = Breaker(profile="worst_norm", rating_w=LIMIT_W)
    tasmota, zigbee, mqtt = (CODECS_OF_METERS[each] for each in ("tasmota", "zigbee2mqtt", "mqtt"))
    circuits = (
        Circuit(
            name="main",
            limit_w=LIMIT_W,
            restore_delay_s=1.0,  # odd payloads shed every few seconds
            meter=meter(tasmota[0]),
            breaker=breaker,
        ),
        Circuit(
            name="garage",
            limit_w=4000.0,
            parent="main",
            restore_delay_s=1.0,
            estimation=Estimation.INDIVIDUAL,
            non_heating_meters=(meter(tasmota[1]), meter(zigbee[1])),
            steps=(3, 1, 0),
            breaker=breaker,
        ),
        Circuit(
            name="solar",
            limit_w=4000.0,
            restore_delay_s=1.0,
            estimation=Estimation.EXTERNAL,
            available=meter(mqtt[0]),
            meter=meter(tasmota[2]),
            breaker=breaker,
        ),
    )
    relays: dict[str, RelayCodec] = {}
    requests: dict[str, RequestCodec] = {}
    zones: dict[str, Zone] = {}
    loads: dict[str, Load] = {}
    own_meters = [meter(mqtt[1]), meter(zigbee[0])]
    own_requests = list(CODECS_OF_REQUESTS["mqtt"])
    for number, codec in enumerate(each for known in CODECS_OF_RELAYS.values() for each in known):
        name = f"load{number}"
        if own_requests and number % 2:
            requests[name] = own_requests.pop()
        zones[name] = Zone(name=name, own_switch=name not in requests, request_ttl_s=300.0)
        relays[name] = codec
        loads[name] = Load(
            name=name,
            zone=name,
            power_w_by_circuit={circuits[number % 3].name: 1000.0 + 100.0 * number},
            min_on_s=5.0,
            min_off_s=2.0,
            priority=number % 2,
            relay=codec.traits,
            meter=own_meters.pop() if own_meters else None,
        )
    house = House(
        name="house",
        circuits={each.name: each for each in circuits},
        zones=zones,
        loads=loads,
        order=tuple(loads),
    )
    return Setup(
        house=house,
        broker=Broker(),
        schedule=EveryTenMinutes(),
        relays=relays,
        meters=meters,
        requests=requests,
    )


def an_echo(relay: RelayCodec, *, on: bool) -> Message:
    """Return what the relay reports once it has obeyed."""
    payloads = (
        relay.switch(on=on).payload,
        *(b'{"%s":"%s"}' % (key, word) for key in KEYS for word in (b"ON", b"OFF")),
        *(b'{"a":[{"b":"%s"}]}' % word for word in (b"ON", b"OFF")),
    )
    for topic, decode in relay.states.items():
        for payload in payloads:
            try:
                if decode(payload) is on:
                    return Message(topic, payload)
            except DecodeError:
                continue
    raise AssertionError(relay)


class EngineTarget:
    """One engine after another; each is started, disconnected and connected by chance.

    Attributes:
        sent: Relay commands, by message.
    """

    def __init__(self) -> None:
        self._setup = a_setup()
        self._names = Topics("balancer", "house")
        self._random = Random(0)
        self._at_s = 0.0
        self._left = 0
        self._topics = self._known_topics()
        self._unanswered: list[Message] = []
        self._people = self._good_people()
        self.sent: Counter[Message] = Counter()
        self.witness = Witness(self._setup, self._names)
        self.weights: list[int] = []  # of the present life
        self._commands = frozenset(
            topic for relay in self._setup.relays.values() for topic in relay.command_topics
        )
        self._echoes = {
            relay.switch(on=on): an_echo(relay, on=on)
            for relay in self._setup.relays.values()
            for on in (False, True)
        }
        self._begin()

    def _known_topics(self) -> dict[tuple[str, str], tuple[str, ...]]:
        names, house = self._names, self._setup.house
        topics: dict[tuple[str, str], tuple[str, ...]] = {}
        for family, relays in CODECS_OF_RELAYS.items():
            topics[family, "state"] = tuple(each for relay in relays for each in relay.states)
            topics[family, "online"] = tuple(each for relay in relays for each in relay.online)
            topics[family, "setup"] = tuple(
                each for relay in relays for each in relay.setup_replies
            )
            topics[family, "meter"] = tuple(each.topic for each in CODECS_OF_METERS[family])
        topics["mqtt", "request"] = tuple(each.topic for each in CODECS_OF_REQUESTS["mqtt"])
        zones = [zone.name for zone in house.zones.values() if zone.own_switch]
        limits = [setter(names.limit(each)) for each in house.circuits]
        topics["balancer", "switch"] = (
            setter(names.away),
            setter(names.rotate),
            *(setter(names.zone(each)) for each in zones),
            *(names.zone(each) for each in zones),
            *(names.load_state(each) for each in house.loads),
            names.away,
        )
        topics["balancer", "boost"] = tuple(setter(names.boost(each)) for each in house.loads)
        topics["balancer", "mode"] = (setter(names.mode("garage")), names.mode("garage"))
        topics["balancer", "limit"] = (*limits, *(names.limit(each) for each in house.circuits))
        heard = Engine(self._setup, at_s=0.0, wall_s=WALL_S).subscriptions()
        known = {each for some in topics.values() for each in some}
        assert known <= set(heard), known - set(heard)
        topics["balancer", "status"] = tuple(sorted(set(heard) - known))  # read back, discovery
        return topics

    def _good_people(self) -> tuple[Message, ...]:
        """Return what undoes the worst: devices online, at home, no lower limit, heat wanted."""
        names, house = self._names, self._setup.house
        online = dict.fromkeys(
            each for relay in self._setup.relays.values() for each in relay.online
        )
        return (
            *(Message(topic, b"online") for topic in online),
            Message(setter(names.away), b"OFF"),
            Message(setter(names.mode("garage")), b"auto"),
            *(
                Message(setter(names.limit(each.name)), b"%d" % each.limit_w)
                for each in house.circuits.values()
            ),
            *(
                Message(setter(names.zone(each.name)), b"ON")
                for each in house.zones.values()
                if each.own_switch
            ),
        )

    def _begin(self) -> None:
        self._left = MESSAGES_A_LIFE
        self._engine = Engine(self._setup, at_s=self._at_s, wall_s=WALL_S + self._at_s)
        self.weights = []
        self._check(self._engine.connected(self._at_s), self._at_s)

    def topics(self, family: str, kind: str) -> Sequence[str]:
        return self._topics.get((family, kind), ())

    def __call__(self, topic: str, payload: bytes) -> bool:
        engine, random = self._engine, self._random
        self._at_s += random.random() * MOST_STEP_S
        while engine.deadline_s <= self._at_s:
            before_s = engine.deadline_s
            self._check(engine.wake(max(before_s, 0.0)), max(before_s, 0.0))
            assert engine.deadline_s > before_s, (before_s, "wakes for ever")
        rejected = engine.counts.rejected.total()
        kept = random.random() < (0.02 if engine.started else 0.5)
        self._receive(Message(topic, payload, retain=kept))
        accepted = engine.counts.rejected.total() == rejected
        self._live()
        self._left -= 1
        if self._left == MESSAGES_A_LIFE - MESSAGES_BEFORE_START:
            outgoing = engine.start(self._at_s)
            self.witness.began(engine.snapshot(self._at_s))
            self._check(outgoing, self._at_s)
        elif random.random() < 0.001:
            engine.disconnected(self._at_s)
            self._check(engine.connected(self._at_s), self._at_s)
        elif MESSAGES_A_LIFE - self._left in WEIGHED:
            self.weights.append(weight(engine, without=self._setup))
            assert self.weights[-1] <= MOST_GROWN * self.weights[0], self.weights
        elif self._left == 0:
            self._check(engine.stop(self._at_s), self._at_s)
            self._begin()
        return accepted

    def _live(self) -> None:
        """Let the usual go on between what is odd: answers, readings, people."""
        random = self._random
        messages = [self._echoes[each] for each in self._unanswered if random.random() < ANSWERED]
        self._unanswered.clear()
        if random.random() < 0.2:
            watts = random.choice((300, 1500, 2500, 3500, 7000))
            messages += [Message(topic, payload % watts) for topic, payload in READINGS]
        if random.random() < 0.02:
            messages += self._people
        for message in messages:
            self._receive(message)

    def _receive(self, message: Message) -> None:
        self.witness.heard(message, self._at_s)
        self._check(self._engine.receive(message, self._at_s), self._at_s)

    def _check(self, outgoing: Outgoing, at_s: float) -> None:
        if outgoing.commands:
            self.witness.judge(outgoing.commands, self._engine.snapshot(at_s))
        for message in outgoing.commands:
            self.sent[message] += 1
            if message in self._echoes:
                self._unanswered.append(message)
            assert not message.retain, message
            assert message.topic in self._commands, message
        for message in outgoing.rest:
            assert message.topic.startswith(("balancer/house/", "homeassistant/device/")), message
            assert b"NaN" not in message.payload, message
            assert b"Infinity" not in message.payload, message
            message.payload.decode()
