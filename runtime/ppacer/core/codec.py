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
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from numbers import Integral, Rational, Real
from operator import attrgetter
from pathlib import Path, PurePath
from typing import NamedTuple, TypeAlias, TypeVar

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
    try:
        return _ENCODER.encode(_tree(value, 0))
    except _NoFormError as fault:
        raise CodecError(fault.message, "".join(reversed(fault.steps))) from None
    except RecursionError:
        raise CodecError("the value is nested too deeply") from None
    except ValueError as fault:
        if isinstance(fault, CodecError):
            raise
        raise CodecError(str(fault)) from None  # an int of more digits than Python will print


def decode(text: str) -> object:
    """The value of a JSON text made by `encode`. Raises `CodecError`."""
    try:
        value: object = _DECODER.decode(text)
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


class _NoFormError(Exception):
    """A value that JSON has no form for; `steps` lead to it, the innermost first, and are added on the way out."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.steps: list[str] = []


def _tree(value: object, depth: int) -> _Json:
    """What `json` writes for a value `depth` levels down."""
    if value is None or type(value) is str or type(value) is int or type(value) is bool:
        return value
    if type(value) is float:
        return _float(value)
    if type(value) is list or type(value) is tuple:
        return _list(value, depth)
    if type(value) is dict:
        return _dict(value, depth)
    if type(value) is spec.At:
        return _at(value)
    shape = _SPEC_SHAPES.get(type(value))
    return _other(value, depth) if shape is None else _spec_tree(value, shape, depth)


def _float(value: float) -> float:
    if not math.isfinite(value):
        raise _NoFormError(f"{value} is no JSON number")
    return value


def _list(items: Sequence[object], depth: int) -> list[_Json]:
    if items and depth >= MAX_DEPTH:
        raise _too_deep()
    tree: list[_Json] = []
    for item in items:
        try:
            tree.append(_tree(item, depth + 1))
        except _NoFormError as fault:
            fault.steps.append(f"[{len(tree)}]")
            raise
    return tree


def _dict(items: Mapping[object, object], depth: int) -> _Json:
    if items and depth >= MAX_DEPTH:
        raise _too_deep()
    pairs: list[_Json] = []
    tree: dict[str, _Json] = {}
    for key, item in items.items():
        if not isinstance(key, _KEYS):
            raise _NoFormError(f"a key of a dict is of type {type(key).__name__}")
        try:
            value = _tree(item, depth + 1)
            pairs.append([_tree(key, depth + 1), value])
        except _NoFormError as fault:
            fault.steps.append(f"[{key!r}]")
            raise
        tree[str(key)] = value
    plain = TAG not in items and all(type(key) is str for key in items)
    return tree if plain else {TAG: "dict", "v": pairs}


def _spec_tree(value: object, shape: _Shape, depth: int) -> dict[str, _Json]:
    tree: dict[str, _Json] = {TAG: type(value).__name__}
    if depth >= MAX_DEPTH:
        raise _too_deep()
    for name, default, item in zip(shape.names, shape.defaults, shape.values(value), strict=True):
        # What is not none does not equal none, which most defaults are, and asking a record takes long.
        if item is default or (default is not None and default is not _MISSING and item == default):
            continue
        try:
            tree[name] = _tree(item, depth + 1)
        except _NoFormError as fault:
            fault.steps.append("." + name)
            raise
    return tree


def _at(value: spec.At) -> dict[str, _Json]:
    """`_spec_tree` for what most objects of a program are."""
    tree: dict[str, _Json] = {TAG: "At", "column": value.column}
    if value.file:
        tree["file"] = value.file
    tree["line"] = value.line
    return tree


def _other(value: object, depth: int) -> _Json:
    match value:
        case Enum():
            plain = _tree(value.value, depth)
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
                raise _NoFormError(f"{value} is no number")
            return {TAG: "decimal", "v": str(value)}
        case PurePath():
            return {TAG: "path", "v": str(value)}
        case str():
            return str.__str__(value)
        case Integral():
            return int(value)
        case Real() if not isinstance(value, Rational):
            return _float(float(value))
        case list() | tuple():
            return _list(value, depth)
        case dict():
            return _dict(value, depth)
        case _ if hasattr(type(value), "__dataclass_fields__"):
            return _dict(_fields_of(value), depth)
        case _:
            raise _NoFormError(f"a value of type {type(value).__name__} has no JSON form")


def _too_deep() -> CodecError:
    return CodecError(f"the value is nested deeper than {MAX_DEPTH} levels")


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
    unknown = fields.keys() - set(_SPEC_SHAPES[kind].names)
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


def _fields_of(value: object) -> dict[object, object]:
    """The fields of an instance of a dataclass."""
    import dataclasses  # noqa: PLC0415 - only users' values have dataclasses

    assert dataclasses.is_dataclass(value)
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _refuse_constant(text: str) -> object:
    raise CodecError(f"{text} is no JSON number")


# Made once: each takes longer to make than most values to write or read.
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(object_hook=_revive, parse_constant=_refuse_constant)

# --- the spec's own classes ------------------------------------------------------------------------------------------

_MISSING = object()


class _Shape(NamedTuple):
    """The fields of a class, sorted by name: what they are called, their defaults, and what reads them all at once."""

    names: tuple[str, ...]
    defaults: tuple[object, ...]
    values: Callable[[object], tuple[object, ...]]


def _shape(kind: type) -> _Shape:
    """No field of the spec has a default factory, and no class fewer than two fields."""
    found = sorted(fields(kind), key=lambda field: field.name)
    names = tuple(field.name for field in found)
    defaults = tuple(_MISSING if field.default is MISSING else field.default for field in found)
    return _Shape(names, defaults, attrgetter(*names))


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
_SPEC_SHAPES: Mapping[type, _Shape] = {kind: _shape(kind) for kind in _SPEC_CLASSES.values()}
