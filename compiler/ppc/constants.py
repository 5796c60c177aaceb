"""Constant expressions: values known at build time, in the spec's form."""

from __future__ import annotations

from ppacer import spec


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
    """The levels of a value that was worked out."""
    match expr:
        case spec.ListOf(items):
            return 1 + max(map(depth_of, items), default=0)
        case spec.DictOf(pairs):
            return 1 + max((depth_of(value) for _, value in pairs), default=0)
    return 0


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
