"""The protocol's messages as bytes: JSON in UTF-8, checked strictly on the way in.

What comes from another machine is checked against a JSON schema made from the message's dataclass before any object is
built from it: unknown and missing fields, `"7"` for a number and unknown words are refused with the name of the field.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import fastjsonschema
from mashumaro.codecs.basic import BasicDecoder, BasicEncoder
from mashumaro.jsonschema import build_json_schema

from ppacer.protocol import PROTOCOL_VERSION, Exchange

_Message = TypeVar("_Message")

_OLDEST_VERSION = max(1, PROTOCOL_VERSION - 1)
_MAX_INTEGER = 2**63 - 1
"""The databases' own limit."""


class WireError(ValueError):
    """Bytes that are no such message. The text names the field: `reports[0].token must be integer`."""


class VersionError(WireError):
    """An exchange in a version of the protocol that this program does not speak."""


def encode(message: object) -> bytes:
    """The bytes of a message of `ppacer.protocol`. Text in it must be valid Unicode (no lone surrogates)."""
    fields = _form(type(message)).encode(message)
    return json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def decode(kind: type[_Message], data: bytes) -> _Message:
    """The message in `data`. Raises `WireError`, for an exchange of another version `VersionError`."""
    fields = _parse(data)
    if kind is Exchange:
        _check_version(fields)
    form = _form(kind)
    try:
        form.validate(fields)
    except fastjsonschema.JsonSchemaValueException as fault:
        raise WireError(_describe(fault)) from None
    return form.decode(fields)


def _parse(data: bytes) -> object:
    try:
        text = data.decode()
        fields: object = json.loads(text, parse_constant=_refuse_constant, parse_int=_integer)
    except UnicodeDecodeError as fault:
        raise WireError(f"not UTF-8: {fault.reason} at byte {fault.start}") from None
    except json.JSONDecodeError as fault:
        raise WireError(f"not JSON: {fault}") from None
    except RecursionError:
        raise WireError("nested too deeply") from None
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(fields, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise WireError("a text holds half of a surrogate pair") from None
    return fields


def _refuse_constant(text: str) -> object:
    raise WireError(f"{text} is no JSON number")


def _integer(text: str) -> int:
    if len(text) > 20 or not -_MAX_INTEGER <= int(text) <= _MAX_INTEGER:
        raise WireError("a number does not fit into 64 bits")
    return int(text)


def _check_version(fields: object) -> None:
    """Judges the version before the fields, which may be others in another version."""
    version = fields.get("protocol") if isinstance(fields, dict) else None
    if type(version) is int and not _OLDEST_VERSION <= version <= PROTOCOL_VERSION:
        raise VersionError(f"protocol {version} is not spoken here, only {_OLDEST_VERSION} to {PROTOCOL_VERSION}")


def _describe(fault: fastjsonschema.JsonSchemaValueException) -> str:
    """The fault's text without the library's `data.`; inside an optional field, the fault of its one real form."""
    message = str(fault.message).removeprefix("data.").removeprefix("data ")
    if fault.rule == "anyOf":
        forms = [form for form in fault.rule_definition if form != {"type": "null"}]
        if len(forms) == 1:
            try:
                fastjsonschema.compile(forms[0])(fault.value)
            except fastjsonschema.JsonSchemaValueException as inner:
                name = str(fault.name).removeprefix("data.")
                return name + str(inner.message).removeprefix("data")
    return message


class _Form(Generic[_Message]):
    """What is made once for each class of message."""

    def __init__(self, kind: type[_Message]) -> None:
        self.encode: Callable[[_Message], object] = BasicEncoder(kind).encode
        self.decode: Callable[[object], _Message] = BasicDecoder(kind).decode
        schema = build_json_schema(kind).to_dict()
        self.validate: Callable[[object], object] = fastjsonschema.compile(schema, use_default=False)


_FORMS: dict[type, _Form[Any]] = {}


def _form(kind: type[_Message]) -> _Form[_Message]:
    form: _Form[_Message] | None = _FORMS.get(kind)
    if form is None:
        form = _FORMS[kind] = _Form(kind)
    return form
