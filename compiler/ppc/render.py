"""Diagnostics as text for people: the source line, carets under the fault, labels, notes and the way out."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from ppacer.records import dataclass
from ppc.diagnostics import Diagnostic, Severity, Span
from ppc.source import Source

_RESET: Final = "\x1b[0m"
_BOLD: Final = "\x1b[1m"
_BLUE: Final = "\x1b[1;34m"
_COLOURS: Final = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;33m"}

_WIDTH: Final = 120
"""How much of a long line is shown."""
_LEAD: Final = 40
"""How much of a long line is shown before the fault."""
_TAB: Final = "    "


def render_text(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source], colour: bool) -> str:  # noqa: FBT001 - the third thing to say
    """All of them in the order given, an empty line between two; `sources` are found by the path in a span."""
    paint = _Paint(colour)
    return "\n".join(_render(diagnostic, sources, paint) for diagnostic in diagnostics)


@dataclass(frozen=True, slots=True)
class _Paint:
    colour: bool

    def __call__(self, text: str, style: str) -> str:
        return f"{style}{text}{_RESET}" if self.colour and text else text


@dataclass(frozen=True, slots=True)
class _Mark:
    """A stretch to underline in one line."""

    line: int
    start: int
    end: int
    text: str
    primary: bool


def _render(diagnostic: Diagnostic, sources: Mapping[str, Source], paint: _Paint) -> str:
    style = _COLOURS[diagnostic.severity]
    head = paint(f"{diagnostic.severity}[{diagnostic.code}]", style) + paint(f": {_plain(diagnostic.message)}", _BOLD)
    marks = _marks(diagnostic, sources)
    width = max((len(str(mark.line)) for found in marks.values() for mark in found), default=1)
    margin = " " * width
    lines = [head]
    files = [diagnostic.span.file, *(file for file in marks if file != diagnostic.span.file)]
    for number, file in enumerate(files):
        arrow = "-->" if number == 0 else ":::"
        place = _place(diagnostic.span if number == 0 else _first_label(diagnostic, file), sources)
        lines.append(f"{margin}{paint(arrow, _BLUE)} {place}")
        if file in marks:
            lines += _excerpt(sources[file], marks[file], margin, style, paint)
    remarks = [("note", note) for note in diagnostic.notes]
    if diagnostic.help:
        remarks.append(("help", diagnostic.help))
    for kind, text in remarks:
        first, *rest = _plain(text).split("\n")
        lines.append(f"{margin} {paint('=', _BLUE)} {paint(kind, _BOLD)}: {first}")
        lines += [f"{margin}         {line}" for line in rest]
    return "\n".join(lines) + "\n"


def _first_label(diagnostic: Diagnostic, file: str) -> Span:
    return next(label.span for label in diagnostic.labels if label.span.file == file)


def _place(span: Span, sources: Mapping[str, Source]) -> str:
    source = sources.get(span.file)
    if source is None:
        return _plain(span.file)
    line, column = source.line_column(span.start)
    return f"{_plain(span.file)}:{line}:{column}"


def _marks(diagnostic: Diagnostic, sources: Mapping[str, Source]) -> dict[str, list[_Mark]]:
    """What to underline, by file, in the order of lines; the fault itself before labels of the same line."""
    found: dict[str, list[_Mark]] = {}
    spans = [(diagnostic.span, diagnostic.label, True)]
    spans += [(label.span, label.text, False) for label in diagnostic.labels]
    for span, text, primary in spans:
        source = sources.get(span.file)
        if source is not None:
            found.setdefault(span.file, []).append(_mark(source, span, text, primary=primary))
    for marks in found.values():
        marks.sort(key=lambda mark: (mark.line, not mark.primary, mark.start))
    return found


def _mark(source: Source, span: Span, text: str, *, primary: bool) -> _Mark:
    line, column = source.line_column(min(span.start, len(source.text)))
    length = len(source.line_text(line))
    start = min(column - 1, length)
    last, _ = source.line_column(min(span.end, len(source.text)))
    end = length if last != line else start + span.end - span.start
    return _Mark(line, start, max(end, start + 1), text, primary)


def _excerpt(source: Source, marks: list[_Mark], margin: str, style: str, paint: _Paint) -> list[str]:
    bar = paint("|", _BLUE)
    lines = [f"{margin} {bar}"]
    shown = 0
    for mark in marks:
        text = source.line_text(mark.line)
        cut = _cut(text, mark)
        if mark.line != shown:
            if shown and mark.line > shown + 1:
                lines.append(f"{paint('...', _BLUE)}")
            number = paint(f"{mark.line:>{len(margin)}}", _BLUE)
            lines.append(f"{number} {bar} {cut.before}{_plain(text[cut.start : cut.end])}{cut.after}".rstrip())
            shown = mark.line
        lead = " " * (len(cut.before) + _columns(text[cut.start : mark.start]))
        under = ("^" if mark.primary else "-") * max(1, _columns(text[mark.start : min(mark.end, cut.end)]))
        label = f" {_plain(mark.text)}" if mark.text else ""
        lines.append(f"{margin} {bar} {lead}" + paint(under + label, style if mark.primary else _BLUE))
    return lines


@dataclass(frozen=True, slots=True)
class _Cut:
    """The part of a long line that is shown."""

    start: int
    end: int
    before: str
    after: str


def _cut(text: str, mark: _Mark) -> _Cut:
    if len(text) <= _WIDTH:
        return _Cut(0, len(text), "", "")
    start = max(0, mark.start - _LEAD)
    end = min(len(text), start + _WIDTH)
    return _Cut(start, end, "…" if start else "", "…" if end < len(text) else "")


def _plain(text: str) -> str:
    """Text that a terminal shows as it stands: tabs as spaces, characters that steer it as a replacement sign."""
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character == "\t":
        return _TAB
    return character if character.isprintable() or character == "\n" else "\N{REPLACEMENT CHARACTER}"


def _columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(_column(character) for character in text)


def _column(character: str) -> int:
    if character == "\t":
        return len(_TAB)
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
