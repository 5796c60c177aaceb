"""One statement for many rows, at little more than the driver's own price.

SQLAlchemy makes the statement's text, once. Left to itself it would also put each row's parameters into the driver's
order anew, which more than doubles the time that a row takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter

from sqlalchemy import Connection, Delete, Dialect, Insert, Update

from ppacer.store.columns import Columns
from ppacer.store.driver import Values, run_many


def execute_many(connection: Connection, statement: Insert | Update | Delete, parameters: Sequence[Columns]) -> int:
    """Executes the statement for each set of parameters, in order; all sets have the same names, at least one.

    Returns how many rows were inserted, found or deleted, in total. `statement` is one of a module's constants.
    """
    text, in_order = _prepare(connection.dialect, statement, tuple(parameters[0]))
    return run_many(connection, text, [in_order(columns) for columns in parameters])


@lru_cache
def _prepare(
    dialect: Dialect, statement: Insert | Update | Delete, names: tuple[str, ...]
) -> tuple[str, Callable[[Columns], Values]]:
    """The statement as the driver takes it, and what puts parameters into its order."""
    compiled = statement.compile(dialect=dialect, column_keys=names)
    order = compiled.positiontup or ()
    if len(order) == 1:
        only = order[0]
        return str(compiled), lambda columns: (columns[only],)
    return str(compiled), itemgetter(*order)
