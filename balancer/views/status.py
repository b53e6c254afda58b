"""The status JSON: one whole picture of the house, for people, programs and our own restart.

The field names are a contract (design: Topics). Powers are in the circuit's unit, a load's in the
unit of its first circuit; times are UTC; unknown is ``null``.
"""

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from balancer.core.model import Circuit, House
from balancer.core.snapshot import CircuitSnapshot, LoadSnapshot, Snapshot

VERSION = 1
"""Raised when a field changes its meaning; a newer document is not read back (F77)."""

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_UNSHOWN = frozenset({"age", "served_s", "wanted_s"})
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def status(
    house: House,
    seen: Snapshot,
    *,
    sequence: int,
    next_tick: datetime | None,
    switches_today: Mapping[str, int],
    to_datetime: Callable[[float], datetime],
) -> dict[str, Json]:
    """Return the status of the house as plain JSON values.

    Beside what people want to see it holds what a restart needs (``memory``): ``served_s``,
    ``wanted_s``, ``shed``, ``learned_w``, ``learned_low_w`` and ``learned_steps`` of loads,
    ``limit_configured`` of circuits.

    Args:
        house: As configured.
        seen: What the controller shows.
        sequence: Greater than that of every earlier status.
        next_tick: When the turns are given anew; aware.
        switches_today: Changes of the relay since midnight in the house, by load; missing is 0.
        to_datetime: Monotonic seconds to an aware time.
    """

    def time(at_s: float | None) -> str | None:
        if at_s is None or not math.isfinite(at_s):
            return None
        return iso(to_datetime(at_s))

    loads: dict[str, Json] = {
        name: _load(house, name, load, switches_today.get(name, 0), time)
        for name, load in seen.loads.items()
    }
    return {
        "version": VERSION,
        "sequence": sequence,
        "time": iso(to_datetime(seen.at_s)),
        "dry_run": house.dry_run,
        "away": seen.away,
        "starting": seen.starting,
        "rotation": {
            "pointer": seen.pointer,
            "next": None if next_tick is None else iso(next_tick),
        },
        "circuits": {
            name: _circuit(house.circuits[name], circuit) for name, circuit in seen.circuits.items()
        },
        "zones": {name: {"request": requested} for name, requested in seen.zones.items()},
        "loads": loads,
    }


def dump(document: Mapping[str, Json]) -> bytes:
    """Return the document as compact JSON."""
    return _encode(document).encode()


def shown(document: Mapping[str, Json]) -> dict[str, Json]:
    """Return what people see change: the document without counters, clocks and ages."""
    return {
        key: _unclocked(value) if key in {"circuits", "loads"} else value
        for key, value in document.items()
        if key not in {"sequence", "time"}
    }


def iso(at: datetime) -> str:
    """Return an aware time as ISO 8601 in UTC, with milliseconds and Z."""
    assert at.tzinfo is not None, at
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _unclocked(entries: Json) -> Json:
    assert isinstance(entries, dict), entries
    return {
        name: {key: value for key, value in entry.items() if key not in _UNSHOWN}
        for name, entry in entries.items()
        if isinstance(entry, dict)
    }


def _circuit(circuit: Circuit, now: CircuitSnapshot) -> dict[str, Json]:
    def power(power_w: float | None) -> float | None:
        return None if power_w is None else circuit.show(power_w)

    return {
        "unit": circuit.unit,
        "limit": circuit.show(now.limit_w),
        "limit_configured": circuit.show(circuit.limit_w),
        "meter": power(now.meter_w),
        "age": _rounded(now.age_s, 1),
        "blind": now.blind,
        "non_heating": power(now.non_heating_w),
        "available": power(now.available_w),
        "headroom": power(now.headroom_w),
        "mode": now.mode,
        "mode_source": now.mode_source,
        "max_active": now.max_active,
        "active": now.active,
        "heat": _rounded(now.heat, 3),
        "trip_margin": _rounded(now.trip_margin_s, 1),
        "sheddable_overload": _rounded(now.sheddable_overload, 2),
        "likely_overload": _rounded(now.likely_overload, 2),
        "spike": power(now.spike_w),
        "detail": now.detail,
    }


def _load(
    house: House,
    name: str,
    now: LoadSnapshot,
    switches_today: int,
    time: Callable[[float | None], str | None],
) -> dict[str, Json]:
    load = house.loads[name]
    first = house.circuits[next(iter(load.power_w_by_circuit))]
    return {
        "on": now.on,
        "relay": now.relay,
        "reason": now.reason.value,
        "since": time(now.since_s),
        "until": time(now.until_s),
        "request": now.requested,
        "boost": now.boosted,
        "boost_until": time(now.boost_until_s),
        "draw": first.show(now.draw_w),
        "learned": None if now.learned_w is None else first.show(now.learned_w),
        "share": round(now.share, 3),
        "claim": now.claim,
        "online": now.online,
        "switched": time(now.switched_s),
        "switches": now.switches,
        "switches_today": switches_today,
        "wear": round(now.wear, 5),
        "shed": now.shed,
        "served_s": round(now.served_s, 3),
        "wanted_s": round(now.wanted_s, 3),
        "learned_w": _rounded(now.learned_w, 1),
        "learned_low_w": _rounded(now.learned_low_w, 1),
        "learned_steps": now.learned_steps,
        "detail": now.detail,
    }


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None or not math.isfinite(number) else round(number, digits)
