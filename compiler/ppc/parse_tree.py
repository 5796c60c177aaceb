"""Grammar rules to tree: one function for each alternative of `ppd.lark`, called as the parser reduces it.

Each takes what its alternative names, in order, as one list; the types of its items are declared as a tuple. Nothing
here looks at the text: tokens bring their nodes, places and the reading to tell faults to.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias, TypeVar

from ppacer.records import replace
from ppc import ast
from ppc.diagnostics import Diagnostic, Span
from ppc.docstrings import clean
from ppc.parse_faults import BAD_NAME, RESERVED_NAME, UNEXPECTED
from ppc.parse_reading import Token
from ppd.words import RESERVED, SCOPES

NAME_LIMIT: Final = 200

T = TypeVar("T")
Node = TypeVar("Node", bound=ast.TopItem | ast.BodyItem)
Settings: TypeAlias = tuple[ast.Setting, ...]
Keys: TypeAlias = list[ast.Expr | ast.Star]

_LITERALS: Final = (ast.Constant, ast.DurationLiteral)
_NAME: Final = re.compile(r"[a-z_][A-Za-z0-9_]*")


class Items(list[Node]):
    """The statements of a block so far. The parser finds by this type where a statement begins."""


class UnbuildableError(Exception):
    """The grammar allows it and the language does not: to the parser as good as a token that cannot stand there."""

    def __init__(self, fault: Diagnostic) -> None:
        super().__init__(fault.message)
        self.fault = fault


class TreeBuilder:
    # --- lists and pass-throughs --------------------------------------------------------------------------------------

    def items(self, _: list[object]) -> Items[ast.BodyItem]:
        return Items()

    def items_more(self, c: tuple[Items[Node], Node | None, Token]) -> Items[Node]:
        items, item, _ = c
        if item is not None:
            items.append(item)
        return items

    def nothing(self, _: list[object]) -> None:
        return None

    def same(self, c: list[T]) -> T:
        return c[0]

    def second(self, c: tuple[Token, T]) -> T:
        return c[1]

    def bracketed(self, c: tuple[Token, T, Token]) -> T:
        return c[1]

    def listed_none(self, _: list[object]) -> list[object]:
        return []

    def listed(self, c: list[T]) -> list[T]:
        return [c[0]]

    def listed_more(self, c: tuple[list[T], Token, T]) -> list[T]:
        items, _, item = c
        items.append(item)
        return items

    def joined(self, c: tuple[list[T], Token, list[T]]) -> list[T]:
        first, _, rest = c[:3]
        return first + rest

    # --- a file -------------------------------------------------------------------------------------------------------

    def module(self, c: tuple[ast.Docstring | None, Items[ast.TopItem]]) -> ast.Module:
        doc, items = c
        return ast.Module(doc, tuple(items), Span("", 0, 0))

    def docstring(self, c: tuple[Token, Token]) -> ast.Docstring:
        constant = c[0].payload
        assert isinstance(constant, ast.Constant)
        assert isinstance(constant.value, str)
        return ast.Docstring(clean(constant.value), constant.span)

    def import_module(self, c: tuple[Token, ast.DottedName]) -> ast.ImportDecl:
        keyword, module = c
        return ast.ImportDecl(module, None, _from(keyword, module.span))

    def import_as(self, c: tuple[Token, ast.DottedName, Token, ast.Identifier]) -> ast.ImportDecl:
        keyword, module, _, alias = c
        return ast.ImportDecl(module, alias, _from(keyword, alias.span))

    def import_from(self, c: tuple[Token, ast.DottedName, Token, list[ast.ImportedName]]) -> ast.FromImportDecl:
        keyword, module, _, names = c
        return ast.FromImportDecl(module, tuple(names), _from(keyword, names[-1].span))

    def import_from_bracketed(
        self, c: tuple[Token, ast.DottedName, Token, Token, list[ast.ImportedName], Token]
    ) -> ast.FromImportDecl:
        keyword, module, _, _, names = c[:5]
        return ast.FromImportDecl(module, tuple(names), _from(keyword, c[-1].span))

    def imported(self, c: tuple[ast.Identifier]) -> ast.ImportedName:
        return ast.ImportedName(c[0], None, c[0].span)

    def imported_as(self, c: tuple[Token, Token, ast.Identifier]) -> ast.ImportedName:
        name, _, alias = c
        return ast.ImportedName(_identifier(name), alias, _from(name, alias.span))

    def include(self, c: tuple[Token, Token]) -> ast.IncludeDecl:
        keyword, path = c
        assert isinstance(path.payload, ast.Constant)
        return ast.IncludeDecl(path.payload, _from(keyword, path.span))

    def let(self, c: tuple[Token, ast.Identifier, Token, ast.Expr]) -> ast.LetDecl:
        keyword, name, _, value = c
        return ast.LetDecl(name, value, _from(keyword, value.span))

    def notifier(self, c: tuple[Token, ast.Identifier, Token, ast.Call]) -> ast.NotifierDecl:
        keyword, name, _, call = c
        return ast.NotifierDecl(name, call, _from(keyword, call.span))

    def pool(self, c: tuple[Token, ast.Identifier, tuple[Settings, Span]]) -> ast.PoolDecl:
        keyword, name, (settings, block) = c
        return ast.PoolDecl(name, settings, _from(keyword, block))

    def label(self, c: tuple[Token, ast.Identifier]) -> ast.LabelDecl:
        keyword, name = c
        return ast.LabelDecl(name, _from(keyword, name.span))

    def defaults(self, c: tuple[Token, tuple[Settings, Span]]) -> ast.DefaultsDecl:
        keyword, (settings, block) = c
        return ast.DefaultsDecl(settings, _from(keyword, block))

    def template(
        self,
        c: tuple[
            Token,
            ast.Identifier,
            Token,
            list[ast.Parameter],
            Token,
            Token,
            ast.Docstring | None,
            Items[ast.BodyItem],
            Token,
        ],
    ) -> ast.TemplateDecl:
        keyword, name, _, parameters, _, _, doc, body, end = c
        return ast.TemplateDecl(name, tuple(parameters), tuple(body), doc, _from(keyword, end.span))

    def parameter(self, c: tuple[ast.Identifier, Token, ast.TypeExpr] | list[object]) -> ast.Parameter:
        name, _, type_, *default = c
        assert isinstance(name, ast.Identifier)
        assert isinstance(type_, ast.TypeExpr)
        value = _default(default)
        return ast.Parameter(name, type_, value, _join(name.span, type_.span if value is None else value.span))

    def dag(
        self, c: tuple[Token, ast.Identifier, Token, ast.Docstring | None, Items[ast.BodyItem], Token]
    ) -> ast.DagDecl:
        keyword, name, _, doc, body, end = c
        return ast.DagDecl(name, doc, tuple(body), _from(keyword, end.span))

    # --- statements of a body -----------------------------------------------------------------------------------------

    def param(self, c: list[object]) -> ast.ParamDecl:
        keyword, name, _, type_, *default = c
        assert isinstance(keyword, Token)
        assert isinstance(name, ast.Identifier)
        assert isinstance(type_, ast.TypeExpr)
        value = _default(default)
        return ast.ParamDecl(name, type_, value, _from(keyword, type_.span if value is None else value.span))

    def task(
        self,
        c: tuple[
            Token,
            ast.Identifier,
            list[ast.LoopClause],
            Token,
            ast.Call,
            ast.Expr | None,
            tuple[Settings, Span] | list[object],
        ],
    ) -> ast.TaskDecl:
        keyword, name, loops, _, call, when, block = c
        last = call.span if when is None else when.span
        settings: Settings = ()
        if isinstance(block, tuple):
            settings, last = block
        return ast.TaskDecl(name, tuple(loops), call, when, settings, _from(keyword, last))

    def loop(self, c: tuple[ast.Identifier, Token, ast.Expr]) -> ast.LoopClause:
        variable, _, over = c
        return ast.LoopClause(variable, over, _join(variable.span, over.span))

    def group_call(self, c: tuple[Token, ast.Identifier, list[ast.LoopClause], Token, ast.Call]) -> ast.GroupDecl:
        keyword, name, loops, _, call = c
        return ast.GroupDecl(name, tuple(loops), call, (), None, _from(keyword, call.span))

    def group_block(
        self, c: tuple[Token, ast.Identifier, Token, ast.Docstring | None, Items[ast.BodyItem], Token]
    ) -> ast.GroupDecl:
        keyword, name, _, doc, body, end = c
        return ast.GroupDecl(name, (), None, tuple(body), doc, _from(keyword, end.span))

    def on_success(self, c: tuple[Token, Token, Token, Items[ast.BodyItem], Token]) -> ast.HandlerDecl:
        return ast.HandlerDecl(ast.HandlerEvent.SUCCESS, tuple(c[3]), _from(c[0], c[4].span))

    def on_failure(self, c: tuple[Token, Token, Token, Items[ast.BodyItem], Token]) -> ast.HandlerDecl:
        return ast.HandlerDecl(ast.HandlerEvent.FAILURE, tuple(c[3]), _from(c[0], c[4].span))

    def on_finally(self, c: tuple[Token, Token, Items[ast.BodyItem], Token]) -> ast.HandlerDecl:
        return ast.HandlerDecl(ast.HandlerEvent.FINALLY, tuple(c[2]), _from(c[0], c[3].span))

    def edge(self, c: tuple[list[ast.EdgeSide], Token, ast.EdgeSide]) -> ast.EdgeStatement:
        sides, _, last = c
        return ast.EdgeStatement((*sides, last), _join(sides[0].span, last.span))

    def side_one(self, c: tuple[ast.TaskRef]) -> ast.EdgeSide:
        return ast.EdgeSide((c[0],), c[0].span)

    def side_list(self, c: tuple[Token, list[ast.TaskRef], Token]) -> ast.EdgeSide:
        return ast.EdgeSide(tuple(c[1]), _from(c[0], c[-1].span))

    def ref(self, c: tuple[ast.DottedName]) -> ast.TaskRef:
        return ast.TaskRef(c[0], (), c[0].span)

    def ref_keys(self, c: tuple[ast.DottedName, Token, Keys, Token]) -> ast.TaskRef:
        name, _, keys, end = c
        return ast.TaskRef(name, tuple(keys), _join(name.span, end.span))

    def ref_inside(self, c: tuple[ast.DottedName, Token, Keys, Token, Token, ast.DottedName]) -> ast.TaskRef:
        name, _, keys, _, _, inside = c
        return ast.TaskRef(name, tuple(keys), _join(name.span, inside.span), inside.parts)

    def settings_block(self, c: tuple[Token, Items[ast.Setting], Token]) -> tuple[Settings, Span]:
        return tuple(c[1]), c[2].span

    def setting(self, c: tuple[Token, Token, ast.Expr]) -> ast.Setting:
        name, _, value = c
        return ast.Setting(_identifier(name), value, _from(name, value.span))

    # --- types --------------------------------------------------------------------------------------------------------

    def type_name(self, c: tuple[Token]) -> ast.TypeExpr:
        name = _identifier(c[0])
        return ast.TypeExpr(name, (), False, name.span)

    def type_with(self, c: tuple[Token, Token, list[ast.TypeExpr | ast.Constant], Token]) -> ast.TypeExpr:
        return ast.TypeExpr(_identifier(c[0]), tuple(c[2]), False, _from(c[0], c[-1].span))

    def optional_type(self, c: tuple[ast.TypeExpr, Token]) -> ast.TypeExpr:
        return replace(c[0], optional=True, span=_join(c[0].span, c[1].span))

    def negative(self, c: tuple[Token, Token]) -> ast.Constant:
        constant = c[1].payload
        assert isinstance(constant, ast.Constant)
        assert isinstance(constant.value, int | float)
        return ast.Constant(-constant.value, _from(c[0], constant.span))

    # --- expressions --------------------------------------------------------------------------------------------------

    def binary(self, c: tuple[ast.Expr, Token, ast.Expr]) -> ast.BinaryExpr:
        left, operator, right = c
        return ast.BinaryExpr(operator.text, left, right, _join(left.span, right.span))

    def not_in(self, c: tuple[ast.Expr, Token, Token, ast.Expr]) -> ast.BinaryExpr:
        left, _, _, right = c
        return ast.BinaryExpr("not in", left, right, _join(left.span, right.span))

    def unary(self, c: tuple[Token, ast.Expr]) -> ast.Expr:
        operator, operand = c
        span = _from(operator, operand.span)
        if operator.type == "MINUS" and isinstance(operand, ast.Constant):
            value = operand.value
            if isinstance(value, int | float) and not isinstance(value, bool):
                return ast.Constant(-value, span)
        return ast.UnaryExpr(operator.text, operand, span)

    def name(self, c: tuple[Token]) -> ast.Name:
        return ast.Name(c[0].text, c[0].span)

    def literal(self, c: tuple[Token]) -> ast.Constant | ast.DurationLiteral:
        node = c[0].payload
        assert isinstance(node, _LITERALS)
        return node

    def attribute(self, c: tuple[ast.Expr, Token, Token]) -> ast.AttributeExpr:
        of, _, name = c
        return ast.AttributeExpr(of, _identifier(name), _join(of.span, name.span))

    def index(self, c: tuple[ast.Expr, Token, Keys, Token]) -> ast.IndexExpr:
        of, _, keys, end = c
        return ast.IndexExpr(of, tuple(keys), _join(of.span, end.span))

    def star(self, c: tuple[Token]) -> ast.Star:
        return ast.Star(c[0].span)

    def list_empty(self, c: tuple[Token, Token]) -> ast.ListLiteral:
        return ast.ListLiteral((), _from(c[0], c[1].span))

    def list_literal(self, c: tuple[Token, list[ast.Expr], Token]) -> ast.ListLiteral:
        return ast.ListLiteral(tuple(c[1]), _from(c[0], c[-1].span))

    def dict_empty(self, c: tuple[Token, Token]) -> ast.DictLiteral:
        return ast.DictLiteral((), _from(c[0], c[1].span))

    def dict_literal(self, c: tuple[Token, list[tuple[ast.Expr, ast.Expr]], Token]) -> ast.DictLiteral:
        return ast.DictLiteral(tuple(c[1]), _from(c[0], c[-1].span))

    def pair(self, c: tuple[ast.Expr, Token, ast.Expr]) -> tuple[ast.Expr, ast.Expr]:
        return c[0], c[2]

    def parenthesised(self, c: tuple[Token, ast.Expr, Token]) -> ast.Expr:
        start, inner, end = c
        return replace(inner, span=_from(start, end.span))

    def format_literal(self, c: tuple[Token, list[str | ast.FormatField], Token]) -> ast.FormatLiteral:
        return ast.FormatLiteral(tuple(c[1]), _from(c[0], c[2].span))

    def format_text(self, c: tuple[list[str | ast.FormatField], Token]) -> list[str | ast.FormatField]:
        parts, text = c
        assert isinstance(text.payload, str)
        parts.append(text.payload)
        return parts

    def format_field(
        self, c: tuple[list[str | ast.FormatField], Token, ast.Expr, Token]
    ) -> list[str | ast.FormatField]:
        parts, start, value, end = c
        parts.append(ast.FormatField(value, "", _from(start, end.span)))
        return parts

    def format_field_spec(
        self, c: tuple[list[str | ast.FormatField], Token, ast.Expr, Token, Token]
    ) -> list[str | ast.FormatField]:
        parts, start, value, spec, end = c
        assert isinstance(spec.payload, str)
        parts.append(ast.FormatField(value, spec.payload, _from(start, end.span)))
        return parts

    # --- calls --------------------------------------------------------------------------------------------------------

    def call(self, c: tuple[ast.DottedName, Token, list[ast.Argument], Token]) -> ast.Call:
        callee, _, arguments, end = c
        return ast.Call(callee, tuple(arguments), _join(callee.span, end.span))

    def call_of(self, c: tuple[ast.Expr, Token, list[ast.Argument], Token]) -> ast.Call:
        callee, _, arguments, end = c
        return ast.Call(_dotted(callee), tuple(arguments), _join(callee.span, end.span))

    def argument(self, c: tuple[ast.Expr]) -> ast.Argument:
        return ast.Argument(None, c[0], c[0].span)

    def named_argument(self, c: tuple[Token, Token, ast.Expr]) -> ast.Argument:
        name, _, value = c
        return ast.Argument(_identifier(name), value, _from(name, value.span))

    # --- names --------------------------------------------------------------------------------------------------------

    def dotted(self, c: tuple[Token]) -> ast.DottedName:
        return ast.DottedName((_identifier(c[0]),), c[0].span)

    def dotted_more(self, c: tuple[ast.DottedName, Token, Token]) -> ast.DottedName:
        name, _, part = c
        return ast.DottedName((*name.parts, _identifier(part)), _join(name.span, part.span))

    def declared(self, c: tuple[Token]) -> ast.Identifier:
        token = c[0]
        _refuse_reserved(token)
        if not _NAME.fullmatch(token.text):
            lowered = token.text[0].lower() + token.text[1:]
            better = lowered if _NAME.fullmatch(lowered) and lowered not in RESERVED | SCOPES else ""
            token.reading.faults.append(
                token.reading.fault(
                    BAD_NAME,
                    f"`{token.text}` is not a name that can be declared",
                    token.start,
                    token.end,
                    help="a name begins with a small letter or `_` and has only ASCII letters, digits and `_`"
                    + (f": `{better}`" if better else ""),
                )
            )
        elif len(token.text) > NAME_LIMIT:
            token.reading.faults.append(
                token.reading.fault(
                    BAD_NAME,
                    f"this name has {len(token.text)} characters",
                    token.start,
                    token.end,
                    help=f"a name has at most {NAME_LIMIT}",
                )
            )
        return _identifier(token)

    def bound(self, c: tuple[Token]) -> ast.Identifier:
        _refuse_reserved(c[0])
        return _identifier(c[0])


def _identifier(token: Token) -> ast.Identifier:
    return ast.Identifier(token.text, token.span)


def _from(token: Token, last: Span) -> Span:
    return Span(last.file, token.start, last.end)


def _join(first: Span, last: Span) -> Span:
    return Span(first.file, first.start, last.end)


def _default(rest: list[object]) -> ast.Expr | None:
    """The value of an optional `= value`."""
    if not rest:
        return None
    value = rest[1]
    assert isinstance(value, ast.Expr)
    return value


def _refuse_reserved(token: Token) -> None:
    if token.text in RESERVED:
        message = f"`{token.text}` is a reserved word"
    elif token.text in SCOPES:
        message = f"`{token.text}` has a meaning of its own and cannot be declared"
    else:
        return
    token.reading.faults.append(
        token.reading.fault(
            RESERVED_NAME, message, token.start, token.end, help=f"choose another name: `{token.text}_`, say"
        )
    )


def _dotted(callee: ast.Expr) -> ast.DottedName:
    """The callee of a call inside an expression as the name that it must be."""
    parts: list[ast.Identifier] = []
    of = callee
    while isinstance(of, ast.AttributeExpr):
        parts.append(of.name)
        of = of.of
    if not isinstance(of, ast.Name):
        raise UnbuildableError(
            Diagnostic(
                UNEXPECTED, "only a name can be called", callee.span, help="call what an import or a module names"
            )
        )
    parts.append(ast.Identifier(of.name, of.span))
    return ast.DottedName(tuple(reversed(parts)), callee.span)
