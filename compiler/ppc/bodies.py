"""What stands in a dag, a group or a template: tasks, families and groups, and the names by which they are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TypeAlias

from ppacer import spec
from ppacer.core.operators import text as shown
from ppacer.records import dataclass, field
from ppc import ast
from ppc.callables import FoundCallable
from ppc.definitions import Fault
from ppc.diagnostics import Label, Span
from ppc.scopes import DagScope, FileScope, Template, TemplateParameter
from ppc.similar import Similar

Key: TypeAlias = bool | int | str | date
"""A value of a loop variable that is known at build time."""

Keyed: TypeAlias = tuple[type, Key]
"""A key with its type, which tells `true` from `1`."""

Keys: TypeAlias = tuple[Keyed, ...]
"""The keys of a member in order."""


@dataclass(frozen=True, slots=True)
class Use:
    """The output of `task` is used at `span`; with `pairwise` that of the member at one's own position alone."""

    task: str
    span: Span
    pairwise: bool = False


@dataclass(slots=True, eq=False)
class Bound:
    """What a loop variable or a parameter of a template stands for.

    `value` is none where it is at fault, or not known because the template or family is only looked over. `uses` are
    the tasks whose outputs are in it. With `run_time` it is more than a constant, and value and uses are known once all
    names of the dag are; `over` then tells, of a loop variable, the list that it goes over.
    """

    value: spec.Expr | None
    uses: tuple[str, ...] = ()
    depth: int = 0
    run_time: bool = False
    over: object = None


@dataclass(slots=True, eq=False)
class BodyScope:
    """The names that an expression or an edge sees: those of a file, and inside a dag also the dag's own, those of the
    groups around it or of its template.

    `prefix` begins the full ids of what is declared here, `path` is the same without the keys of families; `group` is
    the innermost group around it. `declared` has the names of all tasks and groups from the beginning, `nodes` gets
    what they stand for. `made_by` tells which uses of templates led here.
    """

    file: FileScope
    dag: DagScope | None = None
    outer: BodyScope | None = None
    prefix: str = ""
    path: str = ""
    group: ResolvedGroup | None = None
    handler: spec.HandlerKind = spec.HandlerKind.NONE
    template: Template | None = None
    values: dict[str, Bound] = field(default_factory=dict)
    declared: dict[str, ast.Identifier] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    made_by: tuple[Label, ...] = ()
    _similar_own: Similar | None = None
    _similar_nodes: Similar | None = None
    _similar_values: Similar | None = None

    def node(self, name: str) -> Node | None:
        """The task, family or group of that name, here or around."""
        scope: BodyScope | None = self
        while scope is not None:
            found = scope.nodes.get(name)
            if found is not None:
                return found
            scope = scope.outer
        return None

    def declaration(self, name: str) -> ast.Identifier | None:
        """Where a task or group of that name is declared, here or around."""
        scope: BodyScope | None = self
        while scope is not None:
            found = scope.declared.get(name)
            if found is not None:
                return found
            scope = scope.outer
        return None

    def parameter(self, name: str) -> Bound | None:
        """What a parameter of the template around it stands for."""
        scope: BodyScope | None = self
        while scope is not None:
            found = scope.values.get(name)
            if found is not None:
                return found
            scope = scope.outer
        return None

    def similar_node(self, name: str) -> str | None:
        """A task or group of a similar name."""
        if self._similar_nodes is None:
            self._similar_nodes = Similar(self._names(values=False))
        return self._similar_nodes.to(name)

    def similar_own(self, name: str) -> str | None:
        """A task or group declared right here whose name is similar."""
        if self._similar_own is None:
            self._similar_own = Similar(self.declared)
        return self._similar_own.to(name)

    def similar_value(self, name: str) -> str | None:
        """A let, a parameter of the template, a task or a group of a similar name."""
        if self._similar_values is None:
            self._similar_values = Similar((*self.file.lets, *self._names(values=True)))
        return self._similar_values.to(name)

    def _names(self, *, values: bool) -> list[str]:
        names: list[str] = []
        scope: BodyScope | None = self
        while scope is not None:
            names += scope.nodes
            if values:
                names += scope.values
            scope = scope.outer
        return names


@dataclass(slots=True, eq=False)
class ResolvedArgument:
    """An argument of a task; `value` is none where it is at fault."""

    syntax: ast.Argument
    value: spec.Expr | None


@dataclass(slots=True, eq=False)
class ResolvedTask:
    """One task, or one run-time family, of a dag: members of a family that is known at build time are one each.

    `decl` is shared by all members and by all uses of a template; `scope` is where it was written, with the file to
    report to; `variables` are its own loop variables. `callee` is a fault, or none, where there is no such callable;
    `offset` is what to add to the part that a fault is about to get the part of the callee as written. `number` counts
    the tasks of a dag in the order of their declarations: those of a group stand in one stretch.
    """

    id: str
    decl: ast.TaskDecl
    scope: BodyScope
    number: int = 0
    variables: Mapping[str, Bound] = field(default_factory=dict)
    callee: FoundCallable | Fault | None = None
    offset: int = 0
    arguments: list[ResolvedArgument] = field(default_factory=list)
    when: spec.Expr | None = None
    fan_out: spec.FanOut | None = None
    settings: dict[str, object] = field(default_factory=dict)
    settings_at: tuple[tuple[str, spec.At], ...] = ()

    @property
    def handler(self) -> spec.HandlerKind:
        return self.scope.handler

    def argument(self, position: int | None, name: str) -> ResolvedArgument | None:
        """The argument for a parameter, by its place (if it has one) or its name."""
        by_place = [argument for argument in self.arguments if argument.syntax.name is None]
        if position is not None and position < len(by_place):
            return by_place[position]
        named = (each for each in self.arguments if each.syntax.name is not None and each.syntax.name.name == name)
        return next(named, None)

    def labels(self) -> tuple[Label, ...]:
        """Which use of a template this is: for faults that not every use of it has."""
        return self.scope.made_by


@dataclass(slots=True, eq=False)
class BoundArgument:
    """What a parameter of a template is given; `argument` is none where its default is taken."""

    parameter: TemplateParameter
    argument: ast.Argument | None
    value: Bound


@dataclass(slots=True, eq=False)
class TemplateCall:
    """`group id = template(arguments)`, written in `scope`: `arguments` has what each parameter is given."""

    template: Template
    decl: ast.GroupDecl
    scope: BodyScope
    variables: Mapping[str, Bound]
    arguments: list[BoundArgument]


@dataclass(slots=True, eq=False)
class ResolvedGroup:
    """A group, or one member of a family of groups. Its tasks are those numbered from `first` on, up to `last` without
    it; `inside` holds its names."""

    id: str
    decl: ast.GroupDecl
    inside: BodyScope
    first: int = 0
    last: int = 0
    parent: ResolvedGroup | None = None
    call: TemplateCall | None = None

    def holds(self, node: ResolvedTask | ResolvedGroup) -> bool:
        """Whether a task or another group is inside it."""
        if isinstance(node, ResolvedTask):
            return self.first <= node.number < self.last
        group = node.parent
        while group is not None and group is not self:
            group = group.parent
        return group is self


@dataclass(slots=True, eq=False)
class Family:
    """`task id[x in xs] = …` or `group id[x in xs] = …`: `members` by the values of the loop variables known at build
    time, row by row; `values` are those of each variable.

    With `at_run_time` each member is a family of its own, made by the last variable when its list is known. `known` is
    false where a list is at fault: then nothing can be said of what is no member. A family without members is numbered
    as if it were a task, for the edges that lead through it.
    """

    id: str
    decl: ast.TaskDecl | ast.GroupDecl
    scope: BodyScope
    at_run_time: bool = False
    known: bool = True
    number: int = 0
    values: list[dict[Keyed, None]] = field(default_factory=list)
    members: dict[Keys, ResolvedTask | ResolvedGroup] = field(default_factory=dict)
    _slices: dict[tuple[int, ...], dict[Keys, list[ResolvedTask | ResolvedGroup]]] = field(default_factory=dict)

    @property
    def dimensions(self) -> int:
        """How many keys name a member."""
        return len(self.decl.loops)

    def those(self, keys: Sequence[Keyed | None]) -> list[ResolvedTask | ResolvedGroup]:
        """The members with these keys, in order; none stands for all values of its place."""
        fixed = tuple(place for place, key in enumerate(keys) if key is not None)
        if fixed not in self._slices:
            by_keys: dict[Keys, list[ResolvedTask | ResolvedGroup]] = {}
            for of, member in self.members.items():
                by_keys.setdefault(tuple(of[place] for place in fixed), []).append(member)
            self._slices[fixed] = by_keys
        return self._slices[fixed].get(tuple(key for key in keys if key is not None), [])


Node: TypeAlias = ResolvedTask | ResolvedGroup | Family


def keyed(value: object) -> Keyed | None:
    """The value as a key, or none where it cannot be one."""
    if isinstance(value, (bool, int, str)) or type(value) is date:
        return type(value), value
    return None


def key_text(key: Keyed) -> str:
    """A key as it stands in an id: `"eu"`, `3`, `true`, `2026-01-01`."""
    _, value = key
    return f'"{_escaped(value)}"' if isinstance(value, str) else shown(value)


def _escaped(value: str) -> str:
    if value.isprintable() and '"' not in value and "\\" not in value:
        return value
    return "".join(_ESCAPES.get(each) or (each if each.isprintable() else _unicode(each)) for each in value)


def _unicode(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
