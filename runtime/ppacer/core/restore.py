"""A run's memory made from its rows."""

from __future__ import annotations

from collections.abc import Iterable

from ppacer import spec
from ppacer.core import families
from ppacer.core.model import FAMILY, Attempt, TaskRow, TaskStatus
from ppacer.core.run_state import BAD, FamilyNode, Node, Phase, RunState, phase_of
from ppacer.core.state import Parents


class RestoreError(Exception):
    """The rows of a run do not fit its dag."""


def load(state: RunState, rows: Iterable[TaskRow], live: Iterable[Attempt]) -> None:
    """Takes over the current rows of a run, and its attempts that have not ended. Raises `RestoreError`."""
    left = {(row.task, row.position): row for row in rows}
    state.nodes.clear()
    state.live.clear()
    state.left = dict.fromkeys(Phase, 0)
    state.bad = 0
    for task in state.plan.dag.tasks:
        _load_task(state, task, left)
    if left:
        tasks = ", ".join(dict.fromkeys(task for task, _ in left))
        raise RestoreError(f"run {state.run.id} has rows of tasks that dag {state.run.dag} lacks: {tasks}")
    for node in state.nodes.values():  # parents come before their children
        _tell(state, node)
    for attempt in live:
        owner = state.node(attempt.task, attempt.position)
        if owner is None:
            raise RestoreError(f"run {state.run.id} has an attempt of {attempt.task} without its row")
        owner.attempt = attempt
        state.live[attempt.id] = owner
    state.phase = Phase.TASKS
    if state.run.outcome is not None and not state.left[Phase.TASKS]:
        state.phase = Phase.HANDLERS if state.left[Phase.HANDLERS] else Phase.FINALLY


def _load_task(state: RunState, task: spec.Task, rows: dict[tuple[str, int], TaskRow]) -> None:
    row = rows.pop((task.id, 0 if task.fan_out is None else FAMILY), None)
    if row is None:
        raise RestoreError(f"run {state.run.id} has no row of {state.plan.where(task)}")
    if task.fan_out is None:
        state.nodes[task.id] = node = Node(task, row)
        _count(state, node)
        return
    state.nodes[task.id] = family = FamilyNode(task, row)
    members: list[Node] = []
    while (member := rows.pop((task.id, len(members)), None)) is not None:
        members.append(Node(task, member, Parents(0, 0)))
    if members or row.status is TaskStatus.SUCCESS:
        family.members = members
        family.unfinished = sum(not member.row.status.terminal for member in members)
    for each in (family, *members):
        _count(state, each)


def _count(state: RunState, node: Node) -> None:
    phase, status = phase_of(node.task), node.row.status
    if not status.terminal:
        state.left[phase] += 1
    elif phase is Phase.TASKS:
        state.bad += status in BAD


def _tell(state: RunState, node: Node) -> None:
    """Tells the children what has become of a node, as was done when it came to be so."""
    if not isinstance(node, FamilyNode) or not node.members:
        if node.row.status.terminal:
            families.tell_ended(state, node)
        return
    families.tell_expanded(state, node)
    for member in node.members:
        if member.row.status.terminal:
            families.tell_member_ended(state, node, member)
