"""What type an expression has, and what in it can have no value: fields that are not there, operands that do not fit.

An expression is walked together with the syntax that it came from, so that each fault gets its own place; where the two
part (a `let` stands for its value), the place is that of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ppacer import spec
from ppacer.spec import BinaryOperator as Operator
from ppc import ast
from ppc.diagnostics import Diagnostic, Span
from ppc.infer_narrowing import Reading, not_none, reading
from ppc.infer_operators import binary_type, format_fault, negative_type
from ppc.infer_parts import element_of, elements, field_of, is_text
from ppc.typing_model import (
    ANY,
    BOOL,
    DATE,
    DATETIME,
    INT,
    NONE,
    STR,
    AnyType,
    DictType,
    Field,
    ListType,
    LiteralType,
    TupleType,
    Type,
    literal,
    may_be_none,
    members,
    optional,
    record,
    union,
    without_none,
    words,
)

WRONG_OPERANDS = "E623"
PERHAPS_NONE = "E624"
WRONG_FORM = "E625"

CODES = {
    WRONG_OPERANDS: "an operator on values that it does not take",
    PERHAPS_NONE: "a use of what may be none",
    WRONG_FORM: "a value shown in a form that it does not have",
}


class TypeScope(Protocol):
    """The types of what only the surroundings of an expression know."""

    def output(self, task: str, /) -> Type:
        """The output of a task, or of one member of a run-time family."""
        ...

    def param(self, name: str, /) -> Type: ...

    def variable(self, name: str, /) -> Type:
        """A loop variable of a run-time family."""
        ...

    def why_none(self, expr: spec.Expr, /) -> str:
        """Why the value may be none, if it is an output that may; else empty."""
        ...


class Inference:
    """Infers the types of the expressions of one task. Faults go to `report`, and what is at fault is `ANY`."""

    def __init__(self, scope: TypeScope, report: Callable[[Diagnostic], None]) -> None:
        self._scope = scope
        self._report = report
        self._not_none: frozenset[Reading] = frozenset()

    def assume(self, condition: spec.Expr) -> None:
        """From here on the condition holds: what it has found not to be none, is not."""
        self._not_none |= not_none(condition, holds=True)

    def why_none(self, expr: spec.Expr) -> str:
        """Why a value that may be none may be so, where that is known."""
        return self._scope.why_none(expr)

    def quietly(self, expr: spec.Expr) -> Type:
        """The type, without reporting what is at fault."""
        report, self._report = self._report, _ignore
        found = self.type_of(expr, _NOWHERE)
        self._report = report
        return found

    def type_of(self, expr: spec.Expr, syntax: ast.Expr) -> Type:
        match expr:
            case spec.Literal(value):
                return literal(value)
            case spec.Output(task) | spec.OutputAt(task):
                return self._known(expr, self._scope.output(task))
            case spec.RunValue(field):
                return self._known(expr, _RUN[field])
            case spec.ParamValue(name):
                return self._known(expr, self._scope.param(name))
            case spec.FormatString(parts):
                self._format(parts, syntax)
                return STR
            case spec.Binary():
                return self._binary(expr, syntax)
            case spec.Attribute(of, name):
                return self._known(expr, self._attribute(of, name, syntax))
            case spec.Item(of, key):
                return self._known(expr, self._item(of, key, syntax))
            case spec.ListOf(items):
                return TupleType(tuple(self.type_of(item, of) for item, of in _items(items, syntax)))
            case spec.DictOf(pairs):
                return self._dict(pairs, syntax)
            case spec.TaskValue(field):
                return self._known(expr, _TASK[field])
            case spec.Outputs(task):
                return ListType(self._scope.output(task))
            case spec.Concat(items):
                lists = [self.type_of(item, syntax) for item in items]
                return ListType(union(element for each in lists for element in elements(each)))
            case spec.LoopVariable(name):
                return self._known(expr, self._scope.variable(name))
            case spec.Unary(operator, operand):
                return self._unary(operator, operand, syntax)
            case spec.Env(default=default):
                return STR if default is None else union((STR, self.type_of(default, syntax)))
            case spec.Secret():
                return STR

    def _known(self, expr: spec.Expr, type: Type) -> Type:
        return without_none(type) if self._not_none and reading(expr) in self._not_none else type

    def _dict(self, pairs: Sequence[tuple[spec.Expr, spec.Expr]], syntax: ast.Expr) -> Type:
        written = syntax.items if isinstance(syntax, ast.DictLiteral) and len(syntax.items) == len(pairs) else None
        fields: dict[str, Field] = {}
        plain = True
        for i, (key, value) in enumerate(pairs):
            key_syntax, value_syntax = (syntax, syntax) if written is None else written[i]
            key_type, value_type = self.type_of(key, key_syntax), self.type_of(value, value_syntax)
            if isinstance(key_type, LiteralType) and isinstance(key_type.value, str):
                fields[key_type.value] = Field(value_type)
            else:
                plain = False
                fields[f"{i}"] = Field(value_type)
        if plain:
            return record("dict", fields, written=True)
        return DictType(STR, union(field.type for field in fields.values()))

    # --- reading inside values ---------------------------------------------------------------------------------------

    def _attribute(self, of: spec.Expr, name: str, syntax: ast.Expr) -> Type:
        inner, span = (syntax.of, syntax.name.span) if isinstance(syntax, ast.AttributeExpr) else (syntax, syntax.span)
        found = self.type_of(of, inner)
        return self._parts(
            of,
            found,
            span,
            f"field `{name}`",
            lambda part: field_of(part, name, Span(span.file, inner.span.end, span.end), span),
        )

    def _item(self, of: spec.Expr, key: spec.Expr, syntax: ast.Expr) -> Type:
        inner, key_syntax = syntax, syntax
        if isinstance(syntax, ast.IndexExpr) and len(syntax.keys) == 1 and not isinstance(syntax.keys[0], ast.Star):
            inner, key_syntax = syntax.of, syntax.keys[0]
        found, key_type = self.type_of(of, inner), self.type_of(key, key_syntax)
        span = key_syntax.span
        return self._parts(of, found, span, "element", lambda part: element_of(part, key_type, span))

    def _parts(
        self, of: spec.Expr, type: Type, span: Span, what: str, read: Callable[[Type], Type | Diagnostic]
    ) -> Type:
        """What `read` finds in one of the forms of a value; a fault if none of them has it, or one of them is none."""
        if isinstance(type, AnyType):
            return ANY
        if may_be_none(type):
            why = self._scope.why_none(of)
            message = f"the value is none, which has no {what}"
            if type != NONE:
                message = f"the value may be none, which has no {what}"
            self._report(
                Diagnostic(
                    PERHAPS_NONE,
                    message,
                    span,
                    notes=(why,) if why else (),
                    help="" if type == NONE else "where a `when` tests it, `x != none and …`, it is known not to be",
                )
            )
        found: list[Type] = []
        fault: Diagnostic | None = None
        for member in members(type):
            if member != NONE:
                part = read(member)
                if isinstance(part, Diagnostic):
                    fault = fault or part
                else:
                    found.append(part)
        if found:
            return found[0] if len(found) == 1 else union(found)
        if fault is not None:
            self._report(fault)
        return ANY

    # --- operators ---------------------------------------------------------------------------------------------------

    def _unary(self, operator: spec.UnaryOperator, operand: spec.Expr, syntax: ast.Expr) -> Type:
        inner = syntax.operand if isinstance(syntax, ast.UnaryExpr) else syntax
        found = self.type_of(operand, inner)
        if operator is spec.UnaryOperator.NOT:
            self._is_bool(operand, found, operator, inner.span)
            return BOOL
        made = negative_type(found)
        if made is None or may_be_none(found):
            self._wrong(f"`-` takes a number or a duration, this is {words(found)}", inner.span, operand, found)
        return made or ANY

    def _binary(self, expr: spec.Binary, syntax: ast.Expr) -> Type:
        operator = expr.operator
        left_syntax, right_syntax = syntax, syntax
        if isinstance(syntax, ast.BinaryExpr):
            left_syntax, right_syntax = syntax.left, syntax.right
        left = self.type_of(expr.left, left_syntax)
        if operator in (Operator.AND, Operator.OR):
            before = self._not_none
            self._not_none |= not_none(expr.left, holds=operator is Operator.AND)
            right = self.type_of(expr.right, right_syntax)
            self._not_none = before
            self._is_bool(expr.left, left, operator, left_syntax.span)
            self._is_bool(expr.right, right, operator, right_syntax.span)
            return BOOL
        right = self.type_of(expr.right, right_syntax)
        made = binary_type(operator, without_none(left), without_none(right))
        if made is None:
            hint = ""
            if operator is Operator.ADD and (is_text(left) or is_text(right)):
                hint = 'texts are joined in an f-string: `f"{a}{b}"`'
            message = f"`{operator}` does not take {words(left)} and {words(right)}"
            self._report(Diagnostic(WRONG_OPERANDS, message, syntax.span, help=hint))
        elif operator not in (Operator.EQUAL, Operator.NOT_EQUAL):
            for side, found, at in ((expr.left, left, left_syntax), (expr.right, right, right_syntax)):
                # `x in xs` takes none for x: it is not in the list.
                if may_be_none(found) and (operator not in (Operator.IN, Operator.NOT_IN) or side is expr.right):
                    self._wrong(f"`{operator}` takes no none", at.span, side, found)
        return made or ANY

    def _is_bool(self, operand: spec.Expr, type: Type, operator: Operator | spec.UnaryOperator, span: Span) -> None:
        fits = any(isinstance(m, AnyType) or is_bool(m) for m in members(type))
        if not fits or may_be_none(type):
            self._wrong(f"`{operator}` takes true or false, this is {words(type)}", span, operand, type)

    def _wrong(self, message: str, span: Span, operand: spec.Expr, type: Type) -> None:
        if not may_be_none(type) or type == NONE:
            self._report(Diagnostic(WRONG_OPERANDS, message, span))
            return
        why = self._scope.why_none(operand)
        way_out = "where it is tested first, `x != none and …`, it is known not to be none"
        notes = (why,) if why else ()
        self._report(Diagnostic(PERHAPS_NONE, f"{message}, and this may be none", span, notes=notes, help=way_out))

    # --- texts -------------------------------------------------------------------------------------------------------

    def _format(self, parts: Sequence[str | spec.FormatField], syntax: ast.Expr) -> None:
        written = syntax.parts if isinstance(syntax, ast.FormatLiteral) and len(syntax.parts) == len(parts) else None
        for i, part in enumerate(parts):
            if isinstance(part, str):
                continue
            at = None if written is None else written[i]
            field = at if isinstance(at, ast.FormatField) else None
            found = self.type_of(part.value, syntax if field is None else field.value)
            if not part.format:
                continue
            span = syntax.span if field is None else field.span
            if may_be_none(found) and found != NONE:
                self._wrong(f"none cannot be shown as `{part.format}`", span, part.value, found)
                continue
            fault = format_fault(found, part.format)
            if fault:
                message = f"{words(found)} cannot be shown as `{part.format}`: {fault}"
                self._report(Diagnostic(WRONG_FORM, message, span))


def _ignore(fault: Diagnostic) -> None:
    """Nobody is told."""


_NOWHERE = ast.Constant(None, Span("", 0, 0))


def is_bool(type: Type) -> bool:
    return type == BOOL or (isinstance(type, LiteralType) and isinstance(type.value, bool))


# --- details ---------------------------------------------------------------------------------------------------------

_RUN: dict[spec.RunField, Type] = {
    spec.RunField.ID: STR,
    spec.RunField.DAG: STR,
    spec.RunField.DATE: DATE,
    spec.RunField.SCHEDULED_AT: DATETIME,
    spec.RunField.PREVIOUS: optional(DATETIME),
    spec.RunField.BUILD: STR,
    spec.RunField.STATUS: union(literal(status) for status in ("success", "failed", "cancelled")),
    spec.RunField.FAILED: ListType(
        record("dict", {"id": Field(STR), "error": Field(optional(STR)), "attempt": Field(INT)})
    ),
}

_TASK: dict[spec.TaskField, Type] = {
    spec.TaskField.ID: STR,
    spec.TaskField.ATTEMPT: INT,
    spec.TaskField.EVENT: union(literal(event.value) for event in spec.AlertEvent),
    spec.TaskField.ERROR: optional(STR),
}


def _items(items: Sequence[spec.Expr], syntax: ast.Expr) -> Sequence[tuple[spec.Expr, ast.Expr]]:
    if isinstance(syntax, ast.ListLiteral) and len(syntax.items) == len(items):
        return list(zip(items, syntax.items, strict=True))
    return [(item, syntax) for item in items]
