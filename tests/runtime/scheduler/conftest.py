"""A scheduler over real databases, clients that speak the executors' protocol, and tests that are coroutines."""

from __future__ import annotations

import asyncio
import inspect
import time
import uuid
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ppacer import spec
from ppacer.core import codec
from ppacer.core.model import Run, RunStatus
from ppacer.protocol import (
    PROTOCOL_VERSION,
    Ack,
    Assignment,
    AttemptLog,
    Claim,
    Exchange,
    ExchangeAnswer,
    LogEntry,
    Outcome,
    Renewal,
    Report,
)
from ppacer.services import exchanges
from ppacer.services.errors import SchedulerUnavailable
from ppacer.services.scheduler import Scheduler
from ppacer.store import open_store
from ppacer.store.logs import open_logs

AT = spec.At(1, 1)
BOUND = 60.0
"""Seconds after which something that should have happened has not: a machine may be that busy."""

FOR_EVER = 3600.0
"""Seconds that a long-poll or a lease takes which something else is to end."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Tests of this folder may be coroutines."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), 4 * BOUND))
    return True


@pytest.fixture(autouse=True)
def _long_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends a long-poll is what a test does, and never its time."""
    monkeypatch.setattr(exchanges, "LONGEST_WAIT", FOR_EVER)


class ShiftedClock:
    """A clock that can be set; it runs from the first look at it on."""

    def __init__(self, start: int) -> None:
        self.set(start)

    def set(self, now: int) -> None:
        self._start = now
        self._looked_at: int | None = None

    def now(self) -> int:
        real = time.monotonic_ns() // 1000
        if self._looked_at is None:
            self._looked_at = real
        return self._start + real - self._looked_at


class Client:
    """An executor as far as the scheduler can tell. What it sends is sent again until it is answered."""

    def __init__(
        self, send: Callable[[Exchange], Coroutine[None, None, ExchangeAnswer]], program: spec.Program
    ) -> None:
        self.send = send
        self.program = program
        self.instance = str(uuid.uuid4())
        self.labels: tuple[str, ...] = ()
        self.codes = {one.id: one.hash for one in program.callables}

    def request(self, **parts: object) -> Exchange:
        return Exchange(
            PROTOCOL_VERSION,
            "host-1",
            self.instance,
            str(uuid.uuid4()),
            self.program.build,
            self.codes,
            self.labels,
            8,
            **parts,
        )

    async def ask(self, exchange: Exchange) -> ExchangeAnswer:
        while True:
            try:
                return await self.send(exchange)
            except SchedulerUnavailable:
                await asyncio.sleep(0.01)

    async def claim(self, slots: int = 1, wait: float = BOUND) -> list[Assignment]:
        return list((await self.ask(self.request(claim=Claim(slots, wait)))).assignments)

    async def claim_one(self) -> Assignment:
        [assignment] = await self.claim(1)
        return assignment

    async def report(
        self,
        assignment: Assignment,
        outcome: Outcome = Outcome.SUCCESS,
        *,
        output: object = None,
        error: str | None = None,
    ) -> int:
        answer = await self.ask(self.request(reports=(self.reported(assignment, outcome, output=output, error=error),)))
        [ack] = answer.reports
        assert ack.attempt == assignment.attempt
        return ack.status

    def reported(
        self,
        assignment: Assignment,
        outcome: Outcome = Outcome.SUCCESS,
        *,
        output: object = None,
        error: str | None = None,
    ) -> Report:
        text = codec.encode(output) if outcome is Outcome.SUCCESS else None
        return Report(assignment.attempt, assignment.token, outcome, 1_000, 2_000, output=text, error=error)

    async def renew(self, assignment: Assignment) -> ExchangeAnswer:
        return await self.ask(self.request(renewals=(Renewal(assignment.attempt, assignment.token),)))

    async def log(self, assignment: Assignment, *messages: str) -> list[Ack]:
        entries = tuple(LogEntry(seq, 5, "stdout", 20, text) for seq, text in enumerate(messages, start=1))
        log = AttemptLog(assignment.attempt, assignment.token, entries)
        return list((await self.ask(self.request(logs=(log,)))).logs)

    async def work(self, tasks: int) -> list[str]:
        """Does so many tasks, each with success, and says which."""
        done = []
        while len(done) < tasks:
            for assignment in await self.claim(4):
                assert await self.report(assignment, output=assignment.task) == 200
                done.append(assignment.task)
        return done


class Place:
    """One pair of databases, and the schedulers that come and go over it. `url` is that of a server's, for both."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.folder = folder
        self.url = url
        folder.mkdir(exist_ok=True)
        self._schedulers: list[Scheduler] = []

    async def scheduler(self, program: spec.Program, **settings: object) -> Scheduler:
        scheduler = self.closed_scheduler(program, **settings)
        await scheduler.start()
        return scheduler

    def closed_scheduler(self, program: spec.Program, **settings: object) -> Scheduler:
        """One that has not been started."""
        scheduler = Scheduler(
            program,
            open_store(self.url or self.folder / "p.db"),
            open_logs(self.url or self.folder / "p.logs.db"),
            **settings,
        )
        self._schedulers.append(scheduler)
        return scheduler

    async def stop(self, scheduler: Scheduler) -> None:
        self._schedulers.remove(scheduler)
        await scheduler.stop()
        scheduler.store.close()
        scheduler.logs.close()

    async def crash(self, scheduler: Scheduler) -> None:
        """The end of a scheduler that has no time for anything: its memory is gone, its database is as it is."""
        scheduler._engine.close()
        scheduler._engine.commits.fail(RuntimeError("killed"))
        if scheduler._recovery is not None:
            scheduler._recovery.cancel()
        await self.stop(scheduler)

    def left(self) -> list[Scheduler]:
        return self._schedulers


async def until(condition: Callable[[], bool]) -> None:
    """Polls for what no signal tells."""
    end = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.005)


def grant(scheduler: Scheduler, seconds: float) -> None:
    """Has leases that are granted from now on last so long: a busy machine may not get round to use a short one."""
    scheduler._engine.tasks._leases._lease = seconds


def leap(seconds: float) -> None:
    """Lets so many seconds pass at once for all that waits, as for a program that was suspended."""
    loop = asyncio.get_running_loop()
    real = loop.time
    loop.time = lambda: real() + seconds


async def ended(scheduler: Scheduler, run_id: str) -> Run:
    """Follows a run to its end."""
    seq = 0
    while True:
        run = scheduler.store.run(run_id)
        if run is not None and run.status.terminal:
            return run
        seq = await scheduler.run_changed(run_id, seq, wait=BOUND)


def make_task(id: str, *, after: str = "", callable: str = "m:f", args: tuple[spec.Expr, ...] = (), **settings: object):
    """A task that comes after others, named in a string."""
    return spec.Task(id, callable, AT, args=args, parents=tuple(after.split()), **settings)


def make_dag(id: str, *tasks: spec.Task, **settings: object) -> spec.Dag:
    """A dag with the children of its tasks filled in."""
    children = {task.id: tuple(other.id for other in tasks if task.id in other.parents) for task in tasks}
    return spec.Dag(id, AT, tuple(replace(task, children=children[task.id]) for task in tasks), **settings)


def make_program(
    *dags: spec.Dag, build: str = "b1", code: str = "c1", callables: Iterable[str] = ("m:f",)
) -> spec.Program:
    named = tuple(spec.Callable(name, spec.CallableKind.FUNCTION, hash=code) for name in callables)
    return spec.Program("p", build, "0", dags, named, (spec.Source("p.ppd", "", ""),))


class Kit:
    """The functions above, for tests that cannot import this file."""

    task = staticmethod(make_task)
    dag = staticmethod(make_dag)
    program = staticmethod(make_program)
    until = staticmethod(until)
    ended = staticmethod(ended)
    grant = staticmethod(grant)
    leap = staticmethod(leap)
    bound = BOUND
    for_ever = FOR_EVER
    clock = ShiftedClock
    client = Client
    place = Place
    status = RunStatus
    at = AT


@pytest.fixture
def kit() -> type[Kit]:
    return Kit


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    for scheduler in list(place.left()):
        asyncio.run(scheduler.journal.close())
        scheduler.store.close()
        scheduler.logs.close()
