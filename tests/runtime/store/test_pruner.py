"""The pruner: what is no longer kept goes, what is kept stays, and nobody waits for it."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from ppacer.config import FOR_EVER, KEPT, Retention
from ppacer.core.ids import uuid7
from ppacer.core.model import (
    Attempt,
    AttemptStatus,
    InsertAttempt,
    InsertDagEvent,
    InsertEvent,
    InsertNotification,
    InsertRun,
    InsertTask,
    NotificationStatus,
    Run,
    RunKind,
    RunStatus,
    UpdateRun,
    Write,
)
from ppacer.protocol import LogEntry
from ppacer.services import pruner as pruner_module
from ppacer.services.changes import Changes
from ppacer.services.commits import Commits
from ppacer.services.errors import UnknownRun
from ppacer.services.journal import Journal
from ppacer.services.pruner import DAY, EVERY, FIRST_AFTER, Pruner
from ppacer.store import DiskFull, Locked, Store
from ppacer.store.database import Database
from ppacer.store.logs import LogStore

PATIENCE = 30.0
"""Seconds after which a test that waits has failed."""

NOW = 20_000 * DAY
_numbers = itertools.count(1)


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
    return uuid7(at, next(_numbers).to_bytes(10, "big"))


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
    """Whether all rows that others refer to are there."""
    with store._database.reading() as connection:
        return connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


# --- when ------------------------------------------------------------------------------------------------------------


def test_it_looks_a_minute_after_the_start_and_ten_minutes_after_each_look(store: Store, logs: LogStore) -> None:
    async def test(world: World) -> None:
        assert [seconds for seconds, _ in world.timers.later] == [FIRST_AFTER] == [60]
        await world.look()
        assert [seconds for seconds, _ in world.timers.later] == [EVERY] == [600]
        await world.look()
        assert [seconds for seconds, _ in world.timers.later] == [EVERY]

    run(store, logs, KEPT, test)


def test_closed_it_looks_no_more(store: Store, logs: LogStore, rows: Any) -> None:
    """The step that has begun is carried out."""
    newest(store, rows)
    runs = [make_run(rows, 100 + number) for number in range(3)]
    for each in runs:
        fill(store, logs, rows, each, tasks=600)

    async def test(world: World) -> None:
        begun = asyncio.Event()
        world.pruner._forget = lambda _: begun.set()
        [(_, call)], world.timers.later = world.timers.later, []
        call()
        await begun.wait()
        world.pruner.close()
        assert world.pruner._pass is not None
        await asyncio.wait([world.pruner._pass])
        assert world.pruner._pass.cancelled()
        assert world.timers.later == []

    world = run(store, logs, KEPT, test)
    assert world.failures == []
    assert [each.id for each in store.runs(statuses=[RunStatus.SUCCESS])] == [runs[0].id, runs[1].id]
    assert sound(store)


# --- what ------------------------------------------------------------------------------------------------------------


def test_old_runs_go_with_all_they_have(store: Store, logs: LogStore, rows: Any, caplog: Any) -> None:
    caplog.set_level(logging.INFO, "ppacer")
    newest(store, rows)
    old, young = make_run(rows, 90.001), make_run(rows, 89.999)
    gone, kept = fill(store, logs, rows, old, tasks=2), fill(store, logs, rows, young)
    silent = make_run(rows, 91)
    fill(store, logs, rows, silent, lines=0)
    world = pruned(store, logs, replace(FOR_EVER, days=90))
    assert store.run(old.id) is None
    assert store.run(young.id) == young
    assert [logs.read(attempt.id) for attempt in gone] == [[], []]
    assert len(logs.read(kept[0].id)) == 2
    assert sorted(world.forgotten) == sorted([old.id, silent.id])
    assert "removed what is no longer kept (logs of attempts: 2, runs: 2)" in caplog.text
    assert sound(store)


def test_of_each_dag_so_many_ended_runs_are_kept(store: Store, logs: LogStore, rows: Any, caplog: Any) -> None:
    caplog.set_level(logging.INFO, "ppacer")
    newest(store, rows)
    daily = [make_run(rows, days) for days in (1, 4, 2, 3)]
    hourly = [make_run(rows, days, "hourly") for days in (5, 6)]
    store.write([InsertRun(each) for each in daily + hourly])
    retention = replace(FOR_EVER, runs=2)

    async def test(world: World) -> None:
        await world.look()
        assert set(store.runs(statuses=[RunStatus.SUCCESS])) == {daily[0], daily[2], *hourly}
        late = make_run(rows, 0, "hourly")
        store.write([InsertRun(late)])
        await world.look()
        assert set(store.runs("hourly", [RunStatus.SUCCESS])) == {late, hourly[0]}
        await world.look()
        store.write([InsertRun(make_run(rows, 0.5)), InsertRun(make_run(rows, 0.6))])  # while the clock was set back
        world.clock.at -= DAY
        await world.look()
        assert {each.finished_at for each in store.runs("daily", [RunStatus.SUCCESS])} == {
            NOW - DAY // 2,
            NOW - round(0.6 * DAY),
        }

    run(store, logs, retention, test)
    assert [record.getMessage() for record in caplog.records] == [
        "removed what is no longer kept (runs: 2)",
        "removed what is no longer kept (runs: 1)",
        "removed what is no longer kept (runs: 2)",
    ]


def test_outputs_go_before_their_runs(store: Store, logs: LogStore, rows: Any) -> None:
    old, young = make_run(rows, 8), make_run(rows, 6)
    active = make_run(rows, 9, status=RunStatus.RUNNING)
    for each in (old, young, active):
        fill(store, logs, rows, each)
    pruned(store, logs, replace(FOR_EVER, outputs_days=7))
    assert [store.tasks(each.id)[0].output is None for each in (old, young, active)] == [True, False, False]
    assert len(store.runs()) == 3


def test_logs_go_before_their_runs_and_those_that_belong_to_nothing_go_too(
    store: Store, logs: LogStore, rows: Any
) -> None:
    old, young = make_run(rows, 31), make_run(rows, 29.99)  # the second one began more than 30 days ago
    active = make_run(rows, 50, status=RunStatus.RUNNING)
    attempts = [fill(store, logs, rows, each)[0] for each in (old, young, active)]
    orphans = [new_id(NOW - days * DAY) for days in (31, 29)]
    logs.append([(orphan, [LogEntry(1, 1, "stdout", 20, "…")]) for orphan in orphans])
    pruned(store, logs, replace(FOR_EVER, logs_days=30))
    assert [len(logs.read(attempt.id)) for attempt in attempts] == [0, 2, 2]
    assert [len(logs.read(orphan)) for orphan in orphans] == [0, 1]
    assert len(store.runs()) == 3


def test_old_events_of_dags_and_notifications_go(store: Store, logs: LogStore, rows: Any) -> None:
    old, young = NOW - 91 * DAY, NOW - 89 * DAY
    events = [replace(rows.dag_event(), id=new_id(at), at=at) for at in (old, young)]
    statuses = [*NotificationStatus]
    notifications = [
        replace(rows.notification(run=None, status=status), id=new_id(at), at=at)
        for at in (old, young)
        for status in statuses
    ]
    late = replace(rows.notification(run=None, status=NotificationStatus.SENT), id=new_id(old), at=young)
    store.write([InsertDagEvent(each) for each in events])
    store.write([InsertNotification(each) for each in [*notifications, late]])
    pruned(store, logs, replace(FOR_EVER, days=90))
    assert store.dag_events("daily") == events[1:]
    kept = {each.id for each in [*notifications, late] if store.notification(each.id)}
    assert kept == {each.id for each in notifications if each.at == young or not each.status.terminal} | {late.id}


def test_for_ever_means_for_ever(store: Store, logs: LogStore, rows: Any) -> None:
    newest(store, rows)
    runs = [make_run(rows, 10_000 + number) for number in range(3)]
    attempts = [fill(store, logs, rows, each)[0] for each in runs]
    store.write([InsertDagEvent(replace(rows.dag_event(), id=new_id(5), at=5))])
    world = pruned(store, logs, FOR_EVER)
    assert [store.run(each.id) for each in runs] == runs
    assert [len(logs.read(attempt.id)) for attempt in attempts] == [2, 2, 2]
    assert store.tasks(runs[0].id)[0].output is not None
    assert len(store.dag_events("daily")) == 1
    assert world.forgotten == []


_runs = st.lists(
    st.tuples(
        st.sampled_from(["daily", "hourly"]),
        st.integers(0, 20),  # ended so many days ago
        st.sampled_from([*RunKind]),
        st.sampled_from([*RunStatus]),
        st.sampled_from([None, None, None, "pending", "sent", "backfill"]),
    ),
    max_size=14,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=_runs, days=st.integers(0, 12), number=st.integers(0, 4), logs_days=st.integers(0, 12))
def test_what_must_stay_stays_and_all_else_goes(
    store: Store, logs: LogStore, rows: Any, made: list[Any], days: int, number: int, logs_days: int
) -> None:
    with store._database.transaction() as connection:
        for table in ("notifications", "events", "attempts", "tasks", "runs"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    attempts: dict[str, Attempt] = {}
    why: dict[str, object] = {}
    runs: list[Run] = []
    for dag, ago, kind, status, reason in made:
        run_ = make_run(rows, ago + 0.5, dag, kind=kind, status=status)
        run_ = replace(run_, scheduled_at=next(_numbers), backfill=rows.id(300) if reason == "backfill" else None)
        attempts[run_.id] = fill(store, logs, rows, run_)[0]
        why[run_.id] = reason
        runs.append(run_)
        if reason in ("pending", "sent"):
            told = rows.notification(run=None, status=NotificationStatus(reason))
            store.write([InsertNotification(replace(told, id=new_id(NOW), at=NOW, run_id=run_.id))])

    def needed(each: Run) -> bool:
        same = [other for other in runs if other.dag == each.dag]
        scheduled = [other.scheduled_at for other in same if other.kind is RunKind.SCHEDULED]
        return (
            not each.status.terminal
            or each.id == max(other.id for other in same)
            or (each.kind is RunKind.SCHEDULED and each.scheduled_at == max(scheduled))
            or why[each.id] in ("pending", "backfill")
        )

    def end(each: Run) -> tuple[int, str]:
        return (each.finished_at or 0, each.id)

    kept = [each for each in runs if not days or needed(each) or end(each)[0] >= NOW - days * DAY]
    for dag in ("daily", "hourly") if number else ():
        by_end = sorted((each for each in kept if each.dag == dag and each.status.terminal), key=end, reverse=True)
        kept = [each for each in kept if each not in by_end[number:] or needed(each)]

    world = pruned(store, logs, Retention(days, number, logs_days, 0), passes=2)

    assert world.failures == []
    assert sound(store)
    assert {each.id for each in store.runs()} == {each.id for each in kept}
    for each in kept:
        assert store.attempts(each.id) == [attempts[each.id]]
        assert (len(store.tasks(each.id)), len(store.events(each.id))) == (1, 1)
    old = NOW - logs_days * DAY if logs_days else 0
    with_logs = {each.id for each in kept if each.finished_at is None or each.finished_at >= old}
    assert {run_id for run_id, attempt in attempts.items() if logs.read(attempt.id)} == with_logs


# --- how -------------------------------------------------------------------------------------------------------------


def test_every_step_is_small_and_followed_by_a_rest(
    store: Store, logs: LogStore, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruner_module, "ROWS", 20)
    monkeypatch.setattr(pruner_module, "ENTRIES", 10)
    newest(store, rows)
    runs = [make_run(rows, 100 + number) for number in range(8)]
    for each in runs:
        fill(store, logs, rows, each, tasks=3, lines=4)
    large = make_run(rows, 99)
    fill(store, logs, rows, large, tasks=60, lines=1)
    told = make_run(rows, 98)
    fill(store, logs, rows, told, lines=101)
    cleared = make_run(rows, 50)
    fill(store, logs, rows, cleared, tasks=60, lines=0)

    deleted: list[int] = []
    for database in (store._database, logs._database):
        with database.transaction() as connection:
            driver: Any = connection.connection.driver_connection

        def begin(_connection: object, driver: Any = driver) -> None:
            deleted.append(-driver.total_changes)

        def commit(_connection: object, driver: Any = driver) -> None:
            deleted[-1] += driver.total_changes

        event.listen(database._writer, "begin", begin)
        event.listen(database._writer, "commit", commit)
    world = pruned(store, logs, replace(FOR_EVER, days=90, outputs_days=7))

    assert [each.id for each in store.runs(statuses=[RunStatus.SUCCESS])] == [cleared.id]
    assert all(task.output is None for task in store.tasks(cleared.id))
    steps = [rows for rows in deleted if rows]
    assert sum(steps) > 8 * (1 + 3 * 3 + 3 * 4) + (1 + 60 * 4) + (1 + 3 + 101) + 60
    # A task that is deleted in passing takes its attempts along, which are not counted beforehand.
    assert max(steps) <= 20 + 20 // 2
    assert len(steps) > 40
    assert len(world.timers.rests) >= len(steps)
    assert all(rest >= 1.0 for rest in world.timers.rests)  # four times the quarter of a second that each step took


@contextmanager
def counted(*databases: Database) -> Iterator[Counter[str]]:
    """The statements of readers meanwhile, and the steps that SQLite's machine takes for them."""
    spent: Counter[str] = Counter()

    def step() -> int:
        spent["steps"] += 1
        return 0

    def connected(connection: Any, _record: object) -> None:
        connection.set_progress_handler(step, 1)

    def executed(*_: object) -> None:
        spent["statements"] += 1

    for database in databases:
        event.listen(database._readers, "connect", connected)
        event.listen(database._readers, "before_cursor_execute", executed)
        database._readers.dispose()  # from now on connections count
    yield spent
    for database in databases:
        event.remove(database._readers, "connect", connected)
        event.remove(database._readers, "before_cursor_execute", executed)
        database._readers.dispose()


def test_looking_costs_what_is_removed_and_not_what_is_kept(store: Store, logs: LogStore, rows: Any) -> None:
    newest(store, rows)
    costs: list[Counter[str]] = []
    cleared = [make_run(rows, 70 + number / 1000) for number in range(300)]

    async def test(world: World) -> None:
        for kept in (10, 290):
            for _ in range(kept):
                fill(store, logs, rows, make_run(rows, 1))
                fill(store, logs, rows, cleared.pop())
                fill(store, logs, rows, make_run(rows, 1, status=RunStatus.RUNNING))
                at = NOW - DAY - next(_numbers)
                store.write([InsertDagEvent(replace(rows.dag_event(), id=new_id(at), at=at))])
            await world.look()
            for _ in range(3):
                fill(store, logs, rows, make_run(rows, 100 + next(_numbers) / 1000))
            with counted(store._database, logs._database) as spent:
                await world.look()
            costs.append(spent)
        assert len(world.forgotten) == 6

    run(store, logs, Retention(days=90, runs=1000, logs_days=30, outputs_days=60), test)
    few, many = costs
    assert few["statements"] == many["statements"] < 30
    # What grows is what a run under way costs that may have been asked for by one of the old ones.
    assert many["steps"] - few["steps"] <= 280 * 8


def test_nothing_is_begun_with_a_run_that_is_being_removed_and_one_reopened_before_stays(
    store: Store, logs: LogStore, rows: Any
) -> None:
    newest(store, rows)
    runs = [make_run(rows, 100), make_run(rows, 101)]
    for each in runs:
        fill(store, logs, rows, each)
    refused: list[str] = []

    async def test(world: World) -> None:
        def forget(run_ids: Any) -> None:
            for run_id in run_ids:
                with pytest.raises(UnknownRun, match="is being removed: it is no longer kept"):
                    world.pruner.spared(run_id).__enter__()
                refused.append(run_id)
            if run_ids:  # something that was asked for before, and that the pruner does not know of
                reopened = replace(runs[0], status=RunStatus.QUEUED, epoch=2, finished_at=None)
                world.commits.write([UpdateRun(reopened, RunStatus.SUCCESS, 1)])

        world.pruner._forget = forget
        await world.look()
        with world.pruner.spared(runs[0].id):
            pass

    run(store, logs, KEPT, test)
    assert sorted(refused) == sorted(each.id for each in runs)
    assert store.run(runs[1].id) is None
    left = store.run(runs[0].id)
    assert left is not None
    assert (left.status, len(store.tasks(left.id)), len(store.events(left.id))) == (RunStatus.QUEUED, 1, 1)


def test_a_run_with_which_something_begins_is_spared(store: Store, logs: LogStore, rows: Any) -> None:
    newest(store, rows)
    first, spared, last = runs = [make_run(rows, days) for days in (103, 102, 101)]
    attempts = [fill(store, logs, rows, each)[0] for each in runs]

    async def test(world: World) -> None:
        with world.pruner.spared(spared.id):
            await world.look()
            with world.pruner.spared(spared.id):
                pass
            await world.look()
        assert [each.id for each in store.runs(statuses=[RunStatus.SUCCESS])] == [spared.id]
        assert store.tasks(spared.id)[0].output is not None
        assert [len(logs.read(attempt.id)) for attempt in attempts] == [0, 2, 0]
        assert world.forgotten == [first.id, last.id]
        await world.look()
        assert store.run(spared.id) is None

    run(store, logs, Retention(days=90, runs=0, logs_days=0, outputs_days=30), test)


# --- when something is wrong -----------------------------------------------------------------------------------------


def test_a_transaction_that_fails_leaves_all_and_is_the_engines_to_mend(
    store: Store, logs: LogStore, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest(store, rows)
    old = make_run(rows, 100)
    fill(store, logs, rows, old)
    fault = DiskFull("pipeline.db: the disk is full")

    def refuse(*_: object) -> None:
        raise fault

    monkeypatch.setattr(store, "write", refuse)
    world = pruned(store, logs, KEPT)
    assert world.failures == [fault]
    assert world.timers.later == []
    assert store.run(old.id) == old
    assert len(store.tasks(old.id)) == len(store.attempts(old.id)) == len(store.events(old.id)) == 1


def test_logs_that_cannot_be_deleted_are_a_failure_too(
    store: Store, logs: LogStore, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest(store, rows)
    old = make_run(rows, 100)
    fill(store, logs, rows, old)
    fault = DiskFull("pipeline.logs.db: the disk is full")

    def refuse(*_: object) -> None:
        raise fault

    monkeypatch.setattr(logs, "delete", refuse)
    world = pruned(store, logs, KEPT)
    assert world.failures == [fault]
    assert world.timers.later == []
    assert world.forgotten == []
    assert store.run(old.id) == old


@pytest.mark.parametrize("fault", [Locked("pipeline.db: locked"), ZeroDivisionError("a fault of ours")])
def test_what_cannot_be_read_is_tried_again(
    store: Store, logs: LogStore, rows: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any, fault: Exception
) -> None:
    newest(store, rows)
    old = make_run(rows, 100)
    fill(store, logs, rows, old)

    def refuse(*_: object, **__: object) -> None:
        raise fault

    async def test(world: World) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(store.old, "runs", refuse)
            await world.look()
        assert "could not be removed for now" in caplog.text
        assert str(fault) in caplog.text
        assert store.run(old.id) == old
        await world.look()
        assert store.run(old.id) is None
        assert world.failures == []

    run(store, logs, KEPT, test)
