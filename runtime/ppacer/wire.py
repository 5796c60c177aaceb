"""The protocol's messages as bytes: JSON in UTF-8, checked strictly on the way in.

What comes from another machine is read field by field as the message's dataclass declares it: unknown and missing
fields, `"7"` for a number and unknown words are refused with the name of the field. A dataclass whose fields are texts,
numbers, enums of texts, other such dataclasses, tuples, dicts and options of these is a message; a field of any other
type is a fault of the program.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from ppacer.protocol import OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION, Exchange

_Message = TypeVar("_Message")

_MAX_INTEGER = 2**63 - 1
"""The databases' own limit."""


class WireError(ValueError):
    """Bytes that are no such message. The text names the field: `reports[0].token must be integer`.

    `field` is the field alone, none where it is no field's fault.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class VersionError(WireError):
    """An exchange in a version of the protocol that this program does not speak."""


def encode(message: object) -> bytes:
    """The bytes of a message of `ppacer.protocol`. Text in it must be valid Unicode (no lone surrogates)."""
    return _ENCODER.encode(message).encode()


def decode(kind: type[_Message], data: bytes) -> _Message:
    """The message in `data`. Raises `WireError`, for an exchange of another version `VersionError`."""
    tree = _parse(data)
    if kind is Exchange:
        _check_version(tree)
    try:
        message: _Message = _reader(kind)(tree)
    except _Misfit as misfit:
        raise WireError(str(misfit), misfit.path.removeprefix(".") or None) from None
    return message


def _parse(data: bytes) -> object:
    try:
        text = data.decode()
        tree: object = json.loads(text, parse_constant=_refuse_constant, parse_int=_integer)
    except UnicodeDecodeError as fault:
        raise WireError(f"not UTF-8: {fault.reason} at byte {fault.start}") from None
    except json.JSONDecodeError as fault:
        raise WireError(f"not JSON: {fault}") from None
    except RecursionError:
        raise WireError("nested too deeply") from None
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(tree, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise WireError("a text holds half of a surrogate pair") from None
    return tree


def _refuse_constant(text: str) -> object:
    raise WireError(f"{text} is no JSON number")


def _integer(text: str) -> int:
    if len(text) > 20 or not -_MAX_INTEGER <= int(text) <= _MAX_INTEGER:
        raise WireError("a number does not fit into 64 bits")
    return int(text)


def _check_version(tree: object) -> None:
    """Judges the version before the fields, which may be others in another version."""
    version = tree.get("protocol") if isinstance(tree, dict) else None
    if type(version) is int and not OLDEST_PROTOCOL_VERSION <= version <= PROTOCOL_VERSION:
        spoken = f"{OLDEST_PROTOCOL_VERSION} to {PROTOCOL_VERSION}"
        raise VersionError(f"protocol {version} is not spoken here, only {spoken}")


def _fields_of(message: object) -> dict[str, object]:
    kind = type(message)
    names = _NAMES.get(kind)
    if names is None:
        if not is_dataclass(kind):
            raise TypeError(f"{kind.__name__} is no part of a message")
        names = _NAMES[kind] = tuple(field.name for field in fields(kind))
    return {name: getattr(message, name) for name in names}


_NAMES: dict[type, tuple[str, ...]] = {}
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_fields_of)

# --- readers: what a type asks of a value of JSON --------------------------------------------------------------------


class _Misfit(Exception):
    """A value that is not as its field declares it; `path` grows outwards from the value."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message, path)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{self.path.removeprefix('.')} {self.message}".strip()

    def within(self, step: str) -> _Misfit:
        return _Misfit(self.message, step + self.path)


_Reader: TypeAlias = Callable[[object], Any]
"""The value that a value of JSON stands for. Raises `_Misfit`."""


def _reader(annotation: Any) -> _Reader:
    """Made once for each type."""
    reader = _READERS.get(annotation)
    if reader is None:
        reader = _READERS[annotation] = _make_reader(annotation)
    return reader


def _make_reader(annotation: Any) -> _Reader:
    arguments = typing.get_args(annotation)
    match typing.get_origin(annotation):
        case types.UnionType | typing.Union if len(arguments) == 2 and arguments[1] is types.NoneType:
            return _optional(_reader(arguments[0]))
        case origin if origin is tuple and arguments[1:] == (...,):
            return _array(_reader(arguments[0]))
        case origin if origin is dict and arguments[0] is str:
            return _object(_reader(arguments[1]))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return _word(annotation)
    if isinstance(annotation, type) and is_dataclass(annotation):
        return _message(annotation)
    raise TypeError(f"{annotation} is no type of a message's field")


def _text(value: object) -> str:
    if type(value) is not str:
        raise _Misfit("must be string")
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise _Misfit("must be integer")
    return value


def _number(value: object) -> float:
    if type(value) is not float and type(value) is not int:
        raise _Misfit("must be number")
    return float(value)


def _truth(value: object) -> bool:
    if type(value) is not bool:
        raise _Misfit("must be boolean")
    return value


def _anything(value: object) -> object:
    return value


def _optional(reader: _Reader) -> _Reader:
    return lambda value: None if value is None else reader(value)


def _word(kind: type[StrEnum]) -> _Reader:
    words: dict[object, StrEnum] = {each.value: each for each in kind}

    def read(value: object) -> StrEnum:
        word = words.get(_text(value))
        if word is None:
            raise _Misfit(f"must be one of {', '.join(kind)}")
        return word

    return read


def _array(reader: _Reader) -> _Reader:
    def read(value: object) -> tuple[object, ...]:
        if type(value) is not list:
            raise _Misfit("must be array")
        items: list[object] = []
        try:
            for item in value:
                items.append(reader(item))  # noqa: PERF401 - the length tells where it failed
        except _Misfit as misfit:
            raise misfit.within(f"[{len(items)}]") from None
        return tuple(items)

    return read


def _object(reader: _Reader) -> _Reader:
    def read(value: object) -> dict[str, object]:
        if type(value) is not dict:
            raise _Misfit("must be object")
        items: dict[str, object] = {}
        key = ""
        try:
            for key, item in value.items():
                items[key] = reader(item)
        except _Misfit as misfit:
            raise misfit.within(f".{key}") from None
        return items

    return read


def _message(kind: type) -> _Reader:
    hints = typing.get_type_hints(kind)
    readers = {field.name: _reader(hints[field.name]) for field in fields(kind)}
    needed = {each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING}

    def read(value: object) -> object:
        if type(value) is not dict:
            raise _Misfit("must be object")
        given: dict[str, object] = {}
        key = ""
        try:
            for key, item in value.items():
                reader = readers.get(key)
                if reader is None:
                    raise _Misfit("is no field that is known here")
                given[key] = reader(item)
        except _Misfit as misfit:
            raise misfit.within(f".{key}") from None
        for name in needed - given.keys():
            raise _Misfit("is missing", f".{name}")
        return kind(**given)

    return read


_READERS: dict[Any, _Reader] = {str: _text, int: _whole, float: _number, bool: _truth, Any: _anything}
