"""The built-in task `run_dag`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict

from ppacer.context import TaskContext
from ppacer.core import instants
from ppacer.deferral import defer_to_run


class DagRun(TypedDict):
    """The id of a run, and what became of it: `success`, or `queued` where nobody waited for it."""

    run: str
    status: str


def run_dag(
    dag: str,
    params: Mapping[str, object] | None = None,
    *,
    scheduled_at: datetime | None = None,
    wait: bool = True,
    context: TaskContext,
) -> DagRun:
    """Makes a run of another dag of the program, with these parameters, and waits for its end; no worker is held.

    The task fails if the run does not succeed, and cancels the run if it is cancelled itself. With `wait = false` it
    succeeds as soon as the run is made. `scheduled_at` is the run's planned time, now by default; one without a time
    zone is in that of this task's dag. An attempt makes its run once, a retry makes another.
    """
    if scheduled_at is not None and scheduled_at.tzinfo is None:
        zone = context.run.scheduled_at.tzinfo
        assert zone is not None
        scheduled_at = instants.to_datetime(instants.from_local(scheduled_at, zone), zone)
    defer_to_run(dag, params, scheduled_at=scheduled_at, wait=wait)
