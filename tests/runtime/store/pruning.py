"""A pruner over real databases, and what there is for it to prune."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ppacer.config import Retention
from ppacer.core.ids import uuid7
from ppacer.core.model import (
    Attempt,
    AttemptStatus,
    InsertAttempt,
    InsertEvent,
    InsertRun,
    InsertTask,
    Run,
    RunStatus,
    Write,
)
from ppacer.protocol import LogEntry
from ppacer.services.changes import Changes
from ppacer.services.commits import Commits
from ppacer.services.journal import Journal
from ppacer.services.pruner import DAY, FIRST_AFTER, Pruner
from ppacer.store import Store
from ppacer.store.logs import LogStore

PATIENCE = 90.0
"""Seconds after which a test that waits has failed."""

NOW = 20_000 * DAY
numbers = itertools.count(1)


class Timers:
    """Rests are over at once; what is to come later comes when it is called."""

    def __init__(self) -> None:
        self.now = 0.0
        self.rests: list[float] = []
        self.later: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        self.now += 0.25
        return self.now

    def call_in(self, seconds: float, call: Callable[[], None]) -> None:
        if seconds < FIRST_AFTER:
            self.rests.append(seconds)
            asyncio.get_running_loop().call_soon(call)
        else:
            self.later.append((seconds, call))


@dataclass
class Clock:
    at: int = NOW

    def now(self) -> int:
        return self.at


class World:
    """A pruner over real databases, and the part of an engine that it needs."""

    def __init__(self, store: Store, logs: LogStore, retention: Retention) -> None:
        self.store = store
        self.timers, self.clock = Timers(), Clock()
        self.journal = Journal(store, logs)
        self.failures: list[BaseException] = []
        self.forgotten: list[str] = []
        self.commits = Commits(self.journal, Changes(), self._failed)
        self.pruner = Pruner(
            store,
            logs,
            self.journal,
            self.commits,
            timers=self.timers,  # type: ignore[arg-type]
            clock=self.clock,
            retention=retention,
            turn=self.turn,
            forget=self.forgotten.extend,
        )
        self.pruner.start()

    @contextmanager
    def turn(self) -> Iterator[None]:
        yield
        self.commits.flush()

    async def look(self) -> None:
        """The next pass, from its beginning to its end."""
        [(_, call)], self.timers.later = self.timers.later, []
        call()
        assert self.pruner._pass is not None
        await asyncio.wait([self.pruner._pass])

    def _failed(self, error: BaseException) -> None:
        self.failures.append(error)
        self.pruner.close()


def pruned(store: Store, logs: LogStore, retention: Retention, passes: int = 1) -> World:
    """A world after so many passes."""

    async def test(world: World) -> None:
        for _ in range(passes):
            await world.look()

    return run(store, logs, retention, test)


def run(
    store: Store, logs: LogStore, retention: Retention, test: Callable[[World], Coroutine[Any, Any, None]]
) -> World:
    async def whole() -> World:
        world = World(store, logs, retention)
        try:
            await test(world)
        finally:
            world.pruner.close()
            await world.journal.close()
        return world

    return asyncio.run(asyncio.wait_for(whole(), PATIENCE))


# --- what there is to prune ------------------------------------------------------------------------------------------


def new_id(at: int) -> str:
    return uuid7(at, next(numbers).to_bytes(10, "big"))


def make_run(rows: Any, days: float, dag: str = "daily", **changes: Any) -> Run:
    """A manual run that ended so many days ago and began an hour before; one that does not end has begun then."""
    ended_at = NOW - round(days * DAY)
    base = replace(rows.manual(0, dag), id=new_id(ended_at - DAY // 24), backfill=None, status=RunStatus.SUCCESS)
    status = changes.get("status", RunStatus.SUCCESS)
    return replace(base, finished_at=ended_at if status.terminal else None, **changes)


def fill(store: Store, logs: LogStore, rows: Any, run: Run, tasks: int = 1, lines: int = 2) -> list[Attempt]:
    """The run with tasks, attempts, their logs, and events."""
    writes: list[Write] = [InsertRun(run)]
    attempts = []
    for position in range(tasks):
        writes.append(InsertTask(replace(rows.task(position=position), run_id=run.id)))
        attempt = replace(rows.attempt(), id=new_id(int(run.id.replace("-", "")[:12], 16) * 1000), run_id=run.id)
        status = AttemptStatus.SUCCESS if run.status.terminal else AttemptStatus.RUNNING
        attempts.append(replace(attempt, position=position, finished_at=run.finished_at, status=status))
        writes.append(InsertAttempt(attempts[-1]))
        writes.append(InsertEvent(replace(rows.event(position + 1), run_id=run.id)))
    store.write(writes)
    logs.append(
        [(attempt.id, [LogEntry(seq, 1, "stdout", 20, "…") for seq in range(1, lines + 1)]) for attempt in attempts]
    )
    return attempts


def newest(store: Store, rows: Any) -> None:
    """A run that has not ended of each dag, so that no other one is its dag's newest."""
    store.write([InsertRun(make_run(rows, -1, dag, status=RunStatus.RUNNING)) for dag in ("daily", "hourly")])


def sound(store: Store) -> bool:
    """Whether all rows that others refer to are there, which servers see to whatever is done."""
    with store._database.reading() as connection:
        if connection.dialect.name != "sqlite":
            return True
        return connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
