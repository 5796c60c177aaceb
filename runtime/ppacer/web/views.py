"""Rows of runs as the API shows them: pure functions from what is stored to messages."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ppacer import spec
from ppacer.core.instants import to_datetime
from ppacer.core.model import FAMILY, Attempt, Event, Notification, Run, TaskRow, TaskStatus
from ppacer.protocol import LogEntry, Progress
from ppacer.web.messages import (
    AttemptView,
    EventView,
    FamilyView,
    Json,
    LogLine,
    LogPage,
    NotificationView,
    ProgressView,
    RunDetail,
    RunView,
    TaskView,
)

BIG_OUTPUT = 16 * 1024
"""Bytes of JSON above which an output is told with the task alone."""

SHOWN_MEMBERS = 100
"""How many members of a family a run's detail holds, unless another number is asked for."""


def time_text(instant: int) -> str:
    """ISO 8601 in UTC, always with six digits after the second, so that texts sort as times do."""
    return to_datetime(instant).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def optional_time(instant: int | None) -> str | None:
    return None if instant is None else time_text(instant)


def json_value(text: str | None) -> Json:
    return None if text is None else json.loads(text)


def shown_name(task: str, position: int, *, family: bool) -> str:
    """What a task of a run is called: a member of a run-time family by its position, `check[3]`."""
    return f"{task}[{position}]" if family and position != FAMILY else task


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
        started_at=optional_time(run.started_at),
        finished_at=optional_time(run.finished_at),
        reason=run.reason,
        outcome=run.outcome,
        late_at=optional_time(run.late_at),
        previous_at=optional_time(run.previous_at),
        backfill=run.backfill,
    )


@dataclass(frozen=True, slots=True)
class RunRows:
    """What is stored of a run: the rows of its tasks that count, attempts of all epochs, and the dag of its own build,
    if that can be read.

    `progress` is what running attempts say of themselves, by their ids.
    """

    run: Run
    dag: spec.Dag | None
    tasks: Sequence[TaskRow]
    attempts: Sequence[Attempt]
    progress: Mapping[str, Progress] = field(default_factory=dict)


def run_detail(rows: RunRows, *, seq: int, members: int = SHOWN_MEMBERS) -> RunDetail:
    """The run with its tasks in the order of its dag, of each family at most `members`."""
    found = _Tasks(rows)
    return RunDetail(run=run_view(rows.run), seq=seq, tasks=found.views(members), params=json_value(rows.run.params))


def member_views(rows: RunRows, task: str, statuses: Container[TaskStatus], after: int) -> Iterator[TaskView]:
    """The members of a run-time family that have one of the statuses, by position, those after `after`."""
    found = _Tasks(rows)
    for row in found.members.get(task, ()):
        if row.position > after and row.status in statuses:
            yield found.view(row)


def task_view(rows: RunRows, task: str, position: int | None) -> TaskView | None:
    """One task with all of its output, however big; of a family the whole unless a position is given."""
    return _Tasks(rows).one(task, position)


class _Tasks:
    """The current rows of a run put in order: ordinary tasks and families, and the members of these apart."""

    def __init__(self, rows: RunRows) -> None:
        self._specs = {task.id: task for task in rows.dag.tasks} if rows.dag is not None else {}
        self._progress = rows.progress
        self._attempts: dict[tuple[str, int], list[Attempt]] = {}
        for attempt in rows.attempts:
            self._attempts.setdefault((attempt.task, attempt.position), []).append(attempt)
        order = {task: index for index, task in enumerate(self._specs)}
        current = sorted(rows.tasks, key=lambda row: (order.get(row.task, len(order)), row.position))
        self._families = {row.task for row in current if row.position == FAMILY}
        self._rows = [row for row in current if row.task not in self._families or row.position == FAMILY]
        self.members: dict[str, list[TaskRow]] = {}
        for row in current:
            if row.task in self._families and row.position != FAMILY:
                self.members.setdefault(row.task, []).append(row)

    def views(self, members: int) -> tuple[TaskView, ...]:
        made: list[TaskView] = []
        for row in self._rows:
            shown = _to_look_at(self.members.get(row.task, ()), members) if row.position == FAMILY else []
            made.append(self.view(row, shown=len(shown)))
            made.extend(self.view(member) for member in shown)
        return tuple(made)

    def one(self, task: str, position: int | None) -> TaskView | None:
        for row in self._rows:
            if row.task == task and position in (None, row.position):
                return self.view(row, whole=True)
        for row in self.members.get(task, ()):
            if row.position == position:
                return self.view(row, whole=True)
        return None

    def view(self, row: TaskRow, *, shown: int = 0, whole: bool = False) -> TaskView:
        task = self._specs.get(row.task)
        big = row.output is not None and len(row.output) > BIG_OUTPUT and not whole
        tried = sorted(self._attempts.get((row.task, row.position), ()), key=lambda each: (each.epoch, each.number))
        return TaskView(
            id=row.task,
            name=shown_name(row.task, row.position, family=row.task in self._families),
            position=row.position,
            status=row.status,
            callable=task.callable if task is not None else "",
            parents=task.parents if task is not None else (),
            x=task.x if task is not None else 0,
            y=task.y if task is not None else 0,
            attempts=tuple(attempt_view(attempt, self._progress.get(attempt.id)) for attempt in tried),
            label=row.label,
            handler=task.handler if task is not None else spec.HandlerKind.NONE,
            epoch=row.epoch,
            generation=row.generation,
            due_at=optional_time(row.due_at),
            started_at=optional_time(row.started_at),
            finished_at=optional_time(row.finished_at),
            reason=row.reason,
            error=row.error,
            output=None if big else json_value(row.output),
            output_size=None if row.output is None else len(row.output),
            family=self._family(row, shown) if row.position == FAMILY else None,
        )

    def _family(self, row: TaskRow, shown: int) -> FamilyView:
        members = self.members.get(row.task, [])
        counts: dict[str, int] = {}
        for member in members:
            counts[member.status] = counts.get(member.status, 0) + 1
        return FamilyView(len(members), counts, shown)


def attempt_view(attempt: Attempt, progress: Progress | None = None) -> AttemptView:
    return AttemptView(
        id=attempt.id,
        number=attempt.number,
        epoch=attempt.epoch,
        status=attempt.status,
        created_at=time_text(attempt.created_at),
        started_at=optional_time(attempt.started_at),
        finished_at=optional_time(attempt.finished_at),
        executor=attempt.executor,
        error_kind=attempt.error_kind,
        error=attempt.error,
        due_at=optional_time(attempt.due_at),
        progress=None if progress is None else _progress_view(progress),
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
    return EventView(event.seq, time_text(event.at), event.kind, event.actor, json_value(event.payload))


def notification_view(notification: Notification) -> NotificationView:
    return NotificationView(
        id=notification.id,
        at=time_text(notification.at),
        dag=notification.dag,
        event=notification.event,
        notifier=notification.notifier,
        subject=notification.subject,
        message=notification.message,
        status=notification.status,
        tries=notification.tries,
        run=notification.run_id,
        task=notification.task,
        position=notification.position,
        due_at=None if notification.status.terminal else time_text(notification.due_at),
        sent_at=optional_time(notification.sent_at),
        error=notification.error,
    )


def _progress_view(progress: Progress) -> ProgressView:
    return ProgressView(time_text(progress.at), progress.fraction, progress.message)


def _to_look_at(members: Sequence[TaskRow], most: int) -> list[TaskRow]:
    """At most so many members, by position: those first that need a look."""
    if len(members) <= most:
        return list(members)
    chosen = sorted(members, key=lambda row: (_URGENCY.index(row.status), row.position))[:most]
    return sorted(chosen, key=lambda row: row.position)


_URGENCY = (
    TaskStatus.FAILED,
    TaskStatus.RETRYING,
    TaskStatus.RUNNING,
    TaskStatus.CANCELLED,
    TaskStatus.UPSTREAM_FAILED,
    TaskStatus.QUEUED,
    TaskStatus.SUCCESS,
    TaskStatus.SKIPPED,
    TaskStatus.WAITING,
)


def _log_line(entry: LogEntry) -> LogLine:
    return LogLine(
        seq=entry.seq,
        at=time_text(entry.at),
        stream=entry.stream,
        level=entry.level,
        message=entry.message,
        logger=entry.logger,
        attributes=json_value(entry.attributes),
    )
