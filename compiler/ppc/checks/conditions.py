"""Conditions: a `when` must be a question, and one that is not answered already."""

from __future__ import annotations

from collections.abc import Iterator

from ppacer import spec
from ppacer.records import fields, is_record
from ppc import ast
from ppc.bodies import ResolvedTask
from ppc.constants import is_constant
from ppc.diagnostics import Diagnostic, Edit, Span
from ppc.infer import Inference, is_bool
from ppc.typing_model import AnyType, may_be_none, members, words

CONSTANT_CONDITION = "E810"
NO_CONDITION = "E811"

CODES = {
    CONSTANT_CONDITION: "a `when` that is always true, or never",
    NO_CONDITION: "a `when` that is not `bool`",
}


def check_when(task: ResolvedTask, inference: Inference) -> None:
    when, syntax = task.when, task.decl.when
    if when is None or syntax is None:
        return
    file = task.scope.file
    found = inference.type_of(when, syntax)
    sound = any(isinstance(member, AnyType) or is_bool(member) for member in members(found))
    if not sound or may_be_none(found):
        why = inference.why_none(when) if may_be_none(found) else ""
        file.report(
            NO_CONDITION,
            "`when` takes true or false",
            syntax.span,
            label=f"this is {words(found)}",
            labels=task.labels(),
            notes=(why,) if why else (),
            help="compare it with something: `when x > 0`, `when x != none`",
        )
    elif is_constant(when) and not _differs_by_use(task, syntax):
        true = isinstance(when, spec.Literal) and when.value is True
        file.add(
            Diagnostic(
                CONSTANT_CONDITION,
                f"this `when` is {'always true' if true else 'never true: the task would never run'}",
                syntax.span,
                help="leave `when` out" if true else "leave the task out, or let `when` ask for a param or an output",
                edit=Edit(Span(syntax.span.file, task.decl.call.span.end, syntax.span.end), "") if true else None,
            )
        )


def _differs_by_use(task: ResolvedTask, syntax: ast.Expr) -> bool:
    """Whether it names a loop variable or a template's parameter: then it says which of several tasks there are."""
    return any(name in task.variables or task.scope.parameter(name) is not None for name in _names(syntax))


def _names(syntax: object) -> Iterator[str]:
    waiting: list[object] = [syntax]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name):
            yield node.name
        elif isinstance(node, tuple):
            waiting.extend(node)
        elif is_record(node):
            waiting.extend(getattr(node, field.name) for field in fields(node))
