"""From the columns of the tables to the rows of `ppacer.core.model`."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Row, Select

from ppacer.core.accounts import AuditEntry, How, Role, Session, Token, User
from ppacer.core.model import (
    Attempt,
    AttemptStatus,
    Backfill,
    BackfillStatus,
    BuildRow,
    DagEvent,
    DagEventKind,
    DagRow,
    DagVersion,
    ErrorKind,
    Event,
    EventKind,
    NoticeEvent,
    Notification,
    NotificationStatus,
    Run,
    RunKind,
    RunStatus,
    TaskRow,
    TaskStatus,
)
from ppacer.protocol import LogEntry

AnyRow: TypeAlias = "Row[tuple[Any, ...]]"
"""A row whose columns are those of its table: what type each has, the table knows."""

AnyColumn: TypeAlias = "ColumnElement[Any]"
Query: TypeAlias = "Select[*tuple[Any, ...]]"


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
        silenced_until=row.silenced_until,
        renamed_to=row.renamed_to,
        project=row.project,
    )


def to_dag_version(row: AnyRow) -> DagVersion:
    return DagVersion(dag=row.dag, build=row.build, at=row.at, digest=row.digest, project=row.project)


def to_dag_event(row: AnyRow) -> DagEvent:
    return DagEvent(
        id=row.id,
        dag=row.dag,
        at=row.at,
        kind=DagEventKind(row.kind),
        actor=row.actor,
        payload=row.payload,
        project=row.project,
    )


def to_backfill(row: AnyRow) -> Backfill:
    return Backfill(
        id=row.id,
        dag=row.dag,
        actor=row.actor,
        created_at=row.created_at,
        from_at=row.from_at,
        until_at=row.until_at,
        parallel=row.parallel,
        status=BackfillStatus(row.status),
        next_after=row.next_after,
        total=row.total,
        made=row.made,
        passed_over=row.passed_over,
        params=row.params,
        finished_at=row.finished_at,
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
        outcome=None if row.outcome is None else RunStatus(row.outcome),
        late_at=row.late_at,
        backfill=row.backfill,
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
        reason=row.reason,
        generation=row.generation,
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
        due_at=row.due_at,
        state=row.state,
        parts=row.parts,
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


def to_notification(row: AnyRow) -> Notification:
    return Notification(
        id=row.id,
        at=row.at,
        dag=row.dag,
        build=row.build,
        event=NoticeEvent(row.event),
        notifier=row.notifier,
        subject=row.subject,
        message=row.message,
        status=NotificationStatus(row.status),
        due_at=row.due_at,
        run_id=row.run_id,
        task=row.task,
        position=row.position,
        number=row.number,
        tries=row.tries,
        sent_at=row.sent_at,
        error=row.error,
        project=row.project,
    )


def to_user(row: AnyRow) -> User:
    return User(
        name=row.name,
        role=Role(row.role),
        password=row.password,
        created_at=row.created_at,
        changed_at=row.changed_at,
        project=row.project,
    )


def to_token(row: AnyRow) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        scope=Role(row.scope),
        digest=row.digest,
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        project=row.project,
    )


def to_session(row: AnyRow) -> Session:
    return Session(
        digest=row.digest,
        how=How(row.how),
        holder=row.holder,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def to_audit_entry(row: AnyRow) -> AuditEntry:
    return AuditEntry(
        id=row.id,
        at=row.at,
        actor=row.actor,
        how=row.how,
        address=row.address,
        action=row.action,
        subject=row.subject,
        outcome=row.outcome,
        detail=row.detail,
        project=row.project,
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
