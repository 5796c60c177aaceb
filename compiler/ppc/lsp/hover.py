"""What a name or a setting is, in a few lines of Markdown."""

from __future__ import annotations

import ast as python_ast

from lsprotocol import types as lsp

from ppc import ast
from ppc.callables import FoundCallable
from ppc.diagnostics import Span
from ppc.docstrings import clean
from ppc.lsp import describe
from ppc.lsp.navigation import occurrence_at
from ppc.lsp.nodes import around
from ppc.lsp.session import Session
from ppc.lsp.symbols import Kind, Symbol
from ppc.lsp.values import expression
from ppc.modules import Module


def hover(session: Session, uri: str, position: lsp.Position, now: int) -> lsp.Hover | None:
    """`now` is in microseconds of UTC, for the next times of schedules."""
    found = occurrence_at(session, uri, position)
    at = session.at(uri, position)
    if at is None:
        return None
    source, offset = at
    text = "" if found is None else _text(session, source.path, found.symbol, found.span, now)
    span = None if found is None else found.span
    if found is None or found.symbol.kind in _VALUES:
        here = around(session, uri, offset, offset)
        told = None if here is None else expression(here)
        if told is not None:
            text, span = "\n\n".join(part for part in (text, told[0]) if part), span or told[1]
    if not text or span is None:
        return None
    content = lsp.MarkupContent(lsp.MarkupKind.Markdown, text)
    return lsp.Hover(content, session.positions.range(source, span))


def _text(session: Session, path: str, symbol: Symbol, span: Span, now: int) -> str:
    match symbol.kind:
        case Kind.SETTING:
            assert symbol.owner is not None
            text = describe.setting(symbol.owner, symbol.name)
            return f"{text}\n\n{_times(session, path, span, now)}".rstrip() if symbol.name in _OF_TIME else text
        case Kind.FIELD:
            return f"`{symbol.name}`: {describe.FIELDS.get(symbol.name, '')}" if symbol.name in describe.FIELDS else ""
        case Kind.IMPORT | Kind.CALLABLE:
            assert symbol.python is not None
            return python_text(session, path, symbol.name, symbol.python)
    home = session.workspace.source(symbol.span.file)
    head = "" if home is None else describe.statement(home, symbol.decl)
    parts = [f"```ppd\n{head}\n```"] if head else []
    match symbol.decl:
        case ast.TaskDecl():
            checked = session.workspace.check(path)
            callee = describe.callee_of(checked, symbol.decl)
            output = "" if callee is None else describe.output_of(callee, checked.callables)
            parts.append(f"output: `{output}`" if output else "")
            parts.append("" if callee is None else callee.doc)
        case ast.DagDecl():
            parts.append("" if symbol.decl.doc is None else clean(symbol.decl.doc.text))
            parts.append(_times(session, path, symbol.span, now))
        case ast.GroupDecl(doc=doc) | ast.TemplateDecl(doc=doc) if doc is not None:
            parts.append(clean(doc.text))
        case _:
            pass
    if symbol.kind in (Kind.VARIABLE, Kind.PARAMETER):
        parts.append(f"a {symbol.kind.value}" + (" of a template" if symbol.kind is Kind.PARAMETER else ""))
    return "\n\n".join(part for part in parts if part)


def python_text(session: Session, path: str, name: str, target: tuple[str, tuple[str, ...]]) -> str:
    """A callable's signature and docstring, or a module's docstring."""
    finder, _ = session.workspace.python(path)
    module, names = target
    if names:
        found = finder.find(module, names)
        if isinstance(found, FoundCallable):
            return describe.callable_text(found, name, finder)
    place = finder.definition(module, names)
    if not isinstance(place, Module):
        return ""
    doc = "" if place.tree is None else python_ast.get_docstring(place.tree, clean=False) or ""
    return "\n\n".join(part for part in (f"```python\nmodule {place.name}\n```", clean(doc), place.place) if part)


def _times(session: Session, path: str, span: Span, now: int) -> str:
    checked = session.workspace.check(path)
    module = session.workspace.module(span.file)
    for item in () if module is None else module.items:
        if isinstance(item, ast.DagDecl) and item.span.start <= span.start < item.span.end:
            dag = describe.dag_of(checked, item)
            if dag is not None and describe.schedules(dag):
                times = describe.next_runs(dag, now)
                return "\n".join([f"`{describe.schedules(dag)}`, next:\n", *(f"- {each}" for each in times)])
    return ""


_OF_TIME = frozenset({"schedule", "timezone", "start", "end", "dst"})
_VALUES = frozenset({Kind.LET, Kind.PARAM, Kind.PARAMETER, Kind.VARIABLE, Kind.FIELD})
"""Names of which type and value are told besides what they are; a task's output is told with the task."""
