from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from balancer.config.schedule import CronSchedule

PARIS = ZoneInfo("Europe/Paris")


def ticks(expression: str, start: str, number: int, zone: ZoneInfo = PARIS) -> list[str]:
    """Return wall times with their offset, in hours after UTC."""
    schedule = CronSchedule(expression, zone)
    at = datetime.fromisoformat(start).replace(tzinfo=UTC)
    found = []
    for _ in range(number):
        later = schedule.next_after(at)
        assert later > at
        assert later.tzinfo is UTC
        found.append(f"{later.astimezone(zone):%d %H:%M:%S%z}")
        at = later
    return found


def test_ticks_follow_the_expression() -> None:
    assert ticks("*/10 * * * *", "2026-01-05T06:05:00", 3) == [
        "05 07:10:00+0100",
        "05 07:20:00+0100",
        "05 07:30:00+0100",
    ]


def test_a_sixth_field_at_the_end_gives_seconds() -> None:
    assert ticks("* * * * * */20", "2026-01-05T06:05:01", 2) == [
        "05 07:05:20+0100",
        "05 07:05:40+0100",
    ]


def test_a_tick_at_the_instant_itself_is_past() -> None:
    assert ticks("0 * * * *", "2026-01-05T06:00:00", 1) == ["05 08:00:00+0100"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("*/30 * * * *", ["29 01:30:00+0100", "29 03:00:00+0200", "29 03:30:00+0200"]),
        ("7,37 * * * *", ["29 01:37:00+0100", "29 03:07:00+0200", "29 03:37:00+0200"]),
        ("30 2 * * *", ["29 03:30:00+0200", "30 02:30:00+0200", "31 02:30:00+0200"]),
        ("0 */2 * * *", ["29 03:00:00+0200", "29 04:00:00+0200", "29 06:00:00+0200"]),
        ("30 2,3 * * *", ["29 03:30:00+0200", "30 02:30:00+0200", "30 03:30:00+0200"]),
        ("30 2,4 * * *", ["29 03:30:00+0200", "29 04:30:00+0200", "30 02:30:00+0200"]),
        ("45 2 * * *", ["29 03:45:00+0200", "30 02:45:00+0200", "31 02:45:00+0200"]),
        ("45 2 29 3 *", ["29 03:45:00+0200", "29 02:45:00+0200", "29 02:45:00+0200"]),
        ("0,45 2,3 * * *", ["29 03:00:00+0200", "29 03:45:00+0200", "30 02:00:00+0200"]),
        ("15 3 * * *", ["29 03:15:00+0200", "30 03:15:00+0200", "31 03:15:00+0200"]),
    ],
)
def test_an_hour_that_is_left_out_stops_nothing_and_doubles_nothing(
    expression: str, expected: list[str]
) -> None:
    """F72: on 29 March 2026 the clocks go from 02:00 to 03:00."""
    assert ticks(expression, "2026-03-29T00:20:00", 3) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("*/30 * * * *", ["02:00+2", "02:30+2", "02:00+1", "02:30+1", "03:00+1"]),
        ("7,37 * * * *", ["02:07+2", "02:37+2", "02:07+1", "02:37+1", "03:07+1"]),
        ("0 * * * *", ["02:00+2", "02:00+1", "03:00+1", "04:00+1", "05:00+1"]),
        ("0,30 2-4 * * *", ["02:00+2", "02:30+2", "02:00+1", "02:30+1", "03:00+1"]),
        ("30 2 * * *", ["02:30+2", "02:30+1", "02:30+1", "02:30+1", "02:30+1"]),
        ("0,5 2 * * *", ["02:00+2", "02:05+2", "02:00+1", "02:05+1", "02:00+1"]),
        ("0 */2 * * *", ["02:00+2", "04:00+1", "06:00+1", "08:00+1", "10:00+1"]),
        ("30 3 * * *", ["03:30+1", "03:30+1", "03:30+1", "03:30+1", "03:30+1"]),
    ],
)
def test_an_hour_shown_twice_counts_twice_only_where_silence_would_double(
    expression: str, expected: list[str]
) -> None:
    """F72: on 25 October 2026 the clocks go from 03:00 to 02:00."""
    found = ticks(expression, "2026-10-24T23:59:00", 5)
    assert [f"{each[3:8]}{each[11]}{each[13]}" for each in found] == expected


def test_a_daily_tick_comes_once_on_the_long_day() -> None:
    """F72: the second 02:30 of that day is none."""
    days = [each[:2] for each in ticks("30 2 * * *", "2026-10-24T12:00:00", 3)]
    assert days == ["25", "26", "27"]


def test_within_the_second_pass_a_daily_tick_waits_for_the_next_day() -> None:
    # given 02:10 shown for the second time
    assert ticks("30 2 * * *", "2026-10-25T01:10:00", 1) == ["26 02:30:00+0100"]


def test_within_the_second_pass_a_frequent_tick_goes_on() -> None:
    assert ticks("*/10 * * * *", "2026-10-25T01:55:00", 2) == [
        "25 03:00:00+0100",
        "25 03:10:00+0100",
    ]


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "America/Sao_Paulo", "America/New_York"])
def test_over_years_of_changing_clocks_rotation_never_stops_and_never_doubles(zone: str) -> None:
    """F72."""
    schedule = CronSchedule("*/30 * * * *", ZoneInfo(zone))
    at = datetime(2017, 1, 1, tzinfo=UTC)
    # sampled around every change of the clocks
    for _ in range(4 * 365):
        at += timedelta(hours=5, minutes=50)
        first = schedule.next_after(at)
        second = schedule.next_after(first)
        assert at < first <= at + timedelta(minutes=60)
        assert timedelta(minutes=30) <= second - first <= timedelta(minutes=60)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * *",
        "* * * * * * *",
        "@daily",
        "61 * * * *",
        "a b c d e",
        "*/0 * * * *",
        "0 0 31 2 *",
        "0 0 30 2 *",
        "0 0 30 2 * 5",
        "R R * * *",
        "H * * * *",
        "H/10 * * * *",
        "r(0-9) * * * *",
        "* * * * *\x00",
        "² * * * *",
        f"{'9' * 5000} * * * *",
    ],
)
def test_an_expression_without_a_next_time_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        CronSchedule(expression, UTC)


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 6 * MAR FRI", " 0  0 * * 0 ", "0 0 L * *"])
def test_rare_and_named_times_are_taken(expression: str) -> None:
    assert CronSchedule(expression, UTC).next_after(datetime(2026, 11, 22, tzinfo=UTC))
