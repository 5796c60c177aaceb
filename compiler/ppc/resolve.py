"""Names resolved: which callable a task calls, which tasks an edge joins, which outputs an argument takes.

Files and dags come out with everything that was sound in them, so that the checks go on finding faults; what was at
fault here is none, and is reported once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice, pairwise

from ppacer import spec
from ppacer.records import dataclass, field
from ppc import ast, imports
from ppc.callables import BUILT_IN_MODULE, BUILT_IN_TASKS, CallableFinder, FoundCallable
from ppc.constants import depth_of
from ppc.definitions import Fault
from ppc.diagnostics import Diagnostic, Label, Span
from ppc.expressions import NOT_A_FAMILY, Expressions, Use
from ppc.imports import Import
from ppc.scopes import DagScope, FileScope, Let, similar_help
from ppc.similar import Similar
from ppc.source import Source

UNKNOWN_TASK = "E202"
UNKNOWN_CALLEE = "E203"
DECLARED_TWICE = "E204"
SHADOWS = "E205"
TOO_MANY_EDGES = "E403"
BUILT_IN_NOT_SUPPORTED = "E904"

CODES = {
    UNKNOWN_TASK: "an edge that names no task",
    UNKNOWN_CALLEE: "a callable that is neither imported nor built in",
    DECLARED_TWICE: "a name declared twice",
    SHADOWS: "a name that hides another",
    TOO_MANY_EDGES: "one statement that makes too many edges",
    BUILT_IN_NOT_SUPPORTED: "a built-in task that this version does not support",
}

SHELL = f"{BUILT_IN_MODULE}:{BUILT_IN_TASKS['shell']}"
LATER_BUILT_INS = frozenset({"script", "http", "sql", "wait_for_file", "wait_for_http", "run_dag"})
MOST_EDGES = 100_000
"""Of one statement: between two lists each task is joined with each."""


_MOST_ASKED = 20


@dataclass(frozen=True, slots=True)
class Edge:
    """`child` waits for `parent`: by an edge statement, or because it takes its output (`data`)."""

    parent: str
    child: str
    span: Span
    data: bool


@dataclass(slots=True, eq=False)
class ResolvedArgument:
    """An argument of a task; `value` is none where it is at fault."""

    syntax: ast.Argument
    value: spec.Expr | None


@dataclass(slots=True, eq=False)
class ResolvedTask:
    """`callee` is a fault, or none, where there is no such callable; `offset` is what to add to the part that a fault
    is about to get the part of the callee as written."""

    decl: ast.TaskDecl
    callee: FoundCallable | Fault | None
    offset: int
    arguments: list[ResolvedArgument]
    settings: dict[str, object] = field(default_factory=dict)
    settings_at: tuple[tuple[str, spec.At], ...] = ()


@dataclass(slots=True, eq=False)
class ResolvedDag:
    scope: DagScope
    tasks: dict[str, ResolvedTask]
    edges: list[Edge]
    settings: dict[str, object] = field(default_factory=dict)
    settings_at: tuple[tuple[str, spec.At], ...] = ()

    @property
    def decl(self) -> ast.DagDecl:
        return self.scope.decl


@dataclass(slots=True, eq=False)
class ResolvedFile:
    scope: FileScope
    imports: list[Import]
    dags: list[ResolvedDag]


def resolve(
    files: Sequence[tuple[Source, ast.Module]], callables: CallableFinder, faults: list[Diagnostic]
) -> list[ResolvedFile]:
    """Adds what it finds to `faults`, which holds the faults of syntax that are known already."""
    broken = {fault.span.file for fault in faults}
    dags: dict[str, ast.DagDecl] = {}
    resolved: list[ResolvedFile] = []
    for index, (source, module) in enumerate(files):
        scope = FileScope(index, source, module, faults, broken=source.path in broken)
        if scope.broken:
            scope.perhaps = _perhaps_declared(source.text)
        resolved.append(_resolve_file(scope, callables, dags))
    return resolved


_DECLARING = re.compile(r"\b(?:task|group|let|notifier|pool|label|template|param|dag)\s+([A-Za-z_]\w*)")
_IMPORTING = re.compile(r"^\s*(?:import|from)\b.*$", re.MULTILINE)


def _perhaps_declared(text: str) -> frozenset[str]:
    names = set(_DECLARING.findall(text))
    for line in _IMPORTING.findall(text):
        names.update(re.findall(r"\w+", line))
    return frozenset(names)


def _resolve_file(scope: FileScope, callables: CallableFinder, dags: dict[str, ast.DagDecl]) -> ResolvedFile:
    declared: list[Import] = []
    own: list[ast.DagDecl] = []
    later: list[ast.TopItem] = []
    scope.later_lets = {item.name.name for item in scope.module.items if isinstance(item, ast.LetDecl)}
    expressions = Expressions(scope)
    for item in scope.module.items:
        match item:
            case ast.ImportDecl() | ast.FromImportDecl():
                for found in imports.declared(item):
                    declared.append(found)
                    _bind_import(scope, found)
            case ast.LetDecl(name):
                _declare_let(scope, expressions, item)
                scope.later_lets.discard(name.name)
            case ast.IncludeDecl():
                scope.includes = True
            case ast.NotifierDecl(name) | ast.PoolDecl(name) | ast.LabelDecl(name) | ast.TemplateDecl(name):
                scope.others.add(name.name)
                later.append(item)
            case ast.DagDecl(name):
                if name.name in dags:
                    _declared_twice(scope, "dag", name, dags[name.name].name.span)
                else:
                    dags[name.name] = item
                own.append(item)
            case ast.DefaultsDecl():
                pass
    expressions.mark_used(tuple(later))
    finder = _Callees(scope, callables)
    return ResolvedFile(scope, declared, [_resolve_dag(DagScope(scope, decl), finder) for decl in own])


def _bind_import(scope: FileScope, found: Import) -> None:
    first = scope.imports.bound.setdefault(found.bound, found)
    simple = "." not in found.bound
    if first is not found:
        _declared_twice(scope, "import", ast.Identifier(found.bound, found.span), first.span)
    elif simple and (found.names or found.bound != found.module) and found.bound in BUILT_IN_TASKS:
        message = f"`{found.bound}` hides the built-in task of that name"
        scope.report(SHADOWS, message, found.span, help=f"import it under another name: `as {found.bound}_2`")


def _declare_let(scope: FileScope, expressions: Expressions, item: ast.LetDecl) -> None:
    first = scope.lets.get(item.name.name)
    value = expressions.constant_expr(item.value, f"the value of `let {item.name.name}`")
    if first is None:
        depth = 0 if value is None else depth_of(value)
        scope.lets[item.name.name] = Let(item.name, value, depth, used=item.name.name in scope.asked_early)
    else:
        _declared_twice(scope, "let", item.name, first.name.span)


def _declared_twice(scope: FileScope, what: str, name: ast.Identifier, first: Span) -> None:
    scope.report(
        DECLARED_TWICE,
        f"{what} `{name.name}` is declared twice",
        name.span,
        label="declared again",
        labels=(Label(first, "first declared here"),),
    )


class _Callees:
    """Finds callees of one file, each name once."""

    def __init__(self, scope: FileScope, callables: CallableFinder) -> None:
        self._scope = scope
        self._callables = callables
        self._found: dict[str, tuple[FoundCallable | Fault | None, int]] = {}
        self._similar: Similar | None = None
        for found in scope.imports.bound.values():
            found.refused = callables.module_fault(found.module)
            if found.refused is None and found.names:
                found.refused = callables.name_fault(found.module, found.names[0])
                found.name_missing = found.refused is not None

    def find(self, call: ast.Call, dag: DagScope) -> tuple[FoundCallable | Fault | None, int]:
        """The callable and where in the callee its names begin; none where that has been reported."""
        name = call.callee.text
        if name not in self._found:
            self._found[name] = self._find(call.callee)
        found = self._found[name]
        if found[0] is None:
            self._unknown(call, dag)
        return found

    def _find(self, callee: ast.DottedName) -> tuple[FoundCallable | Fault | None, int]:
        target = self._scope.imports.target(callee)
        if target is None or not target.names:
            built_in = self._callables.built_in(callee.text)
            if built_in is not None:
                return built_in, 0
        if target is None:
            return None, 0
        target.found.used = True
        if target.found.refused is not None:
            return None, 0
        return self._callables.find(target.found.module, target.names), target.own - len(target.found.names)

    def _unknown(self, call: ast.Call, dag: DagScope) -> None:
        scope, callee = self._scope, call.callee
        first = callee.parts[0].name
        if scope.imports.target(callee) is not None or scope.may_declare(first) or first in scope.others:
            return
        if callee.text in LATER_BUILT_INS:
            message = f"the built-in task `{callee.text}` is not supported by this version of ppc yet"
            scope.report(BUILT_IN_NOT_SUPPORTED, message, callee.span)
            return
        if self._similar is None:
            self._similar = Similar((*BUILT_IN_TASKS, *scope.imports.bound))
        similar = self._similar.to(callee.text)
        if similar is not None:
            way_out = f"a callable with a similar name exists: `{similar}`"
        elif first in dag.tasks:
            way_out = f"`{first}` is a task; a task calls an imported function or class, or a built-in"
        elif elsewhere := self._imported_elsewhere(callee):
            way_out = f"did you mean `{elsewhere}`?"
        elif len(callee.parts) > 1:
            way_out = f"`import {'.'.join(part.name for part in callee.parts[:-1])}` at the head of the file"
        else:
            way_out = f"`from … import {first}` at the head of the file"
        message = f"`{callee.text}` is neither imported nor a built-in task"
        scope.report(UNKNOWN_CALLEE, message, callee.span, help=way_out)

    def _imported_elsewhere(self, callee: ast.DottedName) -> str | None:
        """The name as it would be right with the imports that there are."""
        names = tuple(part.name for part in callee.parts)
        for found in islice(self._scope.imports.bound.values(), _MOST_ASKED):
            if found.refused is None and not found.names:
                for own in (names, names[1:]):
                    whole = f"{found.bound}.{'.'.join(own)}"
                    if own and whole.endswith(callee.text) and self._is_callable(found.module, own):
                        return whole
        return None

    def _is_callable(self, module: str, names: tuple[str, ...]) -> bool:
        found = self._callables.find(module, names)
        return isinstance(found, FoundCallable) and found.spec.kind is not spec.CallableKind.UNKNOWN


def _resolve_dag(scope: DagScope, callees: _Callees) -> ResolvedDag:
    file = scope.file
    for item in scope.decl.body:
        match item:
            case ast.TaskDecl(name) | ast.GroupDecl(name):
                _declare_node(scope, item, name)
            case ast.ParamDecl(name):
                if name.name in scope.params:
                    _declared_twice(file, "param", name, scope.params[name.name].name.span)
                scope.params.setdefault(name.name, item)
            case _:
                pass
    resolved = ResolvedDag(scope, {}, [])
    expressions = Expressions(file, scope)
    for item in scope.decl.body:
        match item:
            case ast.TaskDecl():
                task, uses = _resolve_task(item, scope, callees, expressions)
                if scope.tasks.get(item.name.name) is item:
                    resolved.tasks[item.name.name] = task
                    resolved.edges += (Edge(use.task, item.name.name, use.span, data=True) for use in uses)
            case ast.EdgeStatement():
                resolved.edges += _resolve_edges(item, scope)
            case ast.GroupDecl() | ast.HandlerDecl() | ast.ParamDecl():
                expressions.mark_used(item)
            case _:
                pass
    return resolved


def _declare_node(scope: DagScope, item: ast.TaskDecl | ast.GroupDecl, name: ast.Identifier) -> None:
    file = scope.file
    first = scope.tasks.get(name.name) or scope.groups.get(name.name)
    let = file.lets.get(name.name)
    if first is not None:
        what = "task" if isinstance(item, ast.TaskDecl) else "group"
        _declared_twice(file, what, name, first.name.span)
    elif isinstance(item, ast.TaskDecl):
        scope.tasks[name.name] = item
    else:
        scope.groups[name.name] = item
    if let is not None:
        let.used = True
        file.report(
            SHADOWS,
            f"`{name.name}` hides the `let` of that name",
            name.span,
            labels=(Label(let.name.span, "the `let`"),),
            help="give one of the two another name",
        )


def _resolve_task(
    decl: ast.TaskDecl, scope: DagScope, callees: _Callees, expressions: Expressions
) -> tuple[ResolvedTask, list[Use]]:
    callee, offset = callees.find(decl.call, scope)
    variables = tuple(loop.variable.name for loop in decl.loops)
    shell = isinstance(callee, FoundCallable) and callee.spec.id == SHELL
    uses: list[Use] = []
    arguments: list[ResolvedArgument] = []
    for i, argument in enumerate(decl.call.arguments):
        command = shell and (i == 0 if argument.name is None else argument.name.name == "command")
        value = expressions.argument(argument.value, uses, variables=variables, shell=command)
        arguments.append(ResolvedArgument(argument, value))
    expressions.mark_used((decl.loops, decl.when))
    return ResolvedTask(decl, callee, offset, arguments), uses


def _resolve_edges(statement: ast.EdgeStatement, scope: DagScope) -> Iterable[Edge]:
    sides = [_resolve_side(side, scope) for side in statement.sides]
    count = sum(len(left) * len(right) for left, right in pairwise(sides))
    if count > MOST_EDGES:
        scope.file.report(
            TOO_MANY_EDGES,
            f"this statement makes {count} edges, one statement may make {MOST_EDGES}",
            statement.span,
            help="put a task between the two lists: `task join = empty()`, then `[…] -> join -> […]`",
        )
        return
    for left, right in pairwise(sides):
        for parent, parent_span in left:
            for child, child_span in right:
                yield Edge(parent, child, Span(parent_span.file, parent_span.start, child_span.end), data=False)


def _resolve_side(side: ast.EdgeSide, scope: DagScope) -> list[tuple[str, Span]]:
    found: list[tuple[str, Span]] = []
    for ref in side.refs:
        first = ref.name.parts[0].name
        name = ref.name.text
        if name in scope.tasks:
            # Keys are for families, which are refused where they are declared.
            if ref.keys and not scope.tasks[name].loops:
                scope.file.report(NOT_A_FAMILY, f"task `{name}` is no family: it has no members", ref.span)
            else:
                found.append((name, ref.span))
        elif first not in scope.groups and not scope.file.may_declare(first):
            similar = similar_help(scope.similar_node(name), "task")
            scope.file.report(
                UNKNOWN_TASK, f"there is no task `{name}` in dag `{scope.decl.name.name}`", ref.span, help=similar
            )
    return found
