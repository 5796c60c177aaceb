"""Runs, tasks and attempts that have ended, as spans of a trace: https://opentelemetry.io/docs/specs/otel/trace/api/.

A span is made of the times that were recorded, when what it tells of has ended and is durable: nothing is kept open.
None tells the value of a parameter, an argument or an output.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ppacer.core.gist import gist
from ppacer.core.instants import SECOND, iso
from ppacer.core.model import (
    FAMILY,
    Attempt,
    AttemptStatus,
    ErrorKind,
    InsertTask,
    Run,
    RunStatus,
    TaskRow,
    TaskStatus,
    UpdateAttempt,
    UpdateRun,
    UpdateTask,
    Write,
)
from ppacer.core.trace_ids import attempt_span, run_span, task_span, trace_id
from ppacer.records import dataclass

LONGEST_ERROR = 4000
"""How many characters of an error's text, the last ones, go with a span."""

_EXCEPTION = re.compile(r"([A-Za-z_][\w.]*)(?:: |$)")
_WITH_VALUES = (ErrorKind.ARGUMENTS, ErrorKind.OUTPUT)
"""Kinds of errors whose texts quote values."""


@dataclass(frozen=True, slots=True)
class SpanError:
    """Why something did not succeed: `kind` is one of few words, `text` and the `exception`'s class are told only of
    what tasks raised."""

    kind: str
    message: str
    exception: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Something that has ended. Times are microseconds since 1970 UTC; `parent` is none for a run."""

    name: str
    trace_id: int
    span_id: int
    parent: int | None
    begun: int
    ended: int
    attributes: dict[str, str | int | float]
    error: SpanError | None = None


def ended_spans(run: Run, writes: Sequence[Write]) -> Iterator[Span]:
    """The spans of all that ends with a step's writes; `run` is as it is after that step.

    A task that never ran has none, nor has what a new epoch takes over from the one before.
    """
    for write in writes:
        match write:
            case UpdateRun(row=row) if row.status.terminal:
                yield _run(row)
            case UpdateTask(row=task) if _has_run(task):
                yield _task(run, task)
            case InsertTask(row=task) if task.epoch == 1 and _has_run(task):
                yield _task(run, task)
            case UpdateAttempt(row=attempt) if attempt.status.terminal and (
                attempt.token or attempt.status is AttemptStatus.FAILED
            ):
                yield _attempt(run, attempt)


def _has_run(row: TaskRow) -> bool:
    return row.status.terminal and (row.started_at is not None or row.status is TaskStatus.FAILED)


def _run(run: Run) -> Span:
    begun = run.created_at if run.started_at is None else run.started_at
    attributes: dict[str, str | int | float] = {
        **_about(run),
        "ppacer.run.kind": run.kind.value,
        "ppacer.run.status": run.status.value,
        "ppacer.run.scheduled_at": iso(run.scheduled_at),
        "ppacer.run.epoch": run.epoch,
        "ppacer.build": run.build,
    }
    if run.epoch == 1:
        attributes["ppacer.run.queued_seconds"] = _seconds(run.created_at, begun)
    error = None
    if run.status is RunStatus.FAILED:
        error = SpanError("failed", run.reason or "a task of it failed")
    times = _times(begun, run.finished_at)
    return Span(f"run {run.dag}", trace_id(run.id), run_span(run), None, *times, attributes, error)


def _task(run: Run, row: TaskRow) -> Span:
    member = row.label is not None
    attributes: dict[str, str | int | float] = {
        **_about(run),
        "ppacer.task": row.task,
        "ppacer.task.status": row.status.value,
        "ppacer.task.attempts": row.attempts,
    }
    if member:
        attributes["ppacer.task.position"] = row.position
    parent = task_span(run.id, row.epoch, row.task, FAMILY) if member else run_span(run)
    error = SpanError("failed", "the task failed") if row.status is TaskStatus.FAILED else None
    span = task_span(run.id, row.epoch, row.task, row.position)
    times = _times(row.started_at, row.finished_at)
    return Span(f"task {row.task}", trace_id(run.id), span, parent, *times, attributes, error)


def _attempt(run: Run, row: Attempt) -> Span:
    attributes: dict[str, str | int | float] = {
        **_about(run),
        "ppacer.task": row.task,
        "ppacer.attempt.id": row.id,
        "ppacer.attempt.number": row.number,
        "ppacer.attempt.status": row.status.value,
    }
    begun = row.started_at
    if row.executor is not None:
        attributes["ppacer.executor"] = row.executor
    if begun is not None:
        attributes["ppacer.attempt.queued_seconds"] = _seconds(row.created_at, begun)
    if row.parts:
        attributes["ppacer.attempt.deferrals"] = row.parts
    failed = row.status in (AttemptStatus.FAILED, AttemptStatus.TIMED_OUT, AttemptStatus.LOST)
    parent = task_span(run.id, row.epoch, row.task, row.position)
    times = _times(row.created_at if begun is None else begun, row.finished_at)
    error = _error(row) if failed else None
    return Span(f"attempt {row.task}", trace_id(run.id), attempt_span(row.id), parent, *times, attributes, error)


def _error(row: Attempt) -> SpanError:
    kind = row.status.value if row.error_kind is None else row.error_kind.value
    text = row.error
    if text is None or row.error_kind in _WITH_VALUES:
        return SpanError(kind, kind)
    message = gist(text)
    named = _EXCEPTION.match(message) if row.error_kind is ErrorKind.EXCEPTION else None
    return SpanError(kind, message, None if named is None else named[1], text[-LONGEST_ERROR:])


def _times(begun: int | None, ended: int | None) -> tuple[int, int]:
    """Clocks of several machines may differ: nothing ends before it has begun."""
    assert ended is not None
    return (ended if begun is None else min(begun, ended)), ended


def _about(run: Run) -> dict[str, str]:
    return {"ppacer.dag": run.dag, "ppacer.run.id": run.id}


def _seconds(begun: int, ended: int) -> float:
    return max(0, ended - begun) / SECOND
