"""Statements to lines: what stands on one line, what is opened up, and where blank lines stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ppc import ast
from ppc.docstrings import clean
from ppc.format_breaking import breaking
from ppc.format_comments import settle_comments
from ppc.format_layout import lay_out
from ppc.format_lines import INDENT, Line, fits, line_up
from ppc.format_pieces import CLOSERS, OPENERS, Piece, flat, pieces, stands_on_one_line
from ppc.format_split import Above, Block, Layout, Statement
from ppc.parse_brackets import SETTINGS_HEADS
from ppc.parse_reading import Token

_ALWAYS_OPEN: Final = frozenset({"DAG", "TEMPLATE"})
"""Statements whose block never stands on their line, unless it is empty."""
_BLANKS_IN_FILE: Final = 2
_BLANKS_IN_BLOCK: Final = 1
"""The most blank lines that are kept in a row."""
_KINDS: Final = frozenset({"TASK", "GROUP", "LET", "NOTIFIER", "NAME"})
"""Statements that line up at their `=`; a NAME begins a setting."""
_BLOCK_KINDS: Final = {"ON": "handler", "FINALLY": "handler", "POOL": "pool"}
"""Statements that line up at their `{`, where the block stands on their line."""
_OPENING: Final = re.compile('(r?)"""')


def statement_lines(layout: Layout) -> list[Line]:
    """The lines of a file. Notes in each statement which of them are its own."""
    lines = _Writer(layout).block(layout.block, 0, _BLANKS_IN_FILE)
    line_up(lines)
    return lines


class _Writer:
    def __init__(self, layout: Layout) -> None:
        self._text = layout.text
        self._inner = layout.inner

    def block(self, block: Block, indent: int, most: int) -> list[Line]:
        """What stands between the braces of a block, or in a file, with at most so many blank lines in a row."""
        lines: list[Line] = []
        wanted = False
        for place, statement in enumerate(block.items):
            statement.lines = self._statement(statement, indent, first=not place)
            opened = most == _BLANKS_IN_FILE and _is_opened(statement)
            blanks = [min(above.blanks, most) for above in statement.above]
            blanks.append(min(statement.blanks, most))
            if not place:
                blanks[0] = 0
            elif wanted or (opened and not any(blanks)):
                blanks[0] = max(blanks[0], 1)
            lines.extend(_above(statement.above, blanks, indent))
            lines.extend(statement.lines)
            wanted = opened or _is_docstring(statement, first=not place)
        blanks = [min(above.blanks, most) for above in block.below]
        if blanks:
            blanks[0] = max(blanks[0], wanted) if block.items else 0
        lines.extend(_above(block.below, blanks, indent))
        return lines

    def _statement(self, statement: Statement, indent: int, *, first: bool) -> list[Line]:
        if statement.broken or statement.kept:
            return [self._as_written(statement, indent)]
        if _is_docstring(statement, first=first):
            return [Line(indent, _docstring(statement.tokens[0], indent), statement.comment)]
        found = pieces(self._text, statement.tokens, self._inner)
        block = statement.block
        if block is None or _is_empty(block):
            return _ended(self._header(found, ["" if block is None else " {}"], indent), statement.comment)
        beside = self._beside(statement.tokens[0].type, block)
        lines = self._header(found, [" {"] if beside is None else [beside, " {"], indent)
        if not lines[-1].text.endswith(" {"):
            return _ended(lines, statement.comment)
        lines = _ended(lines, block.comment)
        lines.extend(self.block(block, indent + INDENT, _BLANKS_IN_BLOCK))
        lines.append(Line(indent, "}", statement.comment))
        return lines

    def _header(self, found: Sequence[Piece], tails: Sequence[str], indent: int) -> list[Line]:
        """A statement up to its block, with the first of `tails` behind it that fits, or else the last.

        One line is better than several, whatever the tail.
        """
        if stands_on_one_line(found):
            line = flat(found)
            for tail in tails:
                if fits(line + tail, indent):
                    whole = Line(indent, line + tail)
                    if tail != " {" and "\n" not in line:
                        _note_key(whole, found, len(line) if tail else None)
                    return [whole]
        settle_comments(found)
        document = breaking(self._text, found)
        for tail in tails[:-1]:
            lines = lay_out([*document, tail], indent)
            if fits(lines[-1].text, lines[-1].indent):
                return lines
        return lay_out([*document, tails[-1]], indent)

    def _beside(self, head: str, block: Block) -> str | None:
        """The block as it stands on the line of its statement, if it does: if it was written so and nothing in it
        needs a line of its own."""
        if block.opened or block.comment or block.below or head in _ALWAYS_OPEN:
            return None
        if len(block.items) > 1 and head not in SETTINGS_HEADS:
            return None
        texts: list[str] = []
        for item in block.items:
            if item.broken or item.kept or item.above or item.comment or item.tokens[0].type == "STRING":
                return None
            found = pieces(self._text, item.tokens, self._inner)
            text = flat(found)
            if "\n" in text or not stands_on_one_line(found):
                return None
            if item.block is not None:
                inner = " {}" if _is_empty(item.block) else self._beside(item.tokens[0].type, item.block)
                if inner is None:
                    return None
                text += inner
            texts.append(text)
        return f" {{ {', '.join(texts)} }}"

    def _as_written(self, statement: Statement, indent: int) -> Line:
        """A statement as it is, with its indentation where it begins its line."""
        before = self._text[self._text.rfind("\n", 0, statement.start) + 1 : statement.start]
        text = self._text[statement.start : statement.end].rstrip()
        return Line(indent, text, statement.comment) if before.strip() else Line(0, before + text, statement.comment)


def _above(comments: Sequence[Above], blanks: Sequence[int], indent: int) -> list[Line]:
    """The comments above something, each below its blank lines, and the blank lines below them."""
    lines: list[Line] = []
    for place, count in enumerate(blanks):
        lines.extend(Line(0, "") for _ in range(count))
        if place < len(comments):
            lines.append(Line(indent, "", comments[place].text))
    return lines


def _ended(lines: list[Line], comment: str) -> list[Line]:
    lines[-1].comment = comment
    return lines


def _is_empty(block: Block) -> bool:
    return not (block.items or block.below or block.comment)


def _is_opened(statement: Statement) -> bool:
    """Whether it has a block over several lines."""
    return statement.block is not None and len(statement.lines) > 1


def _is_docstring(statement: Statement, *, first: bool) -> bool:
    tokens = statement.tokens
    return first and not (statement.broken or statement.kept) and len(tokens) == 1 and tokens[0].type == "STRING"


def _docstring(token: Token, indent: int) -> str:
    """The text with its further lines moved to the indentation, if it stays the same text.

    It is a string whose common indentation means nothing; a backslash in it may mean something, so that it is left.
    """
    constant = token.payload
    assert isinstance(constant, ast.Constant)
    assert isinstance(constant.value, str)
    opening = _OPENING.match(token.text)
    if opening is None or "\n" not in token.text or ("\\" in token.text and not opening[1]):
        return token.text
    meant = clean(constant.value)
    lines = meant.split("\n")
    if not constant.value.split("\n", 1)[0].strip():
        lines.insert(0, "")
    moved = "\n".join([lines[0], *(f"{' ' * indent}{line}" if line else "" for line in lines[1:])])
    if not constant.value.rsplit("\n", 1)[1].strip():
        moved += "\n" + " " * indent
    return f'{opening[0]}{moved}"""' if meant and clean(moved) == meant else token.text


def _note_key(line: Line, found: Sequence[Piece], beside: int | None) -> None:
    """Notes where the line may line up with its neighbours; `beside` is the place of a block on it."""
    head = found[0].type
    if head in _KINDS:
        depth = 0
        for place, piece in enumerate(found):
            depth += (piece.type in OPENERS) - (piece.type in CLOSERS)
            if piece.type == "EQUAL" and not depth:
                line.kind = f"{head} {found[place - 1].type}"
                line.key = len(flat(found[:place]))
                return
    elif head in _BLOCK_KINDS and beside is not None:
        line.kind, line.key = _BLOCK_KINDS[head], beside
