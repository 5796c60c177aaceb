"""Brackets looked at without reading what stands between them: what the lexer asks where one may be missing."""

from __future__ import annotations

import re
from typing import Final

_PASSED_OVER: Final = r'"""(?>(?:[^"\\]|\\.|"(?!""))*)"""|"(?>(?:[^"\\\r\n]|\\.)*)"?|#[^\r\n]*'
"""Strings and comments."""
_TOKEN: Final = re.compile(
    rf'(?P<format>(?<!\w)f"(?:"")?)|{_PASSED_OVER}|(?P<brace>[{{}}])|(?P<colon>:)|(?P<end>[\r\n])', re.DOTALL
)
_PIECE: Final = re.compile(
    r'[^{}"\\\r\n]++|\\.|\{\{|\}\}|(?P<quotes>"(?:"")?)|(?P<field>\{)|(?P<end>[\r\n])|.', re.DOTALL
)
_SPEC: Final = re.compile(r'[^{}"\r\n]*')
_BRACKET: Final = re.compile(rf"{_PASSED_OVER}|(?P<bracket>[()\[\]{{}}])|(?P<line>[\r\n]+)", re.DOTALL)
_FARTHEST: Final = 4_000
"""Characters within which a call is closed, or rather not: what is looked at for each line must have a bound."""


def surplus_braces(text: str) -> int:
    """How many more `}` than `{` the text has outside of strings and comments."""
    return _Count(text).run()


def closed_ahead(text: str, offset: int, declaration: re.Pattern[str]) -> int | None:
    """Where a `)` or `]` closes what is open at `offset`, if one does before the next declaration begins a line."""
    depth = 0
    for found in _BRACKET.finditer(text, offset, offset + _FARTHEST):
        bracket = found["bracket"]
        if bracket is None:
            if found["line"] is not None and declaration.match(text, found.end()):
                return None
        elif bracket in "([{":
            depth += 1
        elif depth:
            depth -= 1
        else:
            return found.start() if bracket != "}" else None
    return None


class _Count:
    def __init__(self, text: str) -> None:
        self._text = text
        self._surplus = 0
        self._formats: list[tuple[str, int]] = []
        """The f-strings around, outermost first: their quotes, and the braces open in their field; −1 in their text."""

    def run(self) -> int:
        offset, end = 0, len(self._text)
        while offset < end:
            in_text = self._formats and self._formats[-1][1] < 0
            offset = self._text_piece(offset) if in_text else self._token(offset)
        return self._surplus

    def _token(self, offset: int) -> int:
        """Outside of strings, or in a field."""
        found = _TOKEN.search(self._text, offset)
        if found is None:
            return len(self._text)
        if (opener := found["format"]) is not None:
            self._formats.append((opener[1:], -1))
        elif not self._formats:
            self._surplus += {"}": 1, "{": -1}.get(found["brace"] or "", 0)
        else:
            return self._in_field(found)
        return found.end()

    def _in_field(self, found: re.Match[str]) -> int:
        quotes, depth = self._formats[-1]
        if found["end"] is not None and len(quotes) == 1:
            self._formats.clear()  # it ends with its line, unclosed
        elif found["brace"] is not None:
            self._formats[-1] = (quotes, depth + (1 if found["brace"] == "{" else -1))
        elif found["colon"] is not None and not depth:
            spec = _SPEC.match(self._text, found.end())
            return found.end() if spec is None else spec.end()
        return found.end()

    def _text_piece(self, offset: int) -> int:
        quotes, _ = self._formats[-1]
        piece = _PIECE.match(self._text, offset)
        if piece is None:
            return len(self._text)
        if piece["field"] is not None:
            self._formats[-1] = (quotes, 0)
        elif piece["quotes"] is not None and len(piece["quotes"]) >= len(quotes):
            self._formats.pop()
            return offset + len(quotes)
        elif piece["end"] is not None and len(quotes) == 1:
            self._formats.clear()
        return piece.end()
