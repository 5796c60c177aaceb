"""Dags as text that other tools draw: Mermaid's flowcharts and Graphviz's DOT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ppacer import spec
from ppc.notation import callable_text, shown_text

_INDENT: Final = "  "
_MERMAID: Final = {ord(character): f"#{ord(character)};" for character in '"#<>&`\\'}
_DOT: Final = str.maketrans({'"': '\\"', "\\": "\\\\"})


def mermaid(dags: Sequence[spec.Dag]) -> str:
    """A flowchart: each of several dags and each group in a frame of its own."""
    lines = ["flowchart LR"]
    for number, dag in enumerate(dags):
        names = {task.id: f"d{number}t{place}" for place, task in enumerate(dag.tasks)}
        frames = _Frames(f"d{number}g")
        indent = _INDENT
        if len(dags) > 1:
            indent += _INDENT
            lines += [f'  subgraph d{number}["{_mermaid(dag.id)}"]', f"{indent}direction LR"]
        for group, task in _grouped(dag):
            lines += [f"{indent}{_INDENT * depth}end" for depth in frames.leave(group)]
            for depth, name, title in frames.enter(group):
                inner = indent + _INDENT * depth
                lines += [f'{inner}subgraph {name}["{_mermaid(title)}"]', f"{inner}{_INDENT}direction LR"]
            if task is not None:
                shape = '(["{}"])' if task.handler is not spec.HandlerKind.NONE else '["{}"]'
                label = shape.format(_mermaid(task.id[len(group[-1]) + 1 :] if group else task.id))
                lines.append(f"{indent}{_INDENT * len(group)}{names[task.id]}{label}")
        lines += [f"{indent}{names[parent]} --> {names[task.id]}" for task in dag.tasks for parent in task.parents]
        if len(dags) > 1:
            lines.append(f"{_INDENT}end")
    return "\n".join(lines) + "\n"


def dot(dags: Sequence[spec.Dag]) -> str:
    """A directed graph whose nodes are named `dag.task`."""
    title = dags[0].id if len(dags) == 1 else "dags"
    lines = [
        f"digraph {_dot(title)} {{",
        '  graph [rankdir=LR, fontname="Helvetica", fontsize=12, nodesep=0.25, ranksep=0.6, style="rounded"];',
        '  node [shape=box, style="rounded,filled", fillcolor="#f6f8fa", color="#8c959f", fontname="Helvetica", '
        "fontsize=12];",
        '  edge [color="#8c959f", arrowsize=0.7];',
    ]
    for number, dag in enumerate(dags):
        frames = _Frames(f"cluster_{number}_")
        indent = _INDENT
        if len(dags) > 1:
            lines += [f"  subgraph cluster_{number} {{", f"    label={_dot(dag.id)};"]
            indent += _INDENT
        for group, task in _grouped(dag):
            lines += [f"{indent}{_INDENT * depth}}}" for depth in frames.leave(group)]
            for depth, name, title in frames.enter(group):
                inner = indent + _INDENT * depth
                lines += [f"{inner}subgraph {name} {{", f"{inner}{_INDENT}label={_dot(title)};"]
            if task is not None:
                label = task.id[len(group[-1]) + 1 :] if group else task.id
                attributes = f"label={_dot(label)}, tooltip={_dot(callable_text(task.callable))}"
                if task.handler is not spec.HandlerKind.NONE:
                    attributes += ', style="rounded,filled,dashed"'
                lines.append(f"{indent}{_INDENT * len(group)}{_dot(f'{dag.id}.{task.id}')} [{attributes}];")
        lines += [
            f"{indent}{_dot(f'{dag.id}.{parent}')} -> {_dot(f'{dag.id}.{task.id}')};"
            for task in dag.tasks
            for parent in task.parents
        ]
        if len(dags) > 1:
            lines.append("  }")
    lines.append("}")
    return "\n".join(lines) + "\n"


def _mermaid(text: str) -> str:
    """As it stands in a label in double quotes: what Mermaid would read is written by number."""
    return shown_text(text).translate(_MERMAID)


def _dot(text: str) -> str:
    return f'"{shown_text(text).translate(_DOT)}"'


class _Frames:
    """Which groups are open while tasks are written one after the other, and a name for each that was opened."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._count = 0
        self._open: tuple[str, ...] = ()

    def leave(self, group: tuple[str, ...]) -> list[int]:
        """The depths of those to close, innermost first, before a task of `group`."""
        same = _common(self._open, group)
        closed = list(range(len(self._open) - 1, same - 1, -1))
        self._open = self._open[:same]
        return closed

    def enter(self, group: tuple[str, ...]) -> list[tuple[int, str, str]]:
        """Depth, name and title of those to open, outermost first."""
        opened: list[tuple[int, str, str]] = []
        for depth in range(len(self._open), len(group)):
            outer = f"{group[depth - 1]}." if depth else ""
            opened.append((depth, f"{self._prefix}{self._count}", group[depth].removeprefix(outer)))
            self._count += 1
        self._open = group
        return opened


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return same


def _grouped(dag: spec.Dag) -> list[tuple[tuple[str, ...], spec.Task | None]]:
    """Each task with the groups around it, outermost first, those of one group together; last an end outside all."""
    around = groups_around(dag)
    places = {group.id: place for place, group in enumerate(dag.groups)}
    in_order = sorted(
        dag.tasks, key=lambda task: [places[group] for group in around[task.id]] if around[task.id] else [-1]
    )
    return [*((around[task.id], task) for task in in_order), ((), None)]


def groups_around(dag: spec.Dag) -> dict[str, tuple[str, ...]]:
    """The groups that each task stands in, outermost first, by the task's id."""
    ids = {group.id for group in dag.groups}
    found: dict[str, tuple[str, ...]] = {}
    for task in dag.tasks:
        parts: list[str] = []
        end = task.id.find(".")
        while end >= 0 and ids:
            if task.id[:end] in ids:
                parts.append(task.id[:end])
            end = task.id.find(".", end + 1)
        found[task.id] = tuple(parts)
    return found
