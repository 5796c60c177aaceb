"""One day's measurements, and the file that `extract` leaves for the tasks after it."""

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from datetime import date
from pathlib import Path

from seattle.files import write_whole


@dataclass(frozen=True)
class Day:
    """Precipitation in mm, temperatures in °C, wind in m/s; `weather` is one of sun, fog, drizzle, rain, snow."""

    day: date
    precipitation: float
    high: float
    low: float
    wind: float
    weather: str


def write_days(path: Path, days: Iterable[Day]) -> None:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(field.name for field in fields(Day))
    writer.writerows(astuple(day) for day in days)
    write_whole(path, table.getvalue())


def read_days(path: Path) -> list[Day]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Day(
                date.fromisoformat(row["day"]),
                float(row["precipitation"]),
                float(row["high"]),
                float(row["low"]),
                float(row["wind"]),
                row["weather"],
            )
            for row in csv.DictReader(file)
        ]
