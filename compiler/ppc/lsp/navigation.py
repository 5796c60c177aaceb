"""From a name to what it stands for and back: definitions, references, renaming, callers and called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lsprotocol import types as lsp

from ppc import ast
from ppc.diagnostics import Span
from ppc.includes import Unit
from ppc.lsp.session import Session
from ppc.lsp.symbols import Kind, Occurrence, Symbol
from ppc.modules import Assigned, Imported, Module, Unclear
from ppd.words import RESERVED, SCOPES


def occurrence_at(session: Session, uri: str, position: lsp.Position) -> Occurrence | None:
    """The name at a place. Inside a broken statement a word means what it would mean in a sound one."""
    at = session.at(uri, position)
    names = None if at is None else session.names(at[0].path)
    if at is None or names is None:
        return None
    source, offset = at
    found = names.at(offset)
    if found is not None:
        return found
    unit = session.workspace.unit(source.path)
    for match in _WORD.finditer(source.text, max(source.text.rfind("\n", 0, offset), 0)):
        if match.start() > offset:
            break
        if offset <= match.end() and isinstance(unit, Unit) and match[0] in unit.module.broken_words:
            symbol = names.resolve(match[0], offset)
            return None if symbol is None else Occurrence(Span(source.path, match.start(), match.end()), symbol)
    return None


def definition(session: Session, uri: str, position: lsp.Position) -> lsp.Location | None:
    """Where a name is declared; an import and a callable lead into Python, an include to its file."""
    at = session.at(uri, position)
    found = occurrence_at(session, uri, position)
    if found is None:
        return None if at is None else _included(session, at[0].path, at[1])
    if found.symbol.python is not None:
        return python_location(session, session.path(uri), found.symbol.python) or _declared(session, found.symbol)
    return _declared(session, found.symbol)


def type_definition(session: Session, uri: str, position: lsp.Position) -> lsp.Location | None:
    """Of a task the callable that makes its output, of a group its template."""
    found = occurrence_at(session, uri, position)
    if found is None:
        return None
    names = session.names(found.symbol.span.file or session.path(uri))
    decl = found.symbol.decl
    if isinstance(decl, ast.TaskDecl | ast.GroupDecl | ast.NotifierDecl) and decl.call is not None and names:
        callee = names.at(decl.call.callee.span.end)
        if callee is not None and callee.symbol.python is not None:
            return python_location(session, decl.span.file, callee.symbol.python)
        return None if callee is None else _declared(session, callee.symbol)
    return None


def references(session: Session, uri: str, position: lsp.Position, *, declaration: bool) -> list[lsp.Location]:
    found = occurrence_at(session, uri, position)
    if found is None:
        return []
    places = (each for each in occurrences_of(session, uri, found.symbol) if declaration or not each.declares)
    return [place for each in places if (place := session.location(each.span)) is not None]


def highlights(session: Session, uri: str, position: lsp.Position) -> list[lsp.DocumentHighlight]:
    found = occurrence_at(session, uri, position)
    source = session.source(uri)
    names = None if source is None else session.names(source.path)
    if found is None or source is None or names is None:
        return []
    return [
        lsp.DocumentHighlight(
            session.positions.range(source, each.span),
            lsp.DocumentHighlightKind.Write if each.declares else lsp.DocumentHighlightKind.Read,
        )
        for each in names.occurrences
        if each.symbol.key == found.symbol.key
    ]


def occurrences_of(session: Session, uri: str, symbol: Symbol) -> Iterator[Occurrence]:
    """In the file that declares it and in all of the workspace that include that."""
    home = symbol.span.file or session.path(uri)
    files = [home, *session.workspace.includers([home])] if symbol.span.file else session.workspace.all_files()
    for path in files:
        names = session.names(path)
        if names is not None:
            yield from (each for each in names.occurrences if each.symbol.key == symbol.key)


# --- renaming ---------------------------------------------------------------------------------------------------------


class RenameError(Exception):
    """A name that cannot be given, or cannot be changed; the message is for the person who asked."""


def renamable(session: Session, uri: str, position: lsp.Position) -> lsp.Range | None:
    """The name that would change; none where there is none that the program declares itself."""
    found = occurrence_at(session, uri, position)
    source = session.source(uri)
    if found is None or source is None or not _may_change(found.symbol):
        return None
    return session.positions.range(source, found.span)


def rename(session: Session, uri: str, position: lsp.Position, name: str) -> lsp.WorkspaceEdit | None:
    """The edits of all files. Raises `RenameError`."""
    found = occurrence_at(session, uri, position)
    if found is None:
        return None
    if not _may_change(found.symbol):
        raise RenameError(f"`{found.symbol.name}` is not declared in a .ppd file: it cannot be renamed here")
    if not _NAME.fullmatch(name) or name in RESERVED or name in SCOPES:
        raise RenameError(f"`{name}` can be no name: a small letter or `_`, then letters, digits and `_`; no keyword")
    changes: dict[str, list[lsp.TextEdit]] = {}
    for each in occurrences_of(session, uri, found.symbol):
        source = session.workspace.source(each.span.file)
        if source is None:
            continue
        names = session.names(source.path)
        clash = None if names is None else names.resolve(name, each.span.start)
        if clash is not None and clash.key != found.symbol.key:
            raise RenameError(f"there is a {clash.kind} `{name}` already where `{found.symbol.name}` is used")
        edit = lsp.TextEdit(session.positions.range(source, each.span), name)
        changes.setdefault(session.uri(source.path), []).append(edit)
    return lsp.WorkspaceEdit(changes=changes)


def _may_change(symbol: Symbol) -> bool:
    """An import without an alias has the name that Python gives it."""
    if symbol.kind is not Kind.IMPORT:
        return bool(symbol.span.file)
    decl = symbol.decl
    if isinstance(decl, ast.FromImportDecl):
        return any(each.alias is not None and each.alias.span == symbol.span for each in decl.names)
    return isinstance(decl, ast.ImportDecl) and decl.alias is not None


# --- Python -----------------------------------------------------------------------------------------------------------


def python_location(session: Session, path: str, target: tuple[str, tuple[str, ...]]) -> lsp.Location | None:
    """The name of a function or class in its source, or the beginning of a module."""
    finder, _ = session.workspace.python(path)
    place = finder.definition(*target)
    if place is None:
        return None
    module = place if isinstance(place, Module) else place.module
    if not module.file or module.source is None:
        return None
    line, column, length = 1, 0, 0
    if not isinstance(place, Module) and not isinstance(place.binding, Imported | Unclear):
        node = place.binding.value if isinstance(place.binding, Assigned) else place.binding
        line, column = node.lineno, node.col_offset
        if not isinstance(place.binding, Assigned):
            text = module.lines[line - 1]
            column = text.find(place.binding.name, column)
            length = len(place.binding.name)
    start = lsp.Position(line - 1, column)
    return lsp.Location(session.uri(str(Path(module.file))), lsp.Range(start, lsp.Position(line - 1, column + length)))


def _declared(session: Session, symbol: Symbol) -> lsp.Location | None:
    return session.location(symbol.span) if symbol.span.file else None


def _included(session: Session, path: str, offset: int) -> lsp.Location | None:
    module = session.workspace.module(path)
    for item in () if module is None else module.items:
        if isinstance(item, ast.IncludeDecl) and item.path.span.start <= offset <= item.path.span.end:
            place = session.workspace.included_by(path, item)
            return None if place is None else session.location(Span(place, 0, 0))
    return None


_WORD = re.compile(r"[A-Za-z_]\w*")
_NAME = re.compile(r"[a-z_][A-Za-z0-9_]{0,199}", re.ASCII)
