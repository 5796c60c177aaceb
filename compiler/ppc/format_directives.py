"""Comments for the compiler, `# ppc: …`, are about the line on which they stand: it must not lose anything."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final, TypeAlias

from ppc.format_split import Block, Statement
from ppc.parse_reading import Comment, Token

DIRECTIVE: Final = "# ppc:"
_OPTIONAL: Final = frozenset({"NEWLINE", "COMMA", "LPAR", "RPAR"})
"""Tokens that formatting may add or leave out."""

Lexed: TypeAlias = tuple[str, Sequence[Token], Sequence[Comment]]


def torn(before: Lexed, after: Lexed) -> list[tuple[int, int]]:
    """The lines with such a comment from which formatting would take something: where their tokens begin and end.

    Both texts have the same comments, and the same tokens apart from those that are optional.
    """
    if DIRECTIVE not in before[0]:
        return []
    old, new = _Lines(before), _Lines(after)
    found: list[tuple[int, int]] = []
    for was, now in zip(before[2], after[2], strict=True):
        if was.text.startswith(DIRECTIVE):
            first, end = old.of(was)
            new_first, new_end = new.of(now)
            if first < end and (new_first > first or new_end < end):
                found.append((old.tokens[first].start, old.tokens[end - 1].end))
    return found


def keep(block: Block, start: int, end: int) -> None:
    """Marks the innermost statement around a stretch of text to be left as it was written."""
    place = bisect_right(block.items, start, key=_start) - 1
    statement = block.items[place]
    inner = statement.block.items if statement.block is not None else []
    if any(item.start <= start and end <= item.end for item in inner):
        assert statement.block is not None
        keep(statement.block, start, end)
    else:
        statement.kept = True


def _start(statement: Statement) -> int:
    return statement.start


class _Lines:
    def __init__(self, lexed: Lexed) -> None:
        self._text, tokens, _ = lexed
        self.tokens = [token for token in tokens if token.type not in _OPTIONAL and token.end > token.start]
        self._starts = [token.start for token in self.tokens]
        self._ends = [token.end for token in self.tokens]

    def of(self, comment: Comment) -> tuple[int, int]:
        """The first token of a comment's line, and the first behind it."""
        line = self._text.rfind("\n", 0, comment.span.start) + 1
        return bisect_right(self._ends, line), bisect_left(self._starts, comment.span.start)
