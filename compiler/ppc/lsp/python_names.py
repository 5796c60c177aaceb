"""What a Python module holds, and which modules there are: for completion. Nothing is imported."""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Iterator, Sequence

from ppc.callables import CallableFinder
from ppc.modules import Assigned, Imported


def modules(finder: CallableFinder, folders: Sequence[str], package: str) -> Iterator[str]:
    """The modules of a package, or without one those of the project's folders."""
    places: Sequence[str] = folders
    if package:
        found = finder.module(package)
        places = () if found is None else found.folders
    names = {each.name for each in pkgutil.iter_modules(list(places))}
    yield from sorted(name for name in names if not name.startswith("_"))


def names_in(finder: CallableFinder, module: str) -> Iterator[str]:
    """The functions and classes of a module, or of a class that `module` leads to, and what it has from elsewhere."""
    found = finder.module(module)
    for name, binding in ({} if found is None else found.bindings).items():
        match binding:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                callable_ = True
            case Imported(module=source, name=imported):
                callable_ = imported is not None and source != "__future__"
            case Assigned(value):
                callable_ = isinstance(value, ast.Lambda | ast.Name | ast.Attribute)
            case _:
                callable_ = False
        if callable_ and not name.startswith("_"):
            yield name
