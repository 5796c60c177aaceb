"""The order in which a dag's tasks stand, and where they stand in its picture."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from ppacer.records import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """Nodes are numbers from 0. `order` is topological, by number where the edges leave a choice, and lacks the nodes
    that are in a cycle or after one. `layers` and `rows` are the picture's coordinates of each node."""

    order: list[int]
    layers: list[int]
    rows: list[int]


def lay_out(
    parents: Sequence[Sequence[int]], children: Sequence[Sequence[int]], sections: Sequence[int] = ()
) -> Layout:
    """`parents[n]` and `children[n]` are the neighbours of node n, each once.

    Nodes of a higher section, if there are any, come after all of lower ones and stand to their right.
    """
    count = len(parents)
    section = sections or [0] * count
    waiting = [len(of) for of in parents]
    ready = [(section[node], node) for node in range(count) if not waiting[node]]
    heapq.heapify(ready)
    order: list[int] = []
    layers = [0] * count
    last_section = deepest = base = 0
    while ready:
        of, node = heapq.heappop(ready)
        if of > last_section:
            last_section, base = of, deepest + 1 if order else 0
        order.append(node)
        layers[node] = max(layers[node], base)
        deepest = max(deepest, layers[node])
        below = layers[node] + 1
        for child in children[node]:
            layers[child] = max(layers[child], below)
            waiting[child] -= 1
            if not waiting[child]:
                heapq.heappush(ready, (section[child], child))
    return Layout(order, layers, _rows(order, layers, parents))


def _rows(order: Sequence[int], layers: Sequence[int], parents: Sequence[Sequence[int]]) -> list[int]:
    """Each layer sorted by the mean row of its nodes' parents, so that edges cross little."""
    rows = [0] * len(layers)
    by_layer: list[list[int]] = [[] for _ in range(max(layers, default=-1) + 1)]
    for node in order:
        by_layer[layers[node]].append(node)
    for nodes in by_layer:
        keys = {node: sum(rows[p] for p in parents[node]) / (len(parents[node]) or 1) for node in nodes}
        for row, node in enumerate(sorted(nodes, key=lambda node: (keys[node], node))):
            rows[node] = row
    return rows
