"""Diagnostics as SARIF 2.1.0, the format that code hosts and editors read.

Columns count code points, which the log says (`columnKind`). Rules are those of the faults that were found; their help
is the page of the code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ppc import __version__, explanations
from ppc.diagnostics import Diagnostic, Edit, Severity, Span
from ppc.render_json import Json
from ppc.source import Source

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(diagnostics: Sequence[Diagnostic], sources: Mapping[str, Source]) -> str:
    """The log; `sources` are found by the path in a span. Relative paths stay so, with `/` between their parts."""
    codes = sorted({diagnostic.code for diagnostic in diagnostics})
    rules = {code: place for place, code in enumerate(codes)}
    driver: Json = {
        "name": "ppc",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(code) for code in codes],
    }
    run: Json = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(diagnostic, rules[diagnostic.code], sources) for diagnostic in diagnostics],
    }
    log: Json = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=2) + "\n"


def _rule(code: str) -> Json:
    page = explanations.page(code)
    return {
        "id": code,
        "shortDescription": {"text": explanations.title(code)},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": "warning" if code.startswith("W") else "error"},
    }


def _result(diagnostic: Diagnostic, rule: int, sources: Mapping[str, Source]) -> Json:
    related: list[Json] = [
        {"id": number, "message": {"text": label.text or "see also"}, **_location(label.span, sources)}
        for number, label in enumerate(diagnostic.labels)
    ]
    result: dict[str, Json] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": "warning" if diagnostic.severity is Severity.WARNING else "error",
        "message": {"text": _message(diagnostic)},
        "locations": [_location(diagnostic.span, sources)],
    }
    if related:
        result["relatedLocations"] = related
    if diagnostic.edit is not None and diagnostic.edit.span.file in sources:
        result["fixes"] = [_fix(diagnostic.help, diagnostic.edit, sources[diagnostic.edit.span.file])]
    return result


def _message(diagnostic: Diagnostic) -> str:
    lines = [diagnostic.message]
    if diagnostic.label:
        lines.append(f"here: {diagnostic.label}")
    lines += [f"note: {note}" for note in diagnostic.notes]
    if diagnostic.help:
        lines.append(f"help: {diagnostic.help}")
    return "\n".join(lines)


def _location(span: Span, sources: Mapping[str, Source]) -> dict[str, Json]:
    place: dict[str, Json] = {"artifactLocation": {"uri": _uri(span.file)}}
    source = sources.get(span.file)
    if source is not None:
        place["region"] = _region(span, source)
    return {"physicalLocation": place}


def _region(span: Span, source: Source) -> Json:
    line, column = source.line_column(span.start)
    end_line, end_column = source.line_column(span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _fix(description: str, edit: Edit, source: Source) -> Json:
    replacement: Json = {"deletedRegion": _region(edit.span, source), "insertedContent": {"text": edit.text}}
    return {
        "description": {"text": description or "mend it"},
        "artifactChanges": [{"artifactLocation": {"uri": _uri(edit.span.file)}, "replacements": [replacement]}],
    }


def _uri(path: str) -> str:
    if os.path.isabs(path):  # noqa: PTH117
        return Path(path).as_uri()
    return quote(path.replace(os.sep, "/"), safe="/")
