"""What is allowed and probably not meant: warnings for ``check`` and ``run``."""

from collections.abc import Iterable, Iterator

from balancer.config.circuits import meters_of
from balancer.config.devices import Meter
from balancer.config.findings import Findings
from balancer.config.problems import KeyPath, fold, key_path
from balancer.config.schema import Config
from balancer.core.model import Estimation, House
from balancer.core.model import Meter as MeterModel
from balancer.devices import FAMILIES

_POLLED_S = 60.0  # how often Zigbee2MQTT asks plugs that do not report by themselves


def note_oddities(house: House, config: Config, findings: Findings) -> None:
    """Add warnings about a house without problems."""
    findings.warnings += [
        *_slow_meters(house, config),
        *_loads_that_never_fit(house),
        *(f"circuits.{name} has no loads" for name in house.circuits if not house.loads_of[name]),
        *_alike("circuits", house.circuits),
        *_alike("zones", house.zones),
        *_alike("loads", house.loads),
    ]


def _slow_meters(house: House, config: Config) -> Iterator[str]:
    """Yield meters that count as gone before they can have reported again (R13)."""
    for name, circuit in config.circuits.items():
        for path, meter in meters_of(name, circuit):
            then = "the circuit is blind then" if path[2] == "meter" else "it counts as silent then"
            yield from _slow(path, meter, house, then)
    for name, load in config.loads.items():
        if load.meter is not None:
            yield from _slow(("loads", name, "meter"), load.meter, house, "it is not used then")


def _slow(path: KeyPath, meter: Meter, house: House, then: str) -> Iterator[str]:
    name = key_path(path)
    stale_after_s = next(each.stale_after_s for each in meters_in(house) if each.name == name)
    least_s = FAMILIES[meter.type].least_period_s
    if least_s is not None and stale_after_s < least_s:
        yield (
            f"{name}: {meter.type} cannot report an unchanging value more often than every "
            f"{least_s:g} s, and stale_after is {stale_after_s:g} s: {then}"
        )
    elif meter.type == "zigbee2mqtt" and stale_after_s < _POLLED_S:
        yield (
            f"{name}: many Zigbee devices report only every {_POLLED_S:g} s, and stale_after is "
            f"{stale_after_s:g} s: {then}"
        )


def meters_in(house: House) -> Iterator[MeterModel]:
    """Yield all meters of a house."""
    for circuit in house.circuits.values():
        yield from (each for each in (circuit.meter, circuit.available) if each is not None)
        yield from circuit.non_heating_meters
    yield from (load.meter for load in house.loads.values() if load.meter is not None)


def _loads_that_never_fit(house: House) -> Iterator[str]:
    for load in house.loads.values():
        for name, power_w in house.power_w[load.name].items():
            circuit = house.circuits[name]
            room_w = circuit.limit_w - circuit.reserve_w
            checked = circuit.estimation is not Estimation.EXTERNAL or circuit.available is not None
            if checked and power_w > room_w:
                yield (
                    f"loads.{load.name} takes {power_w:g} W, more than limit - reserve of "
                    f"circuits.{name} ({room_w:g} W): it is never switched on"
                )


def _alike(group: str, names: Iterable[str]) -> Iterator[str]:
    """Yield names that Home Assistant's entities and environment variables cannot tell apart."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(fold(name), name)
        if other != name:
            yield f"{group}.{other} and {group}.{name} differ in case or dashes only"
