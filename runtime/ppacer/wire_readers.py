"""From values of JSON to the fields of messages: for each type a function that checks and converts, made once."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from operator import itemgetter
from typing import Any, TypeAlias


class Misfit(Exception):
    """A value that is not as its field declares it; `path` grows outwards from the value."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message, path)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{self.path.removeprefix('.')} {self.message}".strip()

    def within(self, step: str) -> Misfit:
        return Misfit(self.message, step + self.path)


Reader: TypeAlias = Callable[[object], Any]
"""The value that a value of JSON stands for. Raises `Misfit`."""


def reader(annotation: Any) -> Reader:
    """What reads values of a type. Raises `TypeError` for a type that fields of messages do not have."""
    made = _READERS.get(annotation)
    if made is None:
        made = _READERS[annotation] = _make_reader(annotation)
    return made


def _make_reader(annotation: Any) -> Reader:
    arguments = typing.get_args(annotation)
    match typing.get_origin(annotation):
        case types.UnionType | typing.Union if len(arguments) == 2 and arguments[1] is types.NoneType:
            return _optional(reader(arguments[0]))
        case origin if origin is tuple and arguments[1:] == (...,):
            return _array(reader(arguments[0]))
        case origin if origin is dict and arguments[0] is str:
            return _object(reader(arguments[1]))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return _word(annotation)
    if isinstance(annotation, type) and is_dataclass(annotation):
        return message(annotation, quick=True)
    raise TypeError(f"{annotation} is no type of a message's field")


def _text(value: object) -> str:
    if type(value) is not str:
        raise Misfit("must be string")
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise Misfit("must be integer")
    return value


def _number(value: object) -> float:
    if type(value) is not float and type(value) is not int:
        raise Misfit("must be number")
    return float(value)


def _truth(value: object) -> bool:
    if type(value) is not bool:
        raise Misfit("must be boolean")
    return value


def _anything(value: object) -> object:
    return value


def _optional(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


def _word(kind: type[StrEnum]) -> Reader:
    words: dict[object, StrEnum] = {each.value: each for each in kind}

    def read(value: object) -> StrEnum:
        word = words.get(_text(value))
        if word is None:
            raise Misfit(f"must be one of {', '.join(kind)}")
        return word

    return read


def _array(read_item: Reader) -> Reader:
    def read(value: object) -> tuple[object, ...]:
        if type(value) is not list:
            raise Misfit("must be array")
        items: list[object] = []
        try:
            for item in value:
                items.append(read_item(item))  # noqa: PERF401 - the length tells where it failed
        except Misfit as misfit:
            raise misfit.within(f"[{len(items)}]") from None
        return tuple(items)

    return read


def _object(read_item: Reader) -> Reader:
    def read(value: object) -> dict[str, object]:
        if type(value) is not dict:
            raise Misfit("must be object")
        items: dict[str, object] = {}
        key = ""
        try:
            for key, item in value.items():
                items[key] = read_item(item)
        except Misfit as misfit:
            raise misfit.within(f".{key}") from None
        return items

    return read


def message(kind: type, *, quick: bool) -> Reader:
    """What reads objects as messages of that class. The `quick` one does so much faster what `wire.encode` writes."""
    hints = typing.get_type_hints(kind)
    readers = {field.name: reader(hints[field.name]) for field in fields(kind)}
    needed = {each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING}

    def read(value: object) -> object:
        if type(value) is not dict:
            raise Misfit("must be object")
        given: dict[str, object] = {}
        key = ""
        try:
            for key, item in value.items():
                read_item = readers.get(key)
                if read_item is None:
                    raise Misfit("is no field that is known here")
                given[key] = read_item(item)
        except Misfit as misfit:
            raise misfit.within(f".{key}") from None
        for name in needed - given.keys():
            raise Misfit("is missing", f".{name}")
        return kind(**given)

    return _write_quick(kind, hints, readers, read) if quick and len(readers) > 1 else read


_READERS: dict[Any, Reader] = {str: _text, int: _whole, float: _number, bool: _truth, Any: _anything}

# --- quick readers ---------------------------------------------------------------------------------------------------


def _write_quick(kind: type, hints: dict[str, Any], readers: dict[str, Reader], thorough: Reader) -> Reader:
    """Writes the reader of an object that has every field in place, as messages mostly come: one expression that checks
    all plain fields, and one that makes the message. Anything else is left to `thorough`, which finds what is wrong."""
    names: dict[str, object] = {"kind": kind, "thorough": thorough, "Misfit": Misfit, "take": itemgetter(*readers)}
    checks, values = [f"len(value) == {len(readers)}"], []
    for number, (name, read) in enumerate(readers.items()):
        names[f"read_{number}"] = read
        check, made = _quick_field(hints[name], f"v{number}", f"read_{number}")
        checks += [check] if check else []
        values.append(made)
    text = (
        "def quick(value):\n"
        "    try:\n"
        f"        {', '.join(f'v{number}' for number in range(len(readers)))} = take(value)\n"
        f"        if {' and '.join(checks)}:\n"
        f"            return kind({', '.join(values)})\n"
        "    except (KeyError, TypeError, Misfit):\n"
        "        pass\n"
        "    return thorough(value)\n"
    )
    exec(text, names)  # noqa: S102 - of nothing but the names and types of fields
    quick: Reader = names["quick"]  # type: ignore[assignment]
    return quick


def _quick_field(annotation: Any, name: str, read: str) -> tuple[str, str]:
    """What to check of a field's value, and how to convert it: a field that needs more than a look at its type is read
    by its own reader."""
    plain = _QUICK.get(annotation)
    if plain is not None:
        return f"type({name}) is {plain}", name
    arguments = typing.get_args(annotation)
    if type(None) in arguments and arguments[0] in _QUICK:
        return f"({name} is None or type({name}) is {_QUICK[arguments[0]]})", name
    if typing.get_origin(annotation) is tuple:
        return f"type({name}) is list", f"{read}({name}) if {name} else ()"
    return "", f"{read}({name})"


_QUICK = {str: "str", int: "int", float: "float", bool: "bool"}
