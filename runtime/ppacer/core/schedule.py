"""When a dag is due: exact instants from cron expressions and intervals, through every change of the clocks.

Schedules speak of wall-clock times in the dag's zone. Where the clocks skip a time (a gap) or show it twice (a fold),
one of three policies (`spec.DaylightSaving`) decides; the dag's `dst` names it, else it follows from the schedule:

| policy | time in a gap | time in a fold |
|---|---|---|
| `once` | due at the first moment after the gap | due the first time only |
| `skip` | not due | due the first time only |
| `twice` | not due | due both times |

| schedule | policy, unless `dst` says otherwise |
|---|---|
| repeats within the hour, or in every hour: `*/20 1-3 * * *`, `0,30 1-3 * * *`, `30 * * * *` | `twice` |
| else, hours by steps: `30 */2 * * *`, `0 8-20/4 * * *` | `skip` |
| else, times of day: `30 2 * * *`, `0 1-3 * * *`, `0 2,14 * * *`, `every(1d)` | `once` |

So a job at a time of day runs exactly once each day; one that repeats within the hour is due whenever the clock shows
one of its times and keeps its real spacing; one that repeats every few hours neither gains a run nor doubles one. In
detail:

- *Repeats within the hour*: more than one time (minutes × seconds) in an hour that fits. *In every hour*: all 24 fit.
  *By steps*: every element of the hours is `*/n` or `a-b/n`; a range (`1-3`) and a list (`0,2,4`) are times of day.
- Several times that move to one moment, or on to a time that is due anyway, are due once there.
- No day is lost: where the policy follows from the schedule and *all* times of a day lie in its gap (`0,30 2 * * *`),
  the first moment after the gap is due.
- A day that the zone never had (Samoa's 30 December 2011) has no due times, and none move out of it.

`every` with whole days counts calendar days at the anchor's wall-clock time; any other interval counts elapsed time
from the anchor, in both directions, and no change of the clocks touches it.

A schedule written in Python is asked in a worker, never here: `ppacer.core.custom_times` tells how a clock answers with
what workers have said, and what it does where they have not been asked yet.

All instants are microseconds since 1970 UTC. Schedules end with the year 9999.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Protocol
from zoneinfo import ZoneInfo

from ppacer import spec
from ppacer.core.cron import CronFault, CronFields, parse_cron
from ppacer.core.cron_rule import CronRule
from ppacer.core.custom_times import Answers
from ppacer.core.instants import (
    Shift,
    from_datetime,
    from_local,
    microseconds,
    next_shift,
    shift_at,
    to_datetime,
    zone,
)

__all__ = [
    "CronFault",
    "CronFields",
    "DagClock",
    "ScheduleError",
    "due_between",
    "next_due",
    "next_times",
    "parse_cron",
]


class ScheduleError(ValueError):
    """A schedule that this module cannot work out; `at` is its place in the source."""

    def __init__(self, message: str, at: spec.At) -> None:
        super().__init__(message)
        self.at = at


class DagClock:
    """The due times of one dag: the union of its schedules, from `start` (inclusive) to `end` (exclusive).

    Made once per dag; `next` is cheap. Raises `ScheduleError` for a schedule that has a fault, and `UnknownZoneError`.

    `answers` is what is known of the dag's custom schedules, and grows from outside. With it all methods may raise
    `custom_times.Unasked`, before they give anything; without it a custom schedule is a `ScheduleError`. A clock of
    cron expressions and intervals alone (`asks` is false) answers at once, always.
    """

    def __init__(self, dag: spec.Dag, answers: Answers | None = None) -> None:
        tz = zone(dag.timezone)
        self._sources = tuple(_source(schedule, dag, tz, answers) for schedule in dag.schedules)
        self._custom = tuple(source for source in self._sources if isinstance(source, _Custom))
        self._after = _FIRST if dag.start is None else max(_FIRST, from_local(dag.start, tz) - 1)
        self._end = _LAST if dag.end is None else min(_LAST, from_local(dag.end, tz))

    @property
    def asks(self) -> bool:
        """Whether some of the schedules are written in Python."""
        return bool(self._custom)

    def next(self, after: int) -> int | None:
        """The first due time strictly later than `after`."""
        after = max(after, self._after)
        if after >= self._end:
            return None
        due = min((due for source in self._sources if (due := source.next(after)) is not None), default=None)
        return None if due is None or due >= self._end else due

    def between(self, after: int, until: int) -> Iterator[int]:
        """The due times later than `after` and not later than `until`, in order."""
        self._cover(after, until)
        return self._between(after, until)

    def last(self, after: int, until: int) -> int | None:
        """The last of the due times that `between` gives, without going through all of them."""
        self._cover(after, until)
        due = self.next(after)
        if due is None or due > until:
            return None
        low, high = due, until
        while low < high:  # a due time at or before `until` follows every instant up to its predecessor, and no other
            middle = (low + high) // 2
            later = self.next(middle)
            if later is None or later > until:
                high = middle
            else:
                low = due = later
        return due

    def count(self, after: int, until: int, most: int) -> int | None:
        """How many due times `between` gives, without going through them where there is one schedule; none where there
        are more than `most` of several."""
        self._cover(after, until)
        after, until = max(after, self._after), min(until, self._end - 1)
        if after >= until:
            return 0
        if len(self._sources) == 1:
            return self._sources[0].count(after, until)
        number = sum(1 for _ in islice(self._between(after, until), most + 1))
        return number if number <= most else None

    def _between(self, after: int, until: int) -> Iterator[int]:
        while (due := self.next(after)) is not None and due <= until:
            yield due
            after = due

    def _cover(self, after: int, until: int) -> None:
        """Makes sure that nothing has to be asked on the way."""
        after, until = max(after, self._after), min(until, self._end)
        for source in self._custom:
            if after < until:
                source.cover(after, until)


def next_due(dag: spec.Dag, after: int) -> int | None:
    """The first due time of a dag strictly later than `after`; for many questions make a `DagClock`."""
    return DagClock(dag).next(after)


def due_between(dag: spec.Dag, after: int, until: int) -> Iterator[int]:
    """The due times of a dag later than `after` and not later than `until`, in order."""
    return DagClock(dag).between(after, until)


def next_times(dag: spec.Dag, after: int, n: int) -> tuple[int, ...]:
    """The next `n` due times of a dag strictly later than `after`, fewer where its schedule ends."""
    return tuple(islice(DagClock(dag).between(after, _LAST), n))


# --- sources of due times --------------------------------------------------------------------------------------------

_FIRST = from_datetime(datetime(2, 1, 1, tzinfo=UTC))
_LAST = from_datetime(datetime(9999, 12, 30, tzinfo=UTC))
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)

_MOST_GAPS = 100
"""A job whose next hundred times all lie in gaps (at 02:30 on the last Sunday of March, under `skip`) is never due."""


class _Source(Protocol):
    def next(self, after: int) -> int | None:
        """The first due time strictly later than `after`."""

    def count(self, after: int, until: int) -> int:
        """How many are later than `after` and not later than `until`."""
        ...


class _Rule(Protocol):
    """Wall-clock times, in no zone."""

    def after(self, moment: datetime) -> datetime | None: ...

    def at_or_after(self, moment: datetime) -> datetime | None: ...

    def count(self, after: datetime, until: datetime) -> int: ...


def _source(schedule: spec.Schedule, dag: spec.Dag, tz: ZoneInfo, answers: Answers | None) -> _Source:
    match schedule:
        case spec.Cron():
            fields = parse_cron(schedule.expression)
            if isinstance(fields, CronFault):
                raise ScheduleError(f'cron("{schedule.expression}"), {fields.field}: {fields.message}', schedule.at)
            return _WallClock(CronRule(fields), tz, dag.dst or fields.dst, keeps_days=dag.dst is None)
        case spec.Every():
            if schedule.interval <= timedelta(0):
                raise ScheduleError("the interval of every(…) must be longer than nothing", schedule.at)
            anchor = schedule.anchor or dag.start or date(1970, 1, 1)
            if schedule.interval % _DAY:
                return _Elapsed(from_local(anchor, tz), microseconds(schedule.interval))
            local = anchor if isinstance(anchor, datetime) else datetime.combine(anchor, time())
            rule = _Days(local, schedule.interval)
            return _WallClock(rule, tz, dag.dst or spec.DaylightSaving.ONCE, keeps_days=False)
        case spec.CustomSchedule():
            if answers is None:
                raise ScheduleError(f"the schedule {schedule.callable} is Python and needs a worker", schedule.at)
            return _Custom(schedule, dag.timezone, answers)


class _Custom:
    """What workers have told of a schedule written in Python."""

    def __init__(self, schedule: spec.CustomSchedule, timezone: str, answers: Answers) -> None:
        self._schedule = schedule
        self._timezone = timezone
        self._answers = answers

    def next(self, after: int) -> int | None:
        return self._answers.next(self._schedule, self._timezone, after)

    def count(self, after: int, until: int) -> int:
        return _stepped(self, after, until)

    def cover(self, after: int, until: int) -> None:
        self._answers.cover(self._schedule, self._timezone, after, until)


class _Elapsed:
    """Every `interval` microseconds of elapsed time, one of them being at `anchor`."""

    def __init__(self, anchor: int, interval: int) -> None:
        self._anchor = anchor
        self._interval = interval

    def next(self, after: int) -> int:
        return after + self._interval - (after - self._anchor) % self._interval

    def count(self, after: int, until: int) -> int:
        return (until - self._anchor) // self._interval - (after - self._anchor) // self._interval


class _Days:
    """Every so many calendar days at the anchor's time of day."""

    def __init__(self, anchor: datetime, interval: timedelta) -> None:
        self._anchor = anchor
        self._interval = interval

    def after(self, moment: datetime) -> datetime | None:
        return self._anchor + ((moment - self._anchor) // self._interval + 1) * self._interval

    def at_or_after(self, moment: datetime) -> datetime | None:
        return self._anchor - (self._anchor - moment) // self._interval * self._interval

    def count(self, after: datetime, until: datetime) -> int:
        return (until - self._anchor) // self._interval - (after - self._anchor) // self._interval


class _WallClock:
    """Wall-clock times of a zone as instants, under a policy for gaps and folds."""

    def __init__(self, rule: _Rule, tz: ZoneInfo, policy: spec.DaylightSaving, *, keeps_days: bool) -> None:
        self._rule = rule
        self._tz = tz
        self._policy = policy
        self._keeps_days = keeps_days

    def next(self, after: int) -> int | None:
        try:
            return self._next(after)
        except OverflowError:  # the calendar ends
            return None

    def count(self, after: int, until: int) -> int:
        """By the rule alone, from one change of the clocks to the next."""
        number = 0
        shown = to_datetime(after, self._tz)
        shift = shift_at(shown.replace(tzinfo=None), self._tz) if shown.fold else None
        if shift is not None:
            again = min(until, self._end_of_fold(shift))
            number += self._second_showings(self._wall(after), self._wall(again))
            after = again
        while (shift := next_shift(after, until, self._tz)) is not None:
            number += self._rule.count(self._wall(after), self._wall(shift.instant - 1))
            if shift.skips:
                number += self.next(shift.instant - 1) == shift.instant
                after = shift.instant
            else:
                after = min(until, self._end_of_fold(shift))
                number += self._second_showings(shift.after - _MICROSECOND, self._wall(after))
        return number + self._rule.count(self._wall(after), self._wall(until))

    def _second_showings(self, after: datetime, until: datetime) -> int:
        return self._rule.count(after, until) if self._policy is spec.DaylightSaving.TWICE else 0

    @staticmethod
    def _end_of_fold(shift: Shift) -> int:
        """The last instant of the second showing."""
        return shift.instant + microseconds(shift.before - shift.after) - 1

    def _wall(self, instant: int) -> datetime:
        return to_datetime(instant, self._tz).replace(tzinfo=None, fold=0)

    def _next(self, after: int) -> int | None:
        shown = to_datetime(after, self._tz)
        wall = shown.replace(tzinfo=None, fold=0)
        moment = self._rule.after(wall)
        if self._policy is spec.DaylightSaving.TWICE and not shown.fold:
            again = self._second_showing(wall, moment)
            if again is not None:
                return again
        gaps = 0
        while moment is not None and gaps < _MOST_GAPS:
            shift = shift_at(moment, self._tz)
            if shift is None:
                return self._instant(moment)
            if shift.skips:
                if self._moves(moment, shift):
                    return shift.instant
                gaps += 1
                midnight = datetime.combine(moment.date(), time()) + _DAY
                moment = self._rule.at_or_after(min(shift.after, midnight))
                continue
            if (first := self._instant(moment)) > after:
                return first
            if self._policy is spec.DaylightSaving.TWICE:
                return self._instant(moment, fold=1)
            moment = self._rule.at_or_after(shift.before)
        return None

    def _second_showing(self, wall: datetime, moment: datetime | None) -> int | None:
        """The first due time of the second showing, if `wall` is in the first one and its due times are over."""
        shift = shift_at(wall, self._tz)
        if shift is None or shift.skips or (moment is not None and moment < shift.before):
            return None
        again = self._rule.at_or_after(shift.after)
        return None if again is None or again >= shift.before else self._instant(again, fold=1)

    def _moves(self, moment: datetime, shift: Shift) -> bool:
        """Whether a time in a gap is due at the gap's end."""
        day = moment.date()
        if shift.swallows(day):
            return False
        if self._policy is spec.DaylightSaving.ONCE or not self._keeps_days:
            return self._policy is spec.DaylightSaving.ONCE
        first = self._rule.at_or_after(datetime.combine(day, time()))
        later = self._rule.at_or_after(shift.after)
        return first is not None and first >= shift.before and (later is None or later.date() > day)

    def _instant(self, moment: datetime, fold: int = 0) -> int:
        return from_datetime(moment.replace(tzinfo=self._tz, fold=fold))


def _stepped(source: _Source, after: int, until: int) -> int:
    """How many due times there are, counted one by one."""
    number = 0
    while (due := source.next(after)) is not None and due <= until:
        number += 1
        after = due
    return number
