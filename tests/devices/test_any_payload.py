"""Whatever bytes arrive, every decoder returns a value or raises DecodeError, nothing else."""

import json
import math
from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from balancer.devices import METERS, RELAYS, REQUESTS
from balancer.devices.base import DecodeError, MeterCodec, RelayCodec, RequestCodec

RELAY_CODECS: list[RelayCodec] = [
    RELAYS["tasmota"](device="t"),
    RELAYS["tasmota"](device="t", channel=2, dead_man_s=60.0),
    RELAYS["zigbee2mqtt"](device="t"),
    RELAYS["zigbee2mqtt"](device="t", channel="l1", inverted=True),
    RELAYS["mqtt"](command_topic="t/set", state_topic="t"),
    RELAYS["mqtt"](command_topic="t/set", state_topic="t", state_path="a[0].b"),
]
METER_CODECS: list[MeterCodec] = [
    METERS["tasmota"](device="t"),
    METERS["zigbee2mqtt"](device="t", watts_per_unit=230.0),
    METERS["mqtt"](topic="t"),
    METERS["mqtt"](topic="t", path="a[0].b", scale=-1.0),
]
REQUEST_CODECS: list[RequestCodec] = [
    REQUESTS["mqtt"](topic="t"),
    REQUESTS["mqtt"](topic="t", path="a.b", on="heat", off="idle"),
    REQUESTS["mqtt"](topic="t", above=10.0),
    REQUESTS["mqtt"](topic="t", path="a", above=10.0),
]

KEYS = st.sampled_from(
    [
        "POWER",
        "POWER2",
        "state",
        "state_l1",
        "power",
        "ENERGY",
        "Power",
        "a",
        "b",
        "StatusSTS",
        "PulseTime",
        "PulseTime2",
        "Set",
    ]
) | st.text(max_size=3)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["ON", "off", "online", "heat", "12.5", "nan", "280 (Active 3)"])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    if draw(st.booleans()):
        return draw(st.binary(max_size=40))
    whole = json.dumps(draw(JSON), ensure_ascii=draw(st.booleans())).encode(
        "utf-8", "surrogatepass"
    )
    return whole[: draw(st.integers(0, len(whole)))] if draw(st.booleans()) else whole


@settings(max_examples=100, deadline=None)
@given(payload=payloads())
@example(payload=b"[" * 10_000)
@example(payload=b'{"PulseTime2":"' + b"9" * 5_000 + b'"}')
@example(payload=b'{"POWER":"\\ud800"}')
def test_any_bytes_are_a_value_or_a_rejection(payload: bytes) -> None:
    for relay in RELAY_CODECS:
        for decode in (*relay.states.values(), *relay.online.values()):
            assert outcome(decode, payload) in {True, False, None}
        for reply in relay.setup_replies.values():
            written = outcome(reply, payload)
            assert written is None or all(not message.retain for message in written)
    for meter in METER_CODECS:
        watts = outcome(meter.decode, payload)
        assert watts is None or (type(watts) is float and math.isfinite(watts))
    for request in REQUEST_CODECS:
        for requested in (False, True):
            wanted = outcome(partial(request.decode, requested=requested), payload)
            assert wanted in {True, False, None}


def outcome(decode: Callable[[bytes], Any], payload: bytes) -> Any:
    """Return the value, or None if it was rejected with a reason and a printable message."""
    try:
        return decode(payload)
    except DecodeError as error:
        f"{error.reason}: {error}".encode()
        return None
