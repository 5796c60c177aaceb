"""What is removed, what stays, and what is found to be old, whatever database is under it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ppacer.core.model import (
    Attempt,
    AttemptStatus,
    BackfillStatus,
    ClearOutputs,
    DeleteDagEvents,
    DeleteNotifications,
    DeleteRuns,
    InsertAttempt,
    InsertBackfill,
    InsertDagEvent,
    InsertEvent,
    InsertNotification,
    InsertRun,
    InsertTask,
    NotificationStatus,
    Run,
    RunKind,
    RunStatus,
    TaskRow,
    UpdateRun,
    Write,
)
from ppacer.store import Conflict, LeaderLost, Store
from ppacer.store.old import AWAITED_KEY, BEGINNING

ACTIVE = [status for status in RunStatus if not status.terminal]
ENDED = [status for status in RunStatus if status.terminal]


def whole(rows: Any, run: Run, tasks: int = 1) -> list[Write]:
    """A run that has some of everything."""
    number = int(run.id[4:12], 16)
    writes: list[Write] = [InsertRun(run), InsertEvent(rows.event(1, number)), InsertEvent(rows.event(2, number))]
    for position in range(tasks):
        writes.append(InsertTask(replace(rows.task(position=position), run_id=run.id)))
        writes.append(InsertAttempt(attempt_of(rows, run, position)))
    return [*writes, InsertNotification(rows.notification(number, number, NotificationStatus.SENT))]


def attempt_of(rows: Any, run: Run, position: int = 0) -> Attempt:
    return replace(rows.attempt(), id=f"{run.id[:-3]}{position:03}", run_id=run.id, position=position)


def all_of(store: Store, run_id: str) -> list[Any]:
    return [
        *([run] if (run := store.run(run_id)) else []),
        *store.tasks(run_id),
        *store.attempts(run_id),
        *store.events(run_id),
        *store.notifications(run_id),
    ]


# --- runs and outputs ---


@pytest.mark.parametrize("status", ENDED)
def test_an_ended_run_is_deleted_with_all_it_has_and_nothing_else(store: Store, rows: Any, status: RunStatus) -> None:
    store.write([*whole(rows, rows.run(1, status=status)), *whole(rows, rows.run(2, status=status))])
    other = all_of(store, rows.id(2))
    store.write([DeleteRuns((rows.id(1), rows.id(7)))])
    assert all_of(store, rows.id(1)) == []
    assert all_of(store, rows.id(2)) == other
    store.write(whole(rows, rows.run(1)))  # its id, its due time and its key are free again


@pytest.mark.parametrize("status", ACTIVE)
def test_of_a_run_that_has_not_ended_nothing_is_taken(store: Store, rows: Any, status: RunStatus) -> None:
    store.write(whole(rows, rows.run(1, status=status)))
    before = all_of(store, rows.id(1))
    store.write([DeleteRuns((rows.id(1),)), ClearOutputs((rows.id(1),))])
    assert store.trim_run(rows.id(1), 10) == store.trim_outputs(rows.id(1), 10) == 0
    assert all_of(store, rows.id(1)) == before


def test_outputs_go_and_all_else_stays(store: Store, rows: Any) -> None:
    run = rows.run(status=RunStatus.SUCCESS)
    store.write(whole(rows, run, tasks=2))
    before = all_of(store, run.id)
    store.write([ClearOutputs((run.id,))])
    assert all_of(store, run.id) == [replace(row, output=None) if isinstance(row, TaskRow) else row for row in before]


def test_removals_see_what_came_before_them_and_not_what_comes_after(store: Store, rows: Any) -> None:
    queued, ended = rows.run(), rows.run(status=RunStatus.FAILED)
    store.write(
        [
            *whole(rows, queued),
            DeleteRuns((queued.id,)),  # it has not ended
            UpdateRun(ended, RunStatus.QUEUED),
            DeleteRuns((queued.id,)),
            *whole(rows, queued),
            ClearOutputs((queued.id,)),
            UpdateRun(ended, RunStatus.QUEUED),
        ]
    )
    assert store.run(queued.id) == ended
    assert store.tasks(queued.id) == [rows.task()]


def test_a_transaction_that_fails_takes_the_removals_back(store: Store, rows: Any) -> None:
    store.write([*whole(rows, rows.run(status=RunStatus.SUCCESS)), InsertDagEvent(rows.dag_event())])
    before = all_of(store, rows.id(1))
    removals = [ClearOutputs((rows.id(1),)), DeleteRuns((rows.id(1),)), DeleteDagEvents((rows.dag_event().id,))]
    with pytest.raises(Conflict) as caught:
        store.write([*removals, UpdateRun(rows.run(5), RunStatus.QUEUED)])
    assert isinstance(caught.value.write, UpdateRun)
    assert all_of(store, rows.id(1)) == before
    assert store.dag_events("daily") == [rows.dag_event()]


def test_events_of_dags_and_notifications_are_deleted_by_their_ids(store: Store, rows: Any) -> None:
    store.write([InsertDagEvent(rows.dag_event(number)) for number in (1, 2)])
    store.write([InsertNotification(rows.notification(number, run=None)) for number in (1, 2)])
    store.write([DeleteDagEvents((rows.dag_event(1).id, "x")), DeleteNotifications((rows.notification(2).id, "x"))])
    assert store.dag_events("daily") == [rows.dag_event(2)]
    assert store.pending_notifications() == [rows.notification(1, run=None)]


def test_a_large_run_is_trimmed_in_steps_until_it_is_small(store: Store, rows: Any) -> None:
    run = rows.run(status=RunStatus.SUCCESS)
    store.write([*whole(rows, run, tasks=5), *whole(rows, rows.run(2, status=RunStatus.SUCCESS))])
    other = all_of(store, rows.id(2))
    left = [len(all_of(store, run.id))]
    while (taken := store.trim_run(run.id, 3)) > 0:
        left.append(len(all_of(store, run.id)))
        assert left[-2] - left[-1] == taken <= 3
        # History goes from its beginning on and before any task, so that until then nothing hinders a new epoch.
        assert not store.events(run.id) or len(store.tasks(run.id)) == 5
        assert store.events(run.id) in ([rows.event(1), rows.event(2)], [rows.event(2)], [])
    assert left[0] == 14
    assert all_of(store, run.id) == [run]
    assert all_of(store, rows.id(2)) == other


def test_outputs_are_trimmed_in_steps_too(store: Store, rows: Any) -> None:
    run = rows.run(status=RunStatus.SUCCESS)
    store.write(whole(rows, run, tasks=5))
    assert [store.trim_outputs(run.id, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert [task.output for task in store.tasks(run.id)] == [None] * 5


def test_only_the_leader_trims(open_database: Callable[[], Store], store: Store, rows: Any) -> None:
    store.write(whole(rows, rows.run(status=RunStatus.SUCCESS)))
    open_database().advance_leader()
    with pytest.raises(LeaderLost):
        store.trim_run(rows.id(1), 10)
    with pytest.raises(LeaderLost):
        store.trim_outputs(rows.id(1), 10)


# --- what is old ---


def ended(rows: Any, number: int, at: int, dag: str = "daily", **changes: Any) -> Run:
    """A manual run that nothing needs, but for its being the newest of its dag."""
    run = replace(rows.manual(number, dag), status=RunStatus.SUCCESS, finished_at=at, backfill=None)
    return replace(run, **changes)


def found(store: Store, until: int, **options: Any) -> list[str]:
    return [run.id for run in store.old.runs((until, "~"), BEGINNING, 100, **options)]


def test_old_runs_are_found_oldest_first_page_by_page(store: Store, rows: Any) -> None:
    runs = [ended(rows, 1, 40), ended(rows, 2, 20), ended(rows, 3, 30, "hourly"), ended(rows, 4, 20)]
    active = ended(rows, 8, 10, status=RunStatus.QUEUED)
    newest = [ended(rows, 8 + number, 5, dag) for number, dag in enumerate(["daily", "hourly"], start=1)]
    store.write([write for run in runs for write in whole(rows, run, tasks=3)])
    store.write([InsertRun(run) for run in [active, *newest]])
    page = store.old.runs((40, "~"), BEGINNING, 3)
    assert [(run.id, run.ended_at, run.rows) for run in page] == [
        (rows.id(2), 20, 5),
        (rows.id(4), 20, 5),
        (rows.id(3), 30, 5),
    ]
    assert [run.id for run in store.old.runs((40, "~"), page[-1].mark, 3)] == [rows.id(1)]
    assert [run.id for run in store.old.runs((40, "~"), page[0].mark, 1)] == [rows.id(4)]
    assert [run.id for run in store.old.runs((30, ""), BEGINNING, 9)] == [rows.id(2), rows.id(4)]
    assert found(store, 40, dag="hourly") == [rows.id(3)]


def test_the_newest_run_of_a_dag_is_needed(store: Store, rows: Any) -> None:
    store.write([InsertRun(ended(rows, number, 10)) for number in (1, 2, 3)])
    assert found(store, 99) == [rows.id(1), rows.id(2)]


def test_the_last_scheduled_run_of_a_dag_is_needed(store: Store, rows: Any) -> None:
    scheduled = [ended(rows, number, 10, kind=RunKind.SCHEDULED) for number in (1, 2)]
    backfilled = ended(rows, 3, 10, kind=RunKind.BACKFILL)
    store.write([InsertRun(run) for run in [*scheduled, backfilled, ended(rows, 4, 10)]])
    assert found(store, 99) == [rows.id(1), rows.id(3)]


@pytest.mark.parametrize("status", BackfillStatus)
def test_runs_of_a_backfill_that_goes_on_are_needed(store: Store, rows: Any, status: BackfillStatus) -> None:
    backfill = rows.backfill(5, status=status)
    store.write([InsertBackfill(backfill), InsertRun(ended(rows, 1, 10, backfill=backfill.id))])
    store.write([InsertRun(ended(rows, 2, 10))])
    assert found(store, 99) == ([rows.id(1)] if status.terminal else [])


@pytest.mark.parametrize("status", NotificationStatus)
def test_a_run_with_a_notification_to_be_sent_is_needed(store: Store, rows: Any, status: NotificationStatus) -> None:
    store.write([InsertRun(ended(rows, 1, 10)), InsertRun(ended(rows, 2, 10))])
    store.write([InsertNotification(rows.notification(1, 1, NotificationStatus.SENT))])
    store.write([InsertNotification(rows.notification(2, 1, status))])
    assert found(store, 99) == ([rows.id(1)] if status.terminal else [])


@pytest.mark.parametrize("status", AttemptStatus)
def test_a_run_that_a_task_waits_for_is_needed(store: Store, rows: Any, status: AttemptStatus) -> None:
    parent = rows.run(1, "hourly", RunStatus.RUNNING)
    attempt = replace(attempt_of(rows, parent), status=status)
    child = ended(rows, 2, 10, idempotency_key=f"{AWAITED_KEY}{attempt.id}")
    store.write([InsertRun(parent), InsertTask(rows.task()), InsertAttempt(attempt)])
    store.write([InsertRun(child), InsertRun(ended(rows, 3, 10))])
    assert found(store, 99) == ([child.id] if status.terminal else [])


@pytest.mark.parametrize("status", RunStatus)
def test_a_run_whose_task_asked_for_one_that_goes_on_is_needed(store: Store, rows: Any, status: RunStatus) -> None:
    parent = ended(rows, 1, 10, "hourly")
    attempt = replace(attempt_of(rows, parent), status=AttemptStatus.SUCCESS)
    child = replace(rows.manual(2, key=f"{AWAITED_KEY}{attempt.id}"), status=status, finished_at=200)
    store.write([InsertRun(parent), InsertTask(rows.task()), InsertAttempt(attempt), InsertRun(child)])
    store.write([InsertRun(ended(rows, 3, 300, "hourly"))])
    assert found(store, 99) == ([parent.id] if status.terminal else [])


def test_the_ended_runs_of_a_dag_beyond_a_number(store: Store, rows: Any) -> None:
    ends = [50, 10, 30, 20, 30]
    store.write([InsertRun(ended(rows, number, at)) for number, at in enumerate(ends)])
    store.write([InsertRun(rows.manual(9)), InsertRun(ended(rows, 10, 60, "hourly"))])
    marks = [(50, 0), (30, 4), (30, 2), (20, 3), (10, 1)]
    for keep, (at, number) in enumerate(marks):
        assert store.old.beyond("daily", keep) == (at, rows.id(number))
    assert store.old.beyond("daily", len(marks)) is None
    assert store.old.beyond("weekly", 0) is None


def test_the_dags_of_which_runs_have_ended_lately(store: Store, rows: Any) -> None:
    store.write([InsertRun(ended(rows, 1, 10)), InsertRun(ended(rows, 2, 20)), InsertRun(ended(rows, 3, 15, "hourly"))])
    store.write([InsertRun(rows.manual(4, "hourly"))])
    assert sorted(store.old.dags_of_runs_since(15)) == ["daily", "hourly"]
    assert store.old.dags_of_runs_since(16) == ["daily"]
    assert store.old.dags_of_runs_since(21) == []


def test_runs_with_outputs_until_those_are_taken_away_and_once_more_after_a_new_epoch(store: Store, rows: Any) -> None:
    def with_outputs(before: int) -> list[str]:
        return [run.id for run in store.old.runs_with_outputs(before, 5)]

    runs = [ended(rows, 1, 30), ended(rows, 2, 10), ended(rows, 3, 20), rows.run(4)]
    store.write([InsertRun(run) for run in runs])
    assert with_outputs(30) == [rows.id(2), rows.id(3)]
    store.write([ClearOutputs((rows.id(2), rows.id(4)))])
    assert with_outputs(31) == [rows.id(3), rows.id(1)]
    again = replace(runs[1], status=RunStatus.QUEUED, epoch=2, finished_at=None)
    store.write([UpdateRun(again, RunStatus.SUCCESS, 1)])
    assert with_outputs(99) == [rows.id(3), rows.id(1)]
    store.write([UpdateRun(replace(again, status=RunStatus.FAILED, finished_at=25), RunStatus.QUEUED)])
    assert with_outputs(99) == [rows.id(3), rows.id(2), rows.id(1)]


def test_attempts_of_runs_and_those_that_are_recent(store: Store, rows: Any) -> None:
    for number, status in enumerate(
        [RunStatus.FAILED, RunStatus.SUCCESS, RunStatus.RUNNING, RunStatus.FAILED], start=1
    ):
        store.write(whole(rows, rows.run(number, status=status), tasks=2))
    attempts = [attempt_of(rows, rows.run(number), position) for number in (1, 2) for position in (0, 1)]
    assert sorted(store.old.attempts([rows.id(1), rows.id(2), rows.id(3)])) == [attempt.id for attempt in attempts]
    task = replace(rows.task("late"), run_id=rows.id(1))
    live = replace(rows.attempt(7, "late"), finished_at=None)
    late = replace(rows.attempt(8, "late"), finished_at=50)
    store.write([InsertTask(task), InsertAttempt(live), InsertAttempt(late)])
    ids = [attempts[0].id, live.id, late.id, "gone"]
    assert store.old.recent_attempts(ids, 50) == {live.id, late.id}
    assert store.old.recent_attempts(ids, 51) == {live.id}


def test_old_events_of_dags_and_notifications(store: Store, rows: Any) -> None:
    store.write([InsertDagEvent(rows.dag_event(number, dag)) for number, dag in enumerate(["daily", "hourly"] * 2)])
    assert store.old.dag_events(rows.dag_event(3).id, 2) == [rows.dag_event(0).id, rows.dag_event(1).id]
    statuses = [*NotificationStatus]
    for number, status in enumerate(statuses * 2):
        row = replace(rows.notification(number, None, status), at=10 * number)
        store.write([InsertNotification(row)])
    ids = [rows.notification(number).id for number, status in enumerate(statuses * 2) if status.terminal]
    assert store.old.notifications("~", 99, 3) == ids[:3]
    assert store.old.notifications("~", 40, 9) == ids[:2]
    assert store.old.notifications(ids[2], 99, 9) == ids[:2]
