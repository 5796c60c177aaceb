"""`ppc check --fix` and `--diff`: what is safe to mend, mended in the files or shown."""

from __future__ import annotations

import codecs
import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from ppc.cli_error import CommandError
from ppc.diagnostics import Diagnostic
from ppc.mend import Mended, mend
from ppc.package import OutputError, write_text
from ppc.source import Source, read_source

_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")

Check: TypeAlias = Callable[[Callable[[str], Source | Diagnostic]], Sequence[Diagnostic]]
"""Finds the diagnostics of the files as a given function reads them."""


def fix(files: Sequence[str], check: Check) -> Iterator[str]:
    """Mends the files in place: each is written beside and renamed. Tells what was mended, a line each, and how much.

    Raises `CommandError` where a file cannot be written.
    """
    before, after, mended = _mend(files, check)
    for path, source in after.items():
        if source.text != before[path].text:
            try:
                write_text(Path(path), _mark(path) + source.text)
            except OutputError as error:
                raise CommandError(str(error)) from error
    for each in mended:
        found = each.diagnostic
        way = f": {found.help}" if found.help else ""
        yield f"{found.span.file}:{each.line}:{each.column}: {found.code} {found.message}{way}"
    if mended:
        yield f"mended {len(mended):,} fault{'' if len(mended) == 1 else 's'}"


def difference(files: Sequence[str], check: Check) -> str:
    """What `fix` would change, as a unified difference; empty if that is nothing."""
    before, after, _ = _mend(files, check)
    lines: list[str] = []
    for path, source in after.items():
        old, new = _LINE.findall(before[path].text), _LINE.findall(source.text)
        lines += difflib.unified_diff(old, new, path, f"{path} (mended)")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _mend(files: Sequence[str], check: Check) -> tuple[Mapping[str, Source], Mapping[str, Source], list[Mended]]:
    sources = {path: source for path in files if isinstance(source := read_source(path), Source)}

    def checked(now: Mapping[str, Source]) -> Sequence[Diagnostic]:
        return check(lambda path: now[path] if path in now else read_source(path))

    return sources, *mend(sources, checked)


def _mark(path: str) -> str:
    """The byte order mark, if the file begins with one."""
    with Path(path).open("rb") as file:
        return "\ufeff" if file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8 else ""
