"""What the language has and this version cannot carry out yet: refused at its place, never ignored."""

from __future__ import annotations

from ppc import ast
from ppc.bodies import ResolvedTask
from ppc.diagnostics import Span
from ppc.resolved import ResolvedDag, ResolvedFile
from ppc.scopes import FileScope
from ppc.syntax import walk

NOT_SUPPORTED = "E901"
EXPRESSION_NOT_SUPPORTED = "E903"

CODES = {
    NOT_SUPPORTED: "a statement that this version does not support",
    EXPRESSION_NOT_SUPPORTED: "an expression that this version does not support",
}


def check_file(file: ResolvedFile) -> None:
    scope = file.scope
    for item in scope.module.items:
        match item:
            case ast.NotifierDecl(name):
                _refuse(scope, "`notifier` is", name.span)
            case ast.PoolDecl(name):
                _refuse(scope, "`pool` is", name.span)
            case ast.LabelDecl(name):
                _refuse(scope, "`label` is", name.span)
            case _:
                pass


def check_dag(dag: ResolvedDag) -> None:
    scope = dag.scope.file
    for item in dag.decl.body:
        match item:
            case ast.ParamDecl(name):
                _refuse(scope, "`param` is", name.span)
            case ast.HandlerDecl(event):
                what = "`finally`" if event is ast.HandlerEvent.FINALLY else f"`on {event}`"
                _refuse(scope, f"{what} is", _head(item.span, len(what) - 2))
            case _:
                pass
    for task in dag.tasks.values():
        _check_task(task)


def _check_task(task: ResolvedTask) -> None:
    file, decl = task.scope.file, task.decl
    if task.fan_out is not None:
        _refuse(file, "a family over a list that is known only at run time is", decl.loops[-1].span)
    if decl.when is not None:
        _refuse(file, "`when` is", decl.when.span)
    for argument in decl.call.arguments:
        for part in walk(argument.value):
            if isinstance(part, ast.Call) and part.callee.text in {"env", "secret"}:
                message = f"`{part.callee.text}(…)` is not supported by this version of ppc yet"
                file.report(EXPRESSION_NOT_SUPPORTED, message, part.span)


def _head(span: Span, length: int) -> Span:
    return Span(span.file, span.start, min(span.end, span.start + length))


def _refuse(scope: FileScope, what: str, span: Span) -> None:
    scope.report(NOT_SUPPORTED, f"{what} not supported by this version of ppc yet", span)
