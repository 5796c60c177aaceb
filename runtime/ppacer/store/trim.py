"""Takes rows off a run that is too large to be removed in one transaction.

What a run can do without goes first: its notifications, its history from the beginning on, its attempts. Until a task
goes the run can still be reopened, should the program end in between; afterwards it can only be removed.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Delete, Table, Update, bindparam, delete, select, update

from ppacer.store import schema
from ppacer.store.columns import Columns
from ppacer.store.many import execute_many
from ppacer.store.rows import Query


def trim_run(connection: Connection, run_id: str, limit: int) -> int:
    """Deletes at most `limit` rows of an ended run, but not the run's own. Returns how many it deleted."""
    return _trim(connection, run_id, limit, _DELETIONS)


def trim_outputs(connection: Connection, run_id: str, limit: int) -> int:
    """Takes at most `limit` outputs of an ended run away. Returns how many it took."""
    return _trim(connection, run_id, limit, (_CLEARING,))


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one table: `keys` finds their primary keys, `statement` does away with the row that has one of them."""

    keys: Query
    statement: Delete | Update
    values: Columns


def _trim(connection: Connection, run_id: str, limit: int, parts: tuple[_Part, ...]) -> int:
    if connection.execute(_ENDED, {"run": run_id}).one_or_none() is None:
        return 0
    left = limit
    for part in parts:
        if left == 0:
            break
        found = connection.execute(part.keys, {"run": run_id, "limit": left}).mappings().all()
        if found:
            execute_many(connection, part.statement, [{**key, **part.values} for key in found])
        left -= len(found)
    return limit - left


_runs = schema.runs
_ENDED = select(_runs.c.id).where(_runs.c.id == bindparam("run"), _runs.c.ended_at.is_not(None))


def _keys(table: Table) -> Query:
    keys = [column.label(f"key_{column.name}") for column in table.primary_key]
    return select(*keys).where(table.c.run_id == bindparam("run")).limit(bindparam("limit"))


def _deletion(table: Table, keys: Query) -> _Part:
    return _Part(keys, _by_key(delete(table), table), {})


def _by_key(statement: Delete | Update, table: Table) -> Delete | Update:
    for column in table.primary_key:
        statement = statement.where(column == bindparam(f"key_{column.name}"))
    return statement


_tasks = schema.tasks
_DELETIONS = (
    _deletion(schema.notifications, _keys(schema.notifications)),
    _deletion(schema.events, _keys(schema.events).order_by(schema.events.c.seq)),
    _deletion(schema.attempts, _keys(schema.attempts)),
    _deletion(_tasks, _keys(_tasks)),
)
_CLEARING = _Part(_keys(_tasks).where(_tasks.c.output.is_not(None)), _by_key(update(_tasks), _tasks), {"output": None})
