"""What the JSON API says of runs, as types: the server encodes them, `ppacer.client` decodes them.

Times are ISO 8601 in UTC (`2026-01-01T02:15:00.000000Z`), durations seconds. Values of users (params, outputs) are
JSON as they are stored, with the tags of `ppacer.core.codec`. What is said of dags stands in `dag_messages`, what may
be asked in `requests`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from ppacer.config import Durability

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
class LeaderView:
    """A scheduler that took the lead of its database: where it runs, since when, as which one (`epoch`),
    where it answers, if it does."""

    host: str
    pid: int
    since: str
    epoch: int
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """`problem` says what is wrong where `status` is not `ok`. `leader` is none before the lead has been taken.

    `leads`: this program has the lead of the database; `writes`: the database takes what is written to it. `executors`
    is how many were heard of lately: without any all else goes on, and tasks wait.
    """

    status: str
    program: str
    build: str
    version: str
    instance: str
    problem: str | None = None
    leader: LeaderView | None = None
    durability: str = Durability.FULL
    leads: bool = False
    writes: bool = False
    executors: int = 0


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks: `role` is `viewer`, `operator`, `admin` or `executor`; `how` says by what that is known: `session`,
    `token`, `shared` (the one of `--token`), `machine` (that of the run file), or `open` where nobody needs to say who
    they are. `xsrf` is what a change under a login brings along, as `X-Ppacer-Xsrf`."""

    user: str
    role: str
    how: str
    xsrf: str | None = None


@dataclass(frozen=True, slots=True)
class DatabasePart:
    """`part` is `runs` or `logs`, `name` a path, `size` in bytes, `rows` by table. `version` is the schema's, `half`
    says that the upgrade to it was cut off."""

    part: str
    name: str
    version: int
    half: bool
    size: int
    rows: dict[str, int]


@dataclass(frozen=True, slots=True)
class DatabaseView:
    """`leader` took the lead last; none where it did not say."""

    parts: tuple[DatabasePart, ...]
    durability: str
    leader: LeaderView | None = None


@dataclass(frozen=True, slots=True)
class RunView:
    """One run. `outcome` is what it will end as, once that is certain; `reason` says why it ends otherwise than through
    its tasks. `late_at` is when it was noticed to have missed its deadline. `backfill` is the backfill that made it.
    """

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
    outcome: str | None = None
    late_at: str | None = None
    previous_at: str | None = None
    backfill: str | None = None


@dataclass(frozen=True, slots=True)
class LastRun:
    """What a list of dags tells of a run; the rest is in `RunView`."""

    id: str
    status: str
    kind: str
    scheduled_at: str
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None


@dataclass(frozen=True, slots=True)
class ProgressView:
    """How far an attempt says it has come: `fraction` from 0 to 1 or none."""

    at: str
    fraction: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One try at a task, in the epoch in which it was made. A deferred one goes on at `due_at`, if that is known.

    `log` is the number of the newest entry of its log, 0 where there is none; a run tells it, other answers do not.
    """

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
    due_at: str | None = None
    progress: ProgressView | None = None
    log: int | None = None


@dataclass(frozen=True, slots=True)
class FamilyView:
    """The members of a run-time family: how many in all, of each status, and how many of them the answer holds."""

    members: int
    counts: dict[str, int]
    shown: int


@dataclass(frozen=True, slots=True)
class InputView:
    """An argument of a task: its `name`, none for one that is told by its place, and the `expression` as compiled.

    `value` is what that is as things stand: what the next attempt would be given, and the last one was, unless what it
    is made of was done again since. Arguments are not stored: `unknown` says why there is no value, as of a secret or
    of what a task is yet to return. `size` is the length of its JSON in bytes; a big value is left out.
    """

    name: str | None
    expression: str
    value: Json = None
    size: int | None = None
    unknown: str | None = None


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task of a run, as its latest epoch has it, with its attempts of all epochs.

    `name` is what it is called: `load`, `raw["eu"]`, and for a member of a run-time family `check[3]`, whose `label`
    shows the value that it stands for. A run-time family as a whole has position -1 and a `family`. `due_at` is when a
    retrying task may be tried again. `waits_for` tells of a queued task for which there is no executor what is missing:
    `an executor with the label gpu`. `output` is its value as JSON and `output_size` the length of that in bytes: none
    if there is no output, or none any more; a big output is left out of a run and told with the task alone, as
    its `inputs` are.
    """

    id: str
    name: str
    position: int
    status: str
    callable: str
    parents: tuple[str, ...]
    x: int
    y: int
    attempts: tuple[AttemptView, ...] = ()
    label: str | None = None
    handler: str = "none"
    epoch: int = 1
    generation: int = 0
    due_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    reason: str | None = None
    error: str | None = None
    waits_for: str | None = None
    output: Json = None
    output_size: int | None = None
    family: FamilyView | None = None
    inputs: tuple[InputView, ...] | None = None


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run with its tasks in topological order, handlers among them. `seq` is the number of its latest event.

    Of a big family only some members are told, those first that need a look; `MemberList` has all.
    """

    run: RunView
    seq: int
    tasks: tuple[TaskView, ...]
    params: Json = None


@dataclass(frozen=True, slots=True)
class MemberList:
    """Members of a run-time family by position; `next` is the value of `after` that gives the page after this one."""

    members: tuple[TaskView, ...]
    next: int | None = None


@dataclass(frozen=True, slots=True)
class RunList:
    """Runs, newest first; `next` is the value of `before` that gives the page after this one."""

    runs: tuple[RunView, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class TouchedTask:
    """A task that an operation would end, ask to end, mark or run again, and the status that it has now.

    A run-time family that would be worked out anew is told as one, with the number of its `members`; else its members
    are told.
    """

    id: str
    name: str
    position: int
    status: str
    members: int = 0


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an operation would touch, as things stand: `count` tasks and members, at most 1,000 of them told."""

    run: RunView
    count: int
    tasks: tuple[TouchedTask, ...]


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
    """One step in a run's history; `actor` is who or what did it."""

    seq: int
    at: str
    kind: str
    actor: str
    payload: Json = None


@dataclass(frozen=True, slots=True)
class EventList:
    """A run's events in order; `next` is the value of `after` that gives the page after this one."""

    events: tuple[EventView, ...]
    next: int | None = None


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
class NotificationView:
    """Something that one notifier is to tell, or was told. `due_at` is when it is tried (again) while it is pending,
    `error` why the last try failed. `position` counts within a run-time family.
    """

    id: str
    at: str
    dag: str
    event: str
    notifier: str
    subject: str
    message: str
    status: str
    tries: int
    run: str | None = None
    task: str | None = None
    position: int = 0
    due_at: str | None = None
    sent_at: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class NotificationList:
    """Notifications; `next` gives the page after this one: as `after` for those of a run, which are in the order in
    which they came up, else as `before`, newest first."""

    notifications: tuple[NotificationView, ...]
    next: str | None = None
