"""Finds top-level modules of the program's file that need real files, and the metadata of all that is inside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING

from ppacer.bundle.archive import Archive

if TYPE_CHECKING:
    from importlib.metadata import Distribution, DistributionFinder

    from ppacer.bundle.unpack import Unpacker


class CarriedFinder:
    """For `sys.meta_path`. Parts are unpacked when the first module of theirs is asked for."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._unpacker: Unpacker | None = None

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        parts = self._archive.unpacked.get(fullname) if path is None else None
        if parts is None:
            return None
        if self._unpacker is None:
            from ppacer.bundle.unpack import Unpacker  # noqa: PLC0415 - what most programs have no use for

            self._unpacker = Unpacker(self._archive)
        # A package without `__init__.py` may have portions that need no real files.
        folders = [self._unpacker.folder(part) for part in parts]
        return PathFinder.find_spec(fullname, [*folders, f"{self._archive.path}/lib"], target)

    def invalidate_caches(self) -> None:
        """Nothing in the file ever changes."""

    def find_distributions(self, context: DistributionFinder.Context) -> Iterable[Distribution]:
        """For `importlib.metadata`."""
        from ppacer.bundle.metadata import distributions  # noqa: PLC0415 - few programs ask

        return distributions(self._archive, context.name)
