"""The smallest house that there can be, in watts, and what reads it."""

from collections.abc import Callable

from balancer.config.setup import Setup

HOUSE = """
[circuits.main]
limit = 6000
meter = { type = "mqtt", topic = "house/power" }
[zones.lounge]
[loads.lounge]
zone = "lounge"
circuit = "main"
power = 1500
relay = { type = "mqtt", command_topic = "heat/lounge/set", state_topic = "heat/lounge" }
"""

Read = Callable[..., Setup]
Problems = Callable[..., list[str]]
Golden = Callable[[str, str], None]
