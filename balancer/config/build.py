"""Checked tables to the house and the devices in it: in watts and seconds, from here on."""

from pathlib import Path

from balancer.config.advice import note_oddities
from balancer.config.circuits import check_circuits, meters_of
from balancer.config.codecs import Codecs, make_codecs
from balancer.config.devices import Meter as MeterTable
from balancer.config.entities import check_entities, check_prefix
from balancer.config.findings import Findings
from balancer.config.loads import check_channels, check_loads, check_zones, circuits_of
from balancer.config.problems import KeyPath, key_path
from balancer.config.quantity import Amount
from balancer.config.schema import CircuitTable, Config, LoadTable
from balancer.config.service import check_order, read_broker, read_schedule
from balancer.config.setup import Setup
from balancer.core.model import Breaker, Circuit, Estimation, House, Load, Meter, Zone
from balancer.devices.base import RelayCodec
from balancer.views.topics import Topics

STALE_AFTER_S = {"meter": 15.0, "non_heating_meters": 900.0, "available": 120.0}
"""Of a circuit's meters, by key (R13)."""

LOAD_STALE_AFTER_S = 900.0


def build(config: Config, folder: Path, findings: Findings) -> Setup | None:
    """Return the house with its devices; None if there are problems.

    Args:
        config: The file's tables, as far as they can be read.
        folder: Where relative paths in them start.
        findings: Takes problems and warnings.
    """
    broker = read_broker(config.mqtt, folder, findings)
    schedule = read_schedule(config.rotation, findings)
    check_order(config, findings)
    check_circuits(config, findings)
    check_zones(config, findings)
    check_loads(config, findings)
    codecs = make_codecs(config, findings)
    topics = Topics(config.mqtt.base_topic, config.name)
    check_channels(codecs.relays, topics, findings)
    check_prefix(config, topics, findings)
    if findings.problems:
        return None
    assert schedule is not None
    house = _house(config, codecs)
    check_entities(house, config, topics, findings)
    if findings.problems:
        return None
    note_oddities(house, config, findings)
    return Setup(
        house=house,
        broker=broker,
        schedule=schedule,
        relays=codecs.relays,
        meters=codecs.meters,
        requests=codecs.requests,
        discovery_prefix=config.homeassistant.prefix if config.homeassistant.discovery else None,
        http_host=config.http.host,
        http_port=config.http.port,
        warnings=tuple(findings.warnings),
    )


def _house(config: Config, codecs: Codecs) -> House:
    order = config.rotation.order
    return House(
        name=config.name,
        circuits={name: _circuit(name, table) for name, table in config.circuits.items()},
        zones={
            name: Zone(
                name=name,
                title=table.title or name,
                own_switch=table.request is None,
                request_ttl_s=table.request_ttl or None,
            )
            for name, table in config.zones.items()
        },
        loads={
            name: _load(name, table, config, codecs.relays[name])
            for name, table in config.loads.items()
        },
        order=(*order, *(name for name in config.loads if name not in order)),
        hold_off_s=config.rotation.hold_off,
        dry_run=config.dry_run,
        keep_on_exit=config.on_exit == "keep",
    )


def _circuit(name: str, table: CircuitTable) -> Circuit:
    def watts(amount: Amount | None) -> float:
        return 0.0 if amount is None else amount.watts(table.unit, table.voltage)

    limit_w = watts(table.limit)
    meters = {
        path[2:]: _meter(path, meter, limit_w, [table], STALE_AFTER_S[str(path[2])])
        for path, meter in meters_of(name, table)
    }
    breaker = table.breaker
    return Circuit(
        name=name,
        unit=table.unit,
        watts_per_unit=Amount(1.0).watts(table.unit, table.voltage),
        limit_w=limit_w,
        reserve_w=watts(table.reserve),
        estimation=Estimation(table.estimation),
        safe_ratio=table.safe_ratio,
        hysteresis=table.hysteresis,
        restore_delay_s=table.restore_delay,
        settle_s=table.settle,
        idle_reserved=table.idle == "reserve",
        fallback_active=table.fallback_active,
        steps=table.steps,
        parent=table.parent,
        meter=meters.get(("meter",)),
        non_heating_meters=tuple(
            meters["non_heating_meters", position]
            for position in range(len(table.non_heating_meters))
        ),
        security_margin_w=watts(table.security_margin),
        available=meters.get(("available",)),
        breaker=Breaker(
            profile="worst_norm" if breaker is None else breaker.profile or "worst_norm",
            rating_w=watts(breaker.rating) if breaker and breaker.rating else limit_w,
        ),
    )


def _load(name: str, table: LoadTable, config: Config, relay: RelayCodec) -> Load:
    circuits = circuits_of(table, config)
    names = table.circuits or (table.circuit,)
    assert table.zone is not None
    assert table.power is not None
    power = table.power
    return Load(
        name=name,
        title=table.title or name,
        zone=table.zone,
        power_w_by_circuit={
            str(each): power.watts(circuit.unit, circuit.voltage)
            for each, circuit in zip(names, circuits, strict=True)
        },
        priority=table.priority,
        turns=max(1, config.rotation.order.count(name)),
        min_on_s=table.min_on,
        min_off_s=table.min_off,
        boost_max_s=table.boost_max,
        rated_switches=table.rated_switches,
        relay=relay.traits,
        meter=None
        if table.meter is None
        else _meter(
            ("loads", name, "meter"),
            table.meter,
            sum(_circuit(str(each), config.circuits[str(each)]).limit_w for each in names),
            circuits,
            LOAD_STALE_AFTER_S,
        ),
    )


def _meter(
    path: KeyPath,
    table: MeterTable,
    limit_w: float,
    circuits: list[CircuitTable],
    stale_after_s: float,
) -> Meter:
    unit, voltage = circuits[0].unit, circuits[0].voltage
    return Meter(
        name=key_path(path),
        stale_after_s=table.stale_after or stale_after_s,
        min_w=-2.0 * limit_w if table.min is None else table.min.watts(unit, voltage),
        max_w=10.0 * limit_w if table.max is None else table.max.watts(unit, voltage),
    )
