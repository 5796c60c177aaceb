"""From a name and what follows it to the tasks and groups that are meant: `orders.dump`, `raw["eu"]`, `tidy[*]`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from itertools import islice
from typing import TypeAlias

from ppacer.records import dataclass
from ppc import ast
from ppc.bodies import BodyScope, Bound, Family, Key, Keyed, Node, ResolvedGroup, ResolvedTask, key_text, keyed
from ppc.diagnostics import Edit, Span
from ppc.scopes import similar_help, slip_edit
from ppc.similar import Similar, is_slip

UNKNOWN_TASK = "E202"
NOT_A_FAMILY = "E606"
NOT_A_MEMBER = "E607"
WRONG_KEYS = "E608"
RUN_TIME_MEMBER = "E609"

CODES = {
    UNKNOWN_TASK: "an edge or a reference that names no task",
    NOT_A_FAMILY: "`[*]` or several keys on a task that is no family",
    NOT_A_MEMBER: "an index that is no member of the family",
    WRONG_KEYS: "a family named without its keys, or with too many or too few",
    RUN_TIME_MEMBER: "a member of a family that is known only at run time",
}

_MOST_LISTED = 8


class Select(Enum):
    """Which members are meant of a family that is made at run time."""

    NONE = 0
    ALL = 1
    SAME_POSITION = 2


@dataclass(frozen=True, slots=True)
class Step:
    """`.name` or `[keys]`; `span` reaches from the beginning of the whole to the step's end."""

    name: ast.Identifier | None
    keys: tuple[ast.Expr | ast.Star, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Reached:
    """What steps lead to: one node or, if `listed`, those in the place of a `*`; `rest` are the steps that read inside
    an output."""

    nodes: Sequence[Node]
    listed: bool
    select: Select
    rest: Sequence[Step]


KeyReader: TypeAlias = Callable[[ast.Expr], Key | Bound | None]
"""The value of an index, or the run-time loop variable that it names; none where that has been reported."""


def steps_of(expr: ast.Expr) -> tuple[ast.Expr, list[Step]]:
    """What an expression begins with, and the attributes and indices after it."""
    steps: list[Step] = []
    while True:
        if isinstance(expr, ast.AttributeExpr):
            steps.append(Step(expr.name, (), expr.span))
        elif isinstance(expr, ast.IndexExpr):
            steps.append(Step(None, expr.keys, expr.span))
        else:
            return expr, steps[::-1]
        expr = expr.of


def steps_of_ref(ref: ast.TaskRef) -> list[Step]:
    """The same for a side of an edge, whose first part is its name."""
    start, file = ref.span.start, ref.span.file
    steps = [Step(part, (), Span(file, start, part.span.end)) for part in ref.name.parts[1:]]
    if ref.keys:
        end = ref.inside[0].span.start - 1 if ref.inside else ref.span.end
        steps.append(Step(None, ref.keys, Span(file, start, end)))
    steps += [Step(part, (), Span(file, start, part.span.end)) for part in ref.inside]
    return steps


def follow(scope: BodyScope, start: Node, steps: Sequence[Step], key_of: KeyReader) -> Reached | None:
    """Goes on from a node as far as tasks and groups lead; none where that has been reported, or cannot be known."""
    nodes: Sequence[Node] = (start,)
    listed = False
    select = Select.NONE
    for i, step in enumerate(steps):
        if nodes and isinstance(nodes[0], ResolvedTask):
            return Reached(nodes, listed, select, steps[i:])
        found: list[Node] = []
        for node in nodes:
            if step.name is not None:
                child = _child(scope, node, step, step.name)
                if child is None:
                    return None
                found.append(child)
            elif isinstance(node, Family):
                members = _members(scope, node, step, key_of)
                if members is None:
                    return None
                found += members.nodes
                listed, select = listed or members.listed, members.select
            else:
                message = f"the group `{node.id}` is no family: it has no members"
                scope.file.report(NOT_A_FAMILY, message, step.span)
                return None
        nodes = found
    return Reached(nodes, listed, select, ())


def example_of(family: Family, written: str) -> str:
    """How one member is named of a family that was written like this: `raw["eu"]`; empty where none can be shown."""
    member = next(iter(family.members), None)
    if member is None or family.at_run_time:
        return ""
    return f"{written}[{', '.join(map(key_text, member))}]"


def text_of(scope: BodyScope, span: Span) -> str:
    """What is written there."""
    return scope.file.source.text[span.start : span.end]


def _before_keys(scope: BodyScope, step: Step) -> str:
    """What is written before the brackets of a step."""
    text = scope.file.source.text
    return text[step.span.start : text.rfind("[", step.span.start, step.keys[0].span.start)]


def _child(scope: BodyScope, node: Node, step: Step, name: ast.Identifier) -> Node | None:
    if isinstance(node, Family):
        _without_keys(scope, node, Span(step.span.file, step.span.start, name.span.start - 1))
        return None
    assert isinstance(node, ResolvedGroup)
    child = node.inside.nodes.get(name.name)
    if child is None and not node.inside.file.may_declare(name.name):
        names = node.inside.nodes
        similar = node.inside.similar_own(name.name)
        way_out, edit = similar_help(similar, "task"), slip_edit(name.span, name.name, similar)
        if not way_out and names:
            way_out = f"it has {listing((f'`{each}`' for each in names), len(names))}"
        message = f"the group `{node.id}` has no task `{name.name}`"
        scope.file.report(UNKNOWN_TASK, message, name.span, help=way_out, edit=edit)
    return child


def _without_keys(scope: BodyScope, family: Family, span: Span) -> None:
    if not family.known:
        return
    written = text_of(scope, span)
    example = example_of(family, written)
    way_out = f"name a member, such as `{example}`" if example else f"name all with `{written}[*]`"
    scope.file.report(WRONG_KEYS, f"`{family.id}` is a family: which member is meant?", span, help=way_out)


def _members(scope: BodyScope, family: Family, step: Step, key_of: KeyReader) -> Reached | None:
    keys, count = step.keys, family.dimensions
    several = count - (1 if family.at_run_time else 0) > 0
    everything = Select.ALL if family.at_run_time else Select.NONE
    if len(keys) == 1 and isinstance(keys[0], ast.Star):
        return Reached(list(family.members.values()), several, everything, ())
    if len(keys) != count:
        _wrong_number(scope, family, step)
        return None
    read = _Keys([])
    for place, written in enumerate(keys):
        at_run_time = family.at_run_time and place == count - 1
        key = None if isinstance(written, ast.Star) else key_of(written)
        if isinstance(written, ast.Star):
            if at_run_time:
                read.everyone = True
            else:
                read.fixed.append(None)
        elif key is None:
            return None
        elif isinstance(key, Bound) and at_run_time:
            read.own = key
        elif isinstance(key, Bound) or at_run_time:
            _not_at_run_time(scope, family, step, written, at_run_time=at_run_time)
            return None
        else:
            found = keyed(key)
            assert found is not None
            if family.known and found not in family.values[place]:
                _no_member(scope, family, written, found, place)
                return None
            read.fixed.append(found)
    return _chosen(scope, family, step, read)


def _wrong_number(scope: BodyScope, family: Family, step: Step) -> None:
    count, given = family.dimensions, len(step.keys)
    names = ", ".join(f"`{loop.variable.name}`" for loop in family.decl.loops)
    keys = "1 key" if count == 1 else f"{count} keys"
    message = f"`{family.id}` takes {keys}, for {names}; {given} {'is' if given == 1 else 'are'} given"
    member = next(iter(family.members), None)
    way_out = ""
    if member is not None:
        shown = [*map(key_text, member), "*"] if family.at_run_time else map(key_text, member)
        way_out = f"such as `{_before_keys(scope, step)}[{', '.join(shown)}]`"
    scope.file.report(WRONG_KEYS, message, step.span, help=way_out)


@dataclass(slots=True, eq=False)
class _Keys:
    """Keys as they are read: `fixed` those known at build time, none for a `*`; `own` is the run-time variable that
    stands for one's own position."""

    fixed: list[Keyed | None]
    own: Bound | None = None
    everyone: bool = False


def _chosen(scope: BodyScope, family: Family, step: Step, keys: _Keys) -> Reached | None:
    fixed, listed = keys.fixed, None in keys.fixed
    select = Select.SAME_POSITION if keys.own is not None else Select.ALL if keys.everyone else Select.NONE
    found = family.those(fixed)
    if not listed and not found:
        if family.known:
            text = ", ".join(key_text(key) for key in fixed if key is not None)
            message = f"`{family.id}` has no member `[{text}]`"
            scope.file.report(NOT_A_MEMBER, message, step.span, labels=scope.made_by)
        return None
    if keys.own is not None:
        variable = family.decl.loops[-1].variable.name
        for member in found:
            assert isinstance(member, ResolvedTask)
            own = member.variables[variable]
            if own.over is None or keys.own.over is None:
                return None
            if listed or own.over != keys.own.over:
                message = f"`{family.id}` goes over another list: its members do not stand in step with these"
                every = f"{_before_keys(scope, step)}[*]"
                way_out = f"`{every}` is the list of all; or let both go over the list of `{variable}`"
                scope.file.report(RUN_TIME_MEMBER, message, step.span, labels=scope.made_by, help=way_out)
                return None
    return Reached(found, listed, select, ())


def _not_at_run_time(scope: BodyScope, family: Family, step: Step, written: ast.Expr, *, at_run_time: bool) -> None:
    way_out = f"`{_before_keys(scope, step)}[*]` is the list of all"
    if at_run_time:
        message = f"the members of `{family.id}` are known only when its list is: they have no names"
        way_out += "; a family over the same list may name the member at its own position by its loop variable"
    else:
        message = f"which member of `{family.id}` is meant must be known at build time"
    scope.file.report(RUN_TIME_MEMBER, message, written.span, help=way_out)


def _no_member(scope: BodyScope, family: Family, written: ast.Expr, key: Keyed, place: int) -> None:
    if scope.file.has_reported(NOT_A_MEMBER, written.span):
        return
    known = family.values[place]
    names = listing(map(key_text, known), len(known))
    variable = f"`{family.decl.loops[place].variable.name}`" if family.dimensions > 1 else ""
    meant, how = _meant(known, key)
    # The same key written as another type, or with a slip of the finger; not what comes of a loop's variable.
    plain = (
        meant is not None and isinstance(written, ast.Constant) and (how or is_slip(key_text(key)[1:-1], meant[1:-1]))
    )
    edit = Edit(written.span, meant) if plain and meant is not None else None
    scope.file.report(
        NOT_A_MEMBER,
        f"`{family.id}` has no member {key_text(key)}{variable and ' for '}{variable}",
        written.span,
        labels=scope.made_by,
        notes=(f"{f'the values of {variable}' if variable else 'the members'} are {names}",)
        if known
        else ("it has no members at all",),
        help="" if meant is None else f"did you mean {meant}{how}?",
        edit=edit,
    )


def _meant(known: Mapping[Keyed, None], key: Keyed) -> tuple[str | None, str]:
    """The key that was probably meant, as it is written, and what to add to that."""
    value = key[1]
    if not isinstance(value, str):
        text = key_text(key)
        return (key_text((str, text)), ", in quotes") if (str, text) in known else (None, "")
    if value.isdecimal() and (int, int(value)) in known:
        return str(int(value)), ", without quotes"
    similar = Similar(other for _, other in known if isinstance(other, str)).to(value)
    return (None if similar is None else key_text((str, similar))), ""


def listing(names: Iterable[str], count: int) -> str:
    """The first of `count` names, and how many more there are."""
    more = count - _MOST_LISTED
    shown = ", ".join(islice(names, count if more <= 1 else _MOST_LISTED))
    return shown if more <= 1 else f"{shown} and {more:,} more"
