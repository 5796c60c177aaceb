"""What names mean in a file and in a dag: filled by `resolve`, asked by everything after it."""

from __future__ import annotations

from ppacer import spec
from ppacer.records import dataclass, field
from ppc import ast
from ppc.callables import FoundCallable
from ppc.definitions import Fault
from ppc.diagnostics import Diagnostic, Edit, Label, Span
from ppc.imports import Imports
from ppc.similar import is_slip
from ppc.source import Source


@dataclass(slots=True, eq=False)
class Let:
    """A `let` and its value, none where that is at fault, and how deep the value is nested."""

    file: FileScope
    decl: ast.LetDecl
    value: spec.Expr | None
    depth: int
    used: bool = False

    @property
    def name(self) -> ast.Identifier:
        return self.decl.name


@dataclass(slots=True, eq=False)
class ResolvedNotifier:
    """A `notifier`: its callable (a fault, or none, where there is none) and what it is called with."""

    file: FileScope
    decl: ast.NotifierDecl
    callee: FoundCallable | Fault | None = None
    offset: int = 0
    arguments: list[tuple[ast.Argument, spec.Expr | None]] = field(default_factory=list)
    used: bool = False

    @property
    def name(self) -> ast.Identifier:
        return self.decl.name


@dataclass(slots=True, eq=False)
class ResolvedPool:
    """A `pool`; its `slots` are read with the settings, none where they are at fault."""

    file: FileScope
    decl: ast.PoolDecl
    slots: int | None = None
    used: bool = False

    @property
    def name(self) -> ast.Identifier:
        return self.decl.name


@dataclass(slots=True, eq=False)
class ResolvedLabel:
    file: FileScope
    decl: ast.LabelDecl
    used: bool = False

    @property
    def name(self) -> ast.Identifier:
        return self.decl.name


@dataclass(slots=True, eq=False)
class TemplateParameter:
    """A parameter of a template; `type` and `default` are none where they are at fault, `default` also if none is
    written."""

    decl: ast.Parameter
    type: spec.ParamType | None = None
    default: spec.Expr | None = None
    used: bool = False


@dataclass(slots=True, eq=False)
class Template:
    """A `template`. `made` counts the groups that were made from it, `in_cycle` says that it uses itself."""

    file: FileScope
    decl: ast.TemplateDecl
    parameters: dict[str, TemplateParameter] = field(default_factory=dict)
    used: bool = False
    made: int = 0
    in_cycle: bool = False

    @property
    def name(self) -> ast.Identifier:
        return self.decl.name


@dataclass(slots=True, eq=False)
class ResolvedParam:
    """A `param`; `type` and `default` are none where they are at fault, `default` also if none is written."""

    decl: ast.ParamDecl
    type: spec.ParamType | None = None
    default: spec.Expr | None = None
    used: bool = False


@dataclass(slots=True, eq=False)
class FileScope:
    """The names of one file, its own and those that it includes, and where its diagnostics go.

    `includes` are the files that it includes itself, each with the statement that does. While the lets are read,
    `later_lets` are those further down, `asked_early` those that were named before their line. `broken` says that the
    file has faults of syntax; `perhaps` holds the names in its broken statements and in those of what it includes: not
    knowing them is no fault of their users. `unread` says that it includes a file that could not be read, which may
    declare anything.
    """

    index: int
    source: Source
    module: ast.Module
    faults: list[Diagnostic]
    included: bool = False
    broken: bool = False
    unread: bool = False
    perhaps: frozenset[str] = frozenset()
    includes: list[tuple[FileScope, ast.IncludeDecl]] = field(default_factory=list)
    imports: Imports = field(default_factory=Imports)
    lets: dict[str, Let] = field(default_factory=dict)
    notifiers: dict[str, ResolvedNotifier] = field(default_factory=dict)
    pools: dict[str, ResolvedPool] = field(default_factory=dict)
    labels: dict[str, ResolvedLabel] = field(default_factory=dict)
    templates: dict[str, Template] = field(default_factory=dict)
    later_lets: set[str] = field(default_factory=set)
    asked_early: set[str] = field(default_factory=set)
    _reported: set[tuple[str, Span]] = field(default_factory=set)

    def at(self, span: Span) -> spec.At:
        line, column = self.source.line_column(span.start)
        return spec.At(line, column, self.index)

    def report(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        label: str = "",
        labels: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        help: str = "",
        edit: Edit | None = None,
    ) -> None:
        """One fault of a kind at a place is enough: what is written once may be there for each member of a family and
        each use of a template."""
        self.add(Diagnostic(code, message, span, label, labels, notes, help, edit))

    def add(self, fault: Diagnostic) -> None:
        """`report`, for a fault that is made already."""
        if (fault.code, fault.span) not in self._reported:
            self._reported.add((fault.code, fault.span))
            self.faults.append(fault)

    def has_reported(self, code: str, span: Span) -> bool:
        return (code, span) in self._reported

    def may_declare(self, name: str) -> bool:
        """Whether a name may come from a statement that is broken, or from a file that could not be read."""
        return self.unread or name in self.perhaps


@dataclass(slots=True, eq=False)
class DagScope:
    """What a whole dag knows: its params, and how many outputs its lists `[*]` hold together."""

    file: FileScope
    decl: ast.DagDecl
    params: dict[str, ResolvedParam] = field(default_factory=dict)
    listed: int = 0


def slip_edit(span: Span, name: str, similar: str | None) -> Edit | None:
    """Puts the similar name in its place where the other is plainly a slip of the finger."""
    return Edit(span, similar) if similar is not None and is_slip(name, similar) else None


def similar_help(name: str | None, what: str = "name") -> str:
    return "" if name is None else f"a {what} with a similar name exists: `{name}`"
