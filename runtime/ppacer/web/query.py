"""Query strings as typed values: read by the same declarations that the API's description is made from.

The type of a query is a frozen dataclass whose fields have defaults: whole numbers and numbers with their bounds
(`Annotated[int, Between(1, 500)]`), `bool`, days, texts, optional ones of these, and tuples of words for what may be
given more than once. A field whose name would be a word of Python has an underscore behind it: `from_`.
"""

from __future__ import annotations

import difflib
import keyword
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from dataclasses import fields as dataclass_fields
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, TypeAlias, TypeVar

_Query = TypeVar("_Query")
_Texts: TypeAlias = Sequence[str]
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FIRST_DAY, _LAST_DAY = date(1970, 1, 2), date(9998, 12, 31)
_WHOLE = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Between:
    """The least and the greatest value of a number."""

    least: float
    most: float


class QueryError(ValueError):
    """A part of a query string that is not as it should be; `field` is its name."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class NoQuery:
    """Nothing may be asked in the query string."""


def read_query(kind: type[_Query], given: Mapping[str, _Texts]) -> _Query:
    """The query as its type has it. Raises `QueryError`."""
    readers = _readers_of(kind)
    values = {}
    for name, texts in given.items():
        reader = readers.get(name)
        if reader is None:
            raise QueryError(_unknown(name, list(readers)), name)
        values[name] = reader(name, texts)
    return kind(**{f"{name}_" if keyword.iskeyword(name) else name: value for name, value in values.items()})


def describe_query(kind: type) -> list[dict[str, object]]:
    """The parameters of a query as OpenAPI has them, each with its schema."""
    hints = typing.get_type_hints(kind, include_extras=True)
    described = []
    for field in dataclass_fields(kind):
        schema = _part(hints[field.name]).schema
        if field.default not in (MISSING, None, ()):
            schema = {**schema, "default": field.default}
        described.append({"name": _asked_name(field.name), "in": "query", "required": False, "schema": schema})
    return described


_Reader: TypeAlias = Callable[[str, _Texts], object]


@dataclass(frozen=True, slots=True)
class _Part:
    """How a parameter is read, and its JSON Schema."""

    read: _Reader
    schema: Mapping[str, object]


_READERS: dict[type, Mapping[str, _Reader]] = {}


def _readers_of(kind: type) -> Mapping[str, _Reader]:
    readers = _READERS.get(kind)
    if readers is None:
        hints = typing.get_type_hints(kind, include_extras=True)
        readers = _READERS[kind] = {
            _asked_name(field.name): _part(hints[field.name]).read for field in dataclass_fields(kind)
        }
    return readers


def _asked_name(field: str) -> str:
    return field.removesuffix("_")


def _part(annotation: Any) -> _Part:
    arguments = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if origin in (types.UnionType, typing.Union):
        return _part(next(each for each in arguments if each is not types.NoneType))
    if origin is tuple:
        words = {"type": "string", "enum": [each.value for each in arguments[0]]}
        return _Part(_words(arguments[0]), {"type": "array", "items": words})
    if origin is Annotated and isinstance(arguments[1], Between):
        bounds = arguments[1]
        if arguments[0] is int:
            least, most = int(bounds.least), int(bounds.most)
            return _Part(_whole(least, most), {"type": "integer", "minimum": least, "maximum": most})
        numbers = {"type": "number", "minimum": bounds.least, "maximum": bounds.most}
        return _Part(_number(bounds.least, bounds.most), numbers)
    if annotation is bool:
        return _Part(_truth, {"type": "boolean"})
    if annotation is date:
        return _Part(_day, {"type": "string", "format": "date"})
    if annotation is str:
        return _Part(_text, {"type": "string"})
    raise TypeError(f"{annotation} is no type of a query's field")


def _whole(least: int, most: int) -> _Reader:
    def read(name: str, texts: _Texts) -> int:
        text = _text(name, texts)
        value = int(text) if _WHOLE.fullmatch(text) else None
        if value is None or not least <= value <= most:
            raise QueryError(f"expected a whole number from {least} to {most}", name)
        return value

    return read


def _number(least: float, most: float) -> _Reader:
    def read(name: str, texts: _Texts) -> float:
        try:
            value = float(_text(name, texts))
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise QueryError(f"expected a number from {least:g} to {most:g}", name)
        return value

    return read


def _words(kind: type[StrEnum]) -> _Reader:
    def read(name: str, texts: _Texts) -> tuple[StrEnum, ...]:
        try:
            return tuple(kind(text) for text in texts)
        except ValueError:
            raise QueryError(f"expected one of {', '.join(kind)}", name) from None

    return read


def _truth(name: str, texts: _Texts) -> bool:
    text = _text(name, texts)
    if text not in ("true", "false"):
        raise QueryError("expected true or false", name)
    return text == "true"


def _day(name: str, texts: _Texts) -> date:
    text = _text(name, texts)
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not _FIRST_DAY <= day <= _LAST_DAY:
        raise QueryError("expected a day such as 2026-01-31", name)
    return day


def _text(name: str, texts: _Texts) -> str:
    if len(texts) > 1:
        raise QueryError("expected one value, not several", name)
    return texts[0]


def _unknown(name: str, known: Sequence[str]) -> str:
    similar = difflib.get_close_matches(name, known, 1)
    if similar:
        return f"there is no such parameter; did you mean `{similar[0]}`?"
    return f"there is no such parameter, only {', '.join(known)}" if known else "there are no parameters here"
