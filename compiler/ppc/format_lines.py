"""The lines of a formatted file: their text, what lines up with their neighbours, and their joining.

Neighbouring lines of one kind line up at their `=`, neighbouring comments at their `#`. A run ends where a line of
another kind or a blank line stands, where the padding would tear a line apart, and where it would make one too long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ppacer.records import dataclass

WIDTH: Final = 100
"""How long a line may be, its comment left out, in code points. Strings and names are never cut."""
INDENT: Final = 2
_COMMENT_GAP: Final = 2
_KEY_PADDING: Final = 16
_COMMENT_PADDING: Final = 32
"""The most spaces that are put before a `=` and before a comment's gap."""


@dataclass(slots=True)
class Line:
    """`text` without its indentation, `comment` without the gap before it; both empty for a blank line.

    The text of a string over several lines holds line feeds. `kind` is given to lines that may line up: with
    neighbours of the same kind, at the offset `key` of their text.
    """

    indent: int
    text: str
    comment: str = ""
    kind: str = ""
    key: int = 0


def join(lines: Sequence[Line]) -> str:
    """The lines' text; each ends in a line feed."""
    return "".join([f"{_line(line)}\n" for line in lines])


def _line(line: Line) -> str:
    if line.text and line.comment:
        return f"{' ' * line.indent}{line.text}{' ' * _COMMENT_GAP}{line.comment}"
    text = line.text or line.comment
    return f"{' ' * line.indent}{text}" if text else ""


def fits(text: str, indent: int) -> bool:
    """Whether the text fits on its line; of a text over several lines the first and the last must."""
    if "\n" not in text:
        return indent + len(text) <= WIDTH
    return indent + text.index("\n") <= WIDTH and len(text) - text.rindex("\n") - 1 <= WIDTH


def line_up(lines: Sequence[Line]) -> None:
    """Puts in the spaces that make neighbours line up."""
    _in_runs(lines, _kind, lambda line: line.key, _KEY_PADDING, _pad_key)
    _in_runs(lines, _comment_kind, lambda line: len(line.text), _COMMENT_PADDING, _pad_comment)


def _kind(line: Line) -> tuple[int, str] | None:
    return (line.indent, line.kind) if line.kind else None


def _pad_key(line: Line, spaces: int) -> None:
    line.text = f"{line.text[: line.key]}{' ' * spaces}{line.text[line.key :]}"


def _comment_kind(line: Line) -> tuple[int, str] | None:
    if not line.text or not line.comment or "\n" in line.text or line.text[0] in ")]}" or line.text[-1] in "([{":
        return None
    return line.indent, "#"


def _pad_comment(line: Line, spaces: int) -> None:
    line.comment = f"{' ' * spaces}{line.comment}"


def _in_runs(
    lines: Sequence[Line],
    kind: Callable[[Line], tuple[int, str] | None],
    place: Callable[[Line], int],
    most: int,
    pad: Callable[[Line, int], None],
) -> None:
    """Pads each run of neighbours of one kind up to the furthest `place` among them."""
    run: list[Line] = []
    of: tuple[int, str] | None = None
    low = high = rest = 0
    for line in [*lines, Line(0, "")]:
        its = kind(line)
        if its is not None and its == of:
            at = place(line)
            lower, higher = min(low, at), max(high, at)
            longest = max(rest, len(line.text) - at)
            if higher - lower <= most and line.indent + higher + longest <= WIDTH:
                run.append(line)
                low, high, rest = lower, higher, longest
                continue
        for member in run:
            if place(member) < high:
                pad(member, high - place(member))
        run, of = ([line], its) if its is not None else ([], None)
        low = high = place(line)
        rest = len(line.text) - low
