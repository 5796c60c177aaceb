"""Places of a source as the protocol counts them: lines from 0, and columns in the units that both sides agreed on."""

from __future__ import annotations

from collections.abc import Iterable

from lsprotocol import types as lsp

from ppacer.records import dataclass
from ppc.diagnostics import Edit, Span
from ppc.source import Source


@dataclass(frozen=True, slots=True)
class Positions:
    """Converts between offsets, in code points, and the positions of an encoding."""

    encoding: lsp.PositionEncodingKind = lsp.PositionEncodingKind.Utf16

    def position(self, source: Source, offset: int) -> lsp.Position:
        line, column = source.line_column(max(0, min(offset, len(source.text))))
        text = source.line_text(line)[: column - 1]
        # Between the two characters of a line's end there is no column: it counts as the line's last.
        return lsp.Position(line - 1, self.units(text))

    def offset(self, source: Source, position: lsp.Position) -> int:
        """A place beyond the end of a line is the end; one within a character is its beginning."""
        if position.line >= source.line_count:
            return len(source.text)
        text = source.line_text(position.line + 1)
        return source.line_start(position.line + 1) + self._points(text, position.character)

    def range(self, source: Source, span: Span) -> lsp.Range:
        return lsp.Range(self.position(source, span.start), self.position(source, span.end))

    def edits(self, source: Source, edits: Iterable[Edit]) -> list[lsp.TextEdit]:
        return [lsp.TextEdit(self.range(source, edit.span), edit.text) for edit in edits]

    def changed(self, source: Source, change: lsp.TextDocumentContentChangeEvent) -> Source:
        """The source after a change that a client tells of."""
        if isinstance(change, lsp.TextDocumentContentChangeWholeDocument):
            return Source(source.path, change.text)
        start, end = self.offset(source, change.range.start), self.offset(source, change.range.end)
        return Source(source.path, source.text[:start] + change.text + source.text[end:])

    def units(self, text: str) -> int:
        """How long a text within one line is."""
        if text.isascii() or self.encoding == lsp.PositionEncodingKind.Utf32:
            return len(text)
        if self.encoding == lsp.PositionEncodingKind.Utf8:
            return len(text.encode("utf-8", "surrogatepass"))
        return len(text) + sum(character > "\uffff" for character in text)

    def _points(self, text: str, units: int) -> int:
        if text.isascii() or self.encoding == lsp.PositionEncodingKind.Utf32:
            return min(units, len(text))
        done = 0
        for index, character in enumerate(text):
            width = self.units(character)
            if done + width > units:
                return index
            done += width
        return len(text)
