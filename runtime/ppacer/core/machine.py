"""One run as a state machine: happenings in, rows to write and commands to carry out back.

It does what `ppacer.core.state` describes, for one epoch of one run, and no I/O: time and randomness come with each
happening, ids from a source given to it. Work per happening is bound by the number of the task's children (and of
whatever ends with it), never by the size of the run: counters of unfinished parents replace every scan. Starting,
restoring and cancelling look at each task once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.backoff import retry_delay
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
from ppacer.core.plan import DagPlan
from ppacer.core.run_state import Node, RunState, Step
from ppacer.core.state import FINAL_ERRORS, Parents, Verdict, verdict
from ppacer.protocol import Outcome
from ppacer.records import replace


class RunMachine:
    """One run. `new_id(at)` makes the ids of attempts, `seq` is that of the run's last event so far."""

    def __init__(self, plan: DagPlan, run: Run, *, new_id: Callable[[int], str], seq: int) -> None:
        self._state = RunState(plan, run, new_id, seq)

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
    ) -> RunMachine:
        """The machine whose writes left these rows: tasks of the run's epoch, attempts that have not ended.

        Raises `RestoreError`.
        """
        machine = cls(plan, run, new_id=new_id, seq=seq)
        if run.status is RunStatus.RUNNING:
            machine._state.load(tasks, live)
        return machine

    def resume(self) -> list[h.Command]:
        """The commands that put a restored run back to work."""
        commands: list[h.Command] = []
        for node in self._state.nodes.values():
            attempt, row = node.attempt, node.row
            if attempt is not None and attempt.status is AttemptStatus.QUEUED:
                commands.append(h.Offer(attempt, node.task))
            elif attempt is not None:
                commands.append(h.Watch(attempt))
                if self.ending:
                    commands.append(h.Stop(attempt))
            elif row.status is TaskStatus.RETRYING and row.due_at is not None:
                longest = retry_delay(node.task, row.attempts - row.lost, 1.0)
                commands.append(h.WakeAt(self.run.id, row.task, row.due_at, microseconds(longest)))
        return commands

    def handle(self, happening: h.Happening) -> Step | None:
        """The step that the happening leads to, or none if it is stale: then nothing has changed.

        Stale is what speaks of an attempt or a delay that is over, under an old token, or to a run that has ended.
        """
        self._state.step = step = Step()
        match happening:
            case h.Start():
                taken = self._start(happening)
            case h.Claimed():
                taken = self._claimed(happening)
            case h.Reported():
                taken = self._reported(happening)
            case h.LeaseExpired():
                taken = self._lease_expired(happening)
            case h.LeaseRestored():
                taken = self._lease_restored(happening)
            case h.CannotStart():
                taken = self._cannot_start(happening)
            case h.RetryDue():
                taken = self._retry_due(happening)
            case h.CancelAsked():
                taken = self._cancel(happening)
        if not taken:
            return None
        if self.run.status is RunStatus.RUNNING and self._state.unfinished == 0:
            self._finish_run(happening.at)
        return step

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
        """Whether a cancel was asked for."""
        return self.run.reason is not None

    def attempt(self, attempt_id: str) -> Attempt | None:
        """The attempt, if it has not ended."""
        node = self._state.live.get(attempt_id)
        return None if node is None else node.attempt

    def attempts(self) -> Iterator[Attempt]:
        """All attempts that have not ended."""
        return (node.attempt for node in self._state.live.values() if node.attempt is not None)

    def task(self, task_id: str) -> TaskRow | None:
        node = self._state.nodes.get(task_id)
        return None if node is None else node.row

    def tasks(self) -> Iterator[TaskRow]:
        """The rows of all tasks, in topological order; none before the run has started."""
        return (node.row for node in self._state.nodes.values())

    def parents(self, task_id: str) -> Parents:
        """How the parents of a task stand; `KeyError` if the run has no such task (yet)."""
        return replace(self._state.nodes[task_id].parents)

    # --- what happens to the run -------------------------------------------------------------------------------------

    def _start(self, happening: h.Start) -> bool:
        state = self._state
        if self.run.status is not RunStatus.QUEUED:
            return False
        state.move_run(RunStatus.RUNNING, started_at=happening.at)
        state.event(EventKind.RUN_STARTED, happening.at)
        state.command(h.RunStarted(self.run))
        ready: list[Node] = []
        for task in self.plan.dag.tasks:
            parents = Parents(total=len(task.parents), unfinished=len(task.parents))
            if verdict(task.trigger, parents) is Verdict.RUN:
                ready.append(state.insert_task(task, TaskStatus.QUEUED, attempts=1))
            else:
                state.insert_task(task, TaskStatus.WAITING)
        for node in ready:
            self._offer(node, happening.at)
        return True

    def _cancel(self, happening: h.CancelAsked) -> bool:
        state, at = self._state, happening.at
        if self.run.status.terminal or self.ending:
            return False
        reason = f"cancelled by {happening.actor}"
        state.event(EventKind.CANCEL_REQUESTED, at, happening.actor)
        if self.run.status is RunStatus.QUEUED:
            self._finish_run(at, reason)
            return True
        state.move_run(RunStatus.RUNNING, reason=reason)
        for node in state.nodes.values():
            attempt = node.attempt
            if attempt is not None and attempt.status is AttemptStatus.RUNNING:
                state.command(h.Stop(attempt))
            elif not node.row.status.terminal:
                if attempt is not None:
                    state.command(h.Withdraw(attempt.id))
                    state.end_attempt(
                        node, attempt, AttemptStatus.CANCELLED, at, kind=ErrorKind.CANCELLED, error=reason
                    )
                self._end_task(node, TaskStatus.CANCELLED, at)
        return True

    def _finish_run(self, at: int, reason: str | None = None) -> None:
        state = self._state
        if self.ending or reason is not None:
            status = RunStatus.CANCELLED
        else:
            status = RunStatus.FAILED if state.failed else RunStatus.SUCCESS
        state.move_run(status, finished_at=at, reason=reason)
        state.event(EventKind.RUN_FINISHED, at, status=status.value)
        told = _TOLD.get(status)
        if told is not None and told in self.plan.dag.alert_on:
            state.command(h.Notice(told, True, self.run))
        state.command(h.RunEnded(self.run))

    # --- what happens to an attempt ----------------------------------------------------------------------------------

    def _claimed(self, happening: h.Claimed) -> bool:
        state = self._state
        found = state.queued(happening.attempt)
        if found is None:
            return False
        node, queued = found
        attempt = state.begin_attempt(node, queued, happening)
        state.move_task(node, TaskStatus.RUNNING, started_at=node.row.started_at or happening.at)
        state.command(h.Watch(attempt))
        return True

    def _reported(self, happening: h.Reported) -> bool:
        state = self._state
        found = state.running(happening.attempt)
        if found is None or found[1].token != happening.token:
            return False
        node, attempt = found
        at, error = happening.at, happening.error
        status = ended_as(happening.outcome)
        kind = None if status is AttemptStatus.SUCCESS else happening.error_kind or _KINDS[status]
        state.command(h.Ended(attempt))
        state.end_attempt(
            node,
            attempt,
            status,
            at,
            kind=kind,
            error=error,
            started_at=happening.started_at,
            finished_at=happening.finished_at,
        )
        match status:
            case AttemptStatus.SUCCESS:
                self._end_task(node, TaskStatus.SUCCESS, at, output=happening.output)
            case AttemptStatus.FAILED | AttemptStatus.TIMED_OUT:
                self._failed_once(node, at, kind, error, happening.random)
            case _:
                self._lost_once(node, at, error or f"the executor gave the attempt up: {happening.outcome}")
        return True

    def _lease_expired(self, happening: h.LeaseExpired) -> bool:
        state = self._state
        found = state.running(happening.attempt)
        if found is None or found[1].token != happening.token:
            return False
        node, attempt = found
        state.command(h.Ended(attempt))
        state.end_attempt(node, attempt, AttemptStatus.LOST, happening.at, kind=ErrorKind.LOST, error=happening.reason)
        self._lost_once(node, happening.at, happening.reason)
        return True

    def _lease_restored(self, happening: h.LeaseRestored) -> bool:
        state = self._state
        found = state.running(happening.attempt)
        if found is None:
            return False
        node, attempt = found
        node.attempt = replace(attempt, lease_until=happening.lease_until)
        state.step.rows.append(RenewLeases(((attempt.id, attempt.token),), happening.lease_until))
        state.event(EventKind.LEASE_RESTORED, happening.at, task=attempt.task, number=attempt.number, id=attempt.id)
        return True

    def _cannot_start(self, happening: h.CannotStart) -> bool:
        state = self._state
        found = state.queued(happening.attempt)
        if found is None:
            return False
        node, attempt = found
        state.command(h.Withdraw(attempt.id))
        state.end_attempt(node, attempt, AttemptStatus.FAILED, happening.at, kind=happening.kind, error=happening.error)
        self._failed_for_good(node, happening.at, happening.error)
        return True

    def _retry_due(self, happening: h.RetryDue) -> bool:
        node = self._state.nodes.get(happening.task)
        if node is None or node.row.status is not TaskStatus.RETRYING:
            return False
        self._try(node, happening.at, error=node.row.error)
        return True

    # --- what follows ------------------------------------------------------------------------------------------------

    def _failed_once(self, node: Node, at: int, kind: ErrorKind | None, error: str | None, random: float) -> None:
        state, task, row = self._state, node.task, node.row
        failures = row.attempts - row.lost
        if self.ending or failures > task.retries or kind in FINAL_ERRORS:
            self._failed_for_good(node, at, error)
            return
        delay = microseconds(retry_delay(task, failures, random))
        state.event(EventKind.TASK_RETRYING, at, task=task.id, number=row.attempts, due_at=at + delay)
        self._tell(node, spec.AlertEvent.RETRY, error, retry_in=delay)
        if delay <= 0:
            self._try(node, at, error=error)
        else:
            state.move_task(node, TaskStatus.RETRYING, due_at=at + delay, error=error)
            state.command(h.WakeAt(self.run.id, task.id, at + delay, delay))

    def _lost_once(self, node: Node, at: int, error: str) -> None:
        task = node.task
        lost = node.row.lost + 1
        if self.ending:
            self._end_task(node, TaskStatus.CANCELLED, at, lost=lost)
        elif task.on_lost is spec.OnLost.FAIL or lost > spec.LOST_BUDGET:
            self._failed_for_good(node, at, error, lost=lost)
        else:
            self._state.event(EventKind.TASK_RETRYING, at, task=task.id, number=node.row.attempts, due_at=at)
            self._tell(node, spec.AlertEvent.RETRY, error, retry_in=0)
            self._try(node, at, error=error, lost=lost)

    def _failed_for_good(self, node: Node, at: int, error: str | None, lost: int | None = None) -> None:
        self._tell(node, spec.AlertEvent.FAILURE, error)
        self._end_task(node, TaskStatus.FAILED, at, error=error, lost=lost)

    def _try(self, node: Node, at: int, *, error: str | None = None, lost: int | None = None) -> None:
        self._state.move_task(node, TaskStatus.QUEUED, attempts=node.row.attempts + 1, error=error, lost=lost)
        self._offer(node, at)

    def _offer(self, node: Node, at: int) -> None:
        self._state.command(h.Offer(self._state.insert_attempt(node, at), node.task))

    def _end_task(
        self,
        node: Node,
        status: TaskStatus,
        at: int,
        *,
        output: str | None = None,
        error: str | None = None,
        lost: int | None = None,
    ) -> None:
        """Ends a task and, one after the other, all that ends because of it."""
        state = self._state
        state.move_task(node, status, finished_at=at, output=output, error=error, lost=lost)
        ended = deque([node])
        while ended:
            last = ended.popleft()
            status = last.row.status
            state.unfinished -= 1
            state.failed += status is TaskStatus.FAILED
            state.event(EventKind.TASK_FINISHED, at, task=last.row.task, status=status.value)
            if status is TaskStatus.SUCCESS:
                self._tell(last, spec.AlertEvent.SUCCESS, None)
            for child in last.task.children:
                below = state.nodes[child]
                below.parents.ended(status)
                if below.row.status is TaskStatus.WAITING and not self.ending and self._decide(below, at):
                    ended.append(below)

    def _decide(self, node: Node, at: int) -> bool:
        """Carries out what the trigger rule says about a waiting task; true if that has ended it."""
        match verdict(node.task.trigger, node.parents):
            case Verdict.WAIT:
                return False
            case Verdict.RUN:
                self._try(node, at)
                return False
            case Verdict.SKIP:
                self._state.move_task(node, TaskStatus.SKIPPED, finished_at=at)
            case Verdict.UPSTREAM_FAILED:
                self._state.move_task(node, TaskStatus.UPSTREAM_FAILED, finished_at=at)
        return True

    def _tell(self, node: Node, event: spec.AlertEvent, error: str | None, retry_in: int | None = None) -> None:
        """Failures and retries are always worth telling, successes only if somebody asked."""
        alert = event in node.task.alert_on
        if alert or event is not spec.AlertEvent.SUCCESS:
            self._state.command(h.Notice(event, alert, self.run, node.task.id, node.row.attempts, error, retry_in))


def ended_as(outcome: Outcome) -> AttemptStatus:
    """The status in which a reported outcome leaves an attempt."""
    return AttemptStatus(outcome.value)


_KINDS = {
    AttemptStatus.FAILED: ErrorKind.EXCEPTION,
    AttemptStatus.TIMED_OUT: ErrorKind.TIMEOUT,
    AttemptStatus.CANCELLED: ErrorKind.CANCELLED,
    AttemptStatus.LOST: ErrorKind.LOST,
}
_TOLD = {RunStatus.FAILED: spec.AlertEvent.FAILURE, RunStatus.SUCCESS: spec.AlertEvent.SUCCESS}
