"""Turns a sequence of writes into as few statements as keep its meaning, and carries them out.

Writes of one kind are done by one statement with many rows (executemany), so the order of a sequence is changed. What
must hold: a write sees the writes before it to the same row, and a row is inserted before the rows that refer to it.

Each kind has a rank: builds, dags, backfills, runs, tasks, attempts, events, notifications, and for each the insert
before the updates; removals come last. A write goes into the first level in which it comes after all earlier writes to
its row: the same level if their rank is lower, or equal (one statement works its rows off in order), else the next one.
Batches run by level, then by rank. References need no more than the rank, since a row that others refer to is inserted
in level 0, unless an earlier write of the sequence asked for that row before it was there; and then the sequence is
refused anyway.

A removal takes rows that it does not name, so it is done after all that came before it, and all that comes after it
goes into later levels. Removals themselves may be done in any order: none of them changes what another one goes by.

A guarded statement changes at most one row per set of parameters, because its WHERE names the whole primary key. So the
total that a driver counts for many sets equals their number only if each of them found its row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError

from ppacer.core.model import (
    AttemptStatus,
    ClearOutputs,
    DeleteDagEvents,
    DeleteNotifications,
    DeleteRuns,
    InsertAttempt,
    InsertBackfill,
    InsertBuild,
    InsertDag,
    InsertDagEvent,
    InsertDagVersion,
    InsertEvent,
    InsertNotification,
    InsertRun,
    InsertTask,
    RenewLeases,
    UpdateAttempt,
    UpdateBackfill,
    UpdateDag,
    UpdateNotification,
    UpdateRun,
    UpdateTask,
    WatchedUntil,
    Write,
)
from ppacer.store import account_writes, columns, schema
from ppacer.store.columns import Columns
from ppacer.store.errors import Conflict
from ppacer.store.many import execute_many
from ppacer.store.write_kinds import EXPECTED, KEY, Key, Kind, Step, by_id, inserts, removes, update_row, updates


def apply(connection: Connection, writes: Sequence[Write]) -> None:
    """Carries the writes out, batched. A guarded one that does not find its row raises `Conflict`."""
    for kind, parameters in _plan(writes):
        found = execute_many(connection, kind.statement, parameters)
        if kind.guarded and found != len(parameters):
            raise Conflict(f"only {found} of {len(parameters)} rows of {kind.table.name} are as expected")


def find_conflict(connection: Connection, writes: Sequence[Write]) -> Conflict | None:
    """Carries the writes out one by one, in their order, up to the first guarded one that does not find its row."""
    for write in writes:
        for kind, step in _steps(write):
            parameters = kind.parameters(step)
            try:
                count = execute_many(connection, kind.statement, [parameters])
            except IntegrityError as error:
                return Conflict(f"{_name(write, kind, step)}: the database refuses the row: {error.orig}", write)
            if kind.guarded and count != 1:
                found = _difference(connection, kind, parameters)
                return Conflict(f"{_name(write, kind, step)}: {found}", write)
    return None


_FIRST = (0, 0)


def _plan(writes: Sequence[Write]) -> Iterator[tuple[Kind, list[Columns]]]:
    batches: dict[tuple[int, int], tuple[Kind, list[Columns]]] = {}
    last: defaultdict[Table, dict[Key, tuple[int, int]]] = defaultdict(dict)
    lowest = highest = 0  # the levels that writes may go into, and have gone into
    for write in writes:
        for kind, step in _steps(write):
            if kind.removes:
                place = (highest, kind.rank)
                lowest = highest + 1
            elif kind.alone:
                place = (lowest, kind.rank)
                highest = max(highest, lowest)
            else:
                row, of_table = kind.row(step), last[kind.table]
                level, rank = of_table.get(row, _FIRST)
                if rank > kind.rank:
                    level += 1
                place = of_table[row] = (max(level, lowest), kind.rank)
                highest = max(highest, place[0])
            batch = batches.get(place)
            if batch is None:
                batch = batches[place] = (kind, [])
            batch[1].append(kind.parameters(step))
    for place in sorted(batches):
        yield batches[place]


def _steps(write: Write) -> Iterable[tuple[Kind, Step]]:
    kind = _KINDS.get(type(write))
    return _MANY[type(write)](write) if kind is None else ((kind, write),)


def _difference(connection: Connection, kind: Kind, parameters: Columns) -> str:
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


def _name(write: Write, kind: Kind, step: Step) -> str:
    """The write as a person knows it: its class and its row."""
    return f"{type(write).__name__} ({', '.join(str(part) for part in kind.row(step))})"


# --- inserts and updates ---------------------------------------------------------------------------------------------


def _row_of_dag(write: InsertDag | UpdateDag | WatchedUntil) -> Key:
    if isinstance(write, WatchedUntil):
        return (write.project, write.dag)
    return (write.row.project, write.row.dag)


def _row_of_dag_version(write: InsertDagVersion) -> Key:
    return (write.row.project, write.row.dag, write.row.at)


def _row_of_task(write: InsertTask | UpdateTask) -> Key:
    row = write.row
    return (row.run_id, row.epoch, row.task, row.position)


def _row_of_event(write: InsertEvent) -> Key:
    return (write.row.run_id, write.row.seq)


def _row_by_id(
    write: InsertRun
    | UpdateRun
    | InsertAttempt
    | UpdateAttempt
    | InsertDagEvent
    | InsertBackfill
    | UpdateBackfill
    | InsertNotification
    | UpdateNotification,
) -> Key:
    return (write.row.id,)


def _changed_dag(write: UpdateDag) -> Columns:
    return {"key_project": write.row.project, "key_dag": write.row.dag, **columns.dag_changes(write.row)}


def _watched_dag(write: WatchedUntil) -> Columns:
    return {"key_project": write.project, "key_dag": write.dag, "watched_until": write.watched_until}


def _changed_backfill(write: UpdateBackfill) -> Columns:
    changes = columns.backfill_changes(write.row)
    return {"key_id": write.row.id, "expected_status": write.expected.value, **changes}


def _changed_run(write: UpdateRun) -> Columns:
    return {
        "key_id": write.row.id,
        "expected_status": write.expected.value,
        "expected_epoch": write.row.epoch if write.expected_epoch is None else write.expected_epoch,
        **columns.run_changes(write.row),
    }


def _changed_task(write: UpdateTask) -> Columns:
    return {
        "key_run_id": write.row.run_id,
        "key_epoch": write.row.epoch,
        "key_task": write.row.task,
        "key_position": write.row.position,
        "expected_status": write.expected.value,
        **columns.task_changes(write.row),
    }


def _changed_attempt(write: UpdateAttempt) -> Columns:
    return {
        "key_id": write.row.id,
        "expected_status": write.expected.value,
        "expected_token": write.expected_token,
        **columns.attempt_changes(write.row),
    }


def _renewed_attempt(lease: tuple[str, int, int]) -> Columns:
    attempt, token, until = lease
    return {
        "key_id": attempt,
        "expected_status": AttemptStatus.RUNNING.value,
        "expected_token": token,
        "lease_until": until,
    }


def _changed_notification(write: UpdateNotification) -> Columns:
    changes = columns.notification_changes(write.row)
    return {"key_id": write.row.id, "expected_status": write.expected.value, **changes}


_KINDS: dict[type[Write], Kind] = {
    **account_writes.KINDS,
    InsertBuild: inserts(0, schema.builds, lambda write: (write.row.build,), columns.build_columns),
    InsertDag: inserts(1, schema.dags, _row_of_dag, columns.dag_columns),
    UpdateDag: updates(2, schema.dags, _row_of_dag, _changed_dag),
    WatchedUntil: updates(3, schema.dags, _row_of_dag, _watched_dag),
    InsertDagVersion: inserts(4, schema.dag_versions, _row_of_dag_version, columns.dag_version_columns),
    InsertDagEvent: inserts(5, schema.dag_events, _row_by_id, columns.dag_event_columns),
    InsertBackfill: inserts(6, schema.backfills, _row_by_id, columns.backfill_columns),
    UpdateBackfill: updates(7, schema.backfills, _row_by_id, _changed_backfill, "status"),
    InsertRun: inserts(8, schema.runs, _row_by_id, columns.run_columns),
    UpdateRun: updates(9, schema.runs, _row_by_id, _changed_run, "status", "epoch"),
    InsertTask: inserts(10, schema.tasks, _row_of_task, columns.task_columns),
    UpdateTask: updates(11, schema.tasks, _row_of_task, _changed_task, "status"),
    InsertAttempt: inserts(12, schema.attempts, _row_by_id, columns.attempt_columns),
    UpdateAttempt: updates(13, schema.attempts, _row_by_id, _changed_attempt, "status", "token"),
    InsertEvent: inserts(15, schema.events, _row_of_event, columns.event_columns, alone=True),
    InsertNotification: inserts(16, schema.notifications, _row_by_id, columns.notification_columns),
    UpdateNotification: updates(17, schema.notifications, _row_by_id, _changed_notification, "status"),
}

_RENEWAL = Kind(
    14,
    schema.attempts,
    update_row(schema.attempts, "status", "token"),
    lambda lease: (lease[0],),
    _renewed_attempt,
    guarded=False,  # a lease that has ended meanwhile: its holder learns it from the answer to the renewal
)


# --- removals --------------------------------------------------------------------------------------------------------


_tasks, _runs = schema.tasks, schema.runs

_ENDED_RUN = select(_runs.c.id).where(_runs.c.id == bindparam("key_run_id"), _runs.c.ended_at.is_not(None))
"""The run of that id, if it has ended."""


def _of_run(rank: int, table: Table) -> Kind:
    return removes(rank, table, delete(table).where(table.c.run_id.in_(_ENDED_RUN)), "key_run_id")


_OUTPUT_REMOVALS = (
    removes(
        18,
        _tasks,
        update(_tasks).where(_tasks.c.run_id.in_(_ENDED_RUN), _tasks.c.output.is_not(None)),
        "key_run_id",
        output=None,
    ),
    removes(
        19,
        _runs,
        update(_runs).where(_runs.c.id == bindparam("key_run_id"), _runs.c.ended_at.is_not(None)),
        "key_run_id",
        outputs_since=None,
    ),
)

_RUN_REMOVALS = (
    _of_run(20, schema.notifications),
    _of_run(21, schema.events),
    _of_run(22, schema.attempts),
    _of_run(23, _tasks),
    removes(
        24,
        _runs,
        delete(_runs).where(_runs.c.id == bindparam("key_run_id"), _runs.c.ended_at.is_not(None)),
        "key_run_id",
    ),
)

_DAG_EVENT_REMOVAL = by_id(25, schema.dag_events)
_NOTIFICATION_REMOVAL = by_id(26, schema.notifications)

_MANY: dict[type[Write], Callable[[Any], Iterable[tuple[Kind, Step]]]] = {
    **account_writes.MANY,
    RenewLeases: lambda write: [(_RENEWAL, (attempt, token, write.lease_until)) for attempt, token in write.leases],
    DeleteRuns: lambda write: [(kind, run_id) for run_id in write.run_ids for kind in _RUN_REMOVALS],
    ClearOutputs: lambda write: [(kind, run_id) for run_id in write.run_ids for kind in _OUTPUT_REMOVALS],
    DeleteDagEvents: lambda write: [(_DAG_EVENT_REMOVAL, id_) for id_ in write.ids],
    DeleteNotifications: lambda write: [(_NOTIFICATION_REMOVAL, id_) for id_ in write.ids],
}
"""Writes that are about many rows."""
