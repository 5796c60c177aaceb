"""A Python function that a call has and its module lacks: written as a stub, with the types of the call's arguments."""

from __future__ import annotations

import ast as python
from collections.abc import Iterator
from keyword import iskeyword
from pathlib import Path
from typing import Final

from lsprotocol import types as lsp

from ppc import ast
from ppc.annotations import Annotations
from ppc.checks.data import DagTypes
from ppc.expressions import Expressions
from ppc.lsp.completion import python_target
from ppc.lsp.nodes import Around, resolved
from ppc.modules import Module
from ppc.typing_model import (
    NONE,
    DictType,
    Kind,
    ListType,
    LiteralType,
    PlainType,
    RecordType,
    TupleType,
    Type,
    UnionType,
    members,
    plain,
    union,
)
from ppc.typing_outputs import Outputs

_MODULES: Final = {
    "date": "datetime",
    "datetime": "datetime",
    "timedelta": "datetime",
    "time": "datetime",
    "Decimal": "decimal",
    "Path": "pathlib",
}
_NAMES: Final = {Kind.DURATION: "timedelta", Kind.DECIMAL: "Decimal", Kind.PATH: "Path"}


def create_function(at: Around) -> Iterator[lsp.CodeAction]:
    """For a call of what its module lacks, or the import of it; in a new module, where that is not there either."""
    task = at.innermost(ast.TaskDecl) or _caller(at)
    target = None if task is None else python_target(at.names, task.call.callee.text)
    if task is None or target is None or len(target[1]) != 1 or not target[1][0].isidentifier():
        return
    module, (name,) = target
    finder, folders = at.session.workspace.python(at.source.path)
    found = finder.module(module)
    if found is None:
        place = Path(folders[0], *module.split(".")).with_suffix(".py")
        if not place.parent.is_dir() or not _may_create(at):
            return
        uri, edits = at.session.uri(str(place)), _in_new(_stub(at, task, name))
        document = lsp.OptionalVersionedTextDocumentIdentifier(uri)
        made = lsp.CreateFile(uri, options=lsp.CreateFileOptions(ignore_if_exists=True))
        edit = lsp.WorkspaceEdit(document_changes=[made, lsp.TextDocumentEdit(document, [*edits])])
    elif found.project and found.tree is not None and found.file.endswith(".py") and name not in found.bindings:
        uri = at.session.uri(str(Path(found.file)))
        edit = lsp.WorkspaceEdit(changes={uri: _in_module(at, found, found.tree, _stub(at, task, name))})
    else:
        return
    yield lsp.CodeAction(f"Create the function `{name}` in `{module}`", lsp.CodeActionKind.QuickFix, edit=edit)


def _may_create(at: Around) -> bool:
    """Whether the editor can be asked to make a file."""
    return lsp.ResourceOperationKind.Create in at.session.operations


def _caller(at: Around) -> ast.TaskDecl | None:
    """The first task that calls what the import at hand names."""
    imported = next((node for node in reversed(at.nodes) if isinstance(node, ast.ImportedName)), None)
    statement = next((node for node in at.nodes if isinstance(node, ast.ImportDecl | ast.FromImportDecl)), None)
    if statement is None:
        return None
    waiting: list[object] = list(at.module.items)
    for item in waiting:
        waiting += getattr(item, "body", ())
        if isinstance(item, ast.TaskDecl):
            target = python_target(at.names, item.call.callee.text)
            names = (imported.name.name,) if imported is not None else None
            if target is not None and target[0] == statement.module.text and names in (None, target[1]):
                return item
    return None


# --- the stub ---------------------------------------------------------------------------------------------------------


class _Stub:
    """The text of a function, and what it needs from the standard library, by module."""

    def __init__(self, text: str, names: set[str]) -> None:
        self.text = text
        self.names = sorted(names)


def _stub(at: Around, task: ast.TaskDecl, name: str) -> _Stub:
    needed: set[str] = set()
    parameters: list[str] = []
    star = False
    for argument, type_ in _arguments(at, task):
        if argument.name is not None and not star:
            star = True
            parameters += ["*"] if parameters else []
        word = argument.name.name if argument.name is not None else _word(argument.value)
        while any(each.startswith(f"{word}:") for each in parameters):
            word += "_2"
        parameters.append(f"{word}: {_annotation(type_, needed)}")
    if parameters[-1:] == ["*"] or parameters[:1] == ["*"]:
        parameters.remove("*")
    uses = (each for each in at.names.occurrences if each.symbol.decl is task and not each.declares)
    returned = "object" if any(_is_read(at, each.span.start) for each in uses) else "None"
    text = f'def {name}({", ".join(parameters)}) -> {returned}:\n    raise NotImplementedError("{name}")\n'
    return _Stub(text, needed)


def _is_read(at: Around, offset: int) -> bool:
    """Whether the name of a task at a place is no side of an edge."""
    return not any(
        isinstance(item, ast.EdgeStatement) and item.span.start <= offset < item.span.end
        for holder in at.module.items
        for item in getattr(holder, "body", ())
    )


def _arguments(at: Around, task: ast.TaskDecl) -> Iterator[tuple[ast.Argument, Type]]:
    checked = at.session.workspace.check(at.source.path)
    found = resolved(checked, task)
    for argument in task.call.arguments:
        type_: Type = NONE
        if found is not None:
            dag, of = found
            value = Expressions(of.scope, of.variables).argument(argument.value, [])
            if value is not None:
                inference = DagTypes(dag, Outputs(Annotations(checked.callables))).at(of)
                type_ = inference.quietly(value)
        yield argument, type_


def _word(value: ast.Expr) -> str:
    match value:
        case ast.Name(name) if not iskeyword(name):
            return name
        case ast.AttributeExpr(name=name) if not iskeyword(name.name):
            return name.name
        case ast.IndexExpr(of=of):
            return _word(of)
    return "value"


def _annotation(type_: Type, needed: set[str]) -> str:
    """The type as Python writes it; `object` where there is no more to tell."""
    match plain(type_):
        case LiteralType(kind=kind) | PlainType(kind=kind):
            word = _NAMES.get(kind, kind.value)
            if word in _MODULES:
                needed.add(word)
            return word
        case ListType(item):
            return f"list[{_annotation(item, needed)}]"
        case TupleType(items):
            return f"list[{_annotation(union(plain(item) for item in items), needed) if items else 'object'}]"
        case DictType(key, value):
            return f"dict[{_annotation(key, needed)}, {_annotation(value, needed)}]"
        case RecordType():
            return "dict[str, object]"
        case UnionType() as several:
            rest = [each for each in members(several) if each != NONE]
            words = list(dict.fromkeys(_annotation(each, needed) for each in rest))
            return " | ".join([*words, *(["None"] if len(rest) < len(members(several)) else [])])
    return "object"


# --- where it goes ----------------------------------------------------------------------------------------------------


def _in_new(stub: _Stub) -> list[lsp.TextEdit]:
    start = lsp.Position(0, 0)
    imports = "".join(f"from {_MODULES[name]} import {name}\n" for name in stub.names)
    return [lsp.TextEdit(lsp.Range(start, start), f"{imports}\n\n{stub.text}" if imports else stub.text)]


def _in_module(at: Around, module: Module, tree: python.Module, stub: _Stub) -> list[lsp.TextEdit]:
    lines = module.lines
    end = lsp.Position(len(lines) - 1, at.session.positions.units(lines[-1]))
    before = "" if not (module.source or "").strip() else "\n\n" if not lines[-1] else "\n\n\n"
    edits = [lsp.TextEdit(lsp.Range(end, end), before + stub.text)]
    missing = [name for name in stub.names if name not in module.bindings]
    if missing:
        heads = [each for each in tree.body if isinstance(each, python.Import | python.ImportFrom)]
        first = tree.body[0] if tree.body else None
        documented = first if isinstance(first, python.Expr) and isinstance(first.value, python.Constant) else None
        last = heads[-1] if heads else documented
        line = 0 if last is None or last.end_lineno is None else last.end_lineno
        written = "".join(f"from {_MODULES[name]} import {name}\n" for name in missing)
        place = lsp.Position(line, 0)
        edits.insert(0, lsp.TextEdit(lsp.Range(place, place), written if heads else f"\n{written}"))
    return edits
