"""From the rows of `ppacer.core.model` to the columns of the tables.

Free text may hold lone surrogates (a task may print or return anything); no database takes those, so they are written
as `\\udXXX`, which inside JSON is the very same string.
"""

from __future__ import annotations

from typing import TypeAlias

from ppacer.core.accounts import AuditEntry, Session, Token, User
from ppacer.core.model import (
    Attempt,
    Backfill,
    BuildRow,
    DagEvent,
    DagRow,
    DagVersion,
    Event,
    Notification,
    Run,
    RunKind,
    TaskRow,
)
from ppacer.protocol import LogEntry

Columns: TypeAlias = dict[str, str | int | bool | None]


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
        "silenced_until": row.silenced_until,
        "renamed_to": row.renamed_to,
    }


def dag_version_columns(row: DagVersion) -> Columns:
    return {"project": row.project, "dag": row.dag, "at": row.at, "build": row.build, "digest": row.digest}


def dag_event_columns(row: DagEvent) -> Columns:
    return {
        "id": row.id,
        "project": row.project,
        "dag": row.dag,
        "at": row.at,
        "kind": row.kind.value,
        "actor": storable(row.actor),
        "payload": storable(row.payload),
    }


def backfill_columns(row: Backfill) -> Columns:
    return {
        "id": row.id,
        "project": row.project,
        "dag": row.dag,
        "actor": storable(row.actor),
        "created_at": row.created_at,
        "from_at": row.from_at,
        "until_at": row.until_at,
        "params": storable(row.params),
        **backfill_changes(row),
    }


def backfill_changes(row: Backfill) -> Columns:
    return {
        "parallel": row.parallel,
        "status": row.status.value,
        "next_after": row.next_after,
        "total": row.total,
        "made": row.made,
        "passed_over": row.passed_over,
        "finished_at": row.finished_at,
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
        "params": storable(row.params),
        "idempotency_key": row.idempotency_key,
        "backfill": row.backfill,
        **run_changes(row),
    }


def run_changes(row: Run) -> Columns:
    ended_at = row.finished_at if row.status.terminal else None
    return {
        "epoch": row.epoch,
        "status": row.status.value,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "reason": storable(row.reason),
        "outcome": None if row.outcome is None else row.outcome.value,
        "late_at": row.late_at,
        "ended_at": ended_at,
        "outputs_since": ended_at,
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
        "reason": storable(row.reason),
        "generation": row.generation,
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
        "due_at": row.due_at,
        "state": storable(row.state),
        "parts": row.parts,
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


def notification_columns(row: Notification) -> Columns:
    return {
        "id": row.id,
        "project": row.project,
        "at": row.at,
        "dag": row.dag,
        "build": row.build,
        "event": row.event.value,
        "notifier": row.notifier,
        "subject": storable(row.subject),
        "message": storable(row.message),
        "run_id": row.run_id,
        "task": row.task,
        "position": row.position,
        "number": row.number,
        **notification_changes(row),
    }


def notification_changes(row: Notification) -> Columns:
    return {
        "status": row.status.value,
        "due_at": row.due_at,
        "tries": row.tries,
        "sent_at": row.sent_at,
        "error": storable(row.error),
    }


def user_columns(row: User) -> Columns:
    return {"project": row.project, "name": row.name, "created_at": row.created_at, **user_changes(row)}


def user_changes(row: User) -> Columns:
    return {"role": row.role.value, "password": row.password, "changed_at": row.changed_at}


def token_columns(row: Token) -> Columns:
    return {
        "id": row.id,
        "project": row.project,
        "name": row.name,
        "scope": row.scope.value,
        "digest": row.digest,
        "created_at": row.created_at,
        "created_by": row.created_by,
        "expires_at": row.expires_at,
    }


def session_columns(row: Session) -> Columns:
    return {
        "digest": row.digest,
        "how": row.how.value,
        "holder": row.holder,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
    }


def audit_columns(row: AuditEntry) -> Columns:
    return {
        "id": row.id,
        "project": row.project,
        "at": row.at,
        "actor": row.actor,
        "how": row.how,
        "address": row.address,
        "action": row.action,
        "subject": storable(row.subject),
        "outcome": row.outcome,
        "detail": storable(row.detail),
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


def storable(text: str | None) -> str | None:
    if text is None or text.isascii():  # `isascii` looks at a flag of the string: free
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
