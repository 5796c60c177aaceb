"""A database with a long past: the rows of one run that really was, many times over."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from benchmarks import programs

_TASKS_PER_RUN = 2_000
"""So few that the runs are below the number that is kept of each dag by default."""


def fill(file: Path, tasks: int) -> None:
    """Has the program's database hold so many tasks that have ended, with their attempts and histories."""
    with programs.running(file) as program:
        program.trigger(programs.WIDE, count=_TASKS_PER_RUN)
        program.wait(programs.WIDE)
    connection = sqlite3.connect(file.with_suffix(".db"), isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("BEGIN IMMEDIATE")
        for number in range(1, tasks // _TASKS_PER_RUN):
            for table in ("runs", "tasks", "attempts", "events"):
                connection.execute(_copy(connection, table), {"number": number})
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _copy(connection: sqlite3.Connection, table: str) -> str:
    """The statement that copies the first run's rows of a table under other ids."""
    ids = {
        "runs": {"id": _other_id("id", ":number")},
        "attempts": {"id": _other_id("id", "rowid"), "run_id": _other_id("run_id", ":number")},
    }.get(table, {"run_id": _other_id("run_id", ":number")})
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(ids.get(column, column) for column in columns)
    key = "id" if table == "runs" else "run_id"
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE {key} = ({_FIRST})"


_FIRST = "SELECT id FROM runs ORDER BY rowid LIMIT 1"


def _other_id(column: str, last: str) -> str:
    """An id of the same age whose last parts are numbers: that of the copy, and another."""
    return f"substr({column}, 1, 19) || printf('%04x-%012x', 32768 | :number, {last})"
