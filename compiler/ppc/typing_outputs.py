"""Outputs as others see them: what a callable returns, once it has been stored and read again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ppacer.records import replace
from ppc.annotations import Annotations
from ppc.callables import FoundCallable
from ppc.typing_fits import enum_values
from ppc.typing_model import (
    NONE,
    DictType,
    EnumType,
    Field,
    ListType,
    PlainType,
    RecordType,
    TupleType,
    Type,
    UnionType,
    union,
)

INSTEAD = {
    "bytes": "return a text, or the path of a file that holds the bytes",
    "time": "return a datetime or a duration",
    "set": "return a list: `list(…)`",
    "frozenset": "return a list: `list(…)`",
    "deque": "return a list: `list(…)`",
    "Iterator": "return a list: `list(…)`",
    "Generator": "return a list: `list(…)`",
}
"""What outputs cannot hold, and what to do instead."""


class Outputs:
    """The outputs of callables. Answers are kept, so that one type is one value."""

    def __init__(self, annotations: Annotations) -> None:
        self._annotations = annotations
        self._types: dict[tuple[str, int], Type] = {}
        self._records: dict[int, tuple[RecordType, RecordType]] = {}

    def returned(self, callee: FoundCallable) -> Type:
        """What the callable itself returns."""
        return self._annotations.returned(callee)

    def type_of(self, callee: FoundCallable) -> Type:
        """What other tasks get of that: members of enumerations are their values, tuples lists, dataclasses dicts."""
        key = (callee.spec.id, id(callee.returns))
        known = self._types.get(key)
        if known is None:
            known = self._types[key] = self._passed_on(self.returned(callee))
        return known

    def unstorable(self, callee: FoundCallable) -> str | None:
        """The word of `INSTEAD` for what none of its values can be stored with."""
        return _unstorable(self.returned(callee))

    def _passed_on(self, type: Type) -> Type:
        match type:
            case EnumType():
                return enum_values(type)
            case ListType(item, name):
                inner = self._passed_on(item)
                return type if inner is item and name == "list" else ListType(inner)
            case TupleType(items):
                return replace(type, items=tuple(self._passed_on(item) for item in items))
            case DictType(key, value):
                return DictType(self._passed_on(key), self._passed_on(value))
            case UnionType(of):
                return union(self._passed_on(member) for member in of)
            case RecordType():
                return self._record(type)
        return type

    def _record(self, type: RecordType) -> RecordType:
        """Once for each record: it may hold itself."""
        if id(type) not in self._records:

            @cache
            def fields() -> Mapping[str, Field]:
                return {name: replace(each, type=self._passed_on(each.type)) for name, each in type.fields.items()}

            self._records[id(type)] = (type, RecordType(type.name, fields, open=type.open))
        return self._records[id(type)][1]


def _unstorable(type: Type) -> str | None:
    """The word of `INSTEAD` for what no value of the type can be stored with."""
    match type:
        case PlainType(kind) if kind.value in INSTEAD:
            return kind.value
        case ListType(item, name):
            return name if name in INSTEAD else _unstorable(item)
        case TupleType(items):
            return next(filter(None, map(_unstorable, items)), None)
        case DictType(_, value):
            return _unstorable(value)
        case UnionType(of):
            found = [_unstorable(member) for member in of if member != NONE]
            return found[0] if found and None not in found else None
    return None
