"""Secrets are hidden in whatever leaves an executor: logs, errors, outputs, what tasks say of themselves.

A secret is looked for as it is, line by line, and in the forms that programs give to what they print or send: within
JSON, in a URL, in base64 (also as part of something longer), as Python's `repr`. What is shorter than four characters
is not looked for: it would hide half of everything.
"""

from __future__ import annotations

import json
import math
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from typing import AnyStr

HIDDEN = "***"
"""What stands in place of a secret."""

SHORTEST = 4
"""Characters of the shortest line that is hidden."""

_TAG = "$"
"""The key by which `ppacer.core.codec` marks what JSON lacks: it and its words are no data."""


class Mask:
    """Hides `secrets`. Immutable; `longest` is the length of the longest form of one, in bytes of UTF-8."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.secrets = frozenset(secrets)
        self._texts = sorted({form for secret in self.secrets for form in _forms(secret)}, key=len, reverse=True)
        self._bytes = sorted({_utf8(form) for form in self._texts}, key=len, reverse=True)
        self.longest = len(self._bytes[0]) if self._bytes else 0

    def text(self, text: str) -> str:
        """The text with its secrets hidden."""
        spans = _spans(text, self._texts)
        return _hidden(text, spans, HIDDEN, len(text)) if spans else text

    def json(self, text: str) -> str:
        """The same for a value in the JSON of `ppacer.core.codec`: in its texts, and numbers that are a secret."""
        if not self._texts:
            return text
        return json.dumps(self._value(json.loads(text)), separators=(",", ":"))

    def cut(self, data: bytes | bytearray, hidden: int, end: int) -> tuple[bytes, int]:
        """The first `end` bytes with their secrets hidden, and how many of the following bytes belong to a secret that
        began there: give that number as `hidden` when they come to be the first. `data` must reach `longest` - 1 bytes
        beyond `end`, or to the end of its line.
        """
        if not self._bytes:
            return bytes(data[:end]), 0
        data = bytes(data)
        spans = _spans(data, self._bytes, hidden)
        over = next((stop - end for start, stop in spans if start < end < stop), 0)
        return _hidden(data, spans, HIDDEN.encode(), end), over

    def _value(self, value: object) -> object:
        match value:
            case str():
                return self.text(value)
            case list():
                return [self._value(item) for item in value]
            case dict():
                return {self.text(key): item if key == _TAG else self._value(item) for key, item in value.items()}
            case int() | float() if not isinstance(value, bool) and json.dumps(value) in self.secrets:
                return HIDDEN
            case _:
                return value


def _spans(text: AnyStr, forms: Iterable[AnyStr], hidden: int = 0) -> list[tuple[int, int]]:
    """Where the forms stand, however they overlap, joined and in order; `hidden` counts what is hidden anyway."""
    found = [(0, hidden)] if hidden else []
    for form in forms:
        start = text.find(form)
        while start >= 0:
            found.append((start, start + len(form)))
            start = text.find(form, start + 1)
    if len(found) < 2:
        return found
    found.sort()
    joined = [found[0]]
    for start, end in found[1:]:
        if start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _hidden(text: AnyStr, spans: Iterable[tuple[int, int]], hidden: AnyStr, end: int) -> AnyStr:
    """The text up to `end`, with something else for the spans."""
    parts = []
    position = 0
    for start, stop in spans:
        if start >= end:
            break
        parts += [text[position:start], hidden]
        position = min(stop, end)
    parts.append(text[position:end])
    return text[:0].join(parts)


def _forms(secret: str) -> set[str]:
    pieces = {secret, secret.strip(), *secret.split("\n"), *secret.splitlines()}
    return {form for piece in pieces if len(piece) >= SHORTEST for form in _forms_of(piece) if len(form) >= SHORTEST}


def _forms_of(piece: str) -> Iterator[str]:
    from urllib.parse import quote, quote_plus  # noqa: PLC0415 (few attempts have secrets)

    data = _utf8(piece)
    yield piece
    for plain in (True, False):
        yield json.dumps(piece, ensure_ascii=plain)[1:-1]
    for quoted in (quote(data), quote(data, safe=""), quote_plus(data)):
        yield from (quoted, _with_small_digits(quoted))
    yield from (repr(piece)[1:-1], ascii(piece)[1:-1], repr(data)[2:-1])
    yield repr(f"{piece}'\"")[1:-4]  # within a text that has quotes of both kinds
    for encoded in (b64encode, urlsafe_b64encode):
        whole = encoded(data).decode()
        yield from (whole, whole.rstrip("="))
        for before in (1, 2):
            # Behind so many bytes of something else: the characters that are made of the secret alone.
            first, last = math.ceil(before * 8 / 6), (before + len(data)) * 8 // 6
            yield encoded(bytes(before) + data).decode()[first:last]
        yield whole[: len(data) * 8 // 6]


def _with_small_digits(quoted: str) -> str:
    first, *rest = quoted.split("%")
    return "%".join([first, *(part[:2].lower() + part[2:] for part in rest)])


def _utf8(text: str) -> bytes:
    """The bytes of a text as a program would write them; a variable that is no UTF-8 has stand-ins for bytes in it."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")
