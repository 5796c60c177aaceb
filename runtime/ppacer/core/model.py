"""Statuses, rows and writes: the vocabulary that the state machine, the store and the API share.

Rows are what the database holds, writes are what the state machine asks the store to do. All times are microseconds
since 1970-01-01T00:00Z as integers; all ids are UUIDv7 in text; JSON is in the tagged form of `ppacer.core.codec`.
A write is guarded: it says which status (and fencing token) it expects to find, and a store that finds another refuses
the whole transaction with `ppacer.store.Conflict`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from ppacer.records import dataclass

PROJECT = "default"
"""The namespace of every dag and run, until projects get an interface."""


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return self in (RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.CANCELLED)


class TaskStatus(StrEnum):
    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    UPSTREAM_FAILED = "upstream_failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return self not in (TaskStatus.WAITING, TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.RETRYING)


class AttemptStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DEFERRED = "deferred"
    SUCCESS = "success"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return self not in (AttemptStatus.QUEUED, AttemptStatus.RUNNING, AttemptStatus.DEFERRED)


class RunKind(StrEnum):
    SCHEDULED = "scheduled"
    MANUAL = "manual"
    BACKFILL = "backfill"


class ErrorKind(StrEnum):
    """Why an attempt did not succeed, for people and for filters; the text beside it says more."""

    EXCEPTION = "exception"
    TIMEOUT = "timeout"
    KILLED = "killed"
    EXITED = "exited"
    LOST = "lost"
    ARGUMENTS = "arguments"
    IMPORT = "import"
    OUTPUT = "output"
    CODE_GONE = "code_gone"
    CANCELLED = "cancelled"


# --- rows ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a dag.

    `scheduled_at` is the planned (logical) time; for a manual run its trigger time or the time that was asked for.
    `previous_at` is the logical time of the scheduled run before it. `params` is a JSON object. `actor` is who or what
    made the run (`schedule`, `local`, a user's name). (dag, scheduled_at) is unique among scheduled and backfilled
    runs, (dag, idempotency_key) among those that have a key. `reason` says why a run ended otherwise than through its
    tasks; a running run that has one was asked to end and waits for its attempts to stop.
    """

    id: str
    dag: str
    build: str
    kind: RunKind
    scheduled_at: int
    status: RunStatus
    created_at: int
    actor: str
    previous_at: int | None = None
    epoch: int = 1
    started_at: int | None = None
    finished_at: int | None = None
    params: str = "{}"
    idempotency_key: str | None = None
    reason: str | None = None
    project: str = PROJECT


@dataclass(frozen=True, slots=True)
class TaskRow:
    """The state of one task (or member of a family: `position`, shown as `label`) in one epoch of a run.

    `attempts` counts the attempts that were made, `lost` those of them that were lost. `due_at` is when a retrying
    task may be queued again. `output` is the JSON of a successful task's output.
    """

    run_id: str
    epoch: int
    task: str
    position: int
    status: TaskStatus
    attempts: int = 0
    lost: int = 0
    due_at: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    output: str | None = None
    error: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a task. `number` counts from 1. `token` is the fencing token of its lease, 0 before it is claimed.

    `executor` is the name and `instance` the process identity of the claimer, `request` the id of the claiming
    request (so that the same request, repeated, is answered with the same attempts). `code` is the callable's hash.
    """

    id: str
    run_id: str
    epoch: int
    task: str
    position: int
    number: int
    status: AttemptStatus
    created_at: int
    token: int = 0
    executor: str | None = None
    instance: str | None = None
    request: str | None = None
    code: str = ""
    lease_until: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    error_kind: ErrorKind | None = None
    error: str | None = None


class EventKind(StrEnum):
    RUN_CREATED = "run_created"
    RUN_STARTED = "run_started"
    RUN_FINISHED = "run_finished"
    CANCEL_REQUESTED = "cancel_requested"
    TASK_QUEUED = "task_queued"
    TASK_FINISHED = "task_finished"
    TASK_RETRYING = "task_retrying"
    ATTEMPT_STARTED = "attempt_started"
    ATTEMPT_FINISHED = "attempt_finished"
    LEASE_RESTORED = "lease_restored"


@dataclass(frozen=True, slots=True)
class Event:
    """One step in a run's history: `seq` counts from 1 within the run, `payload` is a JSON object."""

    run_id: str
    seq: int
    at: int
    kind: EventKind
    actor: str
    payload: str


@dataclass(frozen=True, slots=True)
class DagRow:
    """A dag as the database knows it. `watched_until`: every due time up to and including it has been decided."""

    dag: str
    build: str
    first_seen_at: int
    last_seen_at: int
    watched_until: int | None = None
    paused: bool = False
    removed_at: int | None = None
    project: str = PROJECT


@dataclass(frozen=True, slots=True)
class BuildRow:
    """A build of a program: `spec` is its `ppacer.spec.Program` as JSON, stored once per build."""

    build: str
    program: str
    compiler: str
    spec_version: int
    spec: str
    first_seen_at: int
    project: str = PROJECT


# --- writes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InsertBuild:
    row: BuildRow


@dataclass(frozen=True, slots=True)
class InsertDag:
    row: DagRow


@dataclass(frozen=True, slots=True)
class UpdateDag:
    """Sets every column of the dag's row to those of `row` (keyed by project and dag); the row must exist."""

    row: DagRow


@dataclass(frozen=True, slots=True)
class WatchedUntil:
    """Moves a dag's watermark; the row must exist."""

    dag: str
    watched_until: int
    project: str = PROJECT


@dataclass(frozen=True, slots=True)
class InsertRun:
    row: Run


@dataclass(frozen=True, slots=True)
class UpdateRun:
    """Sets the run's changing columns to those of `row`, if its status and epoch are as `expected` and `row.epoch`."""

    row: Run
    expected: RunStatus


@dataclass(frozen=True, slots=True)
class InsertTask:
    row: TaskRow


@dataclass(frozen=True, slots=True)
class UpdateTask:
    """Sets the task's changing columns to those of `row`, if its status is `expected`."""

    row: TaskRow
    expected: TaskStatus


@dataclass(frozen=True, slots=True)
class InsertAttempt:
    row: Attempt


@dataclass(frozen=True, slots=True)
class UpdateAttempt:
    """Sets the attempt's changing columns to those of `row`, if status and token are as expected."""

    row: Attempt
    expected: AttemptStatus
    expected_token: int


@dataclass(frozen=True, slots=True)
class RenewLeases:
    """Sets `lease_until` of the given (attempt id, token) pairs, where they are still running."""

    leases: tuple[tuple[str, int], ...]
    lease_until: int


@dataclass(frozen=True, slots=True)
class InsertEvent:
    row: Event


Write: TypeAlias = (
    InsertBuild
    | InsertDag
    | UpdateDag
    | WatchedUntil
    | InsertRun
    | UpdateRun
    | InsertTask
    | UpdateTask
    | InsertAttempt
    | UpdateAttempt
    | RenewLeases
    | InsertEvent
)
