"""Deliveries of suppliers: checked row by row, put into the stock as a whole or not at all."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

COLUMNS = ["delivery", "article", "pieces", "arrived"]


def import_file(file: Path, stock: Path) -> int:
    """Puts all rows of the file into the stock, or none, and returns how many there are. Done twice, it is as if done
    once: a delivery and article have one row.
    """
    with file.open(encoding="utf-8", newline="") as stream:
        table = csv.DictReader(stream)
        if table.fieldnames != COLUMNS:
            raise ValueError(f"{file.name} has the columns {table.fieldnames}, not {COLUMNS}")
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
    try:
        pieces = int(row["pieces"])
        arrived = date.fromisoformat(row["arrived"])
        delivery, article = int(row["delivery"]), int(row["article"])
    except ValueError as fault:
        raise ValueError(f"{place}: {fault}") from None
    if pieces <= 0:
        raise ValueError(f"{place}: {pieces} pieces")
    return delivery, article, pieces, arrived.isoformat()
