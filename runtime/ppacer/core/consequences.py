"""What follows from an end: of an attempt for its task, of a task for its children, of the last task for the run."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from ppacer import spec
from ppacer.core import families
from ppacer.core import happenings as h
from ppacer.core.backoff import retry_delay
from ppacer.core.evaluate import EvaluationError, evaluate
from ppacer.core.instants import microseconds
from ppacer.core.model import (
    FAMILY,
    AttemptStatus,
    ErrorKind,
    EventKind,
    NoticeEvent,
    RunStatus,
    TaskStatus,
)
from ppacer.core.operators import kind, text
from ppacer.core.run_state import FamilyNode, Node, Phase, RunState, deferral_of, phase_of
from ppacer.core.scopes import Scopes
from ppacer.core.state import FINAL_ERRORS, Verdict

WHEN_FALSE = "its `when` is false"
"""The `reason` of a task that was skipped for itself and not for its parents."""


class Consequences:
    """Carries out what follows, within the step at hand."""

    def __init__(self, state: RunState, scopes: Scopes) -> None:
        self._state = state
        self._scopes = scopes
        self._cancelling: Phase | None = None

    # --- the phases of a run -----------------------------------------------------------------------------------------

    def begin_phase(self, at: int) -> None:
        """Decides on all tasks of the phase that wait: at its beginning, or after part of the run was reopened."""
        state = self._state
        nodes = [node for node in state.all_nodes() if phase_of(node.task) is state.phase]
        unwanted: list[Node] = []
        if state.phase is Phase.HANDLERS:
            wanted = _HANDLERS.get(state.run.outcome or RunStatus.CANCELLED)
            unwanted = [node for node in nodes if node.task.handler is not wanted and not node.row.status.terminal]
        for node in unwanted:
            reason = f"it is for a run that ends as {_WORDS_OF[node.task.handler]}"
            state.move_task(node, TaskStatus.SKIPPED, finished_at=at, reason=reason)
        self._settle(at, ended=unwanted, undecided=nodes)

    def advance(self, at: int) -> None:
        """Goes on to the next phase, and to the end of the run, as often as nothing is left of a phase."""
        state = self._state
        while state.run.status is RunStatus.RUNNING and not state.left[state.phase]:
            if state.phase is Phase.TASKS and (state.left[Phase.HANDLERS] or state.left[Phase.FINALLY]):
                outcome = self._outcome()
                state.move_run(RunStatus.RUNNING, outcome=outcome)
                state.event(EventKind.RUN_DECIDED, at, outcome=outcome.value)
            if state.phase is Phase.FINALLY or not (state.left[Phase.HANDLERS] or state.left[Phase.FINALLY]):
                self.finish_run(at)
                return
            state.phase = Phase(state.phase + 1)
            self.begin_phase(at)

    def finish_run(self, at: int, status: RunStatus | None = None, reason: str | None = None) -> None:
        state = self._state
        ended_as = status or self._outcome()
        state.move_run(ended_as, finished_at=at, reason=reason, outcome=ended_as)
        state.event(EventKind.RUN_FINISHED, at, status=ended_as.value)
        event = _TOLD.get(ended_as)
        dag, run = state.plan.dag, state.run
        if event is not None and spec.AlertEvent(event.value) in dag.alert_on:
            told = self._told() if event is NoticeEvent.FAILURE else set()
            notifiers = tuple(name for name in dag.notify if name not in told)
            if notifiers or not dag.notify:
                state.command(h.Notice(event, alert=True, run=run, notifiers=notifiers, error=run.reason))
        state.command(h.RunEnded(run))

    def ask_run_to_end(self, outcome: RunStatus, reason: str, at: int) -> None:
        """Fixes what the run ends as, and cancels its ordinary tasks."""
        self._state.move_run(RunStatus.RUNNING, outcome=outcome, reason=reason)
        self.cancel_all(Phase.TASKS, at, reason)

    def unasked(self, phase: Phase) -> list[Node]:
        """What is left of a phase and was not asked to end."""
        return [node for node in self._state.all_nodes() if phase_of(node.task) is phase and self.can_cancel(node)]

    def cancel_all(self, phase: Phase, at: int, reason: str) -> None:
        """Cancels what is left of a phase: nothing of it is started because of what ends by that."""
        self._cancelling = phase
        for node in self.unasked(phase):
            self.cancel(node, at, reason)
        self._cancelling = None

    def _outcome(self) -> RunStatus:
        state = self._state
        return state.run.outcome or (RunStatus.FAILED if state.bad else RunStatus.SUCCESS)

    def _told(self) -> set[str]:
        """The notifiers that have been told of a failed task of this run: of all but those that somebody marked so."""
        told: set[str] = set()
        for node in self._state.all_nodes():
            failed = node.row.status is TaskStatus.FAILED and node.row.reason is None
            if failed and phase_of(node.task) is Phase.TASKS and spec.AlertEvent.FAILURE in node.task.alert_on:
                told.update(self._notifiers(node.task))
        return told

    # --- a task ------------------------------------------------------------------------------------------------------

    def end(
        self,
        node: Node,
        status: TaskStatus,
        at: int,
        *,
        output: str | None = None,
        error: str | None = None,
        reason: str | None = None,
        lost: int | None = None,
    ) -> None:
        """Ends a task and, one after the other, all that ends because of it."""
        self._state.move_task(node, status, finished_at=at, output=output, error=error, reason=reason, lost=lost)
        self._settle(at, ended=[node])

    def can_cancel(self, node: Node) -> bool:
        """Whether the task has not ended and was not asked to; of a family whether that is so of any member."""
        if isinstance(node, FamilyNode) and node.members:
            return not node.row.status.terminal and any(map(self.can_cancel, node.members))
        return not node.row.status.terminal and node.row.reason is None

    def cancel(self, node: Node, at: int, reason: str) -> None:
        """Ends a task at once, or asks it to end if it runs; nothing, if it has ended or was asked before."""
        state, row, attempt = self._state, node.row, node.attempt
        if row.status.terminal or row.reason is not None:
            return
        if isinstance(node, FamilyNode) and node.members:
            for member in node.members:
                self.cancel(member, at, reason)
            return
        if attempt is not None and attempt.status is AttemptStatus.RUNNING:
            state.ask_to_end(node, reason)
            state.command(h.Stop(attempt))
            return
        if attempt is not None:
            self.withdraw(node)
            state.end_attempt(node, AttemptStatus.CANCELLED, at, kind=ErrorKind.CANCELLED, error=reason)
        self.end(node, TaskStatus.CANCELLED, at, reason=reason)

    def withdraw(self, node: Node) -> None:
        """The node's attempt, which no executor holds, is no longer offered and waits for no other run."""
        attempt = node.attempt
        assert attempt is not None
        if attempt.status is AttemptStatus.QUEUED:
            self._state.command(h.Withdraw(attempt.id))
        elif deferral_of(attempt).run is not None:
            self._state.command(h.Unawait(attempt.id))

    def failed_once(self, node: Node, at: int, kind: ErrorKind | None, error: str | None, random: float) -> None:
        """An attempt failed or took too long."""
        state, task, row = self._state, node.task, node.row
        failures = row.attempts - row.lost
        if row.reason is not None:
            self.end(node, TaskStatus.CANCELLED, at, error=error)
            return
        if failures > task.retries or kind in FINAL_ERRORS:
            self.failed_for_good(node, at, error)
            return
        delay = microseconds(retry_delay(task, failures, random))
        state.task_event(EventKind.TASK_RETRYING, node, at, number=row.attempts, due_at=at + delay)
        self._tell(node, NoticeEvent.RETRY, error, retry_in=delay)
        if delay <= 0:
            self._try(node, at, error=error)
        else:
            state.move_task(node, TaskStatus.RETRYING, due_at=at + delay, error=error)
            state.command(h.WakeAt(state.run.id, at + delay, delay, h.RetryDue(at + delay, task.id, row.position)))

    def lost_once(self, node: Node, at: int, error: str) -> None:
        """An attempt vanished with its executor, or was given up by it unasked."""
        task, row = node.task, node.row
        lost = row.lost + 1
        if row.reason is not None:
            self.end(node, TaskStatus.CANCELLED, at, error=error, lost=lost)
        elif task.on_lost is spec.OnLost.FAIL or lost > spec.LOST_BUDGET:
            self.failed_for_good(node, at, error, lost=lost)
        else:
            self._state.task_event(EventKind.TASK_RETRYING, node, at, number=row.attempts, due_at=at)
            self._tell(node, NoticeEvent.RETRY, error, retry_in=0)
            self._try(node, at, error=error, lost=lost)

    def failed_for_good(self, node: Node, at: int, error: str | None, lost: int | None = None) -> None:
        self._tell(node, NoticeEvent.FAILURE, error)
        self.end(node, TaskStatus.FAILED, at, error=error, lost=lost)

    def try_again(self, node: Node, at: int) -> None:
        """The delay of a retrying task has passed."""
        self._try(node, at, error=node.row.error)

    def tell_late(self) -> None:
        """Tells who wants to know that the run is late: of the run, and of each of its tasks that has not ended.

        A family counts as one task. Who has been told of the run is not told of its tasks.
        """
        state = self._state
        dag = state.plan.dag
        late = spec.AlertEvent.LATE
        error = None if dag.deadline is None else f"it has not ended {text(dag.deadline)} after it was due"
        wanted = late in dag.alert_on
        notifiers = dag.notify if wanted else ()
        state.command(h.Notice(NoticeEvent.LATE, wanted, state.run, error=error, notifiers=notifiers))
        for node in state.nodes.values() or map(state.waiting_node, dag.tasks):
            if late not in node.task.alert_on or node.row.status.terminal or phase_of(node.task) is not Phase.TASKS:
                continue
            others = tuple(name for name in self._notifiers(node.task) if name not in notifiers)
            if others or not wanted:
                self._tell(node, NoticeEvent.LATE, error, notifiers=others)

    # --- from one to the next ----------------------------------------------------------------------------------------

    def _settle(self, at: int, *, ended: Iterable[Node] = (), undecided: Iterable[Node] = ()) -> None:
        """Tells of tasks that have ended whoever waited for them, and decides on those that may have something to
        decide, until nothing more follows.

        Of an end is told before anything else is decided: who is made of what has ended must not be told of it again.
        """
        over, open_ = deque(ended), deque(undecided)
        while over or open_:
            if over:
                open_.extend(self._tell_of_end(over.popleft(), at, over))
            else:
                node = open_.popleft()
                if self._decide(node, at, open_):
                    over.append(node)

    def _tell_of_end(self, node: Node, at: int, over: deque[Node]) -> list[Node]:
        """Tells of a task that has ended; returns those that it concerns. A family that ends with it is `over`, too."""
        state, status = self._state, node.row.status
        state.task_event(EventKind.TASK_FINISHED, node, at, status=status.value)
        if status is TaskStatus.SUCCESS and node.row.position != FAMILY:
            self._tell(node, NoticeEvent.SUCCESS, None)
        family = families.family_of(state, node)
        if family is not None:
            family.unfinished -= 1
            if not family.unfinished:
                ends = (member.row.status for member in family.members or ())
                state.move_task(family, families.family_status(ends), finished_at=at)
                family.items = None  # nobody asks for them any more
                over.append(family)
            return families.tell_member_ended(state, family, node)
        if isinstance(node, FamilyNode) and node.members:
            return []  # its members have told
        return families.tell_ended(state, node)

    def _decide(self, node: Node, at: int, undecided: deque[Node]) -> bool:
        """Carries out what the rules say about a task if it waits for them; true if that has ended it.

        Who may have something to decide because a family was expanded is added to `undecided`.
        """
        state = self._state
        if node.row.status is not TaskStatus.WAITING or not self._at_work(node):
            return False
        match families.verdict_on(state, node):
            case Verdict.WAIT:
                return False
            case Verdict.RUN if isinstance(node, FamilyNode):
                return self._expand(node, at, undecided)
            case Verdict.RUN:
                return self._run_if(node, at)
            case Verdict.SKIP:
                state.move_task(node, TaskStatus.SKIPPED, finished_at=at)
            case Verdict.UPSTREAM_FAILED:
                state.move_task(node, TaskStatus.UPSTREAM_FAILED, finished_at=at)
        return True

    def _at_work(self, node: Node) -> bool:
        """Whether tasks like this one are started now: in their phase, unless all that is left of it is cancelled."""
        phase = phase_of(node.task)
        return phase is self._state.phase and phase is not self._cancelling

    def _run_if(self, node: Node, at: int) -> bool:
        """Has the task tried, if its `when` holds; true if it has ended instead."""
        when, state = node.task.when, self._state
        if when is not None:
            try:
                holds = evaluate(when, self._scopes.of_task(node, 1))
                if not isinstance(holds, bool):
                    raise EvaluationError(f"`when` must be true or false, found {kind(holds)}", when.at)
            except EvaluationError as fault:
                self._cannot_decide(node, fault, at)
                return True
            if not holds:
                state.move_task(node, TaskStatus.SKIPPED, finished_at=at, reason=WHEN_FALSE)
                return True
        self._try(node, at)
        return False

    def _expand(self, family: FamilyNode, at: int, undecided: deque[Node]) -> bool:
        """Makes the members of a family, on which is to be decided; true if the family has ended instead."""
        state = self._state
        try:
            items, listed = self._scopes.find_items(family)
        except EvaluationError as fault:
            self._cannot_decide(family, fault, at)
            return True
        members = families.make_members(state, family, items)
        state.task_event(EventKind.TASK_EXPANDED, family, at, members=len(members))
        if not members:
            state.move_task(family, TaskStatus.SUCCESS, finished_at=at, output=listed)
            return True
        state.move_task(family, TaskStatus.RUNNING, started_at=at, output=listed)
        for member in members:
            state.insert_node(member)
        undecided.extend(members)
        undecided.extend(families.tell_expanded(state, family))
        return False

    def _cannot_decide(self, node: Node, fault: EvaluationError, at: int) -> None:
        plan = self._state.plan
        place = f"{plan.place(fault.at)}:{fault.at.column}"
        error = f"{plan.where(node.task, node.row)}: {fault.message} ({place})"
        self._tell(node, NoticeEvent.FAILURE, error)
        self._state.move_task(node, TaskStatus.FAILED, finished_at=at, error=error)

    def _try(self, node: Node, at: int, *, error: str | None = None, lost: int | None = None) -> None:
        state = self._state
        state.move_task(node, TaskStatus.QUEUED, attempts=node.row.attempts + 1, error=error, lost=lost)
        state.command(h.Offer(state.insert_attempt(node, at), node.task))

    # --- words -------------------------------------------------------------------------------------------------------

    def _tell(
        self,
        node: Node,
        event: NoticeEvent,
        error: str | None,
        *,
        retry_in: int | None = None,
        notifiers: tuple[str, ...] | None = None,
    ) -> None:
        """Failures and retries are always worth telling, successes only if somebody asked. `notifiers` are those of the
        task where they are left out."""
        task, row = node.task, node.row
        alert = spec.AlertEvent(event.value) in task.alert_on
        if not alert and event is NoticeEvent.SUCCESS:
            return
        self._state.command(
            h.Notice(
                event,
                alert,
                self._state.run,
                task.id,
                row.position,
                row.attempts,
                error,
                retry_in,
                (self._notifiers(task) if notifiers is None else notifiers) if alert else (),
                self._message(node, event, error) if alert else None,
            )
        )

    def _notifiers(self, task: spec.Task) -> tuple[str, ...]:
        return task.notify or self._state.plan.dag.notify

    def _message(self, node: Node, event: NoticeEvent, error: str | None) -> str | None:
        """What the task's author wants people to be told; none if there is nothing, or it has no value."""
        if node.task.alert is None:
            return None
        try:
            found = evaluate(node.task.alert, self._scopes.of_alert(node, event, error))
        except EvaluationError:
            return None  # the usual words tell more than the fault of a message
        return found if isinstance(found, str) else None


_HANDLERS = {
    RunStatus.SUCCESS: spec.HandlerKind.SUCCESS,
    RunStatus.FAILED: spec.HandlerKind.FAILURE,
}
_WORDS_OF = {spec.HandlerKind.SUCCESS: RunStatus.SUCCESS.value, spec.HandlerKind.FAILURE: RunStatus.FAILED.value}
_TOLD = {RunStatus.FAILED: NoticeEvent.FAILURE, RunStatus.SUCCESS: NoticeEvent.SUCCESS}
