"""What the operators make of types: the rules of `ppacer.core.operators`, before there are values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import product

from ppacer.core.operators import OperandError, binary
from ppacer.spec import BinaryOperator as Operator
from ppc.typing_model import (
    ANY,
    BOOL,
    DATE,
    DATETIME,
    DECIMAL,
    DURATION,
    FLOAT,
    INT,
    STR,
    AnyType,
    DictType,
    EnumType,
    Kind,
    ListType,
    LiteralType,
    PlainType,
    RecordType,
    TupleType,
    Type,
    members,
    union,
)

_EQUALITY = frozenset({Operator.EQUAL, Operator.NOT_EQUAL})
_ALWAYS_BOOL = frozenset(
    {
        *_EQUALITY,
        Operator.LESS,
        Operator.LESS_OR_EQUAL,
        Operator.GREATER,
        Operator.GREATER_OR_EQUAL,
        Operator.IN,
        Operator.NOT_IN,
        Operator.AND,
        Operator.OR,
    }
)


def binary_type(operator: Operator, left: Type, right: Type) -> Type | None:
    """What any operator but `and` and `or` makes of these; none where it takes no values of these types."""
    if operator in _EQUALITY:
        return BOOL
    if operator in (Operator.IN, Operator.NOT_IN):
        return BOOL if any(_may_hold(container, left) for container in members(right)) else None
    if isinstance(left, PlainType | LiteralType) and isinstance(right, PlainType | LiteralType):
        return _known(operator, left.kind, right.kind)
    made = [_simple(operator, one, other) for one, other in product(members(left), members(right))]
    sound = [each for each in made if each is not None]
    if not sound:
        return None
    return BOOL if operator in _ALWAYS_BOOL else union(sound)


def negative_type(operand: Type) -> Type | None:
    """`-operand`."""
    if isinstance(operand, AnyType):
        return ANY
    sound = [
        PlainType(member.kind)
        for member in members(operand)
        if isinstance(member, PlainType | LiteralType) and member.kind in _NEGATIVE
    ]
    return union(sound) if sound else None


def format_fault(type: Type, form: str) -> str:
    """Why no value of the type can be shown in this form; empty where one can."""
    if isinstance(type, PlainType | LiteralType) and type.kind in _SAMPLES:
        return _shown(type.kind, form)
    fault = ""
    for member in members(type):
        if not isinstance(member, PlainType | LiteralType) or member.kind not in _SAMPLES:
            if isinstance(member, AnyType | EnumType):
                return ""
            fault = fault or "it is no text, number or date"
            continue
        own = _shown(member.kind, form)
        if not own:
            return ""
        fault = fault or own
    return fault


@lru_cache(maxsize=1000)
def _shown(kind: Kind, form: str) -> str:
    """Why a value of the kind cannot be shown so."""
    try:
        format(_SAMPLES[kind], form)
    except (TypeError, ValueError) as error:
        return str(error)
    return ""


_NEGATIVE = frozenset({Kind.INT, Kind.FLOAT, Kind.DECIMAL, Kind.DURATION})

_SAMPLES: dict[Kind, object] = {
    Kind.STR: "a",
    Kind.INT: 1,
    Kind.FLOAT: 1.5,
    Kind.BOOL: True,
    Kind.DECIMAL: Decimal("1.5"),
    Kind.DATE: date(2000, 1, 2),
    Kind.DATETIME: datetime(2000, 1, 2, 3, 4),  # noqa: DTZ001 (compared with its like alone)
    Kind.DURATION: timedelta(days=1),
}
"""A value of each kind that the operators take: what they do with it, they do with all of its kind."""

_RESULTS: tuple[tuple[Callable[[object], bool], Type], ...] = (
    (lambda value: isinstance(value, bool), BOOL),
    (lambda value: isinstance(value, int), INT),
    (lambda value: isinstance(value, float), FLOAT),
    (lambda value: isinstance(value, Decimal), DECIMAL),
    (lambda value: isinstance(value, datetime), DATETIME),
    (lambda value: isinstance(value, date), DATE),
    (lambda value: isinstance(value, timedelta), DURATION),
    (lambda value: isinstance(value, str), STR),
)


def _simple(operator: Operator, left: Type, right: Type) -> Type | None:
    if isinstance(left, AnyType | EnumType) or isinstance(right, AnyType | EnumType):
        return ANY
    if not isinstance(left, PlainType | LiteralType) or not isinstance(right, PlainType | LiteralType):
        return None
    return _known(operator, left.kind, right.kind)


def _known(operator: Operator, left: Kind, right: Kind) -> Type | None:
    key = (operator, left, right)
    if key not in _ANSWERS:
        _ANSWERS[key] = _tried(operator, left, right)
    return _ANSWERS[key]


_ANSWERS: dict[tuple[Operator, Kind, Kind], Type | None] = {}


def _tried(operator: Operator, left: Kind, right: Kind) -> Type | None:
    if left not in _SAMPLES or right not in _SAMPLES:
        return None
    try:
        result = binary(operator, _SAMPLES[left], _SAMPLES[right])
    except OperandError:
        return None
    return next((found for is_one, found in _RESULTS if is_one(result)), ANY)


def _may_hold(container: Type, item: Type) -> bool:
    """Whether `item in container` has an answer."""
    match container:
        case AnyType() | EnumType() | ListType() | TupleType() | DictType() | RecordType():
            return True
        case PlainType(Kind.STR) | LiteralType(kind=Kind.STR):
            return any(
                isinstance(one, AnyType | EnumType)
                or (isinstance(one, PlainType | LiteralType) and one.kind is Kind.STR)
                for one in members(item)
            )
    return False
