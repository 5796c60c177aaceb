"""What is missing, supplied: an argument of a call, a param of a dag, a Python function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from lsprotocol import types as lsp

from ppacer import spec
from ppc import ast
from ppc.annotations import Annotations
from ppc.callables import FoundCallable
from ppc.checks.arguments import MISSING_ARGUMENT
from ppc.checks.callables import NO_MODULE, NO_NAME
from ppc.diagnostics import Diagnostic, Edit, Span
from ppc.lsp.nodes import Around, around, resolved
from ppc.lsp.stubs import create_function
from ppc.names import UNKNOWN_FIELD
from ppc.signatures import Parameter, ParameterKind
from ppc.typing_model import DictType, Kind, ListType, PlainType, Type, may_be_none, members, plain, without_none, words

_PLACEHOLDERS: Final = {
    Kind.STR: '""',
    Kind.INT: "0",
    Kind.FLOAT: "0.0",
    Kind.DECIMAL: "0",
    Kind.BOOL: "false",
    Kind.DATE: "run.date",
    Kind.DATETIME: "run.scheduled_at",
    Kind.DURATION: "1h",
    Kind.PATH: '""',
}
_PARAM_TYPES: Final = frozenset(each.value for each in spec.ParamKind)


def supplies(at: Around, faults: Sequence[Diagnostic]) -> Iterator[lsp.CodeAction]:
    """What mends the faults by adding what they lack."""
    for fault in faults:
        inside = around(at.session, at.uri, fault.span.start, fault.span.end)
        if inside is None:
            continue
        if fault.code == MISSING_ARGUMENT:
            yield from _arguments(inside)
        elif fault.code == UNKNOWN_FIELD:
            yield from _param(inside)
        elif fault.code in (NO_MODULE, NO_NAME):
            yield from create_function(inside)


def _action(at: Around, title: str, edit: Edit) -> lsp.CodeAction:
    changes = {at.session.uri(at.source.path): at.session.positions.edits(at.source, [edit])}
    return lsp.CodeAction(title, lsp.CodeActionKind.QuickFix, edit=lsp.WorkspaceEdit(changes=changes))


# --- arguments --------------------------------------------------------------------------------------------------------


def _arguments(at: Around) -> Iterator[lsp.CodeAction]:
    task = at.innermost(ast.TaskDecl)
    checked = at.session.workspace.check(at.source.path)
    found = None if task is None else resolved(checked, task)
    callee = None if found is None else found[1].callee
    if task is None or not isinstance(callee, FoundCallable):
        return
    missing = _missing(task.call, callee)
    if not missing:
        return
    annotations = Annotations(checked.callables)
    written = ", ".join(f"{each.name} = {_placeholder(annotations.parameter(callee, each))}" for each in missing)
    end = task.call.span.end - 1
    before = at.source.text[task.call.callee.span.end : end].rstrip()
    separator = "" if before.endswith("(") else " " if before.endswith(",") else ", "
    place = task.call.callee.span.end + len(before)
    title = f"Add {', '.join(f'`{each.name}`' for each in missing)}"
    yield _action(at, title, Edit(Span(at.source.path, place, place), f"{separator}{written}"))


def _missing(call: ast.Call, callee: FoundCallable) -> list[Parameter]:
    """The parameters that a call has to give and can give by their names."""
    parameters = () if callee.signature is None else callee.signature.parameters
    placed = [each for each in parameters if each.kind in (ParameterKind.POSITIONAL_ONLY, ParameterKind.EITHER)]
    given = {each.name.name for each in call.arguments if each.name is not None}
    given.update(each.name for each in placed[: sum(each.name is None for each in call.arguments)])
    return [
        each
        for each in parameters
        if each.required and each.name not in given and each.kind in (ParameterKind.EITHER, ParameterKind.NAMED_ONLY)
    ]


def _placeholder(wanted: Type) -> str:
    """A value of the type, to be written over."""
    for each in members(without_none(wanted)):
        match each:
            case PlainType(kind) if kind in _PLACEHOLDERS:
                return _PLACEHOLDERS[kind]
            case ListType():
                return "[]"
            case DictType():
                return "{}"
            case _:
                pass
    return "none"


# --- params -----------------------------------------------------------------------------------------------------------


def _param(at: Around) -> Iterator[lsp.CodeAction]:
    read = next((node for node in reversed(at.nodes) if isinstance(node, ast.AttributeExpr)), None)
    dag = next((node for node in at.nodes if isinstance(node, ast.DagDecl)), None)
    if read is None or dag is None or not isinstance(read.of, ast.Name) or read.of.name != "params":
        return
    name = read.name.name
    line = f"param {name}: {_type(at, read)}"
    params = [item.span for item in dag.body if isinstance(item, ast.ParamDecl)]
    settings = [item.span for item in dag.body if isinstance(item, ast.Setting | ast.DefaultsDecl)]
    doc = None if dag.doc is None else dag.doc.span
    before = (params or settings)[-1] if params or settings else doc
    if before is not None:
        place, written = before.end, f"\n{at.indent(before.start)}{line}"
    else:
        place = at.source.text.index("{", dag.name.span.end) + 1
        written = f"\n{at.indent(dag.span.start)}  {line}"
        written += "" if at.source.text[place:].lstrip(" \t").startswith(("\n", "\r")) else "\n"
    yield _action(at, f"Add `{line}`", Edit(Span(at.source.path, place, place), written))


def _type(at: Around, read: ast.AttributeExpr) -> str:
    """The type that the parameter takes for which it is read, as far as a param can have it."""
    task = at.innermost(ast.TaskDecl)
    checked = at.session.workspace.check(at.source.path)
    found = None if task is None else resolved(checked, task)
    callee = None if found is None else found[1].callee
    if task is None or not isinstance(callee, FoundCallable) or callee.signature is None:
        return "str"
    by_place = [argument for argument in task.call.arguments if argument.name is None]
    for argument in task.call.arguments:
        if argument.value is not read:
            continue
        for number, parameter in enumerate(callee.signature.parameters):
            named = argument.name is not None and argument.name.name == parameter.name
            if named or (number < len(by_place) and by_place[number] is argument):
                wanted = Annotations(checked.callables).parameter(callee, parameter)
                word = words(plain(without_none(wanted)))
                return f"{word}{'?' if may_be_none(wanted) else ''}" if word in _PARAM_TYPES else "str"
    return "str"
