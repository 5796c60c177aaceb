"""Strings and f-strings, sound and broken.

A string in one pair of quotes ends at its line's end even when nothing closes it; brackets that follow on the line are
then still taken for brackets, so that one missing quote is one fault. One in triple quotes has no such end. If some
such string of a file is never closed, the file is read again with the rule that a declaration ends it.
"""

from __future__ import annotations

import re
from typing import Final

from ppc import ast
from ppc.parse_brackets import Kind, Open, Structure
from ppc.parse_faults import BAD_STRING, SINGLE_QUOTES, UNCLOSED_STRING
from ppc.parse_literals import BadLiteral, raw, unescape
from ppc.parse_reading import Reading

_SINGLE: Final = re.compile(r'(?>(?:[^"\\\r\n]++|\\[^\r\n])*)"')
_TRIPLE: Final = re.compile(r'(?>(?:[^"\\]++|\\.|"(?!""))*)"""', re.DOTALL)
_APOSTROPHE: Final = re.compile(r"(?>(?:[^'\\\r\n]++|\\[^\r\n])*)'")
_TRIPLE_APOSTROPHE: Final = re.compile(r"(?>(?:[^'\\]++|\\.|'(?!''))*)'''", re.DOTALL)
_BODIES: Final = {'"': _SINGLE, '"""': _TRIPLE, "'": _APOSTROPHE, "'''": _TRIPLE_APOSTROPHE}

_PIECE: Final = re.compile(r'[^{}"\\\r\n]+|\\[^\r\n]|\{\{|\}\}|[{}"]|\\?(?:\r\n?|\n)|\\')
_SPEC: Final = re.compile(r'[^{}"\r\n]*')
_REQUOTED: Final = re.compile(r'\\.|"')
"""What may be written otherwise when single quotes become double ones."""
_REST_OF_LINE: Final = re.compile(r"[^\r\n]*")
_LINE_END: Final = re.compile(r"\r\n?|\n")
_WORD_FOLLOWS: Final = re.compile(r"[ \t]*\w")
_OPERATOR_FOLLOWS: Final = re.compile(r"[ \t]*(?:and|or|in|not|when|as)\b")
_DECLARATION_INSIDE: Final = re.compile(
    r"[\r\n][ \t]*(?:(?:task|group)[ \t]+\w+[ \t]*[\[={]|(?:dag|pool)[ \t]+\w+[ \t]*\{|(?:let|notifier)[ \t]+\w+[ \t]*="
    r"|param[ \t]+\w+[ \t]*:|template[ \t]+\w+[ \t]*\()"
)


class Strings(Structure):
    def __init__(self, text: str, reading: Reading, *, declarations_end_strings: bool, start: int = 0) -> None:
        super().__init__(text, reading, start)
        self.declarations_end_strings = declarations_end_strings
        self.lost_in_string = False
        """Whether the file ended inside a string in triple quotes."""

    def string(self, opener: str, start: int, end: int) -> int:
        """Reads the string whose prefix and quotes are `opener`; answers where to go on."""
        prefix = opener.rstrip("\"'")
        quotes = opener[len(prefix) :]
        if prefix == "f" and quotes[0] == '"':
            self.emit("FSTART", start, end)
            opened = self.push(Kind.FORMAT, start, end)
            opened.triple = len(quotes) == 3
            return self.format_text(end)
        body = _BODIES[quotes].match(self.text, end)
        if body is None or (len(quotes) == 3 and self._swallows(body.start(), body.end())):
            return self._unclosed(quotes, start, end)
        inner = self.text[end : body.end() - len(quotes)]
        if prefix not in ("", "r"):
            wanted = "f" if "f" in prefix.lower() else "r" if "r" in prefix.lower() else ""
            plain = prefix.lower() in ("u", "r", "f") and not (quotes[0] == "'" and _REQUOTED.search(inner))
            quotes = quotes.replace("'", '"')
            right = f"{wanted}{quotes}{inner}{quotes}" if plain else ""
            way_out = f'write `{wanted}"…"`'
            self.error(BAD_STRING, f"a string has no prefix `{prefix}`", start, body.end(), help=way_out, right=right)
            return body.end()
        value = raw(inner) if prefix else unescape(inner)
        if isinstance(value, BadLiteral):
            where = end + value.start, end + value.end
            self.error(BAD_STRING, value.message, *where, help=value.help, right=value.right)
            return body.end()
        if quotes[0] == "'":
            self._single_quotes(start, body.end(), prefix, inner)
        self.emit("STRING", start, body.end(), ast.Constant(value, self.reading.span(start, body.end())))
        return body.end()

    def _single_quotes(self, start: int, end: int, prefix: str, inner: str) -> None:
        right = None
        if not _LINE_END.search(inner) and not (prefix and _REQUOTED.search(inner)):
            inner = _REQUOTED.sub(lambda match: {"\\'": "'", '"': '\\"'}.get(match[0], match[0]), inner)
            right = f'{prefix}"{inner}"'
        self.reading.faults.append(
            self.reading.fault(
                SINGLE_QUOTES,
                "a string stands in double quotes",
                start,
                end,
                help=f"write `{right}`" if right is not None and len(right) < 44 else 'write `"…"`',
                replacement=right,
            )
        )

    # --- unclosed strings ---------------------------------------------------------------------------------------------

    def _swallows(self, start: int, end: int) -> bool:
        """Whether a closed string in triple quotes is rather an unclosed one that ran into the next string."""
        if "\n" not in self.text[start:end] and "\r" not in self.text[start:end]:
            return False
        follows = _WORD_FOLLOWS.match(self.text, end) and not _OPERATOR_FOLLOWS.match(self.text, end)
        if not (follows or self.declarations_end_strings):
            return False
        return _DECLARATION_INSIDE.search(self.text, start, end) is not None

    def _unclosed(self, quotes: str, start: int, end: int) -> int:
        line_end = self._line_end(end)
        stop = line_end
        if len(quotes) == 3:
            self.lost_in_string = True
            stop = self._statement_after(end)
        self.error(
            UNCLOSED_STRING,
            "this string is never closed",
            start,
            end if len(quotes) == 3 else self._trimmed(start, line_end),
            label="it begins here" if len(quotes) == 3 else "",
            help=f"add the closing `{quotes}`",
        )
        if len(quotes) == 1:
            self._brackets_after(end, line_end)
        return stop

    def _line_end(self, offset: int) -> int:
        rest = _REST_OF_LINE.match(self.text, offset)
        return offset if rest is None else rest.end()

    def _trimmed(self, start: int, end: int) -> int:
        return start + max(1, len(self.text[start:end].rstrip()))

    def _statement_after(self, offset: int) -> int:
        """The end of the line before the next one that looks like a statement."""
        for line in _LINE_END.finditer(self.text, offset):
            if self.looks_like_statement(line.end()):
                return line.start()
        return len(self.text)

    def _brackets_after(self, start: int, end: int) -> None:
        """Closes and opens what the brackets after an unclosed string, up to its line's end, seem to close and open."""
        inner: list[str] = []
        for offset in range(start, end):
            character = self.text[offset]
            if character in "([{":
                inner.append(character)
            elif character in ")]}":
                if inner:
                    inner.pop()
                elif self.open and self._closes_here(self.open[-1], character, start):
                    self._close_quietly(offset)
        if inner == ["{"] and self.text[start:end].rstrip().endswith("{") and not self.open_brackets():
            opener = self.text.rindex("{", start, end)
            self.open_block(opener, opener + 1)

    def _closes_here(self, opened: Open, character: str, offset: int) -> bool:
        if opened.kind is Kind.BLOCK:
            return character == "}" and not _LINE_END.search(self.text, opened.start, offset)
        return {Kind.ROUND: ")", Kind.SQUARE: "]", Kind.DICT: "}"}.get(opened.kind) == character

    def _close_quietly(self, offset: int) -> None:
        if self.open[-1].kind is Kind.BLOCK:
            self.close_block(offset, offset + 1)
        else:
            self.pop()

    def open_brackets(self) -> bool:
        return bool(self.open) and self.open[-1].kind is not Kind.BLOCK

    # --- f-strings ----------------------------------------------------------------------------------------------------

    def format_text(self, start: int) -> int:
        """Reads an f-string's text up to its next field or its end; answers where to go on."""
        top = self.open[-1]
        pieces: list[str] = []
        offset = begin = start
        while match := _PIECE.match(self.text, offset):
            piece, end = match[0], match.end()
            if piece in ("{{", "}}"):
                if not self._format_piece(pieces, begin, offset):
                    return self._abandon_format(end)
                pieces.append(piece[0])
                begin = end
            elif piece == "{":
                self._format_piece(pieces, begin, offset)
                self._emit_text(pieces, start, offset)
                self.emit("FOPEN", offset, end)
                self.push(Kind.FIELD, offset, end)
                return end
            elif piece == "}":
                self.error(BAD_STRING, "this `}` closes nothing", offset, end, help="a brace is written `}}`")
                return self._abandon_format(end)
            elif piece == '"' and (not top.triple or self.text.startswith('"""', offset)):
                self._format_piece(pieces, begin, offset)
                self._emit_text(pieces, start, offset)
                end = offset + (3 if top.triple else 1)
                self.emit("FEND", offset, end)
                self.pop()
                return end
            elif piece[-1] in "\r\n\\" and not top.triple and len(piece.rstrip("\r\n")) < 2:
                break
            offset = end
        return self._unclosed_format(top)

    def _format_piece(self, pieces: list[str], begin: int, end: int) -> bool:
        text = unescape(self.text[begin:end])
        if isinstance(text, BadLiteral):
            where = begin + text.start, begin + text.end
            self.error(BAD_STRING, text.message, *where, help=text.help, right=text.right)
            return False
        pieces.append(text)
        return True

    def _emit_text(self, pieces: list[str], start: int, end: int) -> None:
        if text := "".join(pieces):
            self.emit("FTEXT", start, end, text)

    def format_spec(self, start: int) -> int:
        """`:…` inside a field, up to its `}`."""
        spec = _SPEC.match(self.text, start + 1)
        end = start + 1 if spec is None else spec.end()
        if self.text.startswith("{", end):
            self.error(BAD_STRING, "a format holds no fields", end, end + 1, help="write the format out")
        self.emit("FSPEC", start, end, self.text[start + 1 : end])
        return end

    def close_field(self, start: int, end: int) -> int:
        self.emit("FCLOSE", start, end)
        self.pop()
        self.next_element()
        return self.format_text(end)

    def unclosed_field(self) -> None:
        """A line's end inside a field of an f-string that may not run over lines."""
        field, line_end = self.open[-1], self._line_end(self.open[-1].end)
        if not self.text[field.end : line_end].strip():  # rather that of a block, behind a string
            self.open.pop()
            self._unclosed_format(self.open[-1])
            return
        self.error(
            UNCLOSED_STRING,
            "this field of the f-string is never closed",
            field.start,
            field.end,
            help="add the `}`; a brace as text is written `{{`",
        )
        self.open.pop()
        self.open.pop()
        self._brackets_after(field.end, line_end)

    def _abandon_format(self, offset: int) -> int:
        """After a fault inside an f-string: on behind its end, without its pieces."""
        top = self.open.pop()
        body = (_TRIPLE if top.triple else _SINGLE).match(self.text, offset)
        return body.end() if body else self._line_end(offset)

    def _unclosed_format(self, top: Open) -> int:
        self.open.pop()
        return self._unclosed('"""' if top.triple else '"', top.start, top.end)
