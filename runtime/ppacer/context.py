"""What a task can know of its attempt: `def load(rows: list, context: TaskContext)`."""

from __future__ import annotations

import hashlib
import logging
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from ppacer.core import codec, instants
from ppacer.protocol import Assignment


class TaskCancelled(BaseException):
    """Raised in the main thread of a task that has been told to stop, so that its `finally` blocks run.

    In a task with `isolation = thread` it is `TaskContext.heartbeat` that raises it. An `async def` task gets
    `asyncio.CancelledError` instead.
    """


class Cancellation:
    """Whether the attempt has been told to stop: false until then, true from then on. Any thread may ask.

    Not a `threading.Event`: it is set in a signal handler, which may not wait for a lock.
    """

    __slots__ = ("_requested",)

    def __init__(self) -> None:
        self._requested = False

    def __bool__(self) -> bool:
        return self._requested

    def request(self) -> None:
        self._requested = True


SPAN: ContextVar[str | None] = ContextVar("SPAN", default=None)
"""`TaskContext.traceparent` of the attempt whose code runs here, for the built-in tasks that start processes."""


class Outlet(Protocol):
    """Where what a task says of itself goes; any thread may say something."""

    def progress(self, fraction: float | None, message: str) -> None: ...

    def notice(self, message: str, subject: str, notifier: str | None) -> None: ...

    def alive(self) -> None: ...


class Nowhere:
    """An outlet for a task that nobody listens to."""

    def progress(self, fraction: float | None, message: str) -> None: ...

    def notice(self, message: str, subject: str, notifier: str | None) -> None: ...

    def alive(self) -> None: ...


@dataclass(frozen=True, slots=True)
class TaskNotifier:
    """Tells people something, by way of the scheduler."""

    outlet: Outlet

    def send(self, message: str, subject: str = "", to: str | None = None) -> None:
        """Has a message sent by the notifier of that name, without one by those of the task, else of the dag.

        It goes out although the task may fail afterwards. Raises `TypeError` for what is no text.
        """
        for text in (message, subject, *([] if to is None else [to])):
            if not isinstance(text, str):
                raise TypeError(f"a notice is made of texts, not of {type(text).__name__}")
        self.outlet.notice(message, subject, to)


@dataclass(frozen=True, slots=True)
class RunContext:
    """The run that an attempt belongs to.

    `scheduled_at` is the planned time, never the time at which somebody got round to it, and `previous` the planned
    time of the scheduled run before it, if any: both aware, in the dag's zone. `date` is the date of `scheduled_at` in
    the dag's zone. `params` holds the values of the run's parameters.
    """

    id: str
    dag: str
    build: str
    scheduled_at: datetime
    date: date
    previous: datetime | None
    params: dict[str, object]


@dataclass(frozen=True, slots=True)
class TaskContext:
    """Handed to a task through the parameter that is annotated with this class.

    `task` is the task's id as it is shown: `load`, `raw["eu"]`, `check[0]`. `attempt` counts its attempts in this run
    from 1. `idempotency_key` is the same over all attempts of the task in this run and differs from that of any other
    task and run; it changes when a task that had succeeded is run anew. Its 32 hexadecimal digits may stand in a
    header, a file name or a database key. What `logger` is given at any level becomes part of the attempt's log,
    `extra` included. `cancelled` turns true when the attempt has been told to stop, by a time-out, a cancel or a lost
    lease: what has not ended after a grace time of 5 seconds is killed. With `isolation = process` the main thread is
    interrupted with `TaskCancelled` then, an `async def` task is cancelled as asyncio does it; in a thread it is the
    task that must look, or call `heartbeat`.

    A task that deferred (`ppacer.deferral`) finds in `state` what it left behind then, and in `part` how often it has
    deferred before; none and 0 at first.

    Where traces are sent (see docs/operations.md), `traceparent` is the attempt's span in the form of the W3C header of
    that name, for what the task calls; elsewhere none.
    """

    run: RunContext
    task: str
    attempt: int
    idempotency_key: str
    logger: logging.Logger
    cancelled: Cancellation
    state: object = None
    part: int = 0
    traceparent: str | None = None
    outlet: Outlet = field(default_factory=Nowhere, repr=False)

    @property
    def params(self) -> dict[str, object]:
        """The values of the run's parameters."""
        return self.run.params

    @property
    def notifier(self) -> TaskNotifier:
        """What tells people something: `context.notifier.send("the file is empty")`."""
        return TaskNotifier(self.outlet)

    def progress(self, fraction: float | None, message: str = "") -> None:
        """Says how far the task has come: from 0 to 1, or none where it cannot tell. May be said as often as it likes:
        the newest is shown, about twice a second. Raises `ValueError` for any other number.
        """
        if fraction is not None:
            if not -_ROUNDING <= fraction <= 1 + _ROUNDING:
                raise ValueError(f"progress goes from 0 to 1, and {fraction:g} is not between them")
            fraction = min(1.0, max(0.0, float(fraction)))
        self.outlet.progress(fraction, str(message))

    def heartbeat(self) -> None:
        """Says that the task goes on, and asks whether it shall: raises `TaskCancelled` if it was told to stop."""
        if self.cancelled:
            raise TaskCancelled("the task was told to stop")
        self.outlet.alive()


def make_context(
    assignment: Assignment, cancelled: Cancellation, outlet: Outlet | None = None, traceparent: str | None = None
) -> TaskContext:
    """The context of an attempt. Raises `UnknownZoneError` where this machine does not know the dag's time zone."""
    run = assignment.run
    zone = instants.zone(run.timezone)
    scheduled_at = instants.to_datetime(run.scheduled_at, zone)
    params = codec.decode(run.params)
    if not isinstance(params, dict):
        raise TypeError(f"the params of a run are a dict, not {type(params).__name__}")
    return TaskContext(
        run=RunContext(
            id=run.id,
            dag=run.dag,
            build=run.build,
            scheduled_at=scheduled_at,
            date=scheduled_at.date(),
            previous=None if run.previous_at is None else instants.to_datetime(run.previous_at, zone),
            params=params,
        ),
        task=assignment.task if assignment.label is None else f"{assignment.task}[{assignment.position}]",
        attempt=assignment.number,
        idempotency_key=_idempotency_key(assignment),
        logger=_logger(),
        cancelled=cancelled,
        state=None if assignment.state is None else codec.decode(assignment.state),
        part=assignment.part,
        traceparent=traceparent,
        outlet=outlet or Nowhere(),
    )


_ROUNDING = 1e-6
"""What sums of fractions may be off by."""


def _idempotency_key(assignment: Assignment) -> str:
    text = f"{assignment.run.id}\n{assignment.task}\n{assignment.position}\n{assignment.generation}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _logger() -> logging.Logger:
    logger = logging.getLogger("task")
    logger.setLevel(logging.DEBUG)
    return logger
