"""`run DAG`: one run in this terminal, with live progress; the exit code tells how it ended.

Where a program serves the database already, the run is asked of it and followed. Else this process is that program
for as long as the run takes: other commands find it, and its page shows the run.
"""

from __future__ import annotations

import asyncio

from ppacer import spec
from ppacer.cli.access import find_server
from ppacer.cli.command import CommandError, Invocation
from ppacer.cli.console import Console, Style
from ppacer.cli.follow import follow, summary
from ppacer.cli.log import log_faults
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
    invocation.console.keep_going()
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
    return asyncio.run(_look_on(invocation, client, made.id))


async def _look_on(invocation: Invocation, client: Client, run_id: str) -> RunDetail:
    """Follows a run elsewhere in a thread, so that Ctrl-C is heard in the loop and never lost in a library's code."""
    with stop_signal() as stopped:
        following = asyncio.ensure_future(asyncio.to_thread(_follow, invocation, client, run_id))
        cancelling = asyncio.ensure_future(_cancel_there(stopped, invocation, run_id))
        detail = await following
        cancelling.cancel()
        return detail


async def _cancel_there(stopped: asyncio.Event, invocation: Invocation, run_id: str) -> None:
    await stopped.wait()
    console = invocation.console
    console.line("cancelling the run; once more to leave it alone", Style.YELLOW)
    client = find_server(invocation.config)  # a connection of its own: the other one waits for news
    if client is None:
        return  # what follows the run says that the program is away
    with client:
        try:
            await asyncio.to_thread(client.cancel, run_id)
        except ClientError as error:
            console.line(f"it could not be cancelled: {error}", Style.YELLOW)


async def _here(
    invocation: Invocation, config: Config, dag: spec.Dag, params: dict[str, Json], at: int | None
) -> RunDetail:
    """Is the program for the time of one run. The first Ctrl-C cancels the run, the second ends everything at once."""
    log_faults(invocation.console)  # the progress says all else
    with stop_signal() as stopped:
        async with serving(invocation, config, host=LOOPBACK, port=0, with_executor=True, schedules=False) as running:
            try:
                made = await running.scheduler.trigger(dag.id, params=params, scheduled_at=at)
            except SchedulerError as error:
                raise CommandError(str(error)) from error
            _begin(invocation.console, dag.id, made.id, None)
            with Client(running.url, config.token) as client:
                following = asyncio.ensure_future(asyncio.to_thread(_follow, invocation, client, made.id))
                # Where something else ends this, nobody asks how the following of the run came to its end.
                following.add_done_callback(lambda done: done.cancelled() or done.exception())
                cancelling = asyncio.ensure_future(_cancel_when(stopped, running, made.id, invocation.console))
                waiting: set[asyncio.Future[RunDetail] | asyncio.Future[None]]
                waiting = {following, cancelling, running.failure}
                while not following.done():
                    _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    if cancelling.done():
                        cancelling.result()
                    if running.failure.done():
                        raise CommandError(f"the program failed: {running.failure.exception()}")
                cancelling.cancel()
                return following.result()


async def _cancel_when(stopped: asyncio.Event, running: Serving, run_id: str, console: Console) -> None:
    await stopped.wait()
    console.line("cancelling the run; once more to stop at once", Style.YELLOW)
    try:
        await running.scheduler.cancel_run(run_id)
    except RunFinished:
        pass
    except SchedulerError as error:
        raise CommandError(f"the run cannot be cancelled now, and goes on at the next start: {error}") from error


def _follow(invocation: Invocation, client: Client, run_id: str) -> RunDetail:
    command = f"{invocation.program_command} logs"
    try:
        return follow(client, run_id, invocation.console, quiet=invocation.flag("quiet"), logs_command=command)
    except ClientError as error:
        raise CommandError(f"the run goes on, but cannot be followed: {error}") from error


def _begin(console: Console, dag: str, run_id: str, url: str | None) -> None:
    where = f" at {url}/runs/{run_id}" if url else f", run {run_id}"
    console.line(f"{console.style(dag, Style.BOLD)}{console.style(where, Style.DIM)}")
