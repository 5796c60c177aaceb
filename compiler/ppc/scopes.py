"""What names mean in a file and in a dag: filled by `resolve`, asked by `expressions`."""

from __future__ import annotations

from ppacer import spec
from ppacer.records import dataclass, field
from ppc import ast
from ppc.diagnostics import Diagnostic, Label, Span
from ppc.imports import Imports
from ppc.similar import Similar
from ppc.source import Source


@dataclass(slots=True, eq=False)
class Let:
    """A `let` and its value, none where that is at fault, and how deep the value is nested."""

    name: ast.Identifier
    value: spec.Expr | None
    depth: int
    used: bool = False


@dataclass(slots=True, eq=False)
class FileScope:
    """The names of one file, and where its diagnostics go.

    While the lets are read, `later_lets` are those further down, `asked_early` those that were named before their line.
    `others` holds the names of notifiers, pools, labels and templates. `broken` says that the file has faults of
    syntax; `perhaps` holds names that its broken statements may have declared: not knowing them is no fault of their
    users.
    """

    index: int
    source: Source
    module: ast.Module
    faults: list[Diagnostic]
    perhaps: frozenset[str] = frozenset()
    imports: Imports = field(default_factory=Imports)
    lets: dict[str, Let] = field(default_factory=dict)
    later_lets: set[str] = field(default_factory=set)
    asked_early: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    includes: bool = False
    broken: bool = False

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
        help: str = "",
    ) -> None:
        self.faults.append(Diagnostic(code, message, span, label, labels, help=help))

    def may_declare(self, name: str) -> bool:
        """Whether a name may come from a statement that is broken, or from a file that is included."""
        return self.includes or name in self.perhaps


@dataclass(slots=True, eq=False)
class DagScope:
    """The names inside one dag. The first declaration of a name counts."""

    file: FileScope
    decl: ast.DagDecl
    tasks: dict[str, ast.TaskDecl] = field(default_factory=dict)
    groups: dict[str, ast.GroupDecl] = field(default_factory=dict)
    params: dict[str, ast.ParamDecl] = field(default_factory=dict)
    _similar_nodes: Similar | None = None
    _similar_values: Similar | None = None

    def similar_node(self, name: str) -> str | None:
        """A task or group of a similar name."""
        if self._similar_nodes is None:
            self._similar_nodes = Similar((*self.tasks, *self.groups))
        return self._similar_nodes.to(name)

    def similar_value(self, name: str) -> str | None:
        """A let or task of a similar name."""
        if self._similar_values is None:
            self._similar_values = Similar((*self.file.lets, *self.tasks))
        return self._similar_values.to(name)


def similar_help(name: str | None, what: str = "name") -> str:
    return "" if name is None else f"a {what} with a similar name exists: `{name}`"
