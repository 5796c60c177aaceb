"""Python callables that tasks name: found, described and hashed without executing user code.

Re-exports and aliases are followed statically. What only running the code would tell (built-in and extension modules,
unknown decorators, names bound in branches) is `UNKNOWN`, or has no signature, and is not judged.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from ppacer import spec
from ppacer.records import dataclass, replace
from ppc.definitions import TRANSPARENT, Definitions, Fault, FaultKind, Place
from ppc.docstrings import clean, dedent
from ppc.modules import Assigned, Definition, Imported, Module, ModuleFinder
from ppc.signatures import (
    Parameter,
    ParameterKind,
    Signature,
    dataclass_fields,
    decorator_names,
    is_dataclass,
    is_generator,
    returns_nothing,
    signature_of,
)

BUILT_IN_TASKS = {
    "print": "ppacer.tasks.builtin:print_",
    "empty": "ppacer.tasks.builtin:empty",
    "sleep": "ppacer.tasks.builtin:sleep",
    "shell": "ppacer.tasks.shell:shell",
    "script": "ppacer.tasks.shell:script",
    "http": "ppacer.tasks.http:http",
    "sql": "ppacer.tasks.sql:sql",
    "wait_for_file": "ppacer.tasks.waiting:wait_for_file",
    "wait_for_http": "ppacer.tasks.http:wait_for_http",
    "run_dag": "ppacer.tasks.run_dag:run_dag",
}
"""Tasks found without an import, and the ids of their callables. Each stands in a module with no others than those that
need the same: a program imports what it uses."""

BUILT_IN_IDS = frozenset(BUILT_IN_TASKS.values())


@dataclass(frozen=True, slots=True)
class FoundCallable:
    """A callable as far as its source tells. `signature` is none where it is not known.

    It leaves out the parameter that the runtime fills with the context: `given` is its name, if there is one.
    `module` names the module of its definition, in which the signature's annotations are to be read. `returns` is the
    annotation of what it returns, to be read in `returns_module`; `place` the file of the definition. `awaits` says
    whether what runs is an `async def`, none where that is not known. `overloads` tell what it is for some calls, each
    with the signature that such a call has.
    """

    spec: spec.Callable
    module: str
    doc: str = ""
    signature: Signature | None = None
    given: str | None = None
    returns_nothing: bool = False
    returns: ast.expr | None = None
    returns_module: str = ""
    place: str = ""
    awaits: bool | None = None
    overloads: tuple[tuple[Signature, FoundCallable], ...] = ()


class CallableFinder:
    """Finds callables first in `search_path` (the project's folders), then in `python_path` (a Python's `sys.path`).

    Answers are kept: files are read once in the life of a finder.
    """

    def __init__(self, search_path: Sequence[Path], python_path: Sequence[str]) -> None:
        self._modules = ModuleFinder(search_path, python_path)
        self._definitions = Definitions(self._modules)
        self._found: dict[tuple[str, tuple[str, ...]], FoundCallable | Fault] = {}

    def built_in(self, name: str) -> FoundCallable | Fault | None:
        """The built-in task of that name; none where there is no such."""
        module, _, attribute = BUILT_IN_TASKS.get(name, "").partition(":")
        return self.find(module, (attribute,)) if module else None

    def module_fault(self, name: str) -> Fault | None:
        """Why there is no such module, if so. `part` counts the parts of the module's name."""
        return self._definitions.module_fault(name)

    def name_fault(self, module: str, name: str) -> Fault | None:
        """Why `from module import name` must fail, if so."""
        found = self._definitions.follow(module, (name,))
        if isinstance(found, Fault) and found.kind in {FaultKind.NO_NAME, FaultKind.NO_MODULE, FaultKind.BROKEN_MODULE}:
            return found
        return None

    def find(self, module: str, names: tuple[str, ...]) -> FoundCallable | Fault:
        """The callable `names[0].names[1]…` of a module. Faults count their parts within `names`."""
        key = (module, names)
        if key not in self._found:
            self._found[key] = self._find(module, names)
        return self._found[key]

    def schedule(self, module: str, names: tuple[str, ...]) -> FoundCallable | Fault:
        """The same for a schedule: an object with its methods, or a class that makes one without arguments."""
        return self._find_other("schedule", module, names)

    def notifier(self, module: str, names: tuple[str, ...]) -> FoundCallable | Fault:
        """The same for a notifier. Its signature leaves out the parameter that the runtime fills with the message."""
        return self._find_other("notifier", module, names)

    def definition(self, module: str, names: tuple[str, ...]) -> Place | Module | None:
        """Where a name is defined, through re-exports and aliases; a module where the name is one."""
        within, own = self._definitions.into_submodules(module, names)
        if not own:
            return self._modules.find(within)
        place = self._definitions.follow(within, own)
        if isinstance(place, Place) and isinstance(place.binding, Imported):
            return self._modules.find(place.binding.module)
        return place if isinstance(place, Place) else None

    def module(self, name: str) -> Module | None:
        """The module of that dotted name, read but not run; none where there is no such."""
        return self._modules.find(name)

    def project_places(self) -> tuple[list[str], list[str]]:
        """The project's Python files that were read, and the folders in which they were looked for."""
        return self._modules.project_files(), self._modules.project_folders()

    def _find(self, module: str, names: tuple[str, ...]) -> FoundCallable | Fault:
        module, own = self._definitions.into_submodules(module, names)
        return _within(self._describe(module, own), names, own)

    def _find_other(self, what: str, module: str, names: tuple[str, ...]) -> FoundCallable | Fault:
        from ppc.python_objects import PythonObjects  # noqa: PLC0415 - few programs have such objects of their own

        key = (module, (what, *names))
        if key not in self._found:
            objects = PythonObjects(self, self._modules, self._definitions)
            within, own = self._definitions.into_submodules(module, names)
            found = objects.schedule(within, own) if what == "schedule" else objects.notifier(within, own)
            self._found[key] = _within(found, names, own)
        return self._found[key]

    def _describe(self, module: str, names: tuple[str, ...]) -> FoundCallable | Fault:
        text = ".".join((module, *names))
        if not names:
            return Fault(FaultKind.NOT_CALLABLE, 0, f"`{text}` is a module, not a callable")
        place = self._definitions.follow(module, names)
        if isinstance(place, Fault):
            return place
        identity = f"{module}:{'.'.join(names)}"
        last = len(names) - 1
        if place is None:
            return self._unknown(identity, module)
        match place.binding:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self._function(identity, last, module, place, place.binding)
            case ast.ClassDef():
                return self._class(identity, last, module, place.module, place.binding)
            case Assigned(value):
                return self._assigned(identity, last, module, place, value)
            case Imported(name=imported):
                return Fault(FaultKind.NOT_CALLABLE, last, f"`{imported or text}` is a module, not a callable")
            case _:
                return self._unknown(identity, module)

    def _function(
        self,
        identity: str,
        part: int,
        module: str,
        place: Place,
        node: ast.FunctionDef | ast.AsyncFunctionDef,
    ) -> FoundCallable | Fault:
        decorators = decorator_names(node)
        plain = all(name in TRANSPARENT for name in decorators)
        if plain and is_generator(node):
            message = f"`{node.name}` is a generator: it returns before it has done anything"
            return Fault(FaultKind.GENERATOR, part, message)
        signature = signature_of(node.args)
        if place.bound:
            signature = signature.without_first()
        context = self._context(place.module, signature)
        kind = spec.CallableKind.COROUTINE if isinstance(node, ast.AsyncFunctionDef) else spec.CallableKind.FUNCTION
        found = FoundCallable(
            spec.Callable(
                identity,
                kind if plain else spec.CallableKind.UNKNOWN,
                context,
                self._modules.code_hash(module),
                code_of(place.module, node),
            ),
            place.module.name,
            clean(ast.get_docstring(node, clean=False) or ""),
            signature.without(context) if plain else None,
            context,
            returns_nothing=plain and returns_nothing(node),
            returns=node.returns if plain else None,
            returns_module=place.module.name,
            place=place.module.place,
            awaits=isinstance(node, ast.AsyncFunctionDef) if plain else None,
        )
        if node.name in place.module.overloads and plain and place.module.bindings.get(node.name) is node:
            declared = place.module.overloads[node.name]
            found = replace(found, overloads=tuple(_overload(found, each) for each in declared))
        return found

    def _class(self, identity: str, part: int, module: str, owner: Module, node: ast.ClassDef) -> FoundCallable | Fault:
        lineage, known = self._definitions.lineage(owner, node)
        calls = ((at, found) for at, each in lineage if (found := _method(each, "__call__")) is not None)
        caller, call = next(calls, (owner, None))
        if call is None and known:
            message = f"`{node.name}` is a class without `__call__`: it does nothing when its task runs"
            return Fault(FaultKind.NOT_CALLABLE, part, message)
        context = None
        nothing = False
        returns: ast.expr | None = None
        awaits: bool | None = None
        if call is not None and all(name in TRANSPARENT for name in decorator_names(call)):
            if is_generator(call):
                message = f"`{node.name}.__call__` is a generator: it returns before it has done anything"
                return Fault(FaultKind.GENERATOR, part, message)
            takes = signature_of(call.args).without_first()
            context = self._context(caller, takes)
            wanted = [parameter for parameter in takes.without(context).parameters if parameter.required]
            if context is None and len(wanted) == 1 and wanted[0].annotation is None:
                context = wanted[0].name
            elif wanted:
                message = (
                    f"`{node.name}.__call__` takes {takes.text}: it may take a `TaskContext` only, "
                    "a task's arguments go to the constructor"
                )
                return Fault(FaultKind.NOT_CALLABLE, part, message)
            nothing, returns = returns_nothing(call), call.returns
            awaits = isinstance(call, ast.AsyncFunctionDef)
        maker, constructor = constructor_of(lineage) if known else (owner, None)
        given = None if constructor is None else self._context(maker, constructor)
        return FoundCallable(
            spec.Callable(
                identity,
                spec.CallableKind.CLASS,
                context or given,
                self._modules.code_hash(module),
                code_of(owner, node),
            ),
            maker.name,
            clean(ast.get_docstring(node, clean=False) or ""),
            None if constructor is None else constructor.without(given),
            given,
            returns_nothing=nothing,
            returns=returns,
            returns_module=caller.name,
            place=maker.place,
            awaits=awaits,
        )

    def _assigned(self, identity: str, part: int, module: str, place: Place, value: ast.expr) -> FoundCallable | Fault:
        if isinstance(value, ast.Lambda):
            signature = signature_of(value.args)
            found = spec.Callable(
                identity,
                spec.CallableKind.FUNCTION,
                None,
                self._modules.code_hash(module),
                code_of(place.module, value),
            )
            return FoundCallable(found, place.module.name, "", signature, awaits=False)
        what = NOT_CALLABLE.get(type(value))
        if what is not None:
            name = identity.partition(":")[2]
            return Fault(FaultKind.NOT_CALLABLE, part, f"`{name}` is {what}, not a callable")
        found = spec.Callable(identity, spec.CallableKind.OBJECT, None, self._modules.code_hash(module))
        return FoundCallable(found, place.module.name)

    def _unknown(self, identity: str, module: str) -> FoundCallable:
        found = spec.Callable(identity, spec.CallableKind.UNKNOWN, None, self._modules.code_hash(module))
        return FoundCallable(found, module)

    def _context(self, module: Module, signature: Signature) -> str | None:
        for parameter in signature.parameters:
            if parameter.annotation is not None and self._definitions.is_context(module, parameter.annotation):
                return parameter.name
        return None


def _overload(found: FoundCallable, node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[Signature, FoundCallable]:
    declared = replace(found, returns_nothing=returns_nothing(node), returns=node.returns)
    return signature_of(node.args).without(found.given), declared


def constructor_of(lineage: list[tuple[Module, ast.ClassDef]]) -> tuple[Module, Signature | None]:
    """What the constructor of a class takes, and the module that it stands in. `lineage` is the class and its bases,
    all of them known; no signature where only running the code would tell."""
    for i, (module, node) in enumerate(lineage):
        if _method(node, "__new__") is not None:
            return module, None
        constructor = _method(node, "__init__")
        if constructor is not None:
            return module, signature_of(constructor.args).without_first()
        if is_dataclass(node):
            fields: dict[str, Parameter] = {}
            for at, each in reversed(lineage[i:]):
                if is_dataclass(each):
                    own = (replace(parameter, module=at.name) for parameter in dataclass_fields(each))
                    fields.update((parameter.name, parameter) for parameter in own)
            ordered = sorted(fields.values(), key=lambda p: p.kind is ParameterKind.NAMED_ONLY)
            return module, Signature(tuple(ordered))
    return lineage[0][0], Signature(())


def _within(found: FoundCallable | Fault, names: tuple[str, ...], own: tuple[str, ...]) -> FoundCallable | Fault:
    """The fault with its parts counted within `names`, of which `own` are the last."""
    if isinstance(found, Fault) and own != names:
        return replace(found, part=found.part + len(names) - len(own))
    return found


NOT_CALLABLE: dict[type[ast.expr], str] = {
    ast.Constant: "a constant",
    ast.JoinedStr: "a string",
    ast.List: "a list",
    ast.Tuple: "a tuple",
    ast.Dict: "a dict",
    ast.Set: "a set",
    ast.ListComp: "a list",
    ast.DictComp: "a dict",
    ast.SetComp: "a set",
}


def _method(node: ast.ClassDef, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    for statement in reversed(node.body):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name == name:
            return statement
    return None


def code_of(module: Module, node: Definition | ast.Lambda) -> spec.Code | None:
    """The source of a definition; none where the module has none."""
    if module.source is None or node.end_lineno is None:
        return None
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    lines = module.lines[first - 1 : node.end_lineno]
    return spec.Code(module.place, first, dedent(lines) + "\n")
