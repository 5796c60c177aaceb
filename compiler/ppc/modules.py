"""Python modules found, read and indexed without executing any of their code.

`importlib.util.find_spec("pack.module")` executes `pack`; asking each folder's own finder, one step of the name at a
time, does not. What a module binds at its top level is read off its syntax tree.
"""

from __future__ import annotations

import ast
import pkgutil
import re
from collections.abc import Iterator, Sequence
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, SourceFileLoader
from pathlib import Path, PurePath
from typing import TypeAlias

import ppacer
from ppacer.records import dataclass, field
from ppc.similar import Similar


@dataclass(frozen=True, slots=True)
class Imported:
    """`import module` or, with `name`, `from module import name`."""

    module: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Assigned:
    """`name = value`."""

    value: ast.expr


@dataclass(frozen=True, slots=True)
class Unclear:
    """Bound more than once in branches, or in a way that only running the module tells."""


Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Binding: TypeAlias = Definition | Imported | Assigned | Unclear


@dataclass(slots=True)
class Module:
    """One module. `tree` is none where there is no Python source to read: extensions, built-ins, bytecode alone.

    `file` is where it was found, `place` the same as a POSIX path relative to the folder that was looked in; `fault`
    says why a source could not be read or parsed. `bindings` holds what a running module has, `typing_only` what it has
    for type checkers alone, `overloads` the declarations of functions that have several.
    """

    name: str
    package: bool
    project: bool
    place: str = ""
    file: str = ""
    source: str | None = None
    tree: ast.Module | None = None
    fault: str = ""
    folders: tuple[str, ...] = ()
    bindings: dict[str, Binding] = field(default_factory=dict)
    typing_only: dict[str, Binding] = field(default_factory=dict)
    overloads: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    imports: set[tuple[str, str | None]] = field(default_factory=set)
    dynamic: bool = False
    names: Similar | None = None
    _lines: list[str] | None = None

    @property
    def lines(self) -> list[str]:
        """The source's lines as Python counts them."""
        if self._lines is None:
            self._lines = (self.source or "").split("\n")
        return self._lines

    def similar(self, name: str) -> str | None:
        if self.names is None:
            self.names = Similar(n for n in self.bindings if not n.startswith("__"))
        return self.names.to(name)


class ModuleFinder:
    """Finds modules first in `search_path` (the project's own), then in `python_path` (`sys.path` of a Python)."""

    def __init__(self, search_path: Sequence[Path], python_path: Sequence[str]) -> None:
        self._project = [str(folder) for folder in search_path]
        self._python = list(python_path)
        self._runtime = str(Path(ppacer.__file__).parent.parent)
        self._modules: dict[str, Module | None] = {}
        self._hashes: dict[str, str] = {}
        self._fresh: set[str] = set()
        self._siblings: dict[str, Similar] = {}

    def find(self, name: str) -> Module | None:
        """The module of that dotted name, or none."""
        if name not in self._modules:
            self._modules[name] = self._find(name)
        return self._modules[name]

    def similar(self, name: str) -> str | None:
        """A module of a similar name beside the first part of `name` that is not found."""
        parts = name.split(".")
        for i in range(len(parts)):
            if self.find(".".join(parts[: i + 1])) is None:
                parent = self.find(".".join(parts[:i])) if i else None
                folders = [*self._project, *self._python] if parent is None else parent.folders
                key = ".".join(parts[:i])
                if key not in self._siblings:
                    self._siblings[key] = Similar(m.name for m in pkgutil.iter_modules(folders))
                close = self._siblings[key].to(parts[i])
                return None if close is None else ".".join([*parts[:i], close])
        return None

    def project_files(self) -> list[str]:
        """The files of the project's modules that were read."""
        return [each.file for each in self._modules.values() if each is not None and each.project and each.file]

    def project_folders(self) -> list[str]:
        """The folders of the project in which modules were looked for."""
        inner = [module.folders for module in self._modules.values() if module is not None and module.project]
        return [*self._project, *(folder for folders in inner for folder in folders)]

    def code_hash(self, name: str) -> str:
        """SHA-256 over the project's modules that `name` is made of, by their static imports; else empty."""
        if name not in self._hashes:
            start = self.find(name)
            self._hashes[name] = self._hashed(name) if start is not None and start.project else ""
        return self._hashes[name]

    def _hashed(self, name: str) -> str:
        import hashlib  # noqa: PLC0415 - a file that calls none of the project's modules needs it not

        digest = hashlib.sha256()
        for module in sorted(self._closure(name), key=lambda m: m.name):
            digest.update(f"{module.name}\0{module.source}\0".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def _closure(self, name: str) -> list[Module]:
        found: dict[str, Module] = {}
        wanted = [name]
        while wanted:
            name = wanted.pop()
            if name in found:
                continue
            module = self.find(name)
            if module is None or not module.project:
                continue
            found[name] = module
            if "." in name:
                wanted.append(name.rpartition(".")[0])
            for target, attribute in module.imports:
                wanted.append(target)
                if attribute is not None:
                    wanted.append(f"{target}.{attribute}")
        return list(found.values())

    def _find(self, name: str) -> Module | None:
        parent_name, _, last = name.rpartition(".")
        if parent_name:
            parent = self.find(parent_name)
            if parent is None or not parent.package:
                return None
            return self._find_in(name, last, [(folder, parent.project) for folder in parent.folders])
        if BuiltinImporter.find_spec(name) is not None:
            return Module(name, package=False, project=False)
        if name == ppacer.__name__:
            return self._find_in(name, last, [(self._runtime, False)])
        python = [(folder, False) for folder in self._python]
        if FrozenImporter.find_spec(name) is not None:
            return self._find_in(name, last, python)
        return self._find_in(name, last, [*((folder, True) for folder in self._project), *python])

    def _find_in(self, name: str, last: str, folders: Sequence[tuple[str, bool]]) -> Module | None:
        """Searches (folder, is it the project's?) in order. A folder without `__init__.py` is a package only where
        no entry has a module of that name."""
        portions: list[tuple[str, bool]] = []
        for folder, project in folders:
            spec = self._ask(folder, name)
            if spec is None:
                continue
            if spec.loader is not None:
                return _read(name, spec, project=project)
            portions += ((portion, project) for portion in spec.submodule_search_locations or ())
        if portions:
            project = any(project for _, project in portions)
            return Module(name, package=True, project=project, folders=tuple(portion for portion, _ in portions))
        # An extension module built for another Python than the one that runs the compiler.
        for folder, project in folders:
            for pattern in (f"{last}.*.so", f"{last}.*.pyd", f"{last}.so"):
                if next(iter(Path(folder or ".").glob(pattern)), None) is not None:
                    return Module(name, package=False, project=project)
        return None

    def _ask(self, folder: str, name: str) -> ModuleSpec | None:
        finder = pkgutil.get_importer(folder)
        if finder is None:
            return None
        if folder not in self._fresh:
            self._fresh.add(folder)
            invalidate = getattr(finder, "invalidate_caches", None)
            if invalidate is not None:
                invalidate()
        # Types of path-entry finders name only what all of them have had for ever; `find_spec` is what imports use.
        spec = finder.find_spec(name)
        return spec if isinstance(spec, ModuleSpec) else None


def _read(name: str, spec: ModuleSpec, *, project: bool) -> Module:
    folders = tuple(spec.submodule_search_locations or ())
    module = Module(name, package=spec.submodule_search_locations is not None, project=project, folders=folders)
    get_source = getattr(spec.loader, "get_source", None)
    if get_source is None:
        return module
    module.file = spec.origin or ""
    file = PurePath(module.file)
    levels = name.count(".") + (2 if module.package else 1)
    module.place = "/".join(file.parts[-levels:])
    try:
        source = _plain_source(spec) or get_source(name)
        if isinstance(source, str):
            module.source = source
            module.tree = ast.parse(source)
    except SyntaxError as error:
        module.fault = f"line {error.lineno}: {error.msg}" if error.lineno else str(error.msg)
    except (ImportError, OSError, ValueError, RecursionError, MemoryError) as error:
        module.fault = str(error) or type(error).__name__
    if module.tree is not None:
        _index(module, module.tree)
    return module


def _plain_source(spec: ModuleSpec) -> str | None:
    """The text of a source file that is UTF-8 and does not say otherwise; reading others brings Python's tokeniser."""
    if not isinstance(spec.loader, SourceFileLoader) or spec.origin is None:
        return None
    raw = spec.loader.get_data(spec.origin)
    if any(b"coding" in line for line in raw.split(b"\n", 2)[:2]):
        return None
    try:
        return raw.decode().removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        return None


_DYNAMIC = re.compile(r"\b(?:globals|exec|locals|vars)\b")


def _index(module: Module, tree: ast.Module) -> None:
    # Imports are statements; only for those names have all expressions to be looked through.
    nodes = ast.walk(tree) if _DYNAMIC.search(module.source or "") else _statements(tree.body)
    for node in nodes:
        match node:
            case ast.Import(names):
                module.imports.update((alias.name, None) for alias in names)
            case ast.ImportFrom(names=names):
                target = _absolute(module, node)
                module.imports.update((target, alias.name) for alias in names)
            case ast.Name(id="globals" | "exec" | "locals" | "vars"):
                module.dynamic = True
    _bind_all(module, tree.body, module.bindings, sure=True)
    module.dynamic = module.dynamic or "__getattr__" in module.bindings


def _bind_all(module: Module, body: list[ast.stmt], into: dict[str, Binding], *, sure: bool) -> None:
    for node in body:
        match node:
            case ast.If(test=test, body=then, orelse=other) if _is_type_checking(test):
                _bind_all(module, then, module.typing_only, sure=sure)
                _bind_all(module, other, into, sure=sure)
            case ast.If() | ast.Try() | ast.TryStar() | ast.For() | ast.While() | ast.With() | ast.Match():
                for branch in _branches(node):
                    _bind_all(module, branch, into, sure=isinstance(node, ast.With) and sure)
            case ast.FunctionDef() | ast.AsyncFunctionDef() if _is_overload(node):
                module.overloads.setdefault(node.name, []).append(node)
            case _:
                for name, binding in _bound_by(module, node):
                    clash = not sure and name in into
                    into[name] = Unclear() if clash else binding


def _statements(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """All statements, those inside others too."""
    waiting = [body]
    for statements in waiting:
        for statement in statements:
            yield statement
            waiting += _branches(statement)


def _branches(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for part in ("body", "orelse", "finalbody"):
        yield getattr(node, part, [])
    for handler in getattr(node, "handlers", ()):
        yield handler.body
    for case in getattr(node, "cases", ()):
        yield case.body


def _bound_by(module: Module, node: ast.stmt) -> Iterator[tuple[str, Binding]]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name, node
        case ast.Import(names):
            for alias in names:
                if alias.asname is not None:
                    yield alias.asname, Imported(alias.name)
                else:
                    first = alias.name.partition(".")[0]
                    yield first, Imported(first)
        case ast.ImportFrom(names=names):
            target = _absolute(module, node)
            for alias in names:
                if alias.name == "*":
                    module.stars.append(target)
                else:
                    yield alias.asname or alias.name, Imported(target, alias.name)
        case ast.Assign(targets, value):
            for target_node in targets:
                if isinstance(target_node, ast.Name):
                    yield target_node.id, Assigned(value)
                else:
                    for inner in ast.walk(target_node):
                        if isinstance(inner, ast.Name):
                            yield inner.id, Unclear()
        case ast.AnnAssign(target=ast.Name(id), value=value) if value is not None:
            yield id, Assigned(value)
        case ast.AugAssign(target=ast.Name(id)):
            yield id, Unclear()


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    keep = len(parts) - node.level + (1 if module.package else 0)
    return ".".join([*parts[: max(keep, 0)], *([node.module] if node.module else [])])


def _is_type_checking(test: ast.expr) -> bool:
    match test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
    return False


def _is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    for decorator in node.decorator_list:
        match decorator:
            case ast.Name(id="overload") | ast.Attribute(attr="overload"):
                return True
    return False
