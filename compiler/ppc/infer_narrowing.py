"""What a condition tells of the values that it tests: where `x != none` holds, `x` is not none."""

from __future__ import annotations

from ppacer import spec
from ppacer.records import dataclass
from ppacer.spec import BinaryOperator as Operator


@dataclass(frozen=True, slots=True)
class Reading:
    """An expression that reads a value, wherever it stands."""

    kind: type
    name: object
    of: Reading | None = None


def reading(expr: spec.Expr) -> Reading | None:
    match expr:
        case spec.Output(name) | spec.OutputAt(name) | spec.ParamValue(name) | spec.LoopVariable(name):
            return Reading(type(expr), name)
        case spec.RunValue(field) | spec.TaskValue(field):
            return Reading(type(expr), field)
        case spec.Attribute(of, name):
            found = reading(of)
            return None if found is None else Reading(spec.Attribute, name, found)
        case spec.Item(of, spec.Literal(value)):
            found = reading(of)
            return None if found is None else Reading(spec.Item, value, found)
    return None


def not_none(condition: spec.Expr, *, holds: bool) -> frozenset[Reading]:
    """What cannot be none where the condition holds, or where it does not."""
    match condition:
        case spec.Unary(spec.UnaryOperator.NOT, operand):
            return not_none(operand, holds=not holds)
        case spec.Binary(Operator.AND | Operator.OR as operator, left, right):
            # Of `a and b` both hold where it does; of `a or b` neither where it does not.
            if (operator is Operator.AND) is holds:
                return not_none(left, holds=holds) | not_none(right, holds=holds)
        case spec.Binary(Operator.EQUAL | Operator.NOT_EQUAL as operator, left, right):
            for side, other in ((left, right), (right, left)):
                found = reading(side)
                if found is not None and isinstance(other, spec.Literal):
                    differs = (operator is Operator.NOT_EQUAL) is holds
                    if (other.value is None) is differs:
                        return frozenset({found})
    return frozenset()
