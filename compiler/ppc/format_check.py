"""Whether a formatted file still says the same: the same tree, comments and faults, wherever they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter

from ppacer.records import fields, is_record
from ppc import ast
from ppc.diagnostics import Diagnostic
from ppc.parse_reading import Comment

_readers: dict[type, Callable[[object], object] | None] = {}


def difference(
    before: tuple[ast.Module, Sequence[Diagnostic], Sequence[Comment]],
    after: tuple[ast.Module, Sequence[Diagnostic], Sequence[Comment]],
) -> str:
    """What two readings of a file differ in, apart from places; empty where in nothing."""
    if [comment.text for comment in before[2]] != [comment.text for comment in after[2]]:
        return "comments"
    if [(fault.code, fault.message) for fault in before[1]] != [(fault.code, fault.message) for fault in after[1]]:
        return "faults"
    return "" if same_tree(before[0], after[0]) else "meaning"


def same_tree(left: object, right: object) -> bool:
    """Whether two trees are equal apart from their spans."""
    todo: list[tuple[object, object]] = [(left, right)]
    while todo:
        one, other = todo.pop()
        if type(one) is not type(other):
            return False
        if isinstance(one, tuple) and isinstance(other, tuple):
            if len(one) != len(other):
                return False
            todo.extend(zip(one, other, strict=True))
        elif (parts := _parts(one)) is not None:
            todo.append((parts(one), parts(other)))
        elif one != other:
            return False
    return True


def _parts(node: object) -> Callable[[object], object] | None:
    """What reads the parts of nodes of its class, without the span; none where it is no node."""
    kind = type(node)
    if kind not in _readers:
        names = [field.name for field in fields(node) if field.name != "span"] if is_record(node) else None
        _readers[kind] = None if names is None else attrgetter(*names) if names else _nothing
    return _readers[kind]


def _nothing(_: object) -> object:
    return ()
