"""What the JSON API says of dags, their history, backfills, pools and executors, as types.

Times are ISO 8601 in UTC, durations seconds, as in `messages`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ppacer.web.messages import Json, LastRun


@dataclass(frozen=True, slots=True)
class DagView:
    """One dag of the program. `schedules` are texts for people; `last_runs` are the latest ones, newest first.

    A paused dag makes no scheduled runs. Nobody is alerted before `silenced_until`. `problem` says why its schedule
    does not work at the moment.
    """

    id: str
    doc: str
    schedules: tuple[str, ...]
    timezone: str
    tags: tuple[str, ...]
    owner: str
    tasks: int
    next_run_at: str | None = None
    last_runs: tuple[LastRun, ...] = ()
    paused: bool = False
    silenced_until: str | None = None
    problem: str | None = None
    active_runs: int = 0
    queued_runs: int = 0


@dataclass(frozen=True, slots=True)
class RemovedDag:
    """A dag that the program no longer has; `renamed_to` is the dag that took its tasks over, if one did."""

    id: str
    removed_at: str
    first_seen_at: str
    renamed_to: str | None = None
    last_runs: tuple[LastRun, ...] = ()


@dataclass(frozen=True, slots=True)
class DagList:
    """The program's dags in its order, of `total` in all; `removed` only where it was asked for.

    `mark` stands for what is told: given as `since`, it brings only the dags of which something else is to be told
    then, with another mark. Who reads page by page keeps the mark of the first. `complete` says whether all dags are
    here, as they are where nothing is known of the mark and no page was asked for. `next` is what to go on `after`,
    none where this is the end.
    """

    program: str
    build: str
    dags: tuple[DagView, ...]
    removed: tuple[RemovedDag, ...] = ()
    mark: str = ""
    complete: bool = True
    total: int = 0
    next: str | None = None


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task as it was compiled; `at` is its place in the `.ppd` source, `x`, `y` its place in the picture.

    `over` is the variable of a run-time family; `handler` says when a handler runs.
    """

    id: str
    callable: str
    at: str
    doc: str
    parents: tuple[str, ...]
    x: int
    y: int
    retries: int
    timeout: float | None
    trigger: str = "all_success"
    pool: str | None = None
    priority: int = 0
    runs_on: tuple[str, ...] = ()
    handler: str = "none"
    over: str | None = None


@dataclass(frozen=True, slots=True)
class ParamView:
    """A parameter of a dag. `type` is as its author wrote it: `list[int]`, `choice("a", "b")`, `date?`.

    `default` is its value where that is a constant; any other default is worked out when a run is made.
    """

    name: str
    type: str
    required: bool
    doc: str = ""
    default: Json = None


@dataclass(frozen=True, slots=True)
class DagDetail:
    dag: DagView
    tasks: tuple[TaskSpec, ...]
    next_runs: tuple[str, ...]
    params: tuple[ParamView, ...] = ()


@dataclass(frozen=True, slots=True)
class DagEventView:
    """One step in a dag's history; `actor` is who or what did it."""

    id: str
    at: str
    kind: str
    actor: str
    payload: Json = None


@dataclass(frozen=True, slots=True)
class DagEventList:
    """A dag's events, newest first; `next` is the value of `before` that gives the page after this one."""

    events: tuple[DagEventView, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class TaskChange:
    """What differs in a task of two versions: its `code`, `arguments`, or settings by name."""

    task: str
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VersionView:
    """One shape of a dag and what it changed in the one before: tasks, and settings of the dag by name."""

    build: str
    at: str
    compiler: str
    first: bool
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[TaskChange, ...] = ()
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionList:
    """A dag's versions, newest first, of `total` that it has had; `next` is the value of `before` that gives the page
    after this one."""

    versions: tuple[VersionView, ...]
    total: int
    next: str | None = None


@dataclass(frozen=True, slots=True)
class CodeView:
    """Python source as it was when the program was built, from line `line` of the file `path` on."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class TaskCode:
    """A task of a version; `hash` covers the project's own modules that its callable is made of, empty for others'."""

    id: str
    callable: str
    at: str
    hash: str
    code: CodeView | None = None


@dataclass(frozen=True, slots=True)
class VersionDetail:
    """A version with the Python of its tasks; `source` is the `.ppd` file that declares the dag."""

    version: VersionView
    tasks: tuple[TaskCode, ...]
    source: CodeView | None = None


@dataclass(frozen=True, slots=True)
class BackfillView:
    """Runs for the due times from `from_at` to before `until_at`, at most `parallel` of them active at once.

    `total` counts the due times of the range, `made` the runs made so far, `passed_over` the due times that had a run
    already. Of the runs made, `active` are under way, `succeeded` went well and `failed` did not.
    """

    id: str
    dag: str
    status: str
    actor: str
    created_at: str
    from_at: str
    until_at: str
    parallel: int
    total: int
    made: int
    passed_over: int
    active: int
    succeeded: int
    failed: int
    finished_at: str | None = None
    params: Json = None


@dataclass(frozen=True, slots=True)
class BackfillList:
    """Backfills, newest first; `next` is the value of `before` that gives the page after this one."""

    backfills: tuple[BackfillView, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class PoolView:
    """A pool: its slots, how many of them attempts hold, how many attempts wait for one."""

    name: str
    slots: int
    used: int
    waiting: int


@dataclass(frozen=True, slots=True)
class PoolList:
    pools: tuple[PoolView, ...]


@dataclass(frozen=True, slots=True)
class ExecutorView:
    """An executor that was heard of lately. `current`: it is of the very build that the scheduler runs.

    `capacity` is 0 once it is leaving: it claims nothing more. `leased_until` is when the first lease of what it runs
    ends unless it is renewed; null while it runs nothing.
    """

    name: str
    instance: str
    build: str
    current: bool
    capacity: int
    running: int
    leased_until: str | None
    labels: tuple[str, ...]
    first_seen_at: str
    last_seen_at: str
    in_program: bool


@dataclass(frozen=True, slots=True)
class ExecutorList:
    """`waiting` is how many attempts could run, and wait for an executor or for a slot of a pool."""

    executors: tuple[ExecutorView, ...]
    waiting: int
