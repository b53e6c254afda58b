"""Families of devices: what they say and how they are spoken to.

The only list of families; the key is `type` in config.toml. A further family is one file
with a FAMILY and a line here.
"""

from collections.abc import Callable, Mapping

from balancer.devices import mqtt, tasmota, zigbee2mqtt
from balancer.devices.base import Family, MeterCodec, RelayCodec, RequestCodec

FAMILIES: Mapping[str, Family] = {
    "mqtt": mqtt.FAMILY,
    "tasmota": tasmota.FAMILY,
    "zigbee2mqtt": zigbee2mqtt.FAMILY,
}

RELAYS: Mapping[str, Callable[..., RelayCodec]] = {
    name: family.relay for name, family in FAMILIES.items() if family.relay is not None
}
METERS: Mapping[str, Callable[..., MeterCodec]] = {
    name: family.meter for name, family in FAMILIES.items() if family.meter is not None
}
REQUESTS: Mapping[str, Callable[..., RequestCodec]] = {
    name: family.request for name, family in FAMILIES.items() if family.request is not None
}
