"""What is shown beside the text: the parameters of the call being typed, hints at the ends of lines, and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter

from lsprotocol import types as lsp

from ppc import ast
from ppc.callables import FoundCallable
from ppc.diagnostics import has_errors
from ppc.draw_svg import svg
from ppc.draw_text import mermaid
from ppc.includes import Unit
from ppc.lower import lower_dag
from ppc.lsp import describe
from ppc.lsp.completion import python_target
from ppc.lsp.context import context_at
from ppc.lsp.session import Session
from ppc.signatures import Parameter, ParameterKind

GRAPH_COMMAND = "ppc.graph"


def signature_help(session: Session, uri: str, position: lsp.Position) -> lsp.SignatureHelp | None:
    """The parameters of the callable whose arguments are being typed, the one at hand marked."""
    at = session.at(uri, position)
    names = None if at is None else session.names(at[0].path)
    if at is None or names is None:
        return None
    source, offset = at
    context = context_at(source.text, offset)
    call = context.call
    target = None if call is None else python_target(names, call.callee)
    if call is None or target is None:
        return None
    finder, _ = session.workspace.python(source.path)
    found = finder.find(*target)
    if not isinstance(found, FoundCallable) or found.signature is None:
        return None
    parameters = found.signature.parameters
    output = describe.output_of(found, finder)
    label = f"{call.callee}{found.signature.text}" + (f" -> {output}" if output else "")
    information = lsp.SignatureInformation(
        label,
        lsp.MarkupContent(lsp.MarkupKind.Markdown, found.doc) if found.doc else None,
        [lsp.ParameterInformation(parameter.text) for parameter in parameters],
    )
    written = source.text[call.start + 1 : offset].rpartition(",")[2]
    name, assigned, _ = written.partition("=")
    active = _active(parameters, name.strip() if assigned else "", call.commas)
    return lsp.SignatureHelp([information], 0, active)


def inlay_hints(session: Session, uri: str, lines: lsp.Range, now: int) -> list[lsp.InlayHint]:
    """Behind tasks the types of their outputs and the retries and the time-out that they inherit, behind schedules the
    next run."""
    unit = session.workspace.unit(session.path(uri))
    if not isinstance(unit, Unit):
        return []
    source = unit.source
    start, end = (session.positions.offset(source, place) for place in (lines.start, lines.end))
    checked = session.workspace.check(source.path)
    tasks = describe.tasks_by_declaration(checked)
    found: list[tuple[int, str]] = []
    for item in _nested(unit.module.items):
        if not start <= item.span.start <= end:
            continue
        if isinstance(item, ast.TaskDecl):
            made = tasks.get(id(item), [])
            callee = next((task.callee for task in made if isinstance(task.callee, FoundCallable)), None)
            output = "" if callee is None else describe.output_of(callee, checked.callables)
            if output not in ("", "none"):
                found.append((item.call.span.end, f"-> {output}"))
            found += ((item.span.end, text) for text in [describe.inherited(item, made)] if text)
        elif isinstance(item, ast.DagDecl):
            dag = describe.dag_of(checked, item)
            schedule = next((s for s in item.body if isinstance(s, ast.Setting) and s.name.name == "schedule"), None)
            if dag is not None and schedule is not None and describe.schedules(dag):
                found += ((schedule.value.span.end, f"next: {at}") for at in describe.next_runs(dag, now)[:1])
    return [
        lsp.InlayHint(session.positions.position(source, place), text, padding_left=True)
        for place, text in sorted(found, key=itemgetter(0))
    ]


def graph(session: Session, uri: str, name: str | None) -> dict[str, str]:
    """A dag as `ppc graph` draws it, as `svg` and `mermaid`; `error` tells why there is none. Without a name it is the
    first of the file's dags."""
    path = session.path(uri)
    checked = session.workspace.check(path)
    if checked.examined is None or has_errors(checked.diagnostics):
        return {"error": "the file has errors: a dag is drawn when it can be built"}
    for dag, drawn in checked.examined.graphs:
        if dag.template is None and dag.decl.span.file == path and name in (None, dag.decl.name.name):
            lowered = [lower_dag(dag, drawn)]
            return {"dag": dag.decl.name.name, "svg": svg(lowered), "mermaid": mermaid(lowered)}
    return {"error": "the file has no dag" if name is None else f"the file has no dag `{name}`"}


def code_lenses(session: Session, uri: str) -> list[lsp.CodeLens]:
    """Above each dag its graph."""
    unit = session.workspace.unit(session.path(uri))
    if not isinstance(unit, Unit):
        return []
    return [
        lsp.CodeLens(
            session.positions.range(unit.source, dag.name.span),
            lsp.Command("graph", GRAPH_COMMAND, arguments=[uri, dag.name.name]),
        )
        for dag in _dags(unit.module)
    ]


def _active(parameters: tuple[Parameter, ...], name: str, position: int) -> int | None:
    for index, parameter in enumerate(parameters):
        if name and parameter.name == name:
            return index
        if not name and parameter.kind is ParameterKind.REST and index <= position:
            return index
    positional = [each for each in parameters if each.kind is not ParameterKind.NAMED_ONLY]
    return position if not name and position < len(positional) else None


def _dags(module: ast.Module) -> Iterator[ast.DagDecl]:
    return (item for item in module.items if isinstance(item, ast.DagDecl))


def _nested(items: Sequence[ast.TopItem | ast.BodyItem]) -> Iterator[ast.TopItem | ast.BodyItem]:
    """Statements, and those in their blocks."""
    for item in items:
        yield item
        if isinstance(item, ast.DagDecl | ast.TemplateDecl | ast.GroupDecl | ast.HandlerDecl):
            yield from _nested(item.body)
