"""Expressions as values: constants worked out at build time, and what can be told of any."""

from __future__ import annotations

from collections.abc import Iterator

from ppacer import spec
from ppacer.records import fields, is_record


def embedded(value: object, at: spec.At) -> spec.Expr:
    """A value that was worked out, as an expression."""
    if isinstance(value, list):
        return spec.ListOf(tuple(embedded(item, at) for item in value), at)
    if isinstance(value, dict):
        items = ((spec.Literal(key, at), embedded(item, at)) for key, item in value.items())
        return spec.DictOf(tuple(items), at)
    # What the evaluator makes of constants is constants, lists and dicts.
    return spec.Literal(value, at)  # type: ignore[arg-type]


def depth_of(expr: spec.Expr) -> int:
    """The levels of an expression."""
    deepest = 0
    waiting: list[tuple[object, int]] = [(expr, 0)]
    while waiting:
        value, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += ((part, depth + 1) for part in _parts(value))
    return deepest


def is_constant(expr: spec.Expr) -> bool:
    """Whether nothing of it has to wait for a run."""
    match expr:
        case spec.Literal():
            return True
        case spec.ListOf(items):
            return all(is_constant(item) for item in items)
        case spec.DictOf(pairs):
            return all(is_constant(key) and is_constant(value) for key, value in pairs)
    return False


def without_places(value: object) -> object:
    """What is equal for expressions that differ in nothing but their places in the source."""
    if isinstance(value, spec.At):
        return None
    if isinstance(value, tuple):
        return tuple(without_places(item) for item in value)
    if is_record(value):
        return (type(value).__name__, *(without_places(getattr(value, field.name)) for field in fields(value)))
    return (type(value), value)


def _parts(value: object) -> Iterator[object]:
    match value:
        case spec.ListOf(items) | spec.Concat(items):
            yield from items
        case spec.DictOf(pairs):
            for pair in pairs:
                yield from pair
        case spec.Attribute(of):
            yield of
        case spec.Item(of, key):
            yield of
            yield key
        case spec.Unary(operand=operand):
            yield operand
        case spec.Binary(left=left, right=right):
            yield left
            yield right
        case spec.FormatString(parts):
            for part in parts:
                if isinstance(part, spec.FormatField):
                    yield part.value
        case spec.Env(default=default) if default is not None:
            yield default
        case _:
            pass
