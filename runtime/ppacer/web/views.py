"""Rows and specs as the API shows them: pure functions from what is stored to messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from ppacer import spec
from ppacer.core.instants import to_datetime
from ppacer.core.model import Attempt, Event, Run, TaskRow
from ppacer.protocol import LogEntry
from ppacer.web.describe import place_text, schedule_text
from ppacer.web.messages import (
    AttemptView,
    DagView,
    EventView,
    Json,
    LogLine,
    LogPage,
    RunDetail,
    RunView,
    TaskSpec,
    TaskView,
)


def time_text(instant: int) -> str:
    """ISO 8601 in UTC, always with six digits after the second, so that texts sort as times do."""
    return to_datetime(instant).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def run_view(run: Run) -> RunView:
    return RunView(
        id=run.id,
        dag=run.dag,
        status=run.status,
        kind=run.kind,
        actor=run.actor,
        build=run.build,
        epoch=run.epoch,
        scheduled_at=time_text(run.scheduled_at),
        created_at=time_text(run.created_at),
        started_at=_optional(run.started_at),
        finished_at=_optional(run.finished_at),
        reason=run.reason,
    )


def dag_view(dag: spec.Dag, next_due: int | None, last_runs: Iterable[Run]) -> DagView:
    return DagView(
        id=dag.id,
        doc=dag.doc,
        schedules=tuple(schedule_text(schedule) for schedule in dag.schedules),
        timezone=dag.timezone,
        tags=dag.tags,
        owner=dag.owner,
        tasks=len(dag.tasks),
        next_run_at=_optional(next_due),
        last_runs=tuple(run_view(run) for run in last_runs),
    )


def task_spec(program: spec.Program, task: spec.Task) -> TaskSpec:
    return TaskSpec(
        id=task.id,
        callable=task.callable,
        at=place_text(program, task.at),
        doc=task.doc,
        parents=task.parents,
        x=task.x,
        y=task.y,
        retries=task.retries,
        timeout=task.timeout.total_seconds() if task.timeout is not None else None,
    )


def run_detail(
    run: Run, dag: spec.Dag | None, tasks: Sequence[TaskRow], attempts: Iterable[Attempt], seq: int
) -> RunDetail:
    """The run with its tasks in the order of `dag`, the dag of the run's own build; as stored where that is gone."""
    specs: Mapping[str, spec.Task] = {task.id: task for task in dag.tasks} if dag is not None else {}
    order = {task: index for index, task in enumerate(specs)}
    tried: dict[tuple[str, int], list[Attempt]] = {}
    for attempt in attempts:
        tried.setdefault((attempt.task, attempt.position), []).append(attempt)
    rows = sorted(tasks, key=lambda row: (order.get(row.task, len(order)), row.position))
    return RunDetail(
        run=run_view(run),
        seq=seq,
        tasks=tuple(_task_view(row, specs.get(row.task), tried.get((row.task, row.position), [])) for row in rows),
        params=_json(run.params),
    )


def attempt_view(attempt: Attempt) -> AttemptView:
    return AttemptView(
        id=attempt.id,
        number=attempt.number,
        epoch=attempt.epoch,
        status=attempt.status,
        created_at=time_text(attempt.created_at),
        started_at=_optional(attempt.started_at),
        finished_at=_optional(attempt.finished_at),
        executor=attempt.executor,
        error_kind=attempt.error_kind,
        error=attempt.error,
    )


def log_page(attempt: Attempt, entries: Sequence[LogEntry], after: int, *, limit: int) -> LogPage:
    """Entries after `after`; `attempt` must have been read before them, so that `complete` is true of them."""
    return LogPage(
        attempt=attempt_view(attempt),
        entries=tuple(_log_line(entry) for entry in entries),
        last=entries[-1].seq if entries else after,
        complete=attempt.status.terminal and len(entries) < limit,
    )


def event_view(event: Event) -> EventView:
    return EventView(event.seq, time_text(event.at), event.kind, event.actor, _json(event.payload))


def _task_view(row: TaskRow, task: spec.Task | None, attempts: Sequence[Attempt]) -> TaskView:
    return TaskView(
        id=row.task,
        position=row.position,
        status=row.status,
        callable=task.callable if task is not None else "",
        parents=task.parents if task is not None else (),
        x=task.x if task is not None else 0,
        y=task.y if task is not None else 0,
        attempts=tuple(
            attempt_view(attempt) for attempt in sorted(attempts, key=lambda each: (each.epoch, each.number))
        ),
        label=row.label,
        due_at=_optional(row.due_at),
        started_at=_optional(row.started_at),
        finished_at=_optional(row.finished_at),
        error=row.error,
        output=_json(row.output),
    )


def _log_line(entry: LogEntry) -> LogLine:
    return LogLine(
        seq=entry.seq,
        at=time_text(entry.at),
        stream=entry.stream,
        level=entry.level,
        message=entry.message,
        logger=entry.logger,
        attributes=_json(entry.attributes),
    )


def _optional(instant: int | None) -> str | None:
    return None if instant is None else time_text(instant)


def _json(text: str | None) -> Json:
    return None if text is None else json.loads(text)
