"""Expressions resolved: from syntax with names to the spec's typed values, constants worked out."""

from __future__ import annotations

from collections.abc import Sequence

from ppacer import spec
from ppacer.core.evaluate import evaluate
from ppacer.core.operators import kind
from ppacer.records import dataclass, fields, is_record
from ppc import ast
from ppc.bodies import Bound, Key, Node, ResolvedTask, Use, keyed
from ppc.constants import is_constant
from ppc.diagnostics import Span
from ppc.names import MOST_NESTED
from ppc.places import Place, Reads
from ppc.references import NOT_A_FAMILY, Reached, Select, Step, follow, steps_of
from ppc.values import NOTHING, Values

NO_FIELDS = "E602"
BAD_KEY = "E610"
TOO_MANY_OUTPUTS = "E613"
HANDLER_ORDER = "E407"

CODES = {
    NO_FIELDS: "a field or an index of a value that has none",
    BAD_KEY: "a value that cannot name a member of a family",
    TOO_MANY_OUTPUTS: "more outputs taken than one dag may",
    HANDLER_ORDER: "a handler and a task that its order keeps apart",
}

MOST_OUTPUTS = 250_000
"""Outputs that all lists `[*]` of a dag may hold together."""

_SEES = {
    spec.HandlerKind.NONE: {spec.HandlerKind.NONE},
    spec.HandlerKind.SUCCESS: {spec.HandlerKind.NONE, spec.HandlerKind.SUCCESS},
    spec.HandlerKind.FAILURE: {spec.HandlerKind.NONE, spec.HandlerKind.FAILURE},
    spec.HandlerKind.FINALLY: set(spec.HandlerKind),
}


@dataclass(frozen=True, slots=True)
class Known:
    """A value known at build time: any constant, list or dict."""

    value: object
    span: Span


class Expressions(Values):
    """Resolves the expressions of a scope. Faults go to the file's list, and what is at fault resolves to none."""

    def argument(
        self, expr: ast.Expr, uses: list[Use], *, place: Place = Place.ARGUMENT, shell: bool = False
    ) -> spec.Expr | None:
        """An expression that is worked out at run time. `shell` says that f-strings quote for a shell; the outputs that
        it takes are added to `uses`."""
        self._shell, self._uses, self._place, self._what = shell, uses, place, ""
        value = self._resolve(expr, 0)
        if isinstance(value, spec.Secret) and Reads.SECRET not in place.reads:
            # Only by way of a template's parameter: one written here has been refused already.
            self._secret_inside(expr.span)
            return None
        return value

    def constant(self, expr: ast.Expr, what: str) -> Known | None:
        """A value that must be known at build time; `what` names it in messages: "the setting `retries`"."""
        if isinstance(expr, ast.Constant):
            return Known(expr.value, expr.span)
        resolved = self.constant_expr(expr, what)
        return None if resolved is None else Known(evaluate(resolved, NOTHING), expr.span)

    def constant_expr(self, expr: ast.Expr, what: str) -> spec.Expr | None:
        self._shell, self._uses, self._place, self._what = False, [], Place.CONSTANT, what
        return self._resolve(expr, 0)

    def nodes(self, start: Node, steps: Sequence[Step], what: str) -> Reached | None:
        """The tasks and groups that are meant where an edge is wanted, keys being constants."""
        self._shell, self._uses, self._place, self._what = False, [], Place.CONSTANT, what
        return follow(self._scope, start, steps, self._key)

    def mark_used(self, syntax: object) -> None:
        """Counts what is named in `syntax`, which is refused as a whole, as used."""
        waiting: list[object] = [syntax]
        while waiting:
            node = waiting.pop()
            match node:
                case ast.Name(name):
                    self._mark_name(name)
                case ast.Call(callee) if (target := self._file.imports.target(callee)) is not None:
                    target.found.used = True
                case ast.AttributeExpr(ast.Name("params"), name) if self._scope.dag is not None:
                    if name.name in self._scope.dag.params:
                        self._scope.dag.params[name.name].used = True
                case _:
                    pass
            if isinstance(node, tuple):
                waiting.extend(node)
            elif is_record(node):
                waiting.extend(getattr(node, field.name) for field in fields(node))

    def _mark_name(self, name: str) -> None:
        file = self._file
        self.mark_parameter(name)
        for declared in (file.lets, file.notifiers, file.pools, file.labels, file.imports.bound):
            found = declared.get(name)
            if found is not None:
                found.used = True

    def _resolve(self, expr: ast.Expr, depth: int) -> spec.Expr | None:
        if depth > MOST_NESTED:
            self.too_deep(expr.span)
            return None
        depth += 1
        match expr:
            case ast.Constant():
                return self._constant(expr)
            case ast.Name():
                node = self.node(expr.name)
                if node is not None:
                    return self._node_value(expr, node, (), depth)
                return self.name_value(expr, depth)
            case ast.AttributeExpr() | ast.IndexExpr():
                return self._chain(expr, depth)
            case ast.ListLiteral():
                return self._list(expr, depth)
            case ast.FormatLiteral():
                return self._format(expr, depth)
            case ast.DurationLiteral():
                return self._duration(expr)
            case ast.DictLiteral():
                return self._dict(expr, depth)
            case ast.BinaryExpr():
                return self._binary(expr, depth)
            case ast.UnaryExpr():
                return self._unary(expr, depth)
            case ast.Call():
                return self._call(expr, depth)

    # --- names and what follows them ---------------------------------------------------------------------------------

    def _chain(self, expr: ast.AttributeExpr | ast.IndexExpr, depth: int) -> spec.Expr | None:
        first, steps = steps_of(expr)
        if depth + len(steps) > MOST_NESTED:
            self.too_deep(expr.span)
            return None
        if isinstance(first, ast.Name):
            if first.name in {"run", "task", "params"} and (word := steps[0].name) is not None:
                special = self.special_value(ast.AttributeExpr(first, word, steps[0].span), first.name)
                return self._inside(special, steps[1:], depth)
            node = self.node(first.name)
            if node is not None:
                return self._node_value(first, node, steps, depth)
        return self._inside(self._part(first, depth + len(steps)), steps, depth)

    def _inside(self, value: spec.Expr | None, steps: Sequence[Step], depth: int) -> spec.Expr | None:
        """Reads inside a value, step by step."""
        for step in steps:
            if value is None or self._has_no_parts(value, step.span):
                return None
            if step.name is not None:
                made: spec.Expr = spec.Attribute(value, step.name.name, self._file.at(step.span))
                value = self._folded(made, step.span, known=is_constant(value))
            else:
                value = self._item(value, step, depth)
        return value

    def _item(self, of: spec.Expr, step: Step, depth: int) -> spec.Expr | None:
        keys = [self._part(key, depth) for key in step.keys if not isinstance(key, ast.Star)]
        if None in keys:
            return None
        if len(keys) != 1 or len(step.keys) != 1:
            if isinstance(of, spec.Output):
                message = f"task `{of.task}` is no family: it has one output"
            else:
                message = "only a family of tasks takes `[*]` or several keys"
            self._file.report(NOT_A_FAMILY, message, step.span)
            return None
        key = keys[0]
        if key is None:
            return None
        made = spec.Item(of, key, self._file.at(step.span))
        return self._folded(made, step.span, known=is_constant(of) and is_constant(key))

    def _has_no_parts(self, of: spec.Expr, span: Span) -> bool:
        match of:
            case spec.RunValue(field=field) if field is not spec.RunField.FAILED:
                self._file.report(NO_FIELDS, f"`run.{field}` has no fields", span)
            case spec.TaskValue(field=field):
                self._file.report(NO_FIELDS, f"`task.{field}` has no fields", span)
            case _:
                return False
        return True

    def _node_value(self, first: ast.Name, node: Node, steps: Sequence[Step], depth: int) -> spec.Expr | None:
        if not self.may_read(Reads.OUTPUTS, f"`{first.name}`", f"`{first.name}` is the output of a task", first.span):
            return None
        reached = follow(self._scope, node, steps, self._key)
        if reached is None:
            return None
        span = steps[len(steps) - len(reached.rest) - 1].span if len(reached.rest) < len(steps) else first.span
        tasks: list[ResolvedTask] = []
        for each in reached.nodes:
            if not isinstance(each, ResolvedTask):
                self.node_has_no_value(each, span)
                return None
            if not self._sees(each, span):
                return None
            tasks.append(each)
        if not self._within_bounds(tasks, span):
            return None
        pairwise = reached.select is Select.SAME_POSITION
        self._uses.extend(Use(task.id, span, pairwise) for task in tasks)
        return self._inside(self._outputs(tasks, reached, span), reached.rest, depth)

    def _outputs(self, tasks: Sequence[ResolvedTask], reached: Reached, span: Span) -> spec.Expr:
        at = self._file.at(span)
        items = tuple(_output(task.id, reached.select, at) for task in tasks)
        if not reached.listed:
            return items[0]
        return spec.Concat(items, at) if reached.select is Select.ALL else spec.ListOf(items, at)

    def _sees(self, task: ResolvedTask, span: Span) -> bool:
        if task.handler in _SEES[self._scope.handler]:
            return True
        self._file.report(HANDLER_ORDER, f"`{task.id}` runs {_AFTER[task.handler]}: its output is not there yet", span)
        return False

    def _within_bounds(self, tasks: Sequence[ResolvedTask], span: Span) -> bool:
        dag = self._scope.dag
        if dag is None or len(tasks) <= 1:
            return True
        dag.listed += len(tasks)
        if dag.listed <= MOST_OUTPUTS:
            return True
        message = f"the lists of outputs in this dag hold more than {MOST_OUTPUTS:,} of them together"
        way_out = "put a task between that takes the list once, and give its output to the others"
        self._file.report(TOO_MANY_OUTPUTS, message, span, help=way_out)
        return False

    def _key(self, expr: ast.Expr) -> Key | Bound | None:
        """The value of an index of a family, or the run-time loop variable that it is."""
        if isinstance(expr, ast.Name):
            variable = self._variables.get(expr.name)
            if variable is not None and variable.run_time:
                return variable
        value = self._part(expr, 1)
        if value is None:
            return None
        if not is_constant(value):
            self._what = "which member of a family is meant"
            self.not_constant("this is known only at run time", expr.span)
            return None
        known = evaluate(value, NOTHING)
        key = keyed(known)
        if key is None:
            message = "a member of a family is named by a text, a whole number, `true`, `false` or a date"
            label = f"this is {kind(known)}"
            self._file.report(BAD_KEY, message, expr.span, label=label, labels=self._scope.made_by)
            return None
        return key[1]


def _output(task: str, select: Select, at: spec.At) -> spec.Expr:
    match select:
        case Select.NONE:
            return spec.Output(task, at)
        case Select.ALL:
            return spec.Outputs(task, at)
        case Select.SAME_POSITION:
            return spec.OutputAt(task, at)


_AFTER = {
    spec.HandlerKind.NONE: "before the handlers",
    spec.HandlerKind.SUCCESS: "when the other tasks have succeeded",
    spec.HandlerKind.FAILURE: "when another task has failed",
    spec.HandlerKind.FINALLY: "at the very end",
}
