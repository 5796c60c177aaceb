"""Whether what a program is made of has changed on disk: its files' stamps, looked at again and again.

A look costs some microseconds a file, so for a project's dozens of files it is next to nothing. It sees a change on
every file system; notices of the system, for which a library would be needed, do not come from network folders and
from those that containers and virtual machines share with their hosts.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final, TypeAlias

from ppacer.records import dataclass

_Stamp: TypeAlias = tuple[int, ...] | tuple[str, ...] | None

_SOURCES: Final = (".ppd", ".py")
_UNKNOWN: Final = (-1,)
_COARSE_NS: Final = 10_000_000
"""By so much the time of a file may lag behind the clock."""


@dataclass(frozen=True, slots=True)
class Places:
    """What a program depends on: `files` that are read, or would be if they were there, and `folders` in which a new
    source would count."""

    files: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()


class Watch:
    """Looks at `places`, and from the first `end` on at those that it gives. `own` is written by whoever watches: it is
    no source. Calls are `begin`, reading, `end`, then `changed` until it is true; then again."""

    def __init__(self, places: Places, own: Path) -> None:
        self._places = places
        self._own = os.path.realpath(own)
        self._began = 0
        self._known: dict[str, _Stamp] = {}
        self._last: dict[str, _Stamp] | None = None

    def begin(self) -> None:
        """The files are read from now on: whatever changes from here has changed."""
        self._began = time.time_ns()
        self._known = self._look()

    def end(self, places: Places) -> None:
        """The files were read, and these are the places that count."""
        self._places = places
        before, self._known = self._known, self._look()
        for place, stamp in self._known.items():
            if place in before:
                self._known[place] = before[place]
            elif place in places.files and self._is_recent(stamp):
                self._known[place] = _UNKNOWN
        self._last = None

    def changed(self) -> bool:
        """Whether something is different, and has been as it is now for the time between two calls."""
        now = self._look()
        at_rest, self._last = now == self._last, now
        return at_rest and now != self._known

    def _is_recent(self, stamp: _Stamp) -> bool:
        """Whether a file may have been written after it was read."""
        return stamp is not None and isinstance(stamp[0], int) and stamp[0] >= self._began - _COARSE_NS

    def _look(self) -> dict[str, _Stamp]:
        found: dict[str, _Stamp] = {file: _file_stamp(file) for file in self._places.files}
        found.update((folder, self._folder_stamp(folder)) for folder in self._places.folders)
        return found

    def _folder_stamp(self, folder: str) -> _Stamp:
        """The names in it that may be those of sources or packages."""
        try:
            with os.scandir(folder) as entries:
                return tuple(sorted(entry.name for entry in entries if _counts(entry) and entry.path != self._own))
        except OSError:
            return None


def _file_stamp(file: str) -> _Stamp:
    try:
        found = os.stat(file)  # noqa: PTH116 - asked for every file at every look
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _counts(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith((".", "__pycache__")):
        return False
    return entry.name.endswith(_SOURCES) or entry.is_dir()
