"""Run-time families among the tasks of a run: making their members, and telling children what became of parents.

Who comes after a family counts its members: one unfinished parent until they are known, then each of them. Of a family
over the same list (`FanOut.pairwise`: a *partner*) each member counts only the one at its own position. So a family is
expanded when its trigger says run, or when all that it would still wait for are partners that have been expanded. Part
of a run done again may leave partners with lists of different lengths: a member without a partner counts it as skipped.

A family's `parents` are all but the partners that have been expanded, a member's own `parents` are its partners; both
together say what is to become of it. So what a family's parent ends as is noted once, and its members are looked at
only when that may make a difference: four times at most, however many parents there are.

Each function that tells returns the nodes that may have something to decide now.
"""

from __future__ import annotations

from collections.abc import Iterable

from ppacer import spec
from ppacer.core.evaluate import parts
from ppacer.core.model import FAMILY, TaskRow, TaskStatus
from ppacer.core.operators import text
from ppacer.core.run_state import FamilyNode, Node, RunState
from ppacer.core.state import Parents, Verdict, verdict

MOST_MEMBERS = 100_000
"""A longer list is no family but a mistake."""

LABEL_LIMIT = 80
"""How many characters of a value its label shows."""


def tell_ended(state: RunState, node: Node) -> list[Node]:
    """A task has ended, or a family that has no members."""
    concerned: list[Node] = []
    for child in _children(state, node):
        _note_end(child, node.row.status, concerned)
    return concerned


def tell_expanded(state: RunState, family: FamilyNode) -> list[Node]:
    """A family has been expanded to one member or more."""
    assert family.members
    concerned: list[Node] = []
    for child in _children(state, family):
        if not isinstance(child, FamilyNode) or not _is_partner(child, family):
            child.parents.expanded(len(family.members))
            continue
        child.expanded_partners += 1
        child.parents.total -= 1
        child.parents.unfinished -= 1
        concerned.append(child)
        for member in child.members or ():
            _meet(family, member)
            concerned.append(member)
    return concerned


def tell_member_ended(state: RunState, family: FamilyNode, member: Node) -> list[Node]:
    """One member of a family has ended."""
    concerned: list[Node] = []
    for child in _children(state, family):
        below: Node | None = child
        if isinstance(child, FamilyNode) and _is_partner(child, family):
            below = state.node(child.task.id, member.row.position)
        if below is not None:  # else it will be seen when the child is expanded, or it is nobody's partner
            _note_end(below, member.row.status, concerned)
    return concerned


def parents_of(state: RunState, node: Node) -> Parents:
    """How the parents of a task, a family or a member stand; partners of a family that were expanded as unfinished."""
    if isinstance(node, FamilyNode):
        return node.parents.joined(Parents(node.expanded_partners, node.expanded_partners))
    family = family_of(state, node)
    return node.parents if family is None else family.parents.joined(node.parents)


def verdict_on(state: RunState, node: Node) -> Verdict:
    """What is to become of a task that waits; for a family `RUN` means that its list is to be worked out."""
    found = verdict(node.task.trigger, parents_of(state, node))
    if not isinstance(node, FamilyNode):
        return found
    if found is Verdict.WAIT and node.expanded_partners and not node.parents.unfinished:
        found = Verdict.RUN  # what is left to wait for, each member waits for by itself
    return Verdict.WAIT if found is Verdict.RUN and not _list_is_known(state, node) else found


def make_members(state: RunState, family: FamilyNode, items: list[object]) -> list[Node]:
    """Makes the members for the elements of the list, each still waiting."""
    row = family.row
    family.members = [
        Node(
            family.task,
            TaskRow(
                row.run_id,
                row.epoch,
                row.task,
                position,
                TaskStatus.WAITING,
                label=label_of(item),
                generation=row.generation,
            ),
            Parents(0, 0),
        )
        for position, item in enumerate(items)
    ]
    fan_out = family.task.fan_out
    assert fan_out is not None
    for partner_id in fan_out.pairwise:
        partner = state.nodes[partner_id]
        if isinstance(partner, FamilyNode) and partner.members:
            for member in family.members:
                _meet(partner, member)
                own = state.node(partner_id, member.row.position)
                if own is not None and own.row.status.terminal:
                    member.parents.ended(own.row.status)
    family.unfinished = len(items)
    return family.members


def family_status(members: Iterable[TaskStatus]) -> TaskStatus:
    """What a family ends as whose members have ended so: as the worst of them."""
    found = set(members)
    for status in (TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.UPSTREAM_FAILED):
        if status in found:
            return status
    return TaskStatus.SKIPPED if found == {TaskStatus.SKIPPED} else TaskStatus.SUCCESS


def family_of(state: RunState, node: Node) -> FamilyNode | None:
    """The family that a node is a member of."""
    if node.task.fan_out is None or node.row.position == FAMILY:
        return None
    family = state.nodes[node.task.id]
    assert isinstance(family, FamilyNode)
    return family


def label_of(item: object) -> str:
    """The value of an element as people see it beside the member's number."""
    shown = text(item)
    shown = " ".join(shown.split())
    return shown if len(shown) <= LABEL_LIMIT else f"{shown[: LABEL_LIMIT - 1]}…"


def outputs_named(expr: spec.Expr) -> set[str]:
    """The tasks and families whose outputs an expression takes."""
    found: set[str] = set()
    waiting = [expr]
    while waiting:
        each = waiting.pop()
        if isinstance(each, spec.Output | spec.Outputs | spec.OutputAt):
            found.add(each.task)
        waiting.extend(parts(each))
    return found


def _children(state: RunState, node: Node) -> list[Node]:
    return [state.nodes[child] for child in node.task.children]


def _is_partner(family: FamilyNode, parent: Node) -> bool:
    """Whether the members of the family wait for those of the parent one by one."""
    assert family.task.fan_out is not None
    return parent.task.id in family.task.fan_out.pairwise


def _note_end(node: Node, status: TaskStatus, concerned: list[Node]) -> None:
    """A parent of the node has ended so; adds those whom that concerns."""
    before = node.parents.kinds
    node.parents.ended(status)
    concerned.append(node)
    if isinstance(node, FamilyNode) and node.members and node.parents.kinds != before:
        concerned.extend(node.members)


def _meet(family: FamilyNode, member: Node) -> None:
    """The member of a child comes to know its partner in the family, or that there is none."""
    parents, position = member.parents, member.row.position
    parents.total += 1
    parents.unfinished += 1
    if position >= len(family.members or ()):
        parents.ended(TaskStatus.SKIPPED)


def _list_is_known(state: RunState, family: FamilyNode) -> bool:
    """Whether all that the list is made of has ended; under most triggers that is so anyway."""
    if not family.parents.unfinished:
        return True
    if family.list_from is None:
        assert family.task.fan_out is not None
        family.list_from = sorted(outputs_named(family.task.fan_out.over))
    while family.list_from and state.nodes[family.list_from[-1]].row.status.terminal:
        family.list_from.pop()
    return not family.list_from
