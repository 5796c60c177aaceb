"""Everything that a dag declares written out: families member by member, templates use by use, each with its full id.

This comes before any expression is resolved that needs the dag's names. What has to wait for them is handed on as
`Deferred`, in the order in which it can be resolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ppacer import spec
from ppacer.records import dataclass, field
from ppc import ast
from ppc.bodies import (
    BodyScope,
    Bound,
    BoundArgument,
    Family,
    ResolvedGroup,
    ResolvedTask,
    TemplateCall,
    key_text,
)
from ppc.callables import BUILT_IN_TASKS
from ppc.constants import depth_of, is_constant
from ppc.declared import declare_handler, declare_node, declare_variables, has_short_id, is_short
from ppc.diagnostics import Label, Span
from ppc.expressions import Expressions
from ppc.families import MOST_TASKS, TOO_MANY_TASKS, Row, Rows, is_static, rows_of, unknown
from ppc.resolved import ResolvedDag
from ppc.scopes import FileScope, Template, similar_help, slip_edit
from ppc.similar import Similar
from ppc.template_arguments import match_template

UNKNOWN_TEMPLATE = "E210"
TEMPLATE_CYCLE = "E211"
EMPTY_GROUP = "E405"

CODES = {
    UNKNOWN_TEMPLATE: "a group made from what is no template",
    TEMPLATE_CYCLE: "templates that use each other",
    EMPTY_GROUP: "a group without tasks",
}

_MOST_LABELS = 3


@dataclass(frozen=True, slots=True)
class GivenLater:
    """An argument of a template that is more than a constant."""

    bound: Bound
    syntax: ast.Expr
    scope: BodyScope
    variables: Mapping[str, Bound]


@dataclass(frozen=True, slots=True)
class ListLater:
    """The list of a run-time family."""

    task: ResolvedTask
    clause: ast.LoopClause


@dataclass(frozen=True, slots=True)
class _Use:
    """A template where it is used, with the loop variables there."""

    template: Template
    scope: BodyScope
    variables: Mapping[str, Bound]


@dataclass(slots=True, eq=False)
class Expansion:
    """Fills in a dag's names, tasks and groups. `later` is what waits for all names; `edges` are the edge statements
    with the scope that each stands in. Of what is `too_large` nothing more should be made."""

    dag: ResolvedDag
    later: list[GivenLater | ListLater] = field(default_factory=list)
    edges: list[tuple[ast.EdgeStatement, BodyScope]] = field(default_factory=list)
    too_large: bool = False
    _count: int = 0
    _stack: list[tuple[Template, Span]] = field(default_factory=list)

    def body(self, items: Iterable[ast.BodyItem], scope: BodyScope) -> None:
        """Expands the statements of a dag, a group or a template."""
        kept = [(item, scope) for item in items]
        handlers: dict[ast.HandlerEvent, ast.HandlerDecl] = {}
        for item, _ in list(kept):
            if isinstance(item, ast.HandlerDecl):
                declare_handler(scope.file, handlers, item)
                inside = _handler_scope(scope, item.event)
                kept += ((each, inside) for each in item.body)
        first: dict[str, ast.TaskDecl | ast.GroupDecl] = {}
        for item, at in kept:
            if isinstance(item, ast.TaskDecl | ast.GroupDecl):
                declare_node(at, item, first)
        for item, at in kept:
            match item:
                case ast.TaskDecl(name):
                    self._task(item, at, counts=first[name.name] is item)
                case ast.GroupDecl(name):
                    self._group(item, at, counts=first[name.name] is item)
                case ast.EdgeStatement():
                    self.edges.append((item, at))
                case _:
                    pass

    def template(self, template: Template, scope: BodyScope) -> None:
        """Expands a template that no group is made from."""
        self._stack.append((template, template.decl.name.span))
        self.body(template.decl.body, scope)
        self._stack.pop()

    # --- tasks -------------------------------------------------------------------------------------------------------

    def _task(self, decl: ast.TaskDecl, scope: BodyScope, *, counts: bool) -> None:
        name = decl.name.name
        if not is_short(scope, decl.name):
            counts = False
        if not decl.loops:
            task = self._new_task(decl, scope, scope.prefix + name, {}, counts=counts)
            if counts and task is not None:
                scope.nodes[name] = task
            return
        declare_variables(scope, decl.loops)
        rows = rows_of(decl.loops, scope, groups=False)
        family = self._new_family(decl, scope, rows)
        if counts:
            scope.nodes[name] = family
        for row in rows.rows:
            task = self._member(family, decl, row, rows.at_run_time, counts=counts)
            if task is not None and counts:
                family.members[row.keys] = task
        if not rows.rows:
            self._new_task(decl, scope, family.id, unknown(decl.loops), counts=False)
            self._empty_family(family)

    def _member(
        self, family: Family, decl: ast.TaskDecl, row: Row, later: ast.LoopClause | None, *, counts: bool
    ) -> ResolvedTask | None:
        variables = row.variables
        if later is not None:
            variable = later.variable.name
            loop = spec.LoopVariable(variable, family.scope.file.at(later.variable.span))
            variables = {**variables, variable: Bound(loop, run_time=True)}
        task = self._new_task(decl, family.scope, _member_id(family.id, row), variables, counts=counts)
        if task is not None and later is not None:
            self.later.append(ListLater(task, later))
        return task

    def _new_task(
        self, decl: ast.TaskDecl, scope: BodyScope, id: str, variables: Mapping[str, Bound], *, counts: bool
    ) -> ResolvedTask | None:
        """`counts` is false for what is only looked over: a second task of one name, the pattern of no members."""
        task = ResolvedTask(id, decl, scope, self._count, variables)
        if not counts:
            self.dag.sketches.append(task)
            return task
        if not self._may_add(scope, decl.name.span) or not has_short_id(scope, id, decl.name.span):
            return None
        self.dag.tasks[id] = task
        return task

    def _new_family(self, decl: ast.TaskDecl | ast.GroupDecl, scope: BodyScope, rows: Rows) -> Family:
        return Family(
            scope.prefix + decl.name.name,
            decl,
            scope,
            rows.at_run_time is not None,
            rows.known,
            values=rows.values,
        )

    def _empty_family(self, family: Family) -> None:
        family.number = self._count
        self._count += 1
        if family.known:
            self.dag.empty.append(family)

    # --- groups ------------------------------------------------------------------------------------------------------

    def _group(self, decl: ast.GroupDecl, scope: BodyScope, *, counts: bool) -> None:
        if not counts or not is_short(scope, decl.name):
            Expressions(scope).mark_used((decl.loops, decl.call, decl.body))
            return
        full_id = scope.prefix + decl.name.name
        if decl.call is None:
            self._fill(self._new_group(full_id, decl, scope, _inside(scope, full_id, decl.name.name)), decl.body)
            if not any(isinstance(item, ast.TaskDecl | ast.GroupDecl) for item in decl.body):
                self._empty(decl, scope)
            return
        template = self._template(decl.call, scope)
        if decl.loops:
            declare_variables(scope, decl.loops)
        if template is None:
            Expressions(scope).mark_used((decl.loops, decl.call.arguments))
            return
        if not decl.loops:
            self._use(full_id, decl, decl.call, _Use(template, scope, {}))
            return
        rows = rows_of(decl.loops, scope, groups=True)
        family = self._new_family(decl, scope, rows)
        scope.nodes[decl.name.name] = family
        for row in rows.rows:
            group = self._use(_member_id(full_id, row), decl, decl.call, _Use(template, scope, row.variables))
            if group is not None:
                family.members[row.keys] = group
        if not rows.rows:
            self._look_over(decl.call, template, scope, unknown(decl.loops))
            self._empty_family(family)

    def _use(self, id: str, decl: ast.GroupDecl, call: ast.Call, use: _Use) -> ResolvedGroup | None:
        template, scope, variables = use.template, use.scope, use.variables
        if not has_short_id(scope, id, decl.name.span) or not self._may_add(scope, decl.name.span):
            return None
        template.made += 1
        bound = self._bind(call, template, scope, variables)
        label = Label(decl.name.span, f"`{id}` is made here")
        inside = BodyScope(
            template.file,
            scope.dag,
            prefix=f"{id}.",
            path=f"{scope.path}{decl.name.name}.",
            handler=scope.handler,
            template=template,
            values={argument.parameter.decl.name.name: argument.value for argument in bound},
            made_by=(label, *scope.made_by)[:_MOST_LABELS],
        )
        group = self._new_group(id, decl, scope, inside)
        group.call = TemplateCall(template, decl, scope, variables, bound)
        self._stack.append((template, call.span))
        self._fill(group, template.decl.body)
        self._stack.pop()
        return group

    def _new_group(self, id: str, decl: ast.GroupDecl, scope: BodyScope, inside: BodyScope) -> ResolvedGroup:
        group = ResolvedGroup(id, decl, inside, self._count, parent=scope.group)
        inside.group = group
        self.dag.groups.append(group)
        if not decl.loops:
            scope.nodes[decl.name.name] = group
        return group

    def _fill(self, group: ResolvedGroup, items: Iterable[ast.BodyItem]) -> None:
        self.body(items, group.inside)
        group.last = self._count

    def _empty(self, decl: ast.GroupDecl, scope: BodyScope) -> None:
        if not scope.file.broken:
            message = f"the group `{decl.name.name}` has no tasks"
            scope.file.report(EMPTY_GROUP, message, decl.name.span, help="declare one: `task x = empty()`")

    # --- templates ---------------------------------------------------------------------------------------------------

    def _template(self, call: ast.Call, scope: BodyScope) -> Template | None:
        name, file = call.callee.text, scope.file
        template = file.templates.get(name)
        if template is None:
            _unknown_template(file, call)
            return None
        template.used = True
        for place, (open_one, _) in enumerate(self._stack):
            if open_one is template:
                self._cycle(call, place)
                return None
        return template

    def _cycle(self, call: ast.Call, start: int) -> None:
        steps = self._stack[start:]
        if all(template.in_cycle for template, _ in steps):
            return
        for template, _ in steps:
            template.in_cycle = True
        names = [template.decl.name.name for template, _ in steps]
        names.append(names[0])
        labels = tuple(
            Label(span, f"`{user}` uses `{used}`")
            for (_, span), user, used in zip(steps[1:], names, names[1:], strict=False)
        )
        message = f"these templates use each other: {' -> '.join(names)}"
        last = f"`{names[-2]}` uses `{names[-1]}`"
        file = steps[-1][0].file
        file.report(TEMPLATE_CYCLE, message, call.span, label=last, labels=labels, help="take one of these uses out")

    def _bind(
        self, call: ast.Call, template: Template, scope: BodyScope, variables: Mapping[str, Bound]
    ) -> list[BoundArgument]:
        given = match_template(call, template, scope)
        expressions = Expressions(scope, variables)
        bound: list[BoundArgument] = []
        for name, parameter in template.parameters.items():
            argument = given.get(name)
            if argument is None:
                value = _of(parameter.default)
            elif is_static(argument.value, scope, variables):
                what = f"the argument `{name}`"
                value = _of(expressions.constant_expr(argument.value, what))
            else:
                value = Bound(None, run_time=True)
                self.later.append(GivenLater(value, argument.value, scope, variables))
            bound.append(BoundArgument(parameter, argument, value))
        return bound

    def _look_over(self, call: ast.Call, template: Template, scope: BodyScope, variables: Mapping[str, Bound]) -> None:
        """Checks the call of a template that makes nothing."""
        given = match_template(call, template, scope)
        expressions = Expressions(scope, variables)
        for argument in given.values():
            if is_static(argument.value, scope, variables):
                expressions.constant_expr(argument.value, "an argument")
            else:
                self.later.append(GivenLater(Bound(None), argument.value, scope, variables))

    # --- bounds ------------------------------------------------------------------------------------------------------

    def _may_add(self, scope: BodyScope, span: Span) -> bool:
        self._count += 1
        if self._count <= MOST_TASKS:
            return True
        if not self.too_large:
            self.too_large = True
            message = f"this dag has more than {MOST_TASKS:,} tasks and groups"
            scope.file.report(TOO_MANY_TASKS, message, span, label="from here on", labels=scope.made_by)
        return False


def _of(value: spec.Expr | None) -> Bound:
    if value is None:
        return Bound(None)
    return Bound(value, depth=depth_of(value), run_time=not is_constant(value))


def _member_id(family: str, row: Row) -> str:
    return f"{family}[{', '.join(map(key_text, row.keys))}]" if row.keys else family


# --- scopes ----------------------------------------------------------------------------------------------------------


def _inside(scope: BodyScope, id: str, name: str) -> BodyScope:
    """The scope of a group that is written out where it stands."""
    return BodyScope(
        scope.file,
        scope.dag,
        outer=scope,
        prefix=f"{id}.",
        path=f"{scope.path}{name}.",
        handler=scope.handler,
        template=scope.template,
        made_by=scope.made_by,
    )


_HANDLERS = {
    ast.HandlerEvent.SUCCESS: spec.HandlerKind.SUCCESS,
    ast.HandlerEvent.FAILURE: spec.HandlerKind.FAILURE,
    ast.HandlerEvent.FINALLY: spec.HandlerKind.FINALLY,
}


def _handler_scope(scope: BodyScope, event: ast.HandlerEvent) -> BodyScope:
    """The scope of a handler, whose names are the dag's."""
    return BodyScope(scope.file, scope.dag, handler=_HANDLERS[event], declared=scope.declared, nodes=scope.nodes)


# --- templates -------------------------------------------------------------------------------------------------------


def _unknown_template(file: FileScope, call: ast.Call) -> None:
    name, span = call.callee.text, call.callee.span
    target = file.imports.target(call.callee)
    if target is not None:
        target.found.used = True
    if file.may_declare(call.callee.parts[0].name):
        return
    if target is not None or name in BUILT_IN_TASKS:
        message = f"`{name}` is a callable, not a template"
        file.report(UNKNOWN_TEMPLATE, message, span, help=f"a task calls it: `task x = {name}(…)`")
        return
    similar = Similar(file.templates).to(name)
    way_out, edit = similar_help(similar, "template"), slip_edit(span, name, similar)
    file.report(UNKNOWN_TEMPLATE, f"there is no template `{name}`", span, help=way_out, edit=edit)
