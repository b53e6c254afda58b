"""Whoever can publish can write what is read back: what does not fit is left out and said."""

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from balancer.views.memory import read_back
from balancer.views.status import dump
from tests.views.reading_back import NOW_S, mended, restored, the_status
from tests.views.small_house import TOPICS, a_house


@pytest.mark.parametrize("payload", [b"5", b"-1", b"1.5", b"\xff", b"9" * 5000])
def test_a_mode_that_is_not_among_the_steps_is_left_out_and_said(payload: bytes) -> None:
    remembered, sentences, _ = restored(the_status() | {TOPICS.mode("main"): payload})
    assert remembered.circuits["main"].mode is None
    assert "circuits.main.mode" in sentences[0]


@pytest.mark.parametrize(
    "payload", [b"nan", b"inf", b"-1", b"1e999", b"x", b"\xff\xfe", b"0" * 39 + b"20"]
)
def test_a_limit_that_is_no_limit_is_left_out_and_said(payload: bytes) -> None:
    remembered, sentences, _ = restored(the_status() | {TOPICS.limit("main"): payload})
    assert remembered.circuits["main"].limit_w is None
    assert "circuits.main.limit" in sentences[0]


def test_a_limit_may_be_as_long_as_any_number_is_written() -> None:
    retained = the_status() | {TOPICS.limit("main"): b"0" * 38 + b"20"}
    assert restored(retained)[0].circuits["main"].limit_w == 4600.0


@pytest.mark.parametrize("payload", [b"OFFICE", b"ONCE", b"O", b" ON", b"true", b"0", b"\xff"])
def test_a_switch_that_is_neither_on_nor_off_is_left_to_the_status_and_said(
    payload: bytes,
) -> None:
    remembered, sentences, _ = restored(the_status() | {TOPICS.zone("lounge"): payload})
    assert remembered.requests["lounge"] is True
    (sentence,) = sentences
    assert "what=zones.lounge.request" in sentence
    assert "is not ON or OFF" in sentence


def test_a_limit_in_another_unit_than_the_configured_is_left_out_and_said() -> None:
    remembered, sentences, _ = restored(mended("circuits", "garage", "unit", value="W"))
    assert remembered.circuits["garage"].limit_w is None
    assert "circuits.garage.limit" in sentences[0]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"17",
        b"\xff\xfe\x00",
        b'{"version":2,"loads":{"towels":{"on":true,"served_s":5}}}',
        b'{"version":true}',
        b'{"version":"1"}',
        b"[" * 100_000,
        b'{"version":' + b"9" * 6000 + b"}",
    ],
    ids=lambda payload: repr(payload[:20]),
)
def test_a_status_that_cannot_be_used_is_forgotten_and_said(payload: bytes) -> None:
    """F77."""
    remembered, sentences, left = restored({TOPICS.status: payload})
    assert remembered == restored({})[0]
    assert len(sentences) == 1
    assert sentences[0].startswith("state_not_restored")
    assert left.gone == ()


@pytest.mark.parametrize(
    ("size", "read"), [(4_000_000, True), (4_000_001, False)], ids=["at the bound", "above it"]
)
def test_a_status_is_read_up_to_four_million_bytes(size: int, read: bool) -> None:
    """F77: a good one, but for its size."""
    payload = the_status()[TOPICS.status].ljust(size)
    remembered, sentences, left = restored({TOPICS.status: payload})
    assert (left.sequence == 4711) is read
    assert (remembered == restored(the_status())[0]) is read
    assert [each for each in sentences if "bytes are too many" in each] == list(sentences)
    assert (sentences == ()) is read


@pytest.mark.parametrize("key", ["claim", "shed"])
@pytest.mark.parametrize("value", [1, "true", "x", [0], {"on": True}, None], ids=repr)
def test_a_claim_and_a_shed_are_remembered_when_they_are_true_and_nothing_else(
    key: str, value: object
) -> None:
    """F77."""
    for name in a_house().loads:
        remembered, _, _ = restored(mended("loads", name, key, value=value))
        assert getattr(remembered.loads[name], key) is False
        remembered, _, _ = restored(mended("loads", name, key, value=True))
        assert getattr(remembered.loads[name], key) is True


@pytest.mark.parametrize(
    ("at", "is_time"),
    [
        ("1999-12-31T23:59:59.000Z", False),
        ("2000-01-01T00:00:00.000Z", True),
        ("2199-12-31T23:59:59.000Z", True),
        ("2200-01-01T00:00:00.000Z", False),
        ("2026-11-22T06:00:00.000", False),
        ("yesterday", False),
        (1_795_327_200, False),
    ],
)
def test_a_time_in_a_year_of_no_clock_that_is_set_is_left_out_and_said(
    at: object, is_time: bool
) -> None:
    """F77."""
    remembered, sentences, _ = restored(mended("loads", "towels", "switched", value=at))
    assert (remembered.loads["towels"].switched_s is not None) is is_time
    assert [each for each in sentences if "loads.towels.switched" in each] == list(sentences)
    assert (sentences == ()) is is_time


@pytest.mark.parametrize("sequence", [-1, 1.5, True, "7", None, 10**400, [], {}])
def test_a_sequence_that_is_no_count_starts_anew(sequence: object) -> None:
    assert restored(mended("sequence", value=sequence))[2].sequence == 0


@pytest.mark.parametrize(
    "key", ["served_s", "wanted_s", "switches", "learned_w", "learned_low_w", "learned_steps"]
)
@pytest.mark.parametrize(
    "value",
    [-1.0, 1e300, math.nan, math.inf, "7", True, [], {}, 10**400],
    ids=lambda v: repr(v)[:9],
)
def test_a_number_out_of_range_is_left_out_and_said(key: str, value: object) -> None:
    """F77."""
    remembered, sentences, _ = restored(mended("loads", "towels", key, value=value))
    load = remembered.loads["towels"]
    assert getattr(load, key) in (None, 0)
    assert [sentence for sentence in sentences if f"loads.towels.{key}" in sentence]
    assert load.served_s <= load.wanted_s


@pytest.mark.parametrize(
    ("key", "most", "above"),
    [
        ("wanted_s", 2_592_000.0, 2_592_000.1),  # 30 days
        ("switches", 2**53, 2**53 + 1),
        ("learned_w", 30_000.0, 30_000.1),  # 20 times the rated power
        ("learned_low_w", 30_000.0, 30_000.1),
        ("learned_steps", 12, 13),
    ],
)
def test_a_number_is_remembered_up_to_its_bound(key: str, most: float, above: float) -> None:
    """F77."""
    remembered, sentences, _ = restored(mended("loads", "towels", key, value=most))
    assert getattr(remembered.loads["towels"], key) == most
    assert sentences == ()
    remembered, sentences, _ = restored(mended("loads", "towels", key, value=above))
    assert getattr(remembered.loads["towels"], key) in (None, 0)
    assert f"loads.towels.{key}" in sentences[0]


def test_a_learned_draw_of_nothing_was_not_learned() -> None:
    remembered, sentences, _ = restored(mended("loads", "towels", "learned_w", value=0.0))
    assert remembered.loads["towels"].learned_w is None
    assert sentences == ()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (10**400, "a huge number"),
        (-(10**400), "a huge number"),
        ('"} why="no\nthing', r"''} why='no\nthing'"),
        ("a" * 100, "'" + "a" * 60 + "'"),
        ("\u20ac" * 100, "'" + r"\u20ac" * 13 + "\\"),  # 80 characters
        ([1, 2], "a list"),
        ({"a": 1}, "an object"),
    ],
    ids=lambda value: repr(value)[:9],
)
def test_what_is_said_of_a_value_is_short_and_cannot_end_its_quotes(
    value: object, shown: str
) -> None:
    """F77: what somebody wrote shall not write the log."""
    _, sentences, _ = restored(mended("loads", "towels", "switched", value=value))
    assert sentences == (f'state_not_restored what=loads.towels.switched why="{shown} is no time"',)


def test_what_is_said_of_a_payload_is_short_and_cannot_end_its_quotes() -> None:
    """F77."""
    payload = b'"} why="x"' + b"\xff" + b"a" * 5000
    _, sentences, _ = restored(the_status() | {TOPICS.away: payload})
    shown = r"''} why='x'\ufffd" + "a" * 49
    assert sentences == (f'state_not_restored what=away why="{shown}\' is not ON or OFF"',)


def test_a_mangled_document_does_not_flood_the_log() -> None:
    house = a_house()
    loads = {
        name: dict.fromkeys(("on", "served_s", "wanted_s", "switched", "switches"), "x")
        for name in house.loads
    }
    document = {"version": 1, "loads": loads}
    _, sentences, _ = restored({TOPICS.status: json.dumps(document).encode()})
    assert len(sentences) == 11
    assert "5 more" in sentences[-1]


@pytest.mark.parametrize("name", ["#", "+", "a/b", "a b", "", "é", "\ud800", "a" * 300, "\x00"])
def test_names_that_could_be_no_name_are_not_made_into_topics(name: str) -> None:
    retained = mended("loads", name, value={})
    assert restored(retained)[2].gone == ()


def test_no_more_than_a_thousand_names_are_made_into_topics() -> None:
    """F70, F77: a flood of names shall not become a flood of messages."""
    retained = mended("zones", value={f"old_{number}": {} for number in range(1001)})
    gone = restored(retained)[2].gone
    assert gone == tuple(TOPICS.zone(f"old_{number}") for number in range(1000))


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(
        ["ON", "A", "kW", "set", "2026-11-22T06:30:00.000Z", "2199-12-31T00:00Z", "x"]
    )
    | st.text(max_size=8)
    | st.sampled_from([[], {}, [{}], 10**400])
)
NAMES = st.sampled_from(["main", "garage", "lounge", "towels", "bench", "gone", "#", ""])
FIELDS = st.sampled_from(
    [
        *("on", "claim", "served_s", "wanted_s", "boost_until", "switched", "switches", "shed"),
        *("learned_w", "learned_low_w", "learned_steps", "switches_today", "unit", "limit"),
        *("limit_configured", "mode", "mode_source", "request"),
    ]
)
ENTRIES = LEAVES | st.dictionaries(
    NAMES, LEAVES | st.dictionaries(FIELDS, LEAVES, max_size=6), max_size=4
)


@given(payload=st.binary(max_size=60), topic=st.sampled_from(read_back(a_house(), TOPICS)))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_bytes_on_any_topic_raise(payload: bytes, topic: str) -> None:
    """F77."""
    remembered, _, _ = restored(the_status() | {topic: payload})
    assert set(remembered.loads) == set(a_house().loads)


@given(
    document=st.fixed_dictionaries(
        {"version": st.just(1)},
        optional={
            **dict.fromkeys(("sequence", "time", "away"), LEAVES),
            **dict.fromkeys(("circuits", "zones", "loads"), ENTRIES),
        },
    )
)
@example({"version": 1, "loads": {"towels": {"switched": "9999-12-31T23:59:59+00:00"}}})
@example({"version": 1, "loads": {"towels": {"switched": "2026-11-22T06:00:00"}}})
@example({"version": 1, "loads": {"towels": {"boost_until": "0001-01-01T00:00:00+23:59"}}})
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_document_gives_a_memory_that_is_finite_and_in_range(document: dict[str, Any]) -> None:
    """F77."""
    remembered, sentences, left = restored({TOPICS.status: json.dumps(document).encode()})
    for load in remembered.loads.values():
        assert 0.0 <= load.served_s <= load.wanted_s < math.inf
        assert load.switches >= 0
        assert load.switched_s is None or -math.inf < load.switched_s <= NOW_S
        assert load.boost_until_s is None or NOW_S < load.boost_until_s <= NOW_S + 7200.0
        assert load.learned_w is None or 0.0 < load.learned_w < math.inf
        assert load.learned_low_w is None or 0.0 < load.learned_low_w < math.inf
        assert 0 <= load.learned_steps <= 12
    for circuit in remembered.circuits.values():
        assert circuit.limit_w is None or 0.0 <= circuit.limit_w < 9000.0
    assert left.sequence >= 0
    assert all(sentence.isprintable() for sentence in sentences)
    dump({"sequence": left.sequence + 1})
