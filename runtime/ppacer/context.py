"""What a task can know of its attempt: `def load(rows: list, context: TaskContext)`."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import date, datetime

from ppacer.core import codec, instants
from ppacer.protocol import RunInfo


class TaskCancelled(BaseException):
    """Raised in the main thread of a task that has been told to stop, so that its `finally` blocks run.

    An `async def` task gets `asyncio.CancelledError` instead.
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

    `task` is the task's full id, `attempt` counts its attempts in this run from 1. `idempotency_key` is the same over
    all attempts of the task in this run and differs from that of any other task and run; its 32 hexadecimal digits may
    stand in a header, a file name or a database key. What `logger` is given at any level becomes part of the attempt's
    log, `extra` included. `cancelled` turns true when the attempt has been told to stop, by a time-out, a cancel or a
    lost lease: its main thread is interrupted with `TaskCancelled` then, and what has not ended after a grace time of
    5 seconds is killed.

    A task that deferred (`ppacer.deferral`) finds in `state` what it left behind then, and in `part` how often it has
    deferred before; none and 0 at first.
    """

    run: RunContext
    task: str
    attempt: int
    idempotency_key: str
    logger: logging.Logger
    cancelled: Cancellation
    state: object = None
    part: int = 0


def make_context(run: RunInfo, task: str, position: int, number: int, cancelled: Cancellation) -> TaskContext:
    """The context of an attempt. Raises `UnknownZoneError` where this machine does not know the dag's time zone."""
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
        task=task,
        attempt=number,
        idempotency_key=_idempotency_key(run.id, task, position),
        logger=_logger(),
        cancelled=cancelled,
    )


def _idempotency_key(run: str, task: str, position: int) -> str:
    return hashlib.sha256(f"{run}\n{task}\n{position}".encode()).hexdigest()[:32]


def _logger() -> logging.Logger:
    logger = logging.getLogger("task")
    logger.setLevel(logging.DEBUG)
    return logger
