"""The program's own file, held open: it goes on being read after an upgrade has put another one in its place."""

from __future__ import annotations

import json
import os

from ppacer.bundle.manifest import Index


class ArchiveError(ImportError):
    """Something cannot be read from the program's file any more. The message is for people."""


class Archive:
    """What is inside the file at `path`, by `index`, the archive's entry of that name.

    `label` is the name that it was built under, which file names in tracebacks begin with; `unpacked` gives, for the
    name of a top-level module, the parts that it is unpacked from; `folders` are all that there are in it.
    """

    def __init__(self, path: str, index: bytes) -> None:
        self.path = path
        self._descriptor = _open(path)
        self._identity = _identity(self._descriptor)
        found: Index = json.loads(index)
        self.label = found["label"]
        self._entries = found["entries"]
        self._bytecode = found["bytecode"]
        self.unpacked = found["unpacked"]
        self.folders = _folders(self._entries)

    def bytecode(self, tag: str | None) -> str | None:
        """What the names of the bytecode for a Python with that cache tag end in."""
        return None if tag is None else self._bytecode.get(tag)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def names(self, folder: str) -> list[str]:
        """The entries below a folder (`lib/ppacer/`), in order."""
        return sorted(name for name in self._entries if name.startswith(folder))

    def read(self, name: str) -> bytes:
        """The content of an entry. Raises `KeyError` where there is none, `ArchiveError` where it cannot be read."""
        offset, size = self._entries[name]
        descriptor = self._held()
        content = b""
        while len(content) < size:
            part = os.pread(descriptor, size - len(content), offset + len(content))
            if not part:
                raise ArchiveError(f"{self.path} has been cut short: {name} is not in it any more")
            content += part
        return content

    def _held(self) -> int:
        """The descriptor, which users' code may have closed, and the system have given to another file since."""
        if _identity(self._descriptor) == self._identity:
            return self._descriptor
        opened = _open(self.path)
        if _identity(opened) != self._identity:
            os.close(opened)
            raise ArchiveError(
                f"{self.path} has been replaced, and the file that this process was started from is closed"
            )
        self._descriptor = opened
        return opened


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _identity(descriptor: int) -> tuple[int, int, int, int] | None:
    """Which file it is, and whether it was written to; none for a descriptor that is closed."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _folders(entries: dict[str, tuple[int, int]]) -> frozenset[str]:
    folders: set[str] = set()
    for name in entries:
        folder = name.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return frozenset(folders)
