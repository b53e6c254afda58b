"""Writes docs/reference.md from the code: keys, topics, entities, metrics.

python tests/docs/reference.py --write
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from balancer.cli.topics import uses
from balancer.config import devices
from balancer.config.fields import Hint, Required
from balancer.config.load import read_setup
from balancer.config.schema import Config
from balancer.core.observe import snapshot
from balancer.core.state import initial_state
from balancer.views import homeassistant
from balancer.views.counts import Counts, Session
from balancer.views.metrics import Metrics
from balancer.views.topics import Topics

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference.md"
EXAMPLE = ROOT / "config.toml"

MEANINGS = {
    "name": "of the house; topics are `<base_topic>/<name>/…`",
    "dry_run": "decide and show everything, command no relay",
    "on_exit": "at SIGTERM loads go off, or stay as they are",
    "mqtt.host": "of the broker",
    "mqtt.port": "of the broker; 8883 with TLS as a rule",
    "mqtt.username": "at the broker",
    "mqtt.password": "at the broker; better in a file",
    "mqtt.password_file": "file that holds the password",
    "mqtt.base_topic": "first level of all own topics",
    "mqtt.tls": "encrypt; an empty table trusts the system's authorities",
    "mqtt.tls.ca": "authority that signed the broker's certificate",
    "mqtt.tls.certificate": "our certificate",
    "mqtt.tls.key": "its key",
    "homeassistant.discovery": "announce entities",
    "homeassistant.prefix": "Home Assistant's discovery prefix",
    "http.host": "address of `/metrics` and `/healthz`",
    "http.port": "0: no endpoint",
    "rotation.every": "when turns are given anew (a tick)",
    "rotation.timezone": "in which `every` is meant, and a day of `switches_today`",
    "rotation.order": "breaks ties; a load named twice has two turns",
    "rotation.hold_off": "changes of a request within it are one",
    "circuits.*.unit": "of all its numbers, here and in the status",
    "circuits.*.voltage": "turns A into W",
    "circuits.*.limit": "what it carries for ever",
    "circuits.*.reserve": "part of the limit never given to heating",
    "circuits.*.estimation": "how available power is known",
    "circuits.*.safe_ratio": "rated power ÷ the least that an unmetered load is believed to draw",
    "circuits.*.hysteresis": "factor on a load's power before it is restored",
    "circuits.*.restore_delay": "for so long the room must have been there",
    "circuits.*.settle": "in which a reading may not show a switching; raised by measurement",
    "circuits.*.idle": "`use`: power that idle heaters leave is given to others",
    "circuits.*.fallback_active": "loads that may stay on while no meter can be believed",
    "circuits.*.steps": "greatest number of active loads per power-saving mode; falls to 0",
    "circuits.*.parent": "circuit that feeds this one",
    "circuits.*.meter": "of the whole circuit; `global` needs one",
    "circuits.*.non_heating_meters": "of big appliances, each with `max`; `individual` needs them",
    "circuits.*.security_margin": "added to their sum",
    "circuits.*.available": "where another program publishes available power (`external`)",
    "circuits.*.breaker": "what trips; without it the weakest that may be sold, at the limit",
    "circuits.*.breaker.profile": "name of its tripping curve",
    "circuits.*.breaker.rating": "where it differs from the limit",
    "zones.*.title": "name for people",
    "zones.*.request": "where the thermostat asks; without it the zone has a switch of its own",
    "zones.*.request_ttl": "a request not repeated for so long ends",
    "loads.*.title": "name for people",
    "loads.*.zone": "whose request drives it",
    "loads.*.circuit": "that it is on",
    "loads.*.circuits": "several, such as three phases; `power` is then per circuit",
    "loads.*.power": "that it takes at most, measured",
    "loads.*.priority": "greater is served first, strictly",
    "loads.*.min_on": "shortest time on; sheds override it",
    "loads.*.min_off": "shortest time off; nothing overrides it",
    "loads.*.boost_max": "longest boost",
    "loads.*.rated_switches": "that its relay is made for",
    "loads.*.relay": "that switches it",
    "loads.*.meter": "its own, if it has one",
    "inverted": "the heater is on while the relay is off",
    "retries": "repeats of an unconfirmed command before `fault`",
    "confirm_within": "time for a confirmation; measured by default, at least 2 s",
    "qos": "0 or 1",
    "device": "%topic% of a Tasmota device, friendly name of a Zigbee device",
    "channel": "which relay of several",
    "full_topic": "FullTopic as set on the device",
    "base_topic": "of Zigbee2MQTT",
    "dead_man": "the relay turns itself off so long after the last ON; renewed every third of it",
    "dead_man_proven": "`on_time` was tried on this device: some toggle instead",
    "command_topic": "where it is commanded",
    "on": "word for on",
    "off": "word for off",
    "state_topic": "where it reports; without it nothing is confirmed",
    "state_path": "of the word within JSON",
    "state_on": "reported word; as `on` by default",
    "state_off": "reported word; as `off` by default",
    "topic": "where it is published",
    "path": "of the number or word within JSON, such as `ENERGY.Power[0]`",
    "unit": "of the number; the family's or the circuit's by default",
    "scale": "factor on the number",
    "min": "least believable reading; -2 times the limit by default",
    "max": "greatest believable reading; 10 times the limit by default",
    "stale_after": "silence after which it counts as gone; 15 s, appliances and loads 15 min",
    "above": "demand in per cent from which heat is wanted; ends 5 points lower",
}


def hint_of(annotation: Any) -> Hint | None:
    """Return the innermost hint of an annotated type."""
    found = None
    for each in get_args(annotation):
        found = hint_of(each) or found
        if isinstance(each, Hint):
            found = each
    return found


def row(key: str, field: FieldInfo, meaning: str) -> str:
    """Return one line of a table of keys."""
    hints = [each for each in field.metadata if isinstance(each, Hint)]
    hint = hints[-1] if hints else hint_of(field.annotation)
    required = any(isinstance(each, Required) for each in field.metadata)
    default = field.default
    if required or field.is_required():
        shown = "required"
    elif default is None or default == ():
        shown = ""
    else:
        shown = f"`{json.dumps(default)}`" if not isinstance(default, dict) else ""
    allowed = hint.allowed if hint is not None else ""
    if annotated := _choices(field.annotation):
        allowed = annotated
    return f"| `{key}` | {shown} | {allowed} | {meaning} |".replace("|  |", "| |")


def _choices(annotation: Any) -> str:
    return "`true` or `false`" if annotation is bool else ""


def tables(model: type[BaseModel], at: str) -> Iterator[tuple[str, FieldInfo]]:
    """Return every key below a table of config.toml with its field."""
    for name, field in model.model_fields.items():
        key = f"{at}{name}"
        nested = _table_of(field.annotation)
        if nested is None:
            yield key, field
        elif _is_mapping(field.annotation):
            yield from tables(nested, f"{key}.*.")
        else:
            if field.default is None:
                yield key, field
            yield from tables(nested, f"{key}.")


def _table_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, devices.Table):
        family = hasattr(annotation, "options")
        return None if family else annotation
    for each in get_args(annotation):
        found = _table_of(each)
        if found is not None:
            return found
    return None


def _is_mapping(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) is dict or any(
        _is_mapping(each) for each in get_args(annotation)
    )


PAYLOADS = {
    "availability": "`online`, `offline`; the will",
    "heartbeat": "`<instance> <number> active` or `standby`",
    "event": "one JSON per decision: time, cause, circuit, meter, available, commands, dry_run",
    "away/set": "`ON`, `OFF`, at once",
    "away": "`ON`, `OFF`",
    "zone/<zone>/set": "`ON`, `OFF`: the zone asks for heat",
    "zone/<zone>": "`ON`, `OFF`: what was said last; loads follow when `hold_off` ends",
    "load/<load>/boost/set": "`ON` (for `boost_max`), `OFF`, or minutes",
    "load/<load>/boost": "`ON`, `OFF`",
    "circuit/<circuit>/mode/set": "`auto` or an index into `steps`",
    "circuit/<circuit>/mode": "`auto` or an index into `steps`",
    "circuit/<circuit>/limit/set": "0 to the configured limit, in its unit",
    "circuit/<circuit>/limit": "the limit in force",
    "rotate/set": "anything: a tick now",
    "status": "the status JSON",
    "load/<load>/state": "`ON`, `OFF`: what the balancer wants of the heater",
    "homeassistant/device/balancer_house/config": "the entities for Home Assistant",
    "homeassistant/status": "`online`: Home Assistant is back, the entities are announced again",
}


def config_keys() -> Iterator[str]:
    """Return the part on config.toml."""
    head = "| key | default | allowed | what |\n|---|---|---|---|"
    yield "## Configuration keys\n"
    yield 'Durations: `"90 s"`, `"2 min"`, `"1 h"`, or seconds. Powers: `"1500 W"`, '
    yield '`"6.5 A"`, `"1.5 kW"`, or a number in the circuit\'s unit. The environment overrides'
    yield "the file: `BALANCER_MQTT__PASSWORD`.\n"
    yield head
    for key, field in tables(Config, ""):
        yield row(key, field, MEANINGS[key])
    for title, kinds in (
        (
            "Relays",
            (
                devices.TasmotaRelayTable,
                devices.Zigbee2MqttRelayTable,
                devices.MqttRelayTable,
            ),
        ),
        (
            "Meters",
            (
                devices.TasmotaMeterTable,
                devices.Zigbee2MqttMeterTable,
                devices.MqttMeterTable,
            ),
        ),
        ("Requests", (devices.MqttRequestTable,)),
    ):
        for kind in kinds:
            word = get_args(kind.model_fields["type"].annotation)[0]
            yield f'\n### {title}: `type = "{word}"`\n'
            yield head
            for key, field in kind.model_fields.items():
                if key != "type":
                    yield row(key, field, MEANINGS[key])


def topic_table() -> Iterator[str]:
    """Return the part on topics: every own one that the example house uses."""
    setup = read_setup(EXAMPLE, environ={})
    topics = Topics("balancer", "house")
    discovery = homeassistant.topic(topics, "homeassistant")
    yield "\n## Topics\n"
    yield 'For `base_topic = "balancer"` and `name = "house"`. Everything that goes out but events and'
    yield "heartbeats is retained, and read back at the start; a message to `…/set` is answered on the"
    yield "topic without it. Devices' topics: `balancer check`.\n"
    yield "| topic | direction | payload |\n|---|---|---|"
    shown = set()
    for use in uses(setup):
        topic = re.sub(r"/(zone|load|circuit)/[^/]+", r"/\1/<\1>", use.topic)
        own = topic.startswith(f"{topics.root}/") or topic in {discovery, "homeassistant/status"}
        if own and topic not in shown:
            shown.add(topic)
            payload = PAYLOADS[topic.removeprefix(f"{topics.root}/")]
            yield f"| `{topic}` | {use.direction} | {payload} |"


def entity_table() -> Iterator[str]:
    """Return the part on Home Assistant's entities, of the example house."""
    setup = read_setup(EXAMPLE, environ={})
    discovery = homeassistant.discovery(
        setup.house, Topics("balancer", "house"), prefix="homeassistant", version="0"
    )
    document = json.loads(discovery.payload)
    yield "\n## Home Assistant entities\n"
    yield "Those of the example house's first load, zone and circuit, and of the house itself."
    yield "They stay when `homeassistant.discovery` is switched off; this takes them back:\n"
    yield f"```sh\nmosquitto_pub -r -n -t {discovery.topic}\n```\n"
    yield "| entity | name | unit |\n|---|---|---|"
    others = [*list(setup.house.loads)[1:], *list(setup.house.zones)[1:]]
    for component in document["components"].values():
        entity = component["default_entity_id"]
        if not any(f"_{name}_" in entity for name in others if f"_{name}_" in entity):
            unit = component.get("unit_of_measurement", "")
            yield f"| `{entity}` | {component['name']} | {unit} |".replace("|  |", "| |")


def metric_table() -> Iterator[str]:
    """Return the part on metrics."""
    setup = read_setup(EXAMPLE, environ={})
    seen = snapshot(setup.house, initial_state(setup.house, 0.0), 0.0)
    metrics = Metrics(
        setup.house, version="0", seen=lambda: seen, counts=Counts(), session=Session()
    )
    yield "\n## Metrics\n"
    yield "Each has the label `house`.\n"
    yield "| metric | type | what |\n|---|---|---|"
    for family in metrics.registry.collect():
        if family.name.startswith(("process_", "python_")):
            continue
        name = family.name + ("_total" if family.type == "counter" else "")
        yield f"| `{name}` | {family.type} | {family.documentation} |"


def reference() -> str:
    """Return the whole document."""
    lines = [
        "# Reference",
        "",
        "Written from the code by `python tests/docs/reference.py --write`.",
        "",
        *config_keys(),
        *topic_table(),
        *entity_table(),
        *metric_table(),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        REFERENCE.write_text(reference(), encoding="utf-8")
    else:
        sys.stdout.write(reference())
