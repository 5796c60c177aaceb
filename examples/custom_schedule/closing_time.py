"""When the shop closes. A schedule is any class with these three methods; it knows nothing of ppacer."""

from __future__ import annotations

from datetime import datetime, time, timedelta

OPENED = datetime(2026, 1, 2, 18)
USUAL = time(18)
EARLY = time(13)
SUMMER = (7, 8)
FRIDAY, SUNDAY = 4, 6


class ClosingTime:
    """Each day but Sundays, summer Fridays and Christmas, at six; on 24 December at one."""

    def start(self) -> datetime | None:
        """The first time of all."""
        return OPENED

    def next(self, now: datetime, previous: datetime | None) -> datetime | None:
        """The first time after `now`. What has no time zone is the wall clock of the dag's own."""
        moment = now.replace(tzinfo=None)
        day = moment.date()
        while True:
            closed = day.weekday() == SUNDAY or (day.weekday() == FRIDAY and day.month in SUMMER)
            if not closed and (day.month, day.day) not in {(12, 25), (12, 26)}:
                due = datetime.combine(day, EARLY if (day.month, day.day) == (12, 24) else USUAL)
                if due > moment:
                    return due
            day += timedelta(days=1)

    def __str__(self) -> str:
        """What people are shown."""
        return "when the shop closes"
