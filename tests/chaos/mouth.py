"""What one balancer was told and what it said, judged packet by packet.

Rules (the letters and numbers are those of the balancer's own rules):

* ``blind`` (R13): no ON when no good reading was handed over for longer than ``stale_after``.
* ``unread`` (R15): nothing is switched on before a reading came on this connection.
* ``unreconciled`` (R15): no ON before the relay reported on this connection, or got OFF, or
  was asked in vain for so long that memory counts.
* ``off_first`` (R15): nothing is switched on before what was found on for nobody got OFF.
* ``min_off`` (R8): no ON sooner than ``min_off`` after the contact was seen to open.
* ``unwanted`` (R4): nothing is switched on whose zone does not ask for heat, nor while away.
* ``retained``: only our own topics are retained, never a command.
* ``standby``: who stands by commands nothing.
* ``sequence``: a status is whole, and its number rises.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.chaos.appliances import Relay
from tests.chaos.house import BASE, METER_TOPIC, MIN_OFF_S, STALE_S
from tests.chaos.judge import Judge
from tests.chaos.packets import (
    CONNACK,
    CONNECT,
    PUBLISH,
    SUBACK,
    SUBSCRIBE,
    Publish,
    read_publish,
)
from tests.chaos.toxics import Passed, Tap, Way

_NOTICE_S = 0.5  # a change of mind that is just on its way
_UNKNOWN_S = 5.0 - 0.1
_CROSSED_S = 0.1  # one that was sent before the other was read
_LOST_S = 1.0  # what was on its way when a connection ended
_LOWEST_W, _HIGHEST_W = -12_000.0, 60_000.0
_NOT_RETAINED = (f"{BASE}/event", f"{BASE}/heartbeat")


@dataclass
class Connection:
    """What happened on one connection."""

    number: int
    opened_s: float
    subscribes: int = 0
    subacks: int = 0
    readings: int = 0
    role: str = ""
    online_s: float | None = None
    status_s: float | None = None
    ready_s: float | None = None
    asked: dict[str, float] = field(default_factory=dict)
    known: dict[str, bool | None] = field(default_factory=dict)
    found_on: dict[str, float] = field(default_factory=dict)
    told_off: set[str] = field(default_factory=set)
    gone_s: dict[str, float] = field(default_factory=dict)  # when a known one left


class Mouth(Tap):
    """Listens at the proxy of one balancer.

    Attributes:
        connection: The one that is open now.
        closed_s: When the last one ended.
        closed_by_service: Who ended it.
        said_s: When it published something last.
        news: Called after every packet.
        commands: How many relay commands it sent; ``ons``: switchings on among them.
    """

    def __init__(self, judge: Judge, relays: Mapping[str, Relay]) -> None:
        self._judge = judge
        self._relays = relays
        self.connection: Connection | None = None
        self.closed_s = 0.0
        self.closed_by_service = False
        self.said_s = 0.0
        self.news: Callable[[], None] = lambda: None
        self.client_id = ""
        self.commands = 0
        self.ons = 0
        self.reading_s = float("-inf")
        self._opened_s: dict[str, float] = {}  # when a contact was seen to open
        self._seen: dict[str, bool] = {}
        self._wants: dict[str, tuple[bool, float]] = {}
        self._away: tuple[bool, float] = (False, 0.0)
        self._sequence = 0

    @property
    def role(self) -> str:
        """What it last said it is on the open connection."""
        return "" if self.connection is None else self.connection.role

    def restarted(self) -> None:
        """Take note that the process is another: it knows nothing of what was told before."""
        self._opened_s.clear()
        self._seen.clear()
        self._wants.clear()
        self._away = (False, 0.0)
        self._sequence = 0
        self.reading_s = time.monotonic()  # a meter has so long to report

    def forget_wishes(self) -> None:
        """What people said may have got lost: judge by what they say from now on."""
        self._wants.clear()
        self._away = (False, 0.0)

    # -- connections ---------------------------------------------------------------------------

    def opened(self, link: str, connection: int, at_s: float) -> None:
        self.connection = Connection(connection, at_s)
        self.news()

    def closed(self, link: str, connection: int, at_s: float, *, by_service: bool) -> None:
        if self.connection is not None and self.connection.number == connection:
            self.connection = None
            self._wants = {
                zone: (wanted, told_s)
                for zone, (wanted, told_s) in self._wants.items()
                if at_s - told_s > _LOST_S
            }
            self.closed_s = at_s
            self.closed_by_service = by_service
        self.news()

    def passed(self, passed: Passed) -> None:
        connection = self.connection
        if connection is None or connection.number != passed.connection:
            return
        packet = passed.packet
        if packet.kind == PUBLISH:
            message = read_publish(packet)
            if passed.way is Way.UP:
                self.said_s = passed.at_s
                self._say(connection, message, passed.at_s)
            else:
                self._hear(connection, message, passed.at_s)
        elif packet.kind == CONNECT:
            size = int.from_bytes(packet.body[10:12])
            self.client_id = packet.body[12 : 12 + size].decode()
        elif packet.kind == SUBSCRIBE:
            connection.subscribes += 1
        elif packet.kind == SUBACK:
            connection.subacks += 1
        elif packet.kind != CONNACK:
            return
        self._look_ready(connection, passed.at_s)
        self.news()

    def _look_ready(self, connection: Connection, at_s: float) -> None:
        """Ready: subscribed, online, status published, every relay asked that can be asked."""
        askable = {name for name, relay in self._relays.items() if relay.askable}
        if (
            connection.ready_s is None
            and 0 < connection.subscribes <= connection.subacks
            and connection.online_s is not None
            and connection.status_s is not None
            and askable <= connection.asked.keys()
        ):
            connection.ready_s = at_s

    # -- what it hears -------------------------------------------------------------------------

    def _hear(self, connection: Connection, message: Publish, at_s: float) -> None:
        topic, payload = message.topic, message.payload
        if topic == METER_TOPIC:
            if not message.retain and _is_reading(payload):
                connection.readings += 1
                self.reading_s = at_s
            return
        if topic.startswith(f"{BASE}/") and topic.endswith("/set") and not message.retain:
            on = payload.upper() == b"ON"
            if topic == f"{BASE}/away/set":
                self._away = (on, at_s)
            elif "/zone/" in topic:
                self._wants[topic.split("/")[3]] = (on, at_s)
            return
        for name, relay in self._relays.items():
            there = relay.presence(topic, payload)
            if there is False:
                if connection.known.get(name) is not None:
                    connection.gone_s[name] = at_s
                connection.known[name] = None
                connection.told_off.discard(name)
                connection.found_on.pop(name, None)
            on_now = relay.reported(topic, payload)
            if on_now is not None:
                if not on_now:
                    connection.found_on.pop(name, None)
                elif name not in connection.known:
                    connection.found_on[name] = at_s
                connection.known[name] = on_now
                if self._seen.get(name) is True and not on_now:
                    self._opened_s[name] = at_s
                self._seen[name] = on_now

    # -- what it says --------------------------------------------------------------------------

    def _say(self, connection: Connection, message: Publish, at_s: float) -> None:
        topic, payload = message.topic, message.payload
        own = topic.startswith((f"{BASE}/", "homeassistant/device/"))
        if message.retain:
            allowed = own and topic not in _NOT_RETAINED and not topic.endswith("/set")
            self._judge.check("retained", allowed, f"{topic} was published retained")
        if topic == f"{BASE}/heartbeat":
            connection.role = payload.decode().rpartition(" ")[2]
            if connection.role == "standby":
                self._sequence = 0  # when it commands again, it goes on from what is retained
                self._seen.clear()
                self._opened_s.clear()
                self.reading_s = at_s  # it hears no meter, and has so long to hear one later
                self.forget_wishes()
        elif topic == f"{BASE}/availability" and payload == b"online":
            connection.online_s = connection.online_s or at_s
        elif topic == f"{BASE}/status":
            connection.status_s = connection.status_s or at_s
            self._judge_status(payload)
        if own:
            return
        for name, relay in self._relays.items():
            on = relay.commanded(topic, payload)
            if on is not None:
                self._command(connection, name, at_s, on=on)
            elif relay.asked(topic, payload):
                connection.asked[name] = at_s

    def _judge_status(self, payload: bytes) -> None:
        try:
            status = json.loads(payload)
            number = status["sequence"]
            whole = set(status["loads"]) == set(self._relays)
        except (ValueError, KeyError, TypeError):
            number, whole = self._sequence, False
        self._judge.check(
            "sequence",
            whole and number > self._sequence,
            f"status {number} after {self._sequence}, whole: {whole}",
        )
        self._sequence = number

    def _command(self, connection: Connection, name: str, at_s: float, *, on: bool) -> None:
        self.commands += 1
        check = self._judge.check
        check("standby", connection.role != "standby", f"a standby commanded {name}")
        if not on:
            connection.told_off.add(name)
            return
        known = connection.known.get(name)
        asked_s = connection.asked.get(name, at_s)
        crossed = at_s - connection.gone_s.get(name, float("-inf")) < _CROSSED_S
        check(
            "unreconciled",
            known is not None
            or crossed
            or name in connection.told_off
            or at_s >= asked_s + _UNKNOWN_S,
            f"ON for {name} on connection {connection.number} before its relay reported",
        )
        slack_s = 0.5 + self._judge.lag_s
        silent_s = at_s - self.reading_s
        renewal = known is True or crossed
        patience_s = STALE_S + slack_s + (1.0 if renewal else 0.0)
        check("blind", silent_s <= patience_s, f"ON for {name}, no reading for {silent_s:.2f} s")
        if renewal:
            return
        self.ons += 1
        check("unread", connection.readings > 0, f"ON for {name} before a reading came")
        late = [other for other in self._wants if self._overlooked(connection, other, at_s)]
        check(
            "off_first", not late, f"ON for {name} while {late} heat for nobody since we are back"
        )
        since_s = at_s - self._opened_s.get(name, float("-inf"))
        check(
            "min_off",
            since_s >= MIN_OFF_S - 0.02,
            f"ON for {name} {since_s:.3f} s after it went off",
        )
        wanted, told_s = self._wants.get(name, (True, 0.0))
        check(
            "unwanted",
            wanted or at_s - told_s < _NOTICE_S,
            f"ON for {name} {at_s - told_s:.2f} s after its thermostat had enough",
        )
        away, away_s = self._away
        check("unwanted", not away or at_s - away_s < _NOTICE_S, f"ON for {name} while away")

    def _overlooked(self, connection: Connection, name: str, at_s: float) -> bool:
        """Return whether a load was found on that nobody wants, and was not told to go off."""
        wanted, told_s = self._wants[name]
        found_s = connection.found_on.get(name)
        return (
            not wanted
            and found_s is not None
            and at_s - max(found_s, told_s) > _NOTICE_S
            and name not in connection.told_off
        )


def _is_reading(payload: bytes) -> bool:
    try:
        return _LOWEST_W <= float(payload) <= _HIGHEST_W and b"_" not in payload
    except ValueError:
        return False
