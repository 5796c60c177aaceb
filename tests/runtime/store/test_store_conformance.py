"""What every store must do, whatever database is under it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import EnumType
from typing import Any

import pytest

from ppacer.core import model
from ppacer.core.model import (
    AttemptStatus,
    BackfillStatus,
    ErrorKind,
    InsertAttempt,
    InsertBackfill,
    InsertBuild,
    InsertDag,
    InsertDagEvent,
    InsertDagVersion,
    InsertEvent,
    InsertNotification,
    InsertRun,
    InsertTask,
    NotificationStatus,
    RenewLeases,
    RunStatus,
    TaskStatus,
    UpdateAttempt,
    UpdateBackfill,
    UpdateDag,
    UpdateNotification,
    UpdateRun,
    UpdateTask,
    WatchedUntil,
    Write,
)
from ppacer.store import Conflict, LeaderLost, Store, Unavailable, schema

# --- rows come back as they went in ---


def test_rows_come_back_as_they_went_in(store: Store, rows: Any) -> None:
    run, task, event = rows.run(), rows.task(), rows.event(1)
    attempt = replace(rows.attempt(status=AttemptStatus.FAILED, token=9), error_kind=ErrorKind.EXITED)
    store.write([InsertRun(run), InsertTask(task), InsertAttempt(attempt), InsertEvent(event)])
    store.write([InsertDagVersion(rows.dag_version()), InsertDagEvent(rows.dag_event())])
    store.write([InsertNotification(rows.notification())])

    assert store.build("b" * 64) == rows.build()
    assert store.dags() == [rows.dag("daily"), rows.dag("hourly")]
    assert store.dag("daily") == rows.dag("daily")
    assert store.dag_versions("daily") == [rows.dag_version()]
    assert store.dag_events("daily") == [rows.dag_event()]
    assert store.backfill(rows.id(300)) == rows.backfill()
    assert store.notifications(run.id) == [rows.notification()]
    assert store.notification(rows.notification().id) == rows.notification()
    assert store.run(run.id) == run
    assert store.tasks(run.id) == [task]
    assert store.attempt(attempt.id) == attempt
    assert store.events(run.id) == [event]


def test_what_is_not_there_is_none_or_empty(store: Store) -> None:
    assert store.build("x") is None
    assert store.dag("x") is None
    assert store.backfill("x") is None
    assert store.run("x") is None
    assert store.run_at("daily", 1) is None
    assert store.run_by_idempotency_key("daily", "x") is None
    assert store.last_due_times() == store.due_times_ahead() == {}
    assert store.attempt("x") is None
    assert store.tasks("x") == store.current_tasks("x") == []
    assert store.attempts("x") == []
    assert store.events("x") == []
    assert store.runs() == store.active_runs() == store.find_runs("0") == []
    assert store.live_attempts() == []
    assert store.dag_versions("x") == store.dag_events("x") == store.backfills("x") == store.due_times("x", 0, 99) == []
    assert store.notification("x") is None
    assert store.notifications("x") == store.pending_notifications() == store.failed_notifications() == []
    assert store.backfill_counts("x") == {}
    assert store.overviews.latest_runs(3) == {}
    assert store.last_event_seq(["x"]) == {"x": 0}


def test_every_word_fits_into_its_column() -> None:
    words = [member.value for each in vars(model).values() if isinstance(each, EnumType) for member in each]
    assert len(words) > 50
    assert max(map(len, words)) <= schema.WORD.length


def test_text_of_any_kind_is_kept(store: Store, rows: Any) -> None:
    run = replace(rows.run(), params='{"a":"\\u0000 🙂 \n \\ ż %s %% ₥"}', reason="'; DROP TABLE runs; -- \x1a\x08\r")
    store.write([InsertRun(run)])
    assert store.run(run.id) == run


def test_a_null_character_is_kept_or_written_as_its_json_escape(kind: str, store: Store, rows: Any) -> None:
    run = replace(rows.manual(1, key="a\x00b"), reason="\x00")
    store.write([InsertRun(run)])
    kept = replace(run, idempotency_key="a\\u0000b", reason="\\u0000") if kind == "postgresql" else run
    assert store.run_by_idempotency_key("daily", "a\x00b") == kept
    assert store.runs(dag="\x00") == []


def test_texts_are_the_same_only_if_all_their_characters_are(store: Store, rows: Any) -> None:
    keys = ["a", "A", "a ", " a", "á", "a\u0301", "ß", "ss", "🙂", "🙃", "a\t", "ａ"]
    runs = [rows.manual(number, key=key) for number, key in enumerate(keys, start=1)]
    store.write([InsertRun(run) for run in runs])
    assert [store.run_by_idempotency_key("daily", key) for key in keys] == runs
    assert store.run_by_idempotency_key("daily", "a  ") is None
    tasks = [rows.task(key) for key in keys]
    store.write([InsertTask(task) for task in tasks])
    store.write([UpdateTask(replace(task, status=TaskStatus.RUNNING, error=task.task), task.status) for task in tasks])
    assert {task.task: task.error for task in store.tasks(rows.id(1))} == {key: key for key in keys}


def test_texts_are_sorted_by_the_numbers_of_their_characters(store: Store, rows: Any) -> None:
    names = ["daily", "Daily", "daily 2", "daily_1", "daily-1", "dáily", "zażółć", "zazolc", "🙂", "ﬀ", "1", "_"]
    store.write([InsertDag(replace(rows.dag(name), removed_at=None)) for name in names if name != "daily"])
    assert [dag.dag for dag in store.dags()] == sorted([*names, "hourly"])


def test_the_longest_texts_fit(store: Store, rows: Any) -> None:
    """As long as the language lets names be, of characters that take most room, and far more where nothing bounds."""
    task = replace(rows.task("🙂" * 500), output="é" * 6_000_000, error="🙂" * 1_000_000)
    run = rows.manual(1, dag="🙂" * 200, key="🙂" * 200)
    store.write([InsertDag(rows.dag("🙂" * 200)), InsertRun(run), InsertTask(task)])
    attempt = replace(rows.attempt(task="🙂" * 500), state="x" * 5_000_000)
    store.write([InsertAttempt(attempt)])
    store.write([UpdateTask(replace(task, status=TaskStatus.QUEUED), task.status)])
    assert store.run_by_idempotency_key("🙂" * 200, "🙂" * 200) == run
    assert store.tasks(run.id) == [replace(task, status=TaskStatus.QUEUED)]
    assert store.attempts(run.id) == [attempt]


def test_a_lone_surrogate_is_written_as_its_json_escape(store: Store, rows: Any) -> None:
    run = replace(rows.run(), params='{"a":"\ud800"}')
    store.write([InsertRun(run)])
    stored = store.run(run.id)
    assert stored is not None
    assert stored.params == '{"a":"\\ud800"}'


# --- updates ---


def test_updates_change_what_may_change(store: Store, rows: Any) -> None:
    run, task, attempt = rows.run(), rows.task(), rows.attempt()
    store.write([InsertRun(run), InsertTask(task), InsertAttempt(attempt)])
    backfill, notification = rows.backfill(), rows.notification()
    store.write([InsertNotification(notification)])
    dag = replace(
        rows.dag("daily"),
        last_seen_at=99,
        watched_until=None,
        paused=False,
        removed_at=None,
        silenced_until=None,
        renamed_to=None,
    )
    run = replace(
        run, status=RunStatus.RUNNING, started_at=61, finished_at=None, reason=None, outcome=None, late_at=None
    )
    task = replace(
        task,
        status=TaskStatus.FAILED,
        attempts=5,
        lost=0,
        due_at=None,
        started_at=62,
        finished_at=63,
        output=None,
        label=None,
        reason=None,
        generation=5,
    )
    attempt = replace(
        attempt,
        status=AttemptStatus.FAILED,
        token=3,
        executor=None,
        instance=None,
        request=None,
        code="",
        lease_until=None,
        started_at=64,
        finished_at=65,
        error_kind=ErrorKind.KILLED,
        error=None,
        due_at=None,
        state=None,
        parts=7,
    )
    backfill = replace(
        backfill,
        parallel=8,
        status=BackfillStatus.DONE,
        next_after=89,
        total=8,
        made=6,
        passed_over=2,
        finished_at=None,
    )
    notification = replace(notification, status=NotificationStatus.SENT, due_at=95, tries=6, sent_at=None, error=None)
    store.write(
        [
            UpdateDag(dag),
            UpdateRun(run, RunStatus.QUEUED),
            UpdateTask(task, TaskStatus.WAITING),
            UpdateAttempt(attempt, AttemptStatus.QUEUED, 0),
            UpdateBackfill(backfill, BackfillStatus.RUNNING),
            UpdateNotification(notification, NotificationStatus.PENDING),
        ]
    )
    assert store.dags() == [dag, rows.dag("hourly")]
    assert store.backfill(backfill.id) == backfill
    assert store.notifications(run.id) == [notification]
    assert store.run(run.id) == run
    assert store.tasks(run.id) == [task]
    assert store.attempts(run.id) == [attempt]


def test_a_run_is_reopened_in_a_new_epoch(store: Store, rows: Any) -> None:
    ended = rows.run(status=RunStatus.FAILED)
    reopened = replace(ended, status=RunStatus.QUEUED, epoch=2, finished_at=None)
    store.write([InsertRun(ended), UpdateRun(reopened, RunStatus.FAILED, 1)])
    assert store.run(ended.id) == reopened
    store.write([UpdateRun(replace(reopened, status=RunStatus.RUNNING), RunStatus.QUEUED)])
    with pytest.raises(Conflict, match="its epoch is 2, not 1"):
        store.write([UpdateRun(replace(reopened, epoch=3), RunStatus.RUNNING, 1)])


def test_the_watermark_moves_alone(store: Store, rows: Any) -> None:
    store.write([WatchedUntil("daily", 77)])
    assert store.dags()[0] == replace(rows.dag("daily"), watched_until=77)


def test_leases_are_renewed_where_they_are_live(store: Store, rows: Any) -> None:
    live = rows.attempt(1, status=AttemptStatus.RUNNING, token=4)
    stale = rows.attempt(2, status=AttemptStatus.RUNNING, token=6)
    ended = rows.attempt(3, status=AttemptStatus.SUCCESS, token=7)
    store.write([InsertRun(rows.run()), InsertTask(rows.task()), *map(InsertAttempt, (live, stale, ended))])
    store.write([RenewLeases(((live.id, 4), (stale.id, 5), (ended.id, 7), ("unknown", 1)), 999)])
    assert store.attempts(rows.id(1)) == [replace(live, lease_until=999), stale, ended]


# --- conflicts ---


RUN, TASK, ATTEMPT = RunStatus.QUEUED, TaskStatus.QUEUED, AttemptStatus.RUNNING
"""The statuses of the one run, task and attempt (token 4, lease 42) that the writes below find."""

CLAIM = AttemptStatus.QUEUED
REFUSED: dict[str, tuple[Callable[[Any], list[Write]], str]] = {
    "run of another status": (lambda r: [UpdateRun(r.run(), RunStatus.RUNNING)], "its status is 'queued', not 'run"),
    "run of another epoch": (lambda r: [UpdateRun(replace(r.run(), epoch=2), RUN)], "its epoch is 1, not 2"),
    "no such run": (lambda r: [UpdateRun(r.run(5), RUN)], "there is no such row"),
    "run not there yet": (lambda r: [UpdateRun(r.run(5), RUN), InsertRun(r.run(5))], "there is no such row"),
    "task of another status": (lambda r: [UpdateTask(r.task(), TaskStatus.WAITING)], "its status is 'queued', not 'wa"),
    "no such task": (lambda r: [UpdateTask(r.task(position=3), TASK)], "there is no such row"),
    "attempt of another status": (lambda r: [UpdateAttempt(r.attempt(token=4), CLAIM, 4)], "its status is 'running'"),
    "stale token": (lambda r: [UpdateAttempt(r.attempt(token=3), ATTEMPT, 3)], "its token is 4, not 3"),
    "no such dag": (lambda r: [UpdateDag(r.dag("weekly"))], "there is no such row"),
    "no dag to watch": (lambda r: [WatchedUntil("weekly", 5)], "there is no such row"),
    "build twice": (lambda r: [InsertBuild(r.build())], "refuses the row"),
    "backfill of another status": (
        lambda r: [UpdateBackfill(r.backfill(), BackfillStatus.DONE)],
        "its status is 'runn",
    ),
    "no such backfill": (lambda r: [UpdateBackfill(r.backfill(5), BackfillStatus.RUNNING)], "there is no such row"),
    "no such notification": (
        lambda r: [UpdateNotification(r.notification(5), NotificationStatus.PENDING)],
        "there is no such row",
    ),
    "notification of another status": (
        lambda r: [UpdateNotification(r.notification(), NotificationStatus.SENT)],
        "its status is 'pending', not 'sent'",
    ),
    "version twice": (lambda r: [InsertDagVersion(r.dag_version())], "refuses the row"),
    "version of no dag": (lambda r: [InsertDagVersion(r.dag_version(dag="weekly"))], "refuses the row"),
    "event of no dag": (lambda r: [InsertDagEvent(r.dag_event(dag="weekly"))], "refuses the row"),
    "backfill twice": (lambda r: [InsertBackfill(r.backfill())], "refuses the row"),
    "backfill of no dag": (lambda r: [InsertBackfill(r.backfill(5, dag="weekly"))], "refuses the row"),
    "notification of no run": (lambda r: [InsertNotification(r.notification(run=5))], "refuses the row"),
    "run of no backfill": (lambda r: [InsertRun(replace(r.run(5), backfill="x"))], "refuses the row"),
    "dag twice": (lambda r: [InsertDag(r.dag("daily"))], "refuses the row"),
    "run twice": (lambda r: [InsertRun(r.run())], "refuses the row"),
    "task twice": (lambda r: [InsertTask(r.task())], "refuses the row"),
    "attempt twice": (lambda r: [InsertAttempt(r.attempt())], "refuses the row"),
    "number twice": (lambda r: [InsertAttempt(replace(r.attempt(), id=r.id(9)))], "refuses the row"),
    "event twice": (lambda r: [InsertEvent(r.event(1))], "refuses the row"),
    "event of no run": (lambda r: [InsertEvent(r.event(1, run=5))], "refuses the row"),
    "task of no run": (lambda r: [InsertTask(replace(r.task(), run_id=r.id(5)))], "refuses the row"),
    "attempt of no task": (lambda r: [InsertAttempt(r.attempt(2, task="clean"))], "refuses the row"),
    "run of no dag": (lambda r: [InsertRun(r.run(5, dag="weekly"))], "refuses the row"),
    "run of no build": (lambda r: [InsertRun(replace(r.run(5), build="x"))], "refuses the row"),
    "two runs at one time": (lambda r: [InsertRun(replace(r.run(5), scheduled_at=1001))], "refuses the row"),
    "one key twice": (lambda r: [InsertRun(r.manual(5, key="key-1"))], "refuses the row"),
}
"""What cannot be done, the first write being at fault, and what the message says."""


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("last", [False, True], ids=["first", "last"])
def test_a_write_that_cannot_be_done_takes_the_whole_transaction_back(
    store: Store, rows: Any, case: str, last: bool
) -> None:
    task, attempt = rows.task(status=TASK), rows.attempt(status=ATTEMPT, token=4)
    store.write([InsertRun(rows.run()), InsertTask(task), InsertAttempt(attempt), InsertEvent(rows.event(1))])
    store.write([InsertNotification(rows.notification()), InsertDagVersion(rows.dag_version())])
    make, message = REFUSED[case]
    writes, fine = make(rows), [InsertEvent(rows.event(2)), InsertRun(rows.run(9)), WatchedUntil("daily", 99)]

    with pytest.raises(Conflict) as caught:
        store.write([*fine, *writes] if last else [*writes, *fine])

    assert message in str(caught.value)
    assert caught.value.write == writes[0]
    assert store.runs() == [rows.run()]
    assert store.tasks(rows.id(1)) == [task]
    assert store.attempts(rows.id(1)) == [attempt]
    assert store.events(rows.id(1)) == [rows.event(1)]
    assert store.dags() == [rows.dag("daily"), rows.dag("hourly")]
    store.write(fine)  # the store goes on


def test_of_two_claims_in_one_transaction_the_second_is_refused(store: Store, rows: Any) -> None:
    store.write([InsertRun(rows.run()), InsertTask(rows.task()), InsertAttempt(rows.attempt())])
    first = UpdateAttempt(rows.attempt(status=ATTEMPT, token=1), CLAIM, 0)
    second = UpdateAttempt(rows.attempt(status=ATTEMPT, token=2), CLAIM, 0)
    with pytest.raises(Conflict, match="its status is 'running', not 'queued'; its token is 1, not 0") as caught:
        store.write([first, second])
    assert caught.value.write is second
    assert store.live_attempts() == [rows.attempt()]


def test_the_conflict_names_the_first_write_at_fault_among_many(store: Store, rows: Any) -> None:
    store.write([InsertRun(rows.run()), *(InsertTask(rows.task("many", position)) for position in range(50))])
    writes = [UpdateTask(rows.task("many", position), TaskStatus.WAITING) for position in range(50)]
    writes[20] = UpdateTask(rows.task("many", 20), TaskStatus.QUEUED)
    writes[30] = UpdateTask(rows.task("many", 30), TaskStatus.QUEUED)
    with pytest.raises(Conflict) as caught:
        store.write(writes)
    assert caught.value.write is writes[20]


def test_manual_runs_may_share_a_logical_time_and_lack_a_key(store: Store, rows: Any) -> None:
    first, second = rows.manual(1), replace(rows.manual(2), scheduled_at=1001)
    scheduled = replace(rows.run(3), scheduled_at=1001)
    other = rows.manual(4, dag="hourly", key="key-3")  # keys are the dag's
    store.write([InsertRun(first), InsertRun(second), InsertRun(scheduled), InsertRun(other)])
    assert store.run_at("daily", 1001) == scheduled
    assert store.run_by_idempotency_key("daily", "key-3") == scheduled
    assert store.run_by_idempotency_key("hourly", "key-3") == other


# --- the order of writes ---


def test_a_row_may_be_inserted_and_changed_again_and_again_in_one_transaction(store: Store, rows: Any) -> None:
    queued, running = rows.attempt(), rows.attempt(status=AttemptStatus.RUNNING, token=1)
    ended = replace(running, status=AttemptStatus.SUCCESS)
    store.write(
        [
            InsertRun(rows.run()),
            InsertTask(rows.task()),
            InsertAttempt(queued),
            UpdateTask(rows.task(status=TaskStatus.QUEUED), TaskStatus.WAITING),
            UpdateAttempt(running, AttemptStatus.QUEUED, 0),
            RenewLeases(((running.id, 1),), 500),
            UpdateTask(rows.task(status=TaskStatus.RUNNING), TaskStatus.QUEUED),
            UpdateAttempt(ended, AttemptStatus.RUNNING, 1),
            RenewLeases(((running.id, 1),), 600),
            UpdateTask(rows.task(status=TaskStatus.SUCCESS), TaskStatus.RUNNING),
            UpdateRun(rows.run(status=RunStatus.RUNNING), RunStatus.QUEUED),
            UpdateRun(rows.run(status=RunStatus.SUCCESS), RunStatus.RUNNING),
        ]
    )
    assert store.attempts(rows.id(1)) == [ended]
    assert store.tasks(rows.id(1)) == [rows.task(status=TaskStatus.SUCCESS)]
    assert store.runs() == [rows.run(status=RunStatus.SUCCESS)]


def test_a_later_watermark_wins_over_an_earlier_row_and_the_other_way_round(store: Store, rows: Any) -> None:
    row = replace(rows.dag("daily"), watched_until=5)
    store.write([WatchedUntil("daily", 4), UpdateDag(row)])
    assert store.dags()[0].watched_until == 5
    store.write([UpdateDag(row), WatchedUntil("daily", 6)])
    assert store.dags()[0].watched_until == 6


def test_nothing_to_write_is_fine(store: Store) -> None:
    store.write([])


# --- the lead ---


def test_only_the_leader_writes(open_database: Callable[[], Store], rows: Any) -> None:
    first, second = open_database(), open_database()
    with pytest.raises(LeaderLost, match="before the lead has been taken"):
        first.write([InsertBuild(rows.build())])
    epoch = first.advance_leader()
    first.write([InsertBuild(rows.build())])
    assert second.advance_leader() == epoch + 1
    with pytest.raises(LeaderLost, match="another scheduler has taken the lead"):
        first.write([InsertDag(rows.dag("daily"))])
    with pytest.raises(LeaderLost):
        first.write([])
    second.write([InsertDag(rows.dag("daily"))])
    assert first.dags() == [rows.dag("daily")]


def test_the_leader_epoch_outlives_the_program(open_database: Callable[[], Store]) -> None:
    first = open_database()
    epoch = first.advance_leader()
    first.close()
    assert open_database().advance_leader() == epoch + 1


# --- the end ---


def test_everything_is_there_after_closing_and_opening(
    open_database: Callable[[], Store], store: Store, rows: Any
) -> None:
    store.write([InsertRun(rows.run())])
    store.close()
    store.close()
    assert open_database().runs() == [rows.run()]


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    with pytest.raises(Unavailable, match="closed"):
        store.runs()
    with pytest.raises(Unavailable, match="closed"):
        store.write([])
