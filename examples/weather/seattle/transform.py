"""Works on one year by itself: four of these run at once."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from math import fsum
from pathlib import Path
from typing import TypedDict

from seattle.measurements import Day, read_days

WET = 0.1
"""A day with at least so many mm is wet."""


class Extreme(TypedDict):
    day: date
    degrees: float


class Month(TypedDict):
    month: int
    precipitation: float
    high: float
    low: float


class Year(TypedDict):
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


def summarise(path: str, year: int) -> Year:
    days = [day for day in read_days(Path(path)) if day.day.year == year]
    if not days:
        raise ValueError(f"{path} has no day of {year}")
    warmest = max(days, key=lambda day: day.high)
    coldest = min(days, key=lambda day: day.low)
    print(f"{year}: {len(days)} days, warmest {warmest.day}, coldest {coldest.day}")
    return {
        "year": year,
        "days": len(days),
        "wet_days": sum(day.precipitation >= WET for day in days),
        "precipitation": _total(days),
        "high": _mean([day.high for day in days]),
        "low": _mean([day.low for day in days]),
        "warmest": {"day": warmest.day, "degrees": warmest.high},
        "coldest": {"day": coldest.day, "degrees": coldest.low},
        "weather": dict(sorted(Counter(day.weather for day in days).items())),
        "months": [_month(month, [day for day in days if day.day.month == month]) for month in range(1, 13)],
    }


def _month(month: int, days: Sequence[Day]) -> Month:
    return {
        "month": month,
        "precipitation": _total(days),
        "high": _mean([day.high for day in days]),
        "low": _mean([day.low for day in days]),
    }


def _total(days: Sequence[Day]) -> float:
    return round(fsum(day.precipitation for day in days), 1)


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)
