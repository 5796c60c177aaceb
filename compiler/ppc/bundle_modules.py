"""The project's own modules and files that a program in one file carries, and what they import besides."""

from __future__ import annotations

import ast
import fnmatch
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ppacer.records import dataclass, field
from ppc.bundle_error import BundleError
from ppc.modules import Module, ModuleFinder

COMPILED = (".so", ".pyd", ".dylib")
_NEVER = frozenset({"__pycache__", "node_modules"})
_NO_DATA = (".pyi", ".pyx", ".pxd", ".typed", ".pyc")
"""What no running program reads."""

_PLACES = frozenset({"__file__", "__path__", "submodule_search_locations"})
"""Names by which code finds out where it lies: it wants real files there."""


@dataclass(slots=True)
class Project:
    """What is carried. `files` are by their paths below the folder of modules, `tops` the top-level modules of them;
    `others` are the top-level modules that belong to distributions, `standard` those that Python brings,
    `missing` those that were found nowhere."""

    files: dict[str, bytes] = field(default_factory=dict)
    tops: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    standard: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)

    @property
    def needs_files(self) -> bool:
        return any(needs_files(name, content) for name, content in self.files.items())


def gather_project(
    finder: ModuleFinder,
    modules: Iterable[str],
    *,
    belongs: Callable[[str], bool],
    excluded: Callable[[str], bool],
) -> Project:
    """The top-level packages and modules that `modules` are in, whole, and those that they import, and so on.

    `belongs` tells of a top-level module whether a distribution brings it; `excluded` what stays out, by its path.
    Imports are read, not run: what is imported by a name that is worked out has to be named by somebody.
    """
    project = Project()
    waiting = sorted(modules)
    seen: set[str] = set()
    while waiting:
        top = waiting.pop().partition(".")[0]
        if not top or top in seen or top == "ppacer":
            continue
        seen.add(top)
        if top in sys.stdlib_module_names:
            project.standard.add(top)
            continue
        module = finder.find(top)
        if belongs(top) and (module is None or not module.project):
            project.others.add(top)
        elif module is None:
            project.missing.add(top)
        else:
            if belongs(top):
                project.others.add(top)  # a package without `__init__.py`, which has portions in both
            project.tops.add(top)
            for name, file in _files(module, top):
                if not excluded(name):
                    project.files[name] = file.read_bytes()
                    waiting += sorted(_imports(finder, name))
    return project


def matching(patterns: Sequence[str], folders: Sequence[Path]) -> dict[str, bytes]:
    """The files that patterns name, such as `data/*.csv`, below the folders of the sources; by their paths there.

    Raises `BundleError` where there is none.
    """
    found: dict[str, bytes] = {}
    for pattern in patterns:
        none = True
        for folder in folders:
            for file in sorted(folder.glob(pattern)):
                for each in sorted(_walk(file)) if file.is_dir() else [file]:
                    found.setdefault(each.relative_to(folder).as_posix(), each.read_bytes())
                    none = False
        if none:
            places = ", ".join(str(folder) for folder in folders)
            raise BundleError(f"--include {pattern}: there is no such file below {places}")
    return found


def excludes(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Whether a path is one of those that patterns name: `shop/tests/*`, `shop/old.py`, or the module `shop.old`."""
    wanted = [
        part for each in patterns for part in (each, f"{each.replace('.', '/')}.py", f"{each.replace('.', '/')}/*")
    ]

    def excluded(path: str) -> bool:
        return any(fnmatch.fnmatchcase(path, pattern) for pattern in wanted)

    return excluded


def needs_files(name: str, content: bytes) -> bool:
    """Whether a file has to be a real one, or wants to be beside real ones: data, compiled code, code that asks where
    it lies."""
    if not name.endswith(".py"):
        return not name.endswith(_NO_DATA)
    if not any(place.encode() in content for place in _PLACES):
        return False
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return True
    return any(
        (isinstance(node, ast.Name) and node.id in _PLACES)
        or (isinstance(node, ast.Attribute) and node.attr in _PLACES)
        for node in ast.walk(tree)
    )


def is_of_use(name: str) -> bool:
    """Whether a running program may read a file of that name."""
    return not name.endswith(_NO_DATA) and "__pycache__" not in name.split("/")


def _files(module: Module, top: str) -> Iterator[tuple[str, Path]]:
    """The files of a top-level module, by their paths below the folder that it is in."""
    if not module.package:
        yield from [(Path(module.file).name, Path(module.file))] if module.file else ()
        return
    for folder in map(Path, module.folders):
        if folder.name == top:
            for file in _walk(folder):
                yield file.relative_to(folder.parent).as_posix(), file


def _walk(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _NEVER and not name.startswith("."))
        yield from (Path(here, name) for name in sorted(names) if is_of_use(name) and not name.startswith("."))


def _imports(finder: ModuleFinder, name: str) -> set[str]:
    """The top-level modules that the file's module imports."""
    if not name.endswith(".py"):
        return set()
    dotted = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    module = finder.find(dotted)
    return set() if module is None else {target.partition(".")[0] for target, _ in module.imports}
