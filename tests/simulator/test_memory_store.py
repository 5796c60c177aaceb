"""The store in memory is as good as the real one: the same random writes into both, the same answers and refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ppacer.core import model as m
from ppacer.protocol import LogEntry
from ppacer.records import replace
from ppacer.store import open_store
from ppacer.store.errors import Conflict, LeaderLost
from ppacer.store.logs import LogStore, open_logs
from ppacer.store.old import BEGINNING
from ppacer.store.store import Store
from tests.simulator.memory import TABLES, Memory
from tests.simulator.store import MemoryLogs, MemoryStore

FAR = 10**15
TRANSACTIONS = 120
_BUILDS, _DAGS = ("b1", "b2"), ("d1", "d2")


def _id(kind: str, number: int) -> str:
    return f"{kind}{number:04d}-0000-7000-8000-000000000000"[:36].ljust(36, "0")


_RUNS = tuple(_id("run", number) for number in range(6))
_ATTEMPTS = tuple(_id("att", number) for number in range(8))
_BACKFILLS = tuple(_id("bck", number) for number in range(2))
_TASKS = tuple((epoch, task, position) for epoch in (1, 2) for task in ("t", "u") for position in (-1, 0))
_KEYS = (None, None, None, None, None, None, "k", f"run_dag:{_ATTEMPTS[0]}", f"run_dag:{_ATTEMPTS[1]}:2")


class Author:
    """Draws writes that are mostly possible, by a look at what there is."""

    def __init__(self, random: Random, memory: Memory) -> None:
        self._random = random
        self._tables = memory.tables
        self._count = 0

    def transaction(self) -> list[m.Write]:
        """Rows that others refer to are inserted before these; updates and removals come last."""
        if self._count == 0:
            self._count += 1
            builds = [m.InsertBuild(m.BuildRow(build, "p", "c", 1, "{}", 1)) for build in _BUILDS]
            return [*builds, *(m.InsertDag(m.DagRow(dag, "b1", 1, 1, watched_until=2)) for dag in _DAGS)]
        inserts = [write for _ in range(self._random.randrange(3)) for write in self._insert()]
        inserts.sort(key=lambda write: _RANK.index(type(write)))
        return inserts + [self._change() for _ in range(self._random.choice((0, 0, 1, 2)))]

    def _insert(self) -> Iterator[m.Write]:
        random, at, tables = self._random, self._random.randrange(50), self._tables
        run = random.choice(list(tables["runs"]) or _RUNS) if random.random() < 0.95 else random.choice(_RUNS)
        there = [key for key in tables["tasks"] if key[0] == run]
        self._count += 1
        match random.randrange(12):
            case 0 if random.random() < 0.3:
                yield m.InsertBuild(m.BuildRow(random.choice(_BUILDS), "p", "c", 1, "{}", at))
            case 1 if random.random() < 0.3:
                yield m.InsertDag(m.DagRow(random.choice((*_DAGS, "d4")), random.choice(_BUILDS), at, at))
            case 2:
                yield m.InsertDagEvent(
                    m.DagEvent(_id("dev", self._count), random.choice(_DAGS), at, m.DagEventKind.PAUSED, "me")
                )
                yield m.InsertDagVersion(m.DagVersion(random.choice(_DAGS), "b1", self._count, "x"))
            case 3:
                yield m.InsertBackfill(self._backfill(self._new(_BACKFILLS, "backfills")))
            case 4 | 5 | 6:
                yield m.InsertRun(self._run(self._new(_RUNS, "runs")))
            case 7 | 8:
                new = self._new([(run, *task) for task in _TASKS], "tasks")
                yield m.InsertTask(
                    m.TaskRow(*new, random.choice(tuple(m.TaskStatus)), output=random.choice((None, "1")))
                )
            case 9 if there:
                _, *task = random.choice(there)
                yield m.InsertAttempt(self._attempt(self._new(_ATTEMPTS, "attempts"), run, tuple(task)))
            case 10:
                seq = self._new([(run, number) for number in range(1, 8)], "events")[1]
                yield m.InsertEvent(m.Event(run, seq, at, m.EventKind.RUN_STARTED, "me", "{}"))
            case _:
                new_id = self._new([_id("not", number) for number in range(6)], "notifications")
                yield m.InsertNotification(self._notification(new_id, run))

    def _change(self) -> m.Write:
        random, tables = self._random, self._tables
        match random.randrange(12):
            case 0:
                row = self._some("dags") or m.DagRow("d3", "b1", 1, 1)
                return m.UpdateDag(replace(row, build=random.choice(_BUILDS), paused=random.random() < 0.5))
            case 1:
                return m.WatchedUntil(random.choice((*_DAGS, "d3")), random.randrange(50))
            case 2:
                old = self._some("backfills") or self._backfill(_BACKFILLS[0])
                return m.UpdateBackfill(
                    replace(old, status=random.choice(tuple(m.BackfillStatus)), made=3, dag="d9"),
                    self._expected(old.status, m.BackfillStatus),
                )
            case 3 | 4:
                old = self._some("runs") or self._run(_RUNS[0])
                status = random.choice(tuple(m.RunStatus))
                new = replace(old, status=status, finished_at=random.randrange(50), params="other", reason="why")
                epoch = random.choice((None, None, old.epoch, 2))
                return m.UpdateRun(new, self._expected(old.status, m.RunStatus), epoch)
            case 5:
                old = self._some("tasks") or m.TaskRow(_RUNS[0], 1, "t", 0, m.TaskStatus.WAITING)
                new = replace(old, status=random.choice(tuple(m.TaskStatus)), output=random.choice((None, "1")))
                return m.UpdateTask(new, self._expected(old.status, m.TaskStatus))
            case 6 | 7:
                old = self._some("attempts") or self._attempt(_ATTEMPTS[0], _RUNS[0], (1, "t", 0))
                new = replace(old, status=random.choice(tuple(m.AttemptStatus)), token=old.token + 1, number=9)
                token = old.token if random.random() < 0.8 else old.token + 1
                return m.UpdateAttempt(new, self._expected(old.status, m.AttemptStatus), token)
            case 8:
                leases = tuple((row.id, row.token + random.choice((0, 0, 1))) for row in tables["attempts"].values())
                return m.RenewLeases((*leases, ("nobody", 1)), random.randrange(50))
            case 9:
                old = self._some("notifications") or self._notification(_id("not", 0), None)
                new = replace(old, status=random.choice(tuple(m.NotificationStatus)), tries=2, subject="other")
                return m.UpdateNotification(new, self._expected(old.status, m.NotificationStatus))
            case 10:
                return random.choice((m.DeleteRuns, m.ClearOutputs, m.ClearOutputs))(tuple(random.sample(_RUNS, 1)))
            case _:
                if random.random() < 0.5:
                    return m.DeleteDagEvents(tuple(list(tables["dag_events"])[:1]))
                return m.DeleteNotifications((_id("not", random.randrange(6)),))

    def _new(self, keys: Sequence[Any], table: str) -> Any:
        """A key that is not there yet, mostly."""
        free = [key for key in keys if key not in self._tables[table]]
        return self._random.choice(free if free and self._random.random() < 0.95 else list(keys))

    def _some(self, table: str) -> Any:
        rows = list(self._tables[table].values())
        return self._random.choice(rows) if rows else None

    def _expected(self, status: Any, kind: Any) -> Any:
        return status if self._random.random() < 0.85 else self._random.choice(tuple(kind))

    def _run(self, id_: str) -> m.Run:
        random = self._random
        backfill = random.choice((None, None, None, *self._tables["backfills"]))
        kind = random.choice(tuple(m.RunKind))
        status = random.choice(tuple(m.RunStatus))
        return m.Run(
            *(id_, random.choice(_DAGS), random.choice(_BUILDS), kind, random.randrange(9), status, 1, "me"),
            finished_at=random.randrange(50) if status.terminal else None,
            idempotency_key=random.choice(_KEYS),
            backfill=backfill,
        )

    def _attempt(self, id_: str, run: str, task: tuple[int, str, int]) -> m.Attempt:
        status = self._random.choice(tuple(m.AttemptStatus))
        return m.Attempt(id_, run, *task, self._random.randrange(1, 3), status, 1, token=self._random.randrange(3))

    def _backfill(self, id_: str) -> m.Backfill:
        dag = self._random.choice(_DAGS)
        return m.Backfill(id_, dag, "me", 1, 1, 9, 1, self._random.choice(tuple(m.BackfillStatus)), 0, 9)

    def _notification(self, id_: str, run: str | None) -> m.Notification:
        random = self._random
        status = random.choice(tuple(m.NotificationStatus))
        dag, build, due = random.choice(_DAGS), random.choice(_BUILDS), random.randrange(9)
        return m.Notification(
            id_, random.randrange(9), dag, build, m.NoticeEvent.MESSAGE, "log", "s", "t", status, due, run_id=run
        )


_RANK = (
    m.InsertBuild,
    m.InsertDag,
    m.InsertDagVersion,
    m.InsertDagEvent,
    m.InsertBackfill,
    m.InsertRun,
    m.InsertTask,
    m.InsertAttempt,
    m.InsertEvent,
    m.InsertNotification,
)


def _reads(store: Any) -> Iterator[tuple[str, object]]:
    """All that the services ask of a store."""
    yield "dags", store.dags()
    for build in _BUILDS:
        yield "build", store.build(build)
    for dag in _DAGS:
        yield f"dag {dag}", store.dag(dag)
        yield f"dag_versions {dag}", store.dag_versions(dag)
        yield f"dag_events {dag}", store.dag_events(dag)
        yield f"due_times {dag}", store.due_times(dag, 1, 5)
        yield f"backfills {dag}", store.backfills(dag)
        yield f"runs {dag}", store.runs(dag)
        for key in _KEYS[6:]:
            yield f"run_by_idempotency_key {dag} {key}", store.run_by_idempotency_key(dag, str(key))
        for due in range(9):
            yield f"run_at {dag} {due}", store.run_at(dag, due)
        for keep in (0, 1, 2):
            yield f"beyond {dag} {keep}", store.old.beyond(dag, keep)
        yield f"old runs {dag}", store.old.runs((FAR, ""), BEGINNING, 9, dag=dag)
    for run in _RUNS:
        yield f"run {run}", store.run(run)
        yield f"tasks {run}", store.tasks(run)
        yield f"tasks of an epoch {run}", store.tasks(run, 2)
        yield f"current_tasks {run}", store.current_tasks(run)
        yield f"attempts {run}", store.attempts(run)
        yield f"attempts of t {run}", store.attempts(run, "t", [0])
        yield f"events {run}", store.events(run, 2, 3)
        yield f"notifications {run}", store.notifications(run)
    yield "last_event_seq", store.last_event_seq(_RUNS)
    for attempt in _ATTEMPTS:
        yield f"attempt {attempt}", store.attempt(attempt)
    for backfill in _BACKFILLS:
        yield f"backfill {backfill}", store.backfill(backfill)
    for number in range(6):
        yield f"notification {number}", store.notification(_id("not", number))
    yield "pending_notifications", store.pending_notifications()
    yield "active_runs", store.active_runs()
    yield "active_backfills", store.active_backfills()
    yield "live_attempts", store.live_attempts()
    yield "last_due_times", store.last_due_times()
    yield "due_times_ahead", store.due_times_ahead()
    yield "old runs", store.old.runs((30, "z"), (5, ""), 3)
    yield "dags_of_runs_since", sorted(store.old.dags_of_runs_since(20))
    yield "runs_with_outputs", store.old.runs_with_outputs(FAR, 9)
    yield "old attempts", sorted(store.old.attempts(_RUNS))
    yield "recent_attempts", store.old.recent_attempts(_ATTEMPTS, 20)
    yield "old dag_events", store.old.dag_events("dev0020", 3)
    yield "old notifications", store.old.notifications("z", 5, 3)


def _refusal(call: Callable[[], object]) -> object:
    try:
        return call()
    except (Conflict, LeaderLost) as error:
        return type(error)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "p.db")
    yield store
    store.close()


@pytest.mark.parametrize("seed", range(4))
def test_the_same_writes_have_the_same_effects(real: Store, seed: int) -> None:
    memory = Memory()
    simulated = MemoryStore(memory)
    assert simulated.advance_leader() == real.advance_leader()
    random = Random(seed)
    author = Author(random, memory)
    refused = 0
    seen: set[str] = set()
    for number in range(TRANSACTIONS):
        writes = author.transaction()
        said = [_refusal(partial(store.write, writes)) for store in (simulated, real)]
        assert said[0] == said[1], f"transaction {number}: {writes}"
        refused += said[0] is Conflict
        if number % 10 == 9:
            run, trim = random.choice(_RUNS), random.choice(("trim_run", "trim_outputs"))
            # of several rows any may go first, so all go
            assert getattr(simulated, trim)(run, 100) == getattr(real, trim)(run, 100)
        if number % 4 == 3 or number == TRANSACTIONS - 1:
            for (what, mine), (_, theirs) in zip(_reads(simulated), _reads(real), strict=True):
                assert mine == theirs, f"{what} after transaction {number}"
        seen.update(table for table, rows in memory.tables.items() if rows)
    assert TRANSACTIONS / 10 < refused < 0.7 * TRANSACTIONS
    assert seen == set(TABLES)


def test_only_the_leader_may_write(real: Store, tmp_path: Path) -> None:
    memory = Memory()
    other = open_store(tmp_path / "p.db")
    try:
        for first, second in ((MemoryStore(memory), MemoryStore(memory)), (real, other)):
            assert _refusal(lambda store=first: store.write([])) is LeaderLost
            assert (first.advance_leader(), second.advance_leader()) == (1, 2)
            assert _refusal(lambda store=first: store.write([])) is LeaderLost
            assert _refusal(lambda store=second: store.write([])) is None
    finally:
        other.close()


def test_logs_are_kept_alike(tmp_path: Path) -> None:
    memory = Memory()
    real = open_logs(tmp_path / "p.logs.db")
    try:
        stores: tuple[MemoryLogs | LogStore, ...] = (MemoryLogs(memory), real)
        random = Random(1)
        for _ in range(40):
            attempt = random.choice(_ATTEMPTS)
            entries = [LogEntry(random.randrange(1, 9), 5, "stdout", 20, str(random.random())) for _ in range(2)]
            parts = [(random.choice(_ATTEMPTS), random.randrange(6))] if random.random() < 0.3 else []
            for store in stores:
                store.append([(attempt, entries)])
                store.delete(parts)
            mine, theirs = (
                [
                    [store.read(attempt, 2, 4) for attempt in _ATTEMPTS],
                    store.last_seq(_ATTEMPTS),
                    store.spans(_ATTEMPTS),
                    store.attempts("", "z", 5),
                ]
                for store in stores
            )
            assert mine == theirs
    finally:
        real.close()
