"""Instants as the database, the protocol and the state machine hold them: integers, microseconds since 1970-01-01 UTC.

Everything here is exact integer arithmetic; no float ever carries a time. Zones are IANA names.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

SECOND = 1_000_000
"""Microseconds in a second."""

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


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
    by_offset_before = from_datetime(local.replace(tzinfo=tz, fold=0))
    by_offset_after = from_datetime(local.replace(tzinfo=tz, fold=1))
    if by_offset_before <= by_offset_after:
        return by_offset_before
    return _end_of_gap(by_offset_after, by_offset_before, tz)


def in_gap(moment: datetime, tz: tzinfo) -> bool:
    """Whether no clock in `tz` ever shows this naive wall-clock time."""
    shown = moment.replace(tzinfo=tz, fold=0).astimezone(UTC).astimezone(tz)
    return shown.replace(tzinfo=None, fold=0) != moment.replace(fold=0)


def local_date(instant: int, tz: tzinfo) -> date:
    """The date that a calendar in `tz` shows at an instant."""
    return to_datetime(instant, tz).date()


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


def _end_of_gap(before: int, after: int, tz: tzinfo) -> int:
    """The instant of the one transition in (before, after], both being within a gap's length of it."""
    offset = to_datetime(before, tz).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if to_datetime(middle, tz).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
