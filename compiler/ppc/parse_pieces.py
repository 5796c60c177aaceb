"""A file parsed piece by piece, so that an edit costs no more than what it touches: for who parses it at every key.

A piece begins where a line begins, at its very beginning, with a declaration that only a file can hold, and ends before
the next one. Such a line ends whatever is open before it, so that a piece reads the same whatever stands before and
behind: pieces whose text an edit leaves alone keep their trees, moved to where they now stand.

Where a piece has a brace too few, the count of all the file's braces decides what is meant (see `parse_brackets`):
such a piece is kept only where that count is what it was. A file with a `}` that closes nothing, or with a text that is
never closed, is parsed as a whole.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from operator import attrgetter
from typing import Final

from ppacer.records import dataclass, fields, is_record
from ppc import ast
from ppc.diagnostics import Diagnostic, Span, in_source_order
from ppc.parse import parse, parse_tokens
from ppc.parse_braces import surplus_braces
from ppc.parse_brackets import BOUNDARIES
from ppc.parse_reading import Reading, Token
from ppc.parse_tokens import DIRECTION, Tokeniser, Tokens
from ppc.source import Source
from ppd.words import FILE_DECLARATIONS

_NAMED: Final = "|".join(sorted(FILE_DECLARATIONS - {"include"}))
_BEGINS: Final = re.compile(rf"(?:{_NAMED})[ \t]+(?!as\b)[A-Za-z_]|include[ \t]*\"")


@dataclass(slots=True, eq=False)
class Piece:
    """`module` and `faults` stand where the piece stood when it was parsed or moved last, at `start`. `last` says that
    it ended the file; `asked` is how many braces were too many when it asked for that, none where it did not, and
    `supplied` how many of the lacking ones it was given."""

    text: str
    start: int
    module: ast.Module
    faults: tuple[Diagnostic, ...]
    last: bool
    asked: int | None
    supplied: int
    _spans: list[Span] | None = None

    def move(self, start: int) -> None:
        """Moves all places in it, where they are: to make them anew would cost more than to parse the piece."""
        distance = start - self.start
        if not distance:
            return
        if self._spans is None:
            self._spans = list(_spans_in((self.module, self.faults)))
        for span in self._spans:
            object.__setattr__(span, "start", span.start + distance)
            object.__setattr__(span, "end", span.end + distance)
        self.start = start


class Pieces:
    """The pieces of one file. What `parse` has answered holds until it is called again: it moves places of the tree
    before into the next."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []

    def parse(self, source: Source) -> tuple[ast.Module, tuple[Diagnostic, ...]]:
        """What `ppc.parse.parse` answers."""
        pieces = None if DIRECTION.search(source.text) else _again(self._pieces, source)
        if pieces is None:
            return parse(source)
        for piece, start in pieces:
            piece.move(start)
        self._pieces = [piece for piece, _ in pieces]
        return _joined(source, self._pieces)


def _again(old: Sequence[Piece], source: Source) -> list[tuple[Piece, int]] | None:
    """The pieces of a source, each with where it stands; of `old`, those of a text before, what is still there. None
    where the file has to be parsed as a whole."""
    stops = _stops(source)
    there = _still_there(old, source.text, {0, *stops})
    surplus = cache(partial(surplus_braces, source.text))
    found: list[tuple[Piece, int]] = []
    place = supplied = 0
    while place < len(source.text) or not found:
        piece = there.get(place)
        if piece is None or (piece.asked is not None and piece.asked != surplus() + supplied):
            following = stops[bisect_right(stops, place) :]
            piece = read_piece(source, place, following, supplied)
            if piece is None:
                return None
        found.append((piece, place))
        place += len(piece.text)
        supplied += piece.supplied
    return found


def _still_there(old: Sequence[Piece], text: str, known: set[int]) -> dict[int, Piece]:
    """Where the pieces of a text before stand in one in which a stretch was replaced."""
    found: dict[int, Piece] = {}
    place = 0
    for piece in old:
        if not _stands(piece, text, place, known):
            break
        found[place] = piece
        place += len(piece.text)
    end = len(text)
    for piece in reversed(old[len(found) :]):
        end -= len(piece.text)
        if end < place or end not in known or not _stands(piece, text, end, known):
            break
        found[end] = piece
    return found


def _stands(piece: Piece, text: str, place: int, known: set[int]) -> bool:
    end = place + len(piece.text)
    return end in known and piece.last == (end == len(text)) and text.startswith(piece.text, place)


def _stops(source: Source) -> list[int]:
    """Where pieces can end: before each line that begins one, and at the end."""
    lines = range(2, source.line_count + 1)
    return [
        *(start for line in lines if _BEGINS.match(source.text, start := source.line_start(line))),
        len(source.text),
    ]


def read_piece(source: Source, start: int, stops: Sequence[int], supplied: int) -> Piece | None:
    """The piece at `start`, up to the first of `stops` that no text runs across; none if it cannot be read by itself.
    `supplied` is how many braces that the file lacks pieces before were given."""
    text, reading = source.text, Reading(source.path)
    lexer = Tokeniser(text, reading, start=start)
    lexer.supplied_before = supplied
    place = start
    for stop in stops or [len(text)]:
        place = lexer.read(place, stop)
        if place <= stop:
            break
    last = place == len(text)
    if last:
        lexer.finish()
    elif lexer.open and lexer.tokens[-1].type in BOUNDARIES:
        lexer.begin_statement("DAG", place)  # whichever it is that begins here: all end what is open
    if lexer.lost_in_string or lexer.open or not _balanced(lexer.tokens):
        return None
    module, faults = parse_tokens(source, Tokens(lexer.tokens, lexer.comments, reading))
    given = 0 if lexer.surplus is None or lexer.counted is None else lexer.surplus - lexer.counted
    return Piece(text[start:place], start, module, faults, last, lexer.counted, given)


def _balanced(tokens: Iterable[Token]) -> bool:
    depth = 0
    for token in tokens:
        if token.type == "LBRACE":
            depth += 1
        elif token.type == "RBRACE":
            depth -= 1
            if depth < 0:
                return False
    return not depth


def _joined(source: Source, pieces: Sequence[Piece]) -> tuple[ast.Module, tuple[Diagnostic, ...]]:
    module = ast.Module(
        pieces[0].module.doc,
        tuple(item for piece in pieces for item in piece.module.items),
        Span(source.path, 0, len(source.text)),
        frozenset(word for piece in pieces for word in piece.module.broken_words),
    )
    return module, tuple(in_source_order(fault for piece in pieces for fault in piece.faults))


# --- places -----------------------------------------------------------------------------------------------------------

_readers: dict[type, Callable[[object], object] | None] = {}


def _spans_in(value: object) -> Iterator[Span]:
    """Each once, however many nodes have it."""
    seen: set[int] = set()
    todo = [value]
    while todo:
        node = todo.pop()
        if isinstance(node, Span):
            if id(node) not in seen:
                seen.add(id(node))
                yield node
        elif isinstance(node, tuple):
            todo.extend(node)
        elif (parts := _reader(type(node))) is not None:
            todo.append(parts(node))


def _reader(of: type) -> Callable[[object], object] | None:
    if of not in _readers:
        names = [field.name for field in fields(of)] if is_record(of) else []
        _readers[of] = attrgetter(*names) if names else None
    return _readers[of]
