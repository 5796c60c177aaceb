"""`run DAG`: one run in this terminal, with live progress; the exit code tells how it ended.

Where a program serves the database already, the run is asked of it and followed. Else this process is that program
for as long as the run takes: other commands find it, and its page shows the run.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path

from ppacer import spec
from ppacer.cli.access import find_server
from ppacer.cli.command import CommandError, Invocation
from ppacer.cli.console import Console, Style
from ppacer.cli.follow import follow, summary
from ppacer.cli.log import log_to_stderr, release
from ppacer.cli.params import logical_time, run_params
from ppacer.cli.program import Serving, serving
from ppacer.cli.serve import stop_signal
from ppacer.cli.trigger import ask
from ppacer.client import Client, ClientError
from ppacer.config import LOOPBACK, Config
from ppacer.core.model import RunStatus
from ppacer.services.errors import RunFinished, SchedulerError
from ppacer.web.messages import Json, RunDetail


def run(invocation: Invocation) -> int:
    dag = invocation.dag(invocation.text("dag"))
    params = run_params(dag, invocation.values.get("params"))
    at = logical_time(invocation, dag)
    config = invocation.config
    client = find_server(config)
    if client is not None:
        with client:
            detail = _there(invocation, client, dag, params, at)
    else:
        detail = asyncio.run(_here(invocation, config, dag, params, at))
    summary(detail, invocation.console)
    return 0 if detail.run.status == RunStatus.SUCCESS else 1


def _there(invocation: Invocation, client: Client, dag: spec.Dag, params: dict[str, Json], at: int | None) -> RunDetail:
    """Asks the program that serves. The first Ctrl-C cancels the run, the second only stops looking on."""
    made = ask(client, dag.id, params, at)
    _begin(invocation.console, dag.id, made.id, client.url)
    while True:
        try:
            return _follow(invocation, client, made.id)
        except KeyboardInterrupt:
            invocation.console.line("cancelling the run; once more to leave it alone", Style.YELLOW)
            try:
                client.cancel(made.id)
                return _follow(invocation, client, made.id)
            except ClientError as error:
                raise CommandError(str(error)) from error


async def _here(
    invocation: Invocation, config: Config, dag: spec.Dag, params: dict[str, Json], at: int | None
) -> RunDetail:
    """Is the program for the time of one run. The first Ctrl-C cancels the run, the second ends everything at once."""
    release(log_to_stderr(logging.CRITICAL))  # the progress says it all
    with stop_signal() as stopped:
        async with serving(invocation, config, host=LOOPBACK, port=0, with_executor=True, schedules=False) as running:
            try:
                made = await running.scheduler.trigger(dag.id, params=params, scheduled_at=at)
            except SchedulerError as error:
                raise CommandError(str(error)) from error
            _begin(invocation.console, dag.id, made.id, None)
            canceller = asyncio.ensure_future(_cancel_when(stopped, running, made.id, invocation.console))
            with Client(running.url, config.token) as client:
                following = asyncio.ensure_future(asyncio.to_thread(_follow, invocation, client, made.id))
                either: set[asyncio.Future[RunDetail] | asyncio.Future[None]] = {following, running.failure}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                canceller.cancel()
                if not following.done():
                    raise CommandError(f"the program failed: {running.failure.exception()}")
                return following.result()


async def _cancel_when(stopped: asyncio.Event, running: Serving, run_id: str, console: Console) -> None:
    await stopped.wait()
    console.line("cancelling the run; once more to stop at once", Style.YELLOW)
    with suppress(RunFinished):
        await running.scheduler.cancel_run(run_id)


def _follow(invocation: Invocation, client: Client, run_id: str) -> RunDetail:
    command = f"{_python(invocation.file)} logs"
    try:
        return follow(client, run_id, invocation.console, quiet=invocation.flag("quiet"), logs_command=command)
    except ClientError as error:
        raise CommandError(f"the run goes on, but cannot be followed: {error}") from error


def _begin(console: Console, dag: str, run_id: str, url: str | None) -> None:
    where = f" at {url}/runs/{run_id}" if url else f", run {run_id}"
    console.line(f"{console.style(dag, Style.BOLD)}{console.style(where, Style.DIM)}")


def _python(file: Path) -> str:
    """How to call the program from here."""
    shown = os.path.relpath(file) if file.is_relative_to(Path.cwd()) else str(file)
    return shlex.join([Path(sys.executable).name, shown])
