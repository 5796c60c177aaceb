"""One tagged JSON for spec, wire and database.

A value is none, bool, int, float, str, a list, a dict, a date, datetime, duration, decimal or path, or an object of
`ppacer.spec`. What JSON lacks becomes an object with the key `$`:

| value | JSON |
|---|---|
| date, datetime | `{"$":"date","v":"2026-01-01"}`, `{"$":"datetime","v":"2026-01-01T02:00:00+01:00"}` (ISO 8601) |
| timedelta | `{"$":"duration","v":5400000000}` (microseconds) |
| Decimal, path | `{"$":"decimal","v":"1.10"}`, `{"$":"path","v":"a/b"}` |
| a dict with a key `$` or with keys that are no text | `{"$":"dict","v":[[key,value],…]}` |
| an object of the spec | `{"$":"Task","id":"load",…}`, keys sorted, fields at their default left out |
| an enum of the spec | `{"$":"Trigger","v":"all_done"}` |

`decode(encode(v)) == v` for all of these; an aware datetime keeps its offset, not the name of its zone, and inside an
object of the spec an array is a tuple. Other things are flattened on the way in: tuples to lists, dataclasses to dicts,
enums to their value, numbers of other libraries to int and float; who takes them rebuilds them by annotation.

The text is compact, pure ASCII (any database holds it, lone surrogates included) and the same for equal values, a
dict's order counting. NaN and infinities are refused: they are no JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from numbers import Integral, Rational, Real
from pathlib import Path, PurePath
from typing import TypeAlias, TypeVar

from ppacer import spec
from ppacer.core.instants import duration, microseconds
from ppacer.records import MISSING, fields, is_record

MAX_DEPTH = 300
"""How deep lists, dicts and objects may nest in a value."""

TAG = "$"
"""The key that marks what JSON lacks."""

_T = TypeVar("_T")
_TAGS = frozenset({"date", "datetime", "duration", "decimal", "path", "dict"})
_KEYS = (type(None), bool, int, float, str, date, timedelta, Decimal)

_Json: TypeAlias = "bool | int | float | str | list[_Json] | dict[str, _Json] | None"


class CodecError(ValueError):
    """A value that cannot be encoded or a text that cannot be decoded.

    `path` is the place within the value, written as Python would: `["rows"][3]`; empty for the value itself.
    """

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(f"at {path}: {message}" if path else message)
        self.path = path


def encode(value: object) -> str:
    """The canonical JSON of a value. Raises `CodecError` naming the place and the type of what has none."""
    encoder = _Encoder()
    try:
        tree = encoder.tree(value)
        return json.dumps(tree, separators=(",", ":"), allow_nan=False)
    except RecursionError:
        raise CodecError("the value is nested too deeply") from None
    except ValueError as fault:
        if isinstance(fault, CodecError):
            raise
        raise CodecError(str(fault)) from None  # an int of more digits than Python will print


def decode(text: str) -> object:
    """The value of a JSON text made by `encode`. Raises `CodecError`."""
    try:
        value: object = json.loads(text, object_hook=_revive, parse_constant=_refuse_constant)
    except RecursionError:
        raise CodecError("the value is nested too deeply") from None
    except json.JSONDecodeError as fault:
        raise CodecError(f"not JSON: {fault}") from None
    except ValueError as fault:
        if isinstance(fault, CodecError):
            raise
        raise CodecError(str(fault)) from None
    return value


def decode_as(kind: type[_T], text: str) -> _T:
    """`decode`, for a text that must hold a value of this type: `decode_as(spec.Program, row.spec)`."""
    value = decode(text)
    if not isinstance(value, kind):
        raise CodecError(f"expected {kind.__name__}, found {type(value).__name__}")
    return value


# --- encoding --------------------------------------------------------------------------------------------------------


class _Encoder:
    """Turns a value into what `json` writes, remembering where in the value it is."""

    def __init__(self) -> None:
        self._path: list[str] = []

    def tree(self, value: object) -> _Json:
        if value is None or type(value) is str or type(value) is int or type(value) is bool:
            return value
        if type(value) is float:
            return self._float(value)
        if type(value) is list or type(value) is tuple:
            return self._list(value)
        if type(value) is dict:
            return self._dict(value)
        if type(value) in _SPEC_FIELDS:
            return self._spec_object(value)
        return self._other(value)

    def _float(self, value: float) -> float:
        if not math.isfinite(value):
            raise self._error(f"{value} is no JSON number")
        return value

    def _list(self, items: Sequence[object]) -> list[_Json]:
        tree: list[_Json] = []
        for index, item in enumerate(items):
            self._enter(f"[{index}]")
            tree.append(self.tree(item))
            self._path.pop()
        return tree

    def _dict(self, items: dict[object, object]) -> _Json:
        pairs: list[_Json] = []
        tree: dict[str, _Json] = {}
        for key, item in items.items():
            if not isinstance(key, _KEYS):
                raise self._error(f"a key of a dict is of type {type(key).__name__}")
            self._enter(f"[{key!r}]")
            value = self.tree(item)
            pairs.append([self.tree(key), value])
            self._path.pop()
            tree[str(key)] = value
        plain = TAG not in items and all(type(key) is str for key in items)
        return tree if plain else {TAG: "dict", "v": pairs}

    def _spec_object(self, value: object) -> dict[str, _Json]:
        kind = type(value)
        tree: dict[str, _Json] = {TAG: kind.__name__}
        for name, default in _SPEC_FIELDS[kind]:
            item = getattr(value, name)
            if item is default or item == default:
                continue
            self._enter("." + name)
            tree[name] = self.tree(item)
            self._path.pop()
        return tree

    def _other(self, value: object) -> _Json:
        match value:
            case Enum():
                plain = self.tree(value.value)
                name = type(value).__name__
                return {TAG: name, "v": plain} if _SPEC_ENUMS.get(name) is type(value) else plain
            case datetime():
                return {TAG: "datetime", "v": datetime.isoformat(value)}
            case date():
                return {TAG: "date", "v": date.isoformat(value)}
            case timedelta():
                return {TAG: "duration", "v": microseconds(value)}
            case Decimal():
                if not value.is_finite():
                    raise self._error(f"{value} is no number")
                return {TAG: "decimal", "v": str(value)}
            case PurePath():
                return {TAG: "path", "v": str(value)}
            case str():
                return str.__str__(value)
            case Integral():
                return int(value)
            case Real() if not isinstance(value, Rational):
                return self._float(float(value))
            case list() | tuple():
                return self._list(value)
            case dict():
                return self._dict(value)
            case _ if hasattr(type(value), "__dataclass_fields__"):
                return self._dict(_fields_of(value))
            case _:
                raise self._error(f"a value of type {type(value).__name__} has no JSON form")

    def _enter(self, step: str) -> None:
        if len(self._path) >= MAX_DEPTH:
            raise CodecError(f"the value is nested deeper than {MAX_DEPTH} levels")
        self._path.append(step)

    def _error(self, message: str) -> CodecError:
        return CodecError(message, "".join(self._path))


# --- decoding --------------------------------------------------------------------------------------------------------


def _revive(tree: dict[str, object]) -> object:
    """What a JSON object stands for, its members being values already."""
    tag = tree.get(TAG)
    if tag is None and TAG not in tree:
        return tree
    if not isinstance(tag, str):
        raise CodecError(f"an object's tag is of type {type(tag).__name__}")
    if (kind := _SPEC_CLASSES.get(tag)) is not None:
        return _spec_object(kind, tree)
    if tree.keys() != {TAG, "v"}:
        raise CodecError(f'an object tagged "{tag}" must have the keys "{TAG}" and "v"')
    value = tree["v"]
    try:
        match tag, value:
            case "date", str():
                return date.fromisoformat(value)
            case "datetime", str():
                return datetime.fromisoformat(value)
            case "duration", int():
                return duration(value)
            case "decimal", str():
                return Decimal(value)
            case "path", str():
                return Path(value)
            case "dict", list():
                return dict(_pair(pair) for pair in value)
            case _ if tag in _SPEC_ENUMS:
                return _SPEC_ENUMS[tag](value)
    except (ValueError, TypeError, OverflowError, InvalidOperation) as fault:
        raise CodecError(f"not a {tag}: {fault}") from None
    raise CodecError(f'unknown tag "{tag}"' if tag not in _TAGS else f"not a {tag}: {type(value).__name__}")


def _spec_object(kind: type, tree: dict[str, object]) -> object:
    fields = {name: _tuples(value) for name, value in tree.items() if name != TAG}
    unknown = fields.keys() - {name for name, _ in _SPEC_FIELDS[kind]}
    if unknown:
        raise CodecError(f'{kind.__name__} has no field "{min(unknown)}"; the text may come from a newer version')
    try:
        made: object = kind(**fields)
    except TypeError as fault:
        raise CodecError(f"not a {kind.__name__}: {fault}") from None
    return made


def _tuples(value: object) -> object:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _pair(pair: object) -> tuple[object, object]:
    if not isinstance(pair, list) or len(pair) != 2:
        raise TypeError("its members must be pairs")
    return pair[0], pair[1]


def _fields_of(value: object) -> dict[str, object]:
    """The fields of an instance of a dataclass."""
    import dataclasses  # noqa: PLC0415 - only users' values have dataclasses

    assert dataclasses.is_dataclass(value)
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _refuse_constant(text: str) -> object:
    raise CodecError(f"{text} is no JSON number")


# --- the spec's own classes ------------------------------------------------------------------------------------------

_MISSING = object()


def _fields(kind: type) -> tuple[tuple[str, object], ...]:
    """Name and default of each field, sorted by name; no field of the spec has a default factory."""
    found = sorted(fields(kind), key=lambda field: field.name)
    return tuple((field.name, _MISSING if field.default is MISSING else field.default) for field in found)


_SPEC_CLASSES: Mapping[str, type] = {
    name: kind
    for name, kind in vars(spec).items()
    if isinstance(kind, type) and is_record(kind) and kind.__module__ == spec.__name__
}
_SPEC_ENUMS: Mapping[str, type[Enum]] = {
    name: kind
    for name, kind in vars(spec).items()
    if isinstance(kind, type) and issubclass(kind, Enum) and kind.__module__ == spec.__name__
}
_SPEC_FIELDS: Mapping[type, tuple[tuple[str, object], ...]] = {kind: _fields(kind) for kind in _SPEC_CLASSES.values()}
