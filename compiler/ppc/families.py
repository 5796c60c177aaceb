"""The members of families: lists known at build time written out, lists known at run time left to the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ppacer import spec
from ppacer.core.evaluate import evaluate
from ppacer.core.operators import kind
from ppacer.records import dataclass, field
from ppc import ast
from ppc.bodies import BodyScope, Bound, Keyed, Keys, key_text, keyed
from ppc.diagnostics import Label, Span
from ppc.expressions import BAD_KEY, Expressions
from ppc.syntax import walk
from ppc.values import NOTHING

NOT_A_LIST = "E611"
RUN_TIME_LIST = "E612"
TOO_MANY_TASKS = "E406"

CODES = {
    NOT_A_LIST: "a family over what is no list",
    RUN_TIME_LIST: "a list known only at run time where it cannot be",
    TOO_MANY_TASKS: "more tasks than one dag may have",
}

MOST_TASKS = 50_000
"""Of one dag, all members of its families and all groups counted."""


@dataclass(frozen=True, slots=True)
class Row:
    """The keys of one member and what its loop variables stand for."""

    keys: Keys
    variables: Mapping[str, Bound]


@dataclass(slots=True, eq=False)
class Rows:
    """All members that are known at build time, row by row. `at_run_time` is the clause whose list is not; `known` is
    false where a list is at fault. `values` are the keys of each variable."""

    rows: list[Row]
    values: list[dict[Keyed, None]] = field(default_factory=list)
    at_run_time: ast.LoopClause | None = None
    known: bool = True


def rows_of(loops: Sequence[ast.LoopClause], scope: BodyScope, *, groups: bool) -> Rows:
    """Works out the lists of a family's loops; `groups` says that its members are groups."""
    found = Rows([Row((), {})])
    for place, clause in enumerate(loops):
        variables = found.rows[0].variables if found.rows else {}
        if not is_static(clause.over, scope, variables):
            if _may_be_at_run_time(scope, loops, place, groups=groups):
                found.at_run_time = clause
            else:
                found.known = False
                Expressions(scope, variables).mark_used(clause.over)
            break
        _multiply(found, clause, scope)
        if not found.known:
            break
    if not found.known:
        found.rows.clear()
    return found


def unknown(loops: Sequence[ast.LoopClause]) -> dict[str, Bound]:
    """The loop variables of a family without members."""
    return {clause.variable.name: Bound(None) for clause in loops}


def is_static(expr: ast.Expr, scope: BodyScope, variables: Mapping[str, Bound]) -> bool:
    """Whether an expression, once it is found to be sound, is known at build time. Nothing is reported."""
    for part in walk(expr):
        match part:
            case ast.Name(name):
                bound = variables.get(name) or scope.parameter(name)
                if bound is not None:
                    if bound.run_time:
                        return False
                elif name in {"run", "task", "params"} or (
                    name not in scope.file.lets and scope.declaration(name) is not None
                ):
                    return False
            case ast.Call():
                return False
            case _:
                pass
    return True


def _may_be_at_run_time(scope: BodyScope, loops: Sequence[ast.LoopClause], place: int, *, groups: bool) -> bool:
    clause = loops[place]
    if groups:
        message = "a family of groups needs a list that is known at build time"
        way_out = "let the tasks of the group go over the list instead: `task x[y in ys] = …`"
        scope.file.report(RUN_TIME_LIST, message, clause.over.span, labels=scope.made_by, help=way_out)
        return False
    if place < len(loops) - 1:
        message = "a list that is known only at run time must be the last of a family"
        labels = (Label(loops[-1].span, "this comes after it"), *scope.made_by)
        way_out = f"put `{clause.variable.name} in …` last; a family may have one such list"
        scope.file.report(RUN_TIME_LIST, message, clause.over.span, labels=labels, help=way_out)
        return False
    return True


def _multiply(found: Rows, clause: ast.LoopClause, scope: BodyScope) -> None:
    """Each row so far with each element of the clause's list, which may depend on the row."""
    made: list[Row] = []
    values: dict[Keyed, None] = {}
    depends = _names_any(clause.over, {name for row in found.rows[:1] for name in row.variables})
    elements: dict[Keyed, Bound] | None = None
    for row in found.rows:
        if elements is None or depends:
            elements = _elements(clause, scope, row.variables)
        if elements is None:
            found.known = False
            return
        if len(made) + len(elements) > MOST_TASKS:
            message = f"this family has more than {MOST_TASKS:,} members"
            scope.file.report(TOO_MANY_TASKS, message, clause.span, labels=scope.made_by)
            found.known = False
            return
        values.update(dict.fromkeys(elements))
        for key, bound in elements.items():
            made.append(Row((*row.keys, key), {**row.variables, clause.variable.name: bound}))
    found.rows = made
    found.values.append(values)


def _names_any(expr: ast.Expr, names: set[str]) -> bool:
    if not names:
        return False
    return any(isinstance(part, ast.Name) and part.name in names for part in walk(expr))


def _elements(clause: ast.LoopClause, scope: BodyScope, variables: Mapping[str, Bound]) -> dict[Keyed, Bound] | None:
    over = clause.over
    listed = Expressions(scope, variables).constant_expr(over, "the list of a family")
    if listed is None:
        return None
    if not isinstance(listed, spec.ListOf):
        label = f"this is {kind(evaluate(listed, NOTHING))}"
        way_out = 'go over a list of its keys: `["a", "b"]`' if isinstance(listed, spec.DictOf) else ""
        message = "a family goes over a list"
        scope.file.report(NOT_A_LIST, message, over.span, label=label, labels=scope.made_by, help=way_out)
        return None
    elements: dict[Keyed, Bound] = {}
    for place, item in enumerate(listed.items):
        value = evaluate(item, NOTHING)
        key = keyed(value)
        if key is None:
            message = "a family goes over texts, whole numbers, `true` and `false`, or dates"
            way_out = "go over their names, and look the rest up: `settings_of[name]`"
            label = f"this is {kind(value)}" if isinstance(over, ast.ListLiteral) else f"this list holds {kind(value)}"
            scope.file.report(BAD_KEY, message, _element(over, place), label=label, labels=scope.made_by, help=way_out)
            return None
        if key in elements:
            message = f"{key_text(key)} is in this list twice: two members would have one name"
            way_out = "leave one of them out"
            scope.file.report(BAD_KEY, message, _element(over, place), labels=scope.made_by, help=way_out)
            return None
        elements[key] = Bound(item)
    return elements


def _element(over: ast.Expr, place: int) -> Span:
    return over.items[place].span if isinstance(over, ast.ListLiteral) else over.span
