"""Deliveries of suppliers: checked row by row, put into the stock as a whole or not at all."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

COLUMNS = ["delivery", "article", "pieces", "arrived"]


class DeliveryError(Exception):
    """A file is not as it was agreed with the supplier."""


def import_file(file: Path, stock: Path) -> int:
    """Puts all rows of the file into the stock, or none, and returns how many there are. Done twice, it is as if done
    once: a delivery and article have one row.
    """
    with file.open(encoding="utf-8", newline="") as stream:
        table = csv.DictReader(stream, restval="")
        if table.fieldnames != COLUMNS:
            raise DeliveryError(f"{file.name} has the columns {table.fieldnames}, not {COLUMNS}")
        rows = [_checked(row, f"{file.name}, line {table.line_num}") for row in table]
    stock.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(stock, timeout=30)) as connection, connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS deliveries"
            " (delivery INTEGER, article INTEGER, pieces INTEGER, arrived TEXT, PRIMARY KEY (delivery, article))"
        )
        connection.executemany("INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?)", rows)
    print(f"{file.name}: {len(rows)} rows")
    return len(rows)


def accept(file: Path, rows: int) -> Path:
    """Moves a file that was imported to `done`."""
    print(f"{rows} rows of {file.name} are in the stock")
    return _move(file, "done")


def refuse(files: list[Path] | None, rows: list[int | None]) -> list[Path]:
    """Moves the files that could not be imported to `refused`, where somebody mends them and puts them back."""
    return [_move(file, "refused") for file, count in zip(files or [], rows, strict=True) if count is None]


def _move(file: Path, folder: str) -> Path:
    target = file.parent / folder / file.name
    target.parent.mkdir(exist_ok=True)
    if file.exists() or not target.exists():  # an attempt before this one may have moved it already
        file.replace(target)
    return target


def _checked(row: dict[str, str], place: str) -> tuple[int, int, int, str]:
    for column in ("delivery", "article", "pieces"):
        if not row[column].isdecimal():
            raise DeliveryError(f"{place}: {row[column]!r} is no number, in the column {column}")
    try:
        arrived = date.fromisoformat(row["arrived"])
    except ValueError:
        raise DeliveryError(f"{place}: {row['arrived']!r} is no date such as 2026-03-01") from None
    if int(row["pieces"]) == 0:
        raise DeliveryError(f"{place}: no pieces")
    return int(row["delivery"]), int(row["article"]), int(row["pieces"]), arrived.isoformat()
