"""Edges that make no sense: cycles, a task after itself, the same edge twice, a dag without tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from ppc import ast
from ppc.diagnostics import Diagnostic, Label
from ppc.graph import Graph
from ppc.resolved import Edge, ResolvedDag

CYCLE = "E401"
SELF_EDGE = "E402"
NO_TASKS = "E404"
DUPLICATE_EDGE = "W401"

CODES = {
    CYCLE: "tasks that wait for each other",
    SELF_EDGE: "a task that waits for itself",
    NO_TASKS: "a dag without tasks",
    DUPLICATE_EDGE: "an edge that is there already",
}

_MOST_SHOWN = 12
"""Steps of a cycle that are named and labelled; of a longer one the first and last."""


def check(dag: ResolvedDag, graph: Graph) -> None:
    report = dag.scope.file.report
    decl = dag.decl
    declares = any(isinstance(item, ast.TaskDecl | ast.GroupDecl) for item in decl.body)
    if not declares and dag.template is None and not dag.scope.file.broken:
        report(NO_TASKS, f"dag `{decl.name.name}` has no tasks", decl.name.span, help="declare one: `task x = empty()`")
    written: dict[tuple[str, str], Edge] = {}
    for edge in dag.edges:
        if edge.parent == edge.child:
            why = "takes its own output" if edge.data else "stands on both sides"
            report(SELF_EDGE, f"task `{edge.child}` waits for itself", edge.span, label=why)
        elif not edge.data:
            first = written.setdefault((edge.parent, edge.child), edge)
            if first is not edge:
                report(
                    DUPLICATE_EDGE,
                    f"the edge `{edge.parent} -> {edge.child}` is there already",
                    edge.span,
                    labels=(Label(first.span, "first written here"),),
                    help="leave it out here",
                )
    if len(graph.layout.order) < len(graph.ids):
        edges = {(edge.parent, edge.child): edge for edge in reversed(dag.edges)}
        for cycle in cycles(graph):
            dag.scope.file.faults.append(_fault([graph.ids[node] for node in cycle], edges))


def cycles(graph: Graph) -> Iterator[list[int]]:
    """One shortest cycle of each knot of nodes, beginning with its first node."""
    for knot in _knots(graph):
        start = min(knot)
        inside = set(knot)
        came_from: dict[int, int] = {}
        wave = [start]
        while start not in came_from:
            following: list[int] = []
            for node in wave:
                for child in graph.children[node]:
                    if child in inside and child not in came_from:
                        came_from[child] = node
                        following.append(child)
            wave = following
        path = [start]
        node = came_from[start]
        while node != start:
            path.append(node)
            node = came_from[node]
        yield [path[0], *reversed(path[1:])]


def _fault(cycle: Sequence[str], edges: dict[tuple[str, str], Edge]) -> Diagnostic:
    steps = [edges[step] for step in pairwise((*cycle, cycle[0]))]
    names = [*cycle, cycle[0]]
    if len(steps) > _MOST_SHOWN:
        half = _MOST_SHOWN // 2
        names = [*names[:half], "…", *names[-half:]]
        steps = [*steps[:half], *steps[-half:]]
    texts = [
        f"`{step.child}` takes the output of `{step.parent}`" if step.data else f"`{step.child}` after `{step.parent}`"
        for step in steps
    ]
    return Diagnostic(
        CYCLE,
        f"these tasks wait for each other: {' -> '.join(names)}",
        steps[0].span,
        texts[0],
        tuple(Label(step.span, text) for step, text in zip(steps[1:], texts[1:], strict=True)),
        help="take one of these edges out",
    )


def _knots(graph: Graph) -> list[list[int]]:
    """The strongly connected components of more than one node: Tarjan's algorithm, with its stack made explicit."""
    sound = set(graph.layout.order)
    number: dict[int, int] = {}
    lowest: dict[int, int] = {}
    open_nodes: list[int] = []
    is_open: set[int] = set()
    knots: list[list[int]] = []
    for root in range(len(graph.ids)):
        if root in sound or root in number:
            continue
        path = [(root, iter(graph.children[root]))]
        number[root] = lowest[root] = len(number)
        open_nodes.append(root)
        is_open.add(root)
        while path:
            node, rest = path[-1]
            child = next(rest, None)
            if child is None:
                path.pop()
                if path:
                    above = path[-1][0]
                    lowest[above] = min(lowest[above], lowest[node])
                if lowest[node] == number[node]:
                    knot = [open_nodes.pop()]
                    while knot[-1] != node:
                        knot.append(open_nodes.pop())
                    is_open.difference_update(knot)
                    if len(knot) > 1:
                        knots.append(knot)
            elif child not in number:
                number[child] = lowest[child] = len(number)
                open_nodes.append(child)
                is_open.add(child)
                path.append((child, iter(graph.children[child])))
            elif child in is_open:
                lowest[node] = min(lowest[node], number[child])
    return knots
