"""What the imports of a file bind, and which Python name a callee means through them."""

from __future__ import annotations

from ppacer.records import dataclass, field
from ppc import ast
from ppc.definitions import Fault
from ppc.diagnostics import Span


@dataclass(slots=True, eq=False)
class Import:
    """One bound name: `shop.etl` of `import shop.etl`, `x` of an alias, `f` of `from m import f`.

    `names` leads on from the module; `refused` says why there is no such module or, if `name_missing`, no such name
    in it.
    """

    bound: str
    module: str
    names: tuple[str, ...]
    span: Span
    used: bool = False
    refused: Fault | None = None
    name_missing: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A callee as module and names; the names from `own` on stand in the callee itself."""

    found: Import
    names: tuple[str, ...]
    own: int


@dataclass(slots=True, eq=False)
class Imports:
    bound: dict[str, Import] = field(default_factory=dict)

    def target(self, callee: ast.DottedName) -> Target | None:
        """What a callee means, by the longest import that it begins with; none where no import fits."""
        parts = tuple(part.name for part in callee.parts)
        for length in range(len(parts), 0, -1):
            found = self.bound.get(".".join(parts[:length]))
            if found is not None and (length == 1 or not found.names):
                return Target(found, found.names + parts[length:], length)
        return None


def declared(item: ast.ImportDecl | ast.FromImportDecl) -> list[Import]:
    """The names that an import statement binds, in order."""
    if isinstance(item, ast.ImportDecl):
        name = item.module if item.alias is None else item.alias
        bound = item.module.text if item.alias is None else item.alias.name
        return [Import(bound, item.module.text, (), name.span)]
    found: list[Import] = []
    for imported in item.names:
        bound_as = imported.alias or imported.name
        found.append(Import(bound_as.name, item.module.text, (imported.name.name,), bound_as.span))
    return found
