"""How a task waits without a worker: it defers, and what is left of it goes on later, perhaps in another process.

    def wait_for_table(name: str, context: TaskContext) -> str:
        tries = 0 if context.state is None else context.state["tries"]
        if not exists(name):
            defer(timedelta(minutes=1), state={"tries": tries + 1})
        return name

The task is called again with the same arguments when its time has come, and `TaskContext.state` is what it left behind;
`TaskContext.part` counts these calls from 0. It is one attempt all the while: its time-out goes on, nothing else does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, NoReturn

from ppacer.core import codec, instants
from ppacer.protocol import Deferral, RunRequest


class _Nothing(Enum):
    NOTHING = "nothing"


NOTHING: Final = _Nothing.NOTHING
"""In place of a state: there is nothing left to do then. (`None` is a state like any other.)"""


class Deferred(BaseException):
    """Raised by a task to wait. No `Exception`, so that a task's own `except Exception` lets it pass.

    `until` is an aware datetime, or a duration from now; one in the past means at once. `run` asks for a run of another
    dag, whose end is waited for if `run.wait`. One of the two is needed. With a `state`, any value that may be an
    output, the task is called again then. Without one it succeeds then: with the output `output`, or with
    `{"run": id, "status": …}` where a run was asked for and has succeeded.

    Raises `ValueError` for a naive datetime or where nothing is waited for, `ppacer.core.codec.CodecError` for values
    that have no form in JSON.
    """

    def __init__(
        self,
        until: datetime | timedelta | None = None,
        *,
        state: object = NOTHING,
        output: object = None,
        run: RunRequest | None = None,
    ) -> None:
        super().__init__("the task waits")
        if until is None and run is None:
            raise ValueError("a task that defers waits until a time or for a run: neither is given")
        if isinstance(until, datetime) and until.tzinfo is None:
            raise ValueError(f"a task cannot wait until {until.isoformat()}, which has no time zone")
        self.until = until
        self.state = None if state is NOTHING else codec.encode(state)
        self.output = None if output is None else codec.encode(output)
        self.run = run

    def deferral(self, now: int) -> Deferral:
        """What the scheduler is told. `now` is in microseconds since the epoch."""
        return Deferral(until=self._instant(now), state=self.state, output=self.output, run=self.run)

    def _instant(self, now: int) -> int | None:
        match self.until:
            case None:
                return None
            case datetime() as moment:
                return instants.from_datetime(moment)
            case duration:
                return now + instants.microseconds(duration)


def defer(until: datetime | timedelta, *, state: object = NOTHING, output: object = None) -> NoReturn:
    """Has the task wait, see `Deferred`; never returns."""
    raise Deferred(until, state=state, output=output)


def defer_to_run(
    dag: str,
    params: Mapping[str, object] | None = None,
    *,
    scheduled_at: datetime | None = None,
    wait: bool = True,
    state: object = NOTHING,
) -> NoReturn:
    """Has the scheduler make a run of another dag of the program, once for this attempt; never returns.

    `scheduled_at` is the run's logical time, aware; now by default. Without `wait` the task goes on or succeeds as soon
    as the run is made. See `Deferred`. Raises `TypeError` for params that are no mapping, `ValueError` for a time that
    has no zone.
    """
    if params is not None and not isinstance(params, Mapping):
        raise TypeError(f"the parameters of a run are a dict, not {type(params).__name__}")
    if scheduled_at is not None and scheduled_at.tzinfo is None:
        raise ValueError(f"a run's time needs a time zone: {scheduled_at.isoformat()} has none")
    request = RunRequest(
        dag=dag,
        params=codec.encode(dict(params or {})),
        scheduled_at=None if scheduled_at is None else instants.from_datetime(scheduled_at),
        wait=wait,
    )
    raise Deferred(run=request, state=state)
