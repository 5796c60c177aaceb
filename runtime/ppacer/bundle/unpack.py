"""Parts of the program's file that need real files, unpacked once into a folder that nobody else can write to.

A library with compiled code can be loaded by the system from a real file alone, and code that looks for data beside
itself finds it there alone. A part is kept under the hash of all that is in it, for every program that has the same;
each process that uses it reads it whole and compares the hashes first, and unpacks it anew where something differs.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import stat
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ppacer.bundle.archive import Archive, ArchiveError
from ppacer.bundle.manifest import MANIFEST, Manifest

_UNUSED_SECONDS = 90 * 86_400
"""A part that no process has used for so long is removed when another one is unpacked."""


class UnpackError(ArchiveError):
    """A part cannot be used here. The message says why, and what to do."""


class Unpacker:
    """Unpacks parts of the archive; each is looked at once in a process and in those that it forks."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._ready: dict[str, str] = {}

    def folder(self, part: str) -> str:
        """The folder with the files of the part. Raises `UnpackError`."""
        if part not in self._ready:
            manifest: Manifest = json.loads(self._archive.read(MANIFEST))
            tags = manifest["parts"][part]
            self._refuse_other_machine(part, tags)
            start = f"unpacked/{part}/"
            files = {name[len(start) :]: digest for name, digest in manifest["files"].items() if name.startswith(start)}
            self._ready[part] = str(self._unpacked(part, files, compiled=bool(tags)))
        return self._ready[part]

    def _unpacked(self, part: str, files: Mapping[str, str], *, compiled: bool) -> Path:
        refused: list[str] = []
        for cache in _caches():
            try:
                _make_own(cache, compiled=compiled)
                return self._unpacked_in(cache, part, files)
            except OSError as error:
                refused.append(f"{cache}: {error.strerror or error}")
        raise UnpackError(
            f"{part} needs real files, and there is no folder to unpack it to: name one that this user alone can change"
            f"{' and that programs may be loaded from' if compiled else ''} with XDG_CACHE_HOME ({'; '.join(refused)})"
        )

    def _unpacked_in(self, cache: Path, part: str, files: Mapping[str, str]) -> Path:
        digest = hashlib.sha256("".join(f"{name}\0{files[name]}\n" for name in sorted(files)).encode()).hexdigest()
        place = cache / f"{part}-{digest[:32]}"
        with _locked(cache / f"{place.name}.lock"):
            if not _is_whole(place, files):
                _remove_unused(cache)
                beside = cache / f"{place.name}.tmp"
                shutil.rmtree(beside, ignore_errors=True)  # of a process that was killed
                for name in sorted(files):
                    file = beside / name
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(self._archive.read(f"unpacked/{part}/{name}"))
                shutil.rmtree(place, ignore_errors=True)
                beside.rename(place)
                if not _is_whole(place, files):
                    raise UnpackError(f"{self._archive.path} is damaged: {part} is not what it was built with")
        return place

    def _refuse_other_machine(self, part: str, tags: Mapping[str, str]) -> None:
        """`tags` say which Python and which machine the compiled code is for; empty where that does not matter."""
        here = machine()
        wrong = [f"{tags[name]} (here it is {here[name]})" for name in sorted(tags) if tags[name] != here[name]]
        if wrong:
            raise UnpackError(
                f"{part} holds code that was compiled for {' and '.join(wrong)}: build the program for this Python, "
                "with `ppc build --format pyz --python EXE`"
            )


def machine() -> dict[str, str]:
    """What compiled code depends on: the Python, and the system with its processor."""
    return {"python": sys.implementation.cache_tag or sys.implementation.name, "platform": sysconfig.get_platform()}


def _caches() -> Iterator[Path]:
    """Folders to unpack to, the best first."""
    named = os.environ.get("XDG_CACHE_HOME")
    if named and Path(named).is_absolute():
        yield Path(named, "ppacer")
    home = os.environ.get("HOME")
    if home and Path(home).is_absolute():
        yield Path(home, ".cache", "ppacer")
    yield Path(tempfile.gettempdir(), f"ppacer-{os.geteuid()}")


def _make_own(folder: Path, *, compiled: bool) -> None:
    """Makes the folder if need be. Raises `OSError` where another user could write to it, or where nothing that is
    compiled could be loaded from it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    around = stat.S_IMODE(folder.parent.stat().st_mode)
    if around & 0o002 and not around & stat.S_ISVTX:
        raise OSError(f"{folder.parent} lets any user replace what is in it")
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
        raise OSError("it is not a folder that this user alone can write to")
    if not os.access(folder, os.W_OK):
        raise OSError("it cannot be written to")
    if compiled and os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0):
        raise OSError("programs may not be loaded from there (noexec)")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds the file's lock, which ends with the process; its time tells when the part was last used."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.utime(descriptor)
        yield
    finally:
        os.close(descriptor)


def _is_whole(folder: Path, files: Mapping[str, str]) -> bool:
    """Whether every file is there, and is what it was built with."""
    try:
        return all(_digest(folder / name) == digest for name, digest in files.items())
    except OSError:
        return False


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _remove_unused(cache: Path) -> None:
    for lock in cache.glob("*.lock"):
        with suppress(OSError):  # another process is about it
            if time.time() - lock.stat().st_mtime > _UNUSED_SECONDS:
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                lock.unlink()
