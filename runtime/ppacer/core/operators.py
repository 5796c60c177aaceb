"""The operators of the language on its values, and the words for those values.

Strict where Python is lenient: arithmetic takes no booleans and no texts, `true` equals no number, decimals do not mix
with floats. Aware times are compared and subtracted as instants (Python goes by the wall clock within one zone). A
duration of whole days moves the calendar, so that the wall clock keeps its time; any other elapses; a `date` takes
whole days only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import TypeGuard, TypeVar

from ppacer.core import instants
from ppacer.spec import BinaryOperator as Operator

_DAY = timedelta(days=1)
_N = TypeVar("_N", float, Decimal)


class OperandError(ValueError):
    """An operator that does not take these operands, or has no result for them; the message says so."""


def binary(operator: Operator, left: object, right: object) -> object:
    """The result of any operator but `and` and `or`. Raises `OperandError`."""
    try:
        result = _operate(operator, left, right)
    except ZeroDivisionError:
        raise OperandError("division by zero") from None
    except (ArithmeticError, ValueError) as fault:
        raise OperandError(f"{kind(left)} {operator} {kind(right)}: {fault}") from None
    if result is None:
        hint = ""
        if operator is Operator.ADD and (isinstance(left, str) or isinstance(right, str)):
            hint = '; texts are joined in an f-string: f"{a}{b}"'
        raise OperandError(f"`{operator}` does not take {kind(left)} and {kind(right)}{hint}")
    if isinstance(result, float) and not math.isfinite(result):
        raise OperandError(f"the result of `{operator}` is too large")
    return result


def negative(value: object) -> object:
    """`-value`. Raises `OperandError`."""
    if isinstance(value, timedelta) or _is_number(value):
        try:
            return -value
        except ArithmeticError as fault:
            raise OperandError(f"-{kind(value)}: {fault}") from None
    raise OperandError(f"`-` takes a number or a duration, found {kind(value)}")


def text(value: object) -> str:
    """A value as an f-string shows it: as the language writes it, except that texts have no quotes.

    Lists and dicts are shown as JSON, with the text of what JSON lacks.
    """
    match value:
        case str():
            return value
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return _duration_text(value)
        case list() | tuple() | dict():
            return json.dumps(_with_texts_as_keys(value), ensure_ascii=False, default=text)
        case _:
            return str(value)


def kind(value: object) -> str:
    """The type of a value in the language's words."""
    match value:
        case None:
            return "none"
        case bool() | int() | float() | str() | Decimal():
            return type(value).__name__.lower()
        case timedelta():
            return "duration"
        case datetime():
            return "datetime"
        case date():
            return "date"
        case list() | tuple():
            return "list"
        case Mapping():
            return "dict"
        case PurePath():
            return "path"
        case _:
            return type(value).__name__


# --- details ---------------------------------------------------------------------------------------------------------


def _operate(operator: Operator, left: object, right: object) -> object:
    """The result, or none where the operator does not take these."""
    match operator:
        case Operator.EQUAL:
            return _equal(left, right)
        case Operator.NOT_EQUAL:
            return not _equal(left, right)
        case Operator.IN:
            return _contains(left, right)
        case Operator.NOT_IN:
            return _negated(_contains(left, right))
        case Operator.LESS:
            return _before(left, right)
        case Operator.GREATER:
            return _before(right, left)
        case Operator.LESS_OR_EQUAL:
            return _negated(_before(right, left))
        case Operator.GREATER_OR_EQUAL:
            return _negated(_before(left, right))
    if _is_number(left) and _is_number(right):
        if not isinstance(left, Decimal) and not isinstance(right, Decimal):
            return _calculate(operator, left, right)
        if isinstance(left, float) or isinstance(right, float):
            return None
        return _calculate(operator, Decimal(left), Decimal(right))
    if isinstance(left, date):
        return _move(operator, left, right)
    if isinstance(right, date):
        return _move(operator, right, left) if operator is Operator.ADD else None
    return _with_durations(operator, left, right)


def _calculate(operator: Operator, left: _N, right: _N) -> _N | None:
    match operator:
        case Operator.ADD:
            return left + right
        case Operator.SUBTRACT:
            return left - right
        case Operator.MULTIPLY:
            return left * right
        case Operator.DIVIDE:
            return left / right
        case Operator.MODULO:
            return left % right
    return None


def _with_durations(operator: Operator, left: object, right: object) -> object:
    match operator, left, right:
        case Operator.ADD, timedelta(), timedelta():
            return left + right
        case Operator.SUBTRACT, timedelta(), timedelta():
            return left - right
        case Operator.DIVIDE, timedelta(), timedelta():
            return left / right
        case Operator.MODULO, timedelta(), timedelta():
            return left % right
        case Operator.MULTIPLY, timedelta(), int() | float() if not isinstance(right, bool):
            return left * right
        case Operator.MULTIPLY, int() | float(), timedelta() if not isinstance(left, bool):
            return left * right
        case Operator.DIVIDE, timedelta(), int() | float() if not isinstance(right, bool):
            return left / right
    return None


def _move(operator: Operator, moment: date, other: object) -> object:
    """A date or datetime plus or minus a duration, or the distance between two of them."""
    if isinstance(other, timedelta) and operator in (Operator.ADD, Operator.SUBTRACT):
        shift = other if operator is Operator.ADD else -other
        whole_days = not shift % _DAY
        if not isinstance(moment, datetime):
            if not whole_days:
                raise ValueError("a date takes whole days only")
            return moment + shift
        if (tz := moment.tzinfo) is None:
            return moment + shift
        if whole_days:
            return instants.to_datetime(instants.from_local(moment.replace(tzinfo=None) + shift, tz), tz)
        return (moment.astimezone(UTC) + shift).astimezone(tz)
    if operator is not Operator.SUBTRACT:
        return None
    match moment, other:
        case datetime(), datetime() if _alike(moment, other):
            return _instant(moment) - _instant(other)
        case date(), date() if _alike(moment, other):
            return moment.toordinal() * _DAY - other.toordinal() * _DAY
    return None


def _before(left: object, right: object) -> bool | None:
    match left, right:
        case str(), str():
            return left < right
        case timedelta(), timedelta():
            return left < right
        case datetime(), datetime():
            return _instant(left) < _instant(right) if _alike(left, right) else None
        case date(), date():
            return left < right if _alike(left, right) else None
    return left < right if _is_number(left) and _is_number(right) else None


def _equal(left: object, right: object) -> bool:
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    if isinstance(left, datetime) and isinstance(right, datetime) and _alike(left, right):
        return _instant(left) == _instant(right)
    return left == right


def _alike(left: date, right: date) -> bool:
    """Whether both are dates, both naive or both aware datetimes."""
    if isinstance(left, datetime) and isinstance(right, datetime):
        return (left.tzinfo is None) is (right.tzinfo is None)
    return not isinstance(left, datetime) and not isinstance(right, datetime)


def _instant(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC)


def _contains(item: object, container: object) -> bool | None:
    match container:
        case str():
            return item in container if isinstance(item, str) else None
        case Mapping():
            return any(_equal(item, key) for key in container)
        case list() | tuple():
            return any(_equal(item, member) for member in container)
        case _:
            return None


def _is_number(value: object) -> TypeGuard[int | float | Decimal]:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _with_texts_as_keys(value: object) -> object:
    """As JSON needs it; a value without other keys stays as it is."""
    match value:
        case dict():
            return {
                key if isinstance(key, str) else text(key): _with_texts_as_keys(item) for key, item in value.items()
            }
        case list() | tuple():
            return [_with_texts_as_keys(item) for item in value]
        case _:
            return value


def _negated(value: bool | None) -> bool | None:  # noqa: FBT001 (a value, no switch)
    return None if value is None else not value


def _duration_text(value: timedelta) -> str:
    """A duration as the language writes it: `1d2h30m`, `1.5s`, `-10m`, `0s`."""
    rest = abs(instants.microseconds(value))
    made = "-" if value < timedelta(0) else ""
    for unit, size in (("d", 24 * instants.HOUR), ("h", instants.HOUR), ("m", instants.MINUTE)):
        count, rest = divmod(rest, size)
        made += f"{count}{unit}" if count else ""
    seconds, fraction = divmod(rest, instants.SECOND)
    if rest or not value:
        made += f"{seconds}.{fraction:06}".rstrip("0").rstrip(".") + "s"
    return made
