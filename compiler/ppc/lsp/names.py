"""Every name of a file and what it stands for, read off the tree alone, so that it is known of broken files too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter

from ppc import ast
from ppc.callables import BUILT_IN_TASKS
from ppc.diagnostics import Span
from ppc.imports import Import, declared
from ppc.lsp.symbols import (
    Declared,
    FileNames,
    ItemNames,
    Kind,
    Occurrence,
    Scope,
    Symbol,
    declared_in,
    inner_names,
    nodes_of,
)
from ppc.settings import DAG_SETTINGS, POOL_SETTINGS, TASK_SETTINGS, Owner, Rule
from ppc.types import Named

RULES: Mapping[Owner, Mapping[str, Rule]] = {
    Owner.TASK: TASK_SETTINGS,
    Owner.DAG: DAG_SETTINGS,
    Owner.POOL: POOL_SETTINGS,
}


def names_of(module: ast.Module, included: Iterable[ast.Module]) -> FileNames:
    """The names of a file; `included` are the trees of all that it includes, directly or not."""
    seen = declared_in(module)
    for other in included:
        for kind, names in declared_in(other).items():
            if kind is not Kind.DAG:
                seen[kind] = {**names, **seen[kind]}
    imports: dict[str, Import] = {}
    for item in module.items:
        for each in declared(item) if isinstance(item, ast.ImportDecl | ast.FromImportDecl) else ():
            imports.setdefault(each.bound, each)
            seen[Kind.IMPORT].setdefault(each.bound, _imported(each, item))
    return FileNames(seen, imports, module.items, partial(_read, seen))


def _read(seen: Declared, item: ast.TopItem) -> ItemNames:
    walker = _Walker(seen)
    walker.top(item)
    return ItemNames(sorted(walker.found, key=attrgetter("span")), walker.scopes)


def _imported(found: Import, statement: object) -> Symbol:
    return Symbol(Kind.IMPORT, found.bound, found.span, statement, (found.module, found.names))


class _Walker:
    """Of one declaration; `seen` are the names of the file."""

    def __init__(self, seen: Declared) -> None:
        self._seen = seen
        self.found: list[Occurrence] = []
        self.scopes: list[Scope] = []

    def top(self, item: ast.TopItem) -> None:
        top = Scope(item.span)
        match item:
            case ast.ImportDecl() | ast.FromImportDecl():
                self._import(item)
            case ast.LetDecl(name, value):
                self._declares(Kind.LET, name, item)
                self._expr(value, top)
            case ast.NotifierDecl(name, call):
                self._declares(Kind.NOTIFIER, name, item)
                self._call(call, top)
            case ast.PoolDecl(name, settings):
                self._declares(Kind.POOL, name, item)
                self._settings(settings, top, Owner.POOL)
            case ast.LabelDecl(name):
                self._declares(Kind.LABEL, name, item)
            case ast.DefaultsDecl(settings):
                self._settings(settings, top, Owner.TASK)
            case ast.TemplateDecl(name, parameters, body, span=span):
                self._declares(Kind.TEMPLATE, name, item)
                scope = Scope(span, None, item)
                for parameter in parameters:
                    if parameter.default is not None:
                        self._expr(parameter.default, scope)
                    self._local(Kind.PARAMETER, parameter.name, parameter, scope)
                self._body(body, scope)
            case ast.DagDecl(name, _, body, span):
                self._declares(Kind.DAG, name, item)
                self._body(body, Scope(span, None, item))
            case _:
                pass

    def _import(self, item: ast.ImportDecl | ast.FromImportDecl) -> None:
        for each in declared(item):
            self.found.append(Occurrence(each.span, _imported(each, item), declares=True))
        if isinstance(item, ast.FromImportDecl) or item.alias is not None:
            module = Symbol(Kind.CALLABLE, item.module.text, Span("", 0, 0), None, (item.module.text, ()))
            self.found.append(Occurrence(item.module.span, module))
        for imported in item.names if isinstance(item, ast.FromImportDecl) else ():
            if imported.alias is not None:
                target = (item.module.text, (imported.name.name,))
                python = Symbol(Kind.CALLABLE, imported.name.name, Span("", 0, 0), None, target)
                self.found.append(Occurrence(imported.name.span, python))

    # --- bodies -----------------------------------------------------------------------------------------------------

    def _body(self, body: Sequence[ast.BodyItem], scope: Scope) -> None:
        self.scopes.append(scope)
        scope.names.update({name: node for name, node in nodes_of(body).items() if name not in scope.names})
        for item in body:
            if isinstance(item, ast.ParamDecl):
                symbol = Symbol(Kind.PARAM, item.name.name, item.name.span, item)
                scope.params.setdefault(item.name.name, symbol)
                self.found.append(Occurrence(item.name.span, symbol, declares=True))
        for item in body:
            self._body_item(item, scope)

    def _body_item(self, item: ast.BodyItem, scope: Scope) -> None:
        match item:
            case ast.Setting():
                self._settings([item], scope, Owner.DAG)
            case ast.DefaultsDecl(settings):
                self._settings(settings, scope, Owner.TASK)
            case ast.ParamDecl(default=default) if default is not None:
                self._expr(default, scope)
            case ast.TaskDecl(name, loops, call, when, settings, span):
                self._declares(Kind.TASK, name, item)
                inner = self._loops(loops, scope, span)
                self._call(call, inner)
                if when is not None:
                    self._expr(when, inner)
                self._settings(settings, inner, Owner.TASK)
            case ast.GroupDecl(name, loops, call, body, _, span):
                self._declares(Kind.GROUP, name, item)
                inner = self._loops(loops, scope, span)
                if call is not None:
                    self._call(call, inner, group=True)
                self._body(body, Scope(span, inner, scope.dag))
            case ast.HandlerDecl(body=body, span=span):
                self._body(body, Scope(span, scope, scope.dag))
            case ast.EdgeStatement(sides):
                for side in sides:
                    for ref in side.refs:
                        self._reference(ref, scope)
            case _:
                pass

    def _loops(self, loops: Sequence[ast.LoopClause], scope: Scope, span: Span) -> Scope:
        if not loops:
            return scope
        inner = Scope(span, scope, scope.dag)
        self.scopes.append(inner)
        for clause in loops:
            self._expr(clause.over, inner)
            self._local(Kind.VARIABLE, clause.variable, clause, inner)
        return inner

    def _reference(self, ref: ast.TaskRef, scope: Scope) -> None:
        first, *rest = ref.name.parts
        self._chain(scope.find(first.name), first.span, [*rest, *ref.inside])
        for key in ref.keys:
            if not isinstance(key, ast.Star):
                self._expr(key, scope)

    def _chain(self, symbol: Symbol | None, span: Span, names: Sequence[ast.Identifier]) -> None:
        """A name, and the names inside of what it stands for."""
        if symbol is None:
            return
        self.found.append(Occurrence(span, symbol))
        for name in names:
            symbol = inner_names(symbol, self._seen[Kind.TEMPLATE]).get(name.name)
            if symbol is None:
                return
            self.found.append(Occurrence(name.span, symbol))

    # --- settings ---------------------------------------------------------------------------------------------------

    def _settings(self, settings: Iterable[ast.Setting], scope: Scope, owner: Owner) -> None:
        for setting in settings:
            name = setting.name.name
            rule = RULES[owner].get(name)
            if rule is not None:
                symbol = Symbol(Kind.SETTING, name, Span("", 0, 0), owner=owner)
                self.found.append(Occurrence(setting.name.span, symbol))
            if rule is not None and isinstance(rule.type, Named):
                kind = Kind(rule.type.what)
                for word in _words(setting.value):
                    if word.name in self._seen[kind]:
                        self.found.append(Occurrence(word.span, self._seen[kind][word.name]))
            elif name == "schedule":
                self._schedule(setting.value, scope)
            else:
                self._expr(setting.value, scope)

    def _schedule(self, value: ast.Expr, scope: Scope) -> None:
        """A schedule may be a name of Python."""
        path = _dotted(value)
        if path is not None and path.parts[0].name not in self._seen[Kind.LET]:
            self._callee(path)
        elif isinstance(value, ast.ListLiteral):
            for item in value.items:
                self._schedule(item, scope)
        else:
            self._expr(value, scope)

    # --- expressions ------------------------------------------------------------------------------------------------

    def _expr(self, expr: ast.Expr, scope: Scope) -> None:
        match expr:
            case ast.Name(name, span):
                symbol = scope.find(name) or self._seen[Kind.LET].get(name)
                if symbol is not None:
                    self.found.append(Occurrence(span, symbol))
            case ast.AttributeExpr():
                self._attribute(expr, scope)
            case ast.IndexExpr(of, keys):
                self._expr(of, scope)
                for key in keys:
                    if not isinstance(key, ast.Star):
                        self._expr(key, scope)
            case ast.Call():
                self._call(expr, scope)
            case _:
                for part in parts_of(expr):
                    self._expr(part, scope)

    def _attribute(self, expr: ast.AttributeExpr, scope: Scope) -> None:
        names: list[ast.Identifier] = []
        of: ast.Expr = expr
        while isinstance(of, ast.AttributeExpr):
            names.insert(0, of.name)
            of = of.of
        if not isinstance(of, ast.Name):
            self._expr(of, scope)
        elif of.name == "params":
            param = scope.param(names[0].name)
            if param is not None:
                self.found.append(Occurrence(names[0].span, param))
        elif of.name in ("run", "task"):
            symbol = Symbol(Kind.FIELD, f"{of.name}.{names[0].name}", Span("", 0, 0))
            self.found.append(Occurrence(names[0].span, symbol))
        else:
            self._chain(scope.find(of.name) or self._seen[Kind.LET].get(of.name), of.span, names)

    def _call(self, call: ast.Call, scope: Scope, *, group: bool = False) -> None:
        template = self._seen[Kind.TEMPLATE].get(call.callee.text)
        if group and template is not None:
            self.found.append(Occurrence(call.callee.span, template))
        elif not group:
            self._callee(call.callee)
        parameters = template.decl.parameters if template and isinstance(template.decl, ast.TemplateDecl) else ()
        by_name = {parameter.name.name: parameter for parameter in parameters} if group else {}
        for argument in call.arguments:
            if argument.name is not None and argument.name.name in by_name:
                parameter = by_name[argument.name.name]
                symbol = Symbol(Kind.PARAMETER, argument.name.name, parameter.name.span, parameter)
                self.found.append(Occurrence(argument.name.span, symbol))
            self._expr(argument.value, scope)

    def _callee(self, callee: ast.DottedName) -> None:
        parts = [part.name for part in callee.parts]
        for length in range(len(parts), 0, -1):
            found = self._seen[Kind.IMPORT].get(".".join(parts[:length]))
            if found is None or found.python is None:
                continue
            bound = Span(callee.span.file, callee.span.start, callee.parts[length - 1].span.end)
            self.found.append(Occurrence(bound, found))
            module, names = found.python
            for index in range(length, len(parts)):
                target = (module, (*names, *parts[length : index + 1]))
                symbol = Symbol(Kind.CALLABLE, parts[index], Span("", 0, 0), None, target)
                self.found.append(Occurrence(callee.parts[index].span, symbol))
            return
        if callee.text in BUILT_IN_TASKS:
            built_in, _, name = BUILT_IN_TASKS[callee.text].partition(":")
            symbol = Symbol(Kind.CALLABLE, callee.text, Span("", 0, 0), None, (built_in, (name,)))
            self.found.append(Occurrence(callee.span, symbol))

    # --- declarations -----------------------------------------------------------------------------------------------

    def _declares(self, kind: Kind, name: ast.Identifier, decl: object) -> None:
        self.found.append(Occurrence(name.span, Symbol(kind, name.name, name.span, decl), declares=True))

    def _local(self, kind: Kind, name: ast.Identifier, decl: object, scope: Scope) -> None:
        symbol = Symbol(kind, name.name, name.span, decl)
        scope.names.setdefault(name.name, symbol)
        self.found.append(Occurrence(name.span, symbol, declares=True))


def parts_of(expr: ast.Expr) -> Iterator[ast.Expr]:
    """The expressions right inside of one."""
    match expr:
        case ast.ListLiteral(items):
            yield from items
        case ast.DictLiteral(pairs):
            for key, value in pairs:
                yield from (key, value)
        case ast.FormatLiteral(parts):
            yield from (part.value for part in parts if isinstance(part, ast.FormatField))
        case ast.UnaryExpr(operand=operand):
            yield operand
        case ast.BinaryExpr(left=left, right=right):
            yield from (left, right)
        case _:
            pass


def _words(value: ast.Expr) -> list[ast.Name]:
    items = value.items if isinstance(value, ast.ListLiteral) else (value,)
    return [item for item in items if isinstance(item, ast.Name)]


def _dotted(value: ast.Expr) -> ast.DottedName | None:
    names: list[ast.Identifier] = []
    of = value
    while isinstance(of, ast.AttributeExpr):
        names.insert(0, of.name)
        of = of.of
    if not isinstance(of, ast.Name):
        return None
    return ast.DottedName((ast.Identifier(of.name, of.span), *names), value.span)
