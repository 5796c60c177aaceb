"""The parts of a program that serves, put together and taken apart in the right order."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from tornado.netutil import bind_sockets

from ppacer.cli.access import held, opened
from ppacer.cli.command import CommandError, Invocation
from ppacer.cli.workers import worker_pool
from ppacer.config import LOOPBACK, Config, Migrate
from ppacer.runfile import RunFile, remove_run_file, write_run_file
from ppacer.services.executor import Executor
from ppacer.services.scheduler import Scheduler
from ppacer.services.transport import DirectTransport, Transport
from ppacer.services.zygote_process import ZygoteProcess
from ppacer.store import LeaderLost, StoreError, Unavailable
from ppacer.store.lead import TERM_SECONDS, Lead
from ppacer.store.leader import this_process
from ppacer.web.app import serve
from ppacer.web.security import Access
from ppacer.web.site import Site

_ANY = ("0.0.0.0", "::")  # noqa: S104 (compared only)


@dataclass(frozen=True, slots=True)
class Serving:
    """A program that serves. `url` is for people; `failure` ends with an error when it can go on no longer.

    `doubts` are what people should know of the database.
    """

    url: str
    scheduler: Scheduler
    executor: Executor | None
    failure: asyncio.Future[None]
    doubts: tuple[str, ...]


@asynccontextmanager
async def serving(
    invocation: Invocation,
    config: Config,
    *,
    host: str,
    port: int,
    with_executor: bool,
    zygote: ZygoteProcess | None = None,
    upgrading: Callable[[str], object],
    schedules: bool = True,
) -> AsyncIterator[Serving]:
    """Runs scheduler, page and, if wanted, an executor; on leaving, running tasks get `drain` seconds to end.

    `zygote` is what the executor's workers come from, if that runs already. With `schedules` false only what is asked
    for is run, and no due time is decided. `upgrading` is told what is done to a database of an earlier version.

    Raises `CommandError` where the database is held or cannot be used, or the address is taken.
    """
    told = upgrading if config.migrate is Migrate.AUTO else None
    with held(config) as lead, _listening(host, port) as sockets, opened(invocation, upgrading=told) as both:
        found_port = sockets[0].getsockname()[1]
        url = f"http://{_in_url(host)}:{found_port}"
        scheduler = Scheduler(
            invocation.program,
            both.store,
            both.logs,
            lease=config.lease,
            schedules=schedules,
            pool=lambda: worker_pool(invocation),
            page=_page(host, found_port) if schedules else None,
            retention=config.retention,
            leader=this_process(url),
        )
        try:
            await scheduler.start()
        except StoreError as error:
            await scheduler.stop()
            raise CommandError(str(error)) from error
        instance = str(uuid.uuid4())
        site = Site(invocation.program, scheduler, both.store, both.logs, Access(host, config.token), instance)
        server = serve(site, sockets)
        executor = None
        if with_executor:
            executor = make_executor(invocation, config, DirectTransport(scheduler.exchange_in_program), zygote)
        failure = asyncio.ensure_future(_first_failure(scheduler, executor, lead))
        try:
            _announce(config, RunFile(f"http://{_reachable(host)}:{found_port}", os.getpid(), instance, config.token))
            yield Serving(url, scheduler, executor, failure, (*both.store.doubts, *both.logs.doubts))
        finally:
            if executor is not None:
                await executor.drain(config.drain)
            failure.cancel()
            await asyncio.gather(failure, return_exceptions=True)
            remove_run_file(config.run_file, instance)
            server.stop()
            await scheduler.stop()
            await server.close_all_connections()


def make_executor(
    invocation: Invocation, config: Config, transport: Transport, zygote: ZygoteProcess | None = None
) -> Executor:
    return Executor(
        invocation.program,
        transport,
        file=invocation.file,
        name=config.name,
        capacity=config.capacity,
        labels=config.labels,
        secrets=config.secrets,
        zygote=zygote,
    )


async def _first_failure(scheduler: Scheduler, executor: Executor | None, lead: Lead) -> None:
    """Ends when one of them does, with its error, or when the lead is lost."""
    parts = [asyncio.ensure_future(scheduler.wait_failed()), asyncio.ensure_future(_lead_lost(lead))]
    if executor is not None:
        parts.append(asyncio.ensure_future(executor.run()))
    try:
        done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        for part in done:
            part.result()
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)


async def _lead_lost(lead: Lead) -> None:
    """Keeps the lead, which a server takes from who does not ask for it. Raises `LeaderLost` when another has it, or
    `StoreError`."""
    while True:
        await asyncio.sleep(TERM_SECONDS / 5)
        if not await asyncio.to_thread(lead.held) and not await asyncio.to_thread(_taken, lead):
            raise LeaderLost("another program has taken the lead of the database: this one must stop")


def _taken(lead: Lead) -> bool:
    """Whether the lead, which was lost, could be taken anew; also while nobody can ask."""
    try:
        return lead.take()
    except Unavailable:
        return True  # nothing is written meanwhile, and when it can be, only under the leader epoch


@contextmanager
def _listening(host: str, port: int) -> Iterator[list[socket.socket]]:
    try:
        sockets = bind_sockets(port, host)
    except OSError as error:
        raise CommandError(_bind_problem(host, port, error)) from error
    try:
        yield sockets
    finally:
        for each in sockets:
            each.close()


def _bind_problem(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: choose another with --port, or --port 0 for any free one"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than this user has: choose one above 1023 with --port"
    return f"cannot serve on {host}, port {port}: {(error.strerror or str(error)).lower()}"


def _announce(config: Config, content: RunFile) -> None:
    try:
        write_run_file(config.run_file, content)
    except OSError as error:
        raise CommandError(f"cannot write {config.run_file}: {(error.strerror or str(error)).lower()}") from error


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _page(host: str, port: int) -> str:
    """The address by which people reach the page, as far as this program can tell."""
    return f"http://{os.uname().nodename if host in _ANY else _in_url(host)}:{port}"


def _reachable(host: str) -> str:
    """The address by which programs on this machine reach what serves on `host`."""
    return LOOPBACK if host == "0.0.0.0" else "[::1]" if host == "::" else _in_url(host)  # noqa: S104 (compared only)
