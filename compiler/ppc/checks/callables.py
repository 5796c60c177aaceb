"""Imports and callees that are not there, or cannot be called."""

from __future__ import annotations

from ppc import ast
from ppc.bodies import ResolvedTask
from ppc.callables import BUILT_IN_IDS, FoundCallable
from ppc.definitions import Fault, FaultKind
from ppc.diagnostics import Span
from ppc.resolved import ResolvedFile
from ppc.scopes import FileScope, similar_help, slip_edit

NO_MODULE = "E501"
BROKEN_MODULE = "E502"
NO_NAME = "E503"
NOT_CALLABLE = "E504"
GENERATOR = "E505"
NOT_REACHABLE = "E506"
NOT_NOTIFIER = "E508"

CODES = {
    NO_MODULE: "an import of a module that is not there",
    BROKEN_MODULE: "a module that does not parse",
    NO_NAME: "a name that its module lacks",
    NOT_CALLABLE: "a task that calls what cannot be called",
    GENERATOR: "a task that calls a generator",
    NOT_REACHABLE: "a task that calls a method or an inner function",
    NOT_NOTIFIER: "a notifier that cannot be given a message",
}

_CODES = {
    FaultKind.NO_MODULE: NO_MODULE,
    FaultKind.BROKEN_MODULE: BROKEN_MODULE,
    FaultKind.NO_NAME: NO_NAME,
    FaultKind.NOT_CALLABLE: NOT_CALLABLE,
    FaultKind.GENERATOR: GENERATOR,
    FaultKind.NOT_REACHABLE: NOT_REACHABLE,
    FaultKind.NOT_NOTIFIER: NOT_NOTIFIER,
}


def check_imports(file: ResolvedFile) -> None:
    scope = file.scope
    missing = {found.module: found.refused for found in file.imports if found.refused and not found.name_missing}
    for item in scope.module.items:
        match item:
            case ast.ImportDecl(module) | ast.FromImportDecl(module) if fault := missing.get(module.text):
                # Without an alias the name is written elsewhere too.
                alone = isinstance(item, ast.FromImportDecl) or item.alias is not None
                _report(scope, fault, module.parts[fault.part].span, mend=alone)
            case ast.FromImportDecl(module, names):
                for name in names:
                    found = scope.imports.bound.get((name.alias or name.name).name)
                    if found is not None and found.name_missing and found.module == module.text and found.refused:
                        _report(scope, found.refused, name.name.span, mend=name.alias is not None)
            case _:
                pass


def check_callee(task: ResolvedTask) -> None:
    if isinstance(task.callee, Fault):
        report_callee(task.scope.file, task.decl.call.callee, task.callee, task.offset)


def defined_at(name: str, callee: FoundCallable) -> tuple[str, ...]:
    """A note that tells where a callable of the users' own is defined."""
    code = callee.spec.code
    if code is None or callee.spec.id in BUILT_IN_IDS:
        return ()
    return (f"`{name}` is defined at {code.path}:{code.line}",)


def report_callee(scope: FileScope, callee: ast.DottedName, fault: Fault, offset: int) -> None:
    """`offset` is what to add to the part that the fault is about to get that of the callee as written."""
    part = min(max(fault.part + offset, 0), len(callee.parts) - 1)
    _report(scope, fault, callee.parts[part].span)


def _report(scope: FileScope, fault: Fault, span: Span, *, mend: bool = True) -> None:
    """`mend` says that putting the similar name in its place mends it."""
    way_out = similar_help(fault.similar, "module" if fault.kind is FaultKind.NO_MODULE else "name")
    if not way_out and fault.kind is FaultKind.NO_MODULE and not fault.part:
        way_out = "name the folder that holds it with `--path`, or install it for the Python named with `--python`"
    if fault.kind is FaultKind.NOT_NOTIFIER:
        way_out = (
            "a function is called with the message and then these arguments, an object of a class with the message"
        )
    written = scope.source.text[span.start : span.end]
    similar = None if fault.similar is None or not mend else fault.similar.rpartition(".")[2]
    edit = slip_edit(span, written, similar)
    scope.report(_CODES[fault.kind], fault.message, span, help=way_out, edit=edit)
