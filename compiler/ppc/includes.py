"""The files of a program: those that were named, and those that they include, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

from ppacer.records import dataclass, replace
from ppc import ast
from ppc.diagnostics import Diagnostic, Label, Span
from ppc.scopes import FileScope
from ppc.source import NOT_FOUND, Source

INCLUDE_CYCLE = "E011"

CODES = {INCLUDE_CYCLE: "files that include each other"}


@dataclass(frozen=True, slots=True)
class Unit:
    """A file, read and parsed, with the faults of its syntax."""

    source: Source
    module: ast.Module
    faults: tuple[Diagnostic, ...] = ()


Reader: TypeAlias = Callable[[str, Source], Unit | Diagnostic]
"""Gives the file that `include "path"` means in a source, or why it cannot be read; the diagnostic's place does not
matter. One file has one `Source.path`, however it is named, those included that the program was begun with."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a program, those that were named first; the same in an order in which what is included comes before
    its users; and the faults found so far, to which the stages add."""

    files: list[FileScope]
    order: list[FileScope]
    faults: list[Diagnostic]


def no_others(path: str, by: Source) -> Diagnostic:
    """The reader where there are no files but those given."""
    return Diagnostic(NOT_FOUND, f"there is no file `{path}`", Span(by.path, 0, 0))


def gather(
    files: Sequence[tuple[Source, ast.Module]], read: Reader = no_others, faults: Iterable[Diagnostic] = ()
) -> Files:
    """Follows the includes of some files, whose faults of syntax are given, to all files of their program.

    The answer is good for one compilation, which binds names in it.
    """
    found = list(faults)
    scopes, order = _follow(files, read, found)
    return Files(scopes, order, found)


def _follow(
    files: Sequence[tuple[Source, ast.Module]], read: Reader, faults: list[Diagnostic]
) -> tuple[list[FileScope], list[FileScope]]:
    broken = {fault.span.file for fault in faults}
    scopes: dict[str, FileScope] = {}
    for source, module in files:
        scopes[source.path] = _scope(len(scopes), source, module, faults, broken=source.path in broken)
    order: list[FileScope] = []
    done: set[str] = set()
    for root in list(scopes.values()):
        path = [_Visit(root, iter(_included(root)))]
        while path:
            visit = path[-1]
            item = next(visit.rest, None)
            if item is None:
                path.pop()
                if visit.scope.source.path not in done:
                    done.add(visit.scope.source.path)
                    visit.scope.perhaps = visit.scope.perhaps.union(*(each.perhaps for each, _ in visit.scope.includes))
                    visit.scope.unread = visit.scope.unread or any(each.unread for each, _ in visit.scope.includes)
                    order.append(visit.scope)
                continue
            visit.item = item
            found = _read(item, visit.scope, scopes, read)
            if found is None:
                continue
            if any(step.scope is found for step in path):
                faults.append(_cycle(path, found))
                continue
            if not any(each is found for each, _ in visit.scope.includes):
                visit.scope.includes.append((found, item))
            if found.source.path not in done:
                path.append(_Visit(found, iter(_included(found))))
    return list(scopes.values()), order


@dataclass(slots=True, eq=False)
class _Visit:
    """A file whose includes are being followed; `item` is the one that is followed now."""

    scope: FileScope
    rest: Iterator[ast.IncludeDecl]
    item: ast.IncludeDecl | None = None


def _included(scope: FileScope) -> list[ast.IncludeDecl]:
    return [item for item in scope.module.items if isinstance(item, ast.IncludeDecl)]


def _scope(
    index: int, source: Source, module: ast.Module, faults: list[Diagnostic], *, broken: bool, included: bool = False
) -> FileScope:
    return FileScope(index, source, module, faults, included=included, broken=broken, perhaps=module.broken_words)


def _read(item: ast.IncludeDecl, by: FileScope, scopes: dict[str, FileScope], read: Reader) -> FileScope | None:
    name = item.path.value
    assert isinstance(name, str)
    unit = read(name, by.source)
    if isinstance(unit, Diagnostic):
        by.faults.append(replace(unit, span=item.path.span))
        by.unread = True
        return None
    known = scopes.get(unit.source.path)
    if known is None:
        by.faults.extend(unit.faults)
        known = _scope(len(scopes), unit.source, unit.module, by.faults, broken=bool(unit.faults), included=True)
        scopes[unit.source.path] = known
    return known


def _cycle(path: Sequence[_Visit], found: FileScope) -> Diagnostic:
    start = next(i for i, step in enumerate(path) if step.scope is found)
    steps = path[start:]
    names = [step.scope.source.path for step in steps] + [found.source.path]
    labels = [
        Label(step.item.path.span, f"`{name}` includes `{following}`")
        for step, (name, following) in zip(steps, pairwise(names), strict=True)
        if step.item is not None
    ]
    last = labels.pop()
    return Diagnostic(
        INCLUDE_CYCLE,
        f"these files include each other: {' -> '.join(names)}",
        last.span,
        last.text,
        tuple(labels),
        help="take one of these includes out; what both need can stand in a file of its own",
    )
