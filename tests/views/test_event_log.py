import logging

import pytest

from balancer.core.commands import Cause, Decided, Note, NoteKind, Reason, Switching
from balancer.views.event_log import Line, event, log_line, note_line
from tests.views.small_house import START, a_house

SHED = Decided(
    cause=Cause.OVERLOAD,
    circuit="main",
    meter_w=7360.0,
    available_w=2300.0,
    switchings=(
        Switching("towels", on=False, reason=Reason.SHED),
        Switching("bench", on=False, reason=Reason.SHED),
        Switching("lounge_window", on=True, reason=Reason.SERVING),
    ),
)


def test_an_event_tells_the_decision_in_the_unit_of_its_circuit() -> None:
    """Design: Topics, B/event."""
    assert event(SHED, a_house(), at=START, dry_run=False) == {
        "time": "2026-11-22T06:00:00.000Z",
        "cause": "overload",
        "circuit": "main",
        "meter": 32.0,
        "available": 10.0,
        "commands": [
            {"load": "towels", "on": False, "reason": "shed"},
            {"load": "bench", "on": False, "reason": "shed"},
            {"load": "lounge_window", "on": True, "reason": "serving"},
        ],
        "dry_run": False,
    }


def test_an_event_of_the_whole_house_has_no_circuit_and_no_powers() -> None:
    away = Decided(
        cause=Cause.AWAY,
        circuit=None,
        meter_w=None,
        available_w=None,
        switchings=(Switching("towels", on=False, reason=Reason.AWAY),),
    )
    document = event(away, a_house(), at=START, dry_run=True)
    assert (document["circuit"], document["meter"], document["available"]) == (None, None, None)
    assert document["dry_run"] is True


def test_a_log_line_shows_the_arithmetic_of_a_shed() -> None:
    """Style: Logging."""
    assert log_line(SHED, a_house()) == Line(
        logging.INFO,
        "overload circuit=main meter_w=7360 limit_w=6900 excess_w=460 available_w=2300"
        " off=towels:shed,bench:shed off_rated_w=3500"
        " on=lounge_window:serving on_rated_w=1150",
    )


def test_a_log_line_takes_the_limit_in_force_and_says_when_nothing_was_really_switched() -> None:
    """R17."""
    text = log_line(SHED, a_house(), limit_w=8000.0, dry_run=True).text
    assert "limit_w=8000 headroom_w=640" in text
    assert text.endswith("dry_run=true")


def test_a_log_line_of_the_whole_house_names_cause_and_loads_only() -> None:
    stop = Decided(
        cause=Cause.STOP,
        circuit=None,
        meter_w=None,
        available_w=None,
        switchings=(Switching("towels", on=False, reason=Reason.IDLE),),
    )
    assert log_line(stop, a_house()).text == "stop off=towels:idle off_rated_w=1500"


@pytest.mark.parametrize("kind", NoteKind)
def test_every_note_has_a_line_that_names_its_subject(kind: NoteKind) -> None:
    line = note_line(Note(kind, "towels", value=1.0, cause=Cause.OVERLOAD))
    assert "=towels" in line.text
    assert line.text.isprintable()


@pytest.mark.parametrize(
    ("entry", "over"),
    [
        (NoteKind.BLIND, NoteKind.BLIND_OVER),
        (NoteKind.FAULT, NoteKind.FAULT_OVER),
        (NoteKind.SUSPECT, NoteKind.SUSPECT_OVER),
    ],
)
def test_a_bad_state_and_its_end_are_logged_at_the_same_level(
    entry: NoteKind, over: NoteKind
) -> None:
    """Style: Logging (once on change, with a line when it is over)."""
    begins, ends = note_line(Note(entry, "x")), note_line(Note(over, "x"))
    assert begins.level == ends.level == logging.WARNING
    assert "_over" in ends.text


def test_an_overload_that_no_load_can_mend_is_an_error_with_its_excess() -> None:
    line = note_line(Note(NoteKind.UNSHEDDABLE, "main", value=460.4))
    assert line.level == logging.ERROR
    assert "excess_w=460" in line.text
