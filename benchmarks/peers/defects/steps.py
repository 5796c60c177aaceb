"""What the tasks of all peers do: the same functions, with the annotations that a careful user writes."""

from __future__ import annotations

import os
import sqlite3
from typing import TypedDict


class Summary(TypedDict):
    rows: int


def extract(day: str = "today") -> list[int]:
    print(day)
    return [1, 2, 3]


def load(rows: list[int], table: str = "sales") -> int:
    print(table)
    return len(rows)


def report(count: int) -> None:
    print(count)


def number() -> int:
    return 3


def summary() -> Summary:
    return {"rows": 3}


def connect() -> sqlite3.Connection:
    """What no store of outputs can hold."""
    return sqlite3.connect(os.devnull)


def use(connection: sqlite3.Connection) -> None:
    print(connection)
