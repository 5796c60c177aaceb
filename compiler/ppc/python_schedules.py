"""Schedules written in Python: whether a class has the methods of one, as far as its source tells."""

from __future__ import annotations

import ast

from ppc.definitions import TRANSPARENT, Definitions, Missing
from ppc.modules import Module
from ppc.signatures import ParameterKind, Signature, decorator_names, is_generator, signature_of

METHODS: dict[str, tuple[str, ...]] = {"start": (), "next": ("now", "previous")}
"""The methods that the runtime calls, and what it gives them, by position."""


def no_schedule(definitions: Definitions, module: Module, node: ast.ClassDef) -> str:
    """Why objects of the class are no schedules; empty where they are, or where only running the code would tell."""
    for name, given in METHODS.items():
        called = f"{name}({', '.join(given)})"
        method = definitions.method(module, node, name)
        if isinstance(method, Missing):
            return f"`{node.name}` has no method `{called}`"
        if method is not None and all(each in TRANSPARENT for each in decorator_names(method)):
            fault = _fault(method, len(given))
            if fault:
                return f"`{node.name}.{name}` {fault}, and is called as `{called}`"
    return ""


def _fault(method: ast.FunctionDef | ast.AsyncFunctionDef, given: int) -> str:
    if isinstance(method, ast.AsyncFunctionDef):
        return "is an `async def`"
    if is_generator(method):
        return "is a generator"
    signature = signature_of(method.args)
    if "staticmethod" not in decorator_names(method):
        signature = signature.without_first()
    return "" if _takes(signature, given) else f"takes {signature.text}"


def _takes(signature: Signature, given: int) -> bool:
    """Whether it can be called with so many positional arguments."""
    places = [each for each in signature.parameters if each.kind in _BY_POSITION]
    rest = any(each.kind is ParameterKind.REST for each in signature.parameters)
    wanted = any(each.kind is ParameterKind.NAMED_ONLY and each.required for each in signature.parameters)
    return sum(each.required for each in places) <= given and (given <= len(places) or rest) and not wanted


_BY_POSITION = {ParameterKind.POSITIONAL_ONLY, ParameterKind.EITHER}
