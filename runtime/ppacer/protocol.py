"""What executors and the scheduler say to each other: `POST /executor/v1/exchange`, JSON both ways.

One request may report finished attempts, renew leases, deliver log entries and ask for work, all at once; one
transaction commits what it reports and claims, and the answer is sent after the commit. Every part is optional. An
executor keeps one long-poll (`wait` > 0) open while it has free slots, and one for no slots while it has none, which is
answered when it is to stop something. It sends reports at once in requests of their own, which may ask for as many
attempts as the reports free; the slots asked for in all requests under way never add up
to more than its capacity.

Repeating a request is safe: a claim with the same `request` id is answered with the same attempts while they run, and
a report that was already accepted is accepted again. A report or renewal under a token that is no longer live is
answered with status 409 for that item and changes nothing: the executor stops the attempt.

A later version may add fields with defaults, and answers an executor in the executor's own version, without those:
fields that are not known are refused.

Times are microseconds since the epoch, durations seconds. Values in `args`, `outputs` and `output` are in the tagged
JSON of `ppacer.core.codec`.
"""

from __future__ import annotations

from enum import StrEnum

from ppacer.records import dataclass, field

PROTOCOL_VERSION = 2
"""Integer. A scheduler accepts this version and the one before."""

OLDEST_PROTOCOL_VERSION = 2
"""Version 1 was never released."""

EXCHANGE_PATH = "/executor/v1/exchange"
LEASE_SECONDS = 30.0
"""Default term of a lease; the scheduler's setting `lease` overrides it."""

LONG_POLL_SECONDS = 25.0
"""How long an executor asks the scheduler to hold an empty claim, at most."""


class Outcome(StrEnum):
    """How an attempt ended, as the executor saw it. A deferred one has not ended: it waits without a worker."""

    SUCCESS = "success"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    DEFERRED = "deferred"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line or record of an attempt's log. `seq` grows within the attempt, from 1; a part of one that was deferred
    begins beyond all that the parts before it could have written.

    `stream` is `stdout`, `stderr`, `logging` or `system` (what the executor itself says); `level` is a `logging`
    level number; `attributes` is a JSON object in text.
    """

    seq: int
    at: int
    stream: str
    level: int
    message: str
    logger: str = ""
    attributes: str = "{}"


@dataclass(frozen=True, slots=True)
class AttemptLog:
    attempt: str
    token: int
    entries: tuple[LogEntry, ...]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run of another dag of the same program, made once for each wait of an attempt. `params` is a JSON object in
    text.

    `scheduled_at` is its logical time, now by default. With `wait` the attempt goes on when that run has ended.
    """

    dag: str
    params: str = "{}"
    scheduled_at: int | None = None
    wait: bool = True


@dataclass(frozen=True, slots=True)
class Deferral:
    """What a deferred attempt waits for: the instant `until`, or the run that it asks for.

    With a `state` (JSON text) it goes on then: it is handed out once more, with that state. Without one there is
    nothing left to do, and it succeeds then: with the output `output` (JSON text), or with what became of the run,
    `{"run": id, "status": …}`, if that succeeded.
    """

    until: int | None = None
    state: str | None = None
    output: str | None = None
    run: RunRequest | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The end of an attempt, or that it waits: then it has a `deferral`. `output` is JSON text for a success, `error` a
    text with the traceback for what is neither."""

    attempt: str
    token: int
    outcome: Outcome
    started_at: int
    finished_at: int
    output: str | None = None
    error_kind: str | None = None
    error: str | None = None
    deferral: Deferral | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an attempt says it has come: `fraction` from 0 to 1 or none, `at` when it said so."""

    attempt: str
    token: int
    at: int
    fraction: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class TaskNotice:
    """Something an attempt wants people to be told. `seq` counts from 1 within the attempt.

    `notifier` is the name of one of the program's notifiers; without one those of the task are used, else the dag's.
    """

    attempt: str
    token: int
    seq: int
    message: str
    subject: str = ""
    notifier: str | None = None


@dataclass(frozen=True, slots=True)
class Renewal:
    attempt: str
    token: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Asks for up to `slots` attempts, waiting up to `wait` seconds for the first; for none of them, until there is
    something to stop."""

    slots: int
    wait: float


@dataclass(frozen=True, slots=True)
class Exchange:
    """`executor` is a name for people (host and pid by default), `instance` a UUID made at the executor's start,
    `request` a UUID per request, the same when it is repeated. `build` is the executor's program; `codes` maps the
    ids of its callables to their hashes; left empty, what the instance said last counts. One that the scheduler has
    not heard say gets no work. `capacity` is how many attempts it runs at once: 0 once it is leaving."""

    protocol: int
    executor: str
    instance: str
    request: str
    build: str
    codes: dict[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    capacity: int = 0
    reports: tuple[Report, ...] = ()
    renewals: tuple[Renewal, ...] = ()
    logs: tuple[AttemptLog, ...] = ()
    progress: tuple[Progress, ...] = ()
    notices: tuple[TaskNotice, ...] = ()
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The run of an attempt, as tasks see it. Times in microseconds; `timezone` is the dag's."""

    id: str
    dag: str
    build: str
    scheduled_at: int
    timezone: str
    previous_at: int | None = None
    params: str = "{}"


@dataclass(frozen=True, slots=True)
class Assignment:
    """An attempt handed to an executor under a lease.

    `args` is a JSON array and `kwargs` a JSON object: the scheduler has worked the arguments out already, except where
    they depend on the executor's surroundings. There an object of `ppacer.spec` stands for the value: an expression
    whose only names are `env(…)` and `secret(…)`. So it is with `env`, a JSON object of the task's environment
    variables, and `cwd`, its folder, as JSON.

    `timeout` is in seconds, or none, and `time_left` what of it is left for this part of an attempt that was deferred
    before; `state` is what it left behind then, `part` counts its parts from 0. `memory` is a limit in bytes.
    `generation` is part of what makes the task's idempotency key. `where` names the task and its place for error
    messages: `task raw["eu"] of dag daily_sales (pipeline.ppd:38)`; `label` shows the value that a member of a run-time
    family stands for.
    """

    attempt: str
    token: int
    lease_seconds: float
    run: RunInfo
    task: str
    number: int
    callable: str
    args: str
    kwargs: str
    where: str
    timeout: float | None = None
    isolation: str = "process"
    position: int = 0
    label: str | None = None
    time_left: float | None = None
    state: str | None = None
    part: int = 0
    env: str = "{}"
    cwd: str | None = None
    memory: int | None = None
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Ack:
    """The answer to a report, a renewal, a log delivery or a notice: 200 taken (now or before), 409 stale token."""

    attempt: str
    status: int


@dataclass(frozen=True, slots=True)
class ExchangeAnswer:
    """`cancel` lists attempts that the executor must stop. `next_due_in` is the time in seconds until something that
    the scheduler knows of becomes due, so that a worker can be ready for it. `leader` is the scheduler's leader epoch:
    an executor takes no answer of an earlier leader than it has heard of while a lease of the later one may live."""

    reports: tuple[Ack, ...] = ()
    renewals: tuple[Ack, ...] = ()
    logs: tuple[Ack, ...] = ()
    notices: tuple[Ack, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    cancel: tuple[str, ...] = ()
    next_due_in: float | None = None
    leader: int = 0


def renews_only(exchange: Exchange) -> bool:
    """Whether nothing has to be recorded for an answer."""
    told = (*exchange.reports, *exchange.logs, *exchange.progress, *exchange.notices)
    return bool(exchange.renewals) and not told and exchange.claim is None


def refusal(version: int) -> str | None:
    """Why an executor that speaks this version of the protocol cannot work for a scheduler of this one, and what to do;
    none where it can."""
    if OLDEST_PROTOCOL_VERSION <= version <= PROTOCOL_VERSION:
        return None
    several = OLDEST_PROTOCOL_VERSION < PROTOCOL_VERSION
    spoken = f"versions {OLDEST_PROTOCOL_VERSION} to {PROTOCOL_VERSION}" if several else f"version {PROTOCOL_VERSION}"
    place = "this executor" if version < OLDEST_PROTOCOL_VERSION else "its scheduler"
    return (
        f"the executor speaks version {version} of the protocol, the scheduler {spoken}: "
        f"run {place} with a newer ppacer, as new as that of the other"
    )
