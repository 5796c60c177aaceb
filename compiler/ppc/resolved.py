"""What `resolve` makes of the files: a program whose names are bound, its families and templates written out.

The stages after it fill in the rest: `configure` the settings, `link` the edges; the checks read, `lower` writes the
spec. What is at fault is none here, and has been reported once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ppacer import spec
from ppacer.records import dataclass, field
from ppc import ast
from ppc.bodies import BodyScope, Family, Node, ResolvedGroup, ResolvedTask, Use
from ppc.callees import Callees
from ppc.diagnostics import Diagnostic, Span
from ppc.imports import Import
from ppc.scopes import DagScope, FileScope, ResolvedLabel, ResolvedNotifier, ResolvedParam, ResolvedPool, Template


@dataclass(frozen=True, slots=True)
class Edge:
    """`child` waits for `parent`: by an edge statement, or because it takes its output (`data`).

    With `pairwise` both are run-time families over one list, and each member waits for the one at its own position.
    """

    parent: str
    child: str
    span: Span
    data: bool
    pairwise: bool = False


@dataclass(slots=True, eq=False)
class Join:
    """An edge as it was written in `scope`: every last task of `parents` comes before every first one of `children`;
    each node with the place where it is named. `span` is all of it."""

    parents: Sequence[tuple[Node, Span]]
    children: Sequence[tuple[Node, Span]]
    span: Span
    scope: BodyScope
    pairwise: bool = False


@dataclass(slots=True, eq=False)
class ResolvedDag:
    """A dag, or the body of a `template` that nobody uses, looked over as if it were one.

    `sketches` are tasks that no run will have, of families without members (`empty`): what they call can be checked.
    `edges` are
    complete once `link` has worked on `joins`. `reads` are outputs taken without waiting: by handlers.
    """

    scope: DagScope
    body: BodyScope
    tasks: dict[str, ResolvedTask] = field(default_factory=dict)
    sketches: list[ResolvedTask] = field(default_factory=list)
    groups: list[ResolvedGroup] = field(default_factory=list)
    empty: list[Family] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    reads: list[Edge] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    settings: dict[str, object] = field(default_factory=dict)
    settings_at: tuple[tuple[str, spec.At], ...] = ()
    template: Template | None = None

    @property
    def decl(self) -> ast.DagDecl:
        return self.scope.decl

    @property
    def params(self) -> dict[str, ResolvedParam]:
        return self.scope.params

    def release(self) -> None:
        """Forgets what its names stand for, once nobody asks: names and tasks know each other, and would only be freed
        by a collector, which holds up whoever types."""
        for scope in (self.body, *(task.scope for task in self.tasks.values()), *(each.inside for each in self.groups)):
            scope.nodes.clear()
            scope.group = None

    def inherited(self, name: str) -> ast.Setting | None:
        """The setting as its tasks inherit it: as the `defaults` of the dag have it, else those of the file."""
        for items in (self.decl.body, self.scope.file.module.items):
            for item in items:
                if isinstance(item, ast.DefaultsDecl):
                    for setting in item.settings:
                        if setting.name.name == name:
                            return setting
        return None

    def use(self, task: ResolvedTask, uses: Iterable[Use]) -> None:
        """Adds the edges for outputs that a task takes, if it is one that runs will have. A handler waits for the tasks
        of its own block alone."""
        if self.tasks.get(task.id) is not task:
            return
        for use in uses:
            parent = self.tasks.get(use.task)
            edges = self.edges if parent is None or parent.handler is task.handler else self.reads
            edges.append(Edge(use.task, task.id, use.span, data=True, pairwise=use.pairwise))


@dataclass(slots=True, eq=False)
class ResolvedFile:
    """A file with what it declares itself; `scope` also knows what it includes. `callees` finds what its imports lead
    to."""

    scope: FileScope
    callees: Callees
    imports: list[Import] = field(default_factory=list)
    notifiers: list[ResolvedNotifier] = field(default_factory=list)
    pools: list[ResolvedPool] = field(default_factory=list)
    labels: list[ResolvedLabel] = field(default_factory=list)
    templates: list[Template] = field(default_factory=list)
    dags: list[ResolvedDag] = field(default_factory=list)
    sketches: list[ResolvedDag] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class ResolvedProgram:
    """All files: those that were named, then those that they include (`scope.included`). `faults` is where all their
    diagnostics go."""

    files: list[ResolvedFile]
    faults: list[Diagnostic]

    @property
    def all_dags(self) -> Iterator[ResolvedDag]:
        """The dags, and the bodies of templates that nobody uses."""
        return (dag for file in self.files for dag in (*file.dags, *file.sketches))
