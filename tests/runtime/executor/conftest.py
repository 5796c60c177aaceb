"""A program written by hand, and a small scheduler that hands out what a test wants and keeps what it hears."""

from __future__ import annotations

import asyncio
import itertools
import os
import textwrap
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from ppacer import spec
from ppacer.core import codec
from ppacer.protocol import (
    Ack,
    Assignment,
    Claim,
    Exchange,
    ExchangeAnswer,
    LogEntry,
    Outcome,
    Progress,
    Report,
    RunInfo,
    TaskNotice,
)
from ppacer.services import executor as executors
from ppacer.services import worker_attempt, worker_process, worker_zygote, zygote_process
from ppacer.services.executor import Executor
from ppacer.services.leases import lease_clock
from ppacer.services.transport import DirectTransport

T = TypeVar("T")

BOUND = 90.0
"""Seconds after which what is waited for will not come: a machine may be that busy, and it costs failing tests only."""

FOR_EVER = 3600.0
"""Seconds that a task, its time-out or a grace takes where something else is to end the attempt."""

PROGRAM = spec.Program(name="tests", build="0" * 64, compiler="test", dags=())
RUN = RunInfo(
    id="01900000-0000-7000-8000-000000000001",
    dag="sales",
    build="0" * 64,
    scheduled_at=1_767_225_600_000_000,  # 2026-01-01T00:00Z
    timezone="Europe/Warsaw",
    params='{"full":true}',
)


def make_assignment(**given: object) -> Assignment:
    """The assignment of an attempt, its fields as given."""
    fields: dict[str, object] = {
        "attempt": "attempt-1",
        "token": 1,
        "lease_seconds": 30.0,
        "run": RUN,
        "task": "load",
        "number": 1,
        "callable": "m:load",
        "args": "[]",
        "kwargs": "{}",
        "where": "task load of dag sales (sales.ppd:7)",
    }
    return Assignment(**{**fields, **given})  # type: ignore[arg-type]


_PROGRAM_TEXT = """
from pathlib import Path

def _load(module, name):
    def load():
        import importlib
        return getattr(importlib.import_module(module), name)
    return load

class Callables(dict):
    def get(self, key, default=None):
        module, _, name = key.partition(":")
        return default if module == "nowhere" else _load(module, name)

if __name__ == "__main__":
    import sys
    from ppacer.services import zygote
    assert sys.argv[1] == "_worker"
    sys.exit(zygote.main(sys.argv[2:], Callables(), [str(Path(__file__).parent / "modules")]))
"""


@dataclass
class FakeScheduler:
    """Hands out assignments in order and acknowledges everything, unless told otherwise."""

    lease: float = 30.0
    queue: list[Assignment] = field(default_factory=list)
    reports: dict[str, Report] = field(default_factory=dict)
    logs: dict[str, list[LogEntry]] = field(default_factory=dict)
    progress: dict[str, list[Progress]] = field(default_factory=dict)
    notices: dict[str, list[TaskNotice]] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)
    cancel: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)
    next_due_in: float | None = None
    before: Callable[[Exchange], None] = lambda exchange: None
    """May raise instead of an answer, before anything is done."""
    after: Callable[[Exchange], None] = lambda exchange: None
    """May raise instead of an answer, after all has been done: the answer is lost."""

    def __post_init__(self) -> None:
        self.changed = asyncio.Condition()
        self._granted: dict[str, tuple[Assignment, ...]] = {}
        self._told: set[str] = set()
        self._ended: set[tuple[str, int]] = set()
        self._numbers = itertools.count(1)

    async def exchange(self, exchange: Exchange) -> ExchangeAnswer:
        self.before(exchange)
        self.exchanges.append(exchange)
        for log in exchange.logs:
            kept = self.logs.setdefault(log.attempt, [])
            known = {entry.seq for entry in kept}
            kept.extend(entry for entry in log.entries if entry.seq not in known)
        for progress in exchange.progress:
            self.progress.setdefault(progress.attempt, []).append(progress)
        for notice in exchange.notices:
            told = self.notices.setdefault(notice.attempt, [])
            if notice not in told:
                told.append(notice)
        for report in exchange.reports:
            self._ended.add((report.attempt, report.token))
            if report.attempt not in self.stale:
                self.reports.setdefault(report.attempt, report)
        await self._tell()
        granted = await self._grant(exchange)
        answer = ExchangeAnswer(
            reports=tuple(self._ack(one.attempt) for one in exchange.reports),
            renewals=tuple(self._ack(one.attempt) for one in exchange.renewals),
            logs=tuple(self._ack(one.attempt) for one in exchange.logs),
            notices=tuple(self._ack(one.attempt) for one in exchange.notices),
            assignments=granted,
            cancel=tuple(self.cancel),
            next_due_in=self.next_due_in,
        )
        self._told |= self.cancel
        self.after(exchange)
        return answer

    def assign(
        self,
        callable: str,
        *args: object,
        seconds: float | None = FOR_EVER,
        given: Mapping[str, object] | None = None,
        **kwargs: object,
    ) -> str:
        """Queues an attempt of `callable` with a time-out, and with other fields of its assignment as `given`; returns
        its id. Call `offer` to wake those who wait."""
        number = next(self._numbers)
        attempt = f"attempt-{number}"
        fields: dict[str, object] = {
            "attempt": attempt,
            "token": number,
            "lease_seconds": self.lease,
            "task": f"task{number}",
            "callable": callable,
            "args": codec.encode(list(args)),
            "kwargs": codec.encode(kwargs),
            "where": f"task task{number} of dag sales (sales.ppd:7)",
            "timeout": seconds,
        }
        self.queue.append(make_assignment(**fields | dict(given or {})))
        return attempt

    async def offer(self) -> None:
        await self._tell()

    async def until(self, condition: Callable[[], bool], seconds: float = BOUND) -> None:
        """Waits until what it has heard satisfies `condition`."""
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(condition)

    async def run(
        self,
        callable: str,
        *args: object,
        seconds: float | None = FOR_EVER,
        given: Mapping[str, object] | None = None,
        **kwargs: object,
    ) -> Report:
        """Has one attempt run with a time-out, and returns its report."""
        attempt = self.assign(callable, *args, seconds=seconds, given=given, **kwargs)
        await self.offer()
        return await self.report(attempt)

    async def report(self, attempt: str, seconds: float = BOUND) -> Report:
        await self.until(lambda: attempt in self.reports, seconds)
        return self.reports[attempt]

    def text(self, attempt: str, *streams: str) -> list[str]:
        """The messages of an attempt's log, in order; only those of `streams` if there are any."""
        entries = sorted(self.logs.get(attempt, []), key=lambda entry: entry.seq)
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        return [entry.message for entry in entries if not streams or entry.stream in streams]

    async def _grant(self, exchange: Exchange) -> tuple[Assignment, ...]:
        claim = exchange.claim
        if claim is None:
            return ()
        if exchange.request in self._granted:
            return tuple(one for one in self._granted[exchange.request] if (one.attempt, one.token) not in self._ended)
        try:
            async with asyncio.timeout(claim.wait), self.changed:
                await self.changed.wait_for(lambda: self._has_news(claim))
        except TimeoutError:
            return ()
        granted, self.queue = tuple(self.queue[: claim.slots]), self.queue[claim.slots :]
        if granted:
            self._granted[exchange.request] = granted
        return granted

    def _has_news(self, claim: Claim) -> bool:
        return claim.wait == 0 or bool(self.queue and claim.slots) or not self.cancel <= self._told

    def _ack(self, attempt: str) -> Ack:
        return Ack(attempt, 409 if attempt in self.stale else 200)

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()


@dataclass
class Bench:
    """A program's file and its modules, and executors that run it."""

    folder: Path
    slept: float = 0.0
    """Seconds by which the clock of the executors' leases is ahead, as when a machine has slept."""

    _executors: list[Executor] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "program.py"

    def module(self, name: str, text: str) -> None:
        """Writes one of the users' modules."""
        (self.folder / "modules" / f"{name}.py").write_text(textwrap.dedent(text))

    def set(self, name: str, value: float) -> None:
        """Has the processes that workers come from see a variable of a module (`module.NAME`) with another value."""
        module, _, variable = name.rpartition(".")
        self.file.write_text(f"import {module}\n{module}.{variable} = {value!r}\n{self.file.read_text()}")

    def ring(self, attempt: str) -> None:
        """Has the time be over now that an attempt has: its time-out, or that for its neighbours when it was stopped.

        A short one would be over before the task has done what it is to be stopped after, where the machine is busy.
        """
        held = self._executors[-1]._held[attempt].attempt
        assert held._judge.begun, "its time does not run yet"
        held._ring()

    @asynccontextmanager
    async def executor(self, scheduler: FakeScheduler, **settings: object) -> AsyncIterator[Executor]:
        """An executor at work for `scheduler`; it is stopped, and nothing of it is left, at the end of the block."""
        executor = Executor(
            PROGRAM,
            DirectTransport(scheduler.exchange),
            file=self.file,
            clock=lambda: lease_clock() + self.slept,
            **settings,  # type: ignore[arg-type]
        )
        self._executors.append(executor)
        running = asyncio.create_task(executor.run())
        try:
            yield executor
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine: what heeds a stop does so within the grace, and how a process ended is heard of."""
    monkeypatch.setattr(worker_attempt, "GRACE_SECONDS", FOR_EVER)
    monkeypatch.setattr(worker_attempt, "_SOON_SECONDS", FOR_EVER)
    monkeypatch.setattr(executors, "GRACE_SECONDS", BOUND)
    monkeypatch.setattr(executors, "_LAST_POLL_SECONDS", BOUND)
    monkeypatch.setattr(executors, "_LAST_REPORTS_SECONDS", BOUND)
    monkeypatch.setattr(zygote_process, "_END_SECONDS", BOUND)
    monkeypatch.setattr(worker_zygote, "_END_SECONDS", BOUND)
    monkeypatch.setattr(worker_process, "_SILENCE_SECONDS", FOR_EVER)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "modules").mkdir()
    (tmp_path / "program.py").write_text(_PROGRAM_TEXT)
    return Bench(tmp_path)


@pytest.fixture
def scheduler() -> FakeScheduler:
    return FakeScheduler()


def value(report: Report) -> object:
    """The output of an attempt that must have succeeded."""
    assert report.outcome is Outcome.SUCCESS, report.error
    assert report.output is not None
    return codec.decode(report.output)


async def eventually(condition: Callable[[], T | None]) -> T:
    """Waits until `condition` gives something true, and returns that."""
    async with asyncio.timeout(BOUND):
        while not (found := condition()):  # noqa: ASYNC110 (processes outside tell nobody)
            await asyncio.sleep(0.01)
    return found


async def gone(pids: Sequence[int]) -> None:
    """Waits until none of the processes is there any more."""
    await eventually(lambda: not any(_lives(pid) for pid in pids))


async def numbers_in(path: Path) -> list[int]:
    """The numbers in a file that a task writes (and renames, if there are several), once it is there."""

    def read() -> list[int]:
        return [int(word) for word in path.read_text().split()] if path.exists() else []

    return await eventually(read)


def _lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z" and os.getpid() != pid
