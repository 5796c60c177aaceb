"""A program on a server's database: it leads, or stands by until it does.

It serves from its beginning to its end; who stands by answers only that it does. Its executor works for whoever leads:
for the scheduler in this program while that one does, else over HTTP for the other.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ppacer.cli.access import Opened, asking_tls, opened
from ppacer.cli.command import CommandError, Invocation
from ppacer.cli.door import Door, door_of
from ppacer.cli.program import first_of, listening, make_executor
from ppacer.cli.traces import tracing
from ppacer.cli.workers import worker_pool
from ppacer.config import Config, Migrate
from ppacer.database_url import shown
from ppacer.localtime import local_time
from ppacer.services.executor import Executor
from ppacer.services.leases import lease_clock
from ppacer.services.scheduler import Scheduler
from ppacer.services.traces import Traces
from ppacer.services.transport import LeaderTransport
from ppacer.services.zygote_process import ZygoteProcess
from ppacer.store import LeaderLost, StoreError, Unavailable
from ppacer.store.errors import Locked
from ppacer.store.lead import TERM_SECONDS, Lead, lead_of
from ppacer.store.leader import Leader, this_process
from ppacer.web.app import Front, listen, make_app
from ppacer.web.site import Site
from ppacer.web.standby import Waiting, standby_app

ASK_SECONDS = 1.0
"""How often who stands by asks for the lead: so much later than it is free does it take over at most."""

_MARGIN_SECONDS = 1.0
"""How long before the server may give the lead away its holder is no longer sure to have it."""

_log = logging.getLogger("ppacer")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Candidacy:
    """A program that leads or stands by. `url` is for people; `failure` ends with an error when it can go on no
    longer."""

    url: str
    executor: Executor | None
    failure: asyncio.Future[None]


@asynccontextmanager
async def candidacy(
    invocation: Invocation, config: Config, *, with_executor: bool, zygote: ZygoteProcess | None = None
) -> AsyncIterator[Candidacy]:
    """Serves, and leads whenever nobody else does; on leaving, running tasks get `drain` seconds to end.

    `zygote` is as in `serving`. Raises `CommandError` where the database cannot be used or the address is taken,
    `ConfigError` where traces are wanted and cannot be sent.
    """
    try:
        lead = lead_of(config.database)
        with suppress(Unavailable):  # a server that comes later than this program is waited for, standing by
            await asyncio.to_thread(lead.leader)  # whether the database can be had at all is told at once
    except StoreError as error:
        raise CommandError(str(error)) from error
    door = door_of(config, config.host)
    instance = str(uuid.uuid4())
    async with AsyncExitStack() as opening:
        traces = await opening.enter_async_context(tracing(invocation.program, instance))
        sockets = opening.enter_context(listening(config.host, config.port))
        port = sockets[0].getsockname()[1]
        way = LeaderTransport(config.token, tls=asking_tls(config))
        candidate = _Candidate(
            *(invocation, config, lead), port=port, way=way, door=door, instance=instance, traces=traces
        )
        server = listen(candidate.front, sockets, door.context)
        executor = make_executor(invocation, config, way, zygote) if with_executor else None
        parts = [candidate.run()] if executor is None else [candidate.run(), executor.run()]
        failure = asyncio.ensure_future(first_of(*parts))
        try:
            yield Candidacy(door.address(config.host, port), executor, failure)
        finally:
            if executor is not None:
                await executor.drain(config.drain)
            failure.cancel()
            await asyncio.gather(failure, return_exceptions=True)
            server.stop()
            await server.close_all_connections()


class _Candidate:
    """`front` answers as who leads or as who stands by; `way` leads the executor to whoever leads."""

    def __init__(
        self,
        invocation: Invocation,
        config: Config,
        lead: Lead,
        *,
        port: int,
        way: LeaderTransport,
        door: Door,
        instance: str,
        traces: Traces | None,
    ) -> None:
        self._invocation = invocation
        self._config = config
        self._lead = lead
        self._port = port
        self._door = door
        self._here = door.page(port)
        self._way = way
        self._instance = instance
        self._traces = traces
        self._why = "it has just been started"
        self._leader: Leader | None = None
        waiting = Waiting(
            invocation.program, door.access, self._instance, why=lambda: self._why, leader=lambda: self._leader
        )
        self._standby = standby_app(waiting)
        self.front = Front(self._standby)

    async def run(self) -> None:
        """Never returns. Raises `CommandError` for what does not pass by itself."""
        try:
            while True:
                asked_at = lease_clock()
                if await self._take():
                    await self._lead_on(_Watch(self._lead, asked_at))
                else:
                    await asyncio.sleep(ASK_SECONDS)
        finally:
            await asyncio.to_thread(self._lead.release)

    async def _take(self) -> bool:
        """Whether the lead could be taken; if not, says why, once."""
        leader: Leader | None = None
        try:
            if await _undisturbed(self._lead.take):
                return True
            leader = await _undisturbed(self._others)
            why = f"{await self._name(leader)} leads the database"
        except (Unavailable, Locked) as error:
            why = str(error)
        except StoreError as error:
            raise CommandError(str(error)) from error
        self._leader = leader
        self._way.follow(None if leader is None else leader.url)
        self._stand_by(why)
        return False

    def _others(self) -> Leader | None:
        """Who leads, as far as the database tells. It tells of this program if whoever has the lead now has only just
        taken it."""
        leader = self._lead.leader()
        return None if leader is None or leader.url == self._here else leader

    async def _name(self, leader: Leader | None) -> str:
        if leader is None or leader.url is None:
            return await _undisturbed(self._lead.holder) or "another program"
        return f"{leader.url} (process {leader.pid} on {leader.host}, since {local_time(leader.since)})"

    def _stand_by(self, why: str) -> None:
        if why != self._why:
            self._why = why
            _log.info("standing by: %s", why)

    async def _lead_on(self, watch: _Watch) -> None:
        """Leads until the lead is lost. It is asked for all the while: what there is to load may be much."""
        watching = asyncio.ensure_future(watch.lost())
        upgrading = _log.info if self._config.migrate is Migrate.AUTO else None
        stores = ExitStack()
        try:
            opening = partial(stores.enter_context, opened(self._invocation, upgrading=upgrading))
            await self._schedule(await _undisturbed(opening), watch, watching)
        except (LeaderLost, Unavailable, Locked) as error:
            self._stand_by(str(error))
        except CommandError as error:  # of a database that could not be opened
            if not isinstance(error.__cause__, Unavailable | Locked):
                raise
            self._stand_by(str(error))
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await asyncio.to_thread(stores.close)  # which asks a server that may not answer
            await asyncio.to_thread(self._lead.release)

    async def _schedule(self, both: Opened, watch: _Watch, watching: asyncio.Future[None]) -> None:
        for doubt in (*both.store.doubts, *both.logs.doubts):
            _log.warning("%s", doubt)
        config, program = self._config, self._invocation.program
        scheduler = Scheduler(
            program,
            both.store,
            both.logs,
            lease=config.lease,
            pool=partial(worker_pool, self._invocation),
            page=self._here,
            retention=config.retention,
            leader=this_process(self._here),
            leads=watch.sure,
            traces=self._traces,
        )
        try:
            if watching.done():
                watching.result()  # else it would depose whoever leads by now
            await scheduler.start()
            self._door.refuse_unguarded(self._invocation, scheduler.accounts)
            site = Site(program, scheduler, both.store, both.logs, self._door.access, self._instance)
            await self._serve(site, watching)
        finally:
            await scheduler.stop()

    async def _serve(self, site: Site, watching: asyncio.Future[None]) -> None:
        config = self._config
        with self._door.announced(config, self._port, self._instance):
            self.front.application = make_app(site)
            self._way.lead(site.scheduler.exchange)
            _log.info("leads %s", shown(config.database))
            try:
                await first_of(site.scheduler.wait_failed(), _ended(watching))
            finally:
                self._why = "it has led the database until just now"
                self.front.application = self._standby
                self._way.follow(None)


class _Watch:
    """Keeps the lead, which the server takes from who does not ask for it, and knows for how long that is certain.

    `asked_at` is when it was asked for, on the lease clock."""

    def __init__(self, lead: Lead, asked_at: float) -> None:
        self._lead = lead
        self._certain_until = 0.0
        self._confirm(asked_at)

    def sure(self) -> bool:
        """Whether nobody else can have the lead yet; also right after the process has stood still."""
        return lease_clock() < self._certain_until

    async def lost(self) -> None:
        """Raises `LeaderLost` when it is lost."""
        while True:
            await asyncio.sleep(TERM_SECONDS / 5)
            asked_at = lease_clock()
            if not await _undisturbed(self._lead.held):
                raise LeaderLost("the lead was lost with the session that held it")
            self._confirm(asked_at)

    def _confirm(self, asked_at: float) -> None:
        self._certain_until = asked_at + TERM_SECONDS - _MARGIN_SECONDS


async def _ended(watching: asyncio.Future[None]) -> None:
    """Waits for what somebody else ends."""
    await asyncio.shield(watching)


async def _undisturbed(call: Callable[[], T]) -> T:
    """Runs it in a thread, to its end also when nobody waits for it any more: what it has opened is closed then, and
    nobody else uses its connection before."""
    running = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
