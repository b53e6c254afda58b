"""What must not follow, whatever was sent: a wrong ON, or more and more memory."""

import gc
import sys
from collections.abc import Iterable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from balancer.config.setup import Setup
from balancer.core.model import Estimation
from balancer.core.snapshot import Snapshot
from balancer.views.topics import Topics, setter
from balancer.wire import Message

MOST_SETTING_BYTES = 64
HELD_OFF_S = 1.1  # changes of a request within the first second are merged
_NOT_OURS = (type, ModuleType, FunctionType, BuiltinFunctionType)


class Witness:
    """Reads what people say with its own eyes and judges every ON by it.

    An ON is wrong while away, for a zone that has long had enough, on a blind circuit, or where
    the last reading leaves no room (R4, R13, I04, I05).
    """

    def __init__(self, setup: Setup, names: Topics) -> None:
        self._house = setup.house
        self._on = {relay.switch(on=True): name for name, relay in setup.relays.items()}
        self._off = {relay.switch(on=False): name for name, relay in setup.relays.items()}
        self._told_on: set[str] = set()
        self._told_off_s: dict[str, float] = {}
        self._away_topic = setter(names.away)
        self._zones = {
            setter(names.zone(each.name)): each.name
            for each in setup.house.zones.values()
            if each.own_switch
        }
        self._away = False
        self._wants: dict[str, tuple[bool, float]] = {}
        self.judged = 0

    def began(self, seen: Snapshot) -> None:
        """Take over what the engine has read back from before."""
        self._told_on.clear()
        self._told_off_s.clear()
        self._away = seen.away
        self._wants = {zone: (seen.zones[zone], float("-inf")) for zone in self._zones.values()}

    def heard(self, message: Message, at_s: float) -> None:
        """Note what somebody wants."""
        wanted = _word(message)
        if wanted is None:
            return
        if message.topic == self._away_topic:
            self._away = wanted
        elif (zone := self._zones.get(message.topic)) is not None:
            before, since_s = self._wants.get(zone, (wanted, at_s))
            self._wants[zone] = (wanted, since_s if before is wanted else at_s)

    def judge(self, commands: Iterable[Message], seen: Snapshot) -> None:
        """See that no ON is wrong; one for what is on is a renewal.

        Args:
            commands: Of one decision.
            seen: The engine after it.
        """
        names = {self._on[each] for each in commands if each in self._on}
        new = {each for each in names if not seen.loads[each].relay} - self._told_on
        for each in commands:
            if each in self._off:
                self._told_on.discard(self._off[each])
                self._told_off_s[self._off[each]] = seen.at_s
        self._told_on |= names
        for name in names:
            self.judged += 1
            assert not self._away, f"ON for {name} while away"
        for name in new:
            load = self._house.loads[name]
            wanted, since_s = self._wants.get(load.zone, (seen.loads[name].requested, seen.at_s))
            late = not wanted and seen.at_s - since_s > HELD_OFF_S
            assert not late or seen.loads[name].boosted, f"ON for {name}, which nobody wants"
            for above in self._above(name):
                assert not seen.circuits[above].blind, f"ON for {name} on blind {above}"
        for circuit in self._house.circuits.values():
            shown = seen.circuits[circuit.name]
            if circuit.estimation is not Estimation.GLOBAL or shown.meter_w is None:
                continue
            assert shown.age_s is not None
            read_s = seen.at_s - shown.age_s
            more_w = self._rated_w(circuit.name, new)
            off_since = {each for each, at_s in self._told_off_s.items() if at_s >= read_s}
            room_w = shown.limit_w - shown.meter_w + self._rated_w(circuit.name, off_since)
            assert not more_w or more_w <= room_w + 1e-6, f"ON for {new}, {room_w} W are left"

    def _rated_w(self, circuit: str, loads: set[str]) -> float:
        return sum(
            sum(self._house.loads[name].power_w_by_circuit.values())
            for name in loads
            if circuit in self._above(name)
        )

    def _above(self, name: str) -> set[str]:
        found: set[str] = set()
        for each in self._house.loads[name].power_w_by_circuit:
            circuit: str | None = each
            while circuit is not None:
                found.add(circuit)
                circuit = self._house.circuits[circuit].parent
        return found


def _word(message: Message) -> bool | None:
    """Return what a setting says that is a word for on or off."""
    if message.retain or len(message.payload) > MOST_SETTING_BYTES:
        return None
    try:
        word = message.payload.decode().strip().lower()
    except UnicodeDecodeError:
        return None
    return {"on": True, "off": False}.get(word)


def weight(root: object, *, without: object) -> int:
    """Return how many bytes somebody keeps alive.

    Args:
        root: Who.
        without: What it was made of; not counted.
    """
    known = _reachable(without, {})
    return sum(map(sys.getsizeof, _reachable(root, known).values()))


def _reachable(root: object, known: dict[int, Any]) -> dict[int, Any]:
    """Return what an object holds, itself included, by id; without what is known."""
    found: dict[int, Any] = {}
    left: list[Any] = [root]
    while left:
        new = {
            id(each): each
            for each in left
            if id(each) not in found and id(each) not in known and not isinstance(each, _NOT_OURS)
        }
        found |= new
        left = gc.get_referents(*new.values()) if new else []
    return found
