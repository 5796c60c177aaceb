"""One `.ppd` file as text, and where its offsets lie.

Offsets count code points of the text as decoded, without a byte order mark; line ends stay as they were written.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from pathlib import Path
from typing import Final

from ppacer.records import dataclass, field
from ppc.diagnostics import Diagnostic, Span
from ppc.similar import Similar

NOT_FOUND: Final = "E001"
"""There is no such file."""
NOT_A_FILE: Final = "E002"
"""The path leads to a directory, a device, or a module of Python."""
UNREADABLE: Final = "E003"
"""The file cannot be read."""
NOT_UTF8: Final = "E004"
"""The file is not UTF-8 text."""

CODES: Final = {
    NOT_FOUND: "a file that is not there",
    NOT_A_FILE: "a path that leads to no source",
    UNREADABLE: "a file that cannot be read",
    NOT_UTF8: "a file that is not UTF-8 text",
}

_LINE_END: Final = re.compile(r"\r\n?|\n")
_BYTE_ORDER_MARK: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Source:
    """`path` is the file as the user gave it; `text` its whole text."""

    path: str
    text: str
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_starts", (0, *(end.end() for end in _LINE_END.finditer(self.text))))

    def line_column(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1, columns in code points."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """The line's text without its end; `line` counts from 1."""
        end = self._starts[line] if line < len(self._starts) else len(self.text)
        return self.text[self._starts[line - 1] : end].rstrip("\r\n")

    def line_start(self, line: int) -> int:
        """The offset at which a line begins; `line` counts from 1."""
        return self._starts[line - 1]

    @property
    def line_count(self) -> int:
        return len(self._starts)


def read_source(path: str | Path) -> Source | Diagnostic:
    """Reads the file, or says as a diagnostic why it cannot."""
    raw = read_bytes(path)
    return raw if isinstance(raw, Diagnostic) else decode_source(str(path), raw)


def read_bytes(path: str | Path) -> bytes | Diagnostic:
    """What the file holds, or as a diagnostic why it cannot be read."""
    name = str(path)
    at = Span(name, 0, 0)
    try:
        raw = Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return Diagnostic(NOT_FOUND, f"there is no file `{name}`", at, help=_meant(Path(path)))
    except IsADirectoryError:
        return Diagnostic(NOT_A_FILE, f"`{name}` is a directory", at, help="name the `.ppd` file in it")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Diagnostic(UNREADABLE, f"`{name}` cannot be read: {reason}", at)
    if name.endswith(".py"):
        # Read as a source it would be a flood of faults, and `ppc fmt` might change it.
        return Diagnostic(NOT_A_FILE, f"`{name}` is Python", at, help="name the `.ppd` file of the pipeline")
    return raw


def _meant(path: Path) -> str:
    """What may have been meant by a path at which there is nothing."""
    folder = path.parent
    try:
        there = {entry.stem: entry for entry in sorted(folder.iterdir()) if entry.suffix == ".ppd"}
    except (OSError, ValueError):
        return f"there is no folder `{folder}`" if folder != Path() else ""
    if path.stem in there:
        return f"there is `{there[path.stem]}`"
    similar = Similar(there).to(path.stem)
    return f"there is `{there[similar]}`" if similar is not None else ""


def decode_source(name: str, raw: bytes) -> Source | Diagnostic:
    """The text of what a file holds, or as a diagnostic why it is none."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(name, raw, error.start)
    return Source(name, text.removeprefix(_BYTE_ORDER_MARK))


def _not_utf8(name: str, raw: bytes, offset: int) -> Diagnostic:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        what = "it looks like UTF-16"
    elif b"\x00" in raw:
        what = "it looks like a binary file"
    else:
        line = raw.count(b"\n", 0, offset) + 1
        what = f"byte {offset + 1}, in line {line}, is 0x{raw[offset]:02x}"
    return Diagnostic(
        NOT_UTF8, f"`{name}` is not UTF-8 text", Span(name, 0, 0), notes=(what,), help="save the file as UTF-8"
    )
