"""Databases as earlier releases left them: dumps, recorded once and never changed, each with runs under way."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, inspect

RELEASED = Path(__file__).parent / "released"
VERSIONS = sorted(
    int(found[1]) for file in RELEASED.iterdir() if (found := re.fullmatch(r"schema_(\d+)\.sql", file.name))
)
"""The schemas that were released, but for the present one."""

Rows = dict[str, list[dict[str, Any]]]


def restore(version: int, database: Path, logs: Path) -> None:
    """Makes the two files anew as the release made them."""
    for file, dump in ((database, f"schema_{version}.sql"), (logs, f"schema_{version}.logs.sql")):
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            connection.executescript((RELEASED / dump).read_text(encoding="utf-8"))
            connection.execute("PRAGMA journal_mode=WAL")


def rows_of(file: Path) -> Rows:
    """All rows of all tables, in the order of their values."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in sorted(names)}
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def tables_of(url: str) -> dict[str, dict[str, Any]]:
    """What reflection tells of every table: columns, keys, constraints, indices."""
    engine = create_engine(url)
    try:
        return _tables_of(engine)
    finally:
        engine.dispose()


def _tables_of(engine: Engine) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    with engine.connect() as connection:
        inspector = inspect(connection)
        for name in sorted(inspector.get_table_names()):
            found[name] = {
                "columns": [_texts(column) for column in inspector.get_columns(name)],
                "key": inspector.get_pk_constraint(name),
                "foreign": sorted(map(repr, inspector.get_foreign_keys(name))),
                "unique": sorted(map(repr, inspector.get_unique_constraints(name))),
                "checks": sorted(map(repr, inspector.get_check_constraints(name))),
                "indices": sorted(repr(_texts(index)) for index in inspector.get_indexes(name)),
                "options": inspector.get_table_options(name),
            }
    return found


def _texts(described: Any) -> dict[str, Any]:
    """Types and conditions are compared by what they say."""
    return {key: _texts(value) if isinstance(value, dict) else str(value) for key, value in described.items()}
