"""Values made of others: lists, texts with fields, operators, what the environment and the secrets hold."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import timedelta

from ppacer import spec
from ppacer.core.evaluate import EvaluationError, Scope, evaluate
from ppacer.core.operators import kind
from ppc import ast
from ppc.constants import embedded, is_constant
from ppc.diagnostics import Edit, Span
from ppc.names import Names
from ppc.parse_literals import INTEGER_LIMIT
from ppc.places import Place, Reads

CALL_INSIDE = "E603"
CANNOT_BE_WORKED_OUT = "E604"
RAW_AT_RUN_TIME = "E801"
MISPLACED_LOOK_UP = "E802"
BAD_LOOK_UP = "E803"

CODES = {
    CALL_INSIDE: "a call inside an expression",
    CANNOT_BE_WORKED_OUT: "a constant expression that has no value",
    RAW_AT_RUN_TIME: "unquoted text in a shell command that is known only at run time",
    MISPLACED_LOOK_UP: "a secret outside its places",
    BAD_LOOK_UP: "`env` or `secret` called wrongly",
}

RAW = "raw"
"""The format that leaves a field of a shell command unquoted."""

NOTHING = Scope()
"""What constants are worked out in."""


class Values(Names, ABC):
    """Resolves what is made of other expressions. `_shell` says that f-strings quote for a shell."""

    _shell = False

    @abstractmethod
    def _resolve(self, expr: ast.Expr, depth: int) -> spec.Expr | None:
        """Any expression, `depth` levels down."""

    @abstractmethod
    def mark_used(self, syntax: object) -> None:
        """Counts what is named in `syntax`, which is refused as a whole, as used."""

    def _part(self, expr: ast.Expr, depth: int) -> spec.Expr | None:
        """A part of an expression, which must not be a secret."""
        value = self._resolve(expr, depth)
        if isinstance(value, spec.Secret):
            self._secret_inside(expr.span)
            return None
        return value

    def _secret_inside(self, span: Span) -> None:
        way_out = "give the secret to the task, and let its Python put it together"
        if self._place in (Place.PING, Place.NOTIFIER):
            way_out = f"let the secret hold the whole {'address' if self._place is Place.PING else 'argument'}"
        self._file.report(
            MISPLACED_LOOK_UP,
            "a secret is a whole argument, a whole variable of `env`, a notifier's argument or a `ping`",
            span,
            label="here it would be a part of a value that is stored and shown",
            labels=self._scope.made_by,
            help=way_out,
        )

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
        items = [self._part(item, depth) for item in expr.items]
        sound = [item for item in items if item is not None]
        return spec.ListOf(tuple(sound), self._file.at(expr.span)) if len(sound) == len(items) else None

    def _dict(self, expr: ast.DictLiteral, depth: int) -> spec.Expr | None:
        items: list[tuple[spec.Expr, spec.Expr]] = []
        for key_expr, value_expr in expr.items:
            key, value = self._part(key_expr, depth), self._part(value_expr, depth)
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
            value = self._part(part.value, depth)
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
                    labels=self._scope.made_by,
                    help="leave `:raw` out, so that the value is quoted",
                    edit=Edit(Span(part.span.file, part.span.end - len(":raw}"), part.span.end - 1), ""),
                )
                continue
            field_format = "" if raw else part.format
            parts.append(spec.FormatField(value, self._file.at(part.span), field_format, self._shell and not raw))
        if len(parts) != len(expr.parts):
            return None
        return self._folded(spec.FormatString(tuple(parts), self._file.at(expr.span)), expr.span, known=constant)

    def _unary(self, expr: ast.UnaryExpr, depth: int) -> spec.Expr | None:
        operand = self._part(expr.operand, depth)
        if operand is None:
            return None
        made = spec.Unary(spec.UnaryOperator(expr.operator), operand, self._file.at(expr.span))
        return self._folded(made, expr.span, known=is_constant(operand))

    def _binary(self, expr: ast.BinaryExpr, depth: int) -> spec.Expr | None:
        left, right = self._part(expr.left, depth), self._part(expr.right, depth)
        if left is None or right is None:
            return None
        made = spec.Binary(spec.BinaryOperator(expr.operator), left, right, self._file.at(expr.span))
        return self._folded(made, expr.span, known=is_constant(left) and is_constant(right))

    def _folded(self, expr: spec.Expr, span: Span, *, known: bool) -> spec.Expr | None:
        """The value where all of it is known at build time, so that its faults are found there too."""
        if not known:
            return expr
        try:
            value = evaluate(expr, NOTHING)
        except EvaluationError as fault:
            self._file.report(CANNOT_BE_WORKED_OUT, fault.message, span, labels=self._scope.made_by)
            return None
        if isinstance(value, int) and not -INTEGER_LIMIT <= value < INTEGER_LIMIT:
            message = "the result is too large: integers have 64 bits"
            self._file.report(CANNOT_BE_WORKED_OUT, message, span, labels=self._scope.made_by)
            return None
        return embedded(value, expr.at)

    def _call(self, expr: ast.Call, depth: int) -> spec.Expr | None:
        name = expr.callee.text
        if name == "env":
            return self._env(expr, depth)
        if name == "secret":
            return self._secret(expr, depth)
        if self._place is Place.CONSTANT:
            self.not_constant(f"`{name}(…)` is a call", expr.span)
        else:
            way_out = f"make it a task of its own, `task x = {name}(…)`, and name `x` here"
            self._file.report(CALL_INSIDE, f"`{name}(…)` is called inside an expression", expr.span, help=way_out)
        target = self._file.imports.target(expr.callee)
        if target is not None:
            target.found.used = True
        return None

    # --- env and secret ----------------------------------------------------------------------------------------------

    def _env(self, expr: ast.Call, depth: int) -> spec.Expr | None:
        form = '`env` takes the name of a variable and, if wanted, a default: `env("NAME", "x")`'
        given = self._look_up(expr, form, depth, most=2)
        if given is None or not self.may_read(Reads.ENV, "`env(…)`", "the environment is read at run time", expr.span):
            return None
        name, rest = given
        default = self._part(rest[0].value, depth) if rest else None
        if rest and default is None:
            return None
        return spec.Env(name, self._file.at(expr.span), default)

    def _secret(self, expr: ast.Call, depth: int) -> spec.Expr | None:
        given = self._look_up(expr, '`secret` takes the name of a secret: `secret("NAME")`', depth, most=1)
        if given is None:
            return None
        if Reads.SECRET not in self._place.reads:
            self._secret_inside(expr.span)
            return None
        return spec.Secret(given[0], self._file.at(expr.span))

    def _look_up(
        self, expr: ast.Call, form: str, depth: int, *, most: int
    ) -> tuple[str, Sequence[ast.Argument]] | None:
        """The name, which must be a constant text, and the arguments after it."""
        arguments = expr.arguments
        shaped = 1 <= len(arguments) <= most and arguments[0].name is None
        if not shaped or any(each.name is not None and each.name.name != "default" for each in arguments[1:]):
            self._file.report(BAD_LOOK_UP, form, expr.span)
            self.mark_used(arguments)
            return None
        name = self._resolve(arguments[0].value, depth)
        if name is None:
            return None
        if not isinstance(name, spec.Literal) or not isinstance(name.value, str) or not name.value:
            self._file.report(BAD_LOOK_UP, form, arguments[0].span, label="the name must be a text known at build time")
            return None
        return name.value, arguments[1:]
