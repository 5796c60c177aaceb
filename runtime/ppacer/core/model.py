"""Statuses, rows and writes: the vocabulary that the state machine, the store and the API share.

Rows are what the database holds, writes are what the state machine asks the store to do. All times are microseconds
since 1970-01-01T00:00Z as integers; all ids are UUIDv7 in text; JSON is in the tagged form of `ppacer.core.codec`.
A write is guarded: it says which status (and fencing token) it expects to find, and a store that finds another refuses
the whole transaction with `ppacer.store.Conflict`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from ppacer.core.accounts import AccountWrite
from ppacer.core.project import PROJECT
from ppacer.records import dataclass


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
    MEMORY = "memory"
    RUN = "run"


# --- rows ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a dag.

    `scheduled_at` is the planned (logical) time; for a manual run its trigger time or the time that was asked for.
    `previous_at` is the logical time of the scheduled run before it. `params` is a JSON object. `actor` is who or what
    made the run (`schedule`, `local`, a user's name). (dag, scheduled_at) is unique among scheduled and backfilled
    runs, (dag, idempotency_key) among those that have a key. `outcome` is what the run will end as, from the moment
    when that is certain: when it was asked to end (a cancel, its time-out), or when its tasks have ended and its
    handlers begin. `reason` says why a run ends otherwise than through its tasks. `late_at` is when somebody noticed
    that it had missed its deadline, `backfill` the backfill that made it.
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
    outcome: RunStatus | None = None
    late_at: int | None = None
    backfill: str | None = None
    project: str = PROJECT


FAMILY = -1
"""The position of the row that stands for a run-time family as a whole; its members count from 0."""


@dataclass(frozen=True, slots=True)
class TaskRow:
    """The state of one task in one epoch of a run; what counts is its row of the highest epoch.

    A run-time family has a row of its own (`position` is `FAMILY`) and, once its list is known, one for each member
    (`position` 0 and up, shown as `label`). Members count only in the epoch of their family's row.

    `attempts` counts the attempts that were made, `lost` those of them that were lost. `due_at` is when a retrying
    task may be queued again. `output` is the JSON of a successful task's output, and of an expanded family its list;
    none for what has been pruned. `reason` says why a task was not run, was marked, or was asked to end (of one that
    succeeded all the same it says nothing).
    `generation` grows each time that the task is run anew although it had succeeded.
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
    reason: str | None = None
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a task. `number` counts from 1. `token` is the fencing token of its lease, 0 before it is claimed.

    `executor` is the name and `instance` the process identity of the claimer, `request` the id of the claiming
    request (so that the same request, repeated, is answered with the same attempts). `code` is the callable's hash.
    A deferred attempt goes on at `due_at` (none: when what it waits for has come); `state` is what its last part left
    behind, a `ppacer.protocol.Deferral` as JSON, `parts` counts how often it was deferred. `started_at` is the start of
    its first part.
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
    due_at: int | None = None
    state: str | None = None
    parts: int = 0


class EventKind(StrEnum):
    """What a run's history tells. Its payload names `task`, and `position` where that is not 0."""

    RUN_CREATED = "run_created"
    RUN_STARTED = "run_started"
    RUN_LATE = "run_late"
    RUN_TIMED_OUT = "run_timed_out"
    RUN_DECIDED = "run_decided"
    """Its tasks have ended, its outcome is certain, its handlers begin."""
    RUN_FINISHED = "run_finished"
    RUN_REOPENED = "run_reopened"
    CANCEL_REQUESTED = "cancel_requested"
    TASK_EXPANDED = "task_expanded"
    TASK_QUEUED = "task_queued"
    TASK_FINISHED = "task_finished"
    TASK_RETRYING = "task_retrying"
    TASK_CANCEL_REQUESTED = "task_cancel_requested"
    TASK_RESET = "task_reset"
    TASK_MARKED = "task_marked"
    ATTEMPT_STARTED = "attempt_started"
    ATTEMPT_DEFERRED = "attempt_deferred"
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
    """A dag as the database knows it. `watched_until`: every due time up to and including it has been decided.

    A paused dag makes no scheduled runs. Nobody is alerted before `silenced_until`. A dag that the program no longer
    has keeps its history; `renamed_to` is the dag that took its tasks over, if one did.
    """

    dag: str
    build: str
    first_seen_at: int
    last_seen_at: int
    watched_until: int | None = None
    paused: bool = False
    removed_at: int | None = None
    silenced_until: int | None = None
    renamed_to: str | None = None
    project: str = PROJECT


@dataclass(frozen=True, slots=True)
class DagVersion:
    """One shape of a dag: the build that brought it, and a digest of the dag and the code of its tasks."""

    dag: str
    build: str
    at: int
    digest: str
    project: str = PROJECT


class DagEventKind(StrEnum):
    """What a dag's own history tells."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    RENAMED = "renamed"
    PAUSED = "paused"
    RESUMED = "resumed"
    SILENCED = "silenced"
    DUE_MISSED = "due_missed"
    """Due times that passed while nobody watched, and for which no run is made: `from`, `until`, `count`."""
    DUE_SKIPPED = "due_skipped"
    """A due time (`due`) for which no run is made, since another run was active."""
    BACKFILL_STARTED = "backfill_started"
    BACKFILL_FINISHED = "backfill_finished"
    BACKFILL_CANCELLED = "backfill_cancelled"


@dataclass(frozen=True, slots=True)
class DagEvent:
    """One step in a dag's history. `id` is a UUIDv7, so that ids sort by time; `payload` is a JSON object."""

    id: str
    dag: str
    at: int
    kind: DagEventKind
    actor: str
    payload: str = "{}"
    project: str = PROJECT


class BackfillStatus(StrEnum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return self is not BackfillStatus.RUNNING


@dataclass(frozen=True, slots=True)
class Backfill:
    """Runs for the due times from `from_at` to before `until_at`, at most `parallel` of them active at once.

    `next_after`: every due time up to and including it has been decided. `total` counts the due times of the range,
    `made` the runs made so far, `passed_over` the due times that had a run already. `params` is a JSON object.
    """

    id: str
    dag: str
    actor: str
    created_at: int
    from_at: int
    until_at: int
    parallel: int
    status: BackfillStatus
    next_after: int
    total: int
    made: int = 0
    passed_over: int = 0
    params: str = "{}"
    finished_at: int | None = None
    project: str = PROJECT


class NoticeEvent(StrEnum):
    """What a notification is about: the events of `spec.AlertEvent`, a task's own word, a sign of life."""

    FAILURE = "failure"
    RETRY = "retry"
    SUCCESS = "success"
    LATE = "late"
    MESSAGE = "message"
    PING = "ping"


class NotificationStatus(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"

    @property
    def terminal(self) -> bool:
        return self is not NotificationStatus.PENDING


@dataclass(frozen=True, slots=True)
class Notification:
    """Something that one notifier is to tell. `notifier` is its name in build `build`; empty for a ping.

    `tries` counts the times it was tried, `due_at` is when it may be tried (again). `error` tells why the last try
    failed.
    """

    id: str
    at: int
    dag: str
    build: str
    event: NoticeEvent
    notifier: str
    subject: str
    message: str
    status: NotificationStatus
    due_at: int
    run_id: str | None = None
    task: str | None = None
    position: int = 0
    number: int = 0
    tries: int = 0
    sent_at: int | None = None
    error: str | None = None
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
    """Sets the run's changing columns to those of `row`, if its status and epoch are as expected.

    `expected_epoch` is that of `row` where it is left out; another one reopens the run.
    """

    row: Run
    expected: RunStatus
    expected_epoch: int | None = None


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


@dataclass(frozen=True, slots=True)
class InsertDagVersion:
    row: DagVersion


@dataclass(frozen=True, slots=True)
class InsertDagEvent:
    row: DagEvent


@dataclass(frozen=True, slots=True)
class InsertBackfill:
    row: Backfill


@dataclass(frozen=True, slots=True)
class UpdateBackfill:
    """Sets the backfill's changing columns to those of `row`, if its status is `expected`."""

    row: Backfill
    expected: BackfillStatus


@dataclass(frozen=True, slots=True)
class InsertNotification:
    row: Notification


@dataclass(frozen=True, slots=True)
class UpdateNotification:
    """Sets the notification's changing columns to those of `row`, if its status is `expected`."""

    row: Notification
    expected: NotificationStatus


@dataclass(frozen=True, slots=True)
class DeleteRuns:
    """Deletes ended runs with their tasks, attempts, events and notifications; what is not there is passed over."""

    run_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClearOutputs:
    """Takes the outputs of ended runs' tasks away and leaves all else."""

    run_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeleteDagEvents:
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeleteNotifications:
    ids: tuple[str, ...]


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
    | InsertDagVersion
    | InsertDagEvent
    | InsertBackfill
    | UpdateBackfill
    | InsertNotification
    | UpdateNotification
    | DeleteRuns
    | ClearOutputs
    | DeleteDagEvents
    | DeleteNotifications
    | AccountWrite
)
