"""Batching keeps the meaning of a sequence of writes, and makes its cost one of kinds, not of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event

from ppacer.core.model import (
    FAMILY,
    Attempt,
    AttemptStatus,
    ClearOutputs,
    DeleteDagEvents,
    DeleteNotifications,
    DeleteRuns,
    InsertAttempt,
    InsertEvent,
    InsertNotification,
    InsertRun,
    InsertTask,
    RenewLeases,
    Run,
    RunKind,
    RunStatus,
    TaskRow,
    TaskStatus,
    UpdateAttempt,
    UpdateRun,
    UpdateTask,
    WatchedUntil,
    Write,
)
from ppacer.store import Conflict, Store, Unavailable
from ppacer.store.old import BEGINNING, OldRows
from ppacer.store.overviews import Cell, Overviews
from ppacer.store.reads import Reads
from tests.runtime.store.executed import executed

Tables = tuple[dict[str, Run], dict[str, TaskRow], dict[str, Attempt]]


def naive(tables: Tables, writes: list[Write]) -> Tables | None:
    """What the writes make of the tables, one after the other; none if they must be refused.

    References are looked at before removals and in the end: a task before its run is no fault that a store need find.
    """
    runs, tasks, attempts = dict(tables[0]), dict(tables[1]), dict(tables[2])
    for write in writes:
        match write:
            case InsertRun(run) if run.id not in runs:
                runs[run.id] = run
            case UpdateRun(run, expected) if run.id in runs and runs[run.id].status is expected:
                runs[run.id] = run
            case InsertTask(task) if task.run_id not in tasks:
                tasks[task.run_id] = task
            case UpdateTask(task, expected) if task.run_id in tasks and tasks[task.run_id].status is expected:
                tasks[task.run_id] = task
            case InsertAttempt(attempt) if attempt.id not in attempts:
                attempts[attempt.id] = attempt
            case UpdateAttempt(attempt, expected, token) if attempt.id in attempts and (
                (attempts[attempt.id].status, attempts[attempt.id].token) == (expected, token)
            ):
                attempts[attempt.id] = attempt
            case RenewLeases(leases, until):
                for id_, token in leases:
                    if (
                        id_ in attempts
                        and attempts[id_].status is AttemptStatus.RUNNING
                        and attempts[id_].token == token
                    ):
                        attempts[id_] = replace(attempts[id_], lease_until=until)
            case DeleteRuns(ids) if sound(runs, tasks, attempts):
                gone = {id_ for id_ in ids if id_ in runs and runs[id_].status.terminal}
                for table in (runs, tasks, attempts):
                    for id_ in gone:
                        table.pop(id_, None)
            case ClearOutputs(ids) if sound(runs, tasks, attempts):
                for id_ in ids:
                    if id_ in tasks and runs[id_].status.terminal:
                        tasks[id_] = replace(tasks[id_], output=None)
            case _:
                return None
    return (runs, tasks, attempts) if sound(runs, tasks, attempts) else None


def sound(runs: dict[str, Run], tasks: dict[str, TaskRow], attempts: dict[str, Attempt]) -> bool:
    return not (tasks.keys() - runs.keys() or {attempt.run_id for attempt in attempts.values()} - tasks.keys())


_examples = count(1)
_steps = st.lists(
    st.tuples(
        st.sampled_from(["run", "task", "attempt", "attempt", "leases", "removal", "clearing"]),
        st.integers(0, 1),  # which of two
        st.integers(0, 2),  # the status that it sets
        st.integers(0, 19).map(bool),  # whether it goes by what it would find; seldom not
    ),
    max_size=20,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_steps, parents_first=st.integers(0, 9).map(bool), cut=st.integers(0, 19))
def test_a_sequence_means_what_it_means_one_by_one(
    store: Store, rows: Any, steps: list[tuple[str, int, int, bool]], parents_first: bool, cut: int
) -> None:
    example = next(_examples) * 10
    found: dict[str, tuple[Any, int]] = {}  # status and token, by kind and number
    writes: list[Write] = []
    for number, (noun, which, status, right) in enumerate(
        [("run", 0, 0, True), ("run", 1, 0, True), ("task", 0, 0, True), ("task", 1, 0, True)] * parents_first + steps
    ):
        run = replace(rows.manual(example + which), reason=str(number), status=[*RunStatus][status])
        task = replace(rows.task(), run_id=run.id, error=str(number), status=[*TaskStatus][status])
        attempt = replace(rows.attempt(), id=run.id, run_id=run.id, error=str(number), token=number)
        attempt = replace(attempt, status=[*AttemptStatus][status])
        if noun == "leases":
            tokens = [found.get(f"attempt {one}", (None, 0))[1] for one in (0, 1)]
            writes.append(RenewLeases(((rows.id(example), tokens[0]), (rows.id(example + 1), tokens[1])), 100 + number))
            continue
        if noun in ("removal", "clearing"):
            chosen = (rows.id(example + which), rows.id(example + 1))[: 1 + (status > 1)]
            writes.append(DeleteRuns(chosen) if noun == "removal" else ClearOutputs(chosen))
            for one in (which, 1)[: len(chosen)] if noun == "removal" else ():
                if found.get(f"run {one}", (RunStatus.QUEUED, 0))[0].terminal:
                    for name in ("run", "task", "attempt"):
                        found.pop(f"{name} {one}", None)
            continue
        row, insert, update, setting = {
            "run": (run, InsertRun, UpdateRun, (run.status, 0)),
            "task": (task, InsertTask, UpdateTask, (task.status, 0)),
            "attempt": (attempt, InsertAttempt, UpdateAttempt, (attempt.status, attempt.token)),
        }[noun]
        before = found.get(f"{noun} {which}")
        if (before is None) == right:
            writes.append(insert(row))
        else:
            expected_status, expected_token = before or setting
            guard = (expected_status, expected_token) if noun == "attempt" else (expected_status,)
            writes.append(update(row, *guard))
        found[f"{noun} {which}"] = setting
    expected: Tables = ({}, {}, {})
    ids = [rows.id(example), rows.id(example + 1)]
    for transaction in (writes[:cut], writes[cut:]):
        after = naive(expected, transaction)
        try:
            store.write(transaction)
            refused = False
        except Conflict:
            refused = True

        assert refused == (after is None)
        expected = after or expected
        stored = (
            {run.id: run for id_ in ids if (run := store.run(id_))},
            {task.run_id: task for id_ in ids for task in store.tasks(id_)},
            {attempt.id: attempt for id_ in ids if (attempt := store.attempt(id_))},
        )
        assert stored == expected


def life(rows: Any, tasks: int) -> list[Write]:
    """One run whose tasks go all the way, interleaved as a scheduler makes them."""
    writes: list[Write] = [InsertRun(rows.run(tasks))]
    run_id = rows.id(tasks)
    for position in range(tasks):
        task = replace(rows.task(position=position), run_id=run_id)
        attempt = replace(rows.attempt(), id=rows.id(position + 1000 * tasks), run_id=run_id, position=position)
        running = replace(attempt, status=AttemptStatus.RUNNING, token=1)
        writes += [
            InsertTask(task),
            InsertAttempt(attempt),
            UpdateTask(replace(task, status=TaskStatus.QUEUED), TaskStatus.WAITING),
            UpdateAttempt(running, AttemptStatus.QUEUED, 0),
            UpdateTask(replace(task, status=TaskStatus.SUCCESS), TaskStatus.QUEUED),
            RenewLeases(((running.id, 1),), 9),
            UpdateAttempt(replace(running, status=AttemptStatus.SUCCESS), AttemptStatus.RUNNING, 1),
            InsertEvent(rows.event(position + 1, run=tasks)),
            WatchedUntil("daily", position),
        ]
    return writes


def test_the_number_of_statements_does_not_grow_with_the_rows(kind: str, store: Store, rows: Any) -> None:
    with executed(store._database) as few:
        store.write(life(rows, 1))
    with executed(store._database) as many:
        store.write(life(rows, 300))
    assert len(many) == len(few) == (11 if kind == "sqlite" else 10)  # where the beginning is one, too
    assert len(store.tasks(rows.id(300))) == 300


def test_no_statement_is_one_that_other_databases_lack(store: Store, rows: Any) -> None:
    with executed(store._database) as seen:
        store.advance_leader()
        store.write(life(rows, 2))
    text = "\n".join(text for text, _ in seen).upper()
    assert "INSERT" in text
    for word in ("RETURNING", "ON CONFLICT", "ON DUPLICATE", "OR IGNORE", "OR REPLACE"):
        assert word not in text


def test_the_number_of_statements_does_not_grow_with_what_is_removed(kind: str, store: Store, rows: Any) -> None:
    for number in range(1, 101):
        store.write([InsertRun(rows.run(number, status=RunStatus.SUCCESS)), InsertEvent(rows.event(1, run=number))])
    ids = [rows.id(number) for number in range(1, 101)]
    with executed(store._database) as few:
        store.write([ClearOutputs((ids[0],)), DeleteRuns((ids[0],))])
    with executed(store._database) as many:
        store.write([write for id_ in ids[1:] for write in (ClearOutputs((id_,)), DeleteRuns((id_,)))])
    assert len(many) == len(few) == (9 if kind == "sqlite" else 8)
    assert store.runs() == []


A_FAMILY = TaskRow("r", 1, "t", FAMILY, TaskStatus.RUNNING)
A_CELL = Cell("r", 1, "t", FAMILY, TaskStatus.RUNNING, 0, None, None)
READS: dict[str, Callable[[Store], object]] = {
    "leader": lambda store: store.leader(),
    "dag": lambda store: store.dag("d"),
    "build": lambda store: store.build("b"),
    "dag_versions": lambda store: store.dag_versions("d"),
    "dag_versions before": lambda store: store.dag_versions("d", 5, 5),
    "dag_version_count": lambda store: store.dag_version_count("d"),
    "dag_events": lambda store: store.dag_events("d", before="e", limit=5),
    "backfill": lambda store: store.backfill("b"),
    "backfills": lambda store: store.backfills(before="b", limit=5),
    "backfills of a dag": lambda store: store.backfills("d", before="b", limit=5),
    "active_backfills": lambda store: store.active_backfills(),
    "backfill_counts": lambda store: store.backfill_counts("b"),
    "run": lambda store: store.run("r"),
    "run_at": lambda store: store.run_at("d", 1),
    "run_by_idempotency_key": lambda store: store.run_by_idempotency_key("d", "k"),
    "due_times": lambda store: store.due_times("d", 1, 5),
    "last_due_times": lambda store: store.last_due_times(),
    "due_times_ahead": lambda store: store.due_times_ahead(),
    "active_runs": lambda store: store.active_runs(),
    "runs": lambda store: store.runs(before="r", limit=5),
    "runs of a dag": lambda store: store.runs(dag="d", before="r", limit=5),
    "runs of a status": lambda store: store.runs(statuses=[RunStatus.FAILED], before="r", limit=5),
    "runs of a kind": lambda store: store.runs(kinds=[RunKind.MANUAL], before="r", limit=5),
    "runs of a time": lambda store: store.runs(made_from=5, made_until=9, limit=5),
    "runs of a backfill": lambda store: store.runs(backfill="b", before="r", limit=5),
    "tasks": lambda store: store.tasks("r", 1),
    "current_tasks": lambda store: store.current_tasks("r"),
    "whole_tasks": lambda store: store.whole_tasks("r"),
    "member_counts": lambda store: store.member_counts(A_FAMILY),
    "members": lambda store: store.members(A_FAMILY, [TaskStatus.FAILED], after=3, limit=5),
    "urgent_members": lambda store: store.urgent_members(A_FAMILY, 5),
    "attempt": lambda store: store.attempt("a"),
    "attempts": lambda store: store.attempts("r", "t"),
    "attempts of positions": lambda store: store.attempts("r", positions=[0, 1]),
    "live_attempts": lambda store: store.live_attempts(),
    "events": lambda store: store.events("r", 5),
    "last_event_seq": lambda store: store.last_event_seq(["r"]),
    "notification": lambda store: store.notification("n"),
    "notifications": lambda store: store.notifications("r"),
    "notifications after": lambda store: store.notifications("r", "n", 5),
    "pending_notifications": lambda store: store.pending_notifications(),
    "failed_notifications": lambda store: store.failed_notifications(before="n", limit=5),
    "old.runs": lambda store: store.old.runs((5, "r"), BEGINNING, 5),
    "old.runs of a dag": lambda store: store.old.runs((5, "r"), BEGINNING, 5, dag="d"),
    "old.beyond": lambda store: store.old.beyond("d", 5),
    "old.dags_of_runs_since": lambda store: store.old.dags_of_runs_since(5),
    "old.runs_with_outputs": lambda store: store.old.runs_with_outputs(5, 5),
    "old.attempts": lambda store: store.old.attempts(["r", "s"]),
    "old.recent_attempts": lambda store: store.old.recent_attempts(["a", "b"], 5),
    "old.dag_events": lambda store: store.old.dag_events("e", 5),
    "old.notifications": lambda store: store.old.notifications("n", 5, 5),
    "overviews.latest_runs": lambda store: store.overviews.latest_runs(5),
    "overviews.latest_runs of dags": lambda store: store.overviews.latest_runs(5, ["d", "e"]),
    "overviews.dags_of": lambda store: store.overviews.dags_of(["r", "s"]),
    "overviews.cells": lambda store: store.overviews.cells(["r", "s"]),
    "overviews.member_counts": lambda store: store.overviews.member_counts([A_CELL]),
    "overviews.quarters": lambda store: store.overviews.quarters("d", 1, 5),
}
WALKS = {"dags", "find_runs"}
"""Reads that walk a whole table: one with few rows, and one that a person waits for who types part of an id."""

SORTS = {
    "attempts",
    "attempts of positions",
    "member_counts",
    "overviews.member_counts",
    "overviews.quarters",
    "urgent_members",
    "backfill_counts",
    "pending_notifications",
    "old.dags_of_runs_since",
    "active_runs",
    "notifications",
    "notifications after",
}
"""Reads that give all that they find, and order it themselves."""


def test_every_read_is_in_the_table() -> None:
    methods = {name for name, value in vars(Reads).items() if name[0] != "_" and not isinstance(value, property)}
    methods |= {f"old.{name}" for name in vars(OldRows) if not name.startswith("_")}
    methods |= {f"overviews.{name}" for name in vars(Overviews) if not name.startswith("_")}
    assert {name.split()[0] for name in READS} == methods - WALKS


def plan_of(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """SQLite's own plan, in a database without statistics."""
    return [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)  # whose plans can be read without rows
@pytest.mark.parametrize("name", READS)
def test_no_read_walks_a_table_that_grows(store: Store, name: str) -> None:
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(store._database._readers, "before_cursor_execute", note)
    READS[name](store)
    event.remove(store._database._readers, "before_cursor_execute", note)

    [(statement, parameters)] = seen
    with store._database.reading() as connection:
        plan = plan_of(connection, statement, parameters)
    # One row per dag, an index of the live attempts alone, and what a part of the statement has found.
    allowed = ("SCAN dags", "SCAN attempts USING INDEX live_attempts", "SCAN found")
    assert all(step.startswith(allowed) for step in plan if step.startswith("SCAN")), plan
    assert name in SORTS or not any("TEMP B-TREE" in step for step in plan), plan


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize("name", ["old.runs", "old.runs of a dag"])
def test_old_runs_are_not_joined_with_each_other(store: Store, name: str) -> None:
    """Of ten thousand runs of one dag, that would take minutes."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(store._database._readers, "before_cursor_execute", note)
    READS[name](store)
    event.remove(store._database._readers, "before_cursor_execute", note)

    [(statement, parameters)] = seen
    with store._database.reading() as connection:
        plan = [str(line) for (line,) in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]
    assert any("Limit" in step for step in plan)
    assert not any("Semi Join" in step for step in plan), plan


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)  # whose plans can be read without rows
def test_no_write_walks_a_table(store: Store, rows: Any) -> None:
    ended = replace(rows.run(), status=RunStatus.SUCCESS)
    with executed(store._database) as seen:
        store.write([*life(rows, 2), InsertRun(ended), InsertTask(rows.task()), InsertEvent(rows.event(1))])
        store.write([InsertNotification(rows.notification())])
        store.trim_outputs(ended.id, 10)
        store.trim_run(ended.id, 10)
        store.write([ClearOutputs((ended.id,)), DeleteRuns((ended.id,)), DeleteDagEvents(("e",))])
        store.write([DeleteNotifications(("n",))])

    looked_at = [(text, values) for text, values in seen if text.startswith(("UPDATE", "DELETE", "SELECT"))]
    assert len(looked_at) > 20
    with store._database.transaction() as connection:
        for statement, parameters in looked_at:
            plan = plan_of(connection, statement, parameters)
            assert not any(step.startswith("SCAN") for step in plan), (statement, plan)


def test_a_connection_that_is_lost_is_replaced(store: Store, rows: Any) -> None:
    store.write([InsertRun(rows.run(1))])
    connection = store._database._connection
    assert connection is not None
    connection.connection.dbapi_connection.close()
    with pytest.raises(Unavailable):
        store.write([InsertRun(rows.run(2))])
    store.write([InsertRun(rows.run(3))])
    assert [run.id for run in store.runs()] == [rows.id(3), rows.id(1)]
