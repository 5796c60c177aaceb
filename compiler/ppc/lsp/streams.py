"""Upstream and downstream of a task, which editors show as callers and called: what it waits for is upstream."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types as lsp

from ppc import ast
from ppc.lsp.navigation import occurrence_at
from ppc.lsp.session import Session
from ppc.resolved import ResolvedDag


def prepare(session: Session, uri: str, position: lsp.Position) -> list[lsp.CallHierarchyItem]:
    found = occurrence_at(session, uri, position)
    decl = None if found is None else found.symbol.decl
    item = _item(session, decl) if isinstance(decl, ast.TaskDecl) else None
    return [] if item is None else [item]


def upstream(session: Session, item: lsp.CallHierarchyItem) -> list[lsp.CallHierarchyIncomingCall]:
    """The tasks that it waits for, by data or by order alone."""
    return [
        lsp.CallHierarchyIncomingCall(each, [each.selection_range]) for each in _beside(session, item, parents=True)
    ]


def downstream(session: Session, item: lsp.CallHierarchyItem) -> list[lsp.CallHierarchyOutgoingCall]:
    """The tasks that wait for it."""
    return [
        lsp.CallHierarchyOutgoingCall(each, [item.selection_range]) for each in _beside(session, item, parents=False)
    ]


def _beside(session: Session, item: lsp.CallHierarchyItem, *, parents: bool) -> Iterator[lsp.CallHierarchyItem]:
    """Each declaration once, however many members its family has."""
    at = session.at(item.uri, item.selection_range.start)
    if at is None:
        return
    source, offset = at
    examined = session.workspace.check(source.path).examined
    seen: dict[int, ast.TaskDecl] = {}
    for dag in () if examined is None else examined.program.all_dags:
        own = {name for name, task in dag.tasks.items() if _stands_at(task.decl, source.path, offset)}
        for decl in _neighbours(dag, own, parents=parents) if own else ():
            seen.setdefault(id(decl), decl)
    for decl in seen.values():
        found = _item(session, decl)
        if found is not None:
            yield found


def _neighbours(dag: ResolvedDag, own: set[str], *, parents: bool) -> Iterator[ast.TaskDecl]:
    for edge in dag.edges:
        here, there = (edge.child, edge.parent) if parents else (edge.parent, edge.child)
        if here in own and there in dag.tasks:
            yield dag.tasks[there].decl


def _stands_at(decl: ast.TaskDecl, path: str, offset: int) -> bool:
    return decl.name.span.file == path and decl.name.span.start == offset


def _item(session: Session, decl: ast.TaskDecl) -> lsp.CallHierarchyItem | None:
    source = session.workspace.source(decl.span.file)
    if source is None:
        return None
    whole, name = (session.positions.range(source, span) for span in (decl.span, decl.name.span))
    uri, detail = session.uri(source.path), decl.call.callee.text
    return lsp.CallHierarchyItem(decl.name.name, lsp.SymbolKind.Function, uri, whole, name, detail=detail)
