"""From a spec value to the text of the program that holds it: readable Python, the same bytes for the same value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from keyword import iskeyword

from ppacer import spec
from ppacer.records import dataclass
from ppc.literals import SPEC_ALIAS, Literals, quote
from ppc.package import MARKER
from ppc.templating import environment


def emit(program: spec.Program) -> str:
    """The program's text. It depends on nothing but the value."""
    literals = Literals()
    dags: list[str] = []
    for dag, name in zip(program.dags, _names("dag", (dag.id for dag in program.dags)), strict=True):
        dags.append(literals.assignment(name, dag))
        literals.reuse(dag, name)
    callables = _callables(program.callables)
    text = literals.assignment("PROGRAM", program)
    return (
        environment()
        .get_template("program.py.j2")
        .render(
            marker=MARKER,
            compiler=_comment(program.compiler),
            sources=[_Header(_comment(source.path), _comment(source.sha256)) for source in program.sources],
            build=_comment(program.build),
            imports=_imports(literals.imports, callables),
            spec_alias=SPEC_ALIAS,
            dags=dags,
            program=text,
            callables=callables,
        )
    )


@dataclass(frozen=True, slots=True)
class _Header:
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class _Callable:
    """A callable behind its function. `name` is what is imported from `module`, `path` leads on to the callable.

    `reflected` is true where a name is a keyword of Python, for which no import statement can be written.
    """

    id: str
    function: str
    module: str
    path: str
    name: str
    reflected: bool


def _callables(callables: Sequence[spec.Callable]) -> list[_Callable]:
    found: list[_Callable] = []
    for callable_, function in zip(callables, _names("", (c.id for c in callables)), strict=True):
        module, _, path = callable_.id.partition(":")
        reflected = any(iskeyword(part) for part in [*module.split("."), *path.split(".")])
        found.append(_Callable(callable_.id, function, module, path, path.partition(".")[0], reflected))
    return found


def _names(prefix: str, ids: Iterable[str]) -> list[str]:
    """A Python name for each id, in order: `_shop_etl_extract` for `shop.etl:extract`; no two are the same."""
    taken: set[str] = set()
    names: list[str] = []
    for id_ in ids:
        name = wanted = f"{prefix}_{re.sub(r'[^A-Za-z0-9]+', '_', id_).strip('_')}"
        number = 1
        while name in taken:
            number += 1
            name = f"{wanted}_{number}"
        taken.add(name)
        names.append(name)
    return names


def _imports(needed: dict[str, set[str]], callables: Iterable[_Callable]) -> list[tuple[str, str]]:
    modules = {"collections.abc": {"Callable"}, **needed}
    if any(callable_.reflected for callable_ in callables):
        modules |= {"importlib": {"import_module"}, "operator": {"attrgetter"}}
    return [(module, ", ".join(sorted(names))) for module, names in sorted(modules.items())]


def _comment(text: str) -> str:
    """`text` so that it cannot end the comment it stands in."""
    return quote(text)[1:-1]
