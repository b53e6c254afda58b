"""The tables of config.toml that tell of a relay, a meter or a request, by ``type``.

A further family is one class each for what it can be, and a place in the unions below; the
keys are named as the options of its codec.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from balancer.config.fields import (
    REQUIRED,
    DeadMan,
    Device,
    Duration,
    DurationAboveZero,
    Endpoint,
    Flag,
    FullTopic,
    Hint,
    JsonPath,
    MeterUnit,
    Percent,
    Power,
    Qos,
    RelayNumber,
    Retries,
    Scale,
    Topic,
    Word,
)


class Table(BaseModel):
    """A table of config.toml: unknown keys are problems, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class RelayTable(Table):
    """What every relay may have.

    Attributes:
        inverted: The heater is on while the relay is off.
        retries: Repeats of an unconfirmed command.
        confirm_within: Fixed time for a confirmation, in seconds; None: measured.
        qos: Of the commands.
    """

    longest_dead_man_s: ClassVar[float] = 0.0
    inverted: Flag = False
    retries: Retries = 3
    confirm_within: Duration | None = None
    qos: Qos = 0

    def options(self) -> dict[str, Any]:
        """Return the options of the family's codec that are given."""
        options = {
            key: value
            for key in type(self).model_fields
            if key not in {"type", "dead_man_proven"} and (value := getattr(self, key)) is not None
        }
        for key in ("confirm_within", "dead_man"):
            if key in options:
                options[f"{key}_s"] = options.pop(key)
        return options


class TasmotaRelayTable(RelayTable):
    """A relay of a Tasmota device."""

    longest_dead_man_s: ClassVar[float] = 64_800.0  # PulseTime
    type: Literal["tasmota"]
    device: Annotated[Device | None, REQUIRED] = None
    channel: RelayNumber | None = None
    full_topic: FullTopic | None = None
    dead_man: DeadMan | None = None


class Zigbee2MqttRelayTable(RelayTable):
    """A relay of a Zigbee device."""

    longest_dead_man_s: ClassVar[float] = 6553.0  # on_time, tenths of a second in 16 bits
    type: Literal["zigbee2mqtt"]
    device: Annotated[Device | None, REQUIRED] = None
    channel: Endpoint | None = None
    base_topic: Topic | None = None
    dead_man: DeadMan | None = None
    dead_man_proven: Flag = False


class MqttRelayTable(RelayTable):
    """A relay whose topics and words are told."""

    type: Literal["mqtt"]
    command_topic: Annotated[Topic | None, REQUIRED] = None
    on: Word = "ON"
    off: Word = "OFF"
    state_topic: Topic | None = None
    state_path: JsonPath | None = None
    state_on: Word | None = None
    state_off: Word | None = None


class MeterTable(Table):
    """What every meter may have.

    Attributes:
        unit: Of its number; None: the family's or the circuit's.
        scale: Factor on its number.
        min: Least believable reading; None: -2 times the limit.
        max: Greatest believable reading; None: 10 times the limit.
        stale_after: Silence after which it counts as gone, in seconds.
        qos: Of the subscription.
    """

    unit: MeterUnit | None = None
    scale: Scale = 1.0
    min: Power | None = None
    max: Power | None = None
    stale_after: DurationAboveZero | None = None
    qos: Qos = 0

    def options(self) -> dict[str, Any]:
        """Return the options of the family's codec that are given, without ``watts_per_unit``."""
        return {
            key: value
            for key in type(self).model_fields
            if key not in {"type", "unit", "min", "max", "stale_after"}
            and (value := getattr(self, key)) is not None
        }


class TasmotaMeterTable(MeterTable):
    """A number in a Tasmota device's telemetry."""

    type: Literal["tasmota"]
    device: Annotated[Device | None, REQUIRED] = None
    path: JsonPath | None = None
    full_topic: FullTopic | None = None


class Zigbee2MqttMeterTable(MeterTable):
    """A number in a Zigbee device's state."""

    type: Literal["zigbee2mqtt"]
    device: Annotated[Device | None, REQUIRED] = None
    path: JsonPath | None = None
    base_topic: Topic | None = None


class MqttMeterTable(MeterTable):
    """A topic with a number."""

    type: Literal["mqtt"]
    topic: Annotated[Topic | None, REQUIRED] = None
    path: JsonPath | None = None


class MqttRequestTable(Table):
    """A topic on which a thermostat says whether it wants heat."""

    type: Literal["mqtt"]
    topic: Annotated[Topic | None, REQUIRED] = None
    path: JsonPath | None = None
    on: Word | None = None
    off: Word | None = None
    above: Percent | None = None
    qos: Qos = 1

    def options(self) -> dict[str, Any]:
        """Return the options of the family's codec that are given."""
        return {
            key: value
            for key in type(self).model_fields
            if key != "type" and (value := getattr(self, key)) is not None
        }


_BY_TYPE = Field(discriminator="type")

Relay = Annotated[
    TasmotaRelayTable | Zigbee2MqttRelayTable | MqttRelayTable,
    _BY_TYPE,
    Hint(
        'a table with type = "mqtt", "tasmota" or "zigbee2mqtt"',
        '{ type = "zigbee2mqtt", device = "relay_lounge" }',
    ),
]
Meter = Annotated[
    TasmotaMeterTable | Zigbee2MqttMeterTable | MqttMeterTable,
    _BY_TYPE,
    Hint(
        'a table with type = "mqtt", "tasmota" or "zigbee2mqtt"',
        '{ type = "mqtt", topic = "house/power" }',
    ),
]
Request = Annotated[
    MqttRequestTable,
    Hint(
        'a table with type = "mqtt"',
        '{ type = "mqtt", topic = "zigbee2mqtt/trv", path = "running_state", on = "heat", '
        'off = "idle" }',
    ),
]
