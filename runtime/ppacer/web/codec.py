"""The API's messages as JSON text and back.

Requests are checked strictly (`ppacer.wire`). What a server says is read leniently here: a field that this version does
not know yet is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from mashumaro.codecs.basic import BasicDecoder, BasicEncoder
from mashumaro.exceptions import InvalidFieldValue, MissingField

_Message = TypeVar("_Message")


class AnswerError(ValueError):
    """A text that is no such message."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A message whose JSON is known already."""

    text: bytes


def encode(message: object) -> bytes:
    """The message as compact UTF-8 JSON; halves of surrogate pairs, which UTF-8 lacks, become question marks."""
    kind = type(message)
    encoder = _ENCODERS.get(kind)
    if encoder is None:
        encoder = _ENCODERS[kind] = BasicEncoder(kind).encode
    return json.dumps(encoder(message), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def decode(kind: type[_Message], text: bytes) -> _Message:
    """The message in an answer. Raises `AnswerError`."""
    if kind not in _DECODERS:
        _DECODERS[kind] = BasicDecoder(kind).decode
    try:
        message: _Message = _DECODERS[kind](json.loads(text))
    except (ValueError, TypeError, AttributeError, MissingField, InvalidFieldValue) as error:
        raise AnswerError(f"no {kind.__name__}: {error}") from error
    return message


_ENCODERS: dict[type, Callable[[object], object]] = {}
_DECODERS: dict[type, Callable[[object], Any]] = {}
