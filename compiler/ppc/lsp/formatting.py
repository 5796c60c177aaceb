"""Formatting: what `ppc fmt` does, to a file, to some of its lines, or to the block that a brace ends."""

from __future__ import annotations

import difflib

from lsprotocol import types as lsp

from ppc.diagnostics import Edit, Span
from ppc.format import FormatError, format_source
from ppc.format_range import format_range
from ppc.lsp.session import Session
from ppc.source import Source


def format_file(session: Session, uri: str) -> list[lsp.TextEdit]:
    """The lines that change, so that the editor keeps its marks. A file that cannot be formatted stays as it is."""
    source = session.source(uri)
    if source is None:
        return []
    try:
        text = format_source(source).text
    except FormatError:
        return []
    return session.positions.edits(source, _line_edits(source, text))


def format_lines(session: Session, uri: str, lines: lsp.Range) -> list[lsp.TextEdit]:
    source = session.source(uri)
    if source is None:
        return []
    start, end = (session.positions.offset(source, place) for place in (lines.start, lines.end))
    if end > start and lines.end.character == 0:
        end -= 1  # a selection of whole lines ends at the beginning of the next one
    try:
        return session.positions.edits(source, format_range(source, start, end))
    except FormatError:
        return []


def format_typed(session: Session, params: lsp.DocumentOnTypeFormattingParams) -> list[lsp.TextEdit]:
    """After `}` the statement that it ends; after a new line the one before it. The cursor's line is left alone."""
    uri, position = params.text_document.uri, params.position
    if params.ch == "}":
        return format_lines(session, uri, lsp.Range(position, position))
    if position.line == 0:
        return []
    above = lsp.Position(position.line - 1, 0)
    edits = format_lines(session, uri, lsp.Range(above, above))
    # What an unfinished statement would gain by being put in order is not worth a cursor that moves.
    return [edit for edit in edits if edit.range.end.line < position.line]


def _line_edits(source: Source, text: str) -> list[Edit]:
    before, after = source.text.splitlines(keepends=True), text.splitlines(keepends=True)
    starts = [0]
    for line in before:
        starts.append(starts[-1] + len(line))
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    return [
        Edit(Span(source.path, starts[low], starts[high]), "".join(after[new_low:new_high]))
        for kind, low, high, new_low, new_high in matcher.get_opcodes()
        if kind != "equal"
    ]
