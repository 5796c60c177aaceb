"""Between the rows of `ppacer.core.model` and the columns of the tables.

Free text may hold lone surrogates (a task may print or return anything); no database takes those, so they are written
as `\\udXXX`, which inside JSON is the very same string.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import Row, Select

from ppacer.core.model import (
    Attempt,
    AttemptStatus,
    BuildRow,
    DagRow,
    ErrorKind,
    Event,
    EventKind,
    Run,
    RunKind,
    RunStatus,
    TaskRow,
    TaskStatus,
)
from ppacer.protocol import LogEntry

Columns: TypeAlias = dict[str, str | int | bool | None]
AnyRow: TypeAlias = "Row[tuple[Any, ...]]"
"""A row whose columns are those of its table: what type each has, the table knows."""

Query: TypeAlias = "Select[tuple[Any, ...]]"


def build_columns(row: BuildRow) -> Columns:
    return {
        "build": row.build,
        "program": row.program,
        "compiler": row.compiler,
        "spec_version": row.spec_version,
        "spec": storable(row.spec),
        "first_seen_at": row.first_seen_at,
        "project": row.project,
    }


def dag_columns(row: DagRow) -> Columns:
    return {"project": row.project, "dag": row.dag, **dag_changes(row)}


def dag_changes(row: DagRow) -> Columns:
    return {
        "build": row.build,
        "first_seen_at": row.first_seen_at,
        "last_seen_at": row.last_seen_at,
        "watched_until": row.watched_until,
        "paused": row.paused,
        "removed_at": row.removed_at,
    }


def run_columns(row: Run) -> Columns:
    return {
        "id": row.id,
        "project": row.project,
        "dag": row.dag,
        "build": row.build,
        "kind": row.kind.value,
        "scheduled_at": row.scheduled_at,
        "due_at": None if row.kind is RunKind.MANUAL else row.scheduled_at,
        "created_at": row.created_at,
        "actor": storable(row.actor),
        "previous_at": row.previous_at,
        "epoch": row.epoch,
        "params": storable(row.params),
        "idempotency_key": row.idempotency_key,
        **run_changes(row),
    }


def run_changes(row: Run) -> Columns:
    return {
        "status": row.status.value,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "reason": storable(row.reason),
    }


def task_columns(row: TaskRow) -> Columns:
    return {
        "run_id": row.run_id,
        "epoch": row.epoch,
        "task": row.task,
        "position": row.position,
        **task_changes(row),
    }


def task_changes(row: TaskRow) -> Columns:
    return {
        "status": row.status.value,
        "attempts": row.attempts,
        "lost": row.lost,
        "due_at": row.due_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "output": storable(row.output),
        "error": storable(row.error),
        "label": storable(row.label),
    }


def attempt_columns(row: Attempt) -> Columns:
    return {
        "id": row.id,
        "run_id": row.run_id,
        "epoch": row.epoch,
        "task": row.task,
        "position": row.position,
        "number": row.number,
        "created_at": row.created_at,
        **attempt_changes(row),
    }


def attempt_changes(row: Attempt) -> Columns:
    return {
        "status": row.status.value,
        "token": row.token,
        "executor": storable(row.executor),
        "instance": row.instance,
        "request": row.request,
        "code": row.code,
        "lease_until": row.lease_until,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "error_kind": None if row.error_kind is None else row.error_kind.value,
        "error": storable(row.error),
    }


def event_columns(row: Event) -> Columns:
    return {
        "run_id": row.run_id,
        "seq": row.seq,
        "at": row.at,
        "kind": row.kind.value,
        "actor": storable(row.actor),
        "payload": storable(row.payload),
    }


def log_columns(attempt: str, entry: LogEntry) -> Columns:
    return {
        "attempt": attempt,
        "seq": entry.seq,
        "at": entry.at,
        "stream": entry.stream,
        "level": entry.level,
        "message": storable(entry.message),
        "logger": storable(entry.logger),
        "attributes": storable(entry.attributes),
    }


def to_build(row: AnyRow) -> BuildRow:
    return BuildRow(
        build=row.build,
        program=row.program,
        compiler=row.compiler,
        spec_version=row.spec_version,
        spec=row.spec,
        first_seen_at=row.first_seen_at,
        project=row.project,
    )


def to_dag(row: AnyRow) -> DagRow:
    return DagRow(
        dag=row.dag,
        build=row.build,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        watched_until=row.watched_until,
        paused=row.paused,
        removed_at=row.removed_at,
        project=row.project,
    )


def to_run(row: AnyRow) -> Run:
    return Run(
        id=row.id,
        dag=row.dag,
        build=row.build,
        kind=RunKind(row.kind),
        scheduled_at=row.scheduled_at,
        status=RunStatus(row.status),
        created_at=row.created_at,
        actor=row.actor,
        previous_at=row.previous_at,
        epoch=row.epoch,
        started_at=row.started_at,
        finished_at=row.finished_at,
        params=row.params,
        idempotency_key=row.idempotency_key,
        reason=row.reason,
        project=row.project,
    )


def to_task(row: AnyRow) -> TaskRow:
    return TaskRow(
        run_id=row.run_id,
        epoch=row.epoch,
        task=row.task,
        position=row.position,
        status=TaskStatus(row.status),
        attempts=row.attempts,
        lost=row.lost,
        due_at=row.due_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        output=row.output,
        error=row.error,
        label=row.label,
    )


def to_attempt(row: AnyRow) -> Attempt:
    return Attempt(
        id=row.id,
        run_id=row.run_id,
        epoch=row.epoch,
        task=row.task,
        position=row.position,
        number=row.number,
        status=AttemptStatus(row.status),
        created_at=row.created_at,
        token=row.token,
        executor=row.executor,
        instance=row.instance,
        request=row.request,
        code=row.code,
        lease_until=row.lease_until,
        started_at=row.started_at,
        finished_at=row.finished_at,
        error_kind=None if row.error_kind is None else ErrorKind(row.error_kind),
        error=row.error,
    )


def to_event(row: AnyRow) -> Event:
    return Event(
        run_id=row.run_id,
        seq=row.seq,
        at=row.at,
        kind=EventKind(row.kind),
        actor=row.actor,
        payload=row.payload,
    )


def to_log_entry(row: AnyRow) -> LogEntry:
    return LogEntry(
        seq=row.seq,
        at=row.at,
        stream=row.stream,
        level=row.level,
        message=row.message,
        logger=row.logger,
        attributes=row.attributes,
    )


def storable(text: str | None) -> str | None:
    if text is None or text.isascii():  # `isascii` looks at a flag of the string: free
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
