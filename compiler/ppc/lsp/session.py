"""One editor's session: its workspace, how it counts columns, and how it names files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from operator import is_not
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from lsprotocol import types as lsp

from ppc import ast
from ppc.diagnostics import Diagnostic, Severity, Span
from ppc.includes import Unit
from ppc.lsp.names import names_of
from ppc.lsp.positions import Positions
from ppc.lsp.symbols import FileNames
from ppc.lsp.workspace import Workspace
from ppc.source import Source

SOURCE: Final = "ppc"
_UNUSED: Final = "unused"
_SEVERITIES: Final = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
}


class Session:
    """What the answers to all requests are made from. No method of it talks to the editor. `operations` are what the
    editor can be asked to do with files."""

    def __init__(
        self,
        workspace: Workspace,
        positions: Positions | None = None,
        operations: frozenset[lsp.ResourceOperationKind] = frozenset(),
    ) -> None:
        self.workspace = workspace
        self.positions = positions or Positions()
        self.operations = operations
        self._uris: dict[str, str] = {}
        self._versions: dict[str, int] = {}
        self._names: dict[str, tuple[list[ast.Module], FileNames]] = {}
        self._published: dict[str, tuple[list[lsp.Diagnostic], int | None]] = {}

    # --- files ------------------------------------------------------------------------------------------------------

    def path(self, uri: str) -> str:
        return file_of(uri)

    def uri(self, path: str) -> str:
        """As the editor names the file, if it has it open."""
        if path in self._uris or "://" in path:
            return self._uris.get(path, path)
        return f"file://{quote(path)}"

    def open(self, uri: str, text: str, version: int) -> None:
        path = self.path(uri)
        self._uris[path], self._versions[path] = uri, version
        self._published.pop(path, None)  # an editor may have forgotten what it was told before the file was closed
        self.workspace.put(Source(path, _without_mark(text)))

    def change(self, uri: str, changes: Sequence[lsp.TextDocumentContentChangeEvent], version: int) -> None:
        path = self.path(uri)
        source = self.workspace.source(path) if self.workspace.is_open(path) else None
        source = source or Source(path, "")
        for change in changes:
            source = self.positions.changed(source, change)
        self._versions[path] = version
        self.workspace.put(Source(path, _without_mark(source.text)))

    def close(self, uri: str) -> None:
        path = self.path(uri)
        self.workspace.close(path)
        self._uris.pop(path, None)
        self._versions.pop(path, None)

    def source(self, uri: str) -> Source | None:
        return self.workspace.source(self.path(uri))

    def at(self, uri: str, position: lsp.Position) -> tuple[Source, int] | None:
        """The source and the offset of a place; none where there is no such file."""
        source = self.source(uri)
        return None if source is None else (source, self.positions.offset(source, position))

    def names(self, path: str) -> FileNames | None:
        """The names of a file; kept for as long as neither it nor what it includes changes."""
        units = [self.workspace.unit(each) for each in self.workspace.files_of(path)]
        modules = [unit.module for unit in units if isinstance(unit, Unit)]
        if not modules or not isinstance(units[0], Unit):
            return None
        kept = self._names.get(path)
        if kept is None or len(kept[0]) != len(modules) or any(map(is_not, kept[0], modules)):
            kept = self._names[path] = (modules, names_of(modules[0], modules[1:]))
        return kept[1]

    def location(self, span: Span) -> lsp.Location | None:
        source = self.workspace.source(span.file)
        return None if source is None else lsp.Location(self.uri(span.file), self.positions.range(source, span))

    # --- diagnostics ------------------------------------------------------------------------------------------------

    def publish(self) -> Iterator[lsp.PublishDiagnosticsParams]:
        """Checks what has to be, and tells of each file whose diagnostics or version are not those told last."""
        files: dict[str, None] = {}
        for path in self.workspace.programs():
            files[path] = None
            files.update(dict.fromkeys(self.workspace.check(path).gathered.sources))
        for path in [*files, *(path for path in self._published if path not in files)]:
            found = self.workspace.diagnostics(path) if path in files else []
            source = self.workspace.source(path) if found else None
            told = [] if source is None else [self._diagnostic(source, each) for each in found]
            told_last, version = self._published.get(path, ([], None)), self._versions.get(path)
            if told_last != (told, version) and (told or told_last[0] or path in self._versions):
                self._published[path] = (told, version)
                yield lsp.PublishDiagnosticsParams(self.uri(path), told, version)
            if path not in files:
                self._published.pop(path, None)

    def _diagnostic(self, source: Source, fault: Diagnostic) -> lsp.Diagnostic:
        message = "\n".join(
            [
                fault.message + (f": {fault.label}" if fault.label else ""),
                *fault.notes,
                *([f"help: {fault.help}"] if fault.help else []),
            ]
        )
        related = [
            lsp.DiagnosticRelatedInformation(place, label.text)
            for label in fault.labels
            if (place := self.location(label.span)) is not None
        ]
        unused = fault.severity is Severity.WARNING and _UNUSED in fault.message
        return lsp.Diagnostic(
            self.positions.range(source, fault.span),
            message,
            _SEVERITIES[fault.severity],
            fault.code,
            source=SOURCE,
            tags=[lsp.DiagnosticTag.Unnecessary] if unused else None,
            related_information=related or None,
        )


def file_of(uri: str) -> str:
    """The file of a URI, links resolved. What is no file of the disk goes by its URI."""
    split = urlsplit(uri)
    return os.path.realpath(unquote(split.path)) if split.scheme == "file" else uri


def _without_mark(text: str) -> str:
    """A byte order mark is no part of a text; a blank in its place leaves all columns where they are."""
    return " " + text[1:] if text.startswith("\ufeff") else text
