"""What every store must do, whatever database is under it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ppacer.core.model import (
    AttemptStatus,
    ErrorKind,
    InsertAttempt,
    InsertBuild,
    InsertDag,
    InsertEvent,
    InsertRun,
    InsertTask,
    RenewLeases,
    RunKind,
    RunStatus,
    TaskStatus,
    UpdateAttempt,
    UpdateDag,
    UpdateRun,
    UpdateTask,
    WatchedUntil,
    Write,
)
from ppacer.store import Conflict, LeaderLost, Store, Unavailable

# --- rows come back as they went in ---


def test_rows_come_back_as_they_went_in(store: Store, rows: Any) -> None:
    run, task, event = rows.run(), rows.task(), rows.event(1)
    attempt = replace(rows.attempt(status=AttemptStatus.FAILED, token=9), error_kind=ErrorKind.EXITED)
    store.write([InsertRun(run), InsertTask(task), InsertAttempt(attempt), InsertEvent(event)])

    assert store.build("b" * 64) == rows.build()
    assert store.dags() == [rows.dag("daily"), rows.dag("hourly")]
    assert store.run(run.id) == run
    assert store.tasks(run.id) == [task]
    assert store.attempt(attempt.id) == attempt
    assert store.events(run.id) == [event]


def test_what_is_not_there_is_none_or_empty(store: Store) -> None:
    assert store.build("x") is None
    assert store.run("x") is None
    assert store.run_at("daily", 1) is None
    assert store.run_by_idempotency_key("daily", "x") is None
    assert store.last_scheduled("daily") is None
    assert store.attempt("x") is None
    assert store.tasks("x") == []
    assert store.attempts("x") == []
    assert store.events("x") == []
    assert store.runs() == store.active_runs() == store.find_runs("0") == []
    assert store.live_attempts() == []
    assert store.latest_runs_by_dag(3) == {}
    assert store.last_event_seq(["x"]) == {"x": 0}


def test_text_of_any_kind_is_kept(store: Store, rows: Any) -> None:
    run = replace(rows.run(), params='{"a":"\\u0000 \x00 🙂 \n ż"}', reason="'; DROP TABLE runs; --")
    store.write([InsertRun(run)])
    assert store.run(run.id) == run


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
    dag = replace(rows.dag("daily"), last_seen_at=99, watched_until=None, paused=False, removed_at=None)
    run = replace(run, status=RunStatus.RUNNING, started_at=61, finished_at=None, reason=None)
    task = replace(
        task, status=TaskStatus.FAILED, attempts=5, lost=0, due_at=None, started_at=62, finished_at=63, output=None
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
    )
    store.write(
        [
            UpdateDag(dag),
            UpdateRun(run, RunStatus.QUEUED),
            UpdateTask(task, TaskStatus.WAITING),
            UpdateAttempt(attempt, AttemptStatus.QUEUED, 0),
        ]
    )
    assert store.dags() == [dag, rows.dag("hourly")]
    assert store.run(run.id) == run
    assert store.tasks(run.id) == [task]
    assert store.attempts(run.id) == [attempt]


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


# --- what can be asked ---


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


def test_active_runs_are_the_queued_and_the_running_oldest_first(store: Store, rows: Any) -> None:
    statuses = [*RunStatus]
    store.write([InsertRun(rows.run(number, status=status)) for number, status in enumerate(statuses)])
    assert [run.status for run in store.active_runs()] == [status for status in statuses if not status.terminal]


def test_the_latest_runs_of_each_dag(store: Store, rows: Any) -> None:
    store.write([InsertDag(rows.dag("weekly"))])
    store.write([InsertRun(rows.run(number, dag="daily")) for number in range(1, 6)])
    store.write([InsertRun(rows.run(6, dag="hourly"))])
    assert store.latest_runs_by_dag(2) == {
        "daily": [rows.run(5), rows.run(4)],
        "hourly": [rows.run(6, dag="hourly")],
    }


def test_the_last_scheduled_run_is_the_one_of_the_latest_logical_time(store: Store, rows: Any) -> None:
    last = replace(rows.run(1), scheduled_at=5000)
    backfill = replace(rows.run(3), scheduled_at=6000, kind=RunKind.BACKFILL)
    manual = replace(rows.manual(4), scheduled_at=7000)
    store.write([InsertRun(run) for run in (last, rows.run(2), backfill, manual, rows.run(5, dag="hourly"))])
    assert store.last_scheduled("daily") == last
    assert store.run_at("daily", 6000) == backfill
    assert store.run_at("daily", 7000) is None


def test_runs_are_found_by_any_part_of_their_id(store: Store, rows: Any) -> None:
    store.write([InsertRun(rows.run(number)) for number in (0x1A, 0x2A, 0x3B)])
    assert store.find_runs("2A-7000") == [rows.run(0x2A)]
    assert store.find_runs("a-7") == [rows.run(0x2A), rows.run(0x1A)]
    assert store.find_runs("a-7", limit=1) == [rows.run(0x2A)]
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
