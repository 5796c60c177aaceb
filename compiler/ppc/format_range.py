"""A part of a file in its form: what an editor asks for when lines are selected."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from ppc.diagnostics import Edit, Span
from ppc.format import check_same, lay_out, read
from ppc.format_lines import join
from ppc.format_split import Block, Statement
from ppc.source import Source

_LINE_END: Final = re.compile(r"\r\n?|\n")


def format_range(source: Source, start: int, end: int) -> tuple[Edit, ...]:
    """What brings the statements on the lines from offset `start` to `end` into their form, in source order.

    The smallest statements that hold the lines change as wholes, and nothing else, not even the lines between them.
    Raises `FormatError`.
    """
    parsed = read(source)
    text = parsed.source.text
    _, layout, _ = lay_out(parsed)
    before, after = _line_starts(source.text), _line_starts(text)
    first, last = (bisect_right(before, offset) - 1 for offset in (start, end))
    stop = after[last + 1] - 1 if last + 1 < len(after) else len(text)
    edits: list[Edit] = []
    changed = text
    for statement in reversed(_touched(text, layout.block, after[first], stop) or []):
        left, right = _line_start(text, statement.start), _line_end(text, statement.end)
        new = join(statement.lines).removesuffix("\n")
        if text[left:right] != new:
            changed = changed[:left] + new + changed[right:]
            place, end_place = (before[line] + offset for line, offset in (_place(after, left), _place(after, right)))
            edits.append(Edit(Span(source.path, place, end_place), new))
    check_same(parsed, changed)
    return tuple(reversed(edits))


def _touched(text: str, block: Block, start: int, stop: int) -> list[Statement] | None:
    """The smallest statements of a block that hold all of its lines there; none where they share lines."""
    found = [item for item in block.items if item.start <= stop and _line_end(text, item.end) >= start]
    if len(found) == 1 and (inner := found[0].block) is not None and not (found[0].broken or found[0].kept):
        inside = _line_end(text, inner.start) < start and stop < _line_start(text, inner.end)
        if inside and (smaller := _touched(text, inner, start, stop)) is not None:
            return smaller
    return found if all(_has_its_lines(text, item) for item in found) else None


def _has_its_lines(text: str, statement: Statement) -> bool:
    before = text[_line_start(text, statement.start) : statement.start]
    behind = text[statement.end : _line_end(text, statement.end)].lstrip()
    return not before.strip() and (not behind or behind.startswith("#"))


def _line_start(text: str, offset: int) -> int:
    return text.rfind("\n", 0, offset) + 1


def _line_end(text: str, offset: int) -> int:
    end = text.find("\n", offset)
    return len(text) if end < 0 else end


def _line_starts(text: str) -> Sequence[int]:
    return (0, *(found.end() for found in _LINE_END.finditer(text)))


def _place(starts: Sequence[int], offset: int) -> tuple[int, int]:
    """The line of an offset, and the offset within that."""
    line = bisect_right(starts, offset) - 1
    return line, offset - starts[line]
