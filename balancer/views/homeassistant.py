"""Home Assistant's entities: one retained document that describes the house as one device.

Source: Home Assistant documentation, MQTT integration, "Device discovery payload" (2024.11 and
later). An unknown key at the root rejects the whole document, so it has the oldest keys only.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from balancer.core.commands import Reason
from balancer.core.model import Circuit, House, Load, Zone
from balancer.nesting import parse_json
from balancer.views.status import Json
from balancer.views.topics import Topics, setter
from balancer.wire import Message

_MAX_DOCUMENT_BYTES = 4_000_000  # far above any of ours
_PLATFORMS = frozenset({"binary_sensor", "button", "number", "select", "sensor", "switch"})
_KEY = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)

# device class, name of the entity, decimals shown, steps for setting a limit (the first that fits)
_QUANTITIES: Mapping[str, tuple[str, str, int, tuple[float, ...]]] = {
    "A": ("current", "current", 1, (0.5, 0.1, 0.01)),
    "W": ("power", "power", 0, (50.0, 10.0, 1.0, 0.1)),
    "kW": ("power", "power", 2, (0.1, 0.05, 0.01)),
    "VA": ("apparent_power", "power", 0, (50.0, 10.0, 1.0, 0.1)),
    "kVA": ("apparent_power", "power", 2, (0.1, 0.05, 0.01)),
}
_FINEST_STEP = 0.001  # Home Assistant takes no finer one

Component = dict[str, Json]


def topic(topics: Topics, prefix: str) -> str:
    """Return where the document is retained; one per house."""
    return f"{prefix}/device/{_identity(topics)}/config"


def discovery(house: House, topics: Topics, *, prefix: str, version: str) -> Message:
    """Return the document with every entity of the house.

    Args:
        house: As configured.
        topics: Of this house.
        prefix: Home Assistant's discovery prefix.
        version: Of this program.
    """
    identity = _identity(topics)
    document: dict[str, Json] = {
        "device": {
            "identifiers": [identity],
            "name": f"Balancer {house.name}",
            "manufacturer": "Balancer",
            "model": "Power balancer",
            "sw_version": version,
        },
        "origin": {"name": "balancer", "sw_version": version},
        "availability": [{"topic": topics.availability}],
        "qos": 1,
        "components": {
            key: {
                **component,
                "unique_id": f"{identity}_{key}",
                "default_entity_id": _entity_id(identity, key, component),
            }
            for key, component in _components(house, topics)
        },
    }
    return Message(topic(topics, prefix), _dump(document), qos=1, retain=True)


def entity_ids(house: House, topics: Topics) -> Iterator[tuple[str, str, str]]:
    """Yield group, name and entity id of everything that belongs to a circuit, zone or load.

    Groups are the tables of the configuration: ``circuits``, ``zones``, ``loads``.
    """
    identity = _identity(topics)
    for group, name, components in (
        *(("circuits", each.name, _circuit(each, topics)) for each in house.circuits.values()),
        *(("zones", each.name, _zone(each, topics)) for each in house.zones.values()),
        *(("loads", each.name, _load(each, topics)) for each in house.loads.values()),
    ):
        for key, component in components:
            yield group, name, _entity_id(identity, key, component)


def leftovers(old_document: bytes, new: Message) -> Message | None:
    """Return what makes Home Assistant forget entities that the new document has no more.

    It is the new document with each vanished component reduced to its platform, to be published
    once before the new one. It is not retained: the new one follows on the same topic, and of
    retained messages only the latest has to leave.

    Args:
        old_document: What is retained on the topic; any bytes.
        new: The result of ``discovery``.

    Returns:
        None if nothing has vanished, or the old document is none of ours.
    """
    if len(old_document) > _MAX_DOCUMENT_BYTES:
        return None
    try:
        old = parse_json(old_document.decode())
    except ValueError:
        return None
    components = old.get("components") if isinstance(old, dict) else None
    if not isinstance(components, dict):
        return None
    document = json.loads(new.payload)
    kept = document["components"]
    vanished = {
        key: {"platform": platform}
        for key, platform in _platforms(components)
        if key not in kept or kept[key]["platform"] != platform
    }
    if not vanished:
        return None
    kept.update(vanished)
    return Message(new.topic, _dump(document), qos=new.qos)


def _platforms(components: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, component in components.items():
        platform = component.get("platform") if isinstance(component, dict) else None
        if isinstance(platform, str) and platform in _PLATFORMS and _KEY.fullmatch(key):
            yield key, platform


def _identity(topics: Topics) -> str:
    """Return what tells this house from all others, of letters, digits, _ and - only."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", f"{topics.base}_{topics.house}")


def _entity_id(identity: str, key: str, component: Component) -> str:
    """Return what people type: house, name and what it is, without the kind of thing."""
    named = re.sub(r"^(circuit|load|zone)_", "", key)
    entity = re.sub(r"[^a-z0-9]+", "_", f"{identity}_{named}".lower()).strip("_")
    return f"{component['platform']}.{entity}"


def _dump(document: Mapping[str, Json]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _components(house: House, topics: Topics) -> Iterator[tuple[str, Component]]:
    """Yield every entity by its key; a key says what it is and never changes."""
    yield "away", _switch("Away", topics.away, icon="mdi:home-export-outline")
    yield (
        "rotate",
        {
            "platform": "button",
            "name": "Rotate now",
            "icon": "mdi:rotate-right",
            "command_topic": setter(topics.rotate),
        },
    )
    for circuit in house.circuits.values():
        yield from _circuit(circuit, topics)
    for zone in house.zones.values():
        yield from _zone(zone, topics)
    for load in house.loads.values():
        yield from _load(load, topics)


def _circuit(circuit: Circuit, topics: Topics) -> Iterator[tuple[str, Component]]:
    key, title = f"circuit_{circuit.name}", _title(circuit.name)
    device_class, quantity, decimals, steps = _QUANTITIES[circuit.unit]
    measured: Component = {
        "device_class": device_class,
        "unit_of_measurement": circuit.unit,
        "suggested_display_precision": decimals,
    }

    def sensor(name: str, field: str, **more: Json) -> Component:
        return {
            "platform": "sensor",
            "name": f"{title} {name}",
            "state_class": "measurement",
            "state_topic": topics.status,
            "value_template": _template(
                "circuits", circuit.name, f"{{{{ its.{field} | default(none) }}}}"
            ),
            **more,
        }

    yield f"{key}_power", sensor(quantity, "meter", **measured, icon="mdi:meter-electric-outline")
    yield (
        f"{key}_available",
        sensor("available", "available", **measured, icon="mdi:transmission-tower"),
    )
    yield f"{key}_headroom", sensor("headroom", "headroom", **measured, icon="mdi:arrow-expand-up")
    yield (
        f"{key}_active",
        sensor(
            "active loads",
            "active",
            icon="mdi:radiator",
            suggested_display_precision=0,
            **_attributes(topics, "circuits", circuit.name, "max_active", "mode", "mode_source"),
        ),
    )
    yield (
        f"{key}_trip_margin",
        sensor(
            "trip margin",
            "trip_margin",
            icon="mdi:timer-alert-outline",
            device_class="duration",
            unit_of_measurement="s",
            suggested_display_precision=0,
            entity_category="diagnostic",
        ),
    )
    limit = circuit.show(circuit.limit_w)
    yield (
        f"{key}_limit",
        {
            "platform": "number",
            "name": f"{title} limit",
            "icon": "mdi:speedometer",
            "entity_category": "config",
            "command_topic": setter(topics.limit(circuit.name)),
            "state_topic": topics.limit(circuit.name),
            "device_class": device_class,
            "unit_of_measurement": circuit.unit,
            "min": 0,
            "max": limit,
            "step": next((step for step in steps if _divides(step, limit)), _FINEST_STEP),
            "mode": "box",
        },
    )
    if circuit.steps is not None:
        yield (
            f"{key}_mode",
            {
                "platform": "select",
                "name": f"{title} power-saving mode",
                "icon": "mdi:leaf",
                "command_topic": setter(topics.mode(circuit.name)),
                "state_topic": topics.mode(circuit.name),
                "options": ["auto", *(str(mode) for mode in range(len(circuit.steps)))],
            },
        )
    yield (
        f"{key}_blind",
        {
            "platform": "binary_sensor",
            "name": f"{title} blind",
            "device_class": "problem",
            "entity_category": "diagnostic",
            "state_topic": topics.status,
            "value_template": _template("circuits", circuit.name, _on_off("its.blind")),
            **_attributes(topics, "circuits", circuit.name, "detail"),
        },
    )


def _zone(zone: Zone, topics: Topics) -> Iterator[tuple[str, Component]]:
    if zone.own_switch:
        name = f"{_title(zone.name, zone.title)} request"
        switch = _switch(name, topics.zone(zone.name), icon="mdi:thermostat")
        yield f"zone_{zone.name}_request", switch


def _load(load: Load, topics: Topics) -> Iterator[tuple[str, Component]]:
    key, title = f"load_{load.name}", _title(load.name, load.title)
    running = (
        "{% set relay = its.relay | default(none) %}"
        "{% set on = its.on if relay is none else relay %}"
    )
    yield (
        f"{key}_running",
        {
            "platform": "binary_sensor",
            "name": f"{title} running",
            "icon": "mdi:radiator",
            "device_class": "running",
            "state_topic": topics.status,
            "value_template": _template("loads", load.name, running + _on_off("on")),
            **_attributes(topics, "loads", load.name, "reason", "detail"),
        },
    )
    yield (
        f"{key}_reason",
        {
            "platform": "sensor",
            "name": f"{title} reason",
            "icon": "mdi:comment-question-outline",
            "device_class": "enum",
            "options": [reason.value for reason in Reason],
            "state_topic": topics.status,
            "value_template": _template("loads", load.name, "{{ its.reason | default(none) }}"),
            **_attributes(topics, "loads", load.name, "since", "until", "detail"),
        },
    )
    yield (
        f"{key}_boost",
        _switch(f"{title} boost", topics.boost(load.name), icon="mdi:rocket-launch-outline"),
    )


def _switch(name: str, state_topic: str, *, icon: str) -> Component:
    return {
        "platform": "switch",
        "name": name,
        "icon": icon,
        "command_topic": setter(state_topic),
        "state_topic": state_topic,
    }


def _attributes(topics: Topics, kind: str, name: str, *fields: str) -> Component:
    pairs = ", ".join(f"'{field}': its.{field} | default(none)" for field in fields)
    return {
        "json_attributes_topic": topics.status,
        "json_attributes_template": _template(kind, name, f"{{{{ {{{pairs}}} | tojson }}}}"),
    }


def _template(kind: str, name: str, show: str) -> str:
    """Return a template that looks up one circuit or load as ``its``, empty if it is not there."""
    return (
        "{% set its = (((value_json | default({}, true))"
        f"['{kind}'] | default({{}}, true))['{name}']) | default({{}}, true) %}}{show}"
    )


def _on_off(value: str) -> str:
    """Return a template for a switch state; null and undefined give unknown."""
    return f"{{{{ {{true: 'ON', false: 'OFF'}}.get({value} | default(none)) }}}}"


def _title(name: str, title: str = "") -> str:
    """Return the title that somebody gave, else the name as people write it."""
    if title not in {"", name}:
        return title
    words = re.sub(r"[_-]+", " ", name).strip()
    return words[:1].upper() + words[1:] or name


def _divides(step: float, whole: float) -> bool:
    return abs(whole / step - round(whole / step)) < 1e-6
