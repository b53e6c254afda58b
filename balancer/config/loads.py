"""What must fit together in ``[zones.*]`` and ``[loads.*]``."""

from collections.abc import Iterable, Mapping

from balancer.config.circuits import check_range, limit_w
from balancer.config.devices import (
    MqttRelayTable,
    MqttRequestTable,
    RelayTable,
    TasmotaRelayTable,
    Zigbee2MqttRelayTable,
)
from balancer.config.findings import Findings
from balancer.config.problems import KeyPath, key_path, listed, meant, shown
from balancer.config.quantity import CURRENT_UNITS
from balancer.config.schema import CircuitTable, Config, LoadTable
from balancer.devices import FAMILIES
from balancer.devices.base import RelayCodec
from balancer.views.topics import Topics


def check_zones(config: Config, findings: Findings) -> None:
    """Note what cannot be in the zones."""
    used = {load.zone for load in config.loads.values()}
    for name, zone in config.zones.items():
        if isinstance(zone.request, MqttRequestTable):
            _check_request(("zones", name, "request"), zone.request, findings)
        if name not in used:
            findings.warnings.append(f"zones.{name} has no loads: its request heats nothing")


def check_loads(config: Config, findings: Findings) -> None:
    """Note what cannot be in the loads."""
    if not config.loads:
        findings.add_missing(("loads",), "at least one load", "[loads.towels]")
    for name, load in config.loads.items():
        at: KeyPath = ("loads", name)
        _check_zone(at, load, findings)
        _check_circuits(at, load, config, findings)
        _check_units(at, load, circuits_of(load, config), findings)
        if load.relay is not None:
            _check_relay((*at, "relay"), load.relay, findings)


def circuits_of(load: LoadTable, config: Config) -> list[CircuitTable]:
    """Return the nearest circuits of a load, without unknown ones."""
    names = load.circuits if load.circuits is not None else (load.circuit,)
    return [config.circuits[name] for name in names if name is not None and name in config.circuits]


def check_channels(relays: Mapping[str, RelayCodec], topics: Topics, findings: Findings) -> None:
    """Note loads on one relay channel, and relays that are commanded on our own topics.

    Args:
        relays: Codecs by load, as far as they can be made.
        topics: Of this house.
        findings: Takes the problems.
    """
    owners: dict[tuple[str, bytes], str] = {}
    for name, relay in relays.items():
        path: KeyPath = ("loads", name, "relay")
        commands = _commands(relay)
        other = next((owners[each] for each in commands if each in owners), None)
        if other is not None:
            findings.add(
                path,
                f"the load {other} is on the same relay channel",
                "one load on a channel",
                "give it another device or channel, or make one load of both",
            )
        owners.update(dict.fromkeys(commands, name))
        own = next((t for t in relay.command_topics if t.startswith(f"{topics.root}/")), None)
        if own is not None:
            findings.add(
                path,
                f"{shown(own)} is the balancer's own",
                f"topics outside of {topics.root}",
                "name the relay's own topic",
            )


def _commands(relay: RelayCodec) -> set[tuple[str, bytes]]:
    """Return what tells a channel from all others: its commands, by topic and payload."""
    messages = (*relay.commands.values(), *relay.aliases)
    return {(each.topic, each.payload) for each in messages}


def _check_zone(at: KeyPath, load: LoadTable, findings: Findings) -> None:
    zones = findings.names("zones")
    if zones is None:
        return
    if load.zone is None:
        first = [*zones, "lounge"][0]
        findings.add_missing((*at, "zone"), listed(zones), f'zone = "{first}"')
    elif load.zone not in zones:
        _note_no_such(at, "zone", load.zone, zones, findings)


def _check_circuits(at: KeyPath, load: LoadTable, config: Config, findings: Findings) -> None:
    known = findings.names("circuits")
    if known is None:
        return
    if load.circuit is not None and load.circuits is not None:
        findings.add(
            (*at, "circuits"), "there is a circuit too", "circuit or circuits", "remove one of them"
        )
    elif load.circuits is not None:
        _check_several(at, load.circuits, known, config, findings)
    elif load.circuit is None:
        if not findings.spoilt((*at, "circuits")):
            first = [*known, "main"][0]
            findings.add_missing((*at, "circuit"), listed(known), f'circuit = "{first}"')
    elif load.circuit not in known:
        _note_no_such(at, "circuit", load.circuit, known, findings)


def _check_several(
    at: KeyPath, names: tuple[str, ...], known: list[str], config: Config, findings: Findings
) -> None:
    path = (*at, "circuits")
    allowed = "a list of different circuits, none of which feeds another"
    if not names:
        findings.add(path, "the list is empty", allowed, 'circuits = ["l1", "l2", "l3"]')
    for position, name in enumerate(names):
        if name not in known:
            _note_no_such(at, "circuits", name, known, findings, position=position)
        if name in names[:position]:
            findings.add((*path, position), f"{shown(name)} is named twice", allowed, "remove one")
    for name in names:
        above = set(_parents(name, config)) & set(names)
        if above:
            findings.add(
                path,
                f"{shown(name)} is fed by {shown(min(above))}",
                f"{allowed}; parents follow by themselves",
                f"circuits = {shown([each for each in names if each not in above])}",
            )
            return


def _parents(name: str, config: Config) -> list[str]:
    """Return what feeds a circuit; nothing if that goes round in a circle."""
    line = [name]
    while (circuit := config.circuits.get(line[-1])) and (above := circuit.parent):
        if above in line:
            return []
        line.append(above)
    return line[1:]


def _check_units(
    at: KeyPath, load: LoadTable, circuits: list[CircuitTable], findings: Findings
) -> None:
    """Note numbers that would be in several units (R3)."""
    units = sorted({circuit.unit for circuit in circuits})
    voltages = sorted({circuit.voltage for circuit in circuits})
    if load.power is not None and load.power.unit is None and len(units) > 1:
        findings.add(
            (*at, "power"),
            f"{load.power.value:g} has no unit, and its circuits have {' and '.join(units)}",
            'a number with a unit, as "1500 W" or "6.5 A"',
            'power = "1500 W"',
        )
    meter = load.meter
    if meter is None or not circuits:
        return
    for key in ("min", "max"):
        amount = getattr(meter, key)
        if amount is not None and amount.unit is None and len(units) > 1:
            findings.add(
                (*at, "meter", key),
                f"{amount.value:g} has no unit, and its circuits have {' and '.join(units)}",
                'a number with a unit, as "1500 W" or "6.5 A"',
                f'{key} = "1500 W"',
            )
    unit = meter.unit or FAMILIES[meter.type].unit_of(meter.path)
    if unit is None and len(units) > 1:
        findings.add_missing(
            (*at, "meter", "unit"),
            f"the unit of its number: its circuits have {' and '.join(units)}",
            'unit = "W"',
        )
    elif (unit or units[0]) in CURRENT_UNITS and len(voltages) > 1:
        findings.add(
            (*at, "meter"),
            f"it tells amperes, and its circuits have {voltages[0]:g} V and {voltages[-1]:g} V",
            "a path that tells watts, or circuits of one voltage",
            'path = "power"',
        )
    limits = [limit_w(circuit) for circuit in circuits]
    limit = sum(each for each in limits if each is not None) if all(limits) else None
    check_range((*at, "meter"), meter, limit, circuits, findings)


def _check_relay(path: KeyPath, relay: RelayTable, findings: Findings) -> None:
    if isinstance(relay, TasmotaRelayTable | Zigbee2MqttRelayTable) and relay.dead_man is not None:
        _check_dead_man(path, relay, relay.dead_man, findings)
    if isinstance(relay, MqttRelayTable):
        if relay.on == relay.off:
            _note_same(path, "off", relay.off, "OFF", findings)
        elif relay.state_topic is not None:
            on, off = relay.state_on or relay.on, relay.state_off or relay.off
            if _same_word(on, off):
                key = "state_off" if relay.state_off is not None else "off"
                _note_same(path, key, off, "OFF", findings)
        if relay.state_topic is not None and relay.state_topic == relay.command_topic:
            findings.add(
                (*path, "state_topic"),
                "it is command_topic too: our own command would pass for the relay's report",
                "the topic on which the relay reports, or none",
                "remove state_topic",
            )
        if relay.state_topic is None:
            for key in ("state_path", "state_on", "state_off"):
                if getattr(relay, key) is not None:
                    findings.warnings.append(
                        f"{key_path((*path, key))} is not used without state_topic"
                    )


def _check_dead_man(
    path: KeyPath,
    relay: TasmotaRelayTable | Zigbee2MqttRelayTable,
    dead_man: float,
    findings: Findings,
) -> None:
    at = (*path, "dead_man")
    if relay.inverted:
        findings.add(
            at,
            "the relay is inverted: its own OFF would turn the heater on",
            "dead_man without inverted",
            "remove dead_man",
        )
    elif dead_man > relay.longest_dead_man_s:
        findings.add(
            at,
            f"{dead_man:g} s is beyond the device",
            f"30 s to {relay.longest_dead_man_s:g} s",
            'dead_man = "15 min"',
        )
    if isinstance(relay, Zigbee2MqttRelayTable) and not relay.dead_man_proven:
        findings.add(
            (*path, "dead_man_proven"),
            "it is not true, and dead_man needs it",
            "true, once you have seen that on_time turns this relay off (some toggle it)",
            "dead_man_proven = true, or remove dead_man",
        )


def _check_request(path: KeyPath, request: MqttRequestTable, findings: Findings) -> None:
    words = [key for key in ("on", "off") if getattr(request, key) is not None]
    if request.above is not None and words:
        findings.add(
            (*path, "above"),
            f"there is {' and '.join(words)} too",
            "above for a demand in per cent, or on and off for words",
            "remove above",
        )
    elif _same_word(request.on or "ON", request.off or "OFF"):
        _note_same(path, "off" if request.off else "on", request.off or "OFF", "OFF", findings)


def _same_word(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _note_same(path: KeyPath, key: str, word: str, example: str, findings: Findings) -> None:
    findings.add(
        (*path, key),
        f"{shown(word)} means on and off",
        "two words that differ, not in case only",
        f'{key} = "{example}"',
    )


def _note_no_such(
    at: KeyPath,
    key: str,
    name: str,
    known: Iterable[str],
    findings: Findings,
    *,
    position: int | None = None,
) -> None:
    """Note a name of a zone or circuit that there is not."""
    kind = key.removesuffix("s")
    names = list(known)
    guess = meant(name, names) or (names[0] if len(names) == 1 else None)
    value = f'"{guess}"' if position is not None else f'{key} = "{guess}"'
    findings.add(
        (*at, key) if position is None else (*at, key, position),
        f"there is no {kind} named {shown(name)}",
        listed(names),
        value if guess else f"name one of them, or add [{kind}s.{name}]",
    )
