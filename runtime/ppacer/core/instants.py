"""Instants as the database, the protocol and the state machine hold them: integers, microseconds since 1970-01-01 UTC.

Everything here is exact integer arithmetic; no float ever carries a time. Zones are IANA names.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from ppacer.records import dataclass

SECOND = 1_000_000
"""Microseconds in a second."""

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)


class UnknownZoneError(ValueError):
    """No such time zone; the message names it."""


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name such as `Europe/Warsaw`. Raises `UnknownZoneError`."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found; a key such as "../x"; a key such as "Europe", a folder
        raise UnknownZoneError(f'there is no time zone "{name}"') from None


def from_datetime(moment: datetime) -> int:
    """The instant of an aware datetime, its `fold` respected. Raises `ValueError` for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return (moment.astimezone(UTC) - _EPOCH) // _MICROSECOND


def to_datetime(instant: int, tz: tzinfo = UTC) -> datetime:
    """The aware datetime of an instant in `tz`. Raises `OverflowError` outside the years 1 to 9999."""
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(tz)


def from_local(moment: date | datetime, tz: tzinfo) -> int:
    """The instant of a naive wall-clock time (a date means its midnight) in `tz`.

    A time in a fold means the first of the two; a time in a gap means the first moment after it.
    """
    local = _naive(moment)
    shift = shift_at(local, tz)
    return shift.instant if shift and shift.skips else from_datetime(local.replace(tzinfo=tz, fold=0))


@dataclass(frozen=True, slots=True)
class Shift:
    """A change of the clocks: at `instant` they go from the wall-clock time `before` to `after`, both naive."""

    instant: int
    before: datetime
    after: datetime

    @property
    def skips(self) -> bool:
        """Whether the times from `before` to `after` are never shown (a gap); else those from `after` to `before` are
        shown twice (a fold)."""
        return self.before < self.after

    def swallows(self, day: date) -> bool:
        """Whether it skips the whole of a day, as Samoa did on 30 December 2011."""
        midnight = datetime.combine(day, time())
        return self.before <= midnight and midnight + _DAY <= self.after


def shift_at(moment: datetime, tz: tzinfo) -> Shift | None:
    """The change of the clocks that skips or repeats this naive wall-clock time, if one does."""
    first = moment.replace(tzinfo=tz, fold=0)
    second = moment.replace(tzinfo=tz, fold=1)
    offset, later_offset = first.utcoffset(), second.utcoffset()
    if offset == later_offset or offset is None or later_offset is None:
        return None
    one, other = from_datetime(first), from_datetime(second)
    instant = _transition(min(one, other), max(one, other), offset, tz)
    change = to_datetime(instant).replace(tzinfo=None)
    return Shift(instant, change + offset, change + later_offset)


def next_shift(after: int, until: int, tz: tzinfo) -> Shift | None:
    """The first change of the clocks later than `after` and not later than `until`, looked for day by day."""
    offset = to_datetime(after, tz).utcoffset()
    while after < until and offset is not None:
        later = min(after + 24 * HOUR, until)
        next_offset = to_datetime(later, tz).utcoffset()
        if next_offset != offset and next_offset is not None:
            instant = _transition(after, later, offset, tz)
            change = to_datetime(instant)
            shown = to_datetime(instant, tz).utcoffset() or next_offset
            return Shift(instant, change.replace(tzinfo=None) + offset, change.replace(tzinfo=None) + shown)
        after = later
    return None


def iso(instant: int, tz: tzinfo = UTC) -> str:
    """ISO 8601 with the offset of `tz` (`Z` for UTC), as short as is exact: `2026-01-01T02:15:00Z`."""
    moment = to_datetime(instant, tz)
    text = moment.isoformat()
    return text.removesuffix("+00:00") + "Z" if tz is UTC else text


def microseconds(duration: timedelta) -> int:
    """A duration as an integer."""
    return duration // _MICROSECOND


def duration(microseconds: int) -> timedelta:
    """An integer number of microseconds as a duration."""
    return timedelta(microseconds=microseconds)


def _naive(moment: date | datetime) -> datetime:
    if isinstance(moment, datetime):
        if moment.tzinfo is not None:
            raise ValueError(f"{moment.isoformat()} is no wall-clock time: it has a time zone")
        return moment
    return datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 (wall-clock time, by intention)


def _transition(before: int, after: int, offset: timedelta, tz: tzinfo) -> int:
    """The first instant in (before, after] at which `tz` no longer has the offset that it has at `before`."""
    while after - before > 1:
        middle = (before + after) // 2
        if to_datetime(middle, tz).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
