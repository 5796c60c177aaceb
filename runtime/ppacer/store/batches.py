"""Turns a sequence of writes into as few statements as keep its meaning, and carries them out.

Writes of one kind are done by one statement with many rows (executemany), so the order of a sequence is changed. What
must hold: a write sees the writes before it to the same row, and a row is inserted before the rows that refer to it.

Each kind has a rank (the order of `_KINDS`): builds, dags, runs, tasks, attempts, events, and for each the insert
before the updates. A write goes into the first level in which it comes after all earlier writes to its row: the same
level if their rank is lower, or equal (one statement works its rows off in order), else the next one. Batches run by
level, then by rank. References need no more than the rank, since a row that others refer to is inserted in level 0,
unless an earlier write of the sequence asked for that row before it was there; and then the sequence is refused anyway.

A guarded statement changes at most one row per set of parameters, because its WHERE names the whole primary key. So the
total that a driver counts for many sets equals their number only if each of them found its row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from sqlalchemy import Connection, Insert, Table, Update, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from ppacer.core.model import (
    AttemptStatus,
    InsertAttempt,
    InsertBuild,
    InsertDag,
    InsertEvent,
    InsertRun,
    InsertTask,
    RenewLeases,
    UpdateAttempt,
    UpdateDag,
    UpdateRun,
    UpdateTask,
    WatchedUntil,
    Write,
)
from ppacer.store import rows, schema
from ppacer.store.errors import Conflict
from ppacer.store.many import execute_many
from ppacer.store.rows import Columns


def apply(connection: Connection, writes: Sequence[Write]) -> None:
    """Carries the writes out, batched. A guarded one that does not find its row raises `Conflict`."""
    for kind, parameters in _plan(writes):
        found = execute_many(connection, kind.statement, parameters)
        if kind.guarded and found != len(parameters):
            raise Conflict(f"only {found} of {len(parameters)} rows of {kind.table.name} are as expected")


def find_conflict(connection: Connection, writes: Sequence[Write]) -> Conflict | None:
    """Carries the writes out one by one, in their order, up to the first guarded one that does not find its row."""
    for write in writes:
        for step in _steps(write):
            kind = _KINDS[type(step)]
            parameters = kind.parameters(step)
            try:
                count = execute_many(connection, kind.statement, [parameters])
            except IntegrityError as error:
                return Conflict(f"{_name(write)}: the database refuses the row: {error.orig}", write)
            if kind.guarded and count != 1:
                return Conflict(f"{_name(write)}: {_difference(connection, kind, parameters)}", write)
    return None


@dataclass(frozen=True, slots=True)
class _RenewLease:
    """One of the leases of a `RenewLeases`."""

    attempt: str
    token: int
    lease_until: int


_Step: TypeAlias = (
    InsertBuild
    | InsertDag
    | UpdateDag
    | WatchedUntil
    | InsertRun
    | UpdateRun
    | InsertTask
    | UpdateTask
    | InsertAttempt
    | UpdateAttempt
    | _RenewLease
    | InsertEvent
)


_RowOf: TypeAlias = Callable[[Any], tuple[str | int, ...]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How writes of one class are done. `row` names the row that a write is about, `parameters` are its values: the
    columns that it sets by their names, those that it looks for with `KEY` or `EXPECTED` before the name. Both take
    writes of that class only."""

    rank: int
    table: Table
    statement: Insert | Update
    guarded: bool
    row: _RowOf
    parameters: Callable[[Any], Columns]


def _plan(writes: Sequence[Write]) -> Iterator[tuple[_Kind, list[Columns]]]:
    batches: dict[tuple[int, int], tuple[_Kind, list[Columns]]] = {}
    last: dict[tuple[str | int, ...], tuple[int, int]] = {}
    for write in writes:
        for step in _steps(write):
            kind = _KINDS[type(step)]
            row = (kind.table.name, *kind.row(step))
            level, rank = last.get(row, (0, 0))
            if rank > kind.rank:
                level += 1
            place = last[row] = (level, kind.rank)
            batch = batches.get(place)
            if batch is None:
                batch = batches[place] = (kind, [])
            batch[1].append(kind.parameters(step))
    for place in sorted(batches):
        yield batches[place]


def _steps(write: Write) -> Iterable[_Step]:
    if isinstance(write, RenewLeases):
        return [_RenewLease(attempt, token, write.lease_until) for attempt, token in write.leases]
    return (write,)


KEY = "key_"
EXPECTED = "expected_"


def _update(table: Table, *expected: str) -> Update:
    """Changes the columns that the parameters name, in the row that they name if it is as they expect."""
    statement = update(table)
    for column in table.primary_key:
        statement = statement.where(column == bindparam(KEY + column.name))
    for name in expected:
        statement = statement.where(table.c[name] == bindparam(EXPECTED + name))
    return statement


def _difference(connection: Connection, kind: _Kind, parameters: Columns) -> str:
    """What a guarded write found in place of what it expected."""
    query = select(kind.table)
    for column in kind.table.primary_key:
        query = query.where(column == parameters[KEY + column.name])
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return "there is no such row"
    expected = [(name.removeprefix(EXPECTED), value) for name, value in parameters.items() if name.startswith(EXPECTED)]
    return "; ".join(
        f"its {name} is {found!r}, not {value!r}" for name, value in expected if (found := row[name]) != value
    )


def _name(write: Write) -> str:
    """The write as a person knows it: its class and its row."""
    row = ", ".join(str(part) for step in _steps(write) for part in _KINDS[type(step)].row(step))
    return f"{type(write).__name__} ({row})"


def _dag_key(write: UpdateDag | WatchedUntil) -> Columns:
    project, dag = _row_of_dag(write)
    return {"key_project": project, "key_dag": dag}


def _row_of_dag(write: InsertDag | UpdateDag | WatchedUntil) -> tuple[str, str]:
    if isinstance(write, WatchedUntil):
        return (write.project, write.dag)
    return (write.row.project, write.row.dag)


def _row_of_run(write: InsertRun | UpdateRun) -> tuple[str]:
    return (write.row.id,)


def _row_of_task(write: InsertTask | UpdateTask) -> tuple[str, int, str, int]:
    row = write.row
    return (row.run_id, row.epoch, row.task, row.position)


def _row_of_attempt(write: InsertAttempt | UpdateAttempt | _RenewLease) -> tuple[str]:
    return (write.attempt,) if isinstance(write, _RenewLease) else (write.row.id,)


def _changed_dag(write: UpdateDag) -> Columns:
    return {**_dag_key(write), **rows.dag_changes(write.row)}


def _watched_dag(write: WatchedUntil) -> Columns:
    return {**_dag_key(write), "watched_until": write.watched_until}


def _changed_run(write: UpdateRun) -> Columns:
    return {
        "key_id": write.row.id,
        "expected_status": write.expected.value,
        "expected_epoch": write.row.epoch,
        **rows.run_changes(write.row),
    }


def _changed_task(write: UpdateTask) -> Columns:
    return {
        "key_run_id": write.row.run_id,
        "key_epoch": write.row.epoch,
        "key_task": write.row.task,
        "key_position": write.row.position,
        "expected_status": write.expected.value,
        **rows.task_changes(write.row),
    }


def _changed_attempt(write: UpdateAttempt) -> Columns:
    return {
        "key_id": write.row.id,
        "expected_status": write.expected.value,
        "expected_token": write.expected_token,
        **rows.attempt_changes(write.row),
    }


def _renewed_attempt(lease: _RenewLease) -> Columns:
    return {
        "key_id": lease.attempt,
        "expected_status": AttemptStatus.RUNNING.value,
        "expected_token": lease.token,
        "lease_until": lease.lease_until,
    }


def _row_of_build(write: InsertBuild) -> tuple[str]:
    return (write.row.build,)


def _row_of_event(write: InsertEvent) -> tuple[str, int]:
    return (write.row.run_id, write.row.seq)


def _inserts(rank: int, table: Table, row: _RowOf, columns: Callable[[Any], Columns]) -> _Kind:
    return _Kind(rank, table, insert(table), False, row, lambda write: columns(write.row))


def _updates(rank: int, table: Table, row: _RowOf, parameters: Callable[[Any], Columns], *expected: str) -> _Kind:
    return _Kind(rank, table, _update(table, *expected), True, row, parameters)


_KINDS: dict[type[_Step], _Kind] = {
    InsertBuild: _inserts(0, schema.builds, _row_of_build, rows.build_columns),
    InsertDag: _inserts(1, schema.dags, _row_of_dag, rows.dag_columns),
    UpdateDag: _updates(2, schema.dags, _row_of_dag, _changed_dag),
    WatchedUntil: _updates(3, schema.dags, _row_of_dag, _watched_dag),
    InsertRun: _inserts(4, schema.runs, _row_of_run, rows.run_columns),
    UpdateRun: _updates(5, schema.runs, _row_of_run, _changed_run, "status", "epoch"),
    InsertTask: _inserts(6, schema.tasks, _row_of_task, rows.task_columns),
    UpdateTask: _updates(7, schema.tasks, _row_of_task, _changed_task, "status"),
    InsertAttempt: _inserts(8, schema.attempts, _row_of_attempt, rows.attempt_columns),
    UpdateAttempt: _updates(9, schema.attempts, _row_of_attempt, _changed_attempt, "status", "token"),
    # A lease that has ended meanwhile is passed over: its holder learns it from the answer to the renewal.
    _RenewLease: replace(
        _updates(10, schema.attempts, _row_of_attempt, _renewed_attempt, "status", "token"), guarded=False
    ),
    InsertEvent: _inserts(11, schema.events, _row_of_event, rows.event_columns),
}
