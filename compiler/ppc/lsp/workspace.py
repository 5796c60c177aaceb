"""What the server knows: texts as typed or stored, their trees, and what each program means. An edit undoes only what
depends on it; the rest is kept.

A program is made of one file and what it includes, as `ppc build FILE` makes it. Programs are those of the open files
and of the files of the workspace that include one of these.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from ppacer.records import dataclass
from ppc import ast
from ppc.analyse import Examination, examine
from ppc.callables import CallableFinder
from ppc.cli_python import Python, PythonError, find_python
from ppc.diagnostics import Diagnostic, in_source_order
from ppc.gathering import Gathered, distinct, gather_files
from ppc.includes import Unit
from ppc.parse import parse
from ppc.parse_pieces import Pieces
from ppc.source import Source, read_source

_SKIPPED: Final = frozenset({"node_modules", "__pycache__", "build", "dist"})
_MOST_FILES: Final = 5_000
"""Of a workspace: a folder that holds more is no project, and the rest of it is not looked through."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A program: its files, what they mean (none where the file itself cannot be read), and all faults, also by the
    file that each is in."""

    gathered: Gathered
    examined: Examination | None
    diagnostics: Sequence[Diagnostic]
    by_file: Mapping[str, Sequence[Diagnostic]]
    callables: CallableFinder


class Workspace:
    """Files go by their paths, links resolved. `folders` are the roots that the editor has open, `paths` further
    folders of modules and included files; `python` is the one that was chosen, none for the nearest `.venv`."""

    def __init__(self, folders: Sequence[str] = (), paths: Sequence[str] = (), python: str | None = None) -> None:
        self._folders = [os.path.realpath(folder) for folder in folders]
        self._paths = list(paths)
        self._chosen = python
        self._open: dict[str, Source] = {}
        self._units: dict[str, tuple[object, Unit]] = {}
        self._pieces: dict[str, Pieces] = {}
        self._programs: list[str] | None = None
        self._checked: dict[str, Checked] = {}
        self._finders: dict[tuple[str, ...], CallableFinder] = {}
        self._pythons: dict[str, Python] = {}
        self._stored: list[str] | None = None
        self._without: dict[str, object] = {}

    # --- texts ------------------------------------------------------------------------------------------------------

    def put(self, source: Source) -> None:
        """Takes the text of an open file."""
        self._open[source.path] = source
        self._undo({source.path})

    def close(self, path: str) -> None:
        """From now on the file is what is stored."""
        self._open.pop(path, None)
        self._pieces.pop(path, None)
        self._undo({path})

    def stored(self, paths: Iterable[str]) -> None:
        """Files were made, changed or taken away, by whomever. What Python files say is read again in any case."""
        changed = set(paths)
        self._stored = None
        if any(not path.endswith(".ppd") for path in changed):
            self._finders.clear()
            self._pythons.clear()
            self._checked.clear()
        self._undo({path for path in changed if path.endswith(".ppd")})

    def is_open(self, path: str) -> bool:
        return path in self._open

    def source(self, path: str) -> Source | None:
        unit = self.unit(path)
        return None if isinstance(unit, Diagnostic) else unit.source

    def unit(self, path: str) -> Unit | Diagnostic:
        """The file, read and parsed; both once for as long as it does not change. The places in an answer are moved to
        those of the next when an open file changes: nothing may be kept of it beyond that."""
        place = path if path in self._open else os.path.realpath(path)
        open_as = self._open.get(place)
        stamp: object = open_as if open_as is not None else _stamp(place)
        kept = self._units.get(place)
        if kept is not None and (kept[0] is stamp or (open_as is None and kept[0] == stamp)):
            return kept[1]
        source = open_as if open_as is not None else read_source(place)
        if isinstance(source, Diagnostic):
            return source
        # A file that is opened, saved or touched says mostly what it said before.
        same = kept is not None and kept[1].source == source
        if kept is not None and same:
            unit = kept[1]
        elif open_as is not None:
            unit = Unit(source, *self._pieces.setdefault(place, Pieces()).parse(source))
        else:
            unit = Unit(source, *parse(source))
        self._units[place] = (stamp, unit)
        return unit

    def module(self, path: str) -> ast.Module | None:
        unit = self.unit(path)
        return None if isinstance(unit, Diagnostic) else unit.module

    # --- programs ---------------------------------------------------------------------------------------------------

    def programs(self) -> list[str]:
        """The open files, and those of the workspace that include one of them, directly or not."""
        if self._programs is None:
            self._programs = list(dict.fromkeys([*self._open, *self.includers(self._open)]))
            for path in self._checked.keys() - set(self._programs):
                self._forget(path)
        return self._programs

    def check(self, path: str) -> Checked:
        """What the program of a file means: checked again only if something that it is made of has changed."""
        kept = self._checked.get(path)
        if kept is None:
            kept = self._checked[path] = self._check(path)
        return kept

    def python(self, path: str) -> tuple[CallableFinder, Sequence[str]]:
        """What finds the callables of a file's program, and the folders of its modules; without checking it."""
        kept = self._checked.get(path)
        if kept is not None:
            return kept.callables, kept.gathered.folders
        folders = gather_files([path], self._paths, self.unit).folders or [str(Path(path).parent)]
        return self.finder(folders, path), folders

    def diagnostics(self, path: str) -> list[Diagnostic]:
        """All that is wrong in a file: in its own program, and in those that include it and are checked already."""
        if path in self.programs():
            self.check(path)
        return in_source_order(each for checked in self._checked.values() for each in checked.by_file.get(path, ()))

    def files_of(self, path: str) -> list[str]:
        """The file and all that it includes."""
        found = [path]
        for each in found:
            found += (place for place in self.included(each) if place not in found)
        return found

    def included(self, path: str) -> list[str]:
        """The files that a file includes itself, as far as they can be read."""
        module = self.module(path)
        found: list[str] = []
        for item in () if module is None else module.items:
            place = self.included_by(path, item) if isinstance(item, ast.IncludeDecl) else None
            if place is not None:
                found.append(place)
        return found

    def included_by(self, path: str, item: ast.IncludeDecl) -> str | None:
        """Where the file stands that an include names; none where there is no such."""
        for folder in distinct([str(Path(path).parent), *self._paths]):
            place = os.path.realpath(Path(folder, str(item.path.value)))
            if place in self._open or _stamp(place) is not None:
                return place
        return None

    def includers(self, paths: Iterable[str]) -> list[str]:
        """The files of the workspace that include one of these, directly or not."""
        wanted = set(paths)
        by_file = {path: self.included(path) for path in self.all_files() if self._may_include(path)}
        found: list[str] = []
        while more := [path for path, inner in by_file.items() if path not in found and wanted.intersection(inner)]:
            found += more
            wanted.update(more)
        return found

    def all_files(self) -> list[str]:
        """The `.ppd` files of the workspace, and those that are open."""
        if self._stored is None:
            self._stored = list(_files_in(self._folders))
        return list(dict.fromkeys([*self._open, *self._stored]))

    def beside(self, path: str) -> list[str]:
        """The other `.ppd` files of a file's folder, by their names."""
        folder = Path(path).parent
        stored = {each.name for each in folder.glob("*.ppd")} if folder.is_dir() else set()
        return sorted(stored - {Path(path).name})

    def finder(self, folders: Sequence[str], near: str) -> CallableFinder:
        """What finds Python callables; kept until a Python file is stored."""
        places = tuple(os.path.realpath(folder) for folder in folders)
        if places not in self._finders:
            python = self._python(near)
            self._finders[places] = CallableFinder([Path(place) for place in places], python.path)
        return self._finders[places]

    def _check(self, path: str) -> Checked:
        gathered = gather_files([path], self._paths, self.unit)
        callables = self.finder(gathered.folders or [str(Path(path).parent)], path)
        examined = None if gathered.files is None else examine(gathered.files, callables)
        found = gathered.unread if examined is None else gathered.told(examined.found)
        by_file: dict[str, list[Diagnostic]] = {}
        for each in found:
            by_file.setdefault(each.span.file, []).append(each)
        return Checked(gathered, examined, found, by_file, callables)

    def _undo(self, changed: set[str]) -> None:
        self._programs = None
        for path in [path for path, checked in self._checked.items() if changed & checked.gathered.asked]:
            self._forget(path)

    def _forget(self, path: str) -> None:
        examined = self._checked.pop(path).examined
        if examined is not None:
            for dag in examined.program.all_dags:
                dag.release()

    def _may_include(self, path: str) -> bool:
        """Keeps files from being parsed, and from being read again, that say of no include at all."""
        if path in self._open:
            return True
        stamp = _stamp(path)
        if path in self._without and self._without[path] == stamp:
            return False
        source = read_source(path)
        says = not isinstance(source, Diagnostic) and "include" in source.text
        if not says:
            self._without[path] = stamp
        return says

    def _python(self, near: str) -> Python:
        folder = str(Path(near).parent)
        if folder not in self._pythons:
            try:
                self._pythons[folder] = find_python(self._chosen, Path(folder))
            except PythonError:
                # The build tells of it; what can be said without that Python is said all the same.
                self._pythons[folder] = find_python(None, Path(os.sep))
        return self._pythons[folder]


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - asked for every file at every turn
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size


def _files_in(folders: Iterable[str]) -> Iterator[str]:
    found = 0
    for folder in folders:
        for place, inner, files in os.walk(folder):
            inner[:] = sorted(name for name in inner if name not in _SKIPPED and not name.startswith("."))
            for name in sorted(files):
                if name.endswith(".ppd"):
                    found += 1
                    if found > _MOST_FILES:
                        return
                    yield os.path.realpath(Path(place, name))
