"""What a run's machine remembers, and the only ways in which it changes: each checks its move and writes its row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.model import (
    Attempt,
    AttemptStatus,
    ErrorKind,
    Event,
    EventKind,
    InsertAttempt,
    InsertEvent,
    InsertTask,
    Run,
    RunStatus,
    TaskRow,
    TaskStatus,
    UpdateAttempt,
    UpdateRun,
    UpdateTask,
    Write,
)
from ppacer.core.plan import DagPlan
from ppacer.core.state import Parents, check_attempt_move, check_run_move, check_task_move
from ppacer.records import dataclass, field, replace

SCHEDULER = "scheduler"
"""The actor of what nobody asked for."""


class RestoreError(Exception):
    """The rows of a run do not fit its dag."""


@dataclass(slots=True)
class Step:
    """What one happening leads to. `writes` belong in one transaction, in this order."""

    rows: list[Write] = field(default_factory=list)
    events: list[Write] = field(default_factory=list)
    commands: list[h.Command] = field(default_factory=list)

    @property
    def writes(self) -> list[Write]:
        return self.rows + self.events


class Node:
    """A task of the run: its row, how its parents stand, and its live attempt if it has one."""

    __slots__ = ("attempt", "parents", "row", "task")

    def __init__(self, task: spec.Task, row: TaskRow) -> None:
        self.task = task
        self.row = row
        self.parents = Parents(total=len(task.parents), unfinished=len(task.parents))
        self.attempt: Attempt | None = None


class RunState:
    """One epoch of a run. `seq` is that of its last event, `step` gathers what the happening at hand leads to.

    `live` finds the node of each attempt that has not ended. `unfinished` counts the tasks that have not, `failed`
    those that failed.
    """

    def __init__(self, plan: DagPlan, run: Run, new_id: Callable[[int], str], seq: int) -> None:
        self.plan = plan
        self.run = run
        self.seq = seq
        self.step = Step()
        self.nodes: dict[str, Node] = {}
        self.live: dict[str, Node] = {}
        self.unfinished = 0
        self.failed = 0
        self._new_id = new_id

    def load(self, tasks: Iterable[TaskRow], live: Iterable[Attempt]) -> None:
        """Takes over the rows of a running run. Raises `RestoreError`."""
        rows = {row.task: row for row in tasks}
        for task in self.plan.dag.tasks:
            row = rows.pop(task.id, None)
            if row is None:
                raise RestoreError(f"run {self.run.id} has no row of {self.plan.where(task)}")
            self.nodes[task.id] = Node(task, row)
        if rows:
            raise RestoreError(f"run {self.run.id} has rows of tasks that dag {self.run.dag} lacks: {', '.join(rows)}")
        for node in self.nodes.values():
            status = node.row.status
            if not status.terminal:
                self.unfinished += 1
                continue
            self.failed += status is TaskStatus.FAILED
            for child in node.task.children:
                self.nodes[child].parents.ended(status)
        for attempt in live:
            node = self.nodes[attempt.task]
            node.attempt = attempt
            self.live[attempt.id] = node

    def queued(self, attempt_id: str) -> tuple[Node, Attempt] | None:
        """The node and the attempt, if that waits to be claimed."""
        node = self.live.get(attempt_id)
        if node is None or node.attempt is None or node.attempt.status is not AttemptStatus.QUEUED:
            return None
        return node, node.attempt

    def running(self, attempt_id: str) -> tuple[Node, Attempt] | None:
        """The node and the attempt, if that runs under a lease."""
        node = self.live.get(attempt_id)
        if node is None or node.attempt is None or node.attempt.status is not AttemptStatus.RUNNING:
            return None
        return node, node.attempt

    def insert_task(self, task: spec.Task, status: TaskStatus, attempts: int = 0) -> Node:
        row = TaskRow(self.run.id, self.run.epoch, task.id, 0, status, attempts)
        node = self.nodes[task.id] = Node(task, row)
        self.unfinished += 1
        self.step.rows.append(InsertTask(row))
        return node

    def insert_attempt(self, node: Node, at: int) -> Attempt:
        """Makes the queued task's attempt, of the number that its row counts."""
        row = node.row
        attempt = Attempt(
            id=self._new_id(at),
            run_id=row.run_id,
            epoch=row.epoch,
            task=row.task,
            position=row.position,
            number=row.attempts,
            status=AttemptStatus.QUEUED,
            created_at=at,
            code=self.plan.code(node.task),
        )
        node.attempt = attempt
        self.live[attempt.id] = node
        self.step.rows.append(InsertAttempt(attempt))
        self.event(EventKind.TASK_QUEUED, at, task=row.task, number=row.attempts, id=attempt.id)
        return attempt

    def move_run(
        self,
        status: RunStatus,
        *,
        started_at: int | None = None,
        finished_at: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Changes the run's row; what is left out stays. Noting a reason may leave the status as it is."""
        old = self.run
        if status is not old.status:
            check_run_move(old.id, old.status, status)
        self.run = replace(
            old,
            status=status,
            started_at=started_at or old.started_at,
            finished_at=finished_at,
            reason=reason or old.reason,
        )
        self.step.rows.append(UpdateRun(self.run, old.status))

    def move_task(
        self,
        node: Node,
        status: TaskStatus,
        *,
        attempts: int | None = None,
        lost: int | None = None,
        due_at: int | None = None,
        started_at: int | None = None,
        finished_at: int | None = None,
        output: str | None = None,
        error: str | None = None,
    ) -> None:
        """Changes a task's row. Counts and the start stay when left out, the rest is cleared."""
        old = node.row
        check_task_move(old.task, old.status, status, self._story(node))
        node.row = replace(
            old,
            status=status,
            attempts=old.attempts if attempts is None else attempts,
            lost=old.lost if lost is None else lost,
            due_at=due_at,
            started_at=started_at or old.started_at,
            finished_at=finished_at,
            output=output,
            error=error,
        )
        self.step.rows.append(UpdateTask(node.row, old.status))

    def begin_attempt(self, node: Node, old: Attempt, claim: h.Claimed) -> Attempt:
        check_attempt_move(old.id, old.status, AttemptStatus.RUNNING, self._story(node))
        node.attempt = attempt = replace(
            old,
            status=AttemptStatus.RUNNING,
            token=claim.token,
            executor=claim.executor,
            instance=claim.instance,
            request=claim.request,
            lease_until=claim.lease_until,
            started_at=claim.at,
        )
        self.step.rows.append(UpdateAttempt(attempt, old.status, old.token))
        self.event(EventKind.ATTEMPT_STARTED, claim.at, claim.executor, task=old.task, number=old.number, id=old.id)
        return attempt

    def end_attempt(
        self,
        node: Node,
        old: Attempt,
        status: AttemptStatus,
        at: int,
        *,
        kind: ErrorKind | None = None,
        error: str | None = None,
        started_at: int | None = None,
        finished_at: int | None = None,
    ) -> None:
        """`at` is when this became known; the attempt's own times are the executor's, if it told them."""
        check_attempt_move(old.id, old.status, status, self._story(node))
        row = replace(
            old,
            status=status,
            started_at=started_at or old.started_at,
            finished_at=finished_at or at,
            lease_until=None,
            error_kind=kind,
            error=error,
        )
        del self.live[old.id]
        node.attempt = None
        self.step.rows.append(UpdateAttempt(row, old.status, old.token))
        self.event(
            EventKind.ATTEMPT_FINISHED,
            at,
            old.executor or SCHEDULER,
            task=old.task,
            number=old.number,
            id=old.id,
            status=status.value,
            error_kind=None if kind is None else kind.value,
        )

    def event(self, kind: EventKind, at: int, actor: str = SCHEDULER, **payload: str | int | None) -> None:
        self.seq += 1
        self.step.events.append(InsertEvent(Event(self.run.id, self.seq, at, kind, actor, event_payload(**payload))))

    def command(self, command: h.Command) -> None:
        self.step.commands.append(command)

    def _story(self, node: Node) -> Callable[[], str]:
        return lambda: f"{self.plan.where(node.task)}, run {self.run.id}, {node.row}, {node.attempt}"


def event_payload(**values: str | int | None) -> str:
    return json.dumps(values, separators=(",", ":"))
