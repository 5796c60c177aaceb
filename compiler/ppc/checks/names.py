"""Names that nobody uses, and files that declare nothing to run."""

from __future__ import annotations

from ppc import ast
from ppc.diagnostics import Span
from ppc.resolved import ResolvedFile
from ppc.scopes import FileScope

NO_DAG = "E010"
UNUSED_IMPORT = "W201"
UNUSED_LET = "W202"

CODES = {
    NO_DAG: "a file without a dag",
    UNUSED_IMPORT: "an import that is not used",
    UNUSED_LET: "a `let` that is not used",
}


def check(file: ResolvedFile) -> None:
    scope = file.scope
    # A broken statement may have declared the dag, or used the name.
    if scope.broken or scope.included:
        return
    if not file.dags and not _includes_dag(scope):
        start = Span(scope.source.path, 0, 0)
        scope.report(NO_DAG, f"`{scope.source.path}` declares no dag", start, help="a dag is `dag name { … }`")
        return
    for found in file.imports:
        if not found.used and found.refused is None and scope.imports.bound[found.bound] is found:
            message = f"the import `{found.bound}` is not used"
            scope.report(UNUSED_IMPORT, message, found.span, help="leave it out")
    for let in scope.lets.values():
        if not let.used and let.file is scope:
            scope.report(UNUSED_LET, f"the `let` `{let.name.name}` is not used", let.name.span, help="leave it out")


def _includes_dag(scope: FileScope) -> bool:
    waiting = [scope]
    seen: set[str] = set()
    while waiting:
        file = waiting.pop()
        if file.unread or file.broken or any(isinstance(item, ast.DagDecl) for item in file.module.items):
            return True
        seen.add(file.source.path)
        waiting.extend(each for each, _ in file.includes if each.source.path not in seen)
    return False
