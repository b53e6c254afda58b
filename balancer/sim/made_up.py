"""Houses that nobody has thought of: circuits, meters, relays and settings that go together.

A house is drawn from its seed, so a run in it needs nothing but the seed to be done again. Not
drawn: several circuits of which one has appliance meters, circuits that only have a mode, and
another voltage than 230 V.
"""

from random import Random
from typing import Any

from balancer.sim.scenarios import MADE_UP, Scenario

VOLTAGE = 230.0
HEATERS_W = (500, 750, 1000, 1000, 1250, 1500, 1500, 2000, 2500)
SMALL_W = (500, 750, 1000)  # on each of three phases
SHAPES: tuple[dict[str, str | None], ...] = (  # circuits, each with the one that feeds it
    {"main": None},
    {"main": None},
    {"main": None, "annex": "main"},
    {"main": None, "flat": "main", "garage": "main"},
    {"main": None, "flat": "main", "attic": "flat"},
    {"main": None, "l1": "main", "l2": "main", "l3": "main"},
    {"l1": None, "l2": None, "l3": None},
)
PROFILES = ("linky", "enel", "es_smart", "B", "C", "D", "gG", "worst_norm")
SEVERAL = ("l1", "l2", "l3")


def made_up(seed: int) -> Scenario:
    """Return a house that is a function of its seed."""
    chance = Random(f"{MADE_UP}/{seed}")
    cadences: dict[str, str] = {}
    shape = chance.choice(SHAPES)
    zones = {f"zone{number}": _zone(chance, number) for number in range(chance.randint(1, 5))}
    loads = _loads(chance, list(shape), list(zones))
    circuits = {
        name: _circuit(chance, name, parent, shape, loads, cadences)
        for name, parent in shape.items()
    }
    _in_its_unit(chance, circuits, loads)
    document: dict[str, Any] = {
        "name": MADE_UP,
        "on_exit": chance.choice(("off", "off", "keep")),
        "rotation": _rotation(chance, list(loads)),
        "circuits": circuits,
        "zones": zones,
        "loads": loads,
    }
    power_on = chance.choice(("previous", "off", "on"))
    return Scenario(name=MADE_UP, document=document, cadences=cadences, power_on=power_on)


def _rotation(chance: Random, loads: list[str]) -> dict[str, Any]:
    rotation: dict[str, Any] = {
        "every": f"*/{chance.choice((5, 10, 10, 15, 20))} * * * *",
        "hold_off": chance.choice(("0 s", "1 s", "5 s")),
    }
    if chance.random() < 0.3:  # some have two turns, some are not named
        rotation["order"] = chance.choices(loads, k=len(loads))
    return rotation


def _zone(chance: Random, number: int) -> dict[str, Any]:
    zone: dict[str, Any] = {}
    if chance.random() < 0.3:
        zone["request_ttl"] = chance.choice(("20 min", "2 h"))
    topic = f"trv/{number}"
    match chance.randrange(5):
        case 0:
            zone["request"] = {"type": "mqtt", "topic": topic, "path": "pi", "above": 20}
        case 1:
            words = {"path": "running_state", "on": "heat", "off": "idle"}
            zone["request"] = {"type": "mqtt", "topic": topic, **words, "qos": 1}
        case 2:
            zone["request"] = {"type": "mqtt", "topic": topic}
    return zone


def _loads(chance: Random, circuits: list[str], zones: list[str]) -> dict[str, dict[str, Any]]:
    """Return heaters and relays; ``power`` is in watts, on each of their circuits."""
    names = [f"load{number}" for number in range(chance.randint(len(zones), 9))]
    relays = _relays(chance, names)
    below = [name for name in circuits if name != "main"] or circuits
    loads: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(names):
        relay = relays[name]
        load = loads[name] = {
            "zone": zones[number % len(zones)],
            "relay": relay,
            "priority": chance.choice((0, 0, 0, 1, -1)),
        }
        several = set(SEVERAL) <= set(circuits) and chance.random() < 0.15
        load["circuits"] = list(SEVERAL) if several else [chance.choice(below + circuits)]
        load["power"] = chance.choice(SMALL_W if several else HEATERS_W)
        if chance.random() < 0.5:
            load["min_on"] = chance.choice(("0 s", "20 s", "2 min", "10 min"))
            load["min_off"] = chance.choice(("0 s", "20 s", "1 min"))
        if "channel" not in relay and chance.random() < 0.3:
            load["meter"] = (
                {"type": "mqtt", "topic": f"power/{name}", "unit": "W"}
                if relay["type"] == "mqtt"
                else {"type": relay["type"], "device": relay["device"]}
            )
    return loads


def _relays(chance: Random, names: list[str]) -> dict[str, dict[str, Any]]:
    """Return a relay for each load; some share a box."""
    relays: dict[str, dict[str, Any]] = {}
    shared: dict[str, dict[str, Any] | None] = {"tasmota": None, "zigbee2mqtt": None}
    channels = dict.fromkeys(shared, 0)
    for name in names:
        family = chance.choice(("tasmota", "tasmota", "zigbee2mqtt", "zigbee2mqtt", "mqtt"))
        relay: dict[str, Any] = {"type": family}
        if family == "mqtt":
            relay |= {"command_topic": f"{name}/set", "qos": chance.choice((0, 1))}
            if chance.random() < 0.8:
                relay["state_topic"] = name
                if chance.random() < 0.5:
                    relay |= {"state_path": "relay.on", "state_on": "true", "state_off": "false"}
            if chance.random() < 0.3:
                relay |= {"on": "1", "off": "0"}
        elif channels[family] or chance.random() < 0.25:  # of the box with several
            channels[family] += 1
            box = shared[family] = shared[family] or _box(chance, family)
            channel = channels[family]
            relay |= {**box, "channel": channel if family == "tasmota" else f"l{channel}"}
        else:
            relay |= {"device": f"plug {name}" if family == "zigbee2mqtt" else f"plug_{name}"}
            relay |= _lease(chance, family)
        if chance.random() < 0.2:
            relay |= {"confirm_within": chance.choice(("1 s", "4 s")), "retries": 2}
        relays[name] = relay
    return relays


def _box(chance: Random, family: str) -> dict[str, Any]:
    if family == "tasmota" and chance.random() < 0.3:
        return {"device": "box", "inverted": True}
    return {"device": "box", **(_lease(chance, family) if family == "tasmota" else {})}


def _lease(chance: Random, family: str) -> dict[str, Any]:
    if chance.random() < 0.5:
        return {}
    proven = {"dead_man_proven": True} if family == "zigbee2mqtt" else {}
    return {"dead_man": chance.choice(("2 min", "15 min")), **proven}


def _circuit(
    chance: Random,
    name: str,
    parent: str | None,
    shape: dict[str, str | None],
    loads: dict[str, dict[str, Any]],
    cadences: dict[str, str],
) -> dict[str, Any]:
    """Return a circuit in watts that a house could live on, or nearly."""
    below = {name}
    for _ in shape:
        below |= {each for each, feeds in shape.items() if feeds in below}
    heating_w = sum(
        each["power"] * len(below.intersection(each["circuits"])) for each in loads.values()
    )
    least_w = 5000.0 if parent is None and not name.startswith("l") else 3000.0
    limit_w = max(least_w, round(heating_w * chance.uniform(0.3, 1.1), -2))
    circuit: dict[str, Any] = {
        "limit": limit_w,
        "breaker": {"profile": chance.choice(PROFILES), "rating": f"{limit_w:g} W"},
        "hysteresis": chance.choice((1.0, 1.1, 1.3)),
        "restore_delay": chance.choice(("10 s", "30 s", "1 min")),
        "safe_ratio": chance.choice((1.0, 1.3, 1.5)),
        "idle": chance.choice(("reserve", "use")),
        "fallback_active": chance.choice((0, 0, 1)),
    }
    if parent is not None:
        circuit["parent"] = parent
    if chance.random() < 0.3:
        circuit["reserve"] = 300.0
    if chance.random() < 0.3:
        most = chance.randint(2, 6)
        circuit["steps"] = [*range(most, 0, -chance.choice((1, 2))), 0]
    kind = chance.random()
    if kind < 0.4 and len(shape) == 1:
        _appliances(chance, name, circuit, cadences)
    elif kind < 0.15 and parent is not None:
        circuit["estimation"] = "external"
        circuit["available"] = {"type": "mqtt", "topic": f"ems/{name}", "unit": "W"}
        cadences[f"circuits.{name}.available"] = chance.choice(("p1", "linky", "slow"))
    else:
        circuit["meter"] = _meter(chance, f"circuits.{name}.meter", f"meter_{name}", cadences)
    return circuit


def _appliances(
    chance: Random, name: str, circuit: dict[str, Any], cadences: dict[str, str]
) -> None:
    """Let big appliances have meters in place of the whole circuit."""
    circuit["estimation"] = "individual"
    circuit["security_margin"] = 600.0
    limit_w = circuit["limit"] = max(9000.0, circuit["limit"])
    circuit["breaker"]["rating"] = f"{limit_w:g} W"
    circuit["non_heating_meters"] = [
        {
            **_meter(
                chance, f"circuits.{name}.non_heating_meters[{number}]", f"big_{number}", cadences
            ),
            "max": most_w,
        }
        for number, most_w in enumerate((4000.0, 6000.0))
    ]


def _meter(chance: Random, path: str, device: str, cadences: dict[str, str]) -> dict[str, Any]:
    """Return a meter, which may be silent as long as its kind is."""
    cadence = cadences[path] = chance.choice(("p1", "linky", "shelly", "power_delta", "on_change"))
    patience = "40 s" if cadence == "shelly" else chance.choice(("15 s", "30 s"))
    match chance.randrange(4):
        case 0:
            path_of = chance.choice(("ENERGY.Power", "ENERGY.Current", "ENERGY.ApparentPower"))
            meter = {"type": "tasmota", "device": device, "path": path_of}
        case 1:
            meter = {"type": "zigbee2mqtt", "device": device}
        case 2:
            meter = {"type": "mqtt", "topic": device, "unit": chance.choice(("W", "kW", "A", "VA"))}
        case _:
            meter = {"type": "mqtt", "topic": f"{device}/all", "path": "all[0].power", "unit": "W"}
    return {**meter, "stale_after": patience}


def _in_its_unit(
    chance: Random, circuits: dict[str, dict[str, Any]], loads: dict[str, dict[str, Any]]
) -> None:
    """Give each circuit a unit, and its powers in it; loads keep watts."""
    for circuit in circuits.values():
        unit = circuit["unit"] = chance.choice(("W", "A", "kW", "VA"))
        per_unit = {"A": VOLTAGE, "kW": 1000.0}.get(unit, 1.0)
        for key in ("limit", "reserve", "security_margin"):
            if key in circuit:
                circuit[key] = round(circuit[key] / per_unit, 2)
        for meter in circuit.get("non_heating_meters", ()):
            meter["max"] = round(meter["max"] / per_unit, 2)
    for load in loads.values():
        load["power"] = f"{load['power']} W"
