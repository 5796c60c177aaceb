"""Brings days and years together in one SQLite database."""

import sqlite3
from contextlib import closing
from dataclasses import astuple, dataclass
from pathlib import Path

from seattle.files import out
from seattle.measurements import read_days
from seattle.transform import Year

SCHEMA = """
CREATE TABLE IF NOT EXISTS days (
  day TEXT PRIMARY KEY, precipitation REAL, high REAL, low REAL, wind REAL, weather TEXT
);
CREATE TABLE IF NOT EXISTS years (
  year INTEGER PRIMARY KEY, days INTEGER, wet_days INTEGER, precipitation REAL, high REAL, low REAL,
  warmest_day TEXT, warmest REAL, coldest_day TEXT, coldest REAL
);
CREATE TABLE IF NOT EXISTS months (
  year INTEGER, month INTEGER, precipitation REAL, high REAL, low REAL, PRIMARY KEY (year, month)
);
CREATE TABLE IF NOT EXISTS weather (year INTEGER, kind TEXT, days INTEGER, PRIMARY KEY (year, kind));
"""


@dataclass(frozen=True)
class Loaded:
    path: Path
    days: int


def load(path: Path, years: list[Year]) -> Loaded:
    """Replaces all rows in one transaction: run twice, it leaves the same database."""
    database = out() / "weather.sqlite"
    database.parent.mkdir(parents=True, exist_ok=True)
    days = read_days(path)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript(SCHEMA)
        for table in ("days", "years", "months", "weather"):
            connection.execute(f"DELETE FROM {table}")
        connection.executemany(
            "INSERT INTO days VALUES (?, ?, ?, ?, ?, ?)",
            [(day.day.isoformat(), day.precipitation, day.high, day.low, day.wind, day.weather) for day in days],
        )
        for year in years:
            _insert(connection, year)
    return Loaded(database, len(days))


def _insert(connection: sqlite3.Connection, year: Year) -> None:
    connection.execute(
        "INSERT INTO years VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(year.year, year.days, year.wet_days, year.precipitation, year.high, year.low),
            *(year.warmest.day.isoformat(), year.warmest.degrees),
            *(year.coldest.day.isoformat(), year.coldest.degrees),
        ),
    )
    connection.executemany(
        "INSERT INTO months VALUES (?, ?, ?, ?, ?)", [(year.year, *astuple(month)) for month in year.months]
    )
    connection.executemany(
        "INSERT INTO weather VALUES (?, ?, ?)", [(year.year, kind, days) for kind, days in year.weather.items()]
    )
