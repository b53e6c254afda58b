import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.config.quantity import (
    Amount,
    UnreadableError,
    parse_duration,
    parse_number,
    parse_power,
    shown_duration,
    watts_per,
)


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (5, Amount(5.0)),
        (6.5, Amount(6.5)),
        ("5", Amount(5.0)),
        ("1500 W", Amount(1500.0, "W")),
        ("1500W", Amount(1500.0, "W")),
        (" 1500  W ", Amount(1500.0, "W")),
        ("1_500 W", Amount(1500.0, "W")),
        ("6.5 A", Amount(6.5, "A")),
        ("500 mA", Amount(500.0, "mA")),
        ("1.5 kW", Amount(1.5, "kW")),
        ("1.5 KW", Amount(1.5, "kW")),
        ("9 kva", Amount(9.0, "kVA")),
        ("9000 va", Amount(9000.0, "VA")),
        ("-2 kW", Amount(-2.0, "kW")),
        ("1e3 W", Amount(1000.0, "W")),
        (".5 kW", Amount(0.5, "kW")),
        (0, Amount(0.0)),
        (1_000_000_000, Amount(1e9)),
    ],
)
def test_a_power_is_read_as_people_write_it(value: Any, amount: Amount) -> None:
    """R3."""
    assert parse_power(value) == amount


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (True, "true is not a number"),
        (None, "null is not a number"),
        ([5], "[5] is not a number"),
        ({"value": 5}, "a table is not a number"),
        ("", '"" is not a number'),
        ("five A", '"five A" is not a number'),
        ("5 6 A", '"5 6 A" is not a number'),
        ("5 MA", '"5 MA" has the unknown unit "MA"'),
        ("5 MW", '"5 MW" has the unknown unit "MW"'),
        ("5 hp", '"5 hp" has the unknown unit "hp"'),
        ("1,5 kW", '"1,5 kW" has a decimal comma; a point is read'),
        (math.inf, "inf is not a finite number"),
        (-math.inf, "-inf is not a finite number"),
        (math.nan, "nan is not a finite number"),
        ("inf", '"inf" is not a finite number'),
        ("nan W", '"nan W" is not a finite number'),
        ("1e999", '"1e999" is not a finite number'),
        (1_000_000_001, "1000000001 is beyond 1 000 000 000"),
        (10**400, "a huge number is beyond 1 000 000 000"),
        (-(10**400), "a huge number is beyond 1 000 000 000"),
        ("1" * 5000, f'"{"1" * 59}…" is not a finite number'),
    ],
)
def test_what_is_no_power_is_said(value: Any, found: str) -> None:
    with pytest.raises(UnreadableError) as error:
        parse_power(value)
    assert str(error.value) == found


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0.0),
        (90, 90.0),
        (0.5, 0.5),
        ("90", 90.0),
        ("90 s", 90.0),
        ("90s", 90.0),
        ("500 ms", 0.5),
        ("2 min", 120.0),
        ("1 h", 3600.0),
        ("1.5 H", 5400.0),
        ("1 d", 86_400.0),
        ("0 s", 0.0),
    ],
)
def test_a_duration_is_read_as_people_write_it(value: Any, seconds: float) -> None:
    assert parse_duration(value) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (-1, "-1 is negative"),
        ("-1 s", '"-1 s" is negative'),
        ("2 m", '"2 m" has the unknown unit "m"'),
        ("1h30", '"1h30" is not a number'),
        ("5 W", '"5 W" has the unknown unit "W"'),
        (math.inf, "inf is not a finite number"),
        (False, "false is not a number"),
    ],
)
def test_what_is_no_duration_is_said(value: Any, found: str) -> None:
    with pytest.raises(UnreadableError) as error:
        parse_duration(value)
    assert str(error.value) == found


@pytest.mark.parametrize(
    ("unit", "watts"),
    [("W", 1.0), ("kW", 1000.0), ("VA", 1.0), ("kVA", 1000.0), ("A", 230.0), ("mA", 0.23)],
)
def test_each_unit_stands_for_watts_at_the_voltage(unit: str, watts: float) -> None:
    """R3: 1 VA counts as 1 W."""
    assert watts_per(unit, 230.0) == pytest.approx(watts)
    # a bare number is in the circuit's unit, whatever else there is
    assert Amount(2.0).watts(unit, 230.0) == pytest.approx(2.0 * watts)
    assert Amount(2.0, "kW").watts(unit, 230.0) == pytest.approx(2000.0)


def test_a_number_with_a_unit_is_no_plain_number() -> None:
    with pytest.raises(UnreadableError, match='"5 A" is not a plain number'):
        parse_number("5 A")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "0.5 s"),
        (15.0, "15 s"),
        (90.0, "90 s"),
        (120.0, "2 min"),
        (86_400.0, "1 d"),
        (0, "0 s"),
    ],
)
def test_a_duration_is_shown_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert shown_duration(seconds) == text


@given(
    st.one_of(
        st.text(max_size=20),
        st.floats(),
        st.integers(),
        st.booleans(),
        st.none(),
        st.lists(st.integers(), max_size=3),
        st.from_regex(r"[-+]?[0-9.,e]{1,8} ?[a-zA-Z]{0,4}", fullmatch=True),
    )
)
def test_any_value_is_finite_or_unreadable(value: Any) -> None:
    for parse in (parse_power, parse_duration, parse_number):
        try:
            read = parse(value)
        except UnreadableError as error:
            told = str(error)
        else:
            told = "finite"
            assert math.isfinite(read.value if isinstance(read, Amount) else read)
        assert "\n" not in told
