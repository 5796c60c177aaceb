"""Reads the raw table and leaves a clean one."""

import csv
import importlib.util
import logging
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

from seattle.files import out
from seattle.measurements import Day, write_days

COLUMNS = ["date", "precipitation", "temp_max", "temp_min", "wind", "weather"]


@dataclass(frozen=True)
class Extracted:
    """The clean table: its file, and what is in it."""

    path: Path
    days: int
    first: date
    last: date


def extract() -> Extracted:
    """Every day of the raw table, checked: no day is missing, none comes twice, no low is above its high."""
    raw = raw_table()
    with raw.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != COLUMNS:
            raise ValueError(f"{raw} has the columns {reader.fieldnames}, not {COLUMNS}")
        days = [_day(row) for row in reader]
    days.sort(key=lambda day: day.day)
    for before, after in pairwise(days):
        if (after.day - before.day).days != 1:
            raise ValueError(f"{raw} goes from {before.day} to {after.day}")
    path = out() / "days.csv"
    write_days(path, days)
    logging.getLogger(__name__).info("read %d days", len(days), extra={"table": str(raw)})
    return Extracted(path, len(days), days[0].day, days[-1].day)


def raw_table() -> Path:
    """The table within the installed package, found without importing it: that would import pandas."""
    spec = importlib.util.find_spec("vega_datasets")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the data comes with the package vega-datasets: pip install vega-datasets")
    return Path(spec.submodule_search_locations[0]) / "_data" / "seattle-weather.csv"


def _day(row: dict[str, str]) -> Day:
    day = Day(
        datetime.strptime(row["date"], "%Y/%m/%d").date(),
        float(row["precipitation"]),
        float(row["temp_max"]),
        float(row["temp_min"]),
        float(row["wind"]),
        row["weather"],
    )
    if day.low > day.high:
        raise ValueError(f"{day.day}: the low {day.low} is above the high {day.high}")
    return day
