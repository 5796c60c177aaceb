"""Run-time families among the tasks of a run: making their members, and telling children what became of parents.

Who comes after a family counts its members: one unfinished parent until they are known, then each of them. A family
whose members wait one by one for those of another (`FanOut.pairwise`: both are over the same list) is expanded when
that one has been, or has ended without; then each of its members waits for the one at its own position. Part of a run
done again may leave the two with lists of different lengths: a member without a partner counts it as skipped.

A family that has been expanded waits for nothing else than its partners: all other parents have ended, or what they end
as changes nothing. So its members are told of partners alone.

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
from ppacer.records import replace

MOST_MEMBERS = 100_000
"""A longer list is no family but a mistake."""

LABEL_LIMIT = 80
"""How many characters of a value its label shows."""


def tell_ended(state: RunState, node: Node) -> list[Node]:
    """A task has ended, or a family that has no members."""
    status, concerned = node.row.status, []
    for child in _children(state, node):
        if isinstance(child, FamilyNode) and _is_partner(child, node):
            child.partners -= 1
        child.parents.ended(status)
        concerned.append(child)
    return concerned


def tell_expanded(state: RunState, family: FamilyNode) -> list[Node]:
    """A family has been expanded to one member or more."""
    assert family.members
    concerned: list[Node] = []
    for child in _children(state, family):
        if isinstance(child, FamilyNode) and _is_partner(child, family):
            child.partners -= 1
            child.expanded_partners += 1
            concerned.append(child)
        else:
            child.parents.expanded(len(family.members))
    return concerned


def tell_member_ended(state: RunState, family: FamilyNode, member: Node) -> list[Node]:
    """One member of a family has ended."""
    status, concerned = member.row.status, []
    for child in _children(state, family):
        below: Node = child
        if isinstance(child, FamilyNode) and _is_partner(child, family):
            own = state.node(child.task.id, member.row.position)
            if own is None:
                continue  # it will be seen when that is expanded, or it is nobody's partner
            below = own
        below.parents.ended(status)
        concerned.append(below)
    return concerned


def family_verdict(state: RunState, family: FamilyNode) -> Verdict:
    """What is to become of a family that waits: `RUN` means that its list is to be worked out."""
    found = verdict(family.task.trigger, family.parents)
    if found is Verdict.WAIT and family.parents.unfinished == family.expanded_partners > 0:
        found = Verdict.RUN  # what is left to wait for, each member waits for by itself
    if found is Verdict.RUN and (family.partners or not _list_is_known(state, family)):
        return Verdict.WAIT
    return found


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
        )
        for position, item in enumerate(items)
    ]
    for member in family.members:
        member.parents = member_parents(state, family, member.row.position)
    family.unfinished = len(items)
    return family.members


def member_parents(state: RunState, family: FamilyNode, position: int) -> Parents:
    """How the parents of a member stand: those of its family, with its own partners in the place of their families."""
    parents = replace(family.parents)
    fan_out = family.task.fan_out
    assert fan_out is not None
    for partner_id in fan_out.pairwise:
        partner = state.nodes[partner_id]
        if isinstance(partner, FamilyNode) and partner.members:
            there = position < len(partner.members)
            status = partner.members[position].row.status if there else TaskStatus.SKIPPED
            if status.terminal:
                parents.ended(status)
    return parents


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
