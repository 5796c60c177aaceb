"""What executors and the scheduler say to each other: `POST /executor/v1/exchange`, JSON both ways.

One request may report finished attempts, renew leases, deliver log entries and ask for work, all at once; one
transaction commits what it reports and claims, and the answer is sent after the commit. Every part is optional. An
executor keeps one long-poll (`wait` > 0) open while it has free slots and sends reports at once in requests of their
own, which may ask for as many attempts as the reports free; the slots asked for in all requests under way never add up
to more than its capacity.

Repeating a request is safe: a claim with the same `request` id is answered with the same attempts while they run, and
a report that was already accepted is accepted again. A report or renewal under a token that is no longer live is
answered with status 409 for that item and changes nothing: the executor stops the attempt.

Times are microseconds since the epoch, durations seconds. Values in `args`, `outputs` and `output` are in the tagged
JSON of `ppacer.core.codec`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

PROTOCOL_VERSION = 1
"""Integer. A scheduler accepts this version and the one before."""

EXCHANGE_PATH = "/executor/v1/exchange"
LEASE_SECONDS = 30.0
"""Default term of a lease; the scheduler's setting `lease` overrides it."""

LONG_POLL_SECONDS = 25.0
"""How long an executor asks the scheduler to hold an empty claim, at most."""


class Outcome(StrEnum):
    """How an attempt ended, as the executor saw it."""

    SUCCESS = "success"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line or record of an attempt's log. `seq` counts from 1 within the attempt.

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
class Report:
    """The end of an attempt. `output` is JSON text for a success, `error` a text with the traceback for the rest."""

    attempt: str
    token: int
    outcome: Outcome
    started_at: int
    finished_at: int
    output: str | None = None
    error_kind: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Renewal:
    attempt: str
    token: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Asks for up to `slots` attempts, waiting up to `wait` seconds for the first."""

    slots: int
    wait: float


@dataclass(frozen=True, slots=True)
class Exchange:
    """`executor` is a name for people (host and pid by default), `instance` a UUID made at the executor's start,
    `request` a UUID per request, the same when it is repeated. `build` is the executor's program; `codes` maps the
    ids of its callables to their hashes; left empty, what the instance said last counts. One that the scheduler has
    not heard say gets no work."""

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

    `args` is a JSON array and `kwargs` a JSON object: the scheduler has worked the arguments out already. `timeout` is
    in seconds, or none. `where` names the task and its place for error messages:
    `task raw["eu"] of dag daily_sales (pipeline.ppd:38)`.
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


@dataclass(frozen=True, slots=True)
class Ack:
    """The answer to a report, a renewal or a log delivery: 200 taken (now or before), 409 stale token."""

    attempt: str
    status: int


@dataclass(frozen=True, slots=True)
class ExchangeAnswer:
    """`cancel` lists attempts that the executor must stop."""

    reports: tuple[Ack, ...] = ()
    renewals: tuple[Ack, ...] = ()
    logs: tuple[Ack, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    cancel: tuple[str, ...] = ()
