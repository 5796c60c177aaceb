"""A schedule in Python: the n-th business day of each month."""

from __future__ import annotations

import csv
from datetime import date, datetime, time, timedelta
from pathlib import Path


class BusinessDay:
    """Due at a time of day on the n-th day of each month that is neither a weekend nor a holiday."""

    def __init__(self, number: int, at: time, holidays: Path) -> None:
        self.number = number
        self.at = at
        with holidays.open(encoding="utf-8", newline="") as stream:
            self.holidays = {date.fromisoformat(row["day"]) for row in csv.DictReader(stream)}

    def start(self) -> datetime | None:
        return None  # there is no first month

    def next(self, now: datetime, previous: datetime | None) -> datetime | None:
        """The first due time after `now`, on the wall clock of the dag's zone."""
        moment = now.replace(tzinfo=None)
        due = self._of_month(moment.date().replace(day=1))
        while due <= moment:
            due = self._of_month((due.date().replace(day=1) + timedelta(days=31)).replace(day=1))
        return due

    def __str__(self) -> str:
        return f"business day {self.number} of each month at {self.at:%H:%M}"

    def _of_month(self, day: date) -> datetime:
        if not any(holiday.year == day.year for holiday in self.holidays):
            raise LookupError(f"data/holidays.csv has no holidays of {day.year} yet: add them")
        left = self.number
        while True:
            if day.weekday() < 5 and day not in self.holidays:
                left -= 1
                if left == 0:
                    return datetime.combine(day, self.at)
            day += timedelta(days=1)


second_business_day = BusinessDay(2, time(6), Path(__file__).parent / "data" / "holidays.csv")
