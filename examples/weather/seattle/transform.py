"""Works on one year by itself: four of these run at once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import fsum
from pathlib import Path

from seattle.measurements import Day, read_days

WET = 0.1
"""A day with at least so many mm is wet."""


@dataclass(frozen=True)
class Extreme:
    day: date
    degrees: float


@dataclass(frozen=True)
class Month:
    month: int
    precipitation: float
    high: float
    low: float


@dataclass(frozen=True)
class Year:
    """Precipitation in mm, mean daily highs and lows in °C; `weather` counts the days of each kind."""

    year: int
    days: int
    wet_days: int
    precipitation: float
    high: float
    low: float
    warmest: Extreme
    coldest: Extreme
    weather: dict[str, int]
    months: list[Month]


def summarise(path: Path, year: int) -> Year:
    days = [day for day in read_days(path) if day.day.year == year]
    if not days:
        raise ValueError(f"{path} has no day of {year}")
    warmest = max(days, key=lambda day: day.high)
    coldest = min(days, key=lambda day: day.low)
    print(f"{year}: {len(days)} days, warmest {warmest.day}, coldest {coldest.day}")
    return Year(
        year,
        days=len(days),
        wet_days=sum(day.precipitation >= WET for day in days),
        precipitation=_total(days),
        high=_mean([day.high for day in days]),
        low=_mean([day.low for day in days]),
        warmest=Extreme(warmest.day, warmest.high),
        coldest=Extreme(coldest.day, coldest.low),
        weather=dict(Counter(day.weather for day in days)),
        months=[_month(month, [day for day in days if day.day.month == month]) for month in range(1, 13)],
    )


def _month(month: int, days: Sequence[Day]) -> Month:
    return Month(month, _total(days), _mean([day.high for day in days]), _mean([day.low for day in days]))


def _total(days: Sequence[Day]) -> float:
    return round(fsum(day.precipitation for day in days), 1)


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)
