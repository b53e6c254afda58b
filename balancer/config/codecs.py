"""Tables of relays, meters and requests to the codecs of their families, units included (R3)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from balancer.config.circuits import meters_of
from balancer.config.devices import Meter, Relay
from balancer.config.findings import Findings
from balancer.config.loads import circuits_of
from balancer.config.problems import KeyPath, key_path
from balancer.config.quantity import watts_per
from balancer.config.schema import CircuitTable, Config
from balancer.devices import FAMILIES, METERS, RELAYS, REQUESTS
from balancer.devices.base import MeterCodec, RelayCodec, RequestCodec


@dataclass(frozen=True, slots=True)
class Codecs:
    """All codecs of a house.

    Attributes:
        relays: By load.
        meters: By key path in config.toml.
        requests: By zone.
    """

    relays: dict[str, RelayCodec] = field(default_factory=dict)
    meters: dict[str, MeterCodec] = field(default_factory=dict)
    requests: dict[str, RequestCodec] = field(default_factory=dict)


def make_codecs(config: Config, findings: Findings) -> Codecs:
    """Return the codecs of all devices whose tables can be read."""
    codecs = Codecs()
    for name, circuit in config.circuits.items():
        for path, meter in meters_of(name, circuit):
            _add_meter(codecs, path, meter, [circuit], findings)
    for name, zone in config.zones.items():
        if zone.request is not None and zone.request.topic is not None:
            path = ("zones", name, "request")
            try:
                codec = REQUESTS[zone.request.type](**zone.request.options())
                codecs.requests[name] = codec
            except ValueError as error:
                _note(path, error, findings)
    for name, load in config.loads.items():
        if load.relay is not None:
            _add_relay(codecs, name, load.relay, findings)
        circuits = circuits_of(load, config)
        if load.meter is not None and circuits:
            _add_meter(codecs, ("loads", name, "meter"), load.meter, circuits, findings)
    return codecs


def _add_relay(codecs: Codecs, name: str, relay: Relay, findings: Findings) -> None:
    path: KeyPath = ("loads", name, "relay")
    options = relay.options()
    if "device" not in options and "command_topic" not in options:
        return  # that it is missing is a problem of its own
    try:
        codecs.relays[name] = RELAYS[relay.type](**options)
    except ValueError as error:
        _note(path, error, findings)


def _add_meter(
    codecs: Codecs,
    path: KeyPath,
    meter: Meter,
    circuits: Sequence[CircuitTable],
    findings: Findings,
) -> None:
    options = meter.options()
    if "device" not in options and "topic" not in options:
        return
    unit = meter.unit or FAMILIES[meter.type].unit_of(meter.path) or circuits[0].unit
    options["watts_per_unit"] = watts_per(unit, circuits[0].voltage)
    try:
        codecs.meters[key_path(path)] = METERS[meter.type](**options)
    except ValueError as error:
        _note(path, error, findings)


def _note(path: KeyPath, error: ValueError, findings: Findings) -> None:
    """Note what only a codec can tell, unless a check has found it before."""
    if not findings.within(path):
        findings.add(path, str(error), "what the family can do", "see the table of this family")
