"""What the language has and this version cannot carry out yet: refused at its place, never ignored."""

from __future__ import annotations

from ppc import ast
from ppc.diagnostics import Span
from ppc.resolve import ResolvedDag, ResolvedFile
from ppc.scopes import FileScope

NOT_SUPPORTED = "E901"

CODES = {NOT_SUPPORTED: "a statement that this version does not support"}


def check_file(file: ResolvedFile) -> None:
    scope = file.scope
    for item in scope.module.items:
        match item:
            case ast.IncludeDecl():
                _refuse(scope, "`include` is", item.span)
            case ast.NotifierDecl(name):
                _refuse(scope, "`notifier` is", name.span)
            case ast.PoolDecl(name):
                _refuse(scope, "`pool` is", name.span)
            case ast.LabelDecl(name):
                _refuse(scope, "`label` is", name.span)
            case ast.TemplateDecl(name):
                _refuse(scope, "`template` is", name.span)
            case _:
                pass


def check_dag(dag: ResolvedDag) -> None:
    scope = dag.scope.file
    for item in dag.decl.body:
        match item:
            case ast.ParamDecl(name):
                _refuse(scope, "`param` is", name.span)
            case ast.GroupDecl(name):
                _refuse(scope, "`group` is", name.span)
            case ast.HandlerDecl(event):
                what = "`finally`" if event is ast.HandlerEvent.FINALLY else f"`on {event}`"
                _refuse(scope, f"{what} is", _head(item.span, len(what) - 2))
            case ast.TaskDecl(name):
                if item.loops:
                    _refuse(scope, "families of tasks are", item.loops[0].span)
                if item.when is not None:
                    _refuse(scope, "`when` is", item.when.span)
            case _:
                pass


def _head(span: Span, length: int) -> Span:
    return Span(span.file, span.start, min(span.end, span.start + length))


def _refuse(scope: FileScope, what: str, span: Span) -> None:
    scope.report(NOT_SUPPORTED, f"{what} not supported by this version of ppc yet", span)
