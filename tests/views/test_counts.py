from dataclasses import replace

import pytest

from balancer.core.commands import Cause, Decided, Note, NoteKind, Reason, Switching
from balancer.views.counts import Counts, Histogram
from tests.views.small_house import a_snapshot


@pytest.mark.parametrize(
    ("duration_s", "bucket"),
    [(0.0, 0), (0.999, 0), (1.0, 0), (1.001, 1), (2.0, 1), (2.001, 2)],
)
def test_a_duration_falls_under_the_first_bound_that_is_not_below_it(
    duration_s: float, bucket: int
) -> None:
    histogram = Histogram((1.0, 2.0))
    histogram.observe(duration_s)
    assert histogram.counts.index(1) == bucket
    assert histogram.total_s == duration_s


def test_notes_are_counted_by_what_they_say() -> None:
    counts = Counts()
    for kind in NoteKind:
        counts.note(Note(kind, "towels", value=0.3, cause=Cause.ROTATION))
    assert counts.switches == {("towels", "rotation"): 1}
    assert counts.retries == counts.unconfirmed == counts.foreign == {"towels": 1}
    assert counts.rotations == 1
    assert sum(counts.confirm["towels"].counts) == 1
    assert counts.confirm["towels"].total_s == 0.3


@pytest.mark.parametrize(
    ("cause", "on", "sheds"),
    [
        (Cause.OVERLOAD, False, {("main", "overload"): 1}),
        (Cause.BLIND, False, {("main", "blind"): 1}),
        (Cause.ROTATION, False, {}),
        (Cause.AWAY, False, {}),
        (Cause.MODE, True, {}),
    ],
)
def test_a_shed_is_a_decision_that_takes_power_away(
    cause: Cause, on: bool, sheds: dict[tuple[str, str], int]
) -> None:
    counts = Counts()
    switching = Switching("towels", on=on, reason=Reason.SHED)
    counts.decided(Decided(cause, "main", 7000.0, 0.0, (switching,)))
    assert counts.sheds == sheds


def test_time_on_is_what_the_relay_reports_and_what_is_meant_where_it_does_not() -> None:
    # given the lounge on, the towels off by report though meant on, the bench meant on, unreported
    seen = a_snapshot()
    loads = {
        "lounge_window": seen.loads["lounge_window"],
        "towels": replace(seen.loads["towels"], on=True, relay=False),
        "bench": replace(seen.loads["bench"], on=True, relay=None),
    }
    counts = Counts()
    # when ten seconds pass, then the lounge goes off and ten more pass
    counts.follow(replace(seen, at_s=100.0, loads=loads))
    loads["lounge_window"] = replace(loads["lounge_window"], relay=False)
    counts.follow(replace(seen, at_s=110.0, loads=dict(loads)))
    counts.follow(replace(seen, at_s=120.0, loads=dict(loads)))
    # then
    assert counts.on_s == {"lounge_window": 10.0, "bench": 20.0}
