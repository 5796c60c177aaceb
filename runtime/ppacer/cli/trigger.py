"""`trigger DAG`: asks the running program for a run, or leaves one for its next start."""

from __future__ import annotations

import asyncio

from ppacer import spec
from ppacer.cli.access import exclusive, find_server
from ppacer.cli.command import CommandError, Invocation
from ppacer.cli.console import Style
from ppacer.cli.log import log_faults
from ppacer.cli.params import logical_time, run_params
from ppacer.client import Client, ClientError
from ppacer.core.model import Run
from ppacer.services.errors import SchedulerError
from ppacer.services.scheduler import Scheduler
from ppacer.web.messages import Json, RunView
from ppacer.web.views import run_view, time_text


def trigger(invocation: Invocation) -> int:
    dag = invocation.dag(invocation.text("dag"))
    params = run_params(dag, invocation.values.get("params"))
    at = logical_time(invocation, dag)
    console = invocation.console
    client = find_server(invocation.config)
    if client is not None:
        with client:
            run = ask(client, dag.id, params, at, _key(invocation))
        console.line(f"{dag.id}: run {run.id} is {run.status}")
        console.line(f"follow it at {client.url}/runs/{run.id}", Style.DIM)
        return 0
    run = asyncio.run(_leave(invocation, dag, params, at))
    console.line(f"{dag.id}: run {run.id} is {run.status}")
    console.line("nothing serves this program now: the run begins at its next start", Style.DIM)
    return 0


def ask(client: Client, dag: str, params: dict[str, Json], at: int | None, key: str | None = None) -> RunView:
    """Triggers through the API. Raises `CommandError`."""
    scheduled_at = time_text(at) if at is not None else None
    try:
        return client.trigger(dag, params=params, scheduled_at=scheduled_at, idempotency_key=key)
    except ClientError as error:
        raise CommandError(str(error)) from error


async def _leave(invocation: Invocation, dag: spec.Dag, params: dict[str, Json], at: int | None) -> RunView:
    log_faults()  # what becomes of the run is for its next start to tell
    with exclusive(invocation.config) as opened:
        scheduler = Scheduler(invocation.program, opened.store, opened.logs, schedules=False)
        await scheduler.start()
        try:
            run: Run = await scheduler.trigger(dag.id, params=params, scheduled_at=at, idempotency_key=_key(invocation))
        except SchedulerError as error:
            raise CommandError(str(error)) from error
        finally:
            await scheduler.stop()
    return run_view(run)


def _key(invocation: Invocation) -> str | None:
    key = invocation.values.get("key")
    return key if isinstance(key, str) else None
