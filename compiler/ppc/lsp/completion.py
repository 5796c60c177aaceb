"""What may be typed at a place: read off the text before it and the names that were known last."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final
from zoneinfo import available_timezones

from lsprotocol import types as lsp

from ppacer import spec
from ppc.callables import BUILT_IN_TASKS, FoundCallable
from ppc.lsp import describe, snippets
from ppc.lsp.context import Block, Context, context_at
from ppc.lsp.hover import python_text
from ppc.lsp.names import RULES
from ppc.lsp.python_names import modules, names_in
from ppc.lsp.session import Session
from ppc.lsp.snippets import Snippet
from ppc.lsp.symbols import FileNames, Kind, Symbol, inner_names
from ppc.settings import Rule
from ppc.signatures import ParameterKind
from ppc.source import Source
from ppc.types import Duration, Named, Word, Words

_KINDS: Final = {
    Kind.LET: lsp.CompletionItemKind.Constant,
    Kind.TASK: lsp.CompletionItemKind.Function,
    Kind.GROUP: lsp.CompletionItemKind.Module,
    Kind.VARIABLE: lsp.CompletionItemKind.Variable,
    Kind.PARAMETER: lsp.CompletionItemKind.Variable,
    Kind.PARAM: lsp.CompletionItemKind.Field,
    Kind.TEMPLATE: lsp.CompletionItemKind.Class,
    Kind.IMPORT: lsp.CompletionItemKind.Module,
}
_DATA: Final = "python"


def complete(session: Session, uri: str, position: lsp.Position) -> list[lsp.CompletionItem]:
    at = session.at(uri, position)
    names = None if at is None else session.names(at[0].path)
    if at is None or names is None:
        return []
    source, offset = at
    context = context_at(source.text, offset)
    found = [] if context.comment else _Completer(session, source, names, context, offset).items()
    return list({item.label: item for item in found}.values())


def described(session: Session, item: lsp.CompletionItem) -> lsp.CompletionItem:
    """The item with the docstring that was left out of the list."""
    data = item.data
    if isinstance(data, dict) and isinstance(data.get(_DATA), list):
        path, module, *names = (str(each) for each in data[_DATA])
        text = python_text(session, path, item.label, (module, tuple(names)))
        item.documentation = lsp.MarkupContent(lsp.MarkupKind.Markdown, text)
    return item


class _Completer:
    def __init__(self, session: Session, source: Source, names: FileNames, context: Context, offset: int) -> None:
        self._session = session
        self._path = source.path
        self._text = source.text
        self._names = names
        self._context = context
        self._offset = offset
        inside = context.block is not Block.FILE
        self._scope = names.scope(offset) or (names.unfinished(offset) if inside else None)

    def items(self) -> Iterable[lsp.CompletionItem]:
        context = self._context
        if context.string >= 0:
            return self._inside_text()
        before = context.before
        if match := _FROM.match(before):
            return self._python(match[1].split("."), names=True)
        if _IMPORT.fullmatch(before):
            return self._python(context.path, names=False)
        if context.call is not None:
            return self._in_call()
        if context.path:
            return self._inside(context.path)
        if not before:
            return self._beginnings()
        if before.endswith("->") or (before.endswith(("-> [", ",")) and "->" in before):
            return self._nodes()
        if _PARAM_TYPE.search(before):
            return [_item(kind.value, lsp.CompletionItemKind.Keyword) for kind in spec.ParamKind]
        if match := _SETTING.fullmatch(before):
            return self._setting(match[1])
        if _DECLARED.fullmatch(before):
            return self._callables(group=before.startswith("group"))
        if before.endswith(("=", "(", "[", ",", "when", "in", "and", "or", "not", "+", "-", "<", ">", "{")):
            return self._values()
        if before.startswith("task ") and before.endswith(")"):
            return [_item("when", lsp.CompletionItemKind.Keyword)]
        return []

    # --- statements -------------------------------------------------------------------------------------------------

    def _beginnings(self) -> Iterator[lsp.CompletionItem]:
        block = self._context.block
        if block is Block.FILE:
            yield from (_snippet(each) for each in snippets.FILE_SNIPPETS)
        if block.holds_tasks:
            yield from (_snippet(each) for each in snippets.BODY_SNIPPETS)
            yield from self._nodes()
        if block is Block.DAG:
            yield from (_snippet(each) for each in snippets.DAG_SNIPPETS)
        owner = block.owner
        for name, rule in {} if owner is None else RULES[owner].items():
            if name in self._context.settings or (block is Block.DEFAULTS and not rule.in_defaults):
                continue
            assert owner is not None
            default = describe.default_of(owner, name)
            detail = rule.doc + (f" [{default}]" if default else "")
            text = lsp.MarkupContent(lsp.MarkupKind.Markdown, describe.setting(owner, name))
            kind = lsp.CompletionItemKind.Property
            yield lsp.CompletionItem(name, kind=kind, detail=detail, documentation=text, insert_text=f"{name} = ")

    def _setting(self, name: str) -> Iterator[lsp.CompletionItem]:
        owner = self._context.block.owner
        rule = None if owner is None else RULES[owner].get(name)
        if rule is None:
            yield from self._values()
        elif name == "schedule":
            yield from (_snippet(each) for each in snippets.SCHEDULE_SNIPPETS)
            yield from self._imports()
        elif name == "backoff":
            yield _snippet(snippets.BACKOFF)
        elif name == "after":
            yield from self._nodes()
        else:
            yield from self._of_rule(rule)

    def _of_rule(self, rule: Rule) -> Iterator[lsp.CompletionItem]:
        match rule.type:
            case Word(words):
                yield from (_item(word.value, lsp.CompletionItemKind.EnumMember) for word in words)
            case Words(words):
                bracketed = self._context.before.endswith(("[", ","))
                for word in words:
                    text = None if bracketed else f"[{word.value}]"
                    yield _item(word.value, lsp.CompletionItemKind.EnumMember, text=text)
            case Named(what):
                yield from (self._symbol(each) for each in self._names.declared[Kind(what)].values())
            case Duration():
                yield from (_item(each, lsp.CompletionItemKind.Value) for each in ("30s", "10m", "1h", "1d"))
            case _:
                yield from self._values()

    # --- callables and their arguments ------------------------------------------------------------------------------

    def _callables(self, *, group: bool) -> Iterator[lsp.CompletionItem]:
        if group:
            yield from (self._symbol(each) for each in self._names.declared[Kind.TEMPLATE].values())
            return
        for name, place in BUILT_IN_TASKS.items():
            module, _, attribute = place.partition(":")
            yield self._python_item(name, (module, attribute), "a built-in task")
        yield from self._imports()

    def _imports(self) -> Iterator[lsp.CompletionItem]:
        for bound, found in self._names.imports.items():
            yield self._python_item(bound, (found.module, *found.names), ".".join((found.module, *found.names)))

    def _in_call(self) -> Iterator[lsp.CompletionItem]:
        call = self._context.call
        assert call is not None
        if self._context.path:
            yield from self._inside(self._context.path)
            return
        if self._context.before.endswith(("(", ",")):
            yield from self._arguments(call.callee, call.names)
        yield from self._values()

    def _arguments(self, callee: str, given: Iterable[str]) -> Iterator[lsp.CompletionItem]:
        found = self._callee(callee)
        signature = None if found is None else found.signature
        for parameter in () if signature is None else signature.parameters:
            named = parameter.kind in (ParameterKind.EITHER, ParameterKind.NAMED_ONLY)
            if named and parameter.name not in given:
                kind = lsp.CompletionItemKind.Field
                yield _item(f"{parameter.name} = ", kind, detail=parameter.text, sort=f"0{parameter.name}")

    def _callee(self, callee: str) -> FoundCallable | None:
        found = python_target(self._names, callee)
        if found is None:
            return None
        finder, _ = self._session.workspace.python(self._path)
        described = finder.find(*found)
        return described if isinstance(described, FoundCallable) else None

    # --- values -----------------------------------------------------------------------------------------------------

    def _values(self) -> Iterator[lsp.CompletionItem]:
        yield from (self._symbol(each) for each in self._names.declared[Kind.LET].values())
        yield from (self._symbol(each) for each in ({} if self._scope is None else self._scope.all()).values())
        for variable in _VARIABLE.findall(self._context.statement):
            yield _item(variable, lsp.CompletionItemKind.Variable, detail="a loop variable")
        for word in ("params", "run", "task", "true", "false", "none"):
            yield _item(word, lsp.CompletionItemKind.Keyword)
        yield from (_snippet(each) for each in snippets.VALUE_SNIPPETS)

    def _nodes(self) -> Iterator[lsp.CompletionItem]:
        for symbol in ({} if self._scope is None else self._scope.all()).values():
            if symbol.kind in (Kind.TASK, Kind.GROUP):
                yield self._symbol(symbol)

    def _inside(self, path: tuple[str, ...]) -> Iterator[lsp.CompletionItem]:
        first = path[0]
        if first in ("run", "task") and len(path) == 1:
            for name, text in describe.FIELDS.items():
                if name.startswith(f"{first}."):
                    yield _item(name.partition(".")[2], lsp.CompletionItemKind.Field, detail=text)
        elif first == "params":
            scope = self._scope
            while scope is not None:
                yield from (self._symbol(each) for each in scope.params.values())
                scope = scope.outer
        elif self._scope is not None and (symbol := self._scope.find(first)) is not None:
            templates = self._names.declared[Kind.TEMPLATE]
            for name in path[1:]:
                symbol = None if symbol is None else inner_names(symbol, templates).get(name)
            inner = {} if symbol is None else inner_names(symbol, templates)
            yield from (self._symbol(each) for each in inner.values())
        else:
            target = python_target(self._names, ".".join(path))
            if target is not None:
                yield from self._python((*target[0].split("."), *target[1]), names=True)
            for bound in self._names.imports:
                if bound.startswith(f"{'.'.join(path)}."):
                    part = bound.split(".")[len(path)]
                    yield _item(part, lsp.CompletionItemKind.Module)

    # --- Python -----------------------------------------------------------------------------------------------------

    def _python(self, path: Iterable[str], *, names: bool) -> Iterator[lsp.CompletionItem]:
        name = ".".join(path)
        finder, folders = self._session.workspace.python(self._path)
        for module in modules(finder, folders, name):
            yield _item(module, lsp.CompletionItemKind.Module)
        if names and name:
            for each in names_in(finder, name):
                yield self._python_item(each, (name, each), name)

    def _python_item(self, label: str, target: tuple[str, ...], detail: str) -> lsp.CompletionItem:
        item = _item(label, lsp.CompletionItemKind.Function, detail=detail)
        item.data = {_DATA: [self._path, *target]}
        return item

    # --- texts ------------------------------------------------------------------------------------------------------

    def _inside_text(self) -> Iterator[lsp.CompletionItem]:
        before = self._context.statement
        written = self._text[self._context.string : self._offset]
        if _ZONE.search(before):
            place = lsp.Range(
                self._session.positions.position(self._source(), self._context.string),
                self._session.positions.position(self._source(), self._offset),
            )
            for zone in _zones():
                item = _item(zone, lsp.CompletionItemKind.Value)
                item.text_edit, item.filter_text = lsp.TextEdit(place, zone), zone
                yield item
        elif before.startswith("include") and "/" not in written:
            files = self._session.workspace.beside(self._path)
            yield from (_item(name, lsp.CompletionItemKind.File) for name in files)

    def _source(self) -> Source:
        source = self._session.workspace.source(self._path)
        assert source is not None
        return source

    def _symbol(self, symbol: Symbol) -> lsp.CompletionItem:
        kind = _KINDS.get(symbol.kind, lsp.CompletionItemKind.Reference)
        home = self._session.workspace.source(symbol.span.file)
        detail = symbol.kind.value if home is None else describe.statement(home, symbol.decl)
        return _item(symbol.name, kind, detail=detail or symbol.kind.value)


def python_target(names: FileNames, callee: str) -> tuple[str, tuple[str, ...]] | None:
    """The module and the names in it that a callee means; none where it is no name of Python."""
    parts = tuple(callee.split("."))
    for length in range(len(parts), 0, -1):
        found = names.imports.get(".".join(parts[:length]))
        if found is not None:
            return found.module, (*found.names, *parts[length:])
    if callee in BUILT_IN_TASKS:
        module, _, name = BUILT_IN_TASKS[callee].partition(":")
        return module, (name,)
    return None


def _item(
    label: str, kind: lsp.CompletionItemKind, *, detail: str | None = None, text: str | None = None, sort: str = ""
) -> lsp.CompletionItem:
    return lsp.CompletionItem(label, kind=kind, detail=detail, insert_text=text, sort_text=sort or None)


def _snippet(snippet: Snippet) -> lsp.CompletionItem:
    return lsp.CompletionItem(
        snippet.word,
        kind=lsp.CompletionItemKind.Snippet,
        detail=snippet.doc,
        insert_text=snippet.text,
        insert_text_format=lsp.InsertTextFormat.Snippet,
    )


@lru_cache(maxsize=1)
def _zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))


_FROM: Final = re.compile(r"from\s+([\w.]+)\s+import\b")
_IMPORT: Final = re.compile(r"(?:import|from)")
_PARAM_TYPE: Final = re.compile(r"(?:^param\s+\w+\s*|^template\s+\w+\s*\((?:.*,)?\s*\w+\s*):$")
_SETTING: Final = re.compile(r"(\w+)\s*=\s*\[?(?:\s*\w+\s*,)*")
_DECLARED: Final = re.compile(r"(?:task|group|notifier)\s+\w+\s*(?:\[.*\])?\s*=")
_VARIABLE: Final = re.compile(r"[\[,]\s*(\w+)\s+in\b")
_ZONE: Final = re.compile(r"timezone\s*=\s*\"[^\"]*\Z")
