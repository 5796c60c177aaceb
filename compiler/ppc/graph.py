"""The graph of a dag as numbers: its tasks in the order of their declarations, its edges each once."""

from __future__ import annotations

from ppacer import spec
from ppacer.records import dataclass
from ppc.layout import Layout, lay_out
from ppc.resolved import ResolvedDag

_SECTIONS = {
    spec.HandlerKind.NONE: 0,
    spec.HandlerKind.SUCCESS: 1,
    spec.HandlerKind.FAILURE: 1,
    spec.HandlerKind.FINALLY: 2,
}


@dataclass(frozen=True, slots=True)
class Graph:
    """`parents` and `children` of each number, each neighbour once, edges of a task to itself left out."""

    ids: list[str]
    parents: list[list[int]]
    children: list[list[int]]
    layout: Layout


def graph_of(dag: ResolvedDag) -> Graph:
    ids = list(dag.tasks)
    numbers = {task: number for number, task in enumerate(ids)}
    parents: list[list[int]] = [[] for _ in ids]
    children: list[list[int]] = [[] for _ in ids]
    seen: set[tuple[int, int]] = set()
    for edge in dag.edges:
        step = (numbers[edge.parent], numbers[edge.child])
        if step[0] != step[1] and step not in seen:
            seen.add(step)
            parents[step[1]].append(step[0])
            children[step[0]].append(step[1])
    sections = [_SECTIONS[task.handler] for task in dag.tasks.values()]
    return Graph(ids, parents, children, lay_out(parents, children, sections))
