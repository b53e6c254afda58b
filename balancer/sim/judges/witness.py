"""An observer at the balancer's socket: what it was told, what it said, and what was true then.

It knows the wire and the simulated house, never the balancer's state. The judges ask it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from balancer.core.model import House
from balancer.sim.judges.ear import Ear
from balancer.sim.judges.readings import Readings
from balancer.sim.judges.wishes import Wishes
from balancer.views.topics import Topics
from balancer.wire import Message


@dataclass(slots=True)
class Seen:
    """One load, as told and said over the wire in this life of the balancer.

    Attributes:
        commanded: Last command, None if none was sent.
        commanded_s: When.
        sent_on_s, sent_off_s: When an ON or OFF was last sent.
        reported: Last report, None if none came.
        reported_s: When.
        went_on_s, went_off_s: When a report or an unreported command last changed it.
        known_on: It was reported on before it was last told to go off.
        kept_off: When the balancer connected it was kept, by broker or balancer, that it is off.
    """

    commanded: bool | None = None
    commanded_s: float = -inf
    sent_on_s: float = -inf
    sent_off_s: float = -inf
    reported: bool | None = None
    reported_s: float = -inf
    went_on_s: float = -inf
    went_off_s: float = -inf
    known_on: bool = False
    kept_off: bool = False

    @property
    def believed_on(self) -> bool | None:
        """Return what follows from the last command or report, whichever came later."""
        if self.commanded_s > self.reported_s:
            return self.commanded
        return self.reported


class Witness:
    """Everything that judges may know.

    Attributes:
        ear: Understands the wire.
        readings: What meters told the balancer.
        wishes: What people asked of it.
        loads: What each load was told, and what it reported.
        connected_s: When the balancer last became connected; infinite while it is not.
        status: The last status that it published.
        event: The last event that it published.
        shed_s: When it last told of an overload that it answered, by circuit of the loads shed.
    """

    def __init__(
        self,
        house: House,
        topics: Topics,
        ear: Ear,
        now: Callable[[], float],
        readings: Readings,
    ) -> None:
        self.ear = ear
        self.readings = readings
        self.wishes = Wishes(house, topics, ear, now)
        self.loads = {name: Seen() for name in house.loads}
        self.connected_s = inf
        self.status: dict[str, Any] | None = None
        self.event: dict[str, Any] | None = None
        self.shed_s: dict[str, float] = {}
        self._house = house
        self._topics = topics
        self._now = now
        self._state_topics = {topics.load_state(load): load for load in house.loads}
        self._said_off: set[str] = set()  # by state topics, in this life
        self._handlers = {**dict.fromkeys(ear.reports, self._report), **self.wishes.handlers}

    # what it is told -----------------------------------------------------------------------------

    def received(self, message: Message) -> tuple[str, ...]:
        """Note a message that reaches the balancer; return the meters that it is a reading of."""
        if self.readings.carried_by(message.topic):
            return self.readings.received(message)
        handler = self._handlers.get(message.topic)
        if handler is not None:
            handler(message)
        return ()

    def _report(self, message: Message) -> None:
        now_s = self._now()
        for load, decode in self.ear.reports[message.topic]:
            on = decode(message.payload)
            if on is None:
                continue
            seen = self.loads[load]
            if seen.reported is not None and seen.reported != on:
                if on:
                    seen.went_on_s = now_s
                else:
                    seen.went_off_s = now_s
            seen.reported, seen.reported_s = on, now_s

    # what it says --------------------------------------------------------------------------------

    def said(self, load: str, on: bool) -> None:
        """Note that the balancer commands a load."""
        now_s = self._now()
        seen = self.loads[load]
        if seen.commanded != on or seen.believed_on != on:
            seen.known_on = seen.reported is True
        seen.commanded, seen.commanded_s = on, now_s
        if on:
            seen.sent_on_s = now_s
        else:
            seen.sent_off_s = now_s

    def published(self, message: Message) -> None:
        """Note what the balancer publishes of itself."""
        if message.topic == self._topics.status:
            self.status = json.loads(message.payload)
        elif message.topic == self._topics.event:
            self.event = event = json.loads(message.payload)
            if event["cause"] == "overload":
                shed = [each["load"] for each in event["commands"]]
                self.shed_s |= {
                    circuit: self._now() for load in shed for circuit in self._house.power_w[load]
                }
        elif (load := self._state_topics.get(message.topic)) is not None:
            (self._said_off.add if message.payload == b"OFF" else self._said_off.discard)(load)

    # lives ---------------------------------------------------------------------------------------

    def began(self, retained: Mapping[str, Message]) -> None:
        """Note a new life: the wire's memory is what the broker keeps."""
        self._said_off.clear()
        self.readings.clear()
        self.wishes.recall(retained)
        status = retained.get(self._topics.status)
        tells = status is not None and status.payload.startswith(b'{"version":1,"sequence"')
        for load, seen in self.loads.items():
            seen.commanded = seen.reported = None
            seen.commanded_s = seen.reported_s = -inf
            if not tells:  # nothing tells the next life of switch times
                seen.went_on_s = seen.went_off_s = -inf
            state = retained.get(self._topics.load_state(load))
            seen.kept_off = state is not None and state.payload == b"OFF"

    def connected(self) -> None:
        """Note that the balancer is connected."""
        self.connected_s = self._now()
        for load in self._said_off:
            self.loads[load].kept_off = True

    def lost(self) -> None:
        """Note that the balancer, or its connection, is gone."""
        self.connected_s = inf
