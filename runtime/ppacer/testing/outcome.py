"""From what happened in a world to results."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, tzinfo

from ppacer.core import codec
from ppacer.core.instants import to_datetime, zone
from ppacer.core.model import FAMILY, Attempt, Event, TaskRow, TaskStatus
from ppacer.services.notices import shown_task
from ppacer.testing.played import Played
from ppacer.testing.results import Alert, Called, LogLine, RunEvent, RunResult, TaskResult, Try


def result_of(played: Played, others: Iterable[Played]) -> RunResult:
    """The result of a run; `others` are all runs of the world, from which those that it asked for are taken."""
    run, tz = played.run, zone(played.plan.dag.timezone)
    everything = [*others]
    params = codec.decode(run.params)
    assert isinstance(params, dict)
    assert run.finished_at is not None, "nothing is left to do"
    return RunResult(
        id=run.id,
        dag=run.dag,
        at=to_datetime(run.scheduled_at, tz),
        params=params,
        status=run.status,
        reason=run.reason,
        started_at=_moment(run.started_at, tz),
        finished_at=to_datetime(run.finished_at, tz),
        late=run.late_at is not None,
        tasks=_tasks(played, tz),
        order=tuple(played.order),
        alerts=tuple(
            Alert(told.event, told.task, told.notifiers, told.subject, told.message, to_datetime(told.at, tz))
            for told in played.alerts
        ),
        events=tuple(_event(played, event, tz) for event in played.events),
        runs=tuple(result_of(other, everything) for other in everything if played.asked_for(other)),
    )


def _tasks(played: Played, tz: tzinfo) -> dict[str, TaskResult]:
    if played.machine is None:
        return {}
    rows = [*played.machine.tasks()]
    members: dict[str, list[TaskRow]] = {row.task: [] for row in rows if row.position == FAMILY}
    for row in rows:
        if row.task in members and row.position != FAMILY:
            members[row.task].append(row)
    tries: dict[tuple[str, int], list[Attempt]] = {}
    for attempt in played.attempts.values():
        tries.setdefault((attempt.task, attempt.position), []).append(attempt)
    found = [_task(played, row, members.get(row.task), tries.get((row.task, row.position), []), tz) for row in rows]
    return {task.id: task for task in found}


def _task(played: Played, row: TaskRow, members: list[TaskRow] | None, tries: list[Attempt], tz: tzinfo) -> TaskResult:
    """`members` are those of the family that the row is of, if it is of one."""
    name = shown_task(played.plan, row.task, row.position)
    is_family = members is not None and row.position == FAMILY
    output, shown = _output(row), None
    if members is not None and is_family:
        output = [_output(member) for member in members]
        shown = tuple(shown_task(played.plan, each.task, each.position) for each in members)
    return TaskResult(
        id=name,
        task=row.task,
        position=None if members is None or is_family else row.position,
        status=row.status,
        attempts=row.attempts,
        output=output,
        error=row.error,
        reason=row.reason,
        label=row.label,
        members=shown,
        started_at=_moment(row.started_at, tz),
        finished_at=_moment(row.finished_at, tz),
        tries=tuple(
            Try(
                attempt.number,
                attempt.status,
                attempt.error_kind,
                attempt.error,
                _moment(attempt.started_at, tz),
                _moment(attempt.finished_at, tz),
            )
            for attempt in tries
        ),
        calls=tuple(
            Called(made.assignment.number, made.assignment.part, made.args, made.kwargs)
            for made in played.calls.get(name, ())
        ),
        log=tuple(
            LogLine(number, entry.stream, entry.level, entry.message, entry.logger, entry.attributes)
            for number, entry in played.logs.get(name, ())
        ),
    )


def _output(row: TaskRow) -> object:
    if row.status is not TaskStatus.SUCCESS or row.output is None:
        return None
    return codec.decode(row.output)


def _event(played: Played, event: Event, tz: tzinfo) -> RunEvent:
    details = json.loads(event.payload)
    task, position = details.pop("task", None), details.pop("position", 0)
    shown = None if task is None else shown_task(played.plan, task, position)
    return RunEvent(to_datetime(event.at, tz), event.kind, shown, event.actor, details)


def _moment(instant: int | None, tz: tzinfo) -> datetime | None:
    return None if instant is None else to_datetime(instant, tz)
