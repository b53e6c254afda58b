import gzip
from math import inf
from pathlib import Path

import pytest

from balancer.sim.home.appliances import APPLIANCES, household
from balancer.sim.home.traces import (
    Trace,
    TraceError,
    constant_trace,
    load_trace,
    load_weather,
    shipped_trace,
    shipped_weather,
)


def write(folder: Path, text: str, name: str = "house.csv") -> str:
    path = folder / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return str(path)


def test_trace_is_read_with_its_local_start_and_repeats(tmp_path: Path) -> None:
    trace = load_trace(
        write(tmp_path, "timestamp,power_w\n2026-01-05T00:00,100\n2026-01-05T00:01,300\n")
    )
    assert str(trace.start) == "2026-01-05 00:00:00"
    assert trace.length_s == 120.0
    assert [trace.power_at(at_s) for at_s in (0.0, 59.9, 60.0, 119.9, 120.0, 180.0)] == [
        100.0, 100.0, 300.0, 300.0, 100.0, 300.0,
    ]  # fmt: skip
    assert [trace.next_change_s(at_s) for at_s in (0.0, 60.0, 120.0)] == [60.0, 120.0, 180.0]


def test_seconds_packed_files_and_other_columns_are_read(tmp_path: Path) -> None:
    text = "time,voltage_v,mains_w,oven_w\n7.0,230,500,0\n8.5,230,500,0\n10,231,900,400\n"
    where = write(tmp_path, text, "house.csv.gz")
    assert list(load_trace(where).power_w) == [500.0, 900.0]
    assert list(load_trace(f"{where}:oven_w").power_w) == [0.0, 400.0]
    assert load_trace(where).length_s == 4.5


def test_missing_value_repeats_the_one_before(tmp_path: Path) -> None:
    trace = load_trace(write(tmp_path, "time,power_w\n0,100\n60,\n120,200\n"))
    assert trace.power_at(90.0) == 100.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: a header"),
        ("when,power_w\n0,1\n1,2\n", 'line 1: there is no column "time" or "timestamp"'),
        ("time,power\n0,1\n1,2\n", "line 1: there is no column of watts"),
        ("time,power_w\n0,1\n1,many\n", "line 3: power_w is 'many', not a number"),
        ("time,power_w\n0,1\n1,nan\n", "line 3: power_w is 'nan', not a finite number"),
        ("time,power_w\n0,\n1,2\n", "line 2: power_w is '', not a number"),
        ("time,power_w\n0,1\n1,2e6\n", "line 3: power_w is '2e6', more watts than any house"),
        ("time,power_w\n0,1\n1\n", "line 3: 1 columns where 2 belong"),
        ("time,power_w\n0,1\nnoon,2\n", "line 3: the time 'noon' is neither ISO 8601"),
        ("time,power_w\n0,1\ninf,2\n", "line 3: the time 'inf' is not finite"),
        ("time,power_w\n5,1\n5,2\n", "line 3: the time '5' is not after the one before"),
        ("time,power_w\n5,1\n", "at least two samples; there are 1"),
    ],
)
def test_what_is_no_trace_is_told_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TraceError) as told:
        load_trace(write(tmp_path, text))
    assert says in str(told.value)
    assert "house.csv" in str(told.value)


def test_what_cannot_be_read_at_all_is_told(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="No such file"):
        load_trace(str(tmp_path / "missing.csv"))
    (tmp_path / "bytes.csv").write_bytes(b"time,power_w\n\xff\xfe\n")
    with pytest.raises(TraceError, match="not UTF-8"):
        load_trace(str(tmp_path / "bytes.csv"))
    (tmp_path / "broken.csv.gz").write_bytes(gzip.compress(b"time,power_w\n0,1\n1,2\n")[:-6])
    with pytest.raises(TraceError, match=r"broken\.csv\.gz"):
        load_trace(str(tmp_path / "broken.csv.gz"))
    (tmp_path / "bent.csv.gz").write_bytes(b"\x1f\x8b\x08" + bytes(7) + b"time,power_w")
    with pytest.raises(TraceError, match=r"bent\.csv\.gz"):
        load_trace(str(tmp_path / "bent.csv.gz"))
    with pytest.raises(TraceError, match='no column "oven_w"'):
        load_trace(write(tmp_path, "time,power_w\n0,1\n1,2\n") + ":oven_w")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hour,temp_c\n0,1\n", 'line 1: there is no column "hour_of_year"'),
        ("hour_of_year,temp_c\n0,cold\n", "line 2: temp_c is 'cold', not a number"),
        ("hour_of_year,temp_c\n0.5,1\n", "line 2: hour_of_year is '0.5'"),
        ("hour_of_year,temp_c\n" + "".join(f"{h},1\n" for h in range(1, 40)), "hour 0 is missing"),
        ("hour_of_year,temp_c\n0,1\n1,900\n", "line 3: temp_c is '900', not -90 to 60 degrees"),
        ("hour_of_year,temp_c\n0,1\n0,2\n", "line 3: hour_of_year 0 is there twice"),
        ("hour_of_year,temp_c\n0,1\n1,2\n", "at least a day of them; hour 2 is missing"),
    ],
)
def test_what_is_no_weather_is_told_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TraceError) as told:
        load_weather(write(tmp_path, text))
    assert says in str(told.value)


def test_shipped_recordings_are_a_winter_fortnight_and_a_year() -> None:
    trace, weather = shipped_trace(), shipped_weather()
    assert str(trace.start) == "2007-01-01 00:00:00"
    assert trace.length_s == 14 * 86400.0
    assert max(trace.power_w) > 8000.0
    assert min(trace.power_w) >= 0.0
    assert len(weather.hourly_c) == 8760
    assert -10.0 < min(weather.hourly_c) < 0.0
    assert max(weather.hourly_c) > 25.0


def test_trace_started_later_is_the_same_trace() -> None:
    trace = shipped_trace()
    later = trace.from_day(3)
    assert str(later.start) == "2007-01-04 00:00:00"
    for at_s in range(0, 15 * 86400, 4321):
        assert later.power_at(at_s) == trace.power_at(at_s + 3 * 86400.0)
    assert trace.from_day(14) is trace


def test_constant_trace_never_changes() -> None:
    trace = constant_trace(300.0)
    assert trace.power_at(1e9) == 300.0
    assert trace.next_change_s(1e9) == inf


def by_minute(trace: Trace, days: int) -> list[float]:
    """Return means over each minute."""
    means = []
    for minute in range(days * 1440):
        at_s, energy = minute * 60.0, 0.0
        while at_s < minute * 60.0 + 60.0:
            next_s = min(trace.next_change_s(at_s), minute * 60.0 + 60.0)
            energy += trace.power_at(at_s) * (next_s - at_s)
            at_s = next_s
        means.append(energy / 60.0)
    return means


def spells_a_day(means: list[float], above_w: float) -> float:
    rises = sum(b > above_w >= a for a, b in zip([0.0, *means], means, strict=False))
    return rises / (len(means) / 1440.0)


# Four homes measured for a month each in minutes (IDEAL house 65, REFIT houses 2 and 20,
# UK-DALE house 2), least and greatest: the made-up ones are, taken together, one more
# of them.
MEASURED = {
    "kWh a day": (6.8, 14.7),
    "90th percentile": (347.0, 1164.0),
    "99th percentile": (2401.0, 4432.0),
    "spells above 1.5 kW a day": (7.8, 20.5),
    "spells above 2.5 kW a day": (4.3, 14.6),
    "spells above 4.5 kW a day": (0.6, 3.1),
}


def test_made_up_households_look_like_measured_ones() -> None:
    means = [each for seed in range(4) for each in by_minute(household(days=28, seed=seed), 28)]
    ranked = sorted(means)
    found = {
        "kWh a day": sum(means) / 60e3 / (4 * 28),
        "90th percentile": ranked[len(ranked) * 90 // 100],
        "99th percentile": ranked[len(ranked) * 99 // 100],
        "spells above 1.5 kW a day": spells_a_day(means, 1500.0),
        "spells above 2.5 kW a day": spells_a_day(means, 2500.0),
        "spells above 4.5 kW a day": spells_a_day(means, 4500.0),
    }
    for name, (least, greatest) in MEASURED.items():
        assert 0.9 * least <= found[name] <= 1.1 * greatest, (name, found[name])


def test_everything_electric_peaks_like_the_shipped_house_and_beyond() -> None:
    everything = by_minute(household(days=14, seed=1, appliances=tuple(APPLIANCES)), 14)
    shipped = by_minute(shipped_trace(), 14)
    assert max(everything) > max(shipped) > 8000.0
    assert 0.7 < sum(everything) / sum(shipped) < 1.4


def test_same_seed_makes_the_same_household_and_another_seed_another() -> None:
    assert household(days=2, seed=5).power_w == household(days=2, seed=5).power_w
    assert household(days=2, seed=5).power_w != household(days=2, seed=6).power_w
