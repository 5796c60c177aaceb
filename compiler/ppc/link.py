"""Edges between groups and families worked out as edges between tasks.

An edge to a group leads to its first tasks, one from it comes from its last: those that have no parent (no child) in
the group, which are known once all edges inside it are. So edges are taken from the innermost group outwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from ppacer import spec
from ppacer.records import dataclass
from ppc.bodies import Family, Node, ResolvedGroup, ResolvedTask
from ppc.checks.graph import DUPLICATE_EDGE
from ppc.diagnostics import Label, Span
from ppc.expressions import HANDLER_ORDER
from ppc.resolved import Edge, Join, ResolvedDag

TOO_MANY_EDGES = "E403"
EDGE_WITHIN_GROUP = "E408"

CODES = {
    TOO_MANY_EDGES: "one statement that makes too many edges",
    EDGE_WITHIN_GROUP: "an edge between a group and a part of it",
}

MOST_EDGES = 100_000
"""Of one statement: between two lists each task is joined with each."""

_Leaf: TypeAlias = ResolvedTask | Family
"""A task, or a family without members."""

_End: TypeAlias = tuple[_Leaf | ResolvedGroup, Span]


def link(dag: ResolvedDag) -> None:
    """Adds the edges that the dag's joins stand for."""
    linker = _Linker(dag)
    between_groups: list[tuple[int, _Pair]] = []
    for join in dag.joins:
        for pair in linker.pairs(join):
            if isinstance(pair.parent, ResolvedGroup) or isinstance(pair.child, ResolvedGroup):
                between_groups.append((_depth_of_common(pair.parent, pair.child), pair))
            else:
                linker.add(pair.parent, pair.child, pair)
    between_groups.sort(key=lambda each: -each[0])
    for _, pair in between_groups:
        linker.add_between(pair)
    linker.lead_through_empty()


@dataclass(slots=True, eq=False)
class _Pair:
    parent: _Leaf | ResolvedGroup
    child: _Leaf | ResolvedGroup
    span: Span
    join: Join


class _Linker:
    """Nodes go by their numbers: those of a group stand in one stretch. Families without members are nodes too, until
    the edges that lead through them are joined."""

    def __init__(self, dag: ResolvedDag) -> None:
        self._dag = dag
        self._nodes: dict[int, _Leaf] = {task.number: task for task in dag.tasks.values()}
        self._nodes.update((family.number, family) for family in dag.empty)
        self._parents: dict[int, dict[int, None]] = {}
        self._children: dict[int, dict[int, None]] = {}
        self._through: dict[tuple[int, int], _Pair] = {}
        self._written: dict[tuple[int, int], _Pair] = {}
        self._firsts: dict[int, list[_Leaf]] = {}
        self._lasts: dict[int, list[_Leaf]] = {}
        for edge in dag.edges:
            parent, child = dag.tasks.get(edge.parent), dag.tasks.get(edge.child)
            if parent is not None and child is not None:
                self._note(parent.number, child.number)

    def pairs(self, join: Join) -> Iterator[_Pair]:
        """Which nodes a join joins, what is at fault reported and left out."""
        parents, children = list(_flat(join.parents)), list(_flat(join.children))
        scope = join.scope
        if not self._may_make(join, len(parents) * len(children)):
            return
        for parent, parent_span in parents:
            for child, child_span in children:
                span = Span(parent_span.file, parent_span.start, child_span.end)
                if _handler(parent) is not _handler(child):
                    message, way_out = _order_fault(parent, child)
                    scope.file.report(HANDLER_ORDER, message, span, help=way_out)
                elif parent is not child and (_holds(parent, child) or _holds(child, parent)):
                    outer, inner = (parent, child) if _holds(parent, child) else (child, parent)
                    message = f"`{inner.id}` is a part of the group `{outer.id}`: neither comes before the other"
                    scope.file.report(EDGE_WITHIN_GROUP, message, span, labels=scope.made_by)
                elif parent is child and isinstance(parent, ResolvedGroup):
                    message = f"the group `{parent.id}` stands on both sides"
                    scope.file.report(EDGE_WITHIN_GROUP, message, span, labels=scope.made_by)
                else:
                    yield _Pair(parent, child, span, join)

    def add(self, parent: _Leaf, child: _Leaf, of: _Pair) -> None:
        self._note(parent.number, child.number)
        if isinstance(parent, Family) or isinstance(child, Family):
            self._through.setdefault((parent.number, child.number), of)
            return
        self._dag.edges.append(Edge(parent.id, child.id, of.span, data=False, pairwise=of.join.pairwise))

    def add_between(self, pair: _Pair) -> None:
        """Joins the last tasks of one with the first tasks of the other, one of the two at least being a group."""
        first = self._written.setdefault((id(pair.parent), id(pair.child)), pair)
        if first is not pair:
            message = f"the edge `{pair.parent.id} -> {pair.child.id}` is there already"
            labels = (Label(first.span, "first written here"),)
            pair.join.scope.file.report(DUPLICATE_EDGE, message, pair.span, labels=labels, help="leave it out here")
            return
        parents, children = self._last(pair.parent), self._first(pair.child)
        if self._may_make(pair.join, len(parents) * len(children)):
            for parent in parents:
                for child in children:
                    # An edge written for a task may well be one of those that its group has.
                    if child.number not in self._children.get(parent.number, ()):
                        self.add(parent, child, pair)

    def lead_through_empty(self) -> None:
        """What comes before a family without members comes before what comes after it."""
        before: dict[int, dict[int, _Pair]] = {}
        after: dict[int, dict[int, _Pair]] = {}
        for (parent, child), pair in self._through.items():
            after.setdefault(parent, {})[child] = pair
            before.setdefault(child, {})[parent] = pair
        known = {(edge.parent, edge.child) for edge in self._dag.edges} if self._through else set()
        for number in (family.number for family in self._dag.empty):
            parents, children = before.pop(number, {}), after.pop(number, {})
            for parent, pair in parents.items():
                after.get(parent, {}).pop(number, None)
                if not self._may_make(pair.join, len(parents) * len(children)):
                    break
                for child, last in children.items():
                    one, other = self._nodes[parent], self._nodes[child]
                    if isinstance(one, Family) or isinstance(other, Family):
                        after.setdefault(parent, {}).setdefault(child, last)
                        before.setdefault(child, {}).setdefault(parent, last)
                    elif (one.id, other.id) not in known:
                        known.add((one.id, other.id))
                        self._dag.edges.append(Edge(one.id, other.id, last.span, data=False))
            for child in children:
                before.get(child, {}).pop(number, None)

    def _note(self, parent: int, child: int) -> None:
        self._parents.setdefault(child, {})[parent] = None
        self._children.setdefault(parent, {})[child] = None

    def _first(self, node: _Leaf | ResolvedGroup) -> list[_Leaf]:
        return self._ends(node, self._firsts, self._parents) if isinstance(node, ResolvedGroup) else [node]

    def _last(self, node: _Leaf | ResolvedGroup) -> list[_Leaf]:
        return self._ends(node, self._lasts, self._children) if isinstance(node, ResolvedGroup) else [node]

    def _ends(
        self, group: ResolvedGroup, known: dict[int, list[_Leaf]], neighbours: dict[int, dict[int, None]]
    ) -> list[_Leaf]:
        if id(group) not in known:
            inside = range(group.first, group.last)
            known[id(group)] = [
                self._nodes[number]
                for number in inside
                if number in self._nodes and not any(each in inside for each in neighbours.get(number, ()))
            ]
        return known[id(group)]

    def _may_make(self, join: Join, count: int) -> bool:
        if count <= MOST_EDGES:
            return True
        message = f"this makes {count:,} edges, one statement may make {MOST_EDGES:,}"
        way_out = "put a task between the two: `task join = empty()`, then `… -> join -> …`"
        join.scope.file.report(TOO_MANY_EDGES, message, join.span, help=way_out)
        return False


# --- nodes -----------------------------------------------------------------------------------------------------------


def _flat(ends: Sequence[tuple[Node, Span]]) -> Iterator[_End]:
    """Members in the place of their family."""
    for node, span in ends:
        if isinstance(node, Family) and node.members:
            yield from ((member, span) for member in node.members.values())
        elif not isinstance(node, Family) or node.known:
            yield node, span


def _handler(node: _Leaf | ResolvedGroup) -> spec.HandlerKind:
    return node.inside.handler if isinstance(node, ResolvedGroup) else node.scope.handler


def _group(node: _Leaf | ResolvedGroup) -> ResolvedGroup | None:
    """The innermost group around it."""
    return node.parent if isinstance(node, ResolvedGroup) else node.scope.group


def _holds(outer: _Leaf | ResolvedGroup, inner: _Leaf | ResolvedGroup) -> bool:
    group = _group(inner) if isinstance(outer, ResolvedGroup) else None
    while group is not None and group is not outer:
        group = group.parent
    return group is not None


def _depth_of_common(one: _Leaf | ResolvedGroup, other: _Leaf | ResolvedGroup) -> int:
    """How deep the innermost group lies that both are in."""
    around: list[ResolvedGroup] = []
    group = _group(one)
    while group is not None:
        around.append(group)
        group = group.parent
    places = {id(each): len(around) - i for i, each in enumerate(around)}
    group = _group(other)
    while group is not None and id(group) not in places:
        group = group.parent
    return 0 if group is None else places[id(group)]


def _order_fault(parent: _Leaf | ResolvedGroup, child: _Leaf | ResolvedGroup) -> tuple[str, str]:
    if _handler(child) is not spec.HandlerKind.NONE and _handler(parent) is spec.HandlerKind.NONE:
        message = f"`{child.id}` is a handler's: it runs after all other tasks anyway"
        return message, "leave the edge out"
    message = f"no edge can join `{parent.id}` and `{child.id}`: they belong to different parts of a run"
    return message, "handlers run after the other tasks, `finally` last; edges join tasks of one block"
