"""Part of a run done again: a new epoch of it, with new rows for what changes.

Which tasks are reset: for a *restart* those that failed, were cancelled or never ran for it, and all that follows them;
for a *rerun* one task, and with `follow` all that follows it; for a *mark* none but those that never ran for the marked
task. Handlers are reset each time, since what the run ends as is decided anew. What follows one member of a family is,
in a family whose members wait for it one by one, the member at its position.

A family of which only members are reset is copied into the new epoch; one that is reset as a whole loses its members,
which its list makes anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Set

from ppacer.core import happenings as h
from ppacer.core.model import (
    FAMILY,
    EventKind,
    InsertTask,
    RunStatus,
    TaskRow,
    TaskStatus,
    UpdateRun,
)
from ppacer.core.restore import load
from ppacer.core.run_state import FamilyNode, Node, Phase, RunState, phase_of
from ppacer.records import replace

BAD = frozenset({TaskStatus.FAILED, TaskStatus.UPSTREAM_FAILED, TaskStatus.CANCELLED})
NEVER_RAN = frozenset({TaskStatus.UPSTREAM_FAILED, TaskStatus.SKIPPED, TaskStatus.CANCELLED})
_LIVE = frozenset({TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.RETRYING})


class NotPossible(Exception):
    """A wish that cannot be granted as the run stands; the text is for people."""


class _Reset:
    """What is to be done again: whole tasks and families, or single members of families."""

    def __init__(self) -> None:
        self.whole: dict[str, None] = {}
        self.members: dict[str, dict[int, None]] = {}

    def add(self, task: str, positions: Set[int] | None) -> bool:
        """Adds a task as a whole, or some of a family's members; false if that is nothing new."""
        if task in self.whole:
            return False
        if positions is None:
            self.whole[task] = None
            self.members.pop(task, None)
            return True
        known = self.members.setdefault(task, {})
        new = positions - known.keys()
        known.update(dict.fromkeys(sorted(new)))
        return bool(new)

    def __len__(self) -> int:
        return len(self.whole) + len(self.members)


def reopen(state: RunState, ask: h.Reopen) -> None:
    """Opens the new epoch within the step at hand. Raises `NotPossible`, and nothing has changed."""
    run = state.run
    if run.status is RunStatus.QUEUED:
        raise NotPossible(f"run {run.id} has not begun: it waits for its turn")
    if run.status is RunStatus.RUNNING and run.outcome is not None:
        raise NotPossible(f"run {run.id} is ending: wait for its end")
    reset = _wanted(state, ask)
    _refuse_live(state, reset)
    marked = None if ask.operation is not h.Operation.MARK else _marked(state, ask)
    if run.status.terminal:
        for node in state.nodes.values():
            if phase_of(node.task) is not Phase.TASKS:
                reset.add(node.task.id, None)
    _write(state, ask, reset, marked)


def _wanted(state: RunState, ask: h.Reopen) -> _Reset:
    reset = _Reset()
    if ask.operation is h.Operation.RESTART:
        for node in state.nodes.values():
            if phase_of(node.task) is not Phase.TASKS or node.row.status not in BAD:
                continue
            if isinstance(node, FamilyNode) and node.members:
                bad = {member.row.position for member in node.members if member.row.status in BAD}
                reset.add(node.task.id, bad)
            else:
                reset.add(node.task.id, None)
        if not len(reset):
            raise NotPossible(f"nothing of run {state.run.id} failed or was cancelled: {state.run.status}")
        _add_followers(state, reset)
        return reset
    node = _target(state, ask)
    positions = None if ask.position is None or node.row.position == FAMILY else {ask.position}
    if node.task.fan_out is None:
        positions = None
    if ask.operation is h.Operation.RERUN:
        reset.add(node.task.id, positions)
        if ask.follow:
            _add_followers(state, reset)
    else:
        _add_waiters(state, reset, node, positions)
    return reset


def _target(state: RunState, ask: h.Reopen) -> Node:
    node = state.node(ask.task or "", ask.position)
    if node is None:
        member = "" if ask.position is None else f"[{ask.position}]"
        raise NotPossible(f"run {state.run.id} has no task {ask.task}{member}")
    if phase_of(node.task) is not Phase.TASKS:
        raise NotPossible(f"{node.shown} is a handler: it runs again whenever part of its run does")
    if node.row.status in _LIVE:
        raise NotPossible(f"task {node.shown} is {node.row.status}: cancel it first")
    if node.row.status is TaskStatus.WAITING:
        raise NotPossible(f"task {node.shown} has not run yet: it waits for its turn")
    return node


def _add_followers(state: RunState, reset: _Reset) -> None:
    """Adds all that comes after what is reset."""
    waiting: deque[tuple[str, Set[int] | None]] = deque((task, None) for task in reset.whole)
    waiting.extend((task, set(positions)) for task, positions in reset.members.items())
    while waiting:
        task, positions = waiting.popleft()
        for child, below in _followers(state, task, positions):
            if reset.add(child.task.id, below):
                waiting.append((child.task.id, below))


def _add_waiters(state: RunState, reset: _Reset, node: Node, positions: Set[int] | None) -> None:
    """Adds all that never ran, or was skipped, for what the marked task ended as."""
    waiting: deque[tuple[str, Set[int] | None]] = deque([(node.task.id, positions)])
    while waiting:
        task, at = waiting.popleft()
        for child, below in _followers(state, task, at):
            if below is not None and isinstance(child, FamilyNode):
                members = child.members or []
                idle = {each for each in below if _never_ran(members[each])}
                if idle and reset.add(child.task.id, idle):
                    waiting.append((child.task.id, idle))
            elif isinstance(child, FamilyNode) and child.members:
                idle = {member.row.position for member in child.members if _never_ran(member)}
                if idle and reset.add(child.task.id, idle):
                    waiting.append((child.task.id, idle))
            elif _never_ran(child) and reset.add(child.task.id, None):
                waiting.append((child.task.id, None))


def _never_ran(node: Node) -> bool:
    return node.row.status in NEVER_RAN and not node.row.attempts


def _followers(state: RunState, task: str, positions: Set[int] | None) -> Iterator[tuple[Node, Set[int] | None]]:
    """The children of a task, or of members of a family; of a family whose members wait one by one those members."""
    for child_id in state.nodes[task].task.children:
        child = state.nodes[child_id]
        if positions is not None and isinstance(child, FamilyNode) and child.members:
            fan_out = child.task.fan_out
            if fan_out is not None and task in fan_out.pairwise:
                yield child, {each for each in positions if each < len(child.members)}
                continue
        yield child, None


def _refuse_live(state: RunState, reset: _Reset) -> None:
    for node in _all_reset(state, reset):
        if node.row.status in _LIVE:
            raise NotPossible(f"task {node.shown}, which follows, is {node.row.status}: cancel it first")


def _all_reset(state: RunState, reset: _Reset) -> Iterator[Node]:
    for task in reset.whole:
        yield state.nodes[task]
    for task, positions in reset.members.items():
        for position in positions:
            node = state.node(task, position)
            if node is not None:
                yield node


def _marked(state: RunState, ask: h.Reopen) -> TaskRow:
    """The row of the marked task as it is to be."""
    node = _target(state, ask)
    if isinstance(node, FamilyNode):
        raise NotPossible(f"{node.shown} is a family: mark one of its members, such as {node.task.id}[0]")
    status = ask.status or TaskStatus.SUCCESS
    return replace(
        node.row,
        epoch=state.run.epoch + 1,
        status=status,
        attempts=0,
        lost=0,
        due_at=None,
        started_at=None,
        finished_at=ask.at,
        output=(ask.output or "null") if status is TaskStatus.SUCCESS else None,
        error=None if status is TaskStatus.SUCCESS else ask.reason,
        reason=f"marked {status} by {ask.actor}: {ask.reason}",
    )


def _write(state: RunState, ask: h.Reopen, reset: _Reset, marked: TaskRow | None) -> None:
    old, epoch = state.run, state.run.epoch + 1
    if old.status.terminal:
        run = replace(
            old, status=RunStatus.QUEUED, epoch=epoch, started_at=None, finished_at=None, outcome=None, reason=None
        )
    else:
        run = replace(old, epoch=epoch)
    state.step.rows.append(UpdateRun(run, old.status, old.epoch))
    state.event(
        EventKind.RUN_REOPENED, ask.at, ask.actor, operation=ask.operation.value, epoch=epoch, reason=ask.reason or None
    )
    new = _new_rows(state, reset, marked, epoch)
    for row in new:
        state.step.rows.append(InsertTask(row))
        _tell_row(state, ask, row, marked)
    current = {(row.task, row.position): row for row in _kept_rows(state, reset)}
    current.update({(row.task, row.position): row for row in new})
    live = [node.attempt for node in state.live.values() if node.attempt is not None]
    state.run = run
    load(state, current.values(), live)
    state.command(h.RunReopened(run))


def _tell_row(state: RunState, ask: h.Reopen, row: TaskRow, marked: TaskRow | None) -> None:
    position = {"position": row.position} if row.position else {}
    if row is marked:
        about = {**position, "status": row.status.value, "reason": ask.reason}
        state.event(EventKind.TASK_MARKED, ask.at, ask.actor, task=row.task, **about)
    elif row.status is TaskStatus.WAITING:
        state.event(EventKind.TASK_RESET, ask.at, ask.actor, task=row.task, **position)


def _new_rows(state: RunState, reset: _Reset, marked: TaskRow | None, epoch: int) -> list[TaskRow]:
    """The rows of the new epoch: what is reset waits, a family of which only members are is taken along whole."""
    rows: list[TaskRow] = []
    touched = dict(reset.members)
    if marked is not None:
        node = state.nodes[marked.task]
        if isinstance(node, FamilyNode):
            touched.setdefault(marked.task, {})
        else:
            rows.append(marked)
    rows.extend(_waiting(state.nodes[task], epoch) for task in reset.whole)
    for task, positions in touched.items():
        family = state.nodes[task]
        assert isinstance(family, FamilyNode)
        rows.append(
            replace(family.row, epoch=epoch, status=TaskStatus.RUNNING, finished_at=None, error=None, reason=None)
        )
        for member in family.members or ():
            position = member.row.position
            if marked is not None and (marked.task, marked.position) == (task, position):
                rows.append(marked)
            elif position in positions:
                rows.append(_waiting(member, epoch))
            else:
                rows.append(replace(member.row, epoch=epoch))
    return rows


def _waiting(node: Node, epoch: int) -> TaskRow:
    """The row of a task that is to be done again."""
    row = node.row
    members = (node.members or []) if isinstance(node, FamilyNode) else []
    rows = [row, *(member.row for member in members)]
    generation = max(each.generation for each in rows) + any(each.status is TaskStatus.SUCCESS for each in rows)
    return TaskRow(
        row.run_id, epoch, row.task, row.position, TaskStatus.WAITING, label=row.label, generation=generation
    )


def _kept_rows(state: RunState, reset: _Reset) -> Iterator[TaskRow]:
    """The rows that count as before; those of a family that is reset as a whole do no more."""
    for node in state.all_nodes():
        if node.task.id not in reset.whole:
            yield node.row
