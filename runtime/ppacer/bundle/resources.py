"""The files of a package inside the program's file, as `importlib.resources` hands them out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib.resources.abc import Traversable, TraversableResources
from typing import IO

from ppacer.bundle.archive import Archive


class Resources(TraversableResources):
    """The files of the package whose folder is `folder`."""

    def __init__(self, archive: Archive, folder: str) -> None:
        self._files = Entry(archive, folder)

    def files(self) -> Entry:
        return self._files


class Entry(Traversable):
    """A file or folder in the archive, whether it is there or not."""

    def __init__(self, archive: Archive, path: str) -> None:
        self._archive = archive
        self._path = path

    @property
    def name(self) -> str:
        return self._path.rpartition("/")[2]

    def is_dir(self) -> bool:
        return self._path in self._archive.folders

    def is_file(self) -> bool:
        return self._path in self._archive

    def iterdir(self) -> Iterator[Entry]:
        start = f"{self._path}/"
        names = {name[len(start) :].partition("/")[0] for name in self._archive.names(start)}
        return (Entry(self._archive, start + name) for name in sorted(names))

    def joinpath(self, *descendants: object) -> Entry:
        parts = [part for each in descendants for part in str(each).split("/") if part not in ("", ".")]
        return Entry(self._archive, "/".join([self._path, *parts]))

    def __truediv__(self, child: object) -> Entry:
        return self.joinpath(child)

    def open(  # type: ignore[override]  # the declared one takes anything
        self,
        mode: str = "r",
        *,
        encoding: str | None = "utf-8",
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[str] | IO[bytes]:
        if mode not in ("r", "rb"):
            raise ValueError(f"the mode is `r` or `rb`, not {mode!r}")
        content = io.BytesIO(self.read_bytes())
        return content if mode == "rb" else io.TextIOWrapper(content, encoding, errors, newline)

    def read_bytes(self) -> bytes:
        try:
            return self._archive.read(self._path)
        except KeyError:
            raise FileNotFoundError(f"there is no {self._path} in {self._archive.path}") from None

    def read_text(self, encoding: str | None = "utf-8") -> str:
        return self.read_bytes().decode(encoding or "utf-8")
