"""The beginning of a run, and its end where nothing can go on with it."""

from __future__ import annotations

from collections.abc import Iterable

from ppacer.core.model import (
    Attempt,
    AttemptStatus,
    ErrorKind,
    Event,
    EventKind,
    InsertEvent,
    InsertRun,
    Run,
    RunKind,
    RunStatus,
    TaskRow,
    TaskStatus,
    UpdateAttempt,
    UpdateRun,
    UpdateTask,
    Write,
)
from ppacer.core.run_state import SCHEDULER, about, event_payload
from ppacer.core.state import check_run_move
from ppacer.records import replace

REQUEST = "request"
"""Part of the payload of a run's first event."""


def new_run(
    *,
    id: str,
    dag: str,
    build: str,
    kind: RunKind,
    scheduled_at: int,
    at: int,
    actor: str,
    previous_at: int | None = None,
    params: str = "{}",
    idempotency_key: str | None = None,
    backfill: str | None = None,
    request: str | None = None,
) -> tuple[Run, list[Write]]:
    """A queued run and what makes it durable; its event is the first of the run. `request` is by what a request with
    the same idempotency key is known to be the same."""
    run = Run(
        id=id,
        dag=dag,
        build=build,
        kind=kind,
        scheduled_at=scheduled_at,
        status=RunStatus.QUEUED,
        created_at=at,
        actor=actor,
        previous_at=previous_at,
        params=params,
        idempotency_key=idempotency_key,
        backfill=backfill,
    )
    told: dict[str, str | int | None] = {"kind": kind.value, "scheduled_at": scheduled_at}
    payload = event_payload(told if request is None else {**told, REQUEST: request})
    return run, [InsertRun(run), InsertEvent(Event(id, 1, at, EventKind.RUN_CREATED, actor, payload))]


def abandon(
    run: Run, tasks: Iterable[TaskRow], attempts: Iterable[Attempt], *, seq: int, at: int, reason: str
) -> tuple[Run, list[Write]]:
    """Ends a run that nothing can go on with, as failed: its build cannot be read. `seq` is that of its last event."""
    writes: list[Write] = []
    events: list[Write] = []
    lost: set[tuple[str, int]] = set()

    def tell(kind: EventKind, **payload: str | int | None) -> None:
        number = seq + len(events) + 1
        events.append(InsertEvent(Event(run.id, number, at, kind, SCHEDULER, event_payload(payload))))

    for attempt in attempts:
        if attempt.status.terminal:
            continue
        end, error_kind = AttemptStatus.CANCELLED, ErrorKind.CANCELLED
        if attempt.status is AttemptStatus.RUNNING:
            end, error_kind = AttemptStatus.LOST, ErrorKind.LOST
            lost.add((attempt.task, attempt.position))
        ended = replace(
            attempt, status=end, finished_at=at, lease_until=None, due_at=None, error_kind=error_kind, error=reason
        )
        writes.append(UpdateAttempt(ended, attempt.status, attempt.token))
        tell(
            EventKind.ATTEMPT_FINISHED,
            **about(attempt.task, attempt.position),
            number=attempt.number,
            id=attempt.id,
            status=end.value,
            error_kind=error_kind.value,
        )
    for task in tasks:
        if not task.status.terminal:
            row = replace(
                task,
                status=TaskStatus.CANCELLED,
                lost=task.lost + ((task.task, task.position) in lost),
                finished_at=at,
                due_at=None,
                reason=task.reason or reason,
            )
            writes.append(UpdateTask(row, task.status))
            tell(EventKind.TASK_FINISHED, **about(task.task, task.position), status=row.status.value)
    check_run_move(run.id, run.status, RunStatus.FAILED)
    failed = replace(run, status=RunStatus.FAILED, finished_at=at, reason=reason, outcome=RunStatus.FAILED)
    tell(EventKind.RUN_FINISHED, status=failed.status.value, reason=reason)
    return failed, [*writes, UpdateRun(failed, run.status), *events]
