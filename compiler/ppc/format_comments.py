"""Comments inside a statement, moved to where a line can end.

A comment can end a line behind an opening bracket, behind a comma, or before a closing bracket, an operator or an
arrow; and it can have a line to itself before an element, an operator, an arrow or a closing bracket. One that stands
elsewhere, as in `f(x = # why`, goes on to the end of what it stands in; or, if another comment is in its way or it has
a line to itself, up to the line above. So comments keep their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ppc.format_pieces import CLOSERS, OPENERS, Piece
from ppc.format_split import Above

OPERATORS: Final = {
    "OR": 0, "AND": 1, "EQ": 2, "NE": 2, "LT": 2, "LE": 2, "GT": 2, "GE": 2, "IN": 2, "PLUS": 3, "MINUS": 3,
    "STAR": 4, "SLASH": 4, "PERCENT": 4,
}  # fmt: skip
"""The binary operators, with how tightly they bind."""
_BEHIND: Final = OPENERS | {"COMMA"}
_BEFORE: Final = CLOSERS | OPERATORS.keys() | {"ARROW"}
"""Pieces behind and before which a line can end."""


def settle_comments(pieces: Sequence[Piece]) -> None:
    """Leaves comments only where a line can end: `behind` of brackets that open and of commas, `previous` of pieces
    before which a line can end, `before` of those and of elements."""
    for index, piece in enumerate(pieces):
        if piece.before and not _begins_line(pieces, index):
            _move_up(pieces, index, [Above(above.text, 0) for above in piece.before])
            piece.before, piece.blanks = (), 0
        if piece.behind and piece.type not in _BEHIND:
            comment, piece.behind = piece.behind, ""
            if not _move_on(pieces, index, comment):
                _move_up(pieces, index, [Above(comment, 0)])


def _begins_line(pieces: Sequence[Piece], index: int) -> bool:
    return pieces[index].type in _BEFORE or pieces[index - 1].type in _BEHIND


def _move_up(pieces: Sequence[Piece], index: int, comments: Sequence[Above]) -> None:
    """To lines of their own, before the nearest piece that can begin a line."""
    while not _begins_line(pieces, index):
        index -= 1
    pieces[index].before = [*pieces[index].before, *comments]


def _move_on(pieces: Sequence[Piece], index: int, comment: str) -> bool:
    """To the next end of a line outside of further brackets, if no comment stands before it."""
    depth = 0
    for piece in pieces[index + 1 :]:
        if not depth and piece.type == "COMMA":
            if piece.before or piece.behind:
                return False
            piece.behind = comment
            return True
        if not depth and piece.type in _BEFORE:
            piece.previous = comment
            return True
        if piece.before or piece.behind:
            return False
        depth += (piece.type in OPENERS) - (piece.type in CLOSERS)
    return False
