"""What everything but the heaters takes, and the outdoor temperature, read from CSV files."""

import csv
import gzip
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from io import StringIO
from itertools import pairwise
from math import inf, isfinite
from pathlib import Path
from statistics import median

HOURS_PER_YEAR = 8760
COLDEST_C, HOTTEST_C = -90.0, 60.0  # on earth
MOST_W = 1e6  # no house takes more, or gives
SHIPPED_TRACE = "uci_sceaux_14days.csv.gz"
SHIPPED_WEATHER = "rt2012_h1a_hourly.csv.gz"


class TraceError(ValueError):
    """A file that is no trace or no weather; the message says which line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Power that is constant between samples and starts again when it is over.

    Attributes:
        name: Where it comes from, for people.
        start: Local time of the first sample; None: the file has seconds only.
        length_s: After it the trace repeats, in seconds; positive.
        at_s: Starts of the samples from 0, rising; neighbours of equal power are one.
        power_w: Watts, as many.
    """

    name: str
    start: datetime | None
    length_s: float
    at_s: "array[float]"
    power_w: "array[float]"

    def power_at(self, at_s: float) -> float:
        """Return watts at an instant, in seconds from the start."""
        return self.power_w[bisect_right(self.at_s, at_s % self.length_s) - 1]

    def next_change_s(self, at_s: float) -> float:
        """Return the instant after ``at_s`` at which the power may change."""
        rounds, within_s = divmod(at_s, self.length_s) if self.length_s < inf else (0.0, at_s)
        index = bisect_right(self.at_s, within_s)
        following_s = self.at_s[index] if index < len(self.at_s) else self.length_s
        return following_s if rounds == 0.0 else rounds * self.length_s + following_s

    def from_day(self, day: int) -> "Trace":
        """Return the trace started a number of days later, its beginning moved to its end."""
        begin_s = (day * 86_400.0) % self.length_s if isfinite(self.length_s) else 0.0
        if begin_s == 0.0:
            return self
        first = bisect_right(self.at_s, begin_s) - 1
        times = array("d", (max(0.0, each - begin_s) for each in self.at_s[first:]))
        powers = array("d", self.power_w[first:])
        times.extend(each + self.length_s - begin_s for each in self.at_s[: first + 1])
        powers.extend(self.power_w[: first + 1])
        start = None if self.start is None else self.start + timedelta(days=day)
        return Trace(self.name, start, self.length_s, times, powers)


@dataclass(frozen=True, slots=True)
class Weather:
    """A year of outdoor temperatures, in degrees Celsius by hour of the year."""

    name: str
    hourly_c: tuple[float, ...]

    def outside_c(self, year_s: float) -> float:
        """Return the temperature of the hour that contains a second of the year."""
        return self.hourly_c[int(year_s // 3600.0) % len(self.hourly_c)]


def load_trace(where: str) -> Trace:
    """Return the trace in ``FILE`` or ``FILE:COLUMN``.

    Raises:
        TraceError: The file cannot be read or is no trace.
    """
    path, column = _split(where)
    return _trace(_text(path), str(path), column)


def load_weather(where: str) -> Weather:
    """Return the weather in a file with the columns ``hour_of_year`` and ``temp_c``.

    Raises:
        TraceError: The file cannot be read or is no weather.
    """
    return _weather(_text(Path(where)), where)


@cache
def shipped_trace() -> Trace:
    """Return the fourteen winter days that come with the package; nobody changes them."""
    return _trace(_shipped(SHIPPED_TRACE), SHIPPED_TRACE, None)


@cache
def shipped_weather() -> Weather:
    """Return the typical year that comes with the package; nobody changes it."""
    return _weather(_shipped(SHIPPED_WEATHER), SHIPPED_WEATHER)


def constant_trace(power_w: float) -> Trace:
    """Return a trace of one power."""
    return Trace("constant", None, inf, array("d", [0.0]), array("d", [power_w]))


def _shipped(name: str) -> str:
    found = resources.files("balancer.sim").joinpath("data", name).read_bytes()
    return gzip.decompress(found).decode()


def _split(where: str) -> tuple[Path, str | None]:
    """Split ``FILE:COLUMN``; a file whose own name holds the colon wins."""
    if ":" in where and not Path(where).exists():
        file, column = where.rsplit(":", 1)
        return Path(file), column
    return Path(where), None


def _text(path: Path) -> str:
    try:
        found = path.read_bytes()
        if path.suffix == ".gz" or found[:2] == b"\x1f\x8b":
            found = gzip.decompress(found)
        return found.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise TraceError(f"{path}: {reason}") from error
    except UnicodeDecodeError as error:
        raise TraceError(f"{path}: is not UTF-8 text (byte {error.start})") from error


def _rows(text: str, name: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    reader = csv.reader(StringIO(text))
    header = next(reader, None)
    if not header or not any(each.strip() for each in header):
        raise TraceError(f"{name}, line 1: a header with the names of the columns is missing")

    def following() -> Iterator[tuple[int, list[str]]]:
        try:
            for row in reader:
                if row:
                    yield reader.line_num, row
        except csv.Error as error:
            raise TraceError(f"{name}, line {reader.line_num}: {error}") from error

    return [each.strip() for each in header], following()


def _column(header: list[str], wanted: str | None, name: str) -> int:
    if wanted is not None:
        if wanted in header:
            return header.index(wanted)
        raise TraceError(
            f'{name}, line 1: there is no column "{wanted}"; there are: {", ".join(header)}'
        )
    if "power_w" in header:
        return header.index("power_w")
    for index, each in enumerate(header):
        if each.endswith("_w"):
            return index
    raise TraceError(
        f"{name}, line 1: there is no column of watts (power_w, or a name that ends in _w); "
        f"there are: {', '.join(header)}"
    )


def _trace(text: str, name: str, column: str | None) -> Trace:
    header, rows = _rows(text, name)
    clocks = [each for each in ("time", "timestamp") if each in header]
    if not clocks:
        raise TraceError(
            f'{name}, line 1: there is no column "time" or "timestamp"; '
            f"there are: {', '.join(header)}"
        )
    clock, watts = header.index(clocks[0]), _column(header, column, name)
    times, powers = array("d"), array("d")
    start: datetime | None = None
    origin_s = 0.0
    for line, row in rows:
        if len(row) <= max(clock, watts):
            raise TraceError(f"{name}, line {line}: {len(row)} columns where {len(header)} belong")
        when_s, when = _time(row[clock], f"{name}, line {line}")
        if not times:
            start, origin_s = when, when_s
        elif when_s - origin_s <= times[-1]:
            raise TraceError(
                f"{name}, line {line}: the time {row[clock]!r} is not after the one before"
            )
        text_w = row[watts].strip()
        if not text_w and powers:  # nothing was recorded: the last value holds
            power_w = powers[-1]
        else:
            power_w = _number(text_w, f"{name}, line {line}", header[watts])
            if abs(power_w) > MOST_W:
                raise TraceError(
                    f"{name}, line {line}: {header[watts]} is {text_w!r}, more watts than any "
                    "house takes"
                )
        times.append(when_s - origin_s)
        powers.append(power_w)
    if len(times) < 2:
        raise TraceError(f"{name}: a trace has at least two samples; there are {len(times)}")
    gaps = [after - before for before, after in pairwise(times)]
    return _merged(name, start, times[-1] + median(gaps), times, powers)


def _merged(
    name: str,
    start: datetime | None,
    length_s: float,
    times: "array[float]",
    powers: "array[float]",
) -> Trace:
    kept = [0] + [index for index in range(1, len(powers)) if powers[index] != powers[index - 1]]
    return Trace(
        name,
        start,
        length_s,
        array("d", (times[index] for index in kept)),
        array("d", (powers[index] for index in kept)),
    )


def _time(text: str, where: str) -> tuple[float, datetime | None]:
    """Return seconds on a line of their own, and the local time if it was one."""
    try:
        when_s = float(text)
    except ValueError:
        try:
            when = datetime.fromisoformat(text.strip())
        except ValueError as error:
            raise TraceError(
                f"{where}: the time {text!r} is neither ISO 8601 nor a number of seconds"
            ) from error
        local = when.replace(tzinfo=None)
        aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
        return aware.timestamp(), local
    if not isfinite(when_s):
        raise TraceError(f"{where}: the time {text!r} is not finite")
    return when_s, None


def _number(text: str, where: str, column: str) -> float:
    try:
        found = float(text)
    except ValueError as error:
        raise TraceError(f"{where}: {column} is {text!r}, not a number") from error
    if not isfinite(found):
        raise TraceError(f"{where}: {column} is {text!r}, not a finite number")
    return found


def _weather(text: str, name: str) -> Weather:
    header, rows = _rows(text, name)
    for wanted in ("hour_of_year", "temp_c"):
        if wanted not in header:
            raise TraceError(
                f'{name}, line 1: there is no column "{wanted}"; there are: {", ".join(header)}'
            )
    hour_column, temperature_column = header.index("hour_of_year"), header.index("temp_c")
    found: dict[int, float] = {}
    for line, row in rows:
        where = f"{name}, line {line}"
        if len(row) <= max(hour_column, temperature_column):
            raise TraceError(f"{where}: {len(row)} columns where {len(header)} belong")
        hour = _number(row[hour_column], where, "hour_of_year")
        if not 0.0 <= hour < HOURS_PER_YEAR + 24 or hour != int(hour):
            raise TraceError(f"{where}: hour_of_year is {row[hour_column]!r}, not 0 to 8783")
        if int(hour) in found:
            raise TraceError(f"{where}: hour_of_year {int(hour)} is there twice")
        outside_c = _number(row[temperature_column], where, "temp_c")
        if not COLDEST_C <= outside_c <= HOTTEST_C:
            raise TraceError(
                f"{where}: temp_c is {row[temperature_column]!r}, "
                f"not {COLDEST_C:g} to {HOTTEST_C:g} degrees Celsius"
            )
        found[int(hour)] = outside_c
    missing = next(hour for hour in range(len(found) + 1) if hour not in found)
    if missing < len(found) or len(found) < 24:
        raise TraceError(
            f"{name}: hours from 0 without a gap belong there, at least a day of them; "
            f"hour {missing} is missing"
        )
    return Weather(name, tuple(found[hour] for hour in range(len(found))))
