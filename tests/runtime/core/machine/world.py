"""A machine beside a naive database: each step is applied with its guards, checked, and made a second time by a machine
that the rows restore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.evaluate import evaluate
from ppacer.core.machine import NotPossible, RunMachine
from ppacer.core.model import (
    FAMILY,
    Attempt,
    AttemptStatus,
    Event,
    EventKind,
    InsertAttempt,
    InsertEvent,
    InsertRun,
    InsertTask,
    NoticeEvent,
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
from ppacer.core.plan import DagPlan
from ppacer.core.rows import current_rows
from ppacer.core.run_state import Step, deferral_of
from ppacer.core.runs import new_run
from ppacer.protocol import Deferral, Outcome
from ppacer.records import replace
from tests.runtime.core.machine.history import fold, told
from tests.runtime.core.machine.plans import SECOND

LEASE = 30 * SECOND


class Database:
    """Rows as a real one holds them, with the guards of `ppacer.core.model`; what has ended never changes. `last` finds
    the last attempt of each task."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.tasks: dict[tuple[str, int, int], TaskRow] = {}
        self.attempts: dict[str, Attempt] = {}
        self.events: list[Event] = []
        self.last: dict[tuple[str, int], str] = {}
        self.token = 0

    def apply(self, writes: Iterable[Write]) -> None:
        for write in writes:
            match write:
                case InsertRun(run):
                    assert run.id not in self.runs
                    self.runs[run.id] = run
                case UpdateRun(run, expected, epoch):
                    old = self.runs[run.id]
                    assert (old.status, old.epoch) == (expected, run.epoch if epoch is None else epoch)
                    assert not old.status.terminal or run.epoch == old.epoch + 1
                    self.runs[run.id] = run
                case InsertTask(task):
                    key = (task.task, task.position, task.epoch)
                    assert key not in self.tasks
                    self.tasks[key] = task
                case UpdateTask(task, was):
                    key = (task.task, task.position, task.epoch)
                    assert self.tasks[key].status is was
                    assert not was.terminal
                    self.tasks[key] = task
                case InsertAttempt(attempt):
                    assert attempt.id not in self.attempts
                    self.attempts[attempt.id] = attempt
                    self.last[attempt.task, attempt.position] = attempt.id
                case UpdateAttempt(attempt, status, token):
                    before = self.attempts[attempt.id]
                    assert (before.status, before.token) == (status, token)
                    assert not status.terminal
                    if attempt.token != token:
                        assert attempt.token > self.token, "tokens only grow"
                        self.token = attempt.token
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

    def current(self) -> list[TaskRow]:
        return current_rows(self.tasks.values())

    def live(self) -> list[Attempt]:
        return [row for row in self.attempts.values() if not row.status.terminal]


class World:
    """One run of a plan, from its queue to its end. `env` are the variables of the environment, `checks` says whether
    the invariants are looked at after each step."""

    def __init__(self, plan: DagPlan, *, env: Mapping[str, str] | None = None, checks: bool = True) -> None:
        self.plan = plan
        self.now = 1_000 * SECOND
        self.database = Database()
        self.commands: list[h.Command] = []
        self._env = {} if env is None else env
        self._checks = checks
        self._made = 0
        self._tokens = count(1)
        run, writes = new_run(
            id="run", dag="d", build=plan.build, kind=RunKind.MANUAL, scheduled_at=self.now, at=self.now, actor="me"
        )
        self.database.apply(writes)
        self.machine = RunMachine(plan, run, new_id=self._new_id, seq=1, env=self._env.__getitem__)

    def _new_id(self, at: int) -> str:
        self._made += 1
        return f"attempt-{self._made}"

    def handle(self, happening: h.Happening) -> Step | None:
        before = self._remembered()
        twin = self.restored() if self._checks else None
        step, refused = _taken(self.machine, happening)
        if refused is not None:
            assert before == self._remembered(), "a refusal changed something"
            assert twin is None or str(_taken(twin, happening)[1]) == str(refused)
            raise refused
        self.commands = [] if step is None else step.commands
        if step is None:
            assert before == self._remembered(), "a stale happening changed something"
        else:
            assert step.writes, "something that changed nothing"
            self.database.apply(step.writes)
        if twin is not None:
            assert twin.handle(happening) == step, "the rows do not say all that the machine went by"
            self.check()
        return step

    def _remembered(self) -> object:
        machine = self.machine
        if not self._checks:
            return None
        return list(machine.tasks()), sorted(machine.attempts(), key=lambda each: each.id), machine.run, machine.seq

    def restored(self) -> RunMachine:
        """A machine that knows nothing but the rows. The attempts that it makes have the ids of those made next."""
        numbers = count(self._made + 1)
        return RunMachine.restore(
            self.plan,
            self.database.runs["run"],
            self.database.current(),
            self.database.live(),
            new_id=lambda at: f"attempt-{next(numbers)}",
            seq=len(self.database.events),
            env=self._env.__getitem__,
        )

    def restart(self) -> None:
        """Goes on with what the rows restore."""
        self.machine = RunMachine.restore(
            self.plan,
            self.database.runs["run"],
            self.database.current(),
            self.database.live(),
            new_id=self._new_id,
            seq=len(self.database.events),
            env=self._env.__getitem__,
        )
        self.commands = self.machine.resume()

    # --- what may happen ---------------------------------------------------------------------------------------------

    def start(self) -> Step | None:
        return self.handle(h.Start(self.now))

    def claim(self, task: str, position: int = 0) -> Attempt:
        attempt = self.live(task, position)
        assert attempt is not None
        claimed = h.Claimed(self.now, attempt.id, next(self._tokens), "host", "instance", "request", self.now + LEASE)
        assert self.handle(claimed) is not None
        running = self.machine.attempt(attempt.id)
        assert running is not None
        assert running.token == claimed.token
        return running

    def report(
        self,
        attempt: Attempt,
        outcome: Outcome = Outcome.SUCCESS,
        *,
        output: str | None = None,
        error: str | None = None,
        deferral: Deferral | None = None,
    ) -> Step | None:
        at = self.now
        return self.handle(
            h.Reported(at, attempt.id, attempt.token, outcome, at, at, output=output, error=error, deferral=deferral)
        )

    def run(
        self, task: str, outcome: Outcome = Outcome.SUCCESS, *, position: int = 0, output: str = "null"
    ) -> Step | None:
        return self.report(self.claim(task, position), outcome, output=output)

    def defer(self, task: str, deferral: Deferral, *, position: int = 0) -> Attempt:
        attempt = self.claim(task, position)
        assert self.report(attempt, Outcome.DEFERRED, deferral=deferral) is not None
        waiting = self.machine.attempt(attempt.id)
        assert waiting is not None
        return waiting

    def expire(self, attempt: Attempt) -> Step | None:
        return self.handle(h.LeaseExpired(self.now, attempt.id, attempt.token, "no word for 30 s"))

    def cancel(self, actor: str = "ann") -> Step | None:
        return self.handle(h.CancelAsked(self.now, actor))

    def cancel_task(self, task: str, position: int | None = None, actor: str = "ann") -> Step | None:
        return self.handle(h.TaskCancelAsked(self.now, actor, task, position))

    def restart_failed(self) -> Step | None:
        return self.handle(h.Reopen(self.now, "ann", h.Operation.RESTART))

    def rerun(self, task: str, position: int | None = None, *, follow: bool = True) -> Step | None:
        return self.handle(h.Reopen(self.now, "ann", h.Operation.RERUN, task, position, follow=follow))

    def mark(
        self,
        task: str,
        status: TaskStatus = TaskStatus.SUCCESS,
        *,
        position: int | None = None,
        output: str | None = None,
        reason: str = "I know better",
    ) -> Step | None:
        return self.handle(
            h.Reopen(self.now, "ann", h.Operation.MARK, task, position, status=status, output=output, reason=reason)
        )

    # --- what is so --------------------------------------------------------------------------------------------------

    def live(self, task: str, position: int = 0) -> Attempt | None:
        return self.machine.attempt(self.database.last.get((task, position), ""))

    def row(self, task: str, position: int | None = None) -> TaskRow:
        row = self.machine.task(task, position)
        assert row is not None
        return row

    def status(self, task: str, position: int | None = None) -> TaskStatus:
        return self.row(task, position).status

    def statuses(self) -> dict[str, str]:
        """By task; members of a family by `family[position]`."""
        return {self.shown(row): row.status.value for row in self.machine.tasks()}

    def shown(self, row: TaskRow) -> str:
        whole = self.plan.tasks[row.task].fan_out is None or row.position == FAMILY
        return row.task if whole else f"{row.task}[{row.position}]"

    def history(self) -> list[EventKind]:
        return [event.kind for event in self.database.events]

    def value(self, expr: spec.Expr, task: str, position: int = 0) -> object:
        """What an expression of a task that is offered or runs means now."""
        attempt = self.live(task, position)
        assert attempt is not None
        return evaluate(expr, self.machine.scope(attempt))

    def notices(self, *, alerts: bool = True) -> list[h.Notice]:
        """What the last step wants people to be told; without `alerts` also what only the log is told."""
        return [each for each in self.commands if isinstance(each, h.Notice) and (each.alert or not alerts)]

    def told(self) -> list[tuple[NoticeEvent, str | None, tuple[str, ...]]]:
        """The alerts of the last step: what, about which task, to whom."""
        return [(each.event, each.task, each.notifiers) for each in self.notices()]

    # --- invariants --------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """What holds between any two happenings."""
        machine, database = self.machine, self.database
        assert database.runs["run"] == machine.run
        rows = sorted(machine.tasks(), key=lambda row: (row.task, row.position))
        assert database.current() == rows
        live = {attempt.id: attempt for attempt in machine.attempts()}
        assert live == {row.id: row for row in database.live()}
        by_task = {(attempt.task, attempt.position): attempt for attempt in live.values()}
        assert len(by_task) == len(live), "a task with two live attempts"
        made: dict[tuple[str, int, int], list[int]] = {}
        for attempt in database.attempts.values():
            made.setdefault((attempt.task, attempt.position, attempt.epoch), []).append(attempt.number)
        for row in rows:
            attempts = made.get((row.task, row.position, row.epoch), [])
            self._check_row(row, by_task.get((row.task, row.position)), sorted(attempts))
        for attempt in live.values():
            _check_attempt(attempt)
        if machine.run.status is RunStatus.QUEUED:
            assert not live
        else:
            assert machine.run.status.terminal == all(row.status.terminal for row in rows)
        assert not machine.run.status.terminal or machine.run.outcome is machine.run.status
        self._check_history()
        self._check_restored()

    def _check_row(self, row: TaskRow, attempt: Attempt | None, numbers: list[int]) -> None:
        task = self.plan.tasks[row.task]
        assert (row.due_at is not None) == (row.status is TaskStatus.RETRYING), row
        assert (row.finished_at is not None) == row.status.terminal, row
        assert row.lost <= row.attempts <= 1 + task.retries + spec.LOST_BUDGET, row
        assert row.status is not TaskStatus.SUCCESS or row.output is not None, row
        if row.position == FAMILY:
            assert attempt is None
            assert not row.attempts
            members = [each for each in self.machine.tasks() if each.task == row.task and each.position != FAMILY]
            assert not members or row.status.terminal == all(each.status.terminal for each in members), row
            return
        match row.status:
            case TaskStatus.QUEUED:
                assert attempt is not None
                assert attempt.status is AttemptStatus.QUEUED
            case TaskStatus.RUNNING:
                assert attempt is not None
                assert not attempt.status.terminal
                assert attempt.status is not AttemptStatus.QUEUED or attempt.state is not None
            case _:
                assert attempt is None, row
        if attempt is not None:
            assert attempt.number == row.attempts, row
        copied = row.attempts - len(numbers)
        assert numbers == list(range(copied + 1, row.attempts + 1)), "an attempt left out or counted twice"
        assert not copied or row.epoch > 1, row

    def _check_history(self) -> None:
        """The events fold to the rows."""
        folded, run = fold(self.plan, self.database.events), self.machine.run
        assert (folded.run, folded.outcome, folded.epoch) == (run.status, run.outcome, run.epoch)
        assert folded.late == (run.late_at is not None)
        assert folded.tasks == {
            (row.task, row.position): (row.status.value, row.attempts) for row in self.machine.tasks()
        }
        assert folded.attempts == {row.id: told(row) for row in self.database.attempts.values()}

    def _check_restored(self) -> None:
        """What the rows restore is what there was, and whoever owns something unfinished is told so."""
        again, machine = self.restored(), self.machine
        assert again.run == machine.run
        assert again.seq == machine.seq
        assert again.ending == machine.ending
        assert list(again.tasks()) == list(machine.tasks())
        for row in machine.tasks():
            if row.status is TaskStatus.WAITING and not machine.ending:
                assert again.parents(row.task, row.position) == machine.parents(row.task, row.position), row
        if machine.run.status is not RunStatus.RUNNING:
            assert again.resume() == []
            return
        owned: set[str] = set()
        woken: set[tuple[str, int]] = set()
        for command in again.resume():
            match command:
                case h.Offer(attempt) | h.Watch(attempt) | h.Await(attempt):
                    owned.add(attempt.id)
                case h.WakeAt(then=h.DeferralDue(attempt=attempt_id)):
                    owned.add(attempt_id)
                case h.WakeAt(then=h.RetryDue(task=task, position=position)):
                    woken.add((task, position))
                case h.Stop(attempt):
                    assert attempt.status is AttemptStatus.RUNNING
                case h.WakeAt(then=h.RunTimedOut()):
                    assert self.plan.dag.run_timeout is not None
                case _:
                    raise AssertionError(command)
        assert owned == {attempt.id for attempt in machine.attempts()}
        retrying = {(row.task, row.position) for row in machine.tasks() if row.status is TaskStatus.RETRYING}
        assert woken == retrying


def _check_attempt(attempt: Attempt) -> None:
    match attempt.status:
        case AttemptStatus.RUNNING:
            assert attempt.lease_until is not None
            assert attempt.token
        case AttemptStatus.DEFERRED:
            assert attempt.lease_until is None
            assert attempt.due_at is not None or deferral_of(attempt).run is not None, "it waits for nothing"
        case _:
            assert (attempt.lease_until, attempt.due_at) == (None, None)


def _taken(machine: RunMachine, happening: h.Happening) -> tuple[Step | None, NotPossible | None]:
    try:
        return machine.handle(happening), None
    except NotPossible as refused:
        return None, refused
