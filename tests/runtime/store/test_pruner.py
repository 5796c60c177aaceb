"""The pruner: when it looks, what goes and what stays."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ppacer.config import FOR_EVER, KEPT, Retention
from ppacer.core.model import (
    Attempt,
    InsertDagEvent,
    InsertNotification,
    InsertRun,
    NotificationStatus,
    Run,
    RunKind,
    RunStatus,
)
from ppacer.protocol import LogEntry
from ppacer.services.pruner import DAY, EVERY, FIRST_AFTER
from ppacer.store import Store
from ppacer.store.logs import LogStore
from tests.runtime.store.pruning import NOW, World, fill, make_run, new_id, newest, numbers, pruned, run, sound

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
        run_ = replace(run_, scheduled_at=next(numbers), backfill=rows.id(300) if reason == "backfill" else None)
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
