"""Anything on MQTT whose topics and words are told by configuration: relays, meters, requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from balancer.core.model import RelayTraits
from balancer.devices.base import Family, OnlineDecoder, SetupDecoder, StateDecoder
from balancer.devices.payload import (
    ABSENT,
    Path,
    find,
    parse_path,
    read_json,
    read_number,
    read_switch,
    read_watts,
    to_number,
    to_switch,
    vocabulary,
)
from balancer.devices.topic import exact
from balancer.wire import Message

RELEASE_POINTS = 5.0  # a demand in per cent ends so far below `above`


@dataclass(frozen=True, slots=True)
class MqttRelay:
    """A relay with a command topic and perhaps a topic for its state.

    Attributes:
        command_topic: Where it is commanded.
        on: Payload that closes the relay.
        off: Payload that opens it.
        state_topic: Where it reports; None: it does not.
        state_path: Where in a JSON report; None: the report is the word.
        state_on: Reported word for closed; None: as ``on``.
        state_off: Reported word for open; None: as ``off``.
        inverted: The heater is on while the relay is off.
        retries: See ``RelayTraits``, as is confirm_within_s.
        qos: Of the commands.
    """

    command_topic: str
    on: str = "ON"
    off: str = "OFF"
    state_topic: str | None = None
    state_path: str | None = None
    state_on: str | None = None
    state_off: str | None = None
    inverted: bool = False
    retries: int = 3
    confirm_within_s: float | None = None
    qos: int = 0
    traits: RelayTraits = field(init=False, repr=False, compare=False)
    states: Mapping[str, StateDecoder] = field(init=False, repr=False, compare=False)
    online: Mapping[str, OnlineDecoder] = field(init=False, repr=False, compare=False)
    setup_replies: Mapping[str, SetupDecoder] = field(init=False, repr=False, compare=False)
    command_topics: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _commands: Mapping[bool, Message] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.on == self.off:
            raise ValueError(f"on and off are both {self.on!r}")
        states: dict[str, StateDecoder] = {}
        if self.state_topic is not None:
            if self.state_topic == self.command_topic:
                raise ValueError(
                    f"state_topic is command_topic {self.command_topic!r}: our own command would "
                    "pass for the relay's report"
                )
            words = vocabulary(
                self.on if self.state_on is None else self.state_on,
                self.off if self.state_off is None else self.state_off,
            )
            states[exact(self.state_topic)] = partial(
                _decode_state, path=parse_path(self.state_path), words=words, inverted=self.inverted
            )
        topic = exact(self.command_topic)
        derived = {
            "traits": RelayTraits(
                confirms=bool(states),
                retries=self.retries,
                confirm_within_s=self.confirm_within_s,
            ),
            "states": states,
            "online": {},
            "setup_replies": {},
            "command_topics": (topic,),
            "_commands": {
                on: Message(
                    topic, (self.on if on is not self.inverted else self.off).encode(), qos=self.qos
                )
                for on in (False, True)
            },
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def switch(self, *, on: bool) -> Message:
        """Return the command; never retained."""
        return self._commands[on]

    def query(self) -> tuple[Message, ...]:
        """Return nothing: it cannot be asked."""
        return ()

    def setup(self) -> tuple[Message, ...]:
        """Return nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class MqttMeter:
    """A topic with a number, plain or in JSON.

    Attributes:
        topic: Where it reports.
        path: Where in a JSON report; None: the report is the number.
        watts_per_unit: Watts that one unit of the number stands for.
        scale: Factor before that.
        qos: Of the subscription.
    """

    topic: str
    path: str | None = None
    watts_per_unit: float = 1.0
    scale: float = 1.0
    qos: int = 0
    _path: Path = field(init=False, repr=False, compare=False)
    _factor: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        exact(self.topic)
        object.__setattr__(self, "_path", parse_path(self.path))
        object.__setattr__(self, "_factor", self.scale * self.watts_per_unit)

    def decode(self, payload: bytes) -> float:
        """Return finite watts, negative while exporting. Raises DecodeError."""
        return read_watts(payload, self._path, self._factor)


@dataclass(frozen=True, slots=True)
class MqttRequest:
    """A topic on which a thermostat says whether it wants heat.

    Attributes:
        topic: Where it reports.
        path: Where in a JSON report; None: the report is the word or number.
        on: Word for wanted.
        off: Word for not wanted.
        above: The report is a demand in per cent that asks for heat above this, until it
            falls ``RELEASE_POINTS`` lower; None: it is a word.
        qos: Of the subscription.
    """

    topic: str
    path: str | None = None
    on: str = "ON"
    off: str = "OFF"
    above: float | None = None
    qos: int = 1
    _path: Path = field(init=False, repr=False, compare=False)
    _words: Mapping[str, bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        exact(self.topic)
        object.__setattr__(self, "_path", parse_path(self.path))
        object.__setattr__(self, "_words", vocabulary(self.on, self.off))

    def decode(self, payload: bytes, *, requested: bool) -> bool | None:
        """Return whether heat is wanted; None: it says nothing about that.

        Args:
            payload: As received.
            requested: What is requested now.

        Raises:
            DecodeError: An unknown word, not a number, not JSON.
        """
        if not self._path:
            if self.above is None:
                return read_switch(payload, self._words)
            return self._demanded(read_number(payload), self.above, requested=requested)
        value = find(read_json(payload), self._path)
        if value is ABSENT:
            return None
        if self.above is None:
            return to_switch(value, self._words)
        return self._demanded(to_number(value), self.above, requested=requested)

    @staticmethod
    def _demanded(demand: float, above: float, *, requested: bool) -> bool:
        # A demand of 0 always ends the request, however small `above` is.
        return demand > (max(above - RELEASE_POINTS, 0.0) if requested else above)


def unit_of(_path: str | None) -> str | None:
    """Return None: the unit of a number on any topic is told by configuration."""
    return None


FAMILY = Family(relay=MqttRelay, meter=MqttMeter, request=MqttRequest, unit_of=unit_of)


def _decode_state(
    payload: bytes, *, path: Path, words: Mapping[str, bool], inverted: bool
) -> bool | None:
    if not path:
        return read_switch(payload, words) is not inverted
    value = find(read_json(payload), path)
    return None if value is ABSENT else to_switch(value, words) is not inverted
