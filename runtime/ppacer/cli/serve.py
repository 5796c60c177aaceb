"""`start`, `scheduler` and `executor`: the commands that stay until they are told to stop."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Literal

import ppacer
from ppacer.cli.access import asking_tls
from ppacer.cli.candidate import Candidacy, candidacy
from ppacer.cli.command import CommandError, Invocation, from_here
from ppacer.cli.console import SECOND, Cell, Style, clip, now_us
from ppacer.cli.listing import next_due, schedules_cell
from ppacer.cli.log import log_to_stderr, release
from ppacer.cli.program import Serving, make_executor, serving
from ppacer.cli.signals import stop_signal
from ppacer.cli.traces import traces_wanted
from ppacer.config import Config, Durability, LogFormat
from ppacer.database_url import is_server, shown
from ppacer.localtime import local_time
from ppacer.services.executor import Executor
from ppacer.services.transport import TransportError, to_schedulers
from ppacer.services.zygote_process import ZygoteProcess
from ppacer.store import StoreError
from ppacer.web.describe import ahead_text

_BANNER_DAGS = 12
_OPEN = "open to this machine's users"
_LOGGER = logging.getLogger("ppacer")


def start(invocation: Invocation, zygote: ZygoteProcess | None) -> int:
    """`zygote` is what the executor's workers come from, if that runs already."""
    return asyncio.run(_serve(invocation, with_executor=True, zygote=zygote))


def scheduler(invocation: Invocation) -> int:
    return asyncio.run(_serve(invocation, with_executor=False))


def executor(invocation: Invocation) -> int:
    config = invocation.config
    if not config.scheduler:
        raise CommandError("an executor needs a scheduler to work for: --scheduler http://HOST:PORT", 2)
    return asyncio.run(_work(invocation, config))


async def _serve(invocation: Invocation, *, with_executor: bool, zygote: ZygoteProcess | None = None) -> int:
    config = invocation.config
    invocation.console.keep_going()
    log = log_to_stderr(config.log_format)
    _warn_of_unknown(invocation)
    with stop_signal() as stopped:
        async with _serving(invocation, config, with_executor=with_executor, zygote=zygote) as running:
            if config.log_format is LogFormat.TEXT:
                _banner(invocation, config, running)
            else:
                _LOGGER.info("%s (build %s) answers at %s", *_named(invocation), running.url)
            for doubt in running.doubts if isinstance(running, Serving) else ():
                _LOGGER.warning("%s", doubt)
            release(log)
            code = await _first(stopped, running.failure)
            if code == 0:
                _say_stopping(running.executor, config.drain)
    if code == 0:
        _LOGGER.info("stopped")
    return code


def _serving(
    invocation: Invocation, config: Config, *, with_executor: bool, zygote: ZygoteProcess | None
) -> AbstractAsyncContextManager[Serving | Candidacy]:
    """A file's database is served or refused; for that of a server one may also stand by."""
    if is_server(config.database):
        return candidacy(invocation, config, with_executor=with_executor, zygote=zygote)
    return serving(
        *(invocation, config),
        host=config.host,
        port=config.port,
        with_executor=with_executor,
        zygote=zygote,
        upgrading=_LOGGER.info,
    )


async def _work(invocation: Invocation, config: Config) -> int:
    traces_wanted()  # by its environment its tasks are told their spans
    release(log_to_stderr(config.log_format))
    _warn_of_unknown(invocation)
    made = make_executor(invocation, config, to_schedulers(config.scheduler, config.token, tls=asking_tls(config)))
    labels = f", labels {', '.join(config.labels)}" if config.labels else ""
    with stop_signal() as stopped:
        _LOGGER.info(
            "executor %s of %s (build %s) works for %s, %d tasks at once%s",
            *(made.name, invocation.program.name, invocation.program.build[:12]),
            *(" or ".join(config.scheduler), made.capacity, labels),
        )
        working = asyncio.ensure_future(made.run())
        try:
            code = await _first(stopped, working)
            if code == 0:
                _say_stopping(made, config.drain)
        finally:
            await made.drain(config.drain)
            await asyncio.gather(working, return_exceptions=True)
    if code == 0:
        _LOGGER.info("stopped")
    return code


async def _first(stopped: asyncio.Event, failure: asyncio.Future[None]) -> int:
    """Waits for the signal to stop or for the part that fails; the exit code."""
    waiting = asyncio.create_task(stopped.wait())
    either: set[asyncio.Future[Literal[True]] | asyncio.Future[None]] = {waiting, failure}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if not failure.done():
        return 0
    error = failure.exception()
    if isinstance(error, StoreError | TransportError):
        _LOGGER.error("%s", error)
        return 1
    if error is not None:
        raise error
    return 0


def _warn_of_unknown(invocation: Invocation) -> None:
    for name in invocation.loaded.unknown:
        _LOGGER.warning("%s is set, but there is no such setting", name)


def _say_stopping(made: Executor | None, drain: float) -> None:
    if made is not None and made.running:
        tasks = "1 task" if made.running == 1 else f"{made.running} tasks"
        _LOGGER.info("stopping: %s may take %g s to end; once more to stop at once", tasks, drain)
    else:
        _LOGGER.info("stopping")


def _named(invocation: Invocation) -> tuple[str, str]:
    return invocation.program.name, invocation.program.build[:12]


def _place(database: str) -> str:
    return shown(database) if is_server(database) else from_here(Path(database))


def _banner(invocation: Invocation, config: Config, running: Serving | Candidacy) -> None:
    console = invocation.console
    program = invocation.program
    name = console.style(program.name, Style.BOLD)
    console.line(f"{name}  {console.style(f'build {program.build[:12]}, ppacer {ppacer.__version__}', Style.DIM)}")
    console.line()
    now = now_us()
    dues = [(dag, next_due(dag, now)) for dag in program.dags]
    dues.sort(key=lambda pair: pair[1] if pair[1] is not None else 1 << 62)
    rows: list[list[str | Cell]] = []
    for dag, due in dues[:_BANNER_DAGS]:
        rows.append(
            [
                Cell(clip(dag.id, 40), Style.BOLD),
                schedules_cell(dag, due=due),
                f"next {local_time(due)}" if due is not None else "",
                Cell(ahead_text((due - now) / SECOND) if due is not None else "", Style.DIM),
            ]
        )
    console.table(rows, indent="  ")
    if len(dues) > _BANNER_DAGS:
        console.line(f"  … and {len(dues) - _BANNER_DAGS} more", Style.DIM)
    if dues:
        console.line()
    normal = config.durability is Durability.NORMAL
    weaker = " (durability normal: a power cut may take the last moments away)" if normal else ""
    facts: list[list[str | Cell]] = [
        [Cell("page", Style.DIM), Cell(running.url, Style.BLUE)],
        [Cell("database", Style.DIM), _place(config.database) + weaker],
        [Cell("access", Style.DIM), _access_text(config, running)],
    ]
    if running.executor is None:
        token = "" if _access_text(config, running) == _OPEN else "PPACER_TOKEN=… "
        command = f"{token}{invocation.program_command} executor --scheduler {running.url}"
        facts.append([Cell("executors", Style.DIM), f"none in here: {command}"])
    console.table(facts, indent="  ")
    console.line()
    if not config.loopback and config.tls_cert is None:
        _LOGGER.warning(
            "serving on %s without TLS: passwords, tokens and all data cross the network in clear", config.host
        )


def _access_text(config: Config, running: Serving | Candidacy) -> str:
    users = len(running.scheduler.accounts.users()) if isinstance(running, Serving) else 0
    if users:
        return "for 1 user" if users == 1 else f"for {users} users"
    if config.token or config.proxies or not config.loopback:
        return "with a token"
    return _OPEN
