"""Diagnostics as one JSON document, for programs.

    {"version": 1, "compiler": "…", "errors": 1, "warnings": 0, "diagnostics": [{"code": "E201", "severity": "error",
      "message": "…", "label": "…", "file": "a.ppd", "start": {"line": 3, "column": 7, "offset": 41}, "end": {…},
      "labels": [{"text": "…", "file": …, "start": …, "end": …}], "notes": ["…"], "help": "…",
      "edit": {"text": "…", "file": …, "start": …, "end": …} | null}]}

Lines and columns count from 1, offsets from 0, columns and offsets in code points; ends are exclusive. Where a file
could not be read, `start` and `end` are null.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from ppc import __version__
from ppc.diagnostics import Diagnostic, Severity, Span
from ppc.source import Source

VERSION: Final = 1

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"


def render(diagnostics: Sequence[Diagnostic], sources: Mapping[str, Source]) -> str:
    """The document; `sources` are found by the path in a span."""
    errors = sum(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
    document: Json = {
        "version": VERSION,
        "compiler": __version__,
        "errors": errors,
        "warnings": len(diagnostics) - errors,
        "diagnostics": [_diagnostic(diagnostic, sources) for diagnostic in diagnostics],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _diagnostic(diagnostic: Diagnostic, sources: Mapping[str, Source]) -> Json:
    labels: list[Json] = [{"text": label.text, **_place(label.span, sources)} for label in diagnostic.labels]
    edit = diagnostic.edit
    return {
        "code": diagnostic.code,
        "severity": str(diagnostic.severity),
        "message": diagnostic.message,
        "label": diagnostic.label,
        **_place(diagnostic.span, sources),
        "labels": labels,
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
        "edit": None if edit is None else {"text": edit.text, **_place(edit.span, sources)},
    }


def _place(span: Span, sources: Mapping[str, Source]) -> dict[str, Json]:
    source = sources.get(span.file)
    if source is None:
        return {"file": span.file, "start": None, "end": None}
    return {"file": span.file, "start": _position(source, span.start), "end": _position(source, span.end)}


def _position(source: Source, offset: int) -> Json:
    line, column = source.line_column(offset)
    return {"line": line, "column": column, "offset": offset}
