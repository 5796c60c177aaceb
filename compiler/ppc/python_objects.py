"""What a program names of Python besides its tasks: schedules and notifiers, judged as far as their sources tell."""

from __future__ import annotations

import ast

from ppacer import spec
from ppacer.records import replace
from ppc.callables import NOT_CALLABLE, CallableFinder, FoundCallable, code_of, constructor_of
from ppc.definitions import TRANSPARENT, Definitions, Fault, FaultKind, Missing, Place
from ppc.docstrings import clean
from ppc.modules import Assigned, Imported, Module, ModuleFinder
from ppc.signatures import ParameterKind, Signature, decorator_names, is_generator, signature_of

_OF_A_SCHEDULE: dict[str, tuple[str, ...]] = {"start": (), "next": ("now", "previous")}
"""The methods that the runtime calls, and what it gives them, by position."""


class PythonObjects:
    """Looks at the names of a module. Faults count their parts within these names."""

    def __init__(self, finder: CallableFinder, modules: ModuleFinder, definitions: Definitions) -> None:
        self._finder = finder
        self._modules = modules
        self._definitions = definitions

    # --- schedules ---------------------------------------------------------------------------------------------------

    def schedule(self, module: str, names: tuple[str, ...]) -> FoundCallable | Fault:
        text = ".".join((module, *names))
        if not names:
            return Fault(FaultKind.NOT_SCHEDULE, 0, f"`{text}` is a module")
        place = self._definitions.follow(module, names)
        if isinstance(place, Fault):
            return place
        if place is None:
            return self._described(module, names, None, spec.CallableKind.UNKNOWN)
        made = self._definitions.class_of(place)
        fault = "" if made is None else self._lacks(*made)
        code: spec.Code | None = None
        match place.binding:
            case ast.ClassDef() as node:
                kind, code = spec.CallableKind.CLASS, code_of(place.module, node)
                fault = fault or self._wants(place.module, node)
            case ast.FunctionDef() | ast.AsyncFunctionDef() as node:
                kind, fault = spec.CallableKind.FUNCTION, f"`{node.name}` is a function"
            case Assigned(value):
                kind = spec.CallableKind.OBJECT
                what = "a function" if isinstance(value, ast.Lambda) else NOT_CALLABLE.get(type(value))
                fault = fault if what is None else f"`{names[-1]}` is {what}"
            case Imported(name=imported):
                kind, fault = spec.CallableKind.UNKNOWN, f"`{imported or text}` is a module"
            case _:
                kind = spec.CallableKind.UNKNOWN
        if fault:
            return Fault(FaultKind.NOT_SCHEDULE, len(names) - 1, fault)
        return self._described(module, names, place, kind, code)

    def _lacks(self, module: Module, node: ast.ClassDef) -> str:
        """Why objects of the class are no schedules; empty where they may be."""
        for name, given in _OF_A_SCHEDULE.items():
            called = f"{name}({', '.join(given)})"
            method = self._definitions.method(module, node, name)
            if isinstance(method, Missing):
                return f"`{node.name}` has no method `{called}`"
            if method is not None and _is_plain(method):
                fault = "is an `async def`" if isinstance(method, ast.AsyncFunctionDef) else _fault(method, len(given))
                if fault:
                    return f"`{node.name}.{name}` {fault}, and is called as `{called}`"
        return ""

    def _wants(self, module: Module, node: ast.ClassDef) -> str:
        """Why an object of the class cannot be made without arguments."""
        lineage, known = self._definitions.lineage(module, node)
        constructor = constructor_of(lineage)[1] if known else None
        if constructor is None or not any(parameter.required for parameter in constructor.parameters):
            return ""
        return f"`{node.name}` takes {constructor.text}, and a class is called without arguments"

    # --- notifiers ---------------------------------------------------------------------------------------------------

    def notifier(self, module: str, names: tuple[str, ...]) -> FoundCallable | Fault:
        place = self._definitions.follow(module, names) if names else None
        if isinstance(place, Place) and isinstance(place.binding, ast.ClassDef):
            return self._notifier_class(module, names, place, place.binding)
        found = self._finder.find(module, names)
        if isinstance(found, Fault) or found.signature is None:
            return found
        if found.given is not None:
            return self._no_notifier(names, f"takes a `TaskContext` as its `{found.given}`")
        takes = found.signature.parameters[:1]
        if not takes or takes[0].kind not in (*_BY_POSITION, ParameterKind.REST):
            return self._no_notifier(names, f"takes {found.signature.text}")
        return replace(found, signature=found.signature.without_first())

    def _notifier_class(
        self, module: str, names: tuple[str, ...], place: Place, node: ast.ClassDef
    ) -> FoundCallable | Fault:
        call = self._definitions.method(place.module, node, "__call__")
        if isinstance(call, Missing):
            return self._no_notifier(names, "is a class without `__call__`")
        fault = _fault(call, 1) if call is not None and _is_plain(call) else ""
        if fault:
            return self._no_notifier(names, f"has a `__call__` that {fault}")
        lineage, known = self._definitions.lineage(place.module, node)
        maker, constructor = constructor_of(lineage) if known else (place.module, None)
        found = self._described(module, names, place, spec.CallableKind.CLASS, code_of(place.module, node))
        return replace(
            found,
            module=maker.name,
            doc=clean(ast.get_docstring(node, clean=False) or ""),
            signature=constructor,
            place=maker.place,
        )

    def _no_notifier(self, names: tuple[str, ...], why: str) -> Fault:
        return Fault(FaultKind.NOT_NOTIFIER, len(names) - 1, f"`{'.'.join(names)}` cannot be given a message: it {why}")

    def _described(
        self,
        module: str,
        names: tuple[str, ...],
        place: Place | None,
        kind: spec.CallableKind,
        code: spec.Code | None = None,
    ) -> FoundCallable:
        found = spec.Callable(f"{module}:{'.'.join(names)}", kind, None, self._modules.code_hash(module), code)
        return FoundCallable(found, module if place is None else place.module.name)


def _is_plain(method: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return all(each in TRANSPARENT for each in decorator_names(method))


def _fault(method: ast.FunctionDef | ast.AsyncFunctionDef, given: int) -> str:
    """What keeps a method from being called with so many positional arguments; empty where nothing does."""
    if is_generator(method):
        return "is a generator"
    signature = signature_of(method.args)
    if "staticmethod" not in decorator_names(method):
        signature = signature.without_first()
    return "" if _takes(signature, given) else f"takes {signature.text}"


def _takes(signature: Signature, given: int) -> bool:
    places = [each for each in signature.parameters if each.kind in _BY_POSITION]
    rest = any(each.kind is ParameterKind.REST for each in signature.parameters)
    wanted = any(each.kind is ParameterKind.NAMED_ONLY and each.required for each in signature.parameters)
    return sum(each.required for each in places) <= given and (given <= len(places) or rest) and not wanted


_BY_POSITION = (ParameterKind.POSITIONAL_ONLY, ParameterKind.EITHER)
