"""A statement as text with places where it may break, and its layout on lines.

Oppen's method, as Wadler put it: a group stands on one line if it fits there; otherwise each of its own breaks becomes
a line's end, and the groups inside it are asked in their turn. A comment breaks every group around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, Union

from ppacer.records import dataclass
from ppc.format_lines import INDENT, WIDTH, Line


@dataclass(frozen=True, slots=True)
class Break:
    """A line's end if the group around it is broken, else `flat`."""

    flat: str


@dataclass(frozen=True, slots=True)
class IfBroken:
    """Text that stands only if the group around it is broken."""

    text: str


@dataclass(frozen=True, slots=True)
class EndComment:
    """A comment for the end of the line, whatever follows on it."""

    text: str


@dataclass(frozen=True, slots=True)
class OwnComment:
    """A comment with a line to itself; breaks stand on both sides of it."""

    text: str


@dataclass(frozen=True, slots=True)
class BlankLine:
    """An empty line after a break; nothing where that is not broken."""


@dataclass(frozen=True, slots=True)
class Group:
    parts: Sequence[Doc]
    broken: bool
    """Whether it never stands on one line."""


@dataclass(frozen=True, slots=True)
class Indented:
    parts: Sequence[Doc]
    broken: bool


Doc: TypeAlias = Union[str, Break, IfBroken, EndComment, OwnComment, BlankLine, Group, Indented, "list[Doc]"]


def group(*parts: Doc, broken: bool = False) -> Group:
    return Group(parts, broken or any(map(_must_break, parts)))


def indented(*parts: Doc) -> Indented:
    return Indented(parts, any(map(_must_break, parts)))


def _must_break(doc: Doc) -> bool:
    if isinstance(doc, Group | Indented):
        return doc.broken
    return any(map(_must_break, doc)) if isinstance(doc, list) else isinstance(doc, EndComment | OwnComment)


def lay_out(doc: Doc, indent: int) -> list[Line]:
    """The document's lines, of which the first stands at `indent`."""
    printer = _Printer(indent)
    printer.run(doc)
    return printer.lines


class _Printer:
    def __init__(self, indent: int) -> None:
        self.lines: list[Line] = []
        self._indent = indent
        self._text: list[str] = []
        self._column = indent
        self._comments: list[str] = []

    def run(self, doc: Doc) -> None:
        """The stack holds what is still to come: its indentation, whether the group around it is broken, and it."""
        indent = self._indent
        stack: list[tuple[int, bool, Doc]] = [(indent, True, doc)]
        while stack:
            indent, broken, doc = stack.pop()
            if isinstance(doc, str):
                self._write(doc)
            elif isinstance(doc, list):
                stack.extend((indent, broken, part) for part in reversed(doc))
            elif isinstance(doc, Group):
                broken = doc.broken or not _fits(stack, doc, WIDTH - self._column)
                stack.extend((indent, broken, part) for part in reversed(doc.parts))
            elif isinstance(doc, Indented):
                stack.extend((indent + INDENT, broken, part) for part in reversed(doc.parts))
            elif isinstance(doc, Break):
                if broken:
                    self._end_line(indent)
                else:
                    self._write(doc.flat)
            elif isinstance(doc, EndComment | OwnComment):
                self._comments.append(doc.text)
            elif broken:
                if isinstance(doc, IfBroken):
                    self._write(doc.text)
                else:
                    self.lines.append(Line(0, ""))
        self._end_line(indent)

    def _write(self, text: str) -> None:
        self._text.append(text)
        end = text.rfind("\n")
        self._column = self._column + len(text) if end < 0 else len(text) - end - 1

    def _end_line(self, indent: int) -> None:
        """Ends the line; a second comment for its end goes below it."""
        first = self._comments[0] if self._comments else ""
        self.lines.append(Line(self._indent, "".join(self._text), first))
        self.lines.extend(Line(max(indent, self._indent), "", comment) for comment in self._comments[1:])
        self._text, self._comments = [], []
        self._indent = self._column = indent


def _fits(rest: Sequence[tuple[int, bool, Doc]], doc: Group, room: int) -> bool:
    """Whether `doc` fits flat into `room` columns, with what follows it up to the next place that can break."""
    todo: list[tuple[bool, Doc]] = [(False, part) for part in reversed(doc.parts)]
    following = len(rest)
    while room >= 0:
        if not todo:
            if not following:
                return True
            following -= 1
            _, broken, part = rest[following]
            todo.append((broken, part))
        broken, part = todo.pop()
        if isinstance(part, str):
            if "\n" in part:
                if part.index("\n") > room:
                    return False
                room = WIDTH - (len(part) - part.rindex("\n") - 1)
            else:
                room -= len(part)
        elif isinstance(part, list):
            todo.extend((broken, inner) for inner in reversed(part))
        elif isinstance(part, Group | Indented):
            todo.extend((broken, inner) for inner in reversed(part.parts))
        elif isinstance(part, Break):
            if broken:
                return True
            room -= len(part.flat)
        elif isinstance(part, IfBroken) and broken:
            room -= len(part.text)
    return False
