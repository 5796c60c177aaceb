"""Batching keeps the meaning of a sequence of writes, and makes its cost one of kinds, not of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from ppacer.core.model import (
    Attempt,
    AttemptStatus,
    InsertAttempt,
    InsertEvent,
    InsertRun,
    InsertTask,
    RenewLeases,
    Run,
    RunStatus,
    TaskRow,
    TaskStatus,
    UpdateAttempt,
    UpdateRun,
    UpdateTask,
    WatchedUntil,
    Write,
)
from ppacer.store import Conflict, Store

Tables = tuple[dict[str, Run], dict[str, TaskRow], dict[str, Attempt]]


def naive(tables: Tables, writes: list[Write]) -> Tables | None:
    """What the writes make of the tables, one after the other; none if they must be refused.

    References are looked at in the end: a task before its run is no fault that a store need find.
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
            case _:
                return None
    if tasks.keys() - runs.keys() or {attempt.run_id for attempt in attempts.values()} - tasks.keys():
        return None
    return runs, tasks, attempts


_examples = count(1)
_steps = st.lists(
    st.tuples(
        st.sampled_from(["run", "task", "attempt", "attempt", "leases"]),
        st.integers(0, 1),  # which of two
        st.integers(0, 2),  # the status that it sets
        st.integers(0, 19).map(bool),  # whether it goes by what it would find; seldom not
    ),
    max_size=15,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """The statements that the store's writer executes meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    engine = store._database._writer
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


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


def test_the_number_of_statements_does_not_grow_with_the_rows(store: Store, rows: Any) -> None:
    with statements(store) as few:
        store.write(life(rows, 1))
    with statements(store) as many:
        store.write(life(rows, 300))
    assert len(many) == len(few) == 11
    assert len(store.tasks(rows.id(300))) == 300


def test_no_statement_is_one_that_other_databases_lack(store: Store, rows: Any) -> None:
    with statements(store) as seen:
        store.advance_leader()
        store.write(life(rows, 2))
    text = "\n".join(seen).upper()
    assert "INSERT" in text
    for word in ("RETURNING", "ON CONFLICT", "ON DUPLICATE", "OR IGNORE", "OR REPLACE"):
        assert word not in text


READS: dict[str, Callable[[Store], object]] = {
    "build": lambda store: store.build("b"),
    "run": lambda store: store.run("r"),
    "run_at": lambda store: store.run_at("d", 1),
    "run_by_idempotency_key": lambda store: store.run_by_idempotency_key("d", "k"),
    "last_scheduled": lambda store: store.last_scheduled("d"),
    "active_runs": lambda store: store.active_runs(),
    "runs": lambda store: store.runs(before="r", limit=5),
    "runs of a dag": lambda store: store.runs(dag="d", before="r", limit=5),
    "runs of a status": lambda store: store.runs(statuses=[RunStatus.FAILED], before="r", limit=5),
    "latest_runs_by_dag": lambda store: store.latest_runs_by_dag(5),
    "tasks": lambda store: store.tasks("r", 1),
    "attempt": lambda store: store.attempt("a"),
    "attempts": lambda store: store.attempts("r", "t"),
    "live_attempts": lambda store: store.live_attempts(),
    "events": lambda store: store.events("r", 5),
    "last_event_seq": lambda store: store.last_event_seq(["r"]),
}


def test_no_read_walks_a_table_that_grows(store: Store) -> None:
    """By SQLite's own plan, in a database without statistics."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(store._database._readers, "before_cursor_execute", note)
    for read in READS.values():
        read(store)
    event.remove(store._database._readers, "before_cursor_execute", note)

    assert len(seen) == len(READS)
    with store._database.reading() as connection:
        for name, (statement, parameters) in zip(READS, seen, strict=True):
            plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            walks = [step for step in plan if step.startswith("SCAN")]
            # One row per dag, and an index of the live attempts alone.
            allowed = ("SCAN dags", "SCAN attempts USING INDEX live_attempts")
            assert all(step.startswith(allowed) for step in walks), (name, plan)
