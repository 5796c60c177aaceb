"""Refactorings within a file: a constant becomes a `let`, an order that data or `after` gives becomes an edge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from lsprotocol import types as lsp

from ppc import ast
from ppc.callables import BUILT_IN_TASKS
from ppc.diagnostics import Edit, Span
from ppc.lsp.nodes import Around, nodes_at
from ppc.lsp.symbols import Kind
from ppc.syntax import walk
from ppd.words import RESERVED, SCOPES

_LIFTED: TypeAlias = (
    ast.Constant
    | ast.DurationLiteral
    | ast.ListLiteral
    | ast.DictLiteral
    | ast.FormatLiteral
    | ast.UnaryExpr
    | ast.BinaryExpr
)
_HIDDEN: Final = frozenset({Kind.SETTING, Kind.FIELD, Kind.CALLABLE, Kind.DAG, Kind.PARAM})
"""What has names that a `let` may have too."""


def refactorings(at: Around) -> Iterator[lsp.CodeAction]:
    expr = _constant(at)
    if expr is not None:
        name = _name(at, expr)
        edits = [_declaration(at, name, at.text(expr.span)), Edit(expr.span, name)]
        yield _action(at, f"Extract `let {name}`", lsp.CodeActionKind.RefactorExtract, edits)
    task = at.innermost(ast.TaskDecl)
    if task is not None and not task.loops:
        setting = next((node for node in at.nodes if isinstance(node, ast.Setting) and node.name.name == "after"), None)
        found = _from_data(at, task) if setting is None else _from_after(at, task, setting)
        if found is not None:
            edge, edits = found
            yield _action(at, f"Write the edge `{edge}`", lsp.CodeActionKind.RefactorRewrite, edits)


def _action(at: Around, title: str, kind: lsp.CodeActionKind, edits: list[Edit]) -> lsp.CodeAction:
    changes = {at.session.uri(at.source.path): at.session.positions.edits(at.source, edits)}
    return lsp.CodeAction(title, kind, edit=lsp.WorkspaceEdit(changes=changes))


# --- a `let` ----------------------------------------------------------------------------------------------------------


def _constant(at: Around) -> ast.Expr | None:
    """The expression that is selected, or the literal at the cursor, if its value is known when it is built."""
    start, end = at.start, at.end
    if start == end:
        found = next((node for node in reversed(at.nodes) if isinstance(node, _LIFTED)), None)
    else:
        written = at.source.text[start:end]
        start, end = start + len(written) - len(written.lstrip()), end - len(written) + len(written.rstrip())
        exactly = (node for node in at.nodes if isinstance(node, _LIFTED) and _is_at(node.span, start, end))
        found = next(exactly, None)
    if found is None or any(isinstance(node, ast.IncludeDecl | ast.TypeExpr) for node in at.nodes):
        return None
    if any(isinstance(node, ast.LetDecl) and node.value is found for node in at.nodes):
        return None
    for part in walk(found):
        if isinstance(part, ast.Call):
            return None
        if isinstance(part, ast.Name):
            named = at.names.at(part.span.start)
            if named is None or named.symbol.kind is not Kind.LET:
                return None
    return found


def _is_at(span: Span, start: int, end: int) -> bool:
    return (span.start, span.end) == (start, end)


def _name(at: Around, expr: ast.Expr) -> str:
    """What the value is called where it stands, or just a value; a name that nothing in the file has."""
    word = "value"
    for node in at.nodes:
        match node:
            case ast.Setting(named, value) if value is expr:
                word = named.name
            case ast.Argument(ast.Identifier() as named, value) if value is expr:
                word = named.name
            case ast.LoopClause(variable, over) if over is expr:
                word = f"{variable.name}s"
            case _:
                pass
    taken = {each.symbol.name for each in at.names.occurrences if each.symbol.kind not in _HIDDEN}
    taken.update(name for kind, names in at.names.declared.items() if kind not in _HIDDEN for name in names)
    taken.update(at.module.broken_words, RESERVED, SCOPES, BUILT_IN_TASKS)
    if not word.isascii() or not (word[0].islower() or word[0] == "_"):
        word = "value"
    name, number = word, 2
    while name in taken:
        name, number = f"{word}_{number}", number + 1
    return name


def _declaration(at: Around, name: str, value: str) -> Edit:
    """Behind the last `let` before, or the last import or include, or right before the statement."""
    written = f"let {name} = {value}"
    statement = next(item for item in at.module.items if item.span.start <= at.start <= item.span.end)
    before = [item for item in at.module.items if item.span.end <= statement.span.start]
    lets = [item for item in before if isinstance(item, ast.LetDecl)]
    heads = [item for item in before if isinstance(item, ast.ImportDecl | ast.FromImportDecl | ast.IncludeDecl)]
    if lets or heads:
        line, _ = at.source.line_column((lets or heads)[-1].span.end)
        place = at.source.line_start(line) + len(at.source.line_text(line))
        written = f"\n{written}" if lets else f"\n\n{written}"
    else:
        place, written = at.source.line_start(at.source.line_column(statement.span.start)[0]), f"{written}\n\n"
    return Edit(Span(at.source.path, place, place), written)


# --- an edge ----------------------------------------------------------------------------------------------------------


def _from_after(at: Around, task: ast.TaskDecl, setting: ast.Setting) -> tuple[str, list[Edit]] | None:
    """The edge in place of the setting `after`."""
    value = setting.value
    items = value.items if isinstance(value, ast.ListLiteral) else (value,)
    if not items or not all(_is_reference(item) for item in items):
        return None
    edge = f"{at.text(value.span)} -> {task.name.name}"
    whole = (task.call if task.when is None else task.when).span.end
    rest = [each for each in task.settings if each is not setting]
    if rest:
        number = task.settings.index(setting)
        following = task.settings[number + 1 : number + 2]
        start = setting.span.start if following else task.settings[number - 1].span.end
        cut = Span(at.source.path, start, following[0].span.start if following else setting.span.end)
        added = _line_behind(at, task, edge)
        return None if "#" in at.text(cut) else (edge, [Edit(cut, ""), added])
    cut = Span(at.source.path, whole, task.span.end)
    return None if "#" in at.text(cut) else (edge, [Edit(cut, f"\n{at.indent(task.span.start)}{edge}")])


def _from_data(at: Around, task: ast.TaskDecl) -> tuple[str, list[Edit]] | None:
    """The edge for an output that the task takes, from another task or group of its own block."""
    holders = (node for node in reversed(at.nodes) if isinstance(node, _BODIES))
    body = next((node.body for node in holders if any(item is task for item in node.body)), ())
    nodes = tuple(nodes_at(at.module, at.start, at.start))
    first = next((node for node in reversed(nodes) if isinstance(node, ast.Name)), None)
    named = None if first is None else at.names.at(first.span.start)
    if first is None or named is None or not any(item is named.symbol.decl for item in body):
        return None
    whole: ast.Expr = first
    decl = named.symbol.decl
    for node in reversed(nodes):
        if isinstance(node, ast.IndexExpr) and node.of is whole and isinstance(decl, _FAMILIES) and decl.loops:
            if not _is_reference(node):
                return None
            whole = node
        elif isinstance(node, ast.AttributeExpr) and node.of is whole:
            inner = at.names.at(node.name.span.start)
            if inner is None or inner.symbol.kind not in (Kind.TASK, Kind.GROUP):
                break
            whole, decl = node, inner.symbol.decl
    edge = f"{at.text(whole.span)} -> {task.name.name}"
    if any(isinstance(item, ast.EdgeStatement) and edge in at.text(item.span) for item in body):
        return None
    return edge, [_line_behind(at, task, edge)]


def _line_behind(at: Around, task: ast.TaskDecl, line: str) -> Edit:
    end = task.span.end
    return Edit(Span(at.source.path, end, end), f"\n{at.indent(task.span.start)}{line}")


def _is_reference(expr: ast.Expr) -> bool:
    """A name with its keys written out, as it may stand in an edge."""
    match expr:
        case ast.Name():
            return True
        case ast.AttributeExpr(of):
            return _is_reference(of)
        case ast.IndexExpr(of, keys):
            return _is_reference(of) and all(isinstance(key, ast.Constant | ast.Star) for key in keys)
    return False


_BODIES: TypeAlias = ast.DagDecl | ast.GroupDecl | ast.TemplateDecl | ast.HandlerDecl
_FAMILIES: TypeAlias = ast.TaskDecl | ast.GroupDecl
