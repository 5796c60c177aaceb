"""Where a Python name is defined: re-exports, aliases, star imports, class members and bases followed statically."""

from __future__ import annotations

import ast
from enum import Enum, StrEnum, auto

from ppacer.records import dataclass
from ppc.modules import Assigned, Binding, Imported, Module, ModuleFinder
from ppc.signatures import decorator_names


class FaultKind(StrEnum):
    NO_MODULE = "no such module"
    BROKEN_MODULE = "the module's source cannot be read"
    NO_NAME = "the module has no such name"
    NOT_CALLABLE = "not callable"
    GENERATOR = "a generator"
    NOT_REACHABLE = "not reachable by name"
    NOT_SCHEDULE = "no schedule"
    NOT_NOTIFIER = "no notifier"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a name is no callable. `part` is the index of the part of the name that it is about."""

    kind: FaultKind
    part: int
    message: str
    similar: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A definition and the module it stands in. `bound`: reached through its class, as a class method."""

    module: Module
    binding: Binding
    bound: bool = False


class Missing(Enum):
    """What is surely not there."""

    MISSING = auto()


TRANSPARENT = {
    "staticmethod",
    "classmethod",
    "cache",
    "lru_cache",
    "override",
    "final",
    "deprecated",
    "no_type_check",
    "abstractmethod",
}
"""Decorators that leave a callable's signature and result as written."""


class Definitions:
    """Follows names through the modules of a finder. None where only running the code would tell."""

    def __init__(self, modules: ModuleFinder) -> None:
        self._modules = modules

    def module_fault(self, name: str) -> Fault | None:
        """Why there is no such module, if so. `part` counts the parts of the module's name."""
        parts = name.split(".")
        for i in range(len(parts)):
            module = self._modules.find(".".join(parts[: i + 1]))
            if module is None:
                inside = f"`{'.'.join(parts[:i])}` has no module" if i else "there is no module"
                return Fault(FaultKind.NO_MODULE, i, f"{inside} `{parts[i]}`", self._modules.similar(name))
            if module.fault and module.project:
                return Fault(FaultKind.BROKEN_MODULE, i, f"`{module.place}` does not parse: {module.fault}")
        return None

    def into_submodules(self, module: str, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """`from shop import etl` names a module: what follows is looked up in `shop.etl`."""
        while names:
            found = self._modules.find(module)
            if found is None or names[0] in found.bindings or self._modules.find(f"{module}.{names[0]}") is None:
                break
            module, names = f"{module}.{names[0]}", names[1:]
        return module, names

    def follow(self, module_name: str, names: tuple[str, ...]) -> Place | Fault | None:
        """Where a name is defined, through re-exports and aliases; none where only running the code would tell."""
        return self._follow(module_name, names, set())

    def _follow(self, module_name: str, names: tuple[str, ...], starred: set[tuple[str, str]]) -> Place | Fault | None:
        """`starred` keeps star imports that go in a circle from being followed for ever."""
        part = 0
        for _ in range(_MOST_HOPS):
            module = self._modules.find(module_name)
            if module is None:
                fault = self.module_fault(module_name)
                return Fault(FaultKind.NO_MODULE, part, "" if fault is None else fault.message)
            if module.fault and module.project:
                return Fault(FaultKind.BROKEN_MODULE, part, f"`{module.place}` does not parse: {module.fault}")
            if module.tree is None and not module.package:
                return None
            name, rest = names[0], names[1:]
            binding = module.bindings.get(name)
            path: tuple[str, ...]
            match binding:
                case None:
                    elsewhere = self._not_bound(module, name, part, starred)
                    if not isinstance(elsewhere, Imported):
                        return elsewhere
                    target, path = elsewhere.module, () if elsewhere.name is None else (elsewhere.name,)
                case Imported():
                    target, path = binding.module, () if binding.name is None else (binding.name,)
                case Assigned(value) if (alias := _dotted(value)) and alias[0] != name and alias[0] in module.bindings:
                    target, path = module_name, alias
                case ast.ClassDef() if rest:
                    return self._member(module, binding, rest, part + 1)
                case ast.FunctionDef() | ast.AsyncFunctionDef() if rest:
                    message = f"`{rest[0]}` is inside the function `{name}`: only names of the module can be reached"
                    return Fault(FaultKind.NOT_REACHABLE, part + 1, message)
                case _:
                    return Place(module, binding) if not rest else None
            module_name, names = target, (*path, *rest)
            if not names:
                return Place(module, Imported(module_name))
            part += not path
        return None

    def _not_bound(
        self, module: Module, name: str, part: int, starred: set[tuple[str, str]]
    ) -> Imported | Fault | None:
        if module.package and self._modules.find(f"{module.name}.{name}") is not None:
            return Imported(f"{module.name}.{name}")
        for star in reversed(module.stars):
            source = self._modules.find(star)
            if source is None or source.tree is None:
                return None
            if name.startswith("_") or (star, name) in starred:
                continue
            starred.add((star, name))
            if not isinstance(self._follow(star, (name,), starred), Fault):
                return Imported(star, name)
        if module.dynamic or (module.tree is None and not module.package):
            return None
        return Fault(FaultKind.NO_NAME, part, f"module `{module.name}` has no `{name}`", module.similar(name))

    def _member(self, module: Module, node: ast.ClassDef, names: tuple[str, ...], part: int) -> Place | Fault | None:
        name, deeper = names[0], names[1:]
        owners, known = self.lineage(module, node)
        for owner_module, owner in owners:
            for statement in owner.body:
                if isinstance(statement, ast.ClassDef) and statement.name == name:
                    if deeper:
                        return self._member(owner_module, statement, deeper, part + 1)
                    return Place(owner_module, statement)
                if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name == name:
                    decorators = decorator_names(statement)
                    if deeper:
                        return None
                    if "staticmethod" in decorators:
                        return Place(owner_module, statement)
                    if "classmethod" in decorators:
                        return Place(owner_module, statement, bound=True)
                    message = f"`{node.name}.{name}` is a method: it needs an instance of `{node.name}`"
                    return None if decorators else Fault(FaultKind.NOT_REACHABLE, part, message)
                if name in _assigned_names(statement):
                    return None
        if not known:
            return None
        similar = next(
            (other for owner in owners for other in _methods(owner[1]) if other.lower() == name.lower()), None
        )
        return Fault(FaultKind.NO_NAME, part, f"class `{node.name}` has no `{name}`", similar)

    def class_of(self, place: Place) -> tuple[Module, ast.ClassDef] | None:
        """The class that is defined there, or that what is defined there was made of by a call; none where only
        running the code would tell."""
        match place.binding:
            case ast.ClassDef() as node:
                return place.module, node
            case Assigned(ast.Call(func)) if path := _dotted(func):
                maker = self.follow(place.module.name, path)
                if isinstance(maker, Place) and isinstance(maker.binding, ast.ClassDef):
                    return maker.module, maker.binding
        return None

    def method(
        self, module: Module, node: ast.ClassDef, name: str
    ) -> ast.FunctionDef | ast.AsyncFunctionDef | Missing | None:
        """The method of a class or of its bases; none where only running the code would tell."""
        owners, known = self.lineage(module, node)
        for _, owner in owners:
            for statement in reversed(owner.body):
                if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name == name:
                    return statement
                if name in _assigned_names(statement):
                    return None
        dynamic = any("__getattr__" in _methods(owner) for _, owner in owners)
        return Missing.MISSING if known and not dynamic else None

    def lineage(self, module: Module, node: ast.ClassDef) -> tuple[list[tuple[Module, ast.ClassDef]], bool]:
        """The class and its bases, nearest first, and whether all of them, and all that shapes them, are known."""
        found: list[tuple[Module, ast.ClassDef]] = []
        known = True
        waiting = [(module, node)]
        while waiting and len(found) < _MOST_HOPS:
            module, node = waiting.pop(0)
            found.append((module, node))
            known = known and not node.keywords and all(d in _CLASS_TRANSPARENT for d in decorator_names(node))
            for base in node.bases:
                path = _dotted(base.value if isinstance(base, ast.Subscript) else base)
                if path and path[-1] in _PLAIN_BASES:
                    continue
                place = self.follow(module.name, path) if path else None
                if isinstance(place, Place) and isinstance(place.binding, ast.ClassDef):
                    waiting.append((place.module, place.binding))
                else:
                    known = False
        return found, known

    def is_context(self, module: Module, annotation: ast.expr) -> bool:
        match annotation:
            case ast.Constant(value=str(text)):
                try:
                    return self.is_context(module, ast.parse(text, mode="eval").body)
                except (SyntaxError, ValueError):
                    return False
            case ast.BinOp(left, ast.BitOr(), right):
                return self.is_context(module, left) or self.is_context(module, right)
            case ast.Subscript(ast.Name(id="Optional") | ast.Attribute(attr="Optional"), inner):
                return self.is_context(module, inner)
            case ast.Subscript(ast.Name(id="Annotated") | ast.Attribute(attr="Annotated"), ast.Tuple(elts=[inner, *_])):
                return self.is_context(module, inner)
        path = _dotted(annotation)
        for _ in range(_MOST_HOPS):
            if not path:
                return False
            binding: Binding | None = module.bindings.get(path[0]) or module.typing_only.get(path[0])
            if not isinstance(binding, Imported):
                return False
            target = (*binding.module.split("."), *(() if binding.name is None else (binding.name,)), *path[1:])
            if target in _CONTEXTS:
                return True
            following = self._modules.find(binding.module)
            if following is None or binding.name is None:
                return False
            module, path = following, target[len(binding.module.split(".")) :]
        return False


_MOST_HOPS = 50
_CONTEXTS = {("ppacer", "TaskContext"), ("ppacer", "context", "TaskContext")}
_CLASS_TRANSPARENT = {"dataclass", "final", "total_ordering", "runtime_checkable", "deprecated"}
_PLAIN_BASES = {"object", "Generic", "Protocol", "ABC"}


def _dotted(node: ast.expr) -> tuple[str, ...]:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ()
    return (node.id, *reversed(parts))


def _methods(node: ast.ClassDef) -> list[str]:
    return [s.name for s in node.body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)]


def _assigned_names(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.Assign(targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id)):
            return {id}
    return set()
