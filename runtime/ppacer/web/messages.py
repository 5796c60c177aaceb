"""What the JSON API says, as types: the server encodes them, `ppacer.client` decodes them.

Times are ISO 8601 in UTC (`2026-01-01T02:15:00.000000Z`), durations seconds. Values of users (params, outputs) are
JSON as they are stored, with the tags of `ppacer.core.codec`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""Any JSON value, which the API hands on unread."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error, as RFC 9457 has it: `application/problem+json`. `field` names the part of the request at fault."""

    status: int
    title: str
    detail: str = ""
    field: str | None = None
    type: str = "about:blank"


@dataclass(frozen=True, slots=True)
class Health:
    """`problem` says what is wrong where `status` is not `ok`."""

    status: str
    program: str
    build: str
    version: str
    instance: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class RunView:
    """One run. `reason` says why it was cancelled or could not run, if somebody said so."""

    id: str
    dag: str
    status: str
    kind: str
    actor: str
    build: str
    epoch: int
    scheduled_at: str
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class DagView:
    """One dag of the program. `schedules` are texts for people; `last_runs` are the latest ones, newest first."""

    id: str
    doc: str
    schedules: tuple[str, ...]
    timezone: str
    tags: tuple[str, ...]
    owner: str
    tasks: int
    next_run_at: str | None = None
    last_runs: tuple[RunView, ...] = ()


@dataclass(frozen=True, slots=True)
class DagList:
    program: str
    build: str
    dags: tuple[DagView, ...]


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task as it was compiled; `at` is its place in the `.ppd` source, `x`, `y` its place in the picture."""

    id: str
    callable: str
    at: str
    doc: str
    parents: tuple[str, ...]
    x: int
    y: int
    retries: int
    timeout: float | None


@dataclass(frozen=True, slots=True)
class DagDetail:
    dag: DagView
    tasks: tuple[TaskSpec, ...]
    next_runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttemptView:
    id: str
    number: int
    epoch: int
    status: str
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    executor: str | None = None
    error_kind: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task of a run. `due_at` is when a retrying task may be tried again; `output` is its value as JSON."""

    id: str
    position: int
    status: str
    callable: str
    parents: tuple[str, ...]
    x: int
    y: int
    attempts: tuple[AttemptView, ...] = ()
    label: str | None = None
    due_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    error: str | None = None
    output: Json = None


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run with its tasks in topological order. `seq` is the number of its latest event."""

    run: RunView
    seq: int
    tasks: tuple[TaskView, ...]
    params: Json = None


@dataclass(frozen=True, slots=True)
class RunList:
    """Runs, newest first; `next` is the value of `before` that gives the page after this one."""

    runs: tuple[RunView, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One entry of a task's log; `level` is a number of `logging`, `attributes` a JSON object."""

    seq: int
    at: str
    stream: str
    level: int
    message: str
    logger: str = ""
    attributes: Json = None


@dataclass(frozen=True, slots=True)
class LogPage:
    """Entries of one attempt after the one asked for. `complete`: the attempt has ended and no entry is missing."""

    attempt: AttemptView
    entries: tuple[LogLine, ...]
    last: int
    complete: bool


@dataclass(frozen=True, slots=True)
class EventView:
    seq: int
    at: str
    kind: str
    actor: str
    payload: Json = None


@dataclass(frozen=True, slots=True)
class Changes:
    """Events of a run after the one asked for; empty if none came within the time the request was ready to wait."""

    seq: int
    status: str
    events: tuple[EventView, ...]


@dataclass(frozen=True, slots=True)
class Pulse:
    """`seq` grows with every change of any run; it starts again when the program does."""

    seq: int
    instance: str


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """`scheduled_at` is the logical time of the run, with an offset; the time of the request if left out."""

    params: dict[str, Json] = field(default_factory=dict)
    scheduled_at: str | None = None
