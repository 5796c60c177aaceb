"""Part of a run done again: a new epoch of it, with new rows for what changes.

Which tasks are reset: for a *restart* those that failed, were cancelled or never ran for it, and all that follows them;
for a *rerun* one task, and with `follow` all that follows it; for a *mark* none but those that never ran for the marked
task. Handlers are reset each time, since what the run ends as is decided anew. What follows one member of a family is,
in a family whose members wait for it one by one, the member at its position.

A family of which only members are reset is copied into the new epoch, its list with it; one that is reset as a whole
loses its members, which its list, worked out anew, makes again.

What is reset has no output until it has run again. So nothing is reset that runs, nor what a task that runs may take.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Set

from ppacer.core import codec
from ppacer.core import happenings as h
from ppacer.core.families import family_status
from ppacer.core.model import (
    FAMILY,
    EventKind,
    RunStatus,
    TaskRow,
    TaskStatus,
    UpdateRun,
)
from ppacer.core.restore import load
from ppacer.core.run_state import BAD, FamilyNode, Node, Phase, RunState, phase_of
from ppacer.records import replace

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
        new = positions - self.members.get(task, {}).keys()
        if new:
            self.members.setdefault(task, {}).update(dict.fromkeys(sorted(new)))
        return bool(new)

    def holds(self, row: TaskRow) -> bool:
        return row.task in self.whole or row.position in self.members.get(row.task, ())

    def __bool__(self) -> bool:
        return bool(self.whole or self.members)


def reopen(state: RunState, ask: h.Reopen) -> None:
    """Opens the new epoch within the step at hand. Raises `NotPossible`, and nothing has changed."""
    run = state.run
    if run.status is RunStatus.QUEUED and not state.nodes:
        raise NotPossible(f"run {run.id} has not begun: it waits for its turn")
    if run.status is RunStatus.RUNNING and run.outcome is not None:
        raise NotPossible(f"run {run.id} is ending: wait for its end")
    reset, marked = _wanted(state, ask)
    if run.status.terminal:
        for node in state.nodes.values():
            if phase_of(node.task) is not Phase.TASKS:
                reset.add(node.task.id, None)
    _write(state, ask, reset, marked)


def _wanted(state: RunState, ask: h.Reopen) -> tuple[_Reset, TaskRow | None]:
    """What is to be reset, and the row of a marked task as it is to be."""
    reset = _Reset()
    if ask.operation is h.Operation.RESTART:
        _add_bad(state, reset)
        if not reset and (state.nodes or state.run.status is RunStatus.SUCCESS):
            raise NotPossible(f"nothing of run {state.run.id} failed or was cancelled: {state.run.status}")
        _add_followers(state, reset)
        _refuse_live(state, reset)
        return reset, None
    node = _target(state, ask)
    position = ask.position if node.task.fan_out is not None and node.row.position != FAMILY else None
    positions = None if position is None else {position}
    if ask.operation is h.Operation.MARK:
        marked = _marked(state, node, ask)
        _add_waiters(state, reset, node, positions)
        if node.row.status is TaskStatus.SUCCESS:
            _refuse_users(state, node.task.id, positions)
        return reset, marked
    reset.add(node.task.id, positions)
    if ask.follow:
        _add_followers(state, reset)
    _refuse_live(state, reset)
    return reset, None


def _add_bad(state: RunState, reset: _Reset) -> None:
    """Adds what failed, was cancelled or never ran for that."""
    for node in state.nodes.values():
        if phase_of(node.task) is not Phase.TASKS:
            continue
        if isinstance(node, FamilyNode) and node.members:
            bad = {member.row.position for member in node.members if member.row.status in BAD}
            if bad:
                reset.add(node.task.id, bad)
        elif node.row.status in BAD:
            reset.add(node.task.id, None)


def _target(state: RunState, ask: h.Reopen) -> Node:
    if not state.nodes:
        raise NotPossible(f"run {state.run.id} ended before it began: restart it as a whole")
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
            idle: Set[int] | None = None
            if isinstance(child, FamilyNode) and child.members:
                members = child.members if below is None else [child.members[each] for each in below]
                idle = {member.row.position for member in members if _never_ran(member)}
                if below is None and len(idle) == len(members):
                    idle = None  # all of it, so its list may be another one now
            elif not _never_ran(child):
                continue
            if reset.add(child.task.id, idle):
                waiting.append((child.task.id, idle))


def _never_ran(node: Node) -> bool:
    """Whether a task ended without being tried, and not because somebody marked it."""
    row = node.row
    if row.status is TaskStatus.FAILED:
        return not row.attempts and row.reason is None
    return row.status in NEVER_RAN and not row.attempts


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
    """Raises `NotPossible` if something that is to be reset runs, or may take what is then no longer there."""
    for task in reset.whole:
        if state.nodes[task].row.status in _LIVE:
            raise _runs(state.nodes[task])
        _refuse_users(state, task, None)
    for task, positions in reset.members.items():
        for position in positions:
            member = state.node(task, position)
            if member is not None and member.row.status in _LIVE:
                raise _runs(member)
        _refuse_users(state, task, positions.keys())


def _refuse_users(state: RunState, task: str, positions: Set[int] | None) -> None:
    """Raises `NotPossible` if a task runs that may take the output of this one, or of these members of it."""
    for child, below in _followers(state, task, positions):
        if below is not None and isinstance(child, FamilyNode):
            users: Iterable[Node] = [member for each in below if (member := state.node(child.task.id, each))]
        else:
            users = [child]
        for user in users:
            if user.row.status in _LIVE:
                raise _runs(user)


def _runs(node: Node) -> NotPossible:
    return NotPossible(f"task {node.shown}, which follows, is {node.row.status}: cancel it first")


def _marked(state: RunState, node: Node, ask: h.Reopen) -> TaskRow:
    """The row of the marked task as it is to be."""
    row, status = node.row, ask.status or TaskStatus.SUCCESS
    if isinstance(node, FamilyNode):
        raise NotPossible(
            f"{node.shown} is a family: mark one of its members, such as {node.task.id}[0]"
            if node.members
            else f"{node.shown} is a family without members: run it again, or what its list is made of"
        )
    if status not in (TaskStatus.SUCCESS, TaskStatus.FAILED):
        raise NotPossible(f"a task is marked success or failed, not {status}")
    try:
        codec.decode(ask.output or "null")
    except codec.CodecError as fault:
        raise NotPossible(f"the output of {node.shown} cannot be read: {fault}") from None
    return replace(
        row,
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
        generation=row.generation + (row.status is TaskStatus.SUCCESS),
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
    _leave_waiting(state, reset)
    new = _new_rows(state, reset, marked, epoch)
    current = {(row.task, row.position): row for row in _kept_rows(state, reset)}
    current.update({(row.task, row.position): row for row in new})
    live = [node.attempt for node in state.live.values() if node.attempt is not None]
    state.run = run
    if state.nodes:
        load(state, current.values(), live)
    for row in new:
        node = state.node(row.task, row.position)
        assert node is not None
        state.insert_row(node)
        if row is marked:
            state.task_event(EventKind.TASK_MARKED, node, ask.at, ask.actor, status=row.status.value, reason=ask.reason)
        elif reset.holds(row):
            state.task_event(EventKind.TASK_RESET, node, ask.at, ask.actor)
        elif isinstance(node, FamilyNode) and row.status.terminal:  # with the member that was marked
            state.task_event(EventKind.TASK_FINISHED, node, ask.at, status=row.status.value)
    state.command(h.RunReopened(run))


def _leave_waiting(state: RunState, reset: _Reset) -> None:
    """What waits has not run yet anyway, and needs no new row."""
    for task in [task for task in reset.whole if state.nodes[task].row.status is TaskStatus.WAITING]:
        del reset.whole[task]
    for task, positions in list(reset.members.items()):
        nodes = {position: state.node(task, position) for position in positions}
        left = [position for position, node in nodes.items() if node and node.row.status is not TaskStatus.WAITING]
        reset.members[task] = dict.fromkeys(left)
        if not left:
            del reset.members[task]


def _new_rows(state: RunState, reset: _Reset, marked: TaskRow | None, epoch: int) -> list[TaskRow]:
    """The rows of the new epoch: what is reset waits, a family of which only members are is taken along whole."""
    rows = [_waiting(state.nodes[task], epoch) for task in reset.whole]
    touched: dict[str, Mapping[int, None]] = dict(reset.members)
    if marked is not None and isinstance(state.nodes[marked.task], FamilyNode):
        touched.setdefault(marked.task, {})
    elif marked is not None:
        rows.append(marked)
    for task, positions in touched.items():
        family = state.nodes[task]
        assert isinstance(family, FamilyNode)
        rows.extend(_family_rows(family, positions, marked, epoch))
    return rows


def _family_rows(family: FamilyNode, reset: Mapping[int, None], marked: TaskRow | None, epoch: int) -> list[TaskRow]:
    """The rows of a family that keeps its members: it runs, unless none of them has anything left to do."""
    members: list[TaskRow] = []
    for member in family.members or ():
        row = member.row
        if marked is not None and (marked.task, marked.position) == (row.task, row.position):
            members.append(marked)
        else:
            members.append(_waiting(member, epoch) if row.position in reset else replace(row, epoch=epoch))
    row = replace(family.row, epoch=epoch, status=TaskStatus.RUNNING, finished_at=None, error=None, reason=None)
    if marked is not None and all(each.status.terminal for each in members):
        status = family_status(each.status for each in members)
        row = replace(row, status=status, finished_at=marked.finished_at)
    return [*members, row]


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
