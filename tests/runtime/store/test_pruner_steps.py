"""The pruner: nobody waits for it, and what goes wrong loses nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from ppacer.config import FOR_EVER, KEPT, Retention
from ppacer.core.model import InsertDagEvent, RunStatus, UpdateRun
from ppacer.services import pruner as pruner_module
from ppacer.services.errors import UnknownRun
from ppacer.services.pruner import DAY
from ppacer.store import DiskFull, Locked, Store
from ppacer.store.database import Database
from ppacer.store.logs import LogStore
from tests.runtime.store.pruning import NOW, World, fill, make_run, new_id, newest, numbers, pruned, run


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)  # which counts the rows that it changes
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


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)  # which counts the steps of its work
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
                at = NOW - DAY - next(numbers)
                store.write([InsertDagEvent(replace(rows.dag_event(), id=new_id(at), at=at))])
            await world.look()
            for _ in range(3):
                fill(store, logs, rows, make_run(rows, 100 + next(numbers) / 1000))
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
