"""Names that nobody uses, and programs that have nothing to run."""

from __future__ import annotations

from ppc import ast
from ppc.callables import FoundCallable
from ppc.checks import params
from ppc.diagnostics import Edit, Span
from ppc.resolved import ResolvedDag, ResolvedFile, ResolvedProgram
from ppc.scopes import FileScope, ResolvedParam

NO_DAG = "E010"
UNUSED_IMPORT = "W201"
UNUSED_LET = "W202"
UNUSED_PARAM = "W203"
UNUSED_NOTIFIER = "W204"
UNUSED_POOL = "W205"
UNUSED_LABEL = "W206"
UNUSED_TEMPLATE = "W207"

CODES = {
    NO_DAG: "a file without a dag",
    UNUSED_IMPORT: "an import that is not used",
    UNUSED_LET: "a `let` that is not used",
    UNUSED_PARAM: "a param that is not used",
    UNUSED_NOTIFIER: "a `notifier` that is not used",
    UNUSED_POOL: "a `pool` that is not used",
    UNUSED_LABEL: "a `label` that is not used",
    UNUSED_TEMPLATE: "a `template` that is not used",
}


def check(program: ResolvedProgram) -> None:
    for file in program.files:
        # A broken statement may have declared the dag, or used the name; what is included may be used elsewhere.
        if file.scope.broken or file.scope.unread:
            continue
        if not file.scope.included:
            _check_dags(file)
        _check_imports(file)
        if not file.scope.included:
            _check_declarations(file)


def _check_dags(file: ResolvedFile) -> None:
    scope = file.scope
    if file.dags or _includes_dag(scope):
        return
    start = Span(scope.source.path, 0, 0)
    scope.report(NO_DAG, f"`{scope.source.path}` declares no dag", start, help="a dag is `dag name { … }`")


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


def _check_imports(file: ResolvedFile) -> None:
    if file.scope.included or not file.dags:
        return
    scope = file.scope
    for item in scope.module.items:
        if isinstance(item, ast.ImportDecl):
            name = item.module if item.alias is None else item.alias
            bound = item.module.text if item.alias is None else item.alias.name
            if _is_unused(file, bound, name.span):
                _report_import(scope, bound, name.span, item.span)
        elif isinstance(item, ast.FromImportDecl):
            unused = [each for each in item.names if _is_unused(file, _bound(each).name, _bound(each).span)]
            for each in unused:
                cut = item.span if len(unused) == len(item.names) else _from_list(item, each)
                whole = len(unused) == len(item.names)
                _report_import(scope, _bound(each).name, _bound(each).span, cut, whole=whole)


def _bound(name: ast.ImportedName) -> ast.Identifier:
    return name.alias or name.name


def _is_unused(file: ResolvedFile, bound: str, span: Span) -> bool:
    found = next((each for each in file.imports if each.bound == bound and each.span == span), None)
    if found is None or found.used or found.refused is not None:
        return False
    return file.scope.imports.bound.get(bound) is found


def _from_list(item: ast.FromImportDecl, name: ast.ImportedName) -> Span:
    """The name with the comma that goes with it."""
    place = item.names.index(name)
    if place + 1 < len(item.names):
        return Span(name.span.file, name.span.start, item.names[place + 1].span.start)
    return Span(name.span.file, item.names[place - 1].span.end, name.span.end)


def _check_declarations(file: ResolvedFile) -> None:
    scope = file.scope
    if not file.dags:
        return
    for let in scope.lets.values():
        if let.file is scope and not let.used:
            _report(scope, UNUSED_LET, f"the `let` `{let.name.name}`", let.name.span)
    for notifier in file.notifiers:
        if not notifier.used:
            decl = notifier.decl
            _report(scope, UNUSED_NOTIFIER, f"the notifier `{decl.name.name}`", decl.name.span)
    for pool in file.pools:
        if not pool.used:
            _report(scope, UNUSED_POOL, f"the pool `{pool.decl.name.name}`", pool.decl.name.span)
    for label in file.labels:
        if not label.used:
            _report(scope, UNUSED_LABEL, f"the label `{label.decl.name.name}`", label.decl.name.span)
    for template in file.templates:
        name = template.decl.name
        if not template.used:
            _report(scope, UNUSED_TEMPLATE, f"the template `{name.name}`", name.span)
        for parameter in template.parameters.values():
            if not parameter.used:
                own = parameter.decl.name
                message = f"the parameter `{own.name}` of template `{name.name}` is not used"
                scope.report(UNUSED_PARAM, message, own.span, help="leave it out, and where the template is used too")
    for dag in file.dags:
        _check_params(dag)


def _check_params(dag: ResolvedDag) -> None:
    unused = [param for param in dag.params.values() if not param.used and not _is_refused(dag, param)]
    if not unused or any(_sees_params(task.callee) for task in dag.tasks.values()):
        return
    for param in unused:
        name = param.decl.name
        _report(dag.scope.file, UNUSED_PARAM, f"the param `{name.name}`", name.span)


def _is_refused(dag: ResolvedDag, param: ResolvedParam) -> bool:
    """Whether its declaration is at fault: that comes first."""
    return param.type is None or dag.scope.file.has_reported(params.NO_DEFAULT, param.decl.name.span)


def _sees_params(callee: object) -> bool:
    """A task that takes the context may read all params from it."""
    return not isinstance(callee, FoundCallable) or callee.signature is None or callee.spec.context is not None


def _report(scope: FileScope, code: str, what: str, span: Span) -> None:
    """To take it out is for its author to decide: it may have been written for what comes next."""
    scope.report(code, f"{what} is not used", span, help="leave it out")


def _report_import(scope: FileScope, name: str, span: Span, cut: Span, *, whole: bool = True) -> None:
    text = scope.source.text
    start, end = cut.start, cut.end
    if whole:
        # With its line, where it has that to itself.
        line_start = text.rfind("\n", 0, start) + 1
        line_end = text.find("\n", end)
        line_end = len(text) if line_end < 0 else line_end + 1
        if not text[line_start:start].strip() and not text[end:line_end].strip():
            start, end = line_start, line_end
    edit = Edit(Span(cut.file, start, end), "")
    scope.report(UNUSED_IMPORT, f"the import `{name}` is not used", span, help="leave it out", edit=edit)
