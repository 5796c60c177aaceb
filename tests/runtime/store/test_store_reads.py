"""What can be asked of a store, whatever database is under it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ppacer.core.ids import uuid7
from ppacer.core.model import (
    FAMILY,
    AttemptStatus,
    BackfillStatus,
    InsertAttempt,
    InsertBackfill,
    InsertDagEvent,
    InsertDagVersion,
    InsertEvent,
    InsertNotification,
    InsertRun,
    InsertTask,
    NotificationStatus,
    RunKind,
    RunStatus,
    TaskRow,
    UpdateDag,
    WatchedUntil,
)
from ppacer.store import Store


def test_runs_are_listed_newest_first_page_by_page(store: Store, rows: Any) -> None:
    daily = [rows.run(number, status=RunStatus.FAILED if number % 2 else RunStatus.SUCCESS) for number in range(1, 7)]
    hourly = [rows.run(number, dag="hourly") for number in range(7, 10)]
    store.write([InsertRun(run) for run in daily + hourly])
    newest = [*reversed(hourly), *reversed(daily)]
    assert store.runs() == newest
    assert store.runs(limit=4) == newest[:4]
    assert store.runs(before=newest[3].id, limit=4) == newest[4:8]
    assert store.runs(dag="daily", limit=2) == newest[3:5]
    assert store.runs(statuses=[RunStatus.FAILED]) == [run for run in newest if run.status is RunStatus.FAILED]
    assert store.runs(dag="daily", statuses=[RunStatus.QUEUED, RunStatus.SUCCESS], before=rows.id(5)) == [
        daily[3],
        daily[1],
    ]
    assert store.runs(statuses=[]) == []


def test_runs_of_one_kind_or_backfill(store: Store, rows: Any) -> None:
    other = rows.backfill(1)
    scheduled = replace(rows.run(1), backfill=None)
    by_backfill = [replace(rows.run(number), kind=RunKind.BACKFILL) for number in (2, 3, 4)]
    by_other = replace(rows.run(5, dag="hourly"), kind=RunKind.BACKFILL, backfill=other.id)
    store.write([InsertBackfill(other), *map(InsertRun, [scheduled, *by_backfill, by_other])])
    assert store.runs(kinds=[RunKind.SCHEDULED]) == [scheduled]
    assert store.runs(kinds=[RunKind.BACKFILL]) == [by_other, *reversed(by_backfill)]
    assert store.runs("daily", kinds=[RunKind.BACKFILL], limit=2) == [by_backfill[2], by_backfill[1]]
    assert store.runs("daily", kinds=[RunKind.BACKFILL, RunKind.SCHEDULED], limit=9) == [
        *reversed(by_backfill),
        scheduled,
    ]
    assert store.runs(backfill=rows.id(300), before=by_backfill[2].id) == [by_backfill[1], by_backfill[0]]
    assert store.runs("daily", backfill=other.id) == []


def test_the_logical_times_that_have_a_run(store: Store, rows: Any) -> None:
    late, early = replace(rows.run(1), scheduled_at=70), replace(rows.run(2), scheduled_at=50)
    backfilled = replace(rows.run(3), scheduled_at=60, kind=RunKind.BACKFILL)
    manual, other = replace(rows.manual(4), scheduled_at=65), replace(rows.run(5, dag="hourly"), scheduled_at=66)
    store.write([InsertRun(run) for run in (late, early, backfilled, manual, other)])
    assert store.due_times("daily", 50, 71) == [50, 60, 70]
    assert store.due_times("daily", 51, 70) == [60]


def test_the_logical_times_beyond_the_watermark_that_have_a_run(store: Store, rows: Any) -> None:
    times = {1: 70, 2: 50, 3: 60}
    made = [replace(rows.run(number), scheduled_at=at, kind=RunKind.BACKFILL) for number, at in times.items()]
    other = replace(rows.run(5, dag="hourly"), scheduled_at=66)
    manual = replace(rows.manual(4), scheduled_at=80)
    store.write([*(InsertRun(run) for run in (*made, other, manual)), WatchedUntil("daily", 50)])
    assert store.due_times_ahead() == {"daily": [60, 70], "hourly": [66]}
    store.write([WatchedUntil("daily", 70), WatchedUntil("hourly", 65)])
    assert store.due_times_ahead() == {"hourly": [66]}
    nobody_watches = replace(rows.dag("hourly"), watched_until=None)
    store.write([UpdateDag(nobody_watches)])
    assert store.due_times_ahead() == {}


def test_active_runs_are_the_queued_and_the_running_oldest_first(store: Store, rows: Any) -> None:
    statuses = [*RunStatus]
    store.write([InsertRun(rows.run(number, status=status)) for number, status in enumerate(statuses)])
    assert [run.status for run in store.active_runs()] == [status for status in statuses if not status.terminal]


def test_the_last_scheduled_run_is_the_one_of_the_latest_logical_time(store: Store, rows: Any) -> None:
    last = replace(rows.run(1), scheduled_at=5000)
    backfill = replace(rows.run(3), scheduled_at=6000, kind=RunKind.BACKFILL)
    manual = replace(rows.manual(4), scheduled_at=7000)
    store.write([InsertRun(run) for run in (last, rows.run(2), backfill, manual, rows.run(5, dag="hourly"))])
    assert store.last_due_times() == {"daily": 5000, "hourly": rows.run(5, dag="hourly").scheduled_at}
    assert store.run_at("daily", 6000) == backfill
    assert store.run_at("daily", 7000) is None


def test_runs_are_found_by_any_part_of_their_id(store: Store, rows: Any) -> None:
    store.write([InsertRun(rows.run(number)) for number in (0x1A, 0x2A, 0x3B)])
    assert store.find_runs("2A-7000") == [rows.run(0x2A)]
    assert store.find_runs("a-7") == [rows.run(0x2A), rows.run(0x1A)]
    assert store.find_runs("a-7", limit=1) == [rows.run(0x2A)]
    assert store.find_runs("a-7", before=rows.id(0x2A)) == [rows.run(0x1A)]
    assert store.find_runs("%") == []
    assert store.find_runs("0199_") == []


def test_tasks_and_attempts_of_a_run(store: Store, rows: Any) -> None:
    tasks = [rows.task("clean", 0), rows.task("clean", 1), rows.task("load"), replace(rows.task("clean", 1), epoch=2)]
    attempts = [rows.attempt(1, "load"), rows.attempt(2, "clean"), rows.attempt(3, "load")]
    other = replace(rows.task("load"), run_id=rows.id(2))
    store.write([InsertRun(rows.run(1)), InsertRun(rows.run(2)), *map(InsertTask, [other, *reversed(tasks)])])
    store.write([InsertAttempt(attempt) for attempt in reversed(attempts)])
    assert store.tasks(rows.id(1)) == tasks
    assert store.tasks(rows.id(1), 1) == tasks[:3]
    assert store.tasks(rows.id(1), 2) == tasks[3:]
    assert store.attempts(rows.id(1)) == attempts
    assert store.attempts(rows.id(1), "load") == [attempts[0], attempts[2]]
    assert store.attempts(rows.id(2)) == []


def test_the_tasks_that_count_are_those_of_the_highest_epoch(store: Store, rows: Any) -> None:
    def task(name: str, position: int, epoch: int) -> TaskRow:
        return replace(rows.task(name, position), epoch=epoch)

    load, again = task("load", 0, 1), task("load", 0, 3)
    extract = task("extract", 0, 1)
    old = [task("each", position, 1) for position in (FAMILY, 0, 1, 2)]
    new = [task("each", position, 2) for position in (FAMILY, 0, 1)]
    store.write([InsertRun(rows.run()), *map(InsertTask, [load, again, extract, *old, *new])])
    assert store.current_tasks(rows.id(1)) == [*new, extract, again]


def test_live_attempts_are_those_that_have_not_ended(store: Store, rows: Any) -> None:
    attempts = [rows.attempt(number, status=status) for number, status in enumerate(AttemptStatus)]
    store.write([InsertRun(rows.run()), InsertTask(rows.task()), *map(InsertAttempt, attempts)])
    assert store.live_attempts() == [attempt for attempt in attempts if not attempt.status.terminal]


def test_events_are_read_on_from_any_point(store: Store, rows: Any) -> None:
    events = [rows.event(seq) for seq in range(1, 6)]
    store.write([InsertRun(rows.run(1)), InsertRun(rows.run(2)), *map(InsertEvent, [*events, rows.event(1, run=2)])])
    assert store.events(rows.id(1)) == events
    assert store.events(rows.id(1), after_seq=3) == events[3:]
    assert store.events(rows.id(1), after_seq=5) == []
    assert store.last_event_seq([rows.id(1), rows.id(2), rows.id(3)]) == {rows.id(1): 5, rows.id(2): 1, rows.id(3): 0}


# --- dags, backfills and notifications ---


def test_the_history_of_a_dag_newest_first_page_by_page(store: Store, rows: Any) -> None:
    events = [rows.dag_event(number) for number in range(1, 5)]
    store.write([InsertDagEvent(event) for event in [rows.dag_event(9, dag="hourly"), *events]])
    assert store.dag_events("daily") == events[::-1]
    assert store.dag_events("daily", limit=2) == [events[3], events[2]]
    assert store.dag_events("daily", events[2].id, 1) == [events[1]]
    assert store.dag_events("daily", before=events[0].id) == []


def test_the_versions_of_a_dag_newest_first(store: Store, rows: Any) -> None:
    versions = [rows.dag_version(at) for at in (20, 10, 30)]
    store.write([InsertDagVersion(version) for version in [*versions, rows.dag_version(40, dag="hourly")]])
    assert store.dag_versions("daily") == [versions[2], versions[0], versions[1]]
    assert store.dag_versions("daily", limit=1) == [versions[2]]
    assert store.dag_versions("daily", 30, 1) == [versions[0]]
    assert store.dag_versions("daily", before=10) == []
    assert (store.dag_version_count("daily"), store.dag_version_count("x")) == (3, 0)


def test_backfills_newest_first_and_the_active_oldest_first(store: Store, rows: Any) -> None:
    ended = rows.backfill(1, status=BackfillStatus.CANCELLED)
    other, last = rows.backfill(2, dag="hourly"), rows.backfill(3)
    store.write([InsertBackfill(row) for row in (ended, other, last)])
    assert store.backfills() == [last, other, ended, rows.backfill()]
    assert store.backfills("daily", limit=2) == [last, ended]
    assert store.backfills("daily", before=ended.id) == [rows.backfill()]
    assert store.active_backfills() == [rows.backfill(), other, last]


def test_the_runs_of_a_backfill_are_counted_by_status(store: Store, rows: Any) -> None:
    statuses = [RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.SUCCESS, RunStatus.RUNNING]
    runs = [rows.run(number, status=status) for number, status in enumerate(statuses)]
    store.write([InsertRun(run) for run in [*runs, replace(rows.run(9), backfill=None)]])
    assert store.backfill_counts(rows.id(300)) == {RunStatus.SUCCESS: 2, RunStatus.FAILED: 1, RunStatus.RUNNING: 1}


def test_notifications_of_a_run_those_to_send_and_those_that_failed(store: Store, rows: Any) -> None:
    late, soon = rows.notification(1), replace(rows.notification(3), due_at=5)
    failed = [rows.notification(number, status=NotificationStatus.FAILED) for number in (2, 5)]
    of_no_run = replace(rows.notification(4, run=None), due_at=6)
    sent = rows.notification(6, run=2, status=NotificationStatus.SENT)
    earlier = replace(rows.notification(7, status=NotificationStatus.SENT), at=90)
    store.write([InsertRun(rows.run(1)), InsertRun(rows.run(2))])
    store.write([InsertNotification(row) for row in (late, soon, *failed, of_no_run, sent, earlier)])
    assert store.notifications(rows.id(1)) == [late, failed[0], soon, failed[1], earlier]
    assert store.notifications(rows.id(1), limit=2) == [late, failed[0]]
    assert store.notifications(rows.id(1), failed[0].id, 2) == [soon, failed[1]]
    assert store.notifications(rows.id(2)) == [sent]
    assert store.pending_notifications() == [soon, of_no_run, late]
    assert store.failed_notifications() == failed[::-1]
    assert store.failed_notifications(failed[1].id, 5) == [failed[0]]


def test_runs_that_were_made_within_a_time(store: Store, rows: Any) -> None:
    at = 1_780_000_000_000_000
    made = [replace(rows.run(number), id=uuid7(at + number, b"\xff" * 10)) for number in range(4)]
    store.write(list(map(InsertRun, made)))
    assert store.runs(made_from=at + 1, made_until=at + 3) == [made[2], made[1]]
    assert store.runs("daily", made_from=at + 3) == [made[3]]
    assert store.runs(made_until=at + 1) == [made[0]]
    assert store.runs(made_from=-1, made_until=1 << 62) == made[::-1]


def test_runs_for_a_logical_time(store: Store, rows: Any) -> None:
    made = [replace(rows.run(number), scheduled_at=at) for number, at in ((1, 30), (2, 10), (3, 20))]
    store.write(list(map(InsertRun, made)))
    assert store.runs(planned_from=20) == [made[2], made[0]]
    assert store.runs("daily", planned_from=10, planned_until=20) == [made[1]]
