"""What names stand for in an expression, as far as one word or `run.date` and its kin go."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ppacer import spec
from ppc import ast
from ppc.bodies import BodyScope, Bound, Family, Node, ResolvedGroup, Use
from ppc.callables import BUILT_IN_TASKS
from ppc.diagnostics import Span
from ppc.places import Place, Reads
from ppc.references import example_of, text_of
from ppc.scopes import similar_help, slip_edit
from ppc.similar import Similar

UNKNOWN_NAME = "E201"
UNKNOWN_FIELD = "E207"
NO_VALUE = "E208"
NOT_HERE = "E209"
NOT_CONSTANT = "E306"
TOO_DEEP = "E605"

CODES = {
    UNKNOWN_NAME: "an unknown name in an expression",
    UNKNOWN_FIELD: "an unknown field of `run`, `task` or `params`",
    NO_VALUE: "a name that has no value",
    NOT_HERE: "a name that cannot be read in this place",
    NOT_CONSTANT: "a value that must be known at build time, and is not",
    TOO_DEEP: "an expression nested too deeply",
}

MOST_NESTED = 50
"""With the values of lets counted in. The codec stores 300 levels of JSON, and a level of a dict takes three."""

_RUN_FIELDS = frozenset(field.value for field in spec.RunField) - {"status", "failed"}
_HANDLER_FIELDS = frozenset({"status", "failed"})
_EVENT_FIELDS = frozenset({"event", "error"})
_TASK_FIELDS = frozenset(field.value for field in spec.TaskField) - _EVENT_FIELDS
_EXAMPLES = {"run": "run.date", "task": "task.attempt", "params": "params.name"}


class Names:
    """The names of one scope. Faults go to the file's list, and what is at fault resolves to none.

    `variables` are loop variables. While an expression is resolved, `_place` is where it stands, `_what` names it in
    messages where it must be constant, `_uses` takes the outputs that it needs.
    """

    def __init__(self, scope: BodyScope, variables: Mapping[str, Bound] | None = None) -> None:
        self._scope = scope
        self._file = scope.file
        self._variables = variables or {}
        self._place = Place.CONSTANT
        self._what = ""
        self._uses: list[Use] = []

    def node(self, name: str) -> Node | None:
        """The task, family or group that a name means in an expression, where it means nothing else."""
        if name in self._variables or name in self._file.lets or self._scope.parameter(name) is not None:
            return None
        return self._scope.node(name)

    def mark_parameter(self, name: str) -> None:
        """Counts a parameter of the template as used, if the name is one."""
        template = self._scope.template
        if template is not None and name in template.parameters:
            template.parameters[name].used = True

    def may_read(self, what: Reads, text: str, why: str, span: Span) -> bool:
        """Whether the place allows to read `text`; if not, that is reported. `why` is what keeps it from constants."""
        if what in self._place.reads:
            return True
        if self._place is Place.CONSTANT:
            self.not_constant(why, span)
        else:
            self._file.report(NOT_HERE, f"{text} cannot be read in {self._place}", span, label=why)
        return False

    def not_constant(self, why: str, span: Span) -> None:
        message = f"{self._what} must be known at build time"
        self._file.report(NOT_CONSTANT, message, span, label=why, labels=self._scope.made_by)

    def too_deep(self, span: Span) -> None:
        message = f"this expression is nested more than {MOST_NESTED} levels deep"
        self._file.report(TOO_DEEP, message, span, label="too deep from here on", help="compute it in Python")

    def name_value(self, expr: ast.Name, depth: int) -> spec.Expr | None:
        """The value of a word that names no task or group."""
        bound = self._variables.get(expr.name) or self._scope.parameter(expr.name)
        if bound is not None:
            self.mark_parameter(expr.name)
            return self._bound_value(expr, bound, depth)
        let = self._file.lets.get(expr.name)
        if let is None:
            self._unknown(expr)
            return None
        let.used = True
        return self._placed(expr, let.value, depth + let.depth)

    def _bound_value(self, expr: ast.Name, bound: Bound, depth: int) -> spec.Expr | None:
        if bound.run_time and self._place is Place.CONSTANT:
            self.not_constant(f"`{expr.name}` stands for what is known only at run time", expr.span)
            return None
        if bound.value is None:
            return None
        if bound.uses and Reads.OUTPUTS not in self._place.reads:
            self.may_read(Reads.OUTPUTS, f"the output that `{expr.name}` stands for", "", expr.span)
            return None
        self._uses.extend(Use(task, expr.span) for task in bound.uses)
        return self._placed(expr, bound.value, depth + bound.depth)

    def _placed(self, expr: ast.Name, value: spec.Expr | None, depth: int) -> spec.Expr | None:
        """The value with the name's own place where it is simple, so that faults of it are told there."""
        if depth > MOST_NESTED:
            self.too_deep(expr.span)
            return None
        match value:
            case spec.Literal(constant):
                return spec.Literal(constant, self._file.at(expr.span))
            case spec.LoopVariable(name):
                return spec.LoopVariable(name, self._file.at(expr.span))
        return value

    def special_value(self, expr: ast.AttributeExpr, of: str) -> spec.Expr | None:
        """The value of `run.…`, `task.…` or `params.…`."""
        match of:
            case "run":
                return self._run_field(expr)
            case "task":
                return self._task_field(expr)
            case _:
                return self._param(expr)

    def node_has_no_value(self, node: Node, span: Span) -> None:
        """Reports a group, or a family without keys, in the place of a value."""
        written = text_of(self._scope, span)
        if isinstance(node, ResolvedGroup):
            example = next(iter(node.inside.nodes), "x")
            way_out = f"name a task of it: `{written}.{example}`"
            self._file.report(NO_VALUE, f"the group `{node.id}` has no value", span, help=way_out)
        elif isinstance(node, Family) and node.known:
            example = example_of(node, written)
            one = f"one output is `{example}`, " if example else ""
            way_out = f"{one}the list of all `{written}[*]`"
            self._file.report(NO_VALUE, f"the family `{node.id}` alone has no value", span, help=way_out)

    def _run_field(self, expr: ast.AttributeExpr) -> spec.Expr | None:
        field = expr.name.name
        if field in _HANDLER_FIELDS and self._scope.handler is spec.HandlerKind.NONE:
            message = f"`run.{field}` is known only to the handlers that run after the other tasks"
            self._file.report(UNKNOWN_FIELD, message, expr.span)
            return None
        if field not in _RUN_FIELDS and field not in _HANDLER_FIELDS:
            handles = self._scope.handler is not spec.HandlerKind.NONE
            self._unknown_field(expr, "run", _RUN_FIELDS | _HANDLER_FIELDS if handles else _RUN_FIELDS)
            return None
        if not self.may_read(Reads.RUN, f"`run.{field}`", f"`run.{field}` belongs to a run", expr.span):
            return None
        return spec.RunValue(spec.RunField(field), self._file.at(expr.span))

    def _task_field(self, expr: ast.AttributeExpr) -> spec.Expr | None:
        field = expr.name.name
        of_event = field in _EVENT_FIELDS
        if not of_event and field not in _TASK_FIELDS:
            told = Reads.EVENT in self._place.reads
            self._unknown_field(expr, "task", _TASK_FIELDS | _EVENT_FIELDS if told else _TASK_FIELDS)
            return None
        what = f"`task.{field}`"
        why = f"{what} {'is known only to the message of an alert' if of_event else 'belongs to an attempt'}"
        if not self.may_read(Reads.EVENT if of_event else Reads.TASK, what, why, expr.span):
            return None
        return spec.TaskValue(spec.TaskField(field), self._file.at(expr.span))

    def _param(self, expr: ast.AttributeExpr) -> spec.Expr | None:
        name, dag = expr.name.name, self._scope.dag
        if self._scope.template is not None:
            way_out = (
                f"give it to the template as an argument: `{self._scope.template.decl.name.name}(… = params.{name})`"
            )
            self._file.report(NOT_HERE, "a template does not see the params of a dag", expr.span, help=way_out)
            return None
        param = None if dag is None else dag.params.get(name)
        if param is not None:
            param.used = True
        if not self.may_read(Reads.PARAMS, f"`params.{name}`", "a param belongs to a run", expr.span):
            return None
        if param is None:
            if not self._file.may_declare(name):
                self._unknown_field(expr, "params", () if dag is None else dag.params)
            return None
        return spec.ParamValue(name, self._file.at(expr.span))

    def _unknown_field(self, expr: ast.AttributeExpr, of: str, known: Collection[str]) -> None:
        similar = Similar(sorted(known)).to(expr.name.name)
        if of == "params" and similar is not None and self._scope.dag is not None:
            self._scope.dag.params[similar].used = True  # it is meant
        way_out = similar_help(similar, "param" if of == "params" else "field")
        if not way_out and known and of != "params":
            way_out = f"`{of}` has {', '.join(f'`{name}`' for name in sorted(known))}"
        what = "there is no param" if of == "params" else f"`{of}` has no"
        edit = slip_edit(expr.name.span, expr.name.name, similar)
        self._file.report(UNKNOWN_FIELD, f"{what} `{expr.name.name}`", expr.name.span, help=way_out, edit=edit)

    def _unknown(self, expr: ast.Name) -> None:
        name, file, scope, span = expr.name, self._file, self._scope, expr.span
        if name in _EXAMPLES:
            file.report(NO_VALUE, f"`{name}` alone has no value", span, help=f"name a field of it: `{_EXAMPLES[name]}`")
        elif scope.dag is not None and name in scope.dag.params:
            scope.dag.params[name].used = True
            file.report(UNKNOWN_NAME, f"unknown name `{name}`", span, help=f"a param is read as `params.{name}`")
        elif name in file.imports.bound or name in BUILT_IN_TASKS:
            way_out = "make a task of it, and name that task here"
            file.report(NO_VALUE, f"`{name}` is a callable, not a value", span, help=way_out)
            if name in file.imports.bound:
                file.imports.bound[name].used = True
        elif name in file.later_lets:
            file.asked_early.add(name)
            way_out = f"move `let {name}` up: a `let` is known from its line on"
            file.report(UNKNOWN_NAME, f"`{name}` is declared further down", span, help=way_out)
        elif (what := self._other_declaration(name)) is not None:
            file.report(NO_VALUE, f"`{name}` is {what}: it has no value", span)
        elif not file.may_declare(name) and not self._is_task_without_node(name):
            similar = Similar(self._variables).to(name) or scope.similar_value(name)
            if similar is not None:
                self._mark_meant(similar)
            what = "task" if similar is not None and scope.node(similar) is not None else "name"
            way_out, edit = similar_help(similar, what), slip_edit(span, name, similar)
            file.report(UNKNOWN_NAME, f"unknown name `{name}`", span, help=way_out, edit=edit)

    def _mark_meant(self, name: str) -> None:
        """A name that was probably meant counts as used: that it is not would only follow from the fault."""
        self.mark_parameter(name)
        if name in self._file.lets:
            self._file.lets[name].used = True

    def _other_declaration(self, name: str) -> str | None:
        file = self._file
        for what, declared in (
            ("a pool", file.pools),
            ("a notifier", file.notifiers),
            ("a label", file.labels),
            ("a template", file.templates),
        ):
            found = declared.get(name)
            if found is not None:
                found.used = True
                return what
        return None

    def _is_task_without_node(self, name: str) -> bool:
        """Whether a task or group is declared by that name, and what became of it has been reported."""
        return self._scope.declaration(name) is not None
