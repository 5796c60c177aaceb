"""The statements that a database executes, whichever way they take to the driver."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, event

from ppacer.store import driver, many
from ppacer.store.database import Database
from ppacer.store.driver import Values


@contextmanager
def executed(database: Database) -> Iterator[list[tuple[str, Values]]]:
    """Each statement with its parameters, or the first of them."""
    seen: list[tuple[str, Values]] = []
    run, run_many, find_one = driver.run, driver.run_many, driver.find_one

    def note(_connection: object, _cursor: object, text: str, values: Values, _context: object, many: bool) -> None:
        seen.append((text, values[0] if many else values))  # type: ignore[arg-type]

    def note_run(connection: Connection, text: str) -> None:
        if connection.dialect.name == driver.SQLITE:  # else the listener is told
            seen.append((text, ()))
        run(connection, text)

    def note_many(connection: Connection, text: str, rows: Sequence[Values]) -> int:
        if connection.dialect.name == driver.SQLITE:
            seen.append((text, rows[0]))
        return run_many(connection, text, rows)

    def note_one(connection: Connection, text: str, values: Values) -> Sequence[object] | None:
        if connection.dialect.name == driver.SQLITE:
            seen.append((text, values))
        return find_one(connection, text, values)

    engines = (database._readers, database._writer)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(driver, "run", note_run)
            patch.setattr(driver, "find_one", note_one)
            patch.setattr(many, "run_many", note_many)
            yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
