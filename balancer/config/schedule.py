"""When ticks are due: a cron expression in a time zone, through changes of the clocks.

Cron counts on the wall clock, which twice a year leaves an hour out or shows one twice.

1. A time that is left out comes as long after the last one as it would have come: 02:30
   becomes 03:30. If the expression names a time before that, that one comes first.
2. Of an hour that is shown twice the first pass counts. The second counts too if leaving it
   out would make a silence of twice the usual distance or more: ``*/10`` goes on every ten
   minutes, a daily 02:30 comes once.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from croniter import croniter
from croniter.croniter import CroniterError

_ANYTHING = re.compile(r"\s*\S+(?:\s+\S+){4,5}\s*")
# Random and hashed fields of croniter: R, H, H(0-29), H/10
_UNSTEADY = re.compile(r"(?:^|[\s,])[RH](?:$|[\s,(/])", re.IGNORECASE)
_LONGEST = 200  # all minutes of an hour, one by one, fit
_SECOND = timedelta(seconds=1)
_TICK = timedelta(microseconds=1)


class CronSchedule:
    """Times of a cron expression.

    Attributes:
        expression: 5 fields; a sixth at the end gives seconds.
        timezone: Where the wall clock hangs.
    """

    def __init__(self, expression: str, timezone: tzinfo) -> None:
        """Take an expression and the zone that it is meant in.

        Raises:
            ValueError: There is no such time; the text says why.
        """
        self.expression = expression
        self.timezone = timezone
        if len(expression) > _LONGEST:
            raise ValueError(f"it is longer than {_LONGEST} characters")
        if not _ANYTHING.fullmatch(expression) or _UNSTEADY.search(expression):
            raise ValueError("it has not 5 or 6 fields of numbers, names, *, /, - and ,")
        start = datetime.fromisoformat("2026-01-01")  # a wall clock has no zone
        try:
            self._cron = croniter(expression, start)
            self._after(start)
        except CroniterError as error:
            raise ValueError(str(error)) from error

    def __str__(self) -> str:
        return f"{self.expression} ({self.timezone})"

    def next_after(self, instant: datetime) -> datetime:
        """Return the first tick after an aware instant, in UTC."""
        assert instant.tzinfo is not None
        here = instant.astimezone(self.timezone)
        wall, offset = here.replace(tzinfo=None), _offset(here)
        due = self._after(wall)
        first, second = self._offsets(due)
        if here.fold and second < first:  # within the second pass
            if self._repeats(end := self._change(due - first, due - second) + first):
                return _utc(due, second)
            due = self._after(end - _TICK)
            first, second = self._offsets(due)
        if second > first:  # left out
            resumed = self._change(due - second, due - first) + second
            return min(_utc(due, first), _utc(self._after(resumed - _TICK), second))
        if first < offset and not here.fold:  # beyond an hour that is shown twice
            change = self._change(wall - offset, due - first)
            again = self._after(change + first - _TICK)
            if again < change + offset and self._repeats(change + offset):
                return _utc(again, first)
        return _utc(due, first)

    def _after(self, wall: datetime) -> datetime:
        found: datetime = self._cron.get_next(datetime, start_time=wall)
        return found

    def _repeats(self, end: datetime) -> bool:
        """Return whether an hour shown twice counts twice; ``end`` is its wall time."""
        last: datetime = self._cron.get_prev(datetime, start_time=end)
        following = self._after(end - _TICK)
        first, second = self._offsets(end - _TICK)
        usual = following - last
        return usual + (first - second) >= 2 * usual

    def _offsets(self, wall: datetime) -> tuple[timedelta, timedelta]:
        """Return the offsets before and after a change of clocks at a wall time.

        They are equal at all other times.
        """
        aware = wall.replace(tzinfo=self.timezone)
        return _offset(aware), _offset(aware.replace(fold=1))

    def _change(self, before: datetime, after: datetime) -> datetime:
        """Return when the clocks change between two UTC times without zone."""
        old = self._offset_at(before)
        while after - before > _SECOND:
            middle = before + (after - before) // 2
            if self._offset_at(middle) == old:
                before = middle
            else:
                after = middle
        return after.replace(microsecond=0)

    def _offset_at(self, utc: datetime) -> timedelta:
        return _offset(utc.replace(tzinfo=UTC).astimezone(self.timezone))


def _offset(aware: datetime) -> timedelta:
    offset = aware.utcoffset()
    assert offset is not None, aware
    return offset


def _utc(wall: datetime, offset: timedelta) -> datetime:
    return (wall - offset).replace(tzinfo=UTC)
