"""Names where they are declared: each once, hiding no other, short enough."""

from __future__ import annotations

from collections.abc import Iterable

from ppc import ast
from ppc.bodies import BodyScope
from ppc.diagnostics import Label, Span
from ppc.scopes import FileScope

DECLARED_TWICE = "E204"
SHADOWS = "E205"
NAME_TOO_LONG = "E212"

CODES = {
    DECLARED_TWICE: "a name declared twice",
    SHADOWS: "a name that hides another",
    NAME_TOO_LONG: "a full name that is too long",
}

LONGEST_NAME = 200
"""Of a task or group with the names of its groups, the keys of families left out."""

LONGEST_ID = 500
"""With the keys."""


def declared_twice(file: FileScope, what: str, name: ast.Identifier, first: Span) -> None:
    """Reports the second declaration of a name."""
    labels = (Label(first, "first declared here"),)
    message = f"{what} `{name.name}` is declared twice"
    file.report(DECLARED_TWICE, message, name.span, label="declared again", labels=labels)


def declare_node(
    scope: BodyScope, item: ast.TaskDecl | ast.GroupDecl, first: dict[str, ast.TaskDecl | ast.GroupDecl]
) -> None:
    """Declares a task or group in a body; `first` has the declarations that count, by their names."""
    name = item.name
    if name.name in first:
        what = "task" if isinstance(item, ast.TaskDecl) else "group"
        declared_twice(scope.file, what, name, first[name.name].name.span)
    else:
        first[name.name] = item
        scope.declared[name.name] = name
    _check_shadows(scope, name, None if scope.outer is None else scope.outer.declaration(name.name))


def declare_variables(scope: BodyScope, loops: Iterable[ast.LoopClause]) -> None:
    """Declares the loop variables of a family."""
    first: dict[str, ast.Identifier] = {}
    for clause in loops:
        name = clause.variable
        if name.name in first:
            declared_twice(scope.file, "loop variable", name, first[name.name].span)
        first.setdefault(name.name, name)
        _check_shadows(scope, name, scope.declaration(name.name))


def _check_shadows(scope: BodyScope, name: ast.Identifier, node: ast.Identifier | None) -> None:
    hidden: tuple[str, Span] | None = None
    let = scope.file.lets.get(name.name)
    template = scope.template
    if let is not None:
        let.used = True
        hidden = ("`let`", let.name.span)
    elif template is not None and name.name in template.parameters:
        hidden = ("parameter", template.parameters[name.name].decl.name.span)
    elif node is not None:
        hidden = ("task or group", node.span)
    if hidden is not None:
        what, place = hidden
        message = f"`{name.name}` hides the {what} of that name"
        labels = (Label(place, f"the {what}"),)
        scope.file.report(SHADOWS, message, name.span, labels=labels, help="give one of the two another name")


def declare_handler(file: FileScope, first: dict[ast.HandlerEvent, ast.HandlerDecl], item: ast.HandlerDecl) -> None:
    """Declares a handler; `first` has those before it."""
    before = first.setdefault(item.event, item)
    if before is not item:
        what = "finally" if item.event is ast.HandlerEvent.FINALLY else f"on {item.event}"
        start = item.span.start
        span = Span(item.span.file, start, start + len(what))
        labels = (Label(Span(before.span.file, before.span.start, before.span.start + len(what)), "the first"),)
        message = f"this dag has two blocks `{what}`"
        file.report(DECLARED_TWICE, message, span, labels=labels, help="make one of the two")


def is_short(scope: BodyScope, name: ast.Identifier) -> bool:
    """Whether the name with those of the groups around it is short enough, which bounds their nesting."""
    return _fits(scope, scope.path + name.name, LONGEST_NAME, name.span)


def has_short_id(scope: BodyScope, id: str, span: Span) -> bool:
    """Whether a full id, keys and all, is short enough."""
    return _fits(scope, id, LONGEST_ID, span)


def _fits(scope: BodyScope, name: str, most: int, span: Span) -> bool:
    if len(name) <= most:
        return True
    shown = f"{name[:40]}…{name[-20:]}"
    message = f"the full name `{shown}` has {len(name)} characters: at most {most} may be"
    way_out = "shorten the names that it is made of"
    scope.file.report(NAME_TOO_LONG, message, span, labels=scope.made_by, help=way_out)
    return False
