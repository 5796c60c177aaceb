"""The types that values have between tasks, and those that Python's annotations ask for.

One small model serves both sides: what an expression of a dag is (`infer`), and what a parameter takes
(`annotations`). Values are JSON with dates, durations, decimals and paths, so that a tuple is a list and a dataclass an
object by the time that another task reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from ppacer.core.operators import text as shown
from ppacer.records import dataclass


class Kind(StrEnum):
    """The plain types, by the words that people read."""

    STR = "str"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    DURATION = "duration"
    DECIMAL = "decimal"
    PATH = "path"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class AnyType:
    """What nobody knows, or takes everything."""


@dataclass(frozen=True, slots=True)
class NoneType:
    """`none`."""


@dataclass(frozen=True, slots=True)
class PlainType:
    kind: Kind


@dataclass(frozen=True, slots=True)
class LiteralType:
    """One value of a plain type. `kind` tells `true` from `1`, which Python takes for equal."""

    value: str | int | float | date | timedelta
    kind: Kind


@dataclass(frozen=True, slots=True)
class EnumType:
    """A Python enumeration: the names of its members and their values, none where only running the code would tell."""

    name: str
    members: tuple[tuple[str, LiteralType | None], ...]


@dataclass(frozen=True, slots=True)
class ListType:
    """Any number of elements of one type. `name` is the annotation's own: `list`, `set`, `Sequence`, `Iterable` …"""

    item: Type
    name: str = "list"


@dataclass(frozen=True, slots=True)
class TupleType:
    """So many elements, each of its own type: a list written out, a `tuple[int, str]`, or a named tuple.

    `names` are those of a named tuple's fields, which its value has lost: it is a list when it is passed on.
    """

    items: tuple[Type, ...]
    name: str = "list"
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DictType:
    key: Type
    value: Type


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record. `required` to make one; `given` is false for what its constructor does not take."""

    type: Type
    required: bool = True
    given: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class RecordType:
    """An object whose fields are known: a dataclass, a TypedDict, or a dict written out.

    `read` gives the fields; it is asked only when they are, since a record may hold itself. `strict` ones take no other
    fields; `open` ones may have fields that nobody knows; `written` ones stand as a dict in the source.
    """

    name: str
    read: Callable[[], Mapping[str, Field]]
    strict: bool = False
    open: bool = False
    written: bool = False

    @property
    def fields(self) -> Mapping[str, Field]:
        return self.read()


@dataclass(frozen=True, slots=True)
class UnionType:
    """One of several types, none of which is a union or `AnyType`."""

    members: tuple[Type, ...]


Type: TypeAlias = (
    AnyType | NoneType | PlainType | LiteralType | EnumType | ListType | TupleType | DictType | RecordType | UnionType
)

ANY = AnyType()
NONE = NoneType()
STR = PlainType(Kind.STR)
INT = PlainType(Kind.INT)
FLOAT = PlainType(Kind.FLOAT)
BOOL = PlainType(Kind.BOOL)
DATE = PlainType(Kind.DATE)
DATETIME = PlainType(Kind.DATETIME)
DURATION = PlainType(Kind.DURATION)
DECIMAL = PlainType(Kind.DECIMAL)

_MOST_MEMBERS = 32
"""A union of more is not followed up."""
_MOST_SHOWN = 5


def union(members: Iterable[Type]) -> Type:
    """One of the members: flat, each once, and `ANY` where one of them is."""
    found: dict[Type, None] = {}
    for member in members:
        if isinstance(member, AnyType):
            return ANY
        if isinstance(member, UnionType):
            found.update(dict.fromkeys(member.members))
        else:
            found[member] = None
        if len(found) > _MOST_MEMBERS:
            return ANY
    return next(iter(found)) if len(found) == 1 else UnionType(tuple(found)) if found else ANY


def optional(type: Type) -> Type:
    """`T?`."""
    return union((type, NONE))


def without_none(type: Type) -> Type:
    """What is left of `T?`."""
    if isinstance(type, UnionType) and NONE in type.members:
        return union(member for member in type.members if member != NONE)
    return type


def may_be_none(type: Type) -> bool:
    return type == NONE or (isinstance(type, UnionType) and NONE in type.members)


def members(type: Type) -> tuple[Type, ...]:
    return type.members if isinstance(type, UnionType) else (type,)


def literal(value: object) -> Type:
    """The type of a constant."""
    if value is None:
        return NONE
    for python, kind in _KINDS:
        if isinstance(value, python):
            # The table has only types that a literal's value may be of.
            return LiteralType(value, kind)  # type: ignore[arg-type]
    return ANY


def plain(type: Type) -> Type:
    """The type that a literal is of; any other type as it is."""
    return PlainType(type.kind) if isinstance(type, LiteralType) else type


def record(name: str, fields: Mapping[str, Field], *, written: bool = False) -> RecordType:
    """A record whose fields are known already."""
    return RecordType(name, lambda: fields, written=written)


def words(type: Type) -> str:
    """The type as people read it: `str`, `list[int]`, `"EUR" or "USD"`, `date?`."""
    match type:
        case AnyType():
            return "any value"
        case NoneType():
            return "none"
        case PlainType(kind):
            return kind.value
        case LiteralType(value, kind):
            return f'"{value}"' if kind is Kind.STR else shown(value)
        case EnumType(name):
            return name
        case ListType(item, name):
            return name if isinstance(item, AnyType) else f"{name}[{words(item)}]"
        case TupleType(items, name):
            if name != "list":
                return name if name != "tuple" else f"tuple[{', '.join(words(item) for item in items)}]"
            return words(ListType(union(plain(item) for item in items)))
        case DictType(key, value):
            bare = isinstance(key, AnyType) and isinstance(value, AnyType)
            return "dict" if bare else f"dict[{words(key)}, {words(value)}]"
        case RecordType(name=name):
            return name
        case UnionType(of):
            return _union_words(of)


def _union_words(of: tuple[Type, ...]) -> str:
    rest = [member for member in of if member != NONE]
    if len(rest) < len(of) and len(rest) == 1:
        return f"{words(rest[0])}?"
    shown_ones = [words(member) for member in rest[:_MOST_SHOWN]]
    if len(rest) > _MOST_SHOWN:
        shown_ones.append("…")
    if len(rest) < len(of):
        shown_ones.append("none")
    return f"{', '.join(shown_ones[:-1])} or {shown_ones[-1]}"


_KINDS: tuple[tuple[type, Kind], ...] = (
    (bool, Kind.BOOL),
    (int, Kind.INT),
    (float, Kind.FLOAT),
    (str, Kind.STR),
    (datetime, Kind.DATETIME),
    (date, Kind.DATE),
    (timedelta, Kind.DURATION),
)
"""Subclasses before their bases."""
