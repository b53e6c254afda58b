import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from balancer.core.snapshot import Snapshot
from balancer.views.status import dump, iso, shown
from tests.views.small_house import a_snapshot, a_status


def test_the_status_is_the_document_that_others_rely_on(
    golden: Callable[[str, str], None],
) -> None:
    """Design: Topics, Status JSON."""
    golden("status.json", json.dumps(a_status(a_snapshot()), indent=1, ensure_ascii=False) + "\n")


def test_powers_are_in_the_unit_of_the_circuit_and_of_the_first_circuit_of_a_load() -> None:
    """R3."""
    status = json.loads(dump(a_status(a_snapshot())))
    assert status["circuits"]["main"]["meter"] == 21.4
    assert status["circuits"]["garage"]["available"] == 2.877
    assert status["loads"]["lounge_window"]["draw"] == 4.7
    assert status["loads"]["lounge_window"]["learned"] == 4.8


def trip_margin(seen: Snapshot) -> Any:
    return json.loads(dump(a_status(seen)))["circuits"]["main"]["trip_margin"]


def test_an_infinite_trip_margin_is_null_and_a_finite_one_a_number() -> None:
    """Design: Topics."""
    seen = a_snapshot()
    assert trip_margin(seen) is None
    hot = replace(seen.circuits["main"], trip_margin_s=12.345)
    seen = replace(seen, circuits={**seen.circuits, "main": hot})
    assert trip_margin(seen) == 12.3


def test_the_document_is_compact_json_without_not_a_number() -> None:
    payload = dump(a_status(a_snapshot()))
    assert b": " not in payload
    assert b"NaN" not in payload
    assert b"Infinity" not in payload
    assert json.loads(payload)["version"] == 1


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 11, 22, 6, 12, 0, 123_999, tzinfo=UTC), "2026-11-22T06:12:00.123Z"),
        (
            datetime(2026, 7, 1, 0, 30, tzinfo=timezone(timedelta(hours=2))),
            "2026-06-30T22:30:00.000Z",
        ),
    ],
    ids=["cut to milliseconds", "brought to UTC"],
)
def test_times_are_utc_with_milliseconds(at: datetime, text: str) -> None:
    assert iso(at) == text


def test_what_is_shown_stays_the_same_while_only_clocks_and_ages_run() -> None:
    """Design: Topics (paced when a shown number changed)."""
    # given a status, and another one later
    seen = a_snapshot()
    main = replace(seen.circuits["main"], age_s=1.5)
    lounge = replace(seen.loads["lounge_window"], served_s=7300.0, wanted_s=10_208.0)
    later = replace(
        seen,
        at_s=721.0,
        circuits={**seen.circuits, "main": main},
        loads={**seen.loads, "lounge_window": lounge},
    )
    # then they show the same, though they differ
    assert a_status(later, sequence=4712) != a_status(seen)
    assert shown(a_status(later, sequence=4712)) == shown(a_status(seen))


def test_what_is_shown_changes_with_a_number_of_a_circuit_and_with_a_reason() -> None:
    seen = a_snapshot()
    main = replace(seen.circuits["main"], meter_w=4923.0)
    moved = replace(seen, circuits={**seen.circuits, "main": main})
    towels = replace(seen.loads["towels"], detail=None)
    explained = replace(seen, loads={**seen.loads, "towels": towels})
    away = replace(seen, away=True)
    for other in (moved, explained, away):
        assert shown(a_status(other)) != shown(a_status(seen))
