"""The evaluator of expressions: arguments, conditions, messages, as the compiler parsed them and the spec holds them.

Strict: `and`, `or` and `not` take booleans, a name that has no value and a part that is not there are errors with their
place. What the operators do is in `ppacer.core.operators`. Nothing here runs user code.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from ppacer import spec
from ppacer.core import instants
from ppacer.core.codec import MAX_DEPTH
from ppacer.core.operators import OperandError, binary, kind, negative, text
from ppacer.records import dataclass, field, replace
from ppacer.spec import BinaryOperator as Operator

if TYPE_CHECKING:
    from ppacer.core.model import Run  # the compiler evaluates too, and knows of no runs


class EvaluationError(ValueError):
    """An expression that has no value; `at` is the place in the source of the part that has none."""

    def __init__(self, message: str, at: spec.At) -> None:
        super().__init__(message)
        self.message = message
        self.at = at


class NoValue(KeyError):
    """A name that has no value, for a reason that is worth telling: the text is for people."""


def _nothing(name: str) -> object:
    raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression can see; what is left out cannot be named.

    `output` gives the output of a task of the same run by its full id, `outputs` those of a run-time family in order,
    `output_at` that of a run-time family's member at the asking member's own position, `env` the value of an
    environment variable, `secret` that of a secret; each raises `KeyError` where there is none, or `NoValue` to say
    why. `zone` is what a date-time without one means beside one that has one.
    """

    run: Mapping[spec.RunField, object] = field(default_factory=dict)
    task: Mapping[spec.TaskField, object] = field(default_factory=dict)
    params: Mapping[str, object] = field(default_factory=dict)
    variables: Mapping[str, object] = field(default_factory=dict)
    output: Callable[[str], object] = _nothing
    outputs: Callable[[str], object] = _nothing
    output_at: Callable[[str], object] = _nothing
    env: Callable[[str], object] = _nothing
    secret: Callable[[str], object] = _nothing
    zone: tzinfo | None = None


def evaluate(expr: spec.Expr, scope: Scope) -> object:
    """The value of an expression: none, bool, number, text, list, dict, date, datetime, duration, decimal or path.

    Raises `EvaluationError`.
    """
    return _Evaluator(scope).value(expr, 0)


def evaluate_here(expr: spec.Expr, scope: Scope) -> object:
    """As far as it can be evaluated here: the value, or where it takes `env(…)` or `secret(…)` an expression that takes
    nothing else, to be evaluated where these are known. Raises `EvaluationError`.
    """
    return _closed(expr, scope) if takes_surroundings(expr) else evaluate(expr, scope)


def takes_surroundings(expr: spec.Expr) -> bool:
    """Whether there is an `env(…)` or `secret(…)` anywhere in it."""
    return isinstance(expr, spec.Env | spec.Secret) or any(map(takes_surroundings, parts(expr)))


def parts(expr: spec.Expr) -> Iterator[spec.Expr]:
    """The expressions that an expression is made of."""
    match expr:
        case spec.ListOf() | spec.Concat():
            yield from expr.items
        case spec.DictOf():
            for pair in expr.items:
                yield from pair
        case spec.Attribute():
            yield expr.of
        case spec.Item():
            yield from (expr.of, expr.key)
        case spec.Unary():
            yield expr.operand
        case spec.Binary():
            yield from (expr.left, expr.right)
        case spec.FormatString():
            yield from (part.value for part in expr.parts if not isinstance(part, str))
        case spec.Env(default=default) if default is not None:
            yield default


def run_values(run: Run, timezone: str) -> Mapping[spec.RunField, object]:
    """What `run.…` means in a run: times are aware, in the dag's zone. `run.status` and `run.failed` are not in it."""
    tz = instants.zone(timezone)
    scheduled_at = instants.to_datetime(run.scheduled_at, tz)
    return {
        spec.RunField.ID: run.id,
        spec.RunField.DAG: run.dag,
        spec.RunField.DATE: scheduled_at.date(),
        spec.RunField.SCHEDULED_AT: scheduled_at,
        spec.RunField.PREVIOUS: None if run.previous_at is None else instants.to_datetime(run.previous_at, tz),
        spec.RunField.BUILD: run.build,
    }


def _closed(expr: spec.Expr, scope: Scope) -> spec.Expr:
    """The expression with everything but `env(…)` and `secret(…)` worked out."""
    if not takes_surroundings(expr):
        return _as_expression(evaluate(expr, scope), expr.at)
    match expr:
        case spec.ListOf() | spec.Concat():
            return replace(expr, items=tuple(_closed(item, scope) for item in expr.items))
        case spec.DictOf():
            return replace(expr, items=tuple((_closed(key, scope), _closed(value, scope)) for key, value in expr.items))
        case spec.Attribute():
            return replace(expr, of=_closed(expr.of, scope))
        case spec.Item():
            return replace(expr, of=_closed(expr.of, scope), key=_closed(expr.key, scope))
        case spec.Unary():
            return replace(expr, operand=_closed(expr.operand, scope))
        case spec.Binary():
            left = _closed(expr.left, scope)
            if isinstance(left, spec.Literal) and _decides(expr.operator, left.value):
                return left
            return replace(expr, left=left, right=_closed(expr.right, scope))
        case spec.FormatString():
            return replace(
                expr,
                parts=tuple(
                    part if isinstance(part, str) else replace(part, value=_closed(part.value, scope))
                    for part in expr.parts
                ),
            )
        case spec.Env(default=default) if default is not None:
            return replace(expr, default=_closed(default, scope))
    return expr


def _as_expression(value: object, at: spec.At) -> spec.Expr:
    if isinstance(value, list | tuple):
        return spec.ListOf(tuple(_as_expression(item, at) for item in value), at)
    if isinstance(value, Mapping):
        return spec.DictOf(
            tuple((_as_expression(key, at), _as_expression(item, at)) for key, item in value.items()), at
        )
    return spec.Literal(value, at)  # type: ignore[arg-type]  # what is neither list nor dict is a constant, or a path


class _Evaluator:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def value(self, expr: spec.Expr, depth: int) -> object:
        """Dispatch; `depth` bounds the recursion to what the codec can store."""
        if depth > MAX_DEPTH:
            raise EvaluationError(f"the expression is nested deeper than {MAX_DEPTH} levels", expr.at)
        depth += 1
        match expr:
            case spec.Literal():
                return expr.value
            case spec.ListOf():
                items = []
                for item in expr.items:
                    items.append(self.value(item, depth))  # noqa: PERF401 (a comprehension takes a frame per level)
                return items
            case spec.DictOf():
                return self._dict(expr, depth)
            case spec.Concat():
                return self._concat(expr, depth)
            case spec.Attribute():
                return _attribute(self.value(expr.of, depth), expr)
            case spec.Item():
                return _item(self.value(expr.of, depth), self.value(expr.key, depth), expr.at)
            case spec.Unary():
                return _unary(expr, self.value(expr.operand, depth))
            case spec.Binary():
                return self._binary(expr, depth)
            case spec.FormatString():
                return self._format(expr, depth)
            case spec.Env() if expr.default is not None:
                try:
                    return self._scope.env(expr.name)
                except KeyError:
                    return self.value(expr.default, depth)
            case _:
                return self._name(expr)

    def _name(self, expr: spec.Expr) -> object:
        scope = self._scope
        try:
            match expr:
                case spec.RunValue():
                    return scope.run[expr.field]
                case spec.TaskValue():
                    return scope.task[expr.field]
                case spec.ParamValue():
                    return scope.params[expr.name]
                case spec.LoopVariable():
                    return scope.variables[expr.name]
                case spec.Output():
                    return scope.output(expr.task)
                case spec.Outputs():
                    return scope.outputs(expr.task)
                case spec.OutputAt():
                    return scope.output_at(expr.task)
                case spec.Env():
                    return scope.env(expr.name)
                case spec.Secret():
                    return scope.secret(expr.name)
        except NoValue as reason:
            raise EvaluationError(f"{_shown(expr)} has no value: {reason.args[0]}", expr.at) from None
        except KeyError:
            raise EvaluationError(f"{_shown(expr)} has no value here", expr.at) from None
        raise TypeError(f"no expression: {type(expr).__name__}")

    def _dict(self, expr: spec.DictOf, depth: int) -> dict[str, object]:
        made: dict[str, object] = {}
        for key_expr, value_expr in expr.items:
            key = self.value(key_expr, depth)
            if not isinstance(key, str):
                raise EvaluationError(f"a key of a dict must be str, found {kind(key)}", key_expr.at)
            made[key] = self.value(value_expr, depth)
        return made

    def _concat(self, expr: spec.Concat, depth: int) -> list[object]:
        made: list[object] = []
        for item in expr.items:
            value = self.value(item, depth)
            if not isinstance(value, (list, tuple)):
                raise EvaluationError(f"expected a list, found {kind(value)}", item.at)
            made.extend(value)
        return made

    def _binary(self, expr: spec.Binary, depth: int) -> object:
        operator = expr.operator
        left = self.value(expr.left, depth)
        if operator in (Operator.AND, Operator.OR):
            if _decides(operator, _truth(left, operator, expr.left.at)):
                return left
            return _truth(self.value(expr.right, depth), operator, expr.right.at)
        right = self.value(expr.right, depth)
        try:
            if isinstance(left, datetime) and isinstance(right, datetime):
                left, right = self._aware(left, right), self._aware(right, left)
            return binary(operator, left, right)
        except (OperandError, OverflowError) as fault:
            raise EvaluationError(str(fault), expr.at) from None

    def _aware(self, moment: datetime, other: datetime) -> datetime:
        """A date-time without a zone beside one that has one: it means the dag's."""
        zone = self._scope.zone
        if moment.tzinfo is not None or other.tzinfo is None or zone is None:
            return moment
        return instants.to_datetime(instants.from_local(moment, zone), zone)

    def _format(self, expr: spec.FormatString, depth: int) -> str:
        made: list[str] = []
        for part in expr.parts:
            if isinstance(part, str):
                made.append(part)
                continue
            value = self.value(part.value, depth)
            try:
                shown = format(value, part.format) if part.format else text(value)
            except (TypeError, ValueError, OverflowError) as fault:
                raise EvaluationError(f'{kind(value)} cannot be shown as "{part.format}": {fault}', part.at) from None
            made.append(shlex.quote(shown) if part.quoted else shown)
        return "".join(made)


# --- reading inside values -------------------------------------------------------------------------------------------


def _attribute(value: object, expr: spec.Attribute) -> object:
    if not isinstance(value, Mapping):
        raise EvaluationError(f"{kind(value)} has no fields, so no `.{expr.name}`", expr.at)
    return _member(value, expr.name, expr.at)


def _item(value: object, key: object, at: spec.At) -> object:
    if isinstance(value, Mapping):
        return _member(value, key, at)
    if isinstance(value, (list, tuple)):
        if not isinstance(key, int) or isinstance(key, bool):
            raise EvaluationError(f"a list is indexed by int, found {kind(key)}", at)
        try:
            item: object = value[key]
        except IndexError:
            raise EvaluationError(f"the list has {len(value)} elements, so no [{key}]", at) from None
        return item
    raise EvaluationError(f"{kind(value)} cannot be indexed", at)


def _member(value: Mapping[object, object], key: object, at: spec.At) -> object:
    try:
        return value[key]
    except (KeyError, TypeError):
        known = [f'"{name}"' if isinstance(name, str) else text(name) for name in list(value)[:10]]
        has = f"it has {', '.join(known)}{', …' if len(value) > len(known) else ''}" if known else "it is empty"
        shown = f'"{key}"' if isinstance(key, str) else text(key)
        raise EvaluationError(f"the object has no {shown}; {has}", at) from None


# --- operators -------------------------------------------------------------------------------------------------------


def _unary(expr: spec.Unary, value: object) -> object:
    if expr.operator is spec.UnaryOperator.NOT:
        return not _truth(value, expr.operator, expr.operand.at)
    try:
        return negative(value)
    except OperandError as fault:
        raise EvaluationError(str(fault), expr.at) from None


def _decides(operator: Operator, left: object) -> bool:
    """Whether the right side is not asked any more."""
    return (operator is Operator.AND and left is False) or (operator is Operator.OR and left is True)


def _truth(value: object, operator: Operator | spec.UnaryOperator, at: spec.At) -> bool:
    if not isinstance(value, bool):
        raise EvaluationError(f"`{operator}` takes true or false, found {kind(value)}", at)
    return value


# --- words for people ------------------------------------------------------------------------------------------------


def _shown(expr: spec.Expr) -> str:
    """A name as the source has it."""
    match expr:
        case spec.RunValue():
            return f"run.{expr.field}"
        case spec.TaskValue():
            return f"task.{expr.field}"
        case spec.ParamValue():
            return f"params.{expr.name}"
        case spec.Output():
            return f"the output of {expr.task}"
        case spec.Outputs():
            return f"the output of {expr.task}[*]"
        case spec.OutputAt():
            return f"the output of the member of {expr.task} at this position"
        case spec.Env():
            return f'env("{expr.name}")'
        case spec.Secret():
            return f'secret("{expr.name}")'
        case spec.LoopVariable():
            return expr.name
        case _:
            return type(expr).__name__
