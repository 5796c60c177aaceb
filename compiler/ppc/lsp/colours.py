"""Semantic tokens: what each name is. Keywords, texts and numbers are the grammars' business."""

from __future__ import annotations

from typing import Final

from lsprotocol import types as lsp

from ppc.lsp.session import Session
from ppc.lsp.symbols import Kind

_TYPES: Final = {
    Kind.LET: lsp.SemanticTokenTypes.Variable,
    Kind.NOTIFIER: lsp.SemanticTokenTypes.Event,
    Kind.POOL: lsp.SemanticTokenTypes.Struct,
    Kind.LABEL: lsp.SemanticTokenTypes.Struct,
    Kind.TEMPLATE: lsp.SemanticTokenTypes.Class,
    Kind.PARAMETER: lsp.SemanticTokenTypes.Parameter,
    Kind.DAG: lsp.SemanticTokenTypes.Namespace,
    Kind.PARAM: lsp.SemanticTokenTypes.Parameter,
    Kind.TASK: lsp.SemanticTokenTypes.Function,
    Kind.GROUP: lsp.SemanticTokenTypes.Namespace,
    Kind.VARIABLE: lsp.SemanticTokenTypes.Variable,
    Kind.IMPORT: lsp.SemanticTokenTypes.Namespace,
    Kind.CALLABLE: lsp.SemanticTokenTypes.Method,
    Kind.SETTING: lsp.SemanticTokenTypes.Property,
    Kind.FIELD: lsp.SemanticTokenTypes.Property,
}
_NAMES: Final = tuple(dict.fromkeys(each.value for each in _TYPES.values()))
_READ_ONLY: Final = frozenset({Kind.LET, Kind.PARAM, Kind.PARAMETER, Kind.VARIABLE})
LEGEND: Final = lsp.SemanticTokensLegend(
    list(_NAMES),
    [lsp.SemanticTokenModifiers.Declaration.value, lsp.SemanticTokenModifiers.Readonly.value],
)


def semantic_tokens(session: Session, uri: str) -> lsp.SemanticTokens:
    source = session.source(uri)
    names = None if source is None else session.names(source.path)
    data: list[int] = []
    if source is None or names is None:
        return lsp.SemanticTokens(data)
    line = column = end = 0
    for each in names.occurrences:
        if each.span.start < end:
            continue  # a name of several parts has been coloured as a whole
        end = each.span.end
        start = session.positions.position(source, each.span.start)
        length = session.positions.units(source.text[each.span.start : end])
        kind = _NAMES.index(_TYPES[each.symbol.kind].value)
        modifiers = each.declares + 2 * (each.symbol.kind in _READ_ONLY)
        data += [start.line - line, start.character - (column if start.line == line else 0), length, kind, modifiers]
        line, column = start.line, start.character
    return lsp.SemanticTokens(data)
