"""What names stand for, and where they are seen: values without a word of the protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias

from ppacer.records import dataclass, field
from ppc import ast
from ppc.diagnostics import Span
from ppc.imports import Import
from ppc.settings import Owner


class Kind(StrEnum):
    """What a name stands for; the value is what people call it."""

    LET = "let"
    NOTIFIER = "notifier"
    POOL = "pool"
    LABEL = "label"
    TEMPLATE = "template"
    PARAMETER = "parameter"
    DAG = "dag"
    PARAM = "param"
    TASK = "task"
    GROUP = "group"
    VARIABLE = "loop variable"
    IMPORT = "import"
    CALLABLE = "callable"
    SETTING = "setting"
    FIELD = "field"


@dataclass(frozen=True, slots=True)
class Symbol:
    """One thing with a name. `span` is the name where it is declared in a `.ppd` file; without one (`file` empty) it
    is no name of the program: a Python callable, a setting, a field of `run`.

    `decl` is the statement that declares it. `python` leads to what a name of Python means; `owner` has the setting.
    """

    kind: Kind
    name: str
    span: Span
    decl: object = None
    python: tuple[str, tuple[str, ...]] | None = None
    owner: Owner | None = None

    @property
    def key(self) -> tuple[str, Span, tuple[str, tuple[str, ...]] | None]:
        """The same for all occurrences of one thing."""
        if self.span.file:
            return "", self.span, None
        return f"{self.kind}:{self.name}", self.span, self.python


@dataclass(frozen=True, slots=True)
class Occurrence:
    span: Span
    symbol: Symbol
    declares: bool = False


@dataclass(slots=True, eq=False)
class Scope:
    """The names that are seen inside a block, besides those of the file. `dag` is the dag or template around it."""

    span: Span
    outer: Scope | None = None
    dag: ast.DagDecl | ast.TemplateDecl | None = None
    names: dict[str, Symbol] = field(default_factory=dict)
    params: dict[str, Symbol] = field(default_factory=dict)

    def find(self, name: str) -> Symbol | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        return None

    def param(self, name: str) -> Symbol | None:
        scope: Scope | None = self
        while scope is not None and name not in scope.params:
            scope = scope.outer
        return None if scope is None else scope.params[name]

    def all(self) -> dict[str, Symbol]:
        """Every name seen here, the inner ones first."""
        found: dict[str, Symbol] = {}
        scope: Scope | None = self
        while scope is not None:
            found = {**scope.names, **found}
            scope = scope.outer
        return found


Declared: TypeAlias = dict[Kind, dict[str, Symbol]]


@dataclass(frozen=True, slots=True)
class ItemNames:
    """The names inside one declaration of a file: `occurrences` in source order, `scopes` from the outside in."""

    occurrences: Sequence[Occurrence]
    scopes: Sequence[Scope] = ()


@dataclass(slots=True, eq=False)
class FileNames:
    """`declared` are the names that the file sees outside of blocks, those of included files too. What stands inside of
    its `items` is read one by one when somebody asks for it: at each key mostly the one that is typed into."""

    declared: Declared
    imports: Mapping[str, Import]
    items: Sequence[ast.TopItem]
    read: Callable[[ast.TopItem], ItemNames]
    _known: dict[int, ItemNames] = field(default_factory=dict)

    @property
    def occurrences(self) -> Iterator[Occurrence]:
        """All of the file, in source order."""
        return (each for index in range(len(self.items)) for each in self._inside(index).occurrences)

    @property
    def scopes(self) -> Iterator[Scope]:
        """All of the file, from the outside in."""
        return (scope for index in range(len(self.items)) for scope in self._inside(index).scopes)

    def at(self, offset: int) -> Occurrence | None:
        """The innermost name that an offset is in, or right behind."""
        inside = (each for index in self._around(offset) for each in self._inside(index).occurrences)
        found = [each for each in inside if each.span.start <= offset <= each.span.end]
        return min(found, key=lambda each: each.span.end - each.span.start, default=None)

    def scope(self, offset: int) -> Scope | None:
        inside = (scope for index in self._around(offset) for scope in self._inside(index).scopes)
        found = [scope for scope in inside if scope.span.start <= offset <= scope.span.end]
        return found[-1] if found else None

    def unfinished(self, offset: int) -> Scope | None:
        """The scope of the last dag or template that begins before an offset: it may lack its end, and go on there."""
        for index in reversed(range(len(self.items))):
            item = self.items[index]
            if isinstance(item, ast.DagDecl | ast.TemplateDecl) and item.span.start <= offset:
                return self._inside(index).scopes[0]
        return None

    def resolve(self, name: str, offset: int) -> Symbol | None:
        """What a word means at a place where no statement parses."""
        scope = self.scope(offset)
        found = None if scope is None else scope.find(name)
        if found is not None:
            return found
        return next((of_kind[name] for of_kind in self.declared.values() if name in of_kind), None)

    def _around(self, offset: int) -> list[int]:
        return [index for index, item in enumerate(self.items) if item.span.start <= offset <= item.span.end]

    def _inside(self, index: int) -> ItemNames:
        known = self._known.get(index)
        if known is None:
            known = self._known[index] = self.read(self.items[index])
        return known


def declared_in(module: ast.Module) -> Declared:
    """What a file declares itself outside of blocks."""
    found: Declared = {kind: {} for kind in Kind}
    for item in module.items:
        match item:
            case ast.LetDecl(name):
                _put(found, Kind.LET, name, item)
            case ast.NotifierDecl(name):
                _put(found, Kind.NOTIFIER, name, item)
            case ast.PoolDecl(name):
                _put(found, Kind.POOL, name, item)
            case ast.LabelDecl(name):
                _put(found, Kind.LABEL, name, item)
            case ast.TemplateDecl(name):
                _put(found, Kind.TEMPLATE, name, item)
            case ast.DagDecl(name):
                _put(found, Kind.DAG, name, item)
            case _:
                pass
    return found


def inner_names(symbol: Symbol, templates: Mapping[str, Symbol]) -> dict[str, Symbol]:
    """The tasks and groups inside a group, through the template that it is made from."""
    decl = symbol.decl
    if not isinstance(decl, ast.GroupDecl):
        return {}
    if decl.call is None:
        return nodes_of(decl.body)
    template = templates.get(decl.call.callee.text)
    return nodes_of(template.decl.body) if template is not None and isinstance(template.decl, ast.TemplateDecl) else {}


def _put(found: Declared, kind: Kind, name: ast.Identifier, decl: object) -> None:
    found[kind].setdefault(name.name, Symbol(kind, name.name, name.span, decl))


def nodes_of(body: Iterable[ast.BodyItem]) -> dict[str, Symbol]:
    found: dict[str, Symbol] = {}
    for item in body:
        if isinstance(item, ast.TaskDecl | ast.GroupDecl):
            kind = Kind.TASK if isinstance(item, ast.TaskDecl) else Kind.GROUP
            found.setdefault(item.name.name, Symbol(kind, item.name.name, item.name.span, item))
    return found
