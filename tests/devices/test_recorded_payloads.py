"""Every message recorded from real devices, and what it must be read as."""

import json
from pathlib import Path
from typing import Any

import pytest

from balancer.devices import METERS, RELAYS, REQUESTS
from balancer.devices.base import DecodeError

FIXTURES = Path(__file__).parents[1] / "fixtures"
ROWS = [
    json.loads(line)
    for file in sorted(FIXTURES.glob("*/payloads.jsonl"))
    for line in file.read_text(encoding="utf-8").splitlines()
]
READINGS = [
    pytest.param(row, reading, id=f"{row['id']}-{reading['family']}-{reading['what']}-{number}")
    for row in ROWS
    for number, reading in enumerate(row["reads"])
]


def read(reading: dict[str, Any], topic: str, payload: bytes) -> bool | float | None:
    """Return what the codec of a fixture makes of a message; it must read that topic."""
    options = reading["options"]
    match reading["role"]:
        case "relay":
            relay = RELAYS[reading["family"]](**options)
            decoders = relay.online if reading["what"] == "online" else relay.states
            return decoders[topic](payload)
        case "meter":
            meter = METERS[reading["family"]](**options)
            assert meter.topic == topic
            return meter.decode(payload)
        case "request":
            request = REQUESTS[reading["family"]](**options)
            assert request.topic == topic
            return request.decode(payload, requested=reading["requested"])
        case role:
            raise AssertionError(role)


@pytest.mark.parametrize(("row", "reading"), READINGS)
def test_a_recorded_message_is_read_as_it_was_meant(
    row: dict[str, Any], reading: dict[str, Any]
) -> None:
    topic, payload = row["topic"], row["payload"].encode()
    if reading["what"] == "unread":
        # given a message that says nothing about this relay, then its topic is not subscribed
        relay = RELAYS[reading["family"]](**reading["options"])
        assert topic not in {*relay.states, *relay.online, *relay.setup_replies}
    elif "rejected" in reading:
        with pytest.raises(DecodeError) as raised:
            read(reading, topic, payload)
        assert raised.value.reason == reading["rejected"]
    else:
        value = read(reading, topic, payload)
        expected = reading["value"]
        assert type(value) is type(expected)
        assert value == (pytest.approx(expected) if isinstance(expected, float) else expected)


def test_every_recorded_message_names_its_source_and_licence() -> None:
    assert len({row["id"] for row in ROWS}) == len(ROWS) == 79
    assert all(row["source"] and row["licence"] and row["reads"] for row in ROWS)
