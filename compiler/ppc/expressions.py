"""Expressions resolved: from syntax with names to the spec's typed values, constants worked out."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import timedelta

from ppacer import spec
from ppacer.core.evaluate import EvaluationError, Scope, evaluate
from ppacer.core.operators import kind
from ppacer.records import dataclass, fields, is_record
from ppc import ast
from ppc.callables import BUILT_IN_TASKS
from ppc.constants import embedded, is_constant
from ppc.diagnostics import Span
from ppc.scopes import DagScope, FileScope, similar_help
from ppc.similar import Similar

UNKNOWN_NAME = "E201"
UNKNOWN_FIELD = "E207"
NO_VALUE = "E208"
NOT_CONSTANT = "E306"
NO_FIELDS = "E602"
CALL_INSIDE = "E603"
CANNOT_BE_WORKED_OUT = "E604"
TOO_DEEP = "E605"
NOT_A_FAMILY = "E606"
RAW_AT_RUN_TIME = "E801"
EXPRESSION_NOT_SUPPORTED = "E903"

CODES = {
    UNKNOWN_NAME: "an unknown name in an expression",
    UNKNOWN_FIELD: "an unknown field of `run`, `task` or `params`",
    NO_VALUE: "a name that has no value",
    NOT_CONSTANT: "a value that must be known at build time, and is not",
    NO_FIELDS: "a field or an index of a value that has none",
    CALL_INSIDE: "a call inside an expression",
    CANNOT_BE_WORKED_OUT: "a constant expression that has no value",
    TOO_DEEP: "an expression nested too deeply",
    NOT_A_FAMILY: "`[*]` or several keys on a task that is no family",
    RAW_AT_RUN_TIME: "unquoted text in a shell command that is known only at run time",
    EXPRESSION_NOT_SUPPORTED: "an expression that this version does not support",
}

MOST_NESTED = 50
"""With the values of lets counted in. The codec stores 300 levels of JSON, and a level of a dict takes three."""

RAW = "raw"
"""The format that leaves a field of a shell command unquoted."""

_RUN_FIELDS = frozenset(field.value for field in spec.RunField) - {"status", "failed"}
_HANDLER_FIELDS = frozenset({"status", "failed"})
_TASK_FIELDS = frozenset(field.value for field in spec.TaskField)
_NOTHING = Scope()


@dataclass(frozen=True, slots=True)
class Known:
    """A value known at build time: any constant, list or dict."""

    value: object
    span: Span


@dataclass(frozen=True, slots=True)
class Use:
    """The output of `task` is used at `span`."""

    task: str
    span: Span


class Expressions:
    """Resolves the expressions of a file (`dag` is none: constants alone) or of a dag. Faults go to the file's list,
    and what is at fault resolves to none."""

    def __init__(self, file: FileScope, dag: DagScope | None = None) -> None:
        self._file = file
        self._dag = dag
        self._variables: Collection[str] = ()
        self._shell = False
        self._constant_for = ""
        self._uses: list[Use] = []

    def argument(
        self, expr: ast.Expr, uses: list[Use], *, variables: Collection[str] = (), shell: bool = False
    ) -> spec.Expr | None:
        """An expression that is worked out when its task starts. `variables` are loop variables in reach; `shell`
        says that f-strings quote for a shell; the outputs that it takes are added to `uses`."""
        self._variables, self._shell, self._uses, self._constant_for = variables, shell, uses, ""
        return self._resolve(expr, 0)

    def constant(self, expr: ast.Expr, what: str) -> Known | None:
        """A value that must be known at build time; `what` names it in messages: "the setting `retries`"."""
        if isinstance(expr, ast.Constant):
            return Known(expr.value, expr.span)
        resolved = self.constant_expr(expr, what)
        return None if resolved is None else Known(evaluate(resolved, _NOTHING), expr.span)

    def constant_expr(self, expr: ast.Expr, what: str) -> spec.Expr | None:
        self._variables, self._shell, self._uses, self._constant_for = (), False, [], what
        return self._resolve(expr, 0)

    def mark_used(self, syntax: object) -> None:
        """Counts what is named in `syntax`, which is refused as a whole, as used."""
        waiting: list[object] = [syntax]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Name) and node.name in self._file.lets:
                self._file.lets[node.name].used = True
            if isinstance(node, ast.Call) and (target := self._file.imports.target(node.callee)) is not None:
                target.found.used = True
            if isinstance(node, tuple):
                waiting.extend(node)
            elif is_record(node):
                waiting.extend(getattr(node, field.name) for field in fields(node))

    def _resolve(self, expr: ast.Expr, depth: int) -> spec.Expr | None:
        if depth > MOST_NESTED:
            self._too_deep(expr.span)
            return None
        depth += 1
        match expr:
            case ast.Constant():
                return self._constant(expr)
            case ast.Name():
                return self._name(expr, depth)
            case ast.AttributeExpr():
                return self._attribute(expr, depth)
            case ast.IndexExpr():
                return self._index(expr, depth)
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
                return self._call(expr)

    def _too_deep(self, span: Span) -> None:
        message = f"this expression is nested more than {MOST_NESTED} levels deep"
        self._file.report(TOO_DEEP, message, span, label="too deep from here on", help="compute it in Python")

    # --- values ------------------------------------------------------------------------------------------------------

    def _constant(self, expr: ast.Constant) -> spec.Expr | None:
        if isinstance(expr.value, float) and not math.isfinite(expr.value):
            self._file.report(CANNOT_BE_WORKED_OUT, "this number is too large", expr.span)
            return None
        return spec.Literal(expr.value, self._file.at(expr.span))

    def _duration(self, expr: ast.DurationLiteral) -> spec.Expr | None:
        try:
            return spec.Literal(timedelta(days=expr.days) + expr.elapsed, self._file.at(expr.span))
        except OverflowError:
            self._file.report(CANNOT_BE_WORKED_OUT, "this duration is too long", expr.span)
            return None

    def _list(self, expr: ast.ListLiteral, depth: int) -> spec.Expr | None:
        items = [self._resolve(item, depth) for item in expr.items]
        sound = [item for item in items if item is not None]
        return spec.ListOf(tuple(sound), self._file.at(expr.span)) if len(sound) == len(items) else None

    def _dict(self, expr: ast.DictLiteral, depth: int) -> spec.Expr | None:
        items: list[tuple[spec.Expr, spec.Expr]] = []
        for key_expr, value_expr in expr.items:
            key, value = self._resolve(key_expr, depth), self._resolve(value_expr, depth)
            if isinstance(key, spec.Literal) and not isinstance(key.value, str):
                message = f"a key of a dict must be str, found {kind(key.value)}"
                self._file.report(CANNOT_BE_WORKED_OUT, message, key_expr.span)
            elif key is not None and value is not None:
                items.append((key, value))
        return spec.DictOf(tuple(items), self._file.at(expr.span)) if len(items) == len(expr.items) else None

    def _format(self, expr: ast.FormatLiteral, depth: int) -> spec.Expr | None:
        parts: list[str | spec.FormatField] = []
        constant = True
        for part in expr.parts:
            if isinstance(part, str):
                parts.append(part)
                continue
            value = self._resolve(part.value, depth)
            if value is None:
                continue
            known = is_constant(value)
            constant = constant and known
            raw = self._shell and part.format == RAW
            if raw and not known:
                self._file.report(
                    RAW_AT_RUN_TIME,
                    "`:raw` takes constants only: this value is known only at run time",
                    part.span,
                    label="would go into the shell unquoted",
                    help="leave `:raw` out, so that the value is quoted",
                )
                continue
            field_format = "" if raw else part.format
            parts.append(spec.FormatField(value, self._file.at(part.span), field_format, self._shell and not raw))
        if len(parts) != len(expr.parts):
            return None
        return self._folded(spec.FormatString(tuple(parts), self._file.at(expr.span)), expr.span, known=constant)

    def _unary(self, expr: ast.UnaryExpr, depth: int) -> spec.Expr | None:
        operand = self._resolve(expr.operand, depth)
        if operand is None:
            return None
        made = spec.Unary(spec.UnaryOperator(expr.operator), operand, self._file.at(expr.span))
        return self._folded(made, expr.span, known=is_constant(operand))

    def _binary(self, expr: ast.BinaryExpr, depth: int) -> spec.Expr | None:
        left, right = self._resolve(expr.left, depth), self._resolve(expr.right, depth)
        if left is None or right is None:
            return None
        made = spec.Binary(spec.BinaryOperator(expr.operator), left, right, self._file.at(expr.span))
        return self._folded(made, expr.span, known=is_constant(left) and is_constant(right))

    def _folded(self, expr: spec.Expr, span: Span, *, known: bool) -> spec.Expr | None:
        """The value where all of it is known at build time, so that its faults are found there too."""
        if not known:
            return expr
        try:
            return embedded(evaluate(expr, _NOTHING), expr.at)
        except EvaluationError as fault:
            self._file.report(CANNOT_BE_WORKED_OUT, fault.message, span)
            return None

    # --- names -------------------------------------------------------------------------------------------------------

    def _name(self, expr: ast.Name, depth: int) -> spec.Expr | None:
        name, file, dag = expr.name, self._file, self._dag
        let = file.lets.get(name)
        if let is not None:
            let.used = True
            if isinstance(let.value, spec.Literal):
                return spec.Literal(let.value.value, file.at(expr.span))
            if depth + let.depth > MOST_NESTED:
                self._too_deep(expr.span)
                return None
            return let.value
        if name in self._variables:
            return None
        if dag is not None and name in dag.tasks:
            if self._constant_for:
                self._not_constant(f"`{name}` is the output of a task", expr.span)
                return None
            if dag.tasks[name].loops:
                return None
            self._uses.append(Use(name, expr.span))
            return spec.Output(name, file.at(expr.span))
        self._unknown(expr)
        return None

    def _unknown(self, expr: ast.Name) -> None:
        name, file, dag = expr.name, self._file, self._dag
        if name in {"run", "task", "params"}:
            example = {"run": "run.date", "task": "task.attempt", "params": "params.name"}[name]
            file.report(NO_VALUE, f"`{name}` alone has no value", expr.span, help=f"name a field of it: `{example}`")
        elif dag is not None and name in dag.groups:
            file.report(NO_VALUE, f"the group `{name}` has no value", expr.span, help=f"name a task of it: `{name}.x`")
        elif dag is not None and name in dag.params:
            file.report(UNKNOWN_NAME, f"unknown name `{name}`", expr.span, help=f"a param is read as `params.{name}`")
        elif name in file.imports.bound or name in BUILT_IN_TASKS:
            file.report(
                NO_VALUE,
                f"`{name}` is a callable, not a value",
                expr.span,
                help="make a task of it, and name that task here",
            )
            if name in file.imports.bound:
                file.imports.bound[name].used = True
        elif name in file.later_lets:
            file.asked_early.add(name)
            file.report(
                UNKNOWN_NAME,
                f"`{name}` is declared further down",
                expr.span,
                help=f"move `let {name}` up: a `let` is known from its line on",
            )
        elif not file.may_declare(name) and name not in file.others:
            similar = Similar(file.lets).to(name) if dag is None else dag.similar_value(name)
            what = "task" if dag is not None and similar in dag.tasks else "name"
            file.report(UNKNOWN_NAME, f"unknown name `{name}`", expr.span, help=similar_help(similar, what))

    def _attribute(self, expr: ast.AttributeExpr, depth: int) -> spec.Expr | None:
        if isinstance(expr.of, ast.Name):
            match expr.of.name:
                case "run":
                    return self._run_field(expr)
                case "task":
                    return self._task_field(expr)
                case "params":
                    return self._param(expr)
                case name if self._dag is not None and name in self._dag.groups and name not in self._dag.tasks:
                    return None
        of = self._resolve(expr.of, depth)
        if of is None or self._has_no_parts(of, expr.span):
            return None
        made = spec.Attribute(of, expr.name.name, self._file.at(expr.span))
        return self._folded(made, expr.span, known=is_constant(of))

    def _run_field(self, expr: ast.AttributeExpr) -> spec.Expr | None:
        field = expr.name.name
        if field in _HANDLER_FIELDS:
            message = f"`run.{field}` is known only to the handlers that run after the other tasks"
            self._file.report(UNKNOWN_FIELD, message, expr.span)
            return None
        if field not in _RUN_FIELDS:
            self._unknown_field(expr, "run", _RUN_FIELDS)
            return None
        if self._constant_for:
            self._not_constant(f"`run.{field}` belongs to a run", expr.span)
            return None
        return spec.RunValue(spec.RunField(field), self._file.at(expr.span))

    def _task_field(self, expr: ast.AttributeExpr) -> spec.Expr | None:
        field = expr.name.name
        if field not in _TASK_FIELDS:
            self._unknown_field(expr, "task", _TASK_FIELDS)
            return None
        if self._constant_for:
            self._not_constant(f"`task.{field}` belongs to an attempt", expr.span)
            return None
        return spec.TaskValue(spec.TaskField(field), self._file.at(expr.span))

    def _param(self, expr: ast.AttributeExpr) -> spec.Expr | None:
        # Where the param is declared, its declaration has been refused already: see `checks.support`.
        if self._dag is None or expr.name.name not in self._dag.params:
            if self._constant_for:
                self._not_constant("a param belongs to a run", expr.span)
                return None
            if not self._file.may_declare(expr.name.name):
                self._unknown_field(expr, "params", () if self._dag is None else self._dag.params)
        return None

    def _unknown_field(self, expr: ast.AttributeExpr, of: str, known: Collection[str]) -> None:
        similar = Similar(sorted(known)).to(expr.name.name)
        way_out = similar_help(similar, "param" if of == "params" else "field")
        if not way_out and known and of != "params":
            way_out = f"`{of}` has {', '.join(f'`{name}`' for name in sorted(known))}"
        what = "there is no param" if of == "params" else f"`{of}` has no"
        self._file.report(UNKNOWN_FIELD, f"{what} `{expr.name.name}`", expr.name.span, help=way_out)

    def _index(self, expr: ast.IndexExpr, depth: int) -> spec.Expr | None:
        of = self._resolve(expr.of, depth)
        keys = [self._resolve(key, depth) for key in expr.keys if not isinstance(key, ast.Star)]
        if of is None or None in keys:
            return None
        if len(keys) != 1 or len(expr.keys) != 1:
            if isinstance(of, spec.Output):
                message = f"task `{of.task}` is no family: it has one output"
            else:
                message = "only a family of tasks takes `[*]` or several keys"
            self._file.report(NOT_A_FAMILY, message, expr.span)
            return None
        key = keys[0]
        if key is None or self._has_no_parts(of, expr.span):
            return None
        made = spec.Item(of, key, self._file.at(expr.span))
        return self._folded(made, expr.span, known=is_constant(of) and is_constant(key))

    def _has_no_parts(self, of: spec.Expr, span: Span) -> bool:
        match of:
            case spec.RunValue(field=field):
                self._file.report(NO_FIELDS, f"`run.{field}` has no fields", span)
            case spec.TaskValue(field=field):
                self._file.report(NO_FIELDS, f"`task.{field}` has no fields", span)
            case _:
                return False
        return True

    def _call(self, expr: ast.Call) -> spec.Expr | None:
        name = expr.callee.text
        if name in {"env", "secret"}:
            message = f"`{name}(…)` is not supported by this version of ppc yet"
            self._file.report(EXPRESSION_NOT_SUPPORTED, message, expr.span)
            return None
        if self._constant_for:
            self._not_constant(f"`{name}(…)` is a call", expr.span)
            return None
        self._file.report(
            CALL_INSIDE,
            f"`{name}(…)` is called inside an expression",
            expr.span,
            help=f"make it a task of its own, `task x = {name}(…)`, and name `x` here",
        )
        target = self._file.imports.target(expr.callee)
        if target is not None:
            target.found.used = True
        return None

    def _not_constant(self, why: str, span: Span) -> None:
        self._file.report(NOT_CONSTANT, f"{self._constant_for} must be known at build time", span, label=why)
