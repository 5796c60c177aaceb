"""Statements that SQLite's driver gets as they are, for what is done with every transaction.

All else that SQLAlchemy does for a statement (looking for listeners, preparing a result, keeping a context) takes
several times what SQLite takes for a row. What is left of it here is what an error needs: it becomes SQLAlchemy's own,
and a connection that is lost with it is thrown away. Of what another database takes it is a small part, mostly a wait
for the network; and there listeners do have a say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

SQLITE = "sqlite"

Values: TypeAlias = tuple[str | int | None, ...]
"""The parameters of a statement, in its order."""


def run(connection: Connection, text: str) -> None:
    """Executes a statement that has neither parameters nor a result."""
    if connection.dialect.name != SQLITE:
        connection.exec_driver_sql(text)
        return
    try:
        cursor = connection.connection.cursor()
        cursor.execute(text)
        cursor.close()
    except Exception as error:
        raise _known(connection, text, error) from error


def run_many(connection: Connection, text: str, rows: Sequence[Values]) -> int:
    """Executes a statement for each of the rows. Returns how many rows were inserted, found or deleted, in total."""
    if connection.dialect.name != SQLITE:
        return connection.exec_driver_sql(text, list(rows)).rowcount
    try:
        cursor = connection.connection.cursor()
        cursor.executemany(text, rows)
        count = cursor.rowcount
        cursor.close()
    except Exception as error:
        raise _known(connection, text, error) from error
    return count


def find_one(connection: Connection, text: str, values: Values) -> Sequence[object] | None:
    """The first row that a query finds, or none."""
    if connection.dialect.name != SQLITE:
        return connection.exec_driver_sql(text, values).first()
    try:
        cursor = connection.connection.cursor()
        cursor.execute(text, values)
        found: Sequence[object] | None = cursor.fetchone()
        cursor.close()
    except Exception as error:
        raise _known(connection, text, error) from error
    return found


def _known(connection: Connection, text: str, error: Exception) -> Exception:
    """SQLAlchemy's error for one of the driver's; any other is a fault of the program and stays what it is."""
    dialect = connection.dialect
    base = dialect.loaded_dbapi.Error
    if not isinstance(error, base):
        return error
    lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
    if lost:
        connection.invalidate(error)
    return DBAPIError.instance(
        text, None, error, base, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    )
