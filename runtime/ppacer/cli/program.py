"""The parts of a program that serves, put together and taken apart in the right order."""

from __future__ import annotations

import asyncio
import errno
import gc
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from tornado.netutil import bind_sockets

from ppacer.cli.access import held, opened
from ppacer.cli.command import CommandError, Invocation
from ppacer.cli.door import door_of
from ppacer.cli.traces import tracing
from ppacer.cli.workers import worker_pool
from ppacer.config import Config, Migrate
from ppacer.database_url import is_server
from ppacer.services.executor import Executor
from ppacer.services.scheduler import Scheduler
from ppacer.services.transport import DirectTransport, Transport
from ppacer.services.zygote_process import ZygoteProcess
from ppacer.store import LeaderLost, StoreError, Unavailable
from ppacer.store.lead import TERM_SECONDS, Lead
from ppacer.store.leader import this_process
from ppacer.web.app import serve
from ppacer.web.site import Site


@dataclass(frozen=True, slots=True)
class Serving:
    """A program that serves. `url` is for people; `failure` ends with an error when it can go on no longer.

    `doubts` are what people should know of the database. `secret` lets a client of this machine in.
    """

    url: str
    secret: str
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

    Raises `CommandError` where the database is held or cannot be used, or the address is taken, `ConfigError` where
    traces are wanted and cannot be sent.
    """
    told = upgrading if config.migrate is Migrate.AUTO else None
    door = door_of(config, host, public=schedules)
    instance = str(uuid.uuid4())
    async with AsyncExitStack() as parts:
        traces = await parts.enter_async_context(tracing(invocation.program, instance))
        lead = parts.enter_context(held(config))
        sockets = parts.enter_context(listening(host, port))
        both = parts.enter_context(opened(invocation, upgrading=told))
        found_port = sockets[0].getsockname()[1]
        url = door.address(host, found_port)
        scheduler = Scheduler(
            invocation.program,
            both.store,
            both.logs,
            lease=config.lease,
            schedules=schedules,
            pool=lambda: worker_pool(invocation),
            page=door.page(found_port) if schedules else None,
            retention=config.retention,
            leader=this_process(door.page(found_port)),
            traces=traces,
        )
        try:
            await scheduler.start()
        except StoreError as error:
            await scheduler.stop()
            raise CommandError(str(error)) from error
        try:
            door.refuse_unguarded(invocation, scheduler.accounts)
        except CommandError:
            await scheduler.stop()
            raise
        site = Site(invocation.program, scheduler, both.store, both.logs, door.access, instance)
        server = serve(site, sockets, door.context)
        executor = None
        if with_executor:
            # Only the lock of a file proves that its last holder's process, and all tasks in it, have ended.
            handler = scheduler.exchange if is_server(config.database) else scheduler.exchange_in_program
            executor = make_executor(invocation, config, DirectTransport(handler), zygote)
        failure = asyncio.ensure_future(_first_failure(scheduler, executor, lead))
        try:
            gc.freeze()  # what is there now stays; with many dags, looking through it takes a tenth of a second
            with door.announced(config, found_port, instance):
                yield Serving(url, door.secret, scheduler, executor, failure, (*both.store.doubts, *both.logs.doubts))
        finally:
            if executor is not None:
                await executor.drain(config.drain)
            failure.cancel()
            await asyncio.gather(failure, return_exceptions=True)
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
    parts: list[Coroutine[object, object, None]] = [scheduler.wait_failed(), _lead_lost(lead)]
    if executor is not None:
        parts.append(executor.run())
    await first_of(*parts)


async def first_of(*running: Coroutine[object, object, None]) -> None:
    """Ends when one of them does, with its error; the others are cancelled, and have ended by then."""
    parts = [asyncio.ensure_future(one) for one in running]
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
def listening(host: str, port: int) -> Iterator[list[socket.socket]]:
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
