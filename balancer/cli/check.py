"""``balancer check``: a configuration shown as what it means."""

from collections.abc import Iterator
from pathlib import Path

from balancer.cli.table import table
from balancer.cli.topics import topics_of, uses
from balancer.config.advice import meters_in
from balancer.config.load import read_setup
from balancer.config.quantity import shown_duration
from balancer.config.setup import Setup
from balancer.core.model import Circuit, House, Load, Meter


def read_and_show(config: Path, *, acl: bool) -> str:
    """Return what a configuration means: for people, or for mosquitto's acl_file.

    Raises:
        ConfigError: With all problems of the file.
    """
    setup = read_setup(config)
    return show_acl(setup) if acl else show_house(setup)


def show_house(setup: Setup) -> str:
    """Return the house as tables, all topics, warnings and notes."""
    house = setup.house
    parts = [
        "\n".join(_service(setup)),
        _circuits(house),
        _zones(setup),
        _loads(setup),
        _meters(setup),
        table(
            "Topics",
            ("direction", "topic", "for"),
            [(use.direction, use.topic, use.purpose) for use in uses(setup)],
        ),
        _sentences("Warnings", list(setup.warnings)),
        _sentences("Notes", [*starving(house), *slow_telemetry(setup)]),
    ]
    return "\n\n".join(part for part in parts if part)


def show_acl(setup: Setup) -> str:
    """Return what mosquitto's acl_file has to say for this house.

    Below its own topic everything is allowed: topics of what leaves the configuration
    have to be cleared. All else is exact.
    """
    own = f"{topics_of(setup).root}/"
    access = {
        (True, True): "readwrite",
        (True, False): "read",
        (False, True): "write",
    }
    lines = [
        f"topic {access[use.reads, use.writes]} {use.topic}"
        for use in uses(setup)
        if not use.topic.startswith(own)
    ]
    user = setup.broker.username or "balancer"
    return "\n".join([f"user {user}", f"topic readwrite {own}#", *lines])


def starving(house: House) -> Iterator[str]:
    """Yield who may wait for ever: priority is strict (R5)."""
    waiting: dict[tuple[str, ...], list[Load]] = {}
    for load in house.loads.values():
        circuits = house.power_w[load.name]
        served_first = tuple(
            other.name
            for other in house.loads.values()
            if other.priority > load.priority
            and any(name in circuits for name in house.power_w[other.name])
        )
        if served_first:
            waiting.setdefault(served_first, []).append(load)
    for served_first, loads in waiting.items():
        zones = ", ".join(dict.fromkeys(load.zone for load in loads))
        yield (
            f"{', '.join(load.name for load in loads)} (zones: {zones}) may stay cold for as long "
            f"as {', '.join(served_first)} want heat: priority is strict"
        )


def slow_telemetry(setup: Setup) -> Iterator[str]:
    """Yield meters that have to be set up on the device to report often enough."""
    for meter in meters_in(setup.house):
        codec = setup.meters[meter.name]
        if codec.usual_period_s is not None and meter.stale_after_s < codec.usual_period_s:
            yield (
                f"{meter.name}: reports every {shown_duration(codec.usual_period_s)} unless told "
                f"otherwise; {codec.sooner}"
            )


def _service(setup: Setup) -> Iterator[str]:
    broker, house = setup.broker, setup.house
    user = f" as {broker.username}" if broker.username else ""
    secured = " with tls" if broker.tls is not None else ""
    password = " with a password" if broker.password else ""
    yield f"House {house.name} on {broker.host}:{broker.port}{user}{password}{secured}"
    yield f"  topics: {topics_of(setup).root}/…"
    prefix = setup.discovery_prefix
    yield f"  Home Assistant: {'discovery below ' + prefix if prefix else 'no discovery'}"
    endpoint = f"http://{setup.http_host}:{setup.http_port}" if setup.http_port else "none"
    yield f"  metrics and health: {endpoint}"
    yield f"  turns: {setup.schedule}"
    yield f"  order: {', '.join(house.order)}"
    kept = "relays stay as they are" if house.keep_on_exit else "all loads go off"
    yield f"  at exit: {kept}"
    if house.dry_run:
        yield "  dry run: relays are not switched"


def _circuits(house: House) -> str:
    return table(
        "Circuits",
        ("name", "limit", "reserve", "estimation", "parent", "breaker", "steps", "loads"),
        [
            (
                circuit.name,
                _power(circuit, circuit.limit_w),
                _power(circuit, circuit.reserve_w) if circuit.reserve_w else "-",
                circuit.estimation.value,
                circuit.parent or "-",
                f"{circuit.breaker.profile}, {_power(circuit, circuit.breaker.rating_w)}",
                "-" if circuit.steps is None else " ".join(map(str, circuit.steps)),
                str(len(house.loads_of[circuit.name])),
            )
            for circuit in house.circuits.values()
        ],
    )


def _power(circuit: Circuit, power_w: float) -> str:
    own = f"{circuit.show(power_w):g} {circuit.unit}"
    return own if circuit.unit == "W" else f"{own} = {power_w:g} W"


def _zones(setup: Setup) -> str:
    house = setup.house
    return table(
        "Zones",
        ("name", "title", "loads", "request", "ends"),
        [
            (
                zone.name,
                zone.title,
                ", ".join(load.name for load in house.loads.values() if load.zone == zone.name)
                or "-",
                setup.requests[zone.name].topic if zone.name in setup.requests else "own switch",
                f"after {shown_duration(zone.request_ttl_s)}" if zone.request_ttl_s else "-",
            )
            for zone in house.zones.values()
        ],
    )


def _loads(setup: Setup) -> str:
    house = setup.house
    return table(
        "Loads",
        ("name", "title", "zone", "power", "priority", "turns", "relay", "dead-man"),
        [
            (
                load.name,
                load.title,
                load.zone,
                ", ".join(
                    f"{circuit}: {_power(house.circuits[circuit], power_w)}"
                    for circuit, power_w in load.power_w_by_circuit.items()
                ),
                str(load.priority),
                str(load.turns),
                _relay(setup, load),
                shown_duration(load.relay.dead_man_s) if load.relay.dead_man_s else "-",
            )
            for load in house.loads.values()
        ],
    )


def _relay(setup: Setup, load: Load) -> str:
    command = setup.relays[load.name].switch(on=False)
    said = command.payload.decode(errors="replace")
    silent = "" if load.relay.confirms else ", does not report"
    return f"{command.topic} off: {said}{silent}"


def _meters(setup: Setup) -> str:
    def row(meter: Meter) -> tuple[str, ...]:
        return (
            meter.name,
            setup.meters[meter.name].topic,
            f"{meter.min_w:g} W to {meter.max_w:g} W",
            shown_duration(meter.stale_after_s),
        )

    return table(
        "Meters",
        ("name", "topic", "believed", "stale after"),
        [row(meter) for meter in meters_in(setup.house)],
    )


def _sentences(title: str, sentences: list[str]) -> str:
    return "\n".join([title, *(f"  {each}" for each in sentences)]) if sentences else ""
