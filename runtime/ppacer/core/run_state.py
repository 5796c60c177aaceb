"""What a run's machine remembers, and the only ways in which it changes: each checks its move and writes its row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum

from ppacer import spec, wire
from ppacer.core import happenings as h
from ppacer.core.model import (
    FAMILY,
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
from ppacer.protocol import Deferral
from ppacer.records import dataclass, field, replace

SCHEDULER = "scheduler"
"""The actor of what nobody asked for."""

BAD = frozenset({TaskStatus.FAILED, TaskStatus.UPSTREAM_FAILED, TaskStatus.CANCELLED})
"""How a task ends that makes its run fail."""


class Phase(IntEnum):
    """Which tasks of a run are at work: one phase begins when all tasks of the one before have ended."""

    TASKS = 0
    HANDLERS = 1
    FINALLY = 2


def phase_of(task: spec.Task) -> Phase:
    match task.handler:
        case spec.HandlerKind.NONE:
            return Phase.TASKS
        case spec.HandlerKind.FINALLY:
            return Phase.FINALLY
        case _:
            return Phase.HANDLERS


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
    """A task of the run, or a member of a family: its row, how its parents stand, and its live attempt if it has one.

    `inserted` is the place of its row's insert among the writes of the step numbered `step`: changes within that step
    are made there.
    """

    __slots__ = ("attempt", "inserted", "parents", "row", "step", "task")

    def __init__(self, task: spec.Task, row: TaskRow, parents: Parents | None = None) -> None:
        self.task = task
        self.row = row
        self.parents = parents or Parents(total=len(task.parents), unfinished=len(task.parents))
        self.attempt: Attempt | None = None
        self.step = 0
        self.inserted = 0

    @property
    def shown(self) -> str:
        """The name that people know it by: members of a family by their position."""
        whole = self.task.fan_out is None or self.row.position == FAMILY
        return self.task.id if whole else f"{self.task.id}[{self.row.position}]"


class FamilyNode(Node):
    """A run-time family as a whole. `members` is none until its list is known; `items` are the list's elements, as its
    row holds them (none: they have not been asked for).

    `expanded_partners` counts the parents that have been expanded and of which its members wait each for one member:
    these are no longer among its own `parents`. `list_from` are the tasks that the list is made of, those left out that
    are known to have ended (none: nobody has looked yet).
    """

    __slots__ = ("expanded_partners", "items", "list_from", "members", "unfinished")

    def __init__(self, task: spec.Task, row: TaskRow) -> None:
        super().__init__(task, row)
        self.members: list[Node] | None = None
        self.items: list[object] | None = None
        self.list_from: list[str] | None = None
        self.unfinished = 0
        self.expanded_partners = 0


class RunState:
    """One epoch of a run. `seq` is that of its last event, `step` gathers what the happening at hand leads to, `steps`
    counts the happenings.

    `live` finds the node of each attempt that has not ended. `left` counts the rows of each phase that have not ended,
    `bad` the ordinary ones that failed, were cancelled or never ran because of one that did.
    """

    def __init__(self, plan: DagPlan, run: Run, new_id: Callable[[int], str], seq: int) -> None:
        self.plan = plan
        self.run = run
        self.seq = seq
        self.step = Step()
        self.steps = 0
        self.nodes: dict[str, Node] = {}
        self.live: dict[str, Node] = {}
        self.left = dict.fromkeys(Phase, 0)
        self.phase = Phase.TASKS
        self.bad = 0
        self._new_id = new_id

    # --- what there is -----------------------------------------------------------------------------------------------

    def node(self, task_id: str, position: int | None = None) -> Node | None:
        """The task, the family as a whole, or the member at a position."""
        node = self.nodes.get(task_id)
        if isinstance(node, FamilyNode) and position is not None and position != FAMILY:
            members = node.members or []
            return members[position] if 0 <= position < len(members) else None
        return node

    def all_nodes(self) -> Iterator[Node]:
        """All tasks in topological order, each family before its members."""
        for node in self.nodes.values():
            yield node
            if isinstance(node, FamilyNode) and node.members is not None:
                yield from node.members

    def waiting_node(self, task: spec.Task) -> Node:
        """A task as it is when the run begins; it is not part of the run yet."""
        if task.fan_out is None:
            return Node(task, TaskRow(self.run.id, self.run.epoch, task.id, 0, TaskStatus.WAITING))
        return FamilyNode(task, TaskRow(self.run.id, self.run.epoch, task.id, FAMILY, TaskStatus.WAITING))

    def queued(self, attempt_id: str) -> tuple[Node, Attempt] | None:
        """The node and the attempt, if that waits to be claimed."""
        return self._live(attempt_id, AttemptStatus.QUEUED)

    def running(self, attempt_id: str) -> tuple[Node, Attempt] | None:
        """The node and the attempt, if that runs under a lease."""
        return self._live(attempt_id, AttemptStatus.RUNNING)

    def deferred(self, attempt_id: str) -> tuple[Node, Attempt] | None:
        """The node and the attempt, if that waits without an executor."""
        return self._live(attempt_id, AttemptStatus.DEFERRED)

    def _live(self, attempt_id: str, status: AttemptStatus) -> tuple[Node, Attempt] | None:
        node = self.live.get(attempt_id)
        if node is None or node.attempt is None or node.attempt.status is not status:
            return None
        return node, node.attempt

    # --- what changes ------------------------------------------------------------------------------------------------

    def begin_step(self) -> Step:
        """A happening is at hand."""
        self.step = Step()
        self.steps += 1
        return self.step

    def insert_task(self, task: spec.Task) -> Node:
        """A waiting task, or a family whose list is not known yet."""
        node = self.waiting_node(task)
        self.nodes[task.id] = node
        self.insert_node(node)
        return node

    def insert_node(self, node: Node) -> None:
        """Writes the row of a node that is new."""
        self.left[phase_of(node.task)] += 1
        self.insert_row(node)

    def insert_row(self, node: Node) -> None:
        """Writes a row that counts already."""
        node.step, node.inserted = self.steps, len(self.step.rows)
        self.step.rows.append(InsertTask(node.row))

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
        self.task_event(EventKind.TASK_QUEUED, node, at, number=row.attempts, id=attempt.id)
        return attempt

    def move_run(
        self,
        status: RunStatus,
        *,
        started_at: int | None = None,
        finished_at: int | None = None,
        reason: str | None = None,
        outcome: RunStatus | None = None,
        late_at: int | None = None,
    ) -> None:
        """Changes the run's row; what is left out stays, and so may the status."""
        old = self.run
        if status is not old.status:
            check_run_move(old.id, old.status, status)
        self.run = replace(
            old,
            status=status,
            started_at=started_at or old.started_at,
            finished_at=finished_at,
            reason=reason or old.reason,
            outcome=outcome or old.outcome,
            late_at=late_at or old.late_at,
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
        reason: str | None = None,
    ) -> None:
        """Changes a task's row. Counts and the start stay when left out, and so do the reason (but of a success it is
        not the reason) and the list of a family; the rest is cleared."""
        old = node.row
        if isinstance(node, FamilyNode):
            output = output or old.output
        check_task_move(old.task, old.status, status, self._story(node), family=isinstance(node, FamilyNode))
        self._write_task(
            node,
            replace(
                old,
                status=status,
                attempts=old.attempts if attempts is None else attempts,
                lost=old.lost if lost is None else lost,
                due_at=due_at,
                started_at=started_at or old.started_at,
                finished_at=finished_at,
                output=output,
                error=error,
                reason=reason or (None if status is TaskStatus.SUCCESS else old.reason),
            ),
        )
        if status.terminal:
            phase = phase_of(node.task)
            self.left[phase] -= 1
            self.bad += phase is Phase.TASKS and status in BAD

    def ask_to_end(self, node: Node, reason: str) -> None:
        """Notes in a running task's row that it was asked to end."""
        self._write_task(node, replace(node.row, reason=reason))

    def change_attempt(self, node: Node, new: Attempt) -> None:
        """Changes the node's live attempt, which stays live."""
        old = node.attempt
        assert old is not None
        check_attempt_move(old.id, old.status, new.status, self._story(node))
        node.attempt = new
        self.step.rows.append(UpdateAttempt(new, old.status, old.token))

    def end_attempt(
        self,
        node: Node,
        status: AttemptStatus,
        at: int,
        *,
        kind: ErrorKind | None = None,
        error: str | None = None,
        started_at: int | None = None,
        finished_at: int | None = None,
    ) -> None:
        """`at` is when this became known; the attempt's own times are the executor's, if it told them."""
        old = node.attempt
        assert old is not None
        check_attempt_move(old.id, old.status, status, self._story(node))
        row = replace(
            old,
            status=status,
            started_at=(started_at or old.started_at) if old.state is None else old.started_at,
            finished_at=finished_at or at,
            lease_until=None,
            due_at=None,
            error_kind=kind,
            error=error,
        )
        del self.live[old.id]
        node.attempt = None
        self.step.rows.append(UpdateAttempt(row, old.status, old.token))
        self.task_event(
            EventKind.ATTEMPT_FINISHED,
            node,
            at,
            old.executor or SCHEDULER,
            number=old.number,
            id=old.id,
            status=status.value,
            error_kind=None if kind is None else kind.value,
        )

    def event(self, kind: EventKind, at: int, actor: str = SCHEDULER, **payload: str | int | None) -> None:
        self._add_event(kind, at, actor, payload)

    def task_event(
        self, kind: EventKind, node: Node, at: int, actor: str = SCHEDULER, **payload: str | int | None
    ) -> None:
        """An event about a task, or about the member of a family that its `position` tells."""
        self._add_event(kind, at, actor, {**about(node.row.task, node.row.position), **payload})

    def command(self, command: h.Command) -> None:
        self.step.commands.append(command)

    # --- details -----------------------------------------------------------------------------------------------------

    def _add_event(self, kind: EventKind, at: int, actor: str, payload: Mapping[str, str | int | None]) -> None:
        self.seq += 1
        self.step.events.append(InsertEvent(Event(self.run.id, self.seq, at, kind, actor, event_payload(payload))))

    def _write_task(self, node: Node, row: TaskRow) -> None:
        old, node.row = node.row, row
        if node.step == self.steps:
            self.step.rows[node.inserted] = InsertTask(row)
        else:
            self.step.rows.append(UpdateTask(row, old.status))

    def _story(self, node: Node) -> Callable[[], str]:
        return lambda: f"{self.plan.where(node.task)}, run {self.run.id}, {node.row}, {node.attempt}"


def deferral_of(attempt: Attempt) -> Deferral:
    """What a deferred attempt waits for, and what its last part left behind."""
    assert attempt.state is not None
    return wire.decode(Deferral, attempt.state.encode())


def about(task: str, position: int) -> dict[str, str | int]:
    """What an event's payload says of the task that it is about."""
    return {"task": task, "position": position} if position else {"task": task}


def event_payload(values: Mapping[str, str | int | None]) -> str:
    """The values, whose names are plain words, as a JSON object: four are made for each task, too many to set up an
    encoder for each."""
    return "{" + ",".join([f'"{name}":{_json(value)}' for name, value in values.items()]) + "}"


def _json(value: str | int | None) -> str:
    if value is None:
        return "null"
    return _TEXT.encode(value) if isinstance(value, str) else str(value)


_TEXT = json.JSONEncoder()
