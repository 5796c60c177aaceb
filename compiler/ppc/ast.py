"""The syntax tree of a `.ppd` file: frozen values with spans, close to what was written.

Every node has a `span`. Names keep their own spans (`Identifier`), so that a diagnostic can point at the word. A
broken statement leaves no node: the tree holds what was sound, the diagnostics tell the rest.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from ppacer.records import dataclass
from ppc.diagnostics import Span


@dataclass(frozen=True, slots=True)
class Identifier:
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class DottedName:
    """`shop.etl.extract`."""

    parts: tuple[Identifier, ...]
    span: Span

    @property
    def text(self) -> str:
        return ".".join(part.name for part in self.parts)


# --- expressions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal: str (r"" and triple-quoted alike), int, float, bool, None, date, datetime (naive) or timedelta."""

    value: bool | int | float | str | date | datetime | timedelta | None
    span: Span


@dataclass(frozen=True, slots=True)
class DurationLiteral:
    """`1h30m`, `2d`, `500ms`: whole calendar days kept apart from elapsed time. `2d` has `elapsed` zero."""

    days: int
    elapsed: timedelta
    span: Span


@dataclass(frozen=True, slots=True)
class ListLiteral:
    items: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class DictLiteral:
    items: tuple[tuple[Expr, Expr], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class FormatField:
    """`{value:format}`; `format` is empty where there is none."""

    value: Expr
    format: str
    span: Span


@dataclass(frozen=True, slots=True)
class FormatLiteral:
    """`f"…"`: text (escapes resolved) and fields in order."""

    parts: tuple[str | FormatField, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Name:
    """A bare name: a let, a loop variable, a template parameter, a task; or `run`, `params`, `task` before a dot."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class AttributeExpr:
    of: Expr
    name: Identifier
    span: Span


@dataclass(frozen=True, slots=True)
class Star:
    """The `*` in `tidy[*]` or `t["eu", *]`."""

    span: Span


@dataclass(frozen=True, slots=True)
class IndexExpr:
    """`raw["eu"]`, `t["eu", *]`, `xs[0]`."""

    of: Expr
    keys: tuple[Expr | Star, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Argument:
    """A positional (`name` is none) or named argument of a call."""

    name: Identifier | None
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """`cron("…")`, `env("X", "y")`, `shop.etl.extract(region, day = run.date)`."""

    callee: DottedName
    arguments: tuple[Argument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class UnaryExpr:
    """`operator` is `-` or `not`."""

    operator: str
    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class BinaryExpr:
    """`operator` as written: `+ - * / % == != < <= > >= in`, `not in`, `and`, `or`."""

    operator: str
    left: Expr
    right: Expr
    span: Span


Expr: TypeAlias = (
    Constant
    | DurationLiteral
    | ListLiteral
    | DictLiteral
    | FormatLiteral
    | Name
    | AttributeExpr
    | IndexExpr
    | Call
    | UnaryExpr
    | BinaryExpr
)

# --- pieces ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setting:
    """`retries = 2` inside a settings block, `defaults`, `pool` or a dag. The value may be any expression; settings
    that take words (`trigger = all_done`) have a `Name` (or the constant none)."""

    name: Identifier
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Docstring:
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class LoopClause:
    """`x in xs` between the brackets of a family."""

    variable: Identifier
    over: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class TypeExpr:
    """`str`, `list[int]`, `choice("EUR", "USD")`, `date?`. `arguments` are nested types or constants."""

    name: Identifier
    arguments: tuple[TypeExpr | Constant, ...]
    optional: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Parameter:
    """A template's parameter; `default` is none where there is none."""

    name: Identifier
    type: TypeExpr
    default: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class TaskRef:
    """A side of an edge: `store`, `orders.dump`, `raw["eu"]`, `raw[*]`; `inside` are the names after the keys, which
    lead to a part of one group of a family: `load["eu"].dump`."""

    name: DottedName
    keys: tuple[Expr | Star, ...]
    span: Span
    inside: tuple[Identifier, ...] = ()


@dataclass(frozen=True, slots=True)
class EdgeSide:
    """One side of `->`: a single reference or a bracketed list of them."""

    refs: tuple[TaskRef, ...]
    span: Span


# --- statements inside a dag, group, template or handler -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TaskDecl:
    """`task id[x in xs] = callable(args) when expr { settings }`."""

    name: Identifier
    loops: tuple[LoopClause, ...]
    call: Call
    when: Expr | None
    settings: tuple[Setting, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class GroupDecl:
    """`group id { … }` (with `body`) or `group id[x in xs] = template(args)` (with `call`)."""

    name: Identifier
    loops: tuple[LoopClause, ...]
    call: Call | None
    body: tuple[BodyItem, ...]
    doc: Docstring | None
    span: Span


@dataclass(frozen=True, slots=True)
class EdgeStatement:
    """`a -> [b, c] -> d`: two sides or more."""

    sides: tuple[EdgeSide, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ParamDecl:
    name: Identifier
    type: TypeExpr
    default: Expr | None
    span: Span


class HandlerEvent(StrEnum):
    SUCCESS = "success"
    FAILURE = "failure"
    FINALLY = "finally"


@dataclass(frozen=True, slots=True)
class HandlerDecl:
    """`on success { … }`, `on failure { … }`, `finally { … }`."""

    event: HandlerEvent
    body: tuple[BodyItem, ...]
    span: Span


# --- statements of a file ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ImportDecl:
    """`import a.b` or `import a.b as c`."""

    module: DottedName
    alias: Identifier | None
    span: Span


@dataclass(frozen=True, slots=True)
class ImportedName:
    name: Identifier
    alias: Identifier | None
    span: Span


@dataclass(frozen=True, slots=True)
class FromImportDecl:
    module: DottedName
    names: tuple[ImportedName, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class IncludeDecl:
    path: Constant
    span: Span


@dataclass(frozen=True, slots=True)
class LetDecl:
    name: Identifier
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class NotifierDecl:
    name: Identifier
    call: Call
    span: Span


@dataclass(frozen=True, slots=True)
class PoolDecl:
    name: Identifier
    settings: tuple[Setting, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class LabelDecl:
    name: Identifier
    span: Span


@dataclass(frozen=True, slots=True)
class DefaultsDecl:
    """`defaults { … }` of a file or a dag."""

    settings: tuple[Setting, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class TemplateDecl:
    name: Identifier
    parameters: tuple[Parameter, ...]
    body: tuple[BodyItem, ...]
    doc: Docstring | None
    span: Span


@dataclass(frozen=True, slots=True)
class DagDecl:
    """`body` keeps settings, defaults, params, tasks, groups, edges and handlers in the order they were written."""

    name: Identifier
    doc: Docstring | None
    body: tuple[BodyItem, ...]
    span: Span


BodyItem: TypeAlias = Setting | DefaultsDecl | ParamDecl | TaskDecl | GroupDecl | EdgeStatement | HandlerDecl
TopItem: TypeAlias = (
    ImportDecl
    | FromImportDecl
    | IncludeDecl
    | LetDecl
    | NotifierDecl
    | PoolDecl
    | LabelDecl
    | DefaultsDecl
    | TemplateDecl
    | DagDecl
)


@dataclass(frozen=True, slots=True)
class Module:
    """One `.ppd` file.

    `broken_words` are the names in broken statements, which the tree lacks. A broken statement may declare or use any
    of them, so that nothing can be said of their being unknown or unused.
    """

    doc: Docstring | None
    items: tuple[TopItem, ...]
    span: Span
    broken_words: frozenset[str] = frozenset()
