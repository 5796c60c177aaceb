"""A machine beside a naive database: each step is applied with its guards, checked, and restored from the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.machine import RunMachine
from ppacer.core.model import (
    Attempt,
    AttemptStatus,
    Event,
    EventKind,
    InsertAttempt,
    InsertEvent,
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
    Write,
)
from ppacer.core.plan import DagPlan, plans
from ppacer.core.run_state import Step
from ppacer.core.runs import new_run
from ppacer.protocol import Outcome

AT = spec.At(1, 1)
SECOND = 1_000_000
LIVE = {TaskStatus.QUEUED: AttemptStatus.QUEUED, TaskStatus.RUNNING: AttemptStatus.RUNNING}


def make_plan(
    *tasks: spec.Task, edges: Iterable[tuple[str, str]] = (), alert_on: Iterable[spec.AlertEvent] = ()
) -> DagPlan:
    """A plan of the given tasks, parents and children filled in from the edges."""
    wired = tuple(edges)
    nodes = tuple(
        spec.Task(
            id=task.id,
            callable=task.callable,
            at=task.at,
            trigger=task.trigger,
            retries=task.retries,
            retry_delay=task.retry_delay,
            on_lost=task.on_lost,
            alert_on=task.alert_on,
            parents=tuple(a for a, b in wired if b == task.id),
            children=tuple(b for a, b in wired if a == task.id),
        )
        for task in tasks
    )
    dag = spec.Dag("d", AT, nodes, alert_on=tuple(alert_on))
    sources = (spec.Source("d.ppd", "", ""),)
    program = spec.Program(
        "p", "b" * 64, "1", (dag,), (spec.Callable("m:f", spec.CallableKind.FUNCTION, hash="c0de"),), sources
    )
    return plans(program)["d"]


def make_task(
    id: str,
    *,
    retries: int = 0,
    retry_delay: float = 0.0,
    trigger: spec.Trigger = spec.Trigger.ALL_SUCCESS,
    on_lost: spec.OnLost = spec.OnLost.RETRY,
    alert_on: tuple[spec.AlertEvent, ...] = (spec.AlertEvent.FAILURE,),
) -> spec.Task:
    return spec.Task(
        id,
        "m:f",
        AT,
        retries=retries,
        retry_delay=timedelta(seconds=retry_delay),
        trigger=trigger,
        on_lost=on_lost,
        alert_on=alert_on,
    )


class Database:
    """Rows as a real one holds them, with the guards of `ppacer.core.model`."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.tasks: dict[str, TaskRow] = {}
        self.attempts: dict[str, Attempt] = {}
        self.events: list[Event] = []

    def apply(self, writes: Iterable[Write]) -> None:
        for write in writes:
            match write:
                case InsertRun(row):
                    assert row.id not in self.runs
                    self.runs[row.id] = row
                case UpdateRun(row, expected):
                    assert self.runs[row.id].status is expected
                    self.runs[row.id] = row
                case InsertTask(task):
                    assert task.task not in self.tasks
                    self.tasks[task.task] = task
                case UpdateTask(task, was):
                    assert self.tasks[task.task].status is was
                    self.tasks[task.task] = task
                case InsertAttempt(attempt):
                    assert attempt.id not in self.attempts
                    self.attempts[attempt.id] = attempt
                case UpdateAttempt(attempt, status, token):
                    assert (self.attempts[attempt.id].status, self.attempts[attempt.id].token) == (status, token)
                    self.attempts[attempt.id] = attempt
                case RenewLeases(leases, until):
                    for attempt_id, token in leases:
                        assert self.attempts[attempt_id].token == token
                        self.attempts[attempt_id] = replace(self.attempts[attempt_id], lease_until=until)
                case InsertEvent(event):
                    assert event.seq == len(self.events) + 1
                    self.events.append(event)
                case _:
                    raise AssertionError(write)


class World:
    """One run of a plan, from its queue to its end."""

    def __init__(self, plan: DagPlan) -> None:
        self.plan = plan
        self.now = 1_000 * SECOND
        self.database = Database()
        self.commands: list[h.Command] = []
        self._ids = count(1)
        self._tokens = count(1)
        run, writes = new_run(
            id="run", dag="d", build=plan.build, kind=RunKind.MANUAL, scheduled_at=self.now, at=self.now, actor="me"
        )
        self.database.apply(writes)
        self.machine = RunMachine(plan, run, new_id=self._new_id, seq=1)

    def _new_id(self, at: int) -> str:
        return f"attempt-{next(self._ids)}"

    def handle(self, happening: h.Happening) -> Step | None:
        before = (list(self.machine.tasks()), list(self.machine.attempts()), self.machine.run, self.machine.seq)
        step = self.machine.handle(happening)
        self.commands = [] if step is None else step.commands
        if step is None:
            after = (list(self.machine.tasks()), list(self.machine.attempts()), self.machine.run, self.machine.seq)
            assert before == after, "a stale happening changed something"
        else:
            self.database.apply(step.writes)
        self.check()
        return step

    # --- what may happen ---------------------------------------------------------------------------------------------

    def start(self) -> Step | None:
        return self.handle(h.Start(self.now))

    def claim(self, task: str) -> Attempt:
        attempt = self.live(task)
        assert attempt is not None
        token = next(self._tokens)
        lease = self.now + 30 * SECOND
        assert self.handle(h.Claimed(self.now, attempt.id, token, "host", "instance", "request", lease)) is not None
        running = self.machine.attempt(attempt.id)
        assert running is not None
        assert running.token == token
        return running

    def report(
        self,
        attempt: Attempt,
        outcome: Outcome = Outcome.SUCCESS,
        *,
        output: str | None = None,
        error: str | None = None,
    ) -> Step | None:
        at = self.now
        return self.handle(h.Reported(at, attempt.id, attempt.token, outcome, at, at, output=output, error=error))

    def run(self, task: str, outcome: Outcome = Outcome.SUCCESS) -> Step | None:
        return self.report(self.claim(task), outcome)

    def expire(self, attempt: Attempt) -> Step | None:
        return self.handle(h.LeaseExpired(self.now, attempt.id, attempt.token, "no word for 30 s"))

    # --- what is so --------------------------------------------------------------------------------------------------

    def live(self, task: str) -> Attempt | None:
        return next((attempt for attempt in self.machine.attempts() if attempt.task == task), None)

    def status(self, task: str) -> TaskStatus:
        row = self.machine.task(task)
        assert row is not None
        return row.status

    def statuses(self) -> dict[str, str]:
        return {row.task: row.status.value for row in self.machine.tasks()}

    def history(self) -> list[EventKind]:
        return [event.kind for event in self.database.events]

    def check(self) -> None:
        """The invariants that hold between any two happenings."""
        machine, database = self.machine, self.database
        assert database.runs["run"] == machine.run
        assert database.tasks == {row.task: row for row in machine.tasks()}
        live = {attempt.id: attempt for attempt in machine.attempts()}
        assert live == {row.id: row for row in database.attempts.values() if not row.status.terminal}
        by_task = {attempt.task: attempt for attempt in live.values()}
        assert len(by_task) == len(live), "a task with two live attempts"
        for row in machine.tasks():
            task = self.plan.tasks[row.task]
            attempt = by_task.get(row.task)
            assert LIVE.get(row.status) == (attempt.status if attempt else None), row
            assert (row.due_at is not None) == (row.status is TaskStatus.RETRYING), row
            assert (row.finished_at is not None) == row.status.terminal, row
            assert row.attempts <= 1 + task.retries + spec.LOST_BUDGET, row
            numbers = sorted(a.number for a in database.attempts.values() if a.task == row.task)
            assert numbers == list(range(1, row.attempts + 1)), "an attempt left out or counted twice"
            assert row.lost <= row.attempts
        if machine.run.status is not RunStatus.QUEUED:
            over = all(row.status.terminal for row in machine.tasks())
            assert machine.run.status.terminal == over
        self._check_restored()

    def _check_restored(self) -> None:
        """What the rows restore is what there was: nothing is remembered only in memory."""
        database, machine = self.database, self.machine
        live = [row for row in database.attempts.values() if not row.status.terminal]
        again = RunMachine.restore(
            self.plan,
            database.runs["run"],
            list(database.tasks.values()),
            live,
            new_id=self._new_id,
            seq=len(database.events),
        )
        if machine.run.status is not RunStatus.RUNNING:
            return
        assert again.run == machine.run
        assert again.seq == machine.seq
        assert again.ending == machine.ending
        assert list(again.tasks()) == list(machine.tasks())
        for row in machine.tasks():
            if not (machine.ending and row.status.terminal):
                assert again.parents(row.task) == machine.parents(row.task)
        owned = {command.attempt.id for command in again.resume() if isinstance(command, h.Offer | h.Watch)}
        assert owned == {attempt.id for attempt in live}
        woken = {command.task for command in again.resume() if isinstance(command, h.WakeAt)}
        assert woken == {row.task for row in machine.tasks() if row.status is TaskStatus.RETRYING}


@pytest.fixture
def world() -> Callable[[DagPlan], World]:
    return World


@pytest.fixture
def plan() -> Callable[..., DagPlan]:
    return make_plan


@pytest.fixture
def task() -> Callable[..., spec.Task]:
    return make_task
