"""What a file looks like from afar: its symbols, the parts that fold, what a selection grows to, what it links to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lsprotocol import types as lsp

from ppacer.records import fields, is_record
from ppc import ast
from ppc.diagnostics import Span
from ppc.includes import Unit
from ppc.lsp.session import Session
from ppc.parse_tokens import tokenise
from ppc.source import Source

_KINDS: dict[type, lsp.SymbolKind] = {
    ast.DagDecl: lsp.SymbolKind.Module,
    ast.GroupDecl: lsp.SymbolKind.Namespace,
    ast.TemplateDecl: lsp.SymbolKind.Class,
    ast.LetDecl: lsp.SymbolKind.Constant,
    ast.ParamDecl: lsp.SymbolKind.Variable,
    ast.NotifierDecl: lsp.SymbolKind.Event,
    ast.PoolDecl: lsp.SymbolKind.Object,
    ast.LabelDecl: lsp.SymbolKind.Key,
}


def document_symbols(session: Session, uri: str) -> list[lsp.DocumentSymbol]:
    unit = session.workspace.unit(session.path(uri))
    return _symbols(session, unit.source, unit.module.items) if isinstance(unit, Unit) else []


def workspace_symbols(session: Session, query: str) -> list[lsp.WorkspaceSymbol]:
    """All names that hold the letters of the query in their order."""
    found: list[lsp.WorkspaceSymbol] = []
    for path in session.workspace.all_files():
        unit = session.workspace.unit(path)
        if not isinstance(unit, Unit):
            continue
        uri = session.uri(path)
        waiting = [(symbol, "") for symbol in _symbols(session, unit.source, unit.module.items)]
        for symbol, inside in waiting:
            waiting += ((child, symbol.name) for child in symbol.children or ())
            if _matches(query, symbol.name):
                place = lsp.Location(uri, symbol.selection_range)
                found.append(lsp.WorkspaceSymbol(place, symbol.name, symbol.kind, container_name=inside or None))
    return found


def folding_ranges(session: Session, uri: str) -> list[lsp.FoldingRange]:
    """Blocks, brackets and texts of several lines, comments and imports that follow each other. Read off the tokens, so
    that what does not parse folds too."""
    source = session.source(uri)
    if source is None:
        return []
    lexed = tokenise(source)
    found: dict[int, lsp.FoldingRange] = {}

    def fold(start: int, end: int, kind: lsp.FoldingRangeKind | None = None) -> None:
        first, last = source.line_column(start)[0] - 1, source.line_column(end)[0] - 1
        if last > first:
            found.setdefault(first, lsp.FoldingRange(first, last, kind=kind))

    opened: list[int] = []
    for token in lexed.tokens:
        if token.type in _OPENS:
            opened.append(token.start)
        elif token.type in _CLOSES and opened:
            fold(opened.pop(), token.end - 1)
        elif token.type in ("STRING", "DOCSTRING"):
            fold(token.start, token.end)
    for start, end in _runs(source, [comment.span for comment in lexed.comments if comment.own_line]):
        fold(start, end, lsp.FoldingRangeKind.Comment)
    unit = session.workspace.unit(source.path)
    items = unit.module.items if isinstance(unit, Unit) else ()
    imports = [item.span for item in items if isinstance(item, ast.ImportDecl | ast.FromImportDecl | ast.IncludeDecl)]
    for start, end in _runs(source, imports):
        fold(start, end, lsp.FoldingRangeKind.Imports)
    return sorted(found.values(), key=lambda each: each.start_line)


def document_links(session: Session, uri: str) -> list[lsp.DocumentLink]:
    """Included files, and the scripts and queries that built-in tasks read, as far as they are there."""
    unit = session.workspace.unit(session.path(uri))
    found: list[lsp.DocumentLink] = []
    for item in unit.module.items if isinstance(unit, Unit) else ():
        place = session.workspace.included_by(session.path(uri), item) if isinstance(item, ast.IncludeDecl) else None
        if place is not None and isinstance(unit, Unit) and isinstance(item, ast.IncludeDecl):
            found.append(lsp.DocumentLink(session.positions.range(unit.source, item.path.span), session.uri(place)))
    return found


def selection_ranges(session: Session, uri: str, positions: Sequence[lsp.Position]) -> list[lsp.SelectionRange]:
    """For each place what holds it, from the word to the whole file."""
    unit = session.workspace.unit(session.path(uri))
    if not isinstance(unit, Unit):
        return []
    found: list[lsp.SelectionRange] = []
    for position in positions:
        offset = session.positions.offset(unit.source, position)
        spans = sorted(set(spans_at(unit.module, offset)), key=lambda span: (span.start - span.end, span.start))
        chosen: lsp.SelectionRange | None = None
        for span in spans:
            chosen = lsp.SelectionRange(session.positions.range(unit.source, span), chosen)
        found.append(chosen or lsp.SelectionRange(lsp.Range(position, position)))
    return found


def spans_at(node: object, offset: int) -> Iterator[Span]:
    """The spans of all nodes that hold an offset, the outer ones first."""
    if isinstance(node, tuple):
        for each in node:
            yield from spans_at(each, offset)
    elif is_record(node) and not isinstance(node, Span):
        span = getattr(node, "span", None)
        if isinstance(span, Span):
            if not span.start <= offset <= span.end:
                return
            yield span
        for field in fields(node):
            yield from spans_at(getattr(node, field.name), offset)


def _symbols(session: Session, source: Source, items: Sequence[object]) -> list[lsp.DocumentSymbol]:
    found: list[lsp.DocumentSymbol] = []
    for item in items:
        match item:
            case ast.HandlerDecl(event, body, span):
                name = "finally" if event is ast.HandlerEvent.FINALLY else f"on {event.value}"
                own, kind, detail = Span(span.file, span.start, span.start + len(name)), lsp.SymbolKind.Event, None
            case ast.DagDecl() | ast.GroupDecl() | ast.TemplateDecl():
                name, own, span, body, detail = item.name.name, item.name.span, item.span, item.body, None
                kind = _KINDS[type(item)]
            case ast.TaskDecl():
                name, own, span, body, detail = item.name.name, item.name.span, item.span, (), item.call.callee.text
                kind = lsp.SymbolKind.Function
            case ast.LetDecl() | ast.ParamDecl() | ast.NotifierDecl() | ast.PoolDecl() | ast.LabelDecl():
                name, own, span, body, detail = item.name.name, item.name.span, item.span, (), None
                kind = _KINDS[type(item)]
            case _:
                continue
        whole, place = session.positions.range(source, span), session.positions.range(source, own)
        found.append(lsp.DocumentSymbol(name, kind, whole, place, detail, children=_symbols(session, source, body)))
    return found


def _runs(source: Source, spans: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """Spans on lines that follow each other, from the first to the last."""
    start = end = -1
    for span in spans:
        if end >= 0 and source.line_column(span.start)[0] == source.line_column(end)[0] + 1:
            end = span.end
            continue
        if end >= 0:
            yield start, end
        start, end = span.start, span.end
    if end >= 0:
        yield start, end


def _matches(query: str, name: str) -> bool:
    letters = iter(name.lower())
    return all(letter in letters for letter in query.lower())


_OPENS = frozenset({"LBRACE", "LDICT", "LPAR", "LSQB"})
_CLOSES = frozenset({"RBRACE", "RDICT", "RPAR", "RSQB"})
