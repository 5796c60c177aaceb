"""The frozen values a compiler makes and the runtime runs.

A generated program holds one `Program`, written as literals of the classes below. Everything a build can work out is
worked out here already: parents, children, topological order, coordinates, resolved settings. The runtime never parses
a string to find out what to do, and nothing in this module does I/O.

Conventions: durations are `timedelta`; dates and date-times are naive and mean the dag's own time zone; positions are
1-based lines and columns (in code points) of `Program.sources[At.file]`. Fields left out have the language's built-in
default, so a generated program shows only what its author decided.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from ppacer.records import dataclass

SPEC_VERSION = 1
"""Version of this module's classes as written into programs and builds. Readers accept N and N-1."""


@dataclass(frozen=True, slots=True)
class At:
    """A place in a `.ppd` source: 1-based line and column, and the index of the file in `Program.sources`."""

    line: int
    column: int
    file: int = 0


# --- expressions -----------------------------------------------------------------------------------------------------

Constant: TypeAlias = bool | int | float | str | Decimal | date | datetime | timedelta | None


class RunField(StrEnum):
    """What `run.<field>` may name."""

    ID = "id"
    DAG = "dag"
    DATE = "date"
    SCHEDULED_AT = "scheduled_at"
    PREVIOUS = "previous"
    BUILD = "build"
    STATUS = "status"
    FAILED = "failed"


class TaskField(StrEnum):
    """What `task.<field>` may name; `event` and `error` are there only for the message of an alert."""

    ID = "id"
    ATTEMPT = "attempt"
    EVENT = "event"
    ERROR = "error"


class UnaryOperator(StrEnum):
    NEGATE = "-"
    NOT = "not"


class BinaryOperator(StrEnum):
    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    MODULO = "%"
    EQUAL = "=="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    IN = "in"
    NOT_IN = "not in"
    AND = "and"
    OR = "or"


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant. Constants in lists and dicts are folded no further: see `ListOf`, `DictOf`."""

    value: Constant
    at: At


@dataclass(frozen=True, slots=True)
class ListOf:
    items: tuple[Expr, ...]
    at: At


@dataclass(frozen=True, slots=True)
class DictOf:
    """A dict whose keys are expressions of type str."""

    items: tuple[tuple[Expr, Expr], ...]
    at: At


@dataclass(frozen=True, slots=True)
class RunValue:
    """`run.date` and its kin."""

    field: RunField
    at: At


@dataclass(frozen=True, slots=True)
class TaskValue:
    """`task.id`, `task.attempt`."""

    field: TaskField
    at: At


@dataclass(frozen=True, slots=True)
class ParamValue:
    """`params.<name>`."""

    name: str
    at: At


@dataclass(frozen=True, slots=True)
class Output:
    """The output of another task of the same run, by its full id (`raw["eu"]`, `orders.dump`)."""

    task: str
    at: At


@dataclass(frozen=True, slots=True)
class Outputs:
    """The outputs of all members of a run-time family, in order: `check[*]`."""

    task: str
    at: At


@dataclass(frozen=True, slots=True)
class OutputAt:
    """The output of one member of another run-time family over the same list: of the one at the same position as the
    member that asks, `check[f]`."""

    task: str
    at: At


@dataclass(frozen=True, slots=True)
class Concat:
    """The elements of several lists, one list after the other: `check[*]` of a family with one run-time list for each
    of its keys."""

    items: tuple[Expr, ...]
    at: At


@dataclass(frozen=True, slots=True)
class LoopVariable:
    """The element that a member of a run-time family stands for."""

    name: str
    at: At


@dataclass(frozen=True, slots=True)
class Attribute:
    """`of.name`: a field of a JSON object."""

    of: Expr
    name: str
    at: At


@dataclass(frozen=True, slots=True)
class Item:
    """`of[key]`: an element of a list or object."""

    of: Expr
    key: Expr
    at: At


@dataclass(frozen=True, slots=True)
class Unary:
    operator: UnaryOperator
    operand: Expr
    at: At


@dataclass(frozen=True, slots=True)
class Binary:
    operator: BinaryOperator
    left: Expr
    right: Expr
    at: At


@dataclass(frozen=True, slots=True)
class FormatField:
    """`{value:format}` in an f-string. `quoted` is true where the text must be quoted for a POSIX shell."""

    value: Expr
    at: At
    format: str = ""
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class FormatString:
    """`f"…"`: plain text and fields in order."""

    parts: tuple[str | FormatField, ...]
    at: At


@dataclass(frozen=True, slots=True)
class Env:
    """`env("NAME", default)`: read where it is evaluated. Without a default a missing variable is an error."""

    name: str
    at: At
    default: Expr | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """`secret("NAME")`: looked up by the executor when an attempt starts."""

    name: str
    at: At


Expr: TypeAlias = (
    Literal
    | ListOf
    | DictOf
    | RunValue
    | TaskValue
    | ParamValue
    | Output
    | Outputs
    | OutputAt
    | Concat
    | LoopVariable
    | Attribute
    | Item
    | Unary
    | Binary
    | FormatString
    | Env
    | Secret
)

# --- schedules -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression as written: 5 fields, 6 with seconds first, or `@daily` and kin."""

    expression: str
    at: At


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed interval of elapsed time, or of calendar days when `interval` is whole days, counted from `anchor`.

    Without an anchor the count starts at the dag's `start`, else at midnight of 1970-01-01 in the dag's zone.
    """

    interval: timedelta
    at: At
    anchor: datetime | None = None


@dataclass(frozen=True, slots=True)
class CustomSchedule:
    """A Python object with `start()`, `next(now, previous)` and `str()`, named by `Callable.id`."""

    callable: str
    at: At


Schedule: TypeAlias = Cron | Every | CustomSchedule

# --- settings --------------------------------------------------------------------------------------------------------


class Trigger(StrEnum):
    ALL_SUCCESS = "all_success"
    ALL_DONE = "all_done"
    ALL_FAILED = "all_failed"
    ONE_SUCCESS = "one_success"
    ONE_FAILED = "one_failed"
    NONE_FAILED = "none_failed"
    ALWAYS = "always"


class Isolation(StrEnum):
    PROCESS = "process"
    THREAD = "thread"
    ASYNC = "async"


class OnLost(StrEnum):
    RETRY = "retry"
    FAIL = "fail"


class Catchup(StrEnum):
    """What becomes of due times that passed while no scheduler ran: none of them, only the last, or all."""

    NONE = "none"
    LATEST = "latest"
    ALL = "all"


class Overlap(StrEnum):
    QUEUE = "queue"
    SKIP = "skip"
    CANCEL_RUNNING = "cancel_running"


class DaylightSaving(StrEnum):
    """`dst`: overrides how a wall-clock time in a gap or a fold is treated."""

    ONCE = "once"
    SKIP = "skip"
    TWICE = "twice"


class AlertEvent(StrEnum):
    FAILURE = "failure"
    RETRY = "retry"
    SUCCESS = "success"
    LATE = "late"


class HandlerKind(StrEnum):
    """When a handler task runs; `NONE` for the ordinary tasks of a dag."""

    NONE = "none"
    SUCCESS = "success"
    FAILURE = "failure"
    FINALLY = "finally"


@dataclass(frozen=True, slots=True)
class Backoff:
    """`retry_delay` grown by the number of the attempt: initial * factor**(n-1), at most `max`, jittered by ±jitter."""

    initial: timedelta
    factor: float = 2.0
    max: timedelta | None = None
    jitter: float = 0.0


DEFAULT_TIMEOUT = timedelta(minutes=10)
LOST_BUDGET = 3
"""How often an attempt may be lost with its executor before the task fails, apart from `retries`."""


@dataclass(frozen=True, slots=True)
class FanOut:
    """A run-time family: one member per element of the list that `over` evaluates to, bound to `variable`.

    `pairwise` are those parents that are families over the same list of which each member waits only for the member
    at its own position.
    """

    variable: str
    over: Expr
    pairwise: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One node of a dag, settings resolved (built-in < file defaults < dag defaults < own block).

    `parents` and `children` are full ids in topological order; `x`, `y` are the node's layer and row in the picture.
    `settings_at` gives the place of each setting that somebody wrote.
    """

    id: str
    callable: str
    at: At
    args: tuple[Expr, ...] = ()
    kwargs: tuple[tuple[str, Expr], ...] = ()
    parents: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    x: int = 0
    y: int = 0
    doc: str = ""
    when: Expr | None = None
    fan_out: FanOut | None = None
    handler: HandlerKind = HandlerKind.NONE
    retries: int = 0
    retry_delay: timedelta = timedelta(0)
    backoff: Backoff | None = None
    timeout: timedelta | None = DEFAULT_TIMEOUT
    on_lost: OnLost = OnLost.RETRY
    trigger: Trigger = Trigger.ALL_SUCCESS
    pool: str | None = None
    priority: int = 0
    isolation: Isolation | None = None
    runs_on: tuple[str, ...] = ()
    env: tuple[tuple[str, Expr], ...] = ()
    cwd: Expr | None = None
    memory: int | None = None
    notify: tuple[str, ...] = ()
    alert_on: tuple[AlertEvent, ...] = (AlertEvent.FAILURE,)
    alert: Expr | None = None
    settings_at: tuple[tuple[str, At], ...] = ()


class ParamKind(StrEnum):
    STR = "str"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    DATE = "date"
    DATETIME = "datetime"
    DURATION = "duration"
    JSON = "json"
    LIST = "list"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class ParamType:
    """`str`, `list[int]`, `choice("a", "b")`, `date?` …; `of` is the element type of a list."""

    kind: ParamKind
    optional: bool = False
    of: ParamType | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Param:
    name: str
    type: ParamType
    at: At
    default: Expr | None = None
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A named part of a dag, by its full id: the tasks whose ids begin with `<id>.`; `template` is what it was made
    from, if anything."""

    id: str
    at: At
    doc: str = ""
    template: str = ""


@dataclass(frozen=True, slots=True)
class Dag:
    """A graph of tasks with its schedule. `tasks` stand in topological order; `schedules` is their union, or empty.

    `timezone` is an IANA name. `start` is inclusive, `end` exclusive, both in that zone. `groups` stand in the order
    of their declarations, outer ones before what is inside them. `ping` is the address of a dead man's switch, asked
    for after each run that succeeded.
    """

    id: str
    at: At
    tasks: tuple[Task, ...]
    doc: str = ""
    schedules: tuple[Schedule, ...] = ()
    timezone: str = "UTC"
    start: date | datetime | None = None
    end: date | datetime | None = None
    dst: DaylightSaving | None = None
    catchup: Catchup = Catchup.NONE
    overlap: Overlap = Overlap.QUEUE
    max_active_runs: int = 1
    max_active_tasks: int | None = None
    run_timeout: timedelta | None = None
    deadline: timedelta | None = None
    tags: tuple[str, ...] = ()
    owner: str = ""
    params: tuple[Param, ...] = ()
    groups: tuple[Group, ...] = ()
    notify: tuple[str, ...] = ()
    alert_on: tuple[AlertEvent, ...] = (AlertEvent.FAILURE,)
    ping: Expr | None = None
    settings_at: tuple[tuple[str, At], ...] = ()


# --- the program -----------------------------------------------------------------------------------------------------


class CallableKind(StrEnum):
    FUNCTION = "function"
    COROUTINE = "coroutine"
    CLASS = "class"
    OBJECT = "object"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Code:
    """The Python source of a callable as it was at build time: file as a POSIX path, first line, text."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Callable:
    """A Python callable that tasks name. `id` is `module:qualified.name`.

    `context` is the parameter that takes the `TaskContext`, if any. `hash` covers the project's own modules that the
    callable's module is made of; it is empty for modules from outside the project.
    """

    id: str
    kind: CallableKind
    context: str | None = None
    hash: str = ""
    code: Code | None = None


@dataclass(frozen=True, slots=True)
class Notifier:
    name: str
    callable: str
    at: At
    args: tuple[Expr, ...] = ()
    kwargs: tuple[tuple[str, Expr], ...] = ()


@dataclass(frozen=True, slots=True)
class Pool:
    name: str
    slots: int
    at: At


@dataclass(frozen=True, slots=True)
class Source:
    """A `.ppd` file of the program: its path as a POSIX path relative to the program, its SHA-256 and its text."""

    path: str
    sha256: str
    text: str


@dataclass(frozen=True, slots=True)
class Program:
    """Everything a generated program embeds.

    `build` identifies the build: a SHA-256 in hex over all other fields. `search_path` holds the folders where the
    users' modules are found, as POSIX paths relative to the folder of the program's file. `tzdata` is the version of
    the time-zone data that the build was checked with.
    """

    name: str
    build: str
    compiler: str
    dags: tuple[Dag, ...]
    callables: tuple[Callable, ...] = ()
    sources: tuple[Source, ...] = ()
    search_path: tuple[str, ...] = ()
    notifiers: tuple[Notifier, ...] = ()
    pools: tuple[Pool, ...] = ()
    labels: tuple[str, ...] = ()
    tzdata: str = ""
    spec_version: int = SPEC_VERSION
