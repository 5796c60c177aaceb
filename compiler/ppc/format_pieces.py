"""The tokens of a sound statement to pieces: what is written with or without a space between, on one line or several.

A piece is a token, except that an f-string is one piece with its fields formatted, and so is `not in`. Brackets that
mean nothing, around a whole value or the names of an import, are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from ppacer.records import dataclass
from ppc.format_split import Above, InnerComments
from ppc.parse_reading import Token

VALUE_ENDS: Final = frozenset(
    {"NAME", "STRING", "NUMBER", "DURATION", "DATE", "TRUE", "FALSE", "NONE", "RPAR", "RSQB", "RDICT", "ALL"}
)
"""Pieces that end a value: a bracket behind one calls or indexes it, a minus behind one subtracts."""
OPENERS: Final = frozenset({"LPAR", "LSQB", "LDICT"})
CLOSERS: Final = frozenset({"RPAR", "RSQB", "RDICT"})

_NO_SPACE_BEFORE: Final = CLOSERS | {"COMMA", "COLON", "DOT", "QUESTION"}
_NO_SPACE_AFTER: Final = OPENERS | {"DOT", "NEGATIVE"}
_BRACKETS_AROUND_ALL: Final = frozenset({"EQUAL", "WHEN", "IMPORT"})
"""Outside of brackets, brackets that begin behind one of these and end the statement or the value are left out."""


@dataclass(slots=True)
class Piece:
    """`type` is the token's, with NEGATIVE for a sign and ALL for the `*` that is a key."""

    type: str
    text: str
    start: int
    end: int
    before: Sequence[Above] = ()
    """The comments on lines of their own before it."""
    blanks: int = 0
    """The blank lines before it, behind those comments; 0 where there are none, known or not."""
    behind: str = ""
    """The comment at the end of its line."""
    previous: str = ""
    """The comment at the end of the line before it."""


def pieces(text: str, tokens: Sequence[Token], inner: InnerComments) -> list[Piece]:
    """The pieces of a statement's tokens, of which none is broken."""
    found = _pieces(text, tokens, inner)
    if any(left.type in _BRACKETS_AROUND_ALL and right.type == "LPAR" for left, right in pairwise(found)):
        _drop_brackets(found)
    return found


def space_between(left: str, right: str) -> bool:
    """Whether two neighbouring pieces of these types have a space between them, on one line."""
    if right in _NO_SPACE_BEFORE or left in _NO_SPACE_AFTER:
        return False
    return right not in ("LPAR", "LSQB") or left not in VALUE_ENDS


def flat(found: Sequence[Piece]) -> str:
    """The pieces on one line, without the comma before a closing bracket. Only strings may hold line feeds."""
    parts: list[str] = []
    left = ""
    for piece in found:
        type_ = piece.type
        if type_ in CLOSERS and left == "COMMA":
            parts.pop()
        elif left and space_between(left, type_):
            parts.append(" ")
        parts.append(piece.text)
        left = type_
    return "".join(parts)


def stands_on_one_line(found: Sequence[Piece]) -> bool:
    """Whether nothing forces it apart: no comment inside, and no comma before a closing bracket."""
    left = ""
    for piece in found:
        if piece.before or piece.behind or piece.previous or (left == "COMMA" and piece.type in CLOSERS):
            return False
        left = piece.type
    return True


def _pieces(text: str, tokens: Sequence[Token], inner: InnerComments) -> list[Piece]:
    found: list[Piece] = []
    left = ""
    index = 0
    while index < len(tokens):
        token = tokens[index]
        type_ = token.type
        if type_ == "FSTART":
            end = _format_end(tokens, index)
            piece = Piece("STRING", _format_string(text, tokens[index : end + 1], inner), token.start, tokens[end].end)
            index = end
        elif type_ == "IN" and left == "NOT" and len(found) > 1 and found[-2].type in VALUE_ENDS:
            word = found.pop()
            comments = [*word.before, *([Above(word.behind, 0)] if word.behind else [])]
            piece = Piece("IN", "not in", word.start, token.end, comments)
        else:
            if type_ == "MINUS" and left not in VALUE_ENDS:
                type_ = "NEGATIVE"
            elif type_ == "STAR" and left not in VALUE_ENDS:
                type_ = "ALL"
            piece = Piece(type_, token.text, token.start, token.end)
        if inner.before or inner.behind:
            _comment(piece, token, tokens[index], inner)
        found.append(piece)
        left = piece.type
        index += 1
    return found


def _comment(piece: Piece, first: Token, last: Token, inner: InnerComments) -> None:
    piece.before = [*piece.before, *inner.before.get(first.start, ())]
    piece.blanks = inner.blanks.get(first.start, piece.blanks)
    piece.behind = inner.behind.get(last.start, piece.behind)


# --- f-strings --------------------------------------------------------------------------------------------------------


def _format_end(tokens: Sequence[Token], start: int) -> int:
    depth = 0
    for index in range(start, len(tokens)):
        depth += {"FSTART": 1, "FEND": -1}.get(tokens[index].type, 0)
        if not depth:
            return index
    raise AssertionError("an f-string that does not end")


def _format_string(text: str, tokens: Sequence[Token], inner: InnerComments) -> str:
    """An f-string, its text as it is and each field on one line; all as it is where a field holds a comment."""
    if any(token.start in inner.before or token.start in inner.behind for token in tokens[1:-1]):
        return text[tokens[0].start : tokens[-1].end]
    parts: list[str] = []
    end = tokens[0].start
    index = 1
    while index < len(tokens) - 1:
        if tokens[index].type != "FOPEN":
            index += 1
            continue
        last = _field_end(tokens, index)
        parts += [text[end : tokens[index].end], _field(text, tokens[index + 1 : last], inner)]
        end = tokens[last].start
        index = last + 1
    parts.append(text[end : tokens[-1].end])
    return "".join(parts)


def _field_end(tokens: Sequence[Token], start: int) -> int:
    """The field's own `FSPEC` or `FCLOSE`: not one of an f-string inside it."""
    depth = 0
    for index in range(start, len(tokens)):
        type_ = tokens[index].type
        depth += {"FOPEN": 1, "FCLOSE": -1}.get(type_, 0)
        if not depth or (depth == 1 and type_ == "FSPEC"):
            return index
    raise AssertionError("a field that does not end")


def _field(text: str, tokens: Sequence[Token], inner: InnerComments) -> str:
    field = flat(_pieces(text, tokens, inner))
    # `{{` and `}}` would be braces as text.
    return f" {field} " if field.startswith("{") or field.endswith("}") else field


# --- brackets that mean nothing ---------------------------------------------------------------------------------------


def _drop_brackets(found: list[Piece]) -> None:
    index = 0
    depth = 0
    while index < len(found) - 1:
        type_ = found[index].type
        depth += (type_ in OPENERS) - (type_ in CLOSERS)
        if not depth and type_ in _BRACKETS_AROUND_ALL and found[index + 1].type == "LPAR":
            while (end := _needless(found, index + 1)) is not None:
                del found[end], found[index + 1]
        index += 1


def _needless(found: Sequence[Piece], start: int) -> int | None:
    """Where the brackets that open at `start` close, if nothing is lost without them."""
    if found[start].type != "LPAR":
        return None
    depth = 0
    for index in range(start, len(found)):
        piece = found[index]
        depth += (piece.type in OPENERS) - (piece.type in CLOSERS)
        if piece.before or (piece.behind and depth):
            return None
        if not depth:
            ends = index + 1 == len(found) or found[index + 1].type == "WHEN"
            return index if ends and found[index - 1].type != "COMMA" else None
    return None
