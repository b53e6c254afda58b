"""config.toml, table by table, as it is written: nothing converted, nothing compared.

What must be there is marked REQUIRED, not demanded by pydantic: a table with a missing or
unreadable key is still read, so that all its problems are found at once.
"""

from typing import Annotated

from pydantic import Field

from balancer.config.devices import Meter, Relay, Request, Table
from balancer.config.fields import (
    POWER,
    REQUIRED,
    CircuitUnit,
    Count,
    CountAboveZero,
    Duration,
    DurationAboveZero,
    Estimated,
    Flag,
    Hint,
    Host,
    Idle,
    Name,
    Names,
    OnExit,
    OwnTopic,
    Port,
    PortOrNone,
    PowerAboveZero,
    PowerNotNegative,
    Prefix,
    Priority,
    Ratio,
    SecretText,
    Steps,
    Text,
    Voltage,
)

_FILE = Hint("the path of a file, from the folder of config.toml", '"ca.crt"')


class TlsTable(Table):
    """``mqtt.tls``: an empty table stands for the system's authorities."""

    ca: Annotated[Text | None, _FILE] = None
    certificate: Annotated[Text | None, _FILE] = None
    key: Annotated[Text | None, _FILE] = None


class MqttTable(Table):
    """``[mqtt]``: the broker."""

    host: Host = "localhost"
    port: Port = 1883
    username: Text | None = None
    password: SecretText | None = None
    password_file: Annotated[
        Text | None, Hint("the path of a file that holds nothing else", '"/run/secrets/mqtt"')
    ] = None
    base_topic: OwnTopic = "balancer"
    tls: Annotated[TlsTable | None, Hint("a table", '{ ca = "ca.crt" }')] = None


class HomeAssistantTable(Table):
    """``[homeassistant]``: discovery."""

    discovery: Flag = True
    prefix: Prefix = "homeassistant"


class HttpTable(Table):
    """``[http]``: metrics and health."""

    host: Annotated[Host, Hint("an address to listen on", '"127.0.0.1"')] = "127.0.0.1"
    port: PortOrNone = 9842


class RotationTable(Table):
    """``[rotation]``: when turns are given anew."""

    every: Annotated[
        Text,
        Hint("5 cron fields, a sixth at the end gives seconds", '"*/10 * * * *"'),
    ] = "*/10 * * * *"
    timezone: Annotated[Text, Hint("a name of the tz database", '"Europe/Paris"')] = "UTC"
    order: Names = ()
    hold_off: Annotated[Duration, Hint('0 or more, as "1 s" or a number of seconds', '"1 s"')] = 1.0


class BreakerTable(Table):
    """``circuits.*.breaker``: what trips (R19)."""

    profile: Annotated[Text | None, REQUIRED, Hint("the name of a profile", '"linky"')] = None
    rating: Annotated[PowerAboveZero | None, Hint(f"more than 0, as {POWER}", '"32 A"')] = None


class CircuitTable(Table):
    """``[circuits.*]``: a supply with a limit."""

    unit: CircuitUnit = "W"
    voltage: Voltage = 230.0
    limit: Annotated[
        PowerAboveZero | None, REQUIRED, Hint(f"more than 0, as {POWER}", '"30 A"')
    ] = None
    reserve: PowerNotNegative | None = None
    estimation: Estimated = "global"
    safe_ratio: Ratio = 1.3
    hysteresis: Annotated[Ratio, Hint("1 to 100", "1.1")] = 1.1
    restore_delay: Duration = 30.0
    settle: Annotated[Duration, Hint('0 or more, as "3 s" or a number of seconds', '"3 s"')] = 3.0
    idle: Idle = "reserve"
    fallback_active: Count = 0
    steps: Steps | None = None
    parent: Annotated[Name | None, Hint("the name of a circuit", '"…"')] = None
    meter: Meter | None = None
    non_heating_meters: Annotated[
        tuple[Meter, ...],
        Hint(
            "a list of meters",
            '[ { type = "zigbee2mqtt", device = "washer", max = "10 A" } ]',
        ),
    ] = ()
    security_margin: PowerNotNegative | None = None
    available: Meter | None = None
    breaker: Annotated[BreakerTable | None, Hint("a table", '{ profile = "linky" }')] = None


class ZoneTable(Table):
    """``[zones.*]``: what one thermostat controls."""

    title: Annotated[Text | None, Hint("text for people", '"Lounge"')] = None
    request: Request | None = None
    request_ttl: Annotated[
        Duration | None, Hint('0 (none) or more, as "2 h" or a number of seconds', '"2 h"')
    ] = None


class LoadTable(Table):
    """``[loads.*]``: one heater behind one relay channel."""

    title: Annotated[Text | None, Hint("text for people", '"Lounge, window"')] = None
    zone: Annotated[Name | None, Hint("the name of a zone", '"…"')] = None
    circuit: Annotated[Name | None, Hint("the name of a circuit", '"…"')] = None
    circuits: Annotated[Names | None, Hint("a list of names of circuits", '["l1", "l2", "l3"]')] = (
        None
    )
    power: Annotated[PowerAboveZero | None, REQUIRED] = None
    priority: Priority = 0
    min_on: Annotated[Duration, Hint('0 or more, as "5 min" or in seconds', '"5 min"')] = 300.0
    min_off: Annotated[Duration, Hint('0 or more, as "2 min" or in seconds', '"2 min"')] = 120.0
    boost_max: Annotated[
        DurationAboveZero, Hint('more than 0, as "2 h" or a number of seconds', '"2 h"')
    ] = 7200.0
    rated_switches: CountAboveZero = 100_000
    relay: Annotated[Relay | None, REQUIRED] = None
    meter: Meter | None = None


class Config(Table):
    """The whole file."""

    name: Name = "house"
    dry_run: Flag = False
    on_exit: OnExit = "off"
    mqtt: MqttTable = Field(default_factory=MqttTable)
    homeassistant: HomeAssistantTable = Field(default_factory=HomeAssistantTable)
    http: HttpTable = Field(default_factory=HttpTable)
    rotation: RotationTable = Field(default_factory=RotationTable)
    circuits: Annotated[
        dict[Name, CircuitTable], Hint("a table for each circuit, such as [circuits.main]")
    ] = Field(default_factory=dict)
    zones: Annotated[
        dict[Name, ZoneTable], Hint("a table for each zone, such as [zones.lounge]")
    ] = Field(default_factory=dict)
    loads: Annotated[
        dict[Name, LoadTable], Hint("a table for each load, such as [loads.towels]")
    ] = Field(default_factory=dict)
