"""Names resolved: which callable a task calls, which tasks an edge joins, which outputs an argument takes.

Files and dags come out with everything that was sound in them, so that the checks go on finding faults; what was at
fault here is none, and is reported once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ppacer import spec
from ppc import ast
from ppc.bodies import BodyScope, Bound, Node, ResolvedArgument, ResolvedTask, Use
from ppc.callables import CallableFinder, FoundCallable
from ppc.callees import SHELL, Callees
from ppc.constants import depth_of, without_places
from ppc.declarations import Everywhere, declare, declare_params
from ppc.declared import declared_twice
from ppc.diagnostics import Span
from ppc.expand import Expansion, GivenLater, ListLater
from ppc.expressions import Expressions
from ppc.families import NOT_A_LIST
from ppc.includes import Files
from ppc.overloads import chosen
from ppc.places import Place
from ppc.references import NOT_A_FAMILY, UNKNOWN_TASK, Select, Step, steps_of, steps_of_ref
from ppc.resolved import Join, ResolvedDag, ResolvedFile, ResolvedProgram
from ppc.scopes import DagScope, FileScope, Template, similar_help, slip_edit


def resolve(files: Files, callables: CallableFinder) -> ResolvedProgram:
    """Binds all names of the files; what it finds is added to their faults."""
    everywhere = Everywhere()
    by_index = {scope.index: declare(scope, callables, everywhere) for scope in files.order}
    resolved = [by_index[scope.index] for scope in files.files]
    resolver = _Resolver({index: file.callees for index, file in by_index.items()})
    for file in resolved:
        for item in file.scope.module.items:
            if isinstance(item, ast.DagDecl):
                first = everywhere.dags.setdefault(item.name.name, item)
                if first is not item:
                    declared_twice(file.scope, "dag", item.name, first.name.span)
                file.dags.append(resolver.dag(file.scope, item))
    for file in resolved:
        file.sketches += [resolver.sketch(file, template) for template in file.templates if not template.made]
    return ResolvedProgram(resolved, files.faults)


class _Resolver:
    """Resolves dags. `callees` are those of each file, by its index."""

    def __init__(self, callees: dict[int, Callees]) -> None:
        self._callees = callees

    def dag(self, file: FileScope, decl: ast.DagDecl) -> ResolvedDag:
        scope = DagScope(file, decl)
        dag = ResolvedDag(scope, BodyScope(file, scope))
        declare_params(scope)
        expansion = Expansion(dag)
        expansion.body(decl.body, dag.body)
        self._finish(dag, expansion)
        return dag

    def sketch(self, file: ResolvedFile, template: Template) -> ResolvedDag:
        """A template that no group is made from, looked over with nothing known of its arguments."""
        decl = template.decl
        scope = DagScope(file.scope, ast.DagDecl(decl.name, decl.doc, (), decl.span))
        values = {name: Bound(None) for name in template.parameters}
        dag = ResolvedDag(scope, BodyScope(file.scope, scope, template=template, values=values), template=template)
        expansion = Expansion(dag)
        expansion.template(template, dag.body)
        self._finish(dag, expansion)
        return dag

    def _finish(self, dag: ResolvedDag, expansion: Expansion) -> None:
        if expansion.too_large:
            for group in dag.groups:
                if group.call is not None:
                    for parameter in group.call.template.parameters.values():
                        parameter.used = True
            dag.tasks.clear()
            dag.groups.clear()
            Expressions(dag.body).mark_used(dag.decl.body)
            return
        for later in expansion.later:
            if isinstance(later, GivenLater):
                _resolve_given(later)
            else:
                _resolve_list(dag, later)
        for task in dag.tasks.values():
            dag.use(task, self._task(task))
            # Of two, the second is refused as a setting that is given twice.
            after = next((setting for setting in task.decl.settings if setting.name.name == "after"), None)
            if after is not None:
                _resolve_after(dag, task, after)
        for task in dag.sketches:
            self._task(task)
        for statement, scope in expansion.edges:
            _resolve_edges(dag, statement, scope)

    def _task(self, task: ResolvedTask) -> list[Use]:
        decl, call = task.decl, task.decl.call
        task.callee, task.offset = self._callees[task.scope.file.index].task(call, task.scope)
        shell = isinstance(task.callee, FoundCallable) and task.callee.spec.id == SHELL
        expressions = Expressions(task.scope, task.variables)
        uses: list[Use] = []
        for i, argument in enumerate(call.arguments):
            command = shell and (i == 0 if argument.name is None else argument.name.name == "command")
            value = expressions.argument(argument.value, uses, shell=command)
            task.arguments.append(ResolvedArgument(argument, value))
        if isinstance(task.callee, FoundCallable) and task.callee.overloads:
            task.callee = chosen(task.callee, task.arguments)
        if decl.when is not None:
            task.when = expressions.argument(decl.when, uses, place=Place.CONDITION)
        return uses


# --- what had to wait for all names ----------------------------------------------------------------------------------


def _resolve_given(later: GivenLater) -> None:
    uses: list[Use] = []
    expressions = Expressions(later.scope, later.variables)
    value = expressions.argument(later.syntax, uses, place=Place.GIVEN)
    later.bound.value = value
    later.bound.uses = tuple(dict.fromkeys(use.task for use in uses))
    later.bound.depth = 0 if value is None else depth_of(value)


def _resolve_list(dag: ResolvedDag, later: ListLater) -> None:
    task, clause = later.task, later.clause
    variable = clause.variable.name
    others = {name: bound for name, bound in task.variables.items() if name != variable}
    uses: list[Use] = []
    value = Expressions(task.scope, others).argument(clause.over, uses, place=Place.LIST)
    if value is None:
        return
    what = _no_list(value)
    if what:
        labels = task.labels()
        task.scope.file.report(NOT_A_LIST, "a family goes over a list", clause.over.span, label=what, labels=labels)
        return
    task.fan_out = spec.FanOut(variable, value)
    task.variables[variable].over = without_places(value)
    dag.use(task, uses)


def _no_list(value: spec.Expr) -> str:
    """What a value is that is no list whatever happens; empty where it may be one."""
    match value:
        case spec.FormatString() | spec.Env():
            return "this is a text"
        case spec.RunValue(field) if field is not spec.RunField.FAILED:
            return f"`run.{field}` is no list"
        case spec.Unary() | spec.Binary():
            return f"`{value.operator}` makes no list"
    return ""


# --- edges -----------------------------------------------------------------------------------------------------------

_Ends = list[tuple[Node, Span]]


def _resolve_edges(dag: ResolvedDag, statement: ast.EdgeStatement, scope: BodyScope) -> None:
    expressions = Expressions(scope)
    sides: list[_Ends] = []
    for side in statement.sides:
        ends: _Ends = []
        for ref in side.refs:
            for node, _ in _nodes(expressions, scope, ref.name.parts[0], steps_of_ref(ref)):
                ends.append((node, ref.span))
        sides.append(ends)
    for (left, parents), (right, children) in pairwise(zip(statement.sides, sides, strict=True)):
        dag.joins.append(Join(parents, children, Span(left.span.file, left.span.start, right.span.end), scope))


def _resolve_after(dag: ResolvedDag, task: ResolvedTask, setting: ast.Setting) -> None:
    scope = task.scope
    expressions = Expressions(scope, task.variables)
    items = setting.value.items if isinstance(setting.value, ast.ListLiteral) else (setting.value,)
    for item in items:
        first, steps = steps_of(item)
        if not isinstance(first, ast.Name):
            way_out = "such as `after = a`, `after = [a, b]` or `after = raw[region]`"
            scope.file.report(UNKNOWN_TASK, "`after` names tasks and groups", item.span, help=way_out)
            expressions.mark_used(item)
            continue
        for node, pair in _nodes(expressions, scope, ast.Identifier(first.name, first.span), steps):
            dag.joins.append(Join([(node, item.span)], [(task, item.span)], item.span, scope, pairwise=pair))


def _nodes(
    expressions: Expressions, scope: BodyScope, name: ast.Identifier, steps: Sequence[Step]
) -> list[tuple[Node, bool]]:
    """The nodes that are meant, each with whether only its member at one's own position is."""
    start = scope.node(name.name)
    if start is None:
        if scope.declaration(name.name) is None and not scope.file.may_declare(name.name):
            _unknown_task(scope, name)
        return []
    reached = expressions.nodes(start, steps, "which member of a family is meant")
    if reached is None:
        return []
    if reached.rest:
        step = reached.rest[0]
        task = reached.nodes[0]
        if step.name is None:
            scope.file.report(NOT_A_FAMILY, f"task `{task.id}` is no family: it has no members", step.span)
            return []
        written = scope.file.source.text[name.span.start : step.span.end]
        message = f"`{written}` is no task: what follows the name of a task reads its output"
        scope.file.report(UNKNOWN_TASK, message, step.span, help="an edge joins tasks and groups")
        return []
    return [(node, reached.select is Select.SAME_POSITION) for node in reached.nodes]


def _unknown_task(scope: BodyScope, name: ast.Identifier) -> None:
    file = scope.file
    what = f"template `{scope.template.decl.name.name}`" if scope.template is not None else ""
    if not what and scope.dag is not None:
        what = f"dag `{scope.dag.decl.name.name}`"
    similar = scope.similar_node(name.name)
    way_out, edit = similar_help(similar, "task"), slip_edit(name.span, name.name, similar)
    if name.name in file.lets:
        file.lets[name.name].used = True
        edit = None
        way_out = f"`{name.name}` is a `let`: edges join tasks and groups"
    file.report(UNKNOWN_TASK, f"there is no task `{name.name}` in {what}", name.span, help=way_out, edit=edit)
