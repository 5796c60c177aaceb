"""Due times found by a walk through every minute, or second, of the days: slow, and knows nothing of what it tests.

Cron expressions are read word by word as the table in `ppacer.core.cron` has them; the policies for gaps and folds are
those of the tables in `ppacer.core.schedule`, read literally.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from ppacer.spec import DaylightSaving

DAY = timedelta(days=1)
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True)
class NaiveTimes:
    """Wall-clock times: of the days that fit, those of the day; how they are treated unless `dst` says otherwise."""

    fits_day: Callable[[date], bool]
    times: tuple[time, ...]
    policy: DaylightSaving
    keeps_days: bool

    @property
    def step(self) -> int:
        """Seconds from one that might fit to the next."""
        return 1 if any(each.second for each in self.times) else 60


def read_cron(expression: str) -> NaiveTimes:
    words = expression.split()
    seconds, minutes, hours, days, months, weekdays = words if len(words) == 6 else ["0", *words]
    s, m, h = (_all(text, 0, high) for text, high in ((seconds, 59), (minutes, 59), (hours, 23)))
    if len(s) * len(m) > 1 or len(h) == 24:
        policy = DaylightSaving.TWICE
    elif all("/" in part or part == "*" for part in hours.split(",")):
        policy = DaylightSaving.SKIP
    else:
        policy = DaylightSaving.ONCE
    times = tuple(time(hour, minute, second) for hour in sorted(h) for minute in sorted(m) for second in sorted(s))
    return NaiveTimes(lambda day: fits_day(day, days, months, weekdays), times, policy, keeps_days=True)


def every_days(anchor: datetime, days: int) -> NaiveTimes:
    def fits(day: date) -> bool:
        return (day - anchor.date()).days % days == 0

    return NaiveTimes(fits, (anchor.time(),), DaylightSaving.ONCE, keeps_days=False)


def every_elapsed(anchor: int, interval: int, after: int, until: int) -> list[int]:
    """The due times later than `after` and not later than `until`, all in microseconds."""
    due = anchor
    while due <= after:
        due += interval
    while due - interval > after:
        due -= interval
    return list(range(due, until + 1, interval))


def walked(zone: str, times: NaiveTimes, dst: DaylightSaving | None, after: int, until: int) -> list[int]:
    """The due times later than `after` and not later than `until`, in microseconds since 1970 UTC."""
    day = _shown(after, zone).date() - DAY
    last = _shown(until, zone).date() + DAY
    found: set[int] = set()
    while day <= last:
        if times.fits_day(day):
            found.update(_of_day(zone, times, dst, day))
        day += DAY
    return sorted(due for due in found if after < due <= until)


def _of_day(zone: str, times: NaiveTimes, dst: DaylightSaving | None, day: date) -> Iterator[int]:
    shown = instants_of(zone, day, times.step)
    if not shown:
        return  # the zone never had this day
    policy = dst or times.policy
    missing: list[datetime] = []
    kept = False
    for each in times.times:
        wall = datetime.combine(day, each)
        instants = shown.get(wall, ())
        yield from instants if policy is DaylightSaving.TWICE else instants[:1]
        kept = kept or bool(instants)
        if not instants:
            missing.append(wall)
    if policy is DaylightSaving.ONCE or (dst is None and times.keeps_days and not kept):
        for wall in missing:
            later = {**shown, **instants_of(zone, day + DAY, times.step)}
            yield later[min(other for other in later if other > wall)][0]


@cache
def instants_of(zone: str, day: date, step: int) -> dict[datetime, tuple[int, ...]]:
    """The wall-clock times that a zone shows on a day, every `step` seconds, each with the instants that show it."""
    tz = ZoneInfo(zone)
    midnight = round(datetime.combine(day, time(), UTC).timestamp())
    found: dict[datetime, tuple[int, ...]] = {}
    for second in range(midnight - 16 * 3600, midnight + 40 * 3600, step):
        wall = datetime.fromtimestamp(second, tz).replace(tzinfo=None, fold=0)
        if wall.date() == day:
            found[wall] = (*found.get(wall, ()), second * 1_000_000)
    return found


def instant_of(zone: str, wall: datetime) -> int:
    """The first instant at or after which a zone shows this time, or a later one of the same or the next day."""
    shown = {**instants_of(zone, wall.date(), 60), **instants_of(zone, wall.date() + DAY, 60)}
    return shown[min(other for other in shown if other >= wall)][0]


def _shown(instant: int, zone: str) -> datetime:
    return datetime.fromtimestamp(instant // 1_000_000, ZoneInfo(zone))


# --- cron expressions, word by word ----------------------------------------------------------------------------------


def fits_day(day: date, days: str, months: str, weekdays: str) -> bool:
    if not any(day.month in _numbers(part, 1, 12, MONTHS) for part in months.split(",")):
        return False
    last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - DAY
    of_month = any(day == last if part == "L" else day.day in _numbers(part, 1, 31) for part in days.split(","))
    of_week = any(_fits_weekday(day, part, last) for part in weekdays.split(","))
    if days == "*" or weekdays == "*":
        return of_month and of_week
    return of_month or of_week


def _fits_weekday(day: date, part: str, last: date) -> bool:
    weekday = day.isoweekday() % 7
    word, _, number = part.partition("#")
    if number:
        return weekday in _numbers(word, 0, 6, WEEKDAYS) and (day.day + 6) // 7 == int(number)
    if word[0] == "L":
        return weekday in _numbers(word[1:], 0, 6, WEEKDAYS) and day + timedelta(days=7) > last
    return weekday in _numbers(word, 0, 6, WEEKDAYS)


def _all(text: str, low: int, high: int) -> set[int]:
    return {number for part in text.split(",") for number in _numbers(part, low, high)}


def _numbers(part: str, low: int, high: int, names: tuple[str, ...] = ()) -> set[int]:
    body, _, step = part.partition("/")
    first, _, last = body.partition("-")
    if body == "*":
        return set(range(low, high + 1, int(step or 1)))
    begin = _number(first, low, names)
    end = _number(last, low, names) if last else begin
    if names is WEEKDAYS:
        end = 7 if 0 == end < begin else end
        return {number % 7 for number in range(begin, end + 1, int(step or 1))}
    return set(range(begin, end + 1, int(step or 1)))


def _number(word: str, low: int, names: tuple[str, ...]) -> int:
    return names.index(word.upper()) + low if word.upper() in names else int(word)
