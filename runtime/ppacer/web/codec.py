"""The API's messages as JSON text and back.

Requests are checked strictly (`ppacer.wire`). What a server says is read leniently here: a field that this version does
not know yet is passed over.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TypeVar

from mashumaro.codecs.basic import BasicDecoder, BasicEncoder
from mashumaro.exceptions import InvalidFieldValue, MissingField

_Message = TypeVar("_Message")


class AnswerError(ValueError):
    """A text that is no such message."""


def encode(message: object) -> bytes:
    """The message as compact UTF-8 JSON; halves of surrogate pairs, which UTF-8 lacks, become question marks."""
    fields = _encoder(type(message)).encode(message)
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def decode(kind: type[_Message], text: bytes) -> _Message:
    """The message in an answer. Raises `AnswerError`."""
    try:
        return _decoder(kind).decode(json.loads(text))
    except (ValueError, TypeError, MissingField, InvalidFieldValue) as error:
        raise AnswerError(f"no {kind.__name__}: {error}") from error


@cache
def _encoder(kind: type) -> BasicEncoder[object]:
    return BasicEncoder(kind)


@cache
def _decoder(kind: type[_Message]) -> BasicDecoder[_Message]:
    return BasicDecoder(kind)
