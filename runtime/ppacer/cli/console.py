"""What the commands write to a terminal, a file or a pipe: styles, columns, times."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TextIO

SECOND = 1_000_000
_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
"""What programs write to colour a terminal, to move about in it or to name it."""


class Style(StrEnum):
    """SGR codes from the terminal's own palette, so that they suit light and dark ones alike."""

    PLAIN = ""
    BOLD = "1"
    DIM = "2"
    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    BLUE = "34"


STATUS_STYLES: Mapping[str, tuple[str, Style]] = {
    "success": ("✔", Style.GREEN),
    "failed": ("✖", Style.RED),
    "upstream_failed": ("✖", Style.YELLOW),
    "timed_out": ("✖", Style.RED),
    "lost": ("✖", Style.RED),
    "cancelled": ("■", Style.YELLOW),
    "skipped": ("○", Style.DIM),
    "running": ("●", Style.BLUE),
    "deferred": ("◌", Style.DIM),
    "late": ("!", Style.YELLOW),
    "retrying": ("↻", Style.YELLOW),
    "queued": ("◌", Style.DIM),
    "waiting": ("·", Style.DIM),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A text in a table with its style; numbers stand to the right."""

    text: str
    style: Style = Style.PLAIN
    right: bool = False


class OutputError(Exception):
    """The stream takes no more: its reader has gone (`… | head`), or its disk is full."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(f"cannot write the output: {(cause.strerror or str(cause)).lower()}")
        self.reader_gone = isinstance(cause, BrokenPipeError)


class Console:
    """Writes to one stream; `colour` and `live` (lines may be rewritten) only where it is a terminal.

    Any thread may write. What is written scrolls by above the footer, which is gone then until it is drawn again.
    """

    def __init__(self, stream: TextIO, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self.stream = stream
        terminal = stream.isatty() and environ.get("TERM") != "dumb"
        self.live = terminal
        self.colour = terminal and not environ.get("NO_COLOR")
        self._together: list[str] | None = None
        self._footer = 0
        self._lock = threading.RLock()
        self._keeps_going = False

    def keep_going(self) -> None:
        """From now on what cannot be written is left out, which is said once: the work matters more than its tale."""
        self._keeps_going = True

    @property
    def width(self) -> int:
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def style(self, text: str, style: Style) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.colour and style and text else text

    def line(self, text: str = "", style: Style = Style.PLAIN) -> None:
        self.write(self.style(text, style) + "\n")

    def write(self, text: str) -> None:
        """Raises `OutputError`, unless told to keep going."""
        with self._lock:
            if self._footer:
                text = f"\x1b[{self._footer}F\x1b[J{text}"
                self._footer = 0
            if self._together is not None:
                self._together.append(text)
            else:
                self._put(text)

    def footer(self, lines: Sequence[str]) -> None:
        """Lines that stand below everything until something is written or the next footer takes their place."""
        with self._lock:
            self.write("".join(f"{line}\n" for line in lines))
            self._footer = len(lines)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written in the block comes out at its end in one piece, so that redrawn lines do not flicker."""
        parts: list[str] = []
        self._together = parts
        try:
            yield
        finally:
            with self._lock:
                self._together = None
                self._put("".join(parts))

    def _put(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except OSError as error:
            # Nothing of it may be left for the interpreter to write, and to complain of, at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
            problem = OutputError(error)
            if not self._keeps_going:
                raise problem from error
            if not problem.reader_gone:
                error_line(f"{problem}; everything else goes on")

    def table(self, rows: Sequence[Sequence[str | Cell]], header: Sequence[str] = (), indent: str = "") -> None:
        """Aligned columns, two spaces apart; the last one is not padded."""
        cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
        if header:
            rights = [cell.right for cell in cells[0]] if cells else [False] * len(header)
            cells.insert(0, [Cell(title, Style.DIM, right) for title, right in zip(header, rights, strict=True)])
        if not cells:
            return
        widths = [max(display_width(row[column].text) for row in cells) for column in range(len(cells[0]))]
        for row in cells:
            parts = []
            for cell, width in zip(row, widths, strict=True):
                space = " " * (width - display_width(cell.text))
                text = self.style(cell.text, cell.style)
                parts.append(space + text if cell.right else text + space)
            self.write(indent + "  ".join(parts).rstrip() + "\n")


def error_line(message: str, stream: TextIO | None = None) -> None:
    """`error: …` on standard error."""
    console = Console(stream or sys.stderr)
    console.write(f"{console.style('error:', Style.RED)} {message}\n")


def status_cell(status: str) -> Cell:
    mark, style = STATUS_STYLES.get(status, ("·", Style.PLAIN))
    return Cell(f"{mark} {status.replace('_', ' ')}", style)


def display_width(text: str) -> int:
    """How many columns a terminal gives the text."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def clip(text: str, width: int) -> str:
    """The text on one line of at most `width` columns, `…` where it was cut; control characters made visible."""
    text = printable(text)
    if display_width(text) <= width:
        return text
    while text and display_width(text) > width - 1:
        text = text[: max(0, len(text) - max(1, (display_width(text) - width) // 2))]
    return text + "…"


def printable(text: str) -> str:
    """The text without colours, and without the control characters by which it could steer the terminal."""
    if "\x1b" in text:
        text = _SEQUENCE.sub("", text)
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() or character == "\t" else "�" for character in text)


def now_us() -> int:
    return time.time_ns() // 1000
