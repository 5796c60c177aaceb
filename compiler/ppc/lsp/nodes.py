"""The nodes of a tree around a place, and how they are resolved: what code actions and hovers begin with."""

from __future__ import annotations

from collections.abc import Iterator

from ppacer.records import dataclass, fields, is_record
from ppc import ast
from ppc.bodies import ResolvedTask
from ppc.diagnostics import Span
from ppc.includes import Unit
from ppc.lsp.session import Session
from ppc.lsp.symbols import FileNames
from ppc.lsp.workspace import Checked
from ppc.resolved import ResolvedDag
from ppc.source import Source


@dataclass(frozen=True, slots=True)
class Around:
    """A stretch of a file, `start` to `end`, and the `nodes` that hold it, from the outside in."""

    session: Session
    uri: str
    source: Source
    names: FileNames
    module: ast.Module
    start: int
    end: int
    nodes: tuple[object, ...]

    def innermost(self, kind: type[ast.TaskDecl]) -> ast.TaskDecl | None:
        return next((node for node in reversed(self.nodes) if isinstance(node, kind)), None)

    def text(self, span: Span) -> str:
        return self.source.text[span.start : span.end]

    def indent(self, offset: int) -> str:
        """What the line of an offset begins with."""
        line = self.source.line_text(self.source.line_column(offset)[0])
        return line[: len(line) - len(line.lstrip())]


def around(session: Session, uri: str, start: int, end: int) -> Around | None:
    """None where there is no such file."""
    unit = session.workspace.unit(session.path(uri))
    if not isinstance(unit, Unit):
        return None
    names = session.names(unit.source.path)
    if names is None:
        return None
    nodes = tuple(nodes_at(unit.module, start, end))
    return Around(session, uri, unit.source, names, unit.module, start, end, nodes)


def nodes_at(node: object, start: int, end: int) -> Iterator[object]:
    """The nodes that hold a stretch of the text, from the outside in."""
    if isinstance(node, tuple):
        for each in node:
            yield from nodes_at(each, start, end)
    elif is_record(node) and not isinstance(node, Span):
        span = getattr(node, "span", None)
        if isinstance(span, Span):
            if not span.start <= start <= end <= span.end:
                return
            yield node
        for field in fields(node):
            yield from nodes_at(getattr(node, field.name), start, end)


def resolved(checked: Checked, decl: object) -> tuple[ResolvedDag, ResolvedTask] | None:
    """A task as the first of its dags has it."""
    for dag in () if checked.examined is None else checked.examined.program.all_dags:
        for task in (*dag.tasks.values(), *dag.sketches):
            if task.decl is decl:
                return dag, task
    return None
