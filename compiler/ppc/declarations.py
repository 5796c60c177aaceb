"""What a file declares at its top level: imports, lets, notifiers, pools, labels, templates; and what it includes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ppacer.records import dataclass, field
from ppc import ast, imports
from ppc.bodies import BodyScope
from ppc.callables import BUILT_IN_TASKS, CallableFinder
from ppc.callees import Callees
from ppc.constants import depth_of
from ppc.declared import DECLARED_TWICE, SHADOWS, declared_twice
from ppc.diagnostics import Label
from ppc.expand import EMPTY_GROUP
from ppc.expressions import Expressions
from ppc.imports import Import
from ppc.param_types import read_type
from ppc.places import Place
from ppc.resolved import ResolvedFile
from ppc.scopes import (
    DagScope,
    FileScope,
    Let,
    ResolvedLabel,
    ResolvedNotifier,
    ResolvedParam,
    ResolvedPool,
    Template,
    TemplateParameter,
)

T = TypeVar("T", Let, Template, ResolvedNotifier, ResolvedPool, ResolvedLabel)


@dataclass(slots=True, eq=False)
class Everywhere:
    """What must have one name in the whole program."""

    notifiers: dict[str, ResolvedNotifier] = field(default_factory=dict)
    pools: dict[str, ResolvedPool] = field(default_factory=dict)
    labels: dict[str, ResolvedLabel] = field(default_factory=dict)
    dags: dict[str, ast.DagDecl] = field(default_factory=dict)


def declare(scope: FileScope, callables: CallableFinder, everywhere: Everywhere) -> ResolvedFile:
    """Binds the names of a file. What it includes is bound already."""
    _bind_included(scope)
    scope.later_lets = {item.name.name for item in scope.module.items if isinstance(item, ast.LetDecl)}
    bound: list[Import] = []
    for item in scope.module.items:
        if isinstance(item, ast.ImportDecl | ast.FromImportDecl):
            for found in imports.declared(item):
                bound.append(found)
                _bind_import(scope, found)
    file = ResolvedFile(scope, Callees(scope, callables), bound)
    expressions = Expressions(BodyScope(scope))
    for item in scope.module.items:
        match item:
            case ast.LetDecl(name):
                _declare_let(scope, expressions, item)
                scope.later_lets.discard(name.name)
            case ast.NotifierDecl():
                notifier = ResolvedNotifier(scope, item)
                if _is_first(scope, "notifier", notifier, scope.notifiers, everywhere.notifiers):
                    file.notifiers.append(notifier)
            case ast.PoolDecl():
                pool = ResolvedPool(scope, item)
                if _is_first(scope, "pool", pool, scope.pools, everywhere.pools):
                    file.pools.append(pool)
            case ast.LabelDecl():
                label = ResolvedLabel(scope, item)
                if _is_first(scope, "label", label, scope.labels, everywhere.labels):
                    file.labels.append(label)
            case ast.TemplateDecl():
                template = Template(scope, item)
                if _is_first(scope, "template", template, scope.templates, {}):
                    file.templates.append(template)
                if not item.body and not scope.broken:
                    message = f"the template `{item.name.name}` has no tasks"
                    scope.report(EMPTY_GROUP, message, item.name.span, help="declare one: `task x = empty()`")
            case _:
                pass
    for template in file.templates:
        _declare_parameters(scope, expressions, template)
    for notifier in file.notifiers:
        _resolve_notifier(file, expressions, notifier)
    return file


def declare_params(scope: DagScope) -> None:
    """Reads the params of a dag."""
    file = scope.file
    expressions = Expressions(BodyScope(file, scope))
    for item in scope.decl.body:
        if not isinstance(item, ast.ParamDecl):
            continue
        if item.name.name in scope.params:
            declared_twice(file, "param", item.name, scope.params[item.name.name].decl.name.span)
            continue
        default = None
        if item.default is not None:
            default = expressions.argument(item.default, [], place=Place.PARAM_DEFAULT)
        scope.params[item.name.name] = ResolvedParam(item, read_type(file, item.type), default)


def _bind_included(scope: FileScope) -> None:
    for included, statement in scope.includes:
        _take_over(scope, statement, "let", scope.lets, included.lets)
        _take_over(scope, statement, "template", scope.templates, included.templates)
        # These have one name in the whole program: two of one name are told where the second is declared.
        scope.notifiers.update(included.notifiers)
        scope.pools.update(included.pools)
        scope.labels.update(included.labels)


def _take_over(
    scope: FileScope, statement: ast.IncludeDecl, what: str, own: dict[str, T], others: Mapping[str, T]
) -> None:
    for name, declared in others.items():
        first = own.setdefault(name, declared)
        if first is not declared:
            scope.report(
                DECLARED_TWICE,
                f"`{name}` is declared in two of the files included here",
                statement.path.span,
                labels=(Label(first.name.span, f"a {what} here"), Label(declared.name.span, f"and a {what} here")),
                help="give one of the two another name",
            )


def _is_first(scope: FileScope, what: str, declared: T, own: dict[str, T], everywhere: dict[str, T]) -> bool:
    name = declared.name
    first = own.get(name.name) or everywhere.get(name.name)
    if first is None:
        own[name.name] = everywhere[name.name] = declared
        return True
    declared_twice(scope, what, name, first.name.span)
    return False


def _bind_import(scope: FileScope, found: Import) -> None:
    first = scope.imports.bound.setdefault(found.bound, found)
    simple = "." not in found.bound
    if first is not found:
        declared_twice(scope, "import", ast.Identifier(found.bound, found.span), first.span)
    elif simple and (found.names or found.bound != found.module) and found.bound in BUILT_IN_TASKS:
        message = f"`{found.bound}` hides the built-in task of that name"
        scope.report(SHADOWS, message, found.span, help=f"import it under another name: `as {found.bound}_2`")


def _declare_let(scope: FileScope, expressions: Expressions, item: ast.LetDecl) -> None:
    first = scope.lets.get(item.name.name)
    value = expressions.constant_expr(item.value, f"the value of `let {item.name.name}`")
    if first is None:
        depth = 0 if value is None else depth_of(value)
        scope.lets[item.name.name] = Let(scope, item, value, depth, used=item.name.name in scope.asked_early)
    else:
        declared_twice(scope, "let", item.name, first.name.span)


def _declare_parameters(scope: FileScope, expressions: Expressions, template: Template) -> None:
    for parameter in template.decl.parameters:
        name = parameter.name
        if name.name in template.parameters:
            declared_twice(scope, "parameter", name, template.parameters[name.name].decl.name.span)
            continue
        let = scope.lets.get(name.name)
        if let is not None:
            let.used = True
            labels = (Label(let.name.span, "the `let`"),)
            message = f"`{name.name}` hides the `let` of that name"
            scope.report(SHADOWS, message, name.span, labels=labels, help="give one of the two another name")
        default = None
        if parameter.default is not None:
            default = expressions.argument(parameter.default, [], place=Place.PARAMETER_DEFAULT)
        template.parameters[name.name] = TemplateParameter(parameter, read_type(scope, parameter.type), default)


def _resolve_notifier(file: ResolvedFile, expressions: Expressions, notifier: ResolvedNotifier) -> None:
    call = notifier.decl.call
    notifier.callee, notifier.offset = file.callees.notifier(call)
    notifier.arguments = [
        (argument, expressions.argument(argument.value, [], place=Place.NOTIFIER)) for argument in call.arguments
    ]
