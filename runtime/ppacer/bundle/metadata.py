"""The metadata of the distributions inside the program's file, as `importlib.metadata` reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution
from os import PathLike
from pathlib import PurePosixPath

from ppacer.bundle.archive import Archive


class CarriedDistribution(Distribution):
    """A distribution whose `.dist-info` is the folder `folder` of the archive."""

    def __init__(self, archive: Archive, folder: str) -> None:
        self._archive = archive
        self._folder = folder

    def read_text(self, filename: str | PathLike[str]) -> str | None:
        name = f"{self._folder}/{filename}"
        return self._archive.read(name).decode() if name in self._archive else None

    def locate_file(self, path: str | PathLike[str]) -> PurePosixPath:  # type: ignore[override]  # Python 3.11 leaves it open
        return PurePosixPath(self._archive.path, "lib", path)


def distributions(archive: Archive, name: str | None) -> Iterator[CarriedDistribution]:
    """The one of that name, or all."""
    for folder in sorted(archive.folders):
        if folder.startswith("lib/") and folder.endswith(".dist-info"):
            found = folder.removeprefix("lib/").partition("-")[0]
            if name is None or _plain(found) == _plain(name):
                yield CarriedDistribution(archive, folder)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
