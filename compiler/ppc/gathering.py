"""From named files to all files of their program: includes looked for, each file read once however it is named.

Who reads is an argument: commands read what is stored, an editor's language server what is being typed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from ppacer.records import dataclass
from ppc.diagnostics import Diagnostic, Span, in_source_order
from ppc.includes import Files, Unit, gather
from ppc.source import NOT_FOUND, Source

UnitReader: TypeAlias = Callable[[str], Unit | Diagnostic]
"""Gives the file at a path, read and parsed, or why it cannot be read. Whoever gives it decides what is kept."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The files of a program. `files` is none where not one of those that were named could be read, `unread` tells of
    each that could not; `folders` are where the tasks' modules are looked for. `asked` are the places, links resolved,
    of all files that were looked for, those that are not there too: the program depends on these and on no others."""

    files: Files | None
    unread: Sequence[Diagnostic]
    sources: Mapping[str, Source]
    folders: Sequence[str]
    asked: frozenset[str]

    def told(self, found: Sequence[Diagnostic]) -> list[Diagnostic]:
        """All faults in source order, those of the stages, `found`, without what the files' comments allow."""
        return in_source_order([*self.unread, *_suppressed(found, self.sources)])


def gather_files(files: Sequence[str], paths: Sequence[str], read: UnitReader) -> Gathered:
    """Follows the includes of the named files. `paths` are further folders of modules and of included files, which are
    looked for beside the file that includes them first. A file that is named twice counts once."""
    units: dict[str, Unit] = {}
    unread: list[Diagnostic] = []
    asked: set[str] = set()

    def once(path: str) -> Unit | Diagnostic:
        place = os.path.realpath(path)
        asked.add(place)
        if place not in units:
            unit = read(path)
            if isinstance(unit, Diagnostic):
                return unit
            units[place] = unit
        return units[place]

    for file in distinct(files):
        unit = once(file)
        if isinstance(unit, Diagnostic):
            unread.append(unit)
    if not units:
        return Gathered(None, unread, {}, (), frozenset(asked))
    named = tuple(units.values())

    def include(name: str, by: Source) -> Unit | Diagnostic:
        looked_in = distinct([os.path.dirname(by.path) or ".", *paths])  # noqa: PTH120 - keeps the path as written
        for folder in looked_in:
            found = once(os.path.normpath(os.path.join(folder, name)))  # noqa: PTH118
            if not isinstance(found, Diagnostic) or found.code != NOT_FOUND:
                return found
        message = f"there is no file `{name}`"
        return Diagnostic(NOT_FOUND, message, Span(by.path, 0, 0), help=f"looked for in {', '.join(looked_in)}")

    faults = [fault for unit in named for fault in unit.faults]
    gathered = gather([(unit.source, unit.module) for unit in named], include, faults)
    sources = {file.source.path: file.source for file in gathered.files}
    folders = distinct([*(str(Path(file).parent) for file in sources), *paths])
    return Gathered(gathered, unread, sources, folders, frozenset(asked))


def distinct(paths: Sequence[str]) -> list[str]:
    """Each place once, by the first of its names."""
    return list({os.path.realpath(path): path for path in reversed(paths)}.values())[::-1]


def _suppressed(diagnostics: Sequence[Diagnostic], sources: Mapping[str, Source]) -> Sequence[Diagnostic]:
    if not any("ppc:" in source.text for source in sources.values()):
        return diagnostics
    from ppc import explanations  # noqa: PLC0415 - hardly any file has such a comment
    from ppc.suppressions import suppress  # noqa: PLC0415

    return suppress(diagnostics, sources, explanations.is_known)
