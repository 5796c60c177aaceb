"""One run as a state machine: happenings in, rows to write and commands to carry out back.

It does what `ppacer.core.state` describes, for one run, and no I/O: time and randomness come with each happening, ids
and the environment from functions given to it. Work per happening is bound by the number of the task's children (and of
whatever ends with it), never by the size of the run: counters of unfinished parents replace every scan. Starting,
restoring, reopening and cancelling look at each task once, and so do the beginnings and ends of phases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count

from ppacer import spec, wire
from ppacer.core import happenings as h
from ppacer.core import reopen
from ppacer.core.backoff import retry_delay
from ppacer.core.consequences import Consequences
from ppacer.core.evaluate import Scope
from ppacer.core.families import parents_of
from ppacer.core.instants import microseconds
from ppacer.core.model import (
    Attempt,
    AttemptStatus,
    ErrorKind,
    EventKind,
    RenewLeases,
    Run,
    RunStatus,
    TaskRow,
    TaskStatus,
)
from ppacer.core.operators import text
from ppacer.core.plan import DagPlan
from ppacer.core.reopen import NotPossible
from ppacer.core.restore import load
from ppacer.core.run_state import Node, Phase, RunState, Step, deferral_of
from ppacer.core.scopes import Scopes, default_env
from ppacer.core.state import Parents
from ppacer.protocol import Deferral, Outcome
from ppacer.records import replace

__all__ = ["NotPossible", "RunMachine", "ended_as", "time_left"]


class RunMachine:
    """One run. `new_id(at)` makes the ids of attempts, `seq` is that of the run's last event so far, `env` gives the
    variables of the environment that conditions, lists and messages are evaluated in."""

    def __init__(
        self,
        plan: DagPlan,
        run: Run,
        *,
        new_id: Callable[[int], str],
        seq: int,
        env: Callable[[str], str] = default_env,
    ) -> None:
        self._env = env
        self._state = RunState(plan, run, new_id, seq)
        self._scopes = Scopes(self._state, env)
        self._then = Consequences(self._state, self._scopes)

    @classmethod
    def restore(
        cls,
        plan: DagPlan,
        run: Run,
        tasks: Iterable[TaskRow],
        live: Iterable[Attempt],
        *,
        new_id: Callable[[int], str],
        seq: int,
        env: Callable[[str], str] = default_env,
    ) -> RunMachine:
        """The machine whose writes left these rows: the current rows of its tasks, attempts that have not ended.

        Raises `RestoreError`.
        """
        machine = cls(plan, run, new_id=new_id, seq=seq, env=env)
        rows = list(tasks)
        if rows:
            load(machine._state, rows, live)
        return machine

    def twin(self) -> RunMachine:
        """A machine that stands as this one does, to try out what would happen; the ids that it makes are no ids."""
        made = count()
        return RunMachine.restore(
            self.plan,
            self.run,
            list(self.tasks()),
            list(self.attempts()),
            new_id=lambda _: f"twin-{next(made)}",
            seq=self.seq,
            env=self._env,
        )

    def resume(self) -> list[h.Command]:
        """The commands that put a restored run back to work."""
        commands: list[h.Command] = []
        if self.run.status is not RunStatus.RUNNING:
            return commands
        commands.extend(self._run_timeout())
        for node in self._state.all_nodes():
            attempt, row = node.attempt, node.row
            if attempt is not None:
                commands.extend(self._resume_attempt(node, attempt))
            elif row.status is TaskStatus.RETRYING and row.due_at is not None:
                longest = microseconds(retry_delay(node.task, row.attempts - row.lost, 1.0))
                then = h.RetryDue(row.due_at, row.task, row.position)
                commands.append(h.WakeAt(self.run.id, row.due_at, longest, then))
        return commands

    def handle(self, happening: h.Happening) -> Step | None:
        """The step that the happening leads to, or none if it is stale: then nothing has changed.

        Stale is what speaks of an attempt or a delay that is over, under an old token, or to a run that has ended.
        Raises `NotPossible`, and nothing has changed, for a wish that cannot be granted.
        """
        step = self._state.begin_step()
        if not self._take(happening):
            return None
        self._then.advance(happening.at)
        return step

    # --- what there is -----------------------------------------------------------------------------------------------

    @property
    def plan(self) -> DagPlan:
        return self._state.plan

    @property
    def run(self) -> Run:
        return self._state.run

    @property
    def seq(self) -> int:
        return self._state.seq

    @property
    def ending(self) -> bool:
        """Whether no ordinary task is started any more: the run was asked to end, or its handlers run."""
        return self.run.outcome is not None

    def attempt(self, attempt_id: str) -> Attempt | None:
        """The attempt, if it has not ended."""
        node = self._state.live.get(attempt_id)
        return None if node is None else node.attempt

    def attempts(self) -> Iterator[Attempt]:
        """All attempts that have not ended."""
        return (node.attempt for node in self._state.live.values() if node.attempt is not None)

    def task(self, task_id: str, position: int | None = None) -> TaskRow | None:
        """The row of a task or family, or of the member at a position."""
        node = self._state.node(task_id, position)
        return None if node is None else node.row

    def tasks(self) -> Iterator[TaskRow]:
        """The rows of all tasks, in topological order, families before their members; none before the run started."""
        return (node.row for node in self._state.all_nodes())

    def parents(self, task_id: str, position: int | None = None) -> Parents:
        """How the parents of a task stand; `KeyError` if the run has no such task (yet)."""
        node = self._state.node(task_id, position)
        if node is None:
            raise KeyError(task_id)
        return replace(parents_of(self._state, node))

    def scope(self, attempt: Attempt) -> Scope:
        """What the expressions of a live attempt's task see."""
        return self._scopes.of_task(self._state.live[attempt.id], attempt.number)

    def scope_of(self, task_id: str, position: int | None, number: int) -> Scope:
        """What they see in its attempt of that number as things stand; `KeyError` if the run has no such task (yet)."""
        node = self._state.node(task_id, position)
        if node is None:
            raise KeyError(task_id)
        return self._scopes.of_task(node, number)

    # --- what happens to the run -------------------------------------------------------------------------------------

    def _take(self, happening: h.Happening) -> bool:
        """Whether the happening changed anything."""
        match happening:
            case h.Start():
                return self._start(happening)
            case h.Claimed():
                return self._claimed(happening)
            case h.Reported():
                return self._reported(happening)
            case h.LeaseExpired():
                return self._lease_expired(happening)
            case h.LeaseRestored():
                return self._lease_restored(happening)
            case h.CannotStart():
                return self._cannot_start(happening)
            case h.RetryDue():
                return self._retry_due(happening)
            case h.DeferralDue():
                return self._deferral_due(happening)
            case h.Awaited():
                return self._awaited(happening)
            case h.RunTimedOut():
                return self._timed_out(happening)
            case h.DeadlinePassed():
                return self._late(happening)
            case h.CancelAsked():
                return self._cancel(happening)
            case h.TaskCancelAsked():
                return self._cancel_task(happening)
            case h.Reopen():
                return self._reopen(happening)

    def _start(self, happening: h.Start) -> bool:
        state, at = self._state, happening.at
        if self.run.status is not RunStatus.QUEUED:
            return False
        state.move_run(RunStatus.RUNNING, started_at=at)
        state.event(EventKind.RUN_STARTED, at)
        state.command(h.RunStarted(self.run))
        for command in self._run_timeout():
            state.command(command)
        if not state.nodes:
            for task in self.plan.dag.tasks:
                state.insert_task(task)
        self._then.begin_phase(at)
        return True

    def _run_timeout(self) -> list[h.Command]:
        limit, run = self.plan.dag.run_timeout, self.run
        if limit is None or run.started_at is None or run.outcome is not None:
            return []
        span = microseconds(limit)
        due = run.started_at + span
        return [h.WakeAt(run.id, due, span, h.RunTimedOut(due))]

    def _timed_out(self, happening: h.RunTimedOut) -> bool:
        limit, run, at = self.plan.dag.run_timeout, self.run, happening.at
        if run.status is not RunStatus.RUNNING or run.outcome is not None or limit is None or run.started_at is None:
            return False
        if at < run.started_at + microseconds(limit):
            return False
        reason = f"it ran longer than its run_timeout of {text(limit)}"
        self._state.event(EventKind.RUN_TIMED_OUT, at)
        self._then.ask_run_to_end(RunStatus.FAILED, reason, at)
        return True

    def _late(self, happening: h.DeadlinePassed) -> bool:
        run, at = self.run, happening.at
        if run.status.terminal or run.late_at is not None:
            return False
        self._state.move_run(run.status, late_at=at)
        self._state.event(EventKind.RUN_LATE, at)
        self._then.tell_late()
        return True

    def _cancel(self, happening: h.CancelAsked) -> bool:
        state, run, at = self._state, self.run, happening.at
        reason = f"cancelled by {happening.actor}"
        handlers = state.phase is not Phase.TASKS
        if run.status.terminal or (run.outcome is not None and not handlers):
            return False
        if handlers and not self._then.unasked(state.phase):
            return False
        state.event(EventKind.CANCEL_REQUESTED, at, happening.actor)
        if handlers:
            self._then.cancel_all(state.phase, at, reason)
        elif run.status is RunStatus.QUEUED:
            for phase in Phase:
                self._then.cancel_all(phase, at, reason)
            self._then.finish_run(at, RunStatus.CANCELLED, reason)
        else:
            self._then.ask_run_to_end(RunStatus.CANCELLED, reason, at)
        return True

    def _cancel_task(self, happening: h.TaskCancelAsked) -> bool:
        state, at = self._state, happening.at
        if self.run.status is RunStatus.QUEUED:
            raise NotPossible(f"run {self.run.id} has not begun: it waits for its turn")
        node = self._known(happening.task, happening.position)
        if node.row.status.terminal:
            raise NotPossible(f"task {node.shown} has ended already: {node.row.status}")
        if not self._then.can_cancel(node):
            return False
        state.task_event(EventKind.TASK_CANCEL_REQUESTED, node, at, happening.actor)
        self._then.cancel(node, at, f"cancelled by {happening.actor}")
        return True

    def _reopen(self, happening: h.Reopen) -> bool:
        reopen.reopen(self._state, happening)
        if self.run.status is RunStatus.RUNNING:
            self._then.begin_phase(happening.at)
        return True

    def _known(self, task: str, position: int | None) -> Node:
        node = self._state.node(task, position)
        if node is None:
            raise NotPossible(f"run {self.run.id} has no task {task}{'' if position is None else f'[{position}]'}")
        return node

    # --- what happens to an attempt ----------------------------------------------------------------------------------

    def _claimed(self, claim: h.Claimed) -> bool:
        state = self._state
        found = state.queued(claim.attempt)
        if found is None or claim.token <= found[1].token:
            return False
        node, old = found
        attempt = replace(
            old,
            status=AttemptStatus.RUNNING,
            token=claim.token,
            executor=claim.executor,
            instance=claim.instance,
            request=claim.request,
            lease_until=claim.lease_until,
            started_at=old.started_at or claim.at,
        )
        state.change_attempt(node, attempt)
        if old.state is None:
            state.task_event(
                EventKind.ATTEMPT_STARTED, node, claim.at, claim.executor, number=old.number, id=attempt.id
            )
            state.move_task(node, TaskStatus.RUNNING, started_at=node.row.started_at or claim.at)
        state.command(h.Watch(attempt))
        return True

    def _reported(self, report: h.Reported) -> bool:
        state = self._state
        found = state.running(report.attempt)
        if found is None or found[1].token != report.token:
            return False
        node, attempt = found
        at, error = report.at, report.error
        state.command(h.Ended(attempt))
        if report.outcome is Outcome.DEFERRED and report.deferral is not None and node.row.reason is None:
            self._defer(node, attempt, report, report.deferral)
            return True
        status = ended_as(report.outcome)
        if report.outcome is Outcome.DEFERRED:
            status, error = AttemptStatus.CANCELLED, node.row.reason or "it was deferred without a reason"
        kind = None if status is AttemptStatus.SUCCESS else report.error_kind or _KINDS[status]
        state.end_attempt(
            node, status, at, kind=kind, error=error, started_at=report.started_at, finished_at=report.finished_at
        )
        match status:
            case AttemptStatus.SUCCESS:
                self._then.end(node, TaskStatus.SUCCESS, at, output=report.output or "null")
            case AttemptStatus.FAILED | AttemptStatus.TIMED_OUT:
                self._then.failed_once(node, at, kind, error, report.random)
            case AttemptStatus.CANCELLED if node.row.reason is not None:
                self._then.end(node, TaskStatus.CANCELLED, at)
            case _:
                self._then.lost_once(node, at, error or f"the executor gave the attempt up: {report.outcome}")
        return True

    def _lease_expired(self, happening: h.LeaseExpired) -> bool:
        state = self._state
        found = state.running(happening.attempt)
        if found is None or found[1].token != happening.token:
            return False
        node, attempt = found
        state.command(h.Ended(attempt))
        state.end_attempt(node, AttemptStatus.LOST, happening.at, kind=ErrorKind.LOST, error=happening.reason)
        self._then.lost_once(node, happening.at, happening.reason)
        return True

    def _lease_restored(self, happening: h.LeaseRestored) -> bool:
        state = self._state
        found = state.running(happening.attempt)
        if found is None:
            return False
        node, attempt = found
        node.attempt = replace(attempt, lease_until=happening.lease_until)
        state.step.rows.append(RenewLeases(((attempt.id, attempt.token),), happening.lease_until))
        state.task_event(EventKind.LEASE_RESTORED, node, happening.at, number=attempt.number, id=attempt.id)
        return True

    def _cannot_start(self, happening: h.CannotStart) -> bool:
        state = self._state
        found = state.queued(happening.attempt)
        if found is None:
            return False
        node, attempt = found
        state.command(h.Withdraw(attempt.id))
        state.end_attempt(node, AttemptStatus.FAILED, happening.at, kind=happening.kind, error=happening.error)
        self._then.failed_for_good(node, happening.at, happening.error)
        return True

    def _retry_due(self, happening: h.RetryDue) -> bool:
        node = self._state.node(happening.task, happening.position)
        if node is None or node.row.due_at is None or happening.at < node.row.due_at:
            return False
        self._then.try_again(node, happening.at)
        return True

    # --- attempts that wait without an executor ----------------------------------------------------------------------

    def _defer(self, node: Node, old: Attempt, report: h.Reported, deferral: Deferral) -> None:
        """Has the attempt wait. One that waits for nothing that could come goes on at once."""
        state = self._state
        attempt = replace(
            old,
            status=AttemptStatus.DEFERRED,
            lease_until=None,
            due_at=report.at if deferral.until is None and deferral.run is None else deferral.until,
            parts=old.parts + 1,
            state=wire.encode(deferral).decode(),
        )
        state.change_attempt(node, attempt)
        if old.state is None:
            state.task_event(EventKind.ATTEMPT_DEFERRED, node, report.at, number=old.number, id=old.id)
        for command in self._wait_for(node, attempt):
            state.command(command)

    def _wait_for(self, node: Node, attempt: Attempt) -> Iterator[h.Command]:
        """The commands that bring a deferred attempt back in time, or end it then. What it asks for may be answered at
        once, and the run end by that: so that comes last."""
        times = [each for each in (attempt.due_at, _times_out_at(node, attempt)) if each is not None]
        if times:
            due = min(times)
            yield h.WakeAt(self.run.id, due, max(0, due - (attempt.started_at or due)), h.DeferralDue(due, attempt.id))
        wanted = deferral_of(attempt).run
        if wanted is not None:
            yield h.Await(attempt, wanted)

    def _deferral_due(self, happening: h.DeferralDue) -> bool:
        found = self._state.deferred(happening.attempt)
        if found is None:
            return False
        node, attempt = found
        at, times_out = happening.at, _times_out_at(node, attempt)
        if attempt.due_at is not None and at >= attempt.due_at and (times_out is None or attempt.due_at <= times_out):
            self._then.withdraw(node)
            self._go_on(node, attempt, deferral_of(attempt).output, at)
            return True
        if times_out is None or at < times_out:
            return False
        limit = text(node.task.timeout)
        error = f"the task waited longer than its time-out of {limit}\n{self.plan.where(node.task, node.row)}"
        self._then.withdraw(node)
        self._state.end_attempt(node, AttemptStatus.TIMED_OUT, at, kind=ErrorKind.TIMEOUT, error=error)
        self._then.failed_once(node, at, ErrorKind.TIMEOUT, error, 0.5)
        return True

    def _awaited(self, happening: h.Awaited) -> bool:
        found = self._state.deferred(happening.attempt)
        if found is None:
            return False
        node, attempt = found
        if deferral_of(attempt).run is None:
            return False
        if happening.error is None:
            self._go_on(node, attempt, happening.output, happening.at)
            return True
        error = f"{happening.error}\n{self.plan.where(node.task, node.row)}"
        self._state.end_attempt(node, AttemptStatus.FAILED, happening.at, kind=ErrorKind.RUN, error=error)
        self._then.failed_once(node, happening.at, ErrorKind.RUN, error, 0.5)
        return True

    def _go_on(self, node: Node, attempt: Attempt, output: str | None, at: int) -> None:
        """What the attempt waited for has come: it is offered once more, or there was nothing left to do."""
        state = self._state
        if deferral_of(attempt).state is None:
            state.end_attempt(node, AttemptStatus.SUCCESS, at)
            self._then.end(node, TaskStatus.SUCCESS, at, output=output or "null")
            return
        queued = replace(attempt, status=AttemptStatus.QUEUED, due_at=None)
        state.change_attempt(node, queued)
        state.command(h.Offer(queued, node.task))

    def _resume_attempt(self, node: Node, attempt: Attempt) -> Iterator[h.Command]:
        match attempt.status:
            case AttemptStatus.QUEUED:
                yield h.Offer(attempt, node.task)
            case AttemptStatus.DEFERRED:
                yield from self._wait_for(node, attempt)
            case _:
                yield h.Watch(attempt)
                if node.row.reason is not None:
                    yield h.Stop(attempt)


def ended_as(outcome: Outcome) -> AttemptStatus:
    """The status in which a reported outcome leaves an attempt."""
    return AttemptStatus(outcome.value)


def time_left(task: spec.Task, attempt: Attempt, now: int) -> float | None:
    """Seconds of its time-out that an attempt has left, its waiting counted in; none where it has no time-out."""
    if task.timeout is None:
        return None
    spent = 0 if attempt.started_at is None or attempt.state is None else now - attempt.started_at
    return max(0.0, task.timeout.total_seconds() - spent / 1_000_000)


def _times_out_at(node: Node, attempt: Attempt) -> int | None:
    if node.task.timeout is None or attempt.started_at is None:
        return None
    return attempt.started_at + microseconds(node.task.timeout)


_KINDS = {
    AttemptStatus.FAILED: ErrorKind.EXCEPTION,
    AttemptStatus.TIMED_OUT: ErrorKind.TIMEOUT,
    AttemptStatus.CANCELLED: ErrorKind.CANCELLED,
    AttemptStatus.LOST: ErrorKind.LOST,
}
