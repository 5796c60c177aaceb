"""Rows of runs as the API shows them: pure functions from what is stored to messages."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from ppacer import spec
from ppacer.core.foresight import Touched
from ppacer.core.instants import SECOND, to_datetime
from ppacer.core.model import FAMILY, Attempt, Event, Notification, Run, TaskRow, TaskStatus
from ppacer.protocol import LogEntry, Progress
from ppacer.store.leader import Leader
from ppacer.web.messages import (
    AttemptView,
    EventView,
    FamilyView,
    Foreseen,
    Json,
    LeaderView,
    LogLine,
    LogPage,
    NotificationView,
    ProgressView,
    RunDetail,
    RunView,
    TaskView,
    TouchedTask,
)

BIG_OUTPUT = 16 * 1024
"""Bytes of JSON above which an output is told with the task alone."""

MOST_TOLD = 1000
"""How many of the tasks that an operation would touch are told."""

SHOWN_MEMBERS = 100
"""How many members of a family a run's detail holds, unless another number is asked for."""


def time_text(instant: int) -> str:
    """ISO 8601 in UTC, always with six digits after the second, so that texts sort as times do."""
    second, rest = divmod(instant, SECOND)
    return f"{_second_text(second)}.{rest:06}Z"


@lru_cache(4096)
def _second_text(second: int) -> str:
    """What most times of a run share with their neighbours."""
    return to_datetime(second * SECOND).isoformat(timespec="seconds").removesuffix("+00:00")


def optional_time(instant: int | None) -> str | None:
    return None if instant is None else time_text(instant)


def json_value(text: str | None) -> Json:
    return None if text is None else json.loads(text)


def shown_name(task: str, position: int, *, family: bool) -> str:
    """What a task of a run is called: a member of a run-time family by its position, `check[3]`."""
    return f"{task}[{position}]" if family and position != FAMILY else task


def leader_view(leader: Leader | None) -> LeaderView | None:
    """None, too, of one that has not got the lead yet."""
    if leader is None or leader.epoch == 0:
        return None
    return LeaderView(leader.host, leader.pid, time_text(leader.since), leader.epoch, leader.url)


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


def foreseen(run: Run, touched: Sequence[Touched], dag: spec.Dag | None) -> Foreseen:
    families = {task.id for task in dag.tasks if task.fan_out is not None} if dag is not None else set()
    tasks = tuple(
        TouchedTask(
            id=each.task,
            name=shown_name(each.task, each.position, family=each.task in families),
            position=each.position,
            status=each.status,
            members=each.members,
        )
        for each in touched[:MOST_TOLD]
    )
    return Foreseen(run_view(run), sum(max(1, each.members) for each in touched), tasks)


@dataclass(frozen=True, slots=True)
class Members:
    """A run-time family's members: how many are in each status, and the rows of those that are shown, by position."""

    counts: Mapping[TaskStatus, int]
    shown: Sequence[TaskRow]


@dataclass(frozen=True, slots=True)
class RunRows:
    """What is stored of a run, as far as it is shown: the rows that count of its tasks and families as a whole, the
    families' members by task, attempts of all epochs, and the dag of its own build, if that can be read.

    `progress` is what running attempts say of themselves, by their ids; `executors` the labels of each executor that is
    there, none where that is not known. `logs` gives the number of each attempt's newest log entry.
    """

    run: Run
    dag: spec.Dag | None
    tasks: Sequence[TaskRow]
    attempts: Sequence[Attempt]
    families: Mapping[str, Members] = field(default_factory=dict)
    progress: Mapping[str, Progress] = field(default_factory=dict)
    executors: Sequence[Collection[str]] | None = None
    logs: Mapping[str, int] = field(default_factory=dict)


def run_detail(rows: RunRows, *, seq: int) -> RunDetail:
    """The run with its tasks in the order of its dag, members behind their family."""
    return RunDetail(run=run_view(rows.run), seq=seq, tasks=task_views(rows), params=json_value(rows.run.params))


def task_views(rows: RunRows, *, whole: bool = False) -> tuple[TaskView, ...]:
    """The tasks in the order of their dag, members behind their family; with `whole` big outputs are not left out."""
    views = _Views(rows, whole=whole)
    specs = rows.dag.tasks if rows.dag is not None else ()
    order = {task.id: index for index, task in enumerate(specs)}
    made: list[TaskView] = []
    for row in sorted(rows.tasks, key=lambda row: order.get(row.task, len(order))):
        made.append(views.of(row))
        if row.position == FAMILY and row.task in rows.families:
            made.extend(views.of(member, member=True) for member in rows.families[row.task].shown)
    return tuple(made)


class _Views:
    def __init__(self, rows: RunRows, *, whole: bool) -> None:
        self._specs = {task.id: task for task in rows.dag.tasks} if rows.dag is not None else {}
        self._families = rows.families
        self._progress = rows.progress
        self._logs = rows.logs
        self._executors = rows.executors
        self._whole = whole
        self._attempts: dict[tuple[str, int], list[Attempt]] = {}
        for attempt in sorted(rows.attempts, key=lambda each: (each.epoch, each.number)):
            self._attempts.setdefault((attempt.task, attempt.position), []).append(attempt)

    def of(self, row: TaskRow, *, member: bool = False) -> TaskView:
        task = self._specs.get(row.task)
        output = None if row.position == FAMILY else row.output
        big = output is not None and len(output) > BIG_OUTPUT and not self._whole
        tried = self._attempts.get((row.task, row.position), ())
        return TaskView(
            id=row.task,
            name=shown_name(row.task, row.position, family=member),
            position=row.position,
            status=row.status,
            callable=task.callable if task is not None else "",
            parents=task.parents if task is not None else (),
            x=task.x if task is not None else 0,
            y=task.y if task is not None else 0,
            attempts=tuple(self._attempt(attempt) for attempt in tried),
            label=row.label,
            handler=task.handler if task is not None else spec.HandlerKind.NONE,
            epoch=row.epoch,
            generation=row.generation,
            due_at=optional_time(row.due_at),
            started_at=optional_time(row.started_at),
            finished_at=optional_time(row.finished_at),
            reason=row.reason,
            error=row.error,
            waits_for=self._waits_for(task) if row.status is TaskStatus.QUEUED else None,
            output=None if big else json_value(output),
            output_size=None if output is None else len(output),
            family=self._family(row) if row.position == FAMILY else None,
        )

    def _attempt(self, attempt: Attempt) -> AttemptView:
        return attempt_view(attempt, self._progress.get(attempt.id), self._logs.get(attempt.id))

    def _waits_for(self, task: spec.Task | None) -> str | None:
        if task is None or self._executors is None:
            return None
        wanted = task.runs_on
        if any(set(wanted) <= set(labels) for labels in self._executors):
            return None
        labels = f" with the label{'s' if len(wanted) > 1 else ''} {', '.join(wanted)}" if wanted else ""
        return f"an executor{labels}"

    def _family(self, row: TaskRow) -> FamilyView:
        members = self._families.get(row.task, Members({}, ()))
        counts = {status.value: count for status, count in members.counts.items()}
        return FamilyView(sum(counts.values()), counts, len(members.shown))


def attempt_view(attempt: Attempt, progress: Progress | None = None, log: int | None = None) -> AttemptView:
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
        log=log,
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
