"""The wall-clock times that a cron expression means.

Times of day come from the parsed sets; the calendar (which day comes next) is croniter's part, asked only in its sound
use: naive midnights and canonical fields. It is not even imported for expressions that fit every day.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from ppacer.core.cron import CronFields


class CronRule:
    """The wall-clock times that an expression means, in no zone at all."""

    def __init__(self, fields: CronFields) -> None:
        self._fields = fields
        self._day = _every_day if fields.every_day else _calendar(fields)
        self._first_time = time(fields.hours[0], fields.minutes[0], fields.seconds[0])
        self._from, self._found = date.max, date.min  # the last question about days and its answer; none yet

    def after(self, moment: datetime) -> datetime | None:
        """The first of them later than a naive time; none where the years (up to 9999) end before it."""
        return self.at_or_after(moment.replace(microsecond=0) + _SECOND)

    def at_or_after(self, moment: datetime) -> datetime | None:
        """The first of them at or after a naive time without microseconds."""
        day = self._day_from(moment.date())
        if day is not None and day == moment.date():
            found = self._time_from(moment.hour, moment.minute, moment.second)
            if found is not None:
                return datetime.combine(day, found)
            day = self._day_from(day + _DAY) if day < date.max else None
        return None if day is None else datetime.combine(day, self._first_time)

    def count(self, after: datetime, until: datetime) -> int:
        """How many of them are later than one naive time and not later than another."""
        first, last = after.date(), until.date()
        times = self._fields.times
        if first == last:
            return self._passed(until) - self._passed(after)
        rest = times - self._passed(after) if self._day_from(first) == first else 0
        return rest + times * self._days_between(first, last) + self._passed(until)

    def _passed(self, moment: datetime) -> int:
        """How many of the times of its day are not later than a naive time."""
        if self._day_from(moment.date()) != moment.date():
            return 0
        fields = self._fields
        hours, this_hour = bisect_left(fields.hours, moment.hour), moment.hour in fields.hours
        minutes, this_minute = bisect_left(fields.minutes, moment.minute), moment.minute in fields.minutes
        seconds = bisect_right(fields.seconds, moment.second)
        of_hour = minutes * len(fields.seconds) + (seconds if this_minute else 0)
        return hours * len(fields.minutes) * len(fields.seconds) + (of_hour if this_hour else 0)

    def _days_between(self, first: date, last: date) -> int:
        """How many days between the two fit."""
        if self._fields.every_day:
            return (last - first).days - 1
        number = 0
        day = self._day_from(first + _DAY)
        while day is not None and day < last:
            number += 1
            day = self._day_from(day + _DAY)
        return number

    def _day_from(self, day: date) -> date | None:
        """The first fitting day not before this one. The last answer serves all questions in between."""
        if self._from <= day <= self._found:
            return self._found
        found = self._day(day)
        if found is not None:
            self._from, self._found = day, found
        return found

    def _time_from(self, hour: int, minute: int, second: int) -> time | None:
        """The first fitting time of day not before this one."""
        fields = self._fields
        if (at := bisect_left(fields.hours, hour)) == len(fields.hours):
            return None
        if fields.hours[at] == hour:
            if (found := self._minute_from(minute, second)) is not None:
                return time(hour, *found)
            at += 1
            if at == len(fields.hours):
                return None
        return time(fields.hours[at], fields.minutes[0], fields.seconds[0])

    def _minute_from(self, minute: int, second: int) -> tuple[int, int] | None:
        fields = self._fields
        at = bisect_left(fields.minutes, minute)
        if at < len(fields.minutes) and fields.minutes[at] == minute:
            if (later := bisect_left(fields.seconds, second)) < len(fields.seconds):
                return minute, fields.seconds[later]
            at += 1
        return (fields.minutes[at], fields.seconds[0]) if at < len(fields.minutes) else None


# --- days ------------------------------------------------------------------------------------------------------------

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


def _every_day(day: date) -> date | None:
    return day


def _calendar(fields: CronFields) -> Callable[[date], date | None]:
    """The first fitting day from a given one on, by croniter.

    It is asked for days of the month and days of the week apart: beside `MON#2` or `L5` it forgets the former, or finds
    nothing at all.
    """
    if fields.days == "*" or fields.weekdays == "*":
        return _days(fields.days, fields.months, fields.weekdays)
    of_month, of_week = _days(fields.days, fields.months, "*"), _days("*", fields.months, fields.weekdays)
    return lambda day: min((found for find in (of_month, of_week) if (found := find(day)) is not None), default=None)


def _days(days: str, months: str, weekdays: str) -> Callable[[date], date | None]:
    from croniter import CroniterBadDateError, croniter  # noqa: PLC0415 (40 ms, and most schedules do without)

    midnights = croniter(f"0 0 {days} {months} {weekdays}", datetime(2000, 1, 1))  # noqa: DTZ001

    def first_from(day: date) -> date | None:
        before = datetime.combine(day, time()) - _SECOND
        try:
            found: datetime = midnights.get_next(datetime, start_time=before)
        except (CroniterBadDateError, ValueError):  # it runs into the year 10000
            return None
        return found.date()

    return first_from
