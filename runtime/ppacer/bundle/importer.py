"""Imports modules out of the program's file: a finder for each folder in it, which loads what it finds.

Python's own `zipimport` reads the file by its path at every import: once an upgrade has put another file there, it
looks at the old places in the new file. It also knows the bytecode of one version of Python alone.
"""

from __future__ import annotations

import marshal
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

from ppacer.bundle.archive import Archive

if TYPE_CHECKING:
    from importlib.abc import Loader

    from ppacer.bundle.resources import Resources
else:
    Loader = object  # the real one brings what reads resources, with each start

_HEADER = 16
"""Bytes before the code in a file of bytecode."""


class Importer(Loader):
    """Finds modules in one folder of the archive: `lib/`, `lib/sqlalchemy/`."""

    def __init__(self, archive: Archive, folder: str) -> None:
        self._archive = archive
        self._folder = folder
        self._bytecode = archive.bytecode(sys.implementation.cache_tag)

    def find_spec(self, fullname: str, _target: ModuleType | None = None) -> ModuleSpec | None:
        stem = self._stem(fullname)
        entry = self._entry(stem)
        if entry is None:
            if stem not in self._archive.folders:
                return None
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [self._path(stem)]
            return spec
        package = entry.endswith("/__init__.py")
        spec = ModuleSpec(fullname, self, origin=self._path(entry), is_package=package)
        spec.has_location = True
        if package:
            spec.submodule_search_locations = [self._path(stem)]
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:  # noqa: ARG002 - a usual one will do
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(self.get_code(module.__name__), module.__dict__)  # noqa: S102 (that is to load it)

    def get_code(self, fullname: str) -> CodeType:
        """From the bytecode for this Python, else from the source."""
        entry = self._found(fullname)
        if self._bytecode is not None:
            compiled = f"{entry[:-3]}{self._bytecode}"
            if compiled in self._archive:
                code = marshal.loads(memoryview(self._archive.read(compiled))[_HEADER:])  # noqa: S302 (of this file)
                assert isinstance(code, CodeType)
                return code
        return compile(self._archive.read(entry), f"{self._archive.label}/{entry}", "exec", dont_inherit=True)

    def get_source(self, fullname: str) -> str:
        from importlib.util import decode_source  # noqa: PLC0415 - only a traceback shows sources

        return decode_source(self._archive.read(self._found(fullname)))

    def get_data(self, path: str) -> bytes:
        name = path.removeprefix(f"{self._archive.path}/")
        try:
            return self._archive.read(name)
        except KeyError:
            raise FileNotFoundError(f"there is no {name} in {self._archive.path}") from None

    def get_filename(self, fullname: str) -> str:
        return self._path(self._found(fullname))

    def is_package(self, fullname: str) -> bool:
        return self._found(fullname).endswith("/__init__.py")

    def get_resource_reader(self, fullname: str) -> Resources | None:
        """What `importlib.resources` reads the files of a package with."""
        if not self.is_package(fullname):
            return None
        from ppacer.bundle.resources import Resources  # noqa: PLC0415 - most packages are never asked

        return Resources(self._archive, self._stem(fullname))

    def iter_modules(self, prefix: str = "") -> Iterator[tuple[str, bool]]:
        """For `pkgutil.iter_modules`: the modules of this folder, and which are packages."""
        seen = set()
        for name in self._archive.names(self._folder):
            first, _, rest = name[len(self._folder) :].partition("/")
            package = rest == "__init__.py"
            module = first if package else first.removesuffix(".py")
            is_one = package or (not rest and first.endswith(".py") and module != "__init__")
            if is_one and module.isidentifier() and module not in seen:
                seen.add(module)
                yield prefix + module, package

    def _stem(self, fullname: str) -> str:
        return self._folder + fullname.rpartition(".")[2]

    def _entry(self, stem: str) -> str | None:
        for entry in (f"{stem}/__init__.py", f"{stem}.py"):
            if entry in self._archive:
                return entry
        return None

    def _found(self, fullname: str) -> str:
        entry = self._entry(self._stem(fullname))
        if entry is None:
            raise ImportError(f"there is no module {fullname} in {self._archive.path}/{self._folder}", name=fullname)
        return entry

    def _path(self, name: str) -> str:
        return f"{self._archive.path}/{name}"


class PathHook:
    """For `sys.path_hooks`: gives the importer of a path inside the archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def __call__(self, path: str) -> Importer:
        root = f"{self._archive.path}/"
        folder = path.removeprefix(root) if path.startswith(root) else None
        if folder not in self._archive.folders:
            raise ImportError(f"{path} is no folder in {self._archive.path}", path=path)
        return Importer(self._archive, f"{folder}/")
