"""What a name in an annotation stands for: followed through imports, without running or reading foreign modules."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TypeAlias

from ppacer.records import dataclass
from ppc.modules import Assigned, Binding, Imported, Module


@dataclass(frozen=True, slots=True)
class Known:
    """A name of the standard library or a built-in: `typing.Optional`, `datetime.date`, `list`."""

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class Defined:
    """A definition in a module that has been read. `rest` leads on into it: the member of an enumeration."""

    module: Module
    name: str
    binding: Binding
    rest: tuple[str, ...] = ()


Meaning: TypeAlias = Known | Defined | None

_KNOWN_MODULES = frozenset(
    {
        "typing",
        "typing_extensions",
        "collections",
        "collections.abc",
        "datetime",
        "decimal",
        "pathlib",
        "enum",
        "dataclasses",
        "types",
        "os",
    }
)
_MOST_HOPS = 50


def meaning(find: Callable[[str], Module | None], module: Module, path: tuple[str, ...]) -> Meaning:
    """What `path[0].path[1]…` means in a module; none where that is not known.

    Of modules from outside the project only those are read that a definition of the same package names.
    """
    home = module.name.partition(".")[0]
    for _ in range(_MOST_HOPS):
        name, rest = path[0], path[1:]
        binding = module.bindings.get(name) or module.typing_only.get(name)
        match binding:
            case None:
                starred = (_readable(find, star, home) for star in module.stars)
                following = next((star for star in starred if star is not None and name in star.bindings), None)
                if following is None or name.startswith("_"):
                    return None if rest else Known("builtins", name)
                module = following
                continue
            case Imported(target, attribute):
                path = (*(() if attribute is None else (attribute,)), *rest)
            case Assigned(value) if (alias := dotted(value)) and alias != path and alias[0] in module.bindings:
                path = (*alias, *rest)
                continue
            case _:
                return Defined(module, name, binding, rest)
        # `import a.b` binds `a`: the longest module that the path leads through is the one that counts.
        while (
            path and (target in _PACKAGES or target not in _KNOWN_MODULES) and _is_module(find, target, path[0], home)
        ):
            target, path = f"{target}.{path[0]}", path[1:]
        if not path:
            return None
        if target in _KNOWN_MODULES:
            return Known(target, path[0]) if len(path) == 1 else None
        following = _readable(find, target, home)
        if following is None:
            return None
        module = following
    return None


_PACKAGES = frozenset({"collections"})


def dotted(node: ast.expr) -> tuple[str, ...]:
    """The parts of `a.b.c`; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else ()


def _is_module(find: Callable[[str], Module | None], parent: str, name: str, home: str) -> bool:
    whole = f"{parent}.{name}"
    if whole in _KNOWN_MODULES:
        return True
    if parent.partition(".")[0] != home and not _is_project(find, parent):
        return False
    above = find(parent)
    return above is not None and name not in above.bindings and find(whole) is not None


def _readable(find: Callable[[str], Module | None], name: str, home: str) -> Module | None:
    """The module, if it is the project's or of the package `home`, and has a source."""
    found = find(name) if name.partition(".")[0] == home or _is_project(find, name) else None
    return None if found is None or (found.tree is None and not found.package) else found


def _is_project(find: Callable[[str], Module | None], name: str) -> bool:
    top = find(name.partition(".")[0])
    return top is not None and top.project
