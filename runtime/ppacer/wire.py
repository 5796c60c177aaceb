"""The protocol's messages as bytes: JSON in UTF-8, checked strictly on the way in.

What comes from another machine is read field by field as the message's dataclass declares it: unknown and missing
fields, `"7"` for a number and unknown words are refused with the name of the field. A dataclass whose fields are texts,
numbers, enums of texts, other such dataclasses, tuples, dicts and options of these is a message; a field of any other
type is a fault of the program.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from operator import attrgetter
from typing import TypeVar

from ppacer.protocol import Exchange, refusal
from ppacer.wire_readers import Misfit, reader

_Message = TypeVar("_Message")

_MAX_INTEGER = 2**63 - 1
"""The databases' own limit."""

_SURE_DIGITS = len(str(_MAX_INTEGER))
"""What is shorter than that is below the limit."""


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
        message: _Message = reader(kind)(tree)
    except Misfit as misfit:
        raise WireError(str(misfit), misfit.path.removeprefix(".") or None) from None
    return message


def _parse(data: bytes) -> object:
    try:
        text = data.decode()
        tree: object = _DECODER.decode(text)
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
    if len(text) < _SURE_DIGITS or (len(text) <= _SURE_DIGITS + 1 and -_MAX_INTEGER <= int(text) <= _MAX_INTEGER):
        return int(text)
    raise WireError("a number does not fit into 64 bits")


def _check_version(tree: object) -> None:
    """Judges the version before the fields, which may be others in another version."""
    version = tree.get("protocol") if isinstance(tree, dict) else None
    refused = refusal(version) if type(version) is int else None
    if refused is not None:
        raise VersionError(refused)


def _fields_of(message: object) -> dict[str, object]:
    kind = type(message)
    reads = _FIELDS.get(kind)
    if reads is None:
        if not is_dataclass(kind):
            raise TypeError(f"{kind.__name__} is no part of a message")
        names = tuple(field.name for field in fields(kind))
        reads = _FIELDS[kind] = (names, attrgetter(*names, names[0]))  # of one name it would give the bare value
    names, values = reads
    return dict(zip(names, values(message), strict=False))


_FIELDS: dict[type, tuple[tuple[str, ...], Callable[[object], tuple[object, ...]]]] = {}
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_fields_of)
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_integer)
