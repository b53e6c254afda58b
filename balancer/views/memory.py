"""The inverse of the status: what the previous run left on the broker, read back at a start (R15).

Whoever can publish can write these topics, and an old or newer version may have written them, so
nothing in them is trusted: what does not fit is left out and said, and never raises.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from balancer.core import learn
from balancer.core.memory import CircuitMemory, LoadMemory, Memory
from balancer.core.model import Circuit, House, Load
from balancer.nesting import parse_json
from balancer.views.status import VERSION
from balancer.views.topics import Topics

_MAX_DOCUMENT_BYTES = 4_000_000  # a thousand loads stay below one million
_MAX_SENTENCES = 10  # a mangled document shall not flood the log
_MAX_NAMES = 1000  # of loads, zones and circuits to clean up after
_MAX_COUNT = 2**53  # JSON numbers are exact up to here
_MAX_COUNTED_S = 30 * 86_400.0  # shares forget over 24 h, so their sums stay far below
_ROUNDED = 1e-5  # a small topic shows six digits
_MAX_LEARNED_RATIO = 20.0  # learned over rated power; more is no heater
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)
_SWITCH = {"on": True, "off": False}
_YEARS = range(2000, 2200)  # wall clocks before or beyond are not set


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What the previous run left besides the controller's memory.

    Attributes:
        sequence: Of its last status; the next must be greater. 0 if unknown.
        at: Time of its last status, or None.
        switches_today: Changes of the relay on the day of ``at``, by load.
        gone: Retained topics of loads, zones and circuits that are no longer
            configured; an empty retained message clears each.
    """

    sequence: int = 0
    at: datetime | None = None
    switches_today: Mapping[str, int] = field(default_factory=dict)
    gone: tuple[str, ...] = ()


def read_back(house: House, topics: Topics) -> tuple[str, ...]:
    """Return the retained topics that ``memory`` wants to see, each by its full name."""
    return (
        topics.status,
        topics.away,
        *(topics.zone(zone) for zone in house.zones),
        *(topics.load_state(load) for load in house.loads),
        *(topics.boost(load) for load in house.loads),
        *(topics.mode(circuit) for circuit in house.circuits),
        *(topics.limit(circuit) for circuit in house.circuits),
    )


def memory(
    retained: Mapping[str, bytes],
    house: House,
    topics: Topics,
    *,
    to_monotonic: Callable[[datetime], float],
    now_s: float,
) -> tuple[Memory, tuple[str, ...], Left]:
    """Return what is remembered, sentences for the log, and what else was left.

    The status is the source; where a small state topic says ``on``, away, a request, a mode or a
    limit, it wins. Of a newer status only ``sequence`` is used.

    Args:
        retained: Payloads of retained messages by topic; any bytes.
        house: As configured now.
        topics: Of this house.
        to_monotonic: An aware time to monotonic seconds.
        now_s: The present on the monotonic line, in seconds.
    """
    return _Reader(retained, house, topics, to_monotonic, now_s).read()


class _Reader:
    """Reads one set of retained messages once."""

    def __init__(
        self,
        retained: Mapping[str, bytes],
        house: House,
        topics: Topics,
        to_monotonic: Callable[[datetime], float],
        now_s: float,
    ) -> None:
        self._retained = retained
        self._house = house
        self._topics = topics
        self._to_monotonic = to_monotonic
        self._now_s = now_s
        self._sentences: list[str] = []

    def read(self) -> tuple[Memory, tuple[str, ...], Left]:
        whole = self._document()
        sequence = _count(whole.get("sequence"))
        known = whole
        if whole and not _is_version(whole.get("version"), VERSION):
            self._say(f"version {_quoted(whole.get('version'))} is not {VERSION}", "status")
            known = {}
        loads, circuits, zones = (
            _entries(known.get(key)) for key in ("loads", "circuits", "zones")
        )
        remembered = Memory(
            away=self._switch(self._topics.away, known.get("away"), "away") is True,
            circuits={
                name: self._circuit(circuit, _entries(circuits.get(name)))
                for name, circuit in self._house.circuits.items()
            },
            requests=dict(self._requests(zones)),
            loads={
                name: self._load(load, _entries(loads.get(name)))
                for name, load in self._house.loads.items()
            },
        )
        left = Left(
            sequence=sequence or 0,
            at=self._at(known.get("time"), "time"),
            switches_today={
                name: _count(_entries(loads.get(name)).get("switches_today")) or 0
                for name in self._house.loads
            },
            gone=tuple(self._gone(loads, circuits, zones)),
        )
        if len(self._sentences) > _MAX_SENTENCES:
            more = len(self._sentences) - _MAX_SENTENCES
            del self._sentences[_MAX_SENTENCES:]
            self._say(f"{more} more of the same kind", "status")
        return remembered, tuple(self._sentences), left

    def _say(self, why: str, what: str) -> None:
        self._sentences.append(f'state_not_restored what={what} why="{why}"')

    def _document(self) -> dict[str, Any]:
        payload = self._retained.get(self._topics.status, b"")
        if not payload:
            self._say("nothing is retained: a first start, or the broker lost it", "status")
            return {}
        if len(payload) > _MAX_DOCUMENT_BYTES:
            self._say(f"{len(payload)} bytes are too many", "status")
            return {}
        try:
            document = parse_json(payload.decode())
        except ValueError:
            self._say(f"no JSON: {_quoted(payload)}", "status")
            return {}
        if not isinstance(document, dict):
            self._say(f"no JSON object: {_quoted(payload)}", "status")
            return {}
        return document

    def _requests(self, zones: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
        for name, zone in self._house.zones.items():
            topic = self._topics.zone(name) if zone.own_switch else None
            was = _entries(zones.get(name)).get("request")
            requested = self._switch(topic, was, f"zones.{name}.request")
            if requested is not None:
                yield name, requested

    def _circuit(self, circuit: Circuit, was: Mapping[str, Any]) -> CircuitMemory:
        where = f"circuits.{circuit.name}"
        return CircuitMemory(
            mode=self._mode(circuit, was, where), limit_w=self._limit(circuit, was, where)
        )

    def _mode(self, circuit: Circuit, was: Mapping[str, Any], where: str) -> int | None:
        if circuit.steps is None:
            return None
        text = self._retained.get(self._topics.mode(circuit.name), b"")
        if text.lower() == b"auto":
            return None
        mode = _count(was.get("mode")) if was.get("mode_source") == "set" else None
        if text:
            mode = int(text) if re.fullmatch(rb"[0-9]{1,4}", text) else None
            if mode is None:
                self._say(f"{_quoted(text)} is no mode", f"{where}.mode")
        if mode is not None and mode >= len(circuit.steps):
            self._say(f"there is no mode {mode} any more", f"{where}.mode")
            return None
        return mode

    def _limit(self, circuit: Circuit, was: Mapping[str, Any], where: str) -> float | None:
        """Return the limit that was set from outside, in watts.

        The limit is always published; where it is the limit configured then, nobody set it, and
        a limit that is raised in the file counts.
        """
        text = self._retained.get(self._topics.limit(circuit.name), b"")
        value: Any = was.get("limit")
        if text:
            try:
                value = float(text) if len(text) <= 40 else None
            except ValueError:
                value = None
        limit = _number(value, 0.0, 1e9)
        if limit is None:
            if text or value is not None:
                self._say(f"{_quoted(text or value)} is no limit", f"{where}.limit")
            return None
        if was and was.get("unit") != circuit.unit:
            self._say(f"the unit was {_quoted(was.get('unit'))}", f"{where}.limit")
            return None
        configured = _number(was.get("limit_configured"), 0.0, 1e9)
        if configured is not None and math.isclose(limit, configured, rel_tol=_ROUNDED):
            return None
        limit_w = limit * circuit.watts_per_unit
        return None if limit_w >= circuit.limit_w * (1.0 - _ROUNDED) else limit_w

    def _load(self, load: Load, was: Mapping[str, Any]) -> LoadMemory:
        where = f"loads.{load.name}"

        def take(key: str, high: float) -> float | None:
            number = _number(was.get(key), 0.0, high)
            if number is None and was.get(key) is not None:
                self._say(f"{_quoted(was[key])} is not from 0 to {high:g}", f"{where}.{key}")
            return number

        wanted_s = take("wanted_s", _MAX_COUNTED_S) or 0.0
        rated_w = self._house.rated_w[load.name]
        return LoadMemory(
            on=self._switch(self._topics.load_state(load.name), was.get("on"), f"{where}.on"),
            claim=was.get("claim") is True,
            served_s=min(take("served_s", _MAX_COUNTED_S) or 0.0, wanted_s),
            wanted_s=wanted_s,
            boost_until_s=self._boost_until_s(load, was, where),
            switched_s=self._past_s(was.get("switched"), f"{where}.switched"),
            switches=int(take("switches", _MAX_COUNT) or 0),
            shed=was.get("shed") is True,
            learned_w=take("learned_w", _MAX_LEARNED_RATIO * rated_w) or None,
            learned_low_w=take("learned_low_w", _MAX_LEARNED_RATIO * rated_w) or None,
            learned_steps=int(take("learned_steps", learn.KEPT) or 0),
        )

    def _boost_until_s(self, load: Load, was: Mapping[str, Any], where: str) -> float | None:
        """Return the end of a boost that goes on, at most ``boost_max`` from now."""
        until_s = self._monotonic_s(was.get("boost_until"), f"{where}.boost_until")
        ended = self._retained.get(self._topics.boost(load.name), b"").lower() == b"off"
        if until_s is None or until_s <= self._now_s or ended:
            return None
        return min(until_s, self._now_s + load.boost_max_s)

    def _past_s(self, text: Any, what: str) -> float | None:
        at_s = self._monotonic_s(text, what)
        return None if at_s is None else min(at_s, self._now_s)

    def _monotonic_s(self, text: Any, what: str) -> float | None:
        at = self._at(text, what)
        return None if at is None else self._to_monotonic(at)

    def _at(self, text: Any, what: str) -> datetime | None:
        if text is None:
            return None
        try:
            at = datetime.fromisoformat(text)
        except (ValueError, TypeError):
            at = None
        if at is None or at.tzinfo is None or at.year not in _YEARS:
            self._say(f"{_quoted(text)} is no time", what)
            return None
        return at

    def _switch(self, topic: str | None, was: Any, what: str) -> bool | None:
        """Return ON or OFF as a state topic says, else as the status said."""
        payload = b"" if topic is None else self._retained.get(topic, b"")
        if payload:
            on = _SWITCH.get(payload[:4].decode("ascii", "replace").lower())
            if on is not None:
                return on
            self._say(f"{_quoted(payload)} is not ON or OFF", what)
        if was is not None and not isinstance(was, bool):
            self._say(f"{_quoted(was)} is not true or false", what)
            return None
        return was

    def _gone(
        self,
        loads: Mapping[str, Any],
        circuits: Mapping[str, Any],
        zones: Mapping[str, Any],
    ) -> Iterator[str]:
        topics = self._topics
        for name in _names_besides(loads, self._house.loads):
            yield topics.load_state(name)
            yield topics.boost(name)
        for name in _names_besides(zones, self._house.zones):
            yield topics.zone(name)
        for name in _names_besides(circuits, self._house.circuits):
            yield topics.mode(name)
            yield topics.limit(name)
        # configured still, but without that topic
        bereft = [
            topics.zone(name) for name, zone in self._house.zones.items() if not zone.own_switch
        ]
        bereft += [
            topics.mode(name) for name, each in self._house.circuits.items() if each.steps is None
        ]
        yield from (topic for topic in bereft if self._retained.get(topic))


def _names_besides(old: Mapping[str, Any], configured: Mapping[str, object]) -> list[str]:
    names = [name for name in old if name not in configured and _NAME.fullmatch(name)]
    return names[:_MAX_NAMES]


def _entries(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_version(value: Any, version: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value == version


def _number(value: Any, low: float, high: float) -> float | None:
    """Return a finite number within the bounds, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        return None
    return float(value)


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_COUNT:
        return None
    return value


def _quoted(value: Any) -> str:
    """Return a value as it may stand in a log line: short, printable, without quotes."""
    if isinstance(value, bytes):
        value = value[:60].decode("utf-8", "replace")
    elif isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    elif isinstance(value, int) and abs(value) > _MAX_COUNT:
        return "a huge number"
    text = ascii(value if not isinstance(value, str) else value[:60])
    return text[:80].replace('"', "'")
