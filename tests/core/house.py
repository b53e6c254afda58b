"""The smallest house that shows the point: 30 A, heaters of 5 A, a reading a second."""

from collections.abc import Iterable, Mapping
from typing import Any

from balancer.core.model import Breaker, Circuit, House, Load, Meter, RelayTraits, Zone

A = 230.0
"""Watts of one ampere, so that tests can say 5 * A."""

METER = "circuits.main.meter"
"""Name of the meter of a circuit called main."""

FREE: Mapping[str, Any] = {"min_on_s": 0.0, "min_off_s": 0.0}
"""Options of a load that may be switched at any time."""


def a_meter(name: str, limit_w: float, stale_after_s: float = 15.0) -> Meter:
    return Meter(name=name, stale_after_s=stale_after_s, min_w=-2.0 * limit_w, max_w=10.0 * limit_w)


def a_circuit(name: str = "main", limit_w: float = 30 * A, **options: Any) -> Circuit:
    """Return a circuit with a meter, unless ``meter=None`` is among the options."""
    stale_after_s = options.pop("stale_after_s", 15.0)
    options.setdefault("meter", a_meter(f"circuits.{name}.meter", limit_w, stale_after_s))
    options.setdefault("breaker", Breaker(profile="worst_norm", rating_w=limit_w))
    return Circuit(name=name, limit_w=limit_w, **options)


def a_load(name: str, power_w: float = 5 * A, circuit: str = "main", **options: Any) -> Load:
    """Return a load; ``relay`` may be given as keyword options of its traits."""
    options.setdefault("zone", name)
    options.setdefault("power_w_by_circuit", {circuit: power_w})
    relay = options.pop("relay", {})
    traits = relay if isinstance(relay, RelayTraits) else RelayTraits(**relay)
    return Load(name=name, relay=traits, **options)


def a_house(
    loads: Iterable[Load] | Mapping[str, float] | int,
    *circuits: Circuit,
    load_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> House:
    """Return a house; a number of loads are called a, b, c… with 5 A each, a zone for each."""
    some = dict(load_options or {})
    if isinstance(loads, int):
        loads = {"abcdefghijklmnop"[index]: 5 * A for index in range(loads)}
    if isinstance(loads, Mapping):
        loads = [a_load(name, power_w, **some) for name, power_w in loads.items()]
    by_name = {load.name: load for load in loads}
    zone_options = options.pop("zones", {})
    zones = {
        zone: zone_options.get(zone, Zone(name=zone))
        for zone in dict.fromkeys(load.zone for load in by_name.values())
    }
    return House(
        name="house",
        circuits={each.name: each for each in (circuits or (a_circuit(),))},
        zones=zones,
        loads=by_name,
        order=options.pop("order", tuple(by_name)),
        **options,
    )
