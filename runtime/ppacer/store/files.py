"""Whether the files of an open SQLite database are still the ones at their paths.

SQLite does not look. It goes on reading and writing files that somebody has moved, removed or replaced, and what it
commits to them is gone with the process. So commits count only while the files stand where the next start looks.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ppacer.store.errors import Displaced

_SUFFIXES = ("", "-wal", "-shm")
_Identity = tuple[int, int]


class OpenFiles:
    """The files as they are at the moment: made when the database has been opened, closed after it.

    Closing any descriptor of a file gives up all locks that the process has on it, so those here stay open meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: dict[Path, int] = {}
        self._identities: dict[Path, _Identity] = {}
        for file in (Path(f"{path}{suffix}") for suffix in _SUFFIXES):
            with suppress(OSError):
                descriptor = self._files[file] = os.open(file, os.O_RDONLY)
                self._identities[file] = _identity(os.fstat(descriptor))
                if self._identities[file] != _identity(file.stat()):
                    del self._identities[file]  # a filesystem that numbers its files anew each time

    def check(self) -> None:
        """Raises `Displaced` where a file is another one, or none."""
        for file, identity in self._identities.items():
            try:
                found = _identity(file.stat())
            except OSError:
                found = None
            if found != identity:
                raise Displaced(self._told(file, replaced=found is not None))

    @property
    def gone(self) -> bool:
        """Whether the database has no name left, so that nobody can put it back."""
        return os.fstat(self._files[self._path]).st_nlink == 0

    def close(self) -> None:
        while self._files:
            os.close(self._files.popitem()[1])

    def _told(self, file: Path, *, replaced: bool) -> str:
        if file != self._path:
            return f"{file} has been removed under the running program: stop it and start it again"
        if replaced:
            return (
                f"another file has been put in the place of {file} under the running program: put the one that was "
                "there back, and everything goes on, or stop the program and start it again with the other one"
            )
        return f"{file} has been moved or removed under the running program: put it back, and everything goes on"


def _identity(found: os.stat_result) -> _Identity:
    return found.st_dev, found.st_ino
