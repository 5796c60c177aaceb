"""What an expression is: its form, its type, and its value where that is known when the program is built."""

from __future__ import annotations

from typing import Final

from ppc import ast
from ppc.annotations import Annotations
from ppc.bodies import BodyScope
from ppc.checks.data import DagTypes
from ppc.constants import is_constant
from ppc.diagnostics import Span
from ppc.expressions import Expressions
from ppc.lsp.nodes import Around, resolved
from ppc.lsp.workspace import Checked
from ppc.notation import expression_text, shown_text
from ppc.places import Place
from ppc.resolved import ResolvedDag
from ppc.typing_model import plain, words
from ppc.typing_outputs import Outputs
from ppd.words import SCOPES

_LONGEST: Final = 300
_FORMS: Final[dict[type, str]] = {
    ast.ListLiteral: "a list",
    ast.DictLiteral: "a dict",
    ast.FormatLiteral: "a text with fields",
    ast.UnaryExpr: "an operator and its operand",
    ast.BinaryExpr: "an operator between two operands",
    ast.Call: "a call",
    ast.IndexExpr: "an element",
    ast.AttributeExpr: "a field",
    ast.Constant: "a constant",
    ast.DurationLiteral: "a duration",
}


def expression(at: Around) -> tuple[str, Span] | None:
    """What the innermost expression at a place is, in Markdown; none where there is none that has a value."""
    if any(isinstance(node, ast.TypeExpr | ast.IncludeDecl) for node in at.nodes):
        return None
    found = next((node for node in reversed(at.nodes) if isinstance(node, ast.Expr) and not _is_scope(node)), None)
    if found is None:
        return None
    form = _FORMS.get(type(found), "")
    told = _type_and_value(at, found)
    lines = [form] if form else []
    return ("\n\n".join([*lines, *told]), found.span) if told else None


def _is_scope(expr: ast.Expr) -> bool:
    """The `run` of `run.date`, which is nothing by itself."""
    return isinstance(expr, ast.Name) and expr.name in SCOPES


def _type_and_value(at: Around, expr: ast.Expr) -> list[str]:
    checked = at.session.workspace.check(at.source.path)
    task_decl = at.innermost(ast.TaskDecl)
    found = None if task_decl is None else resolved(checked, task_decl)
    dag = found[0] if found is not None else _dag(checked, at)
    task = None if found is None else found[1]
    scope = task.scope if task is not None else _scope(checked, at, dag)
    if scope is None:
        return []
    of_alert = any(isinstance(node, ast.Setting) and node.name.name == "alert" for node in at.nodes)
    place = Place.ALERT if of_alert else Place.ARGUMENT
    value = Expressions(scope, {} if task is None else task.variables).argument(expr, [], place=place)
    if value is None:
        return []
    lines: list[str] = []
    if dag is not None:
        type_ = words(plain(DagTypes(dag, Outputs(Annotations(checked.callables))).at(task).quietly(value)))
        lines.append(f"type: `{type_}`")
    if is_constant(value) and not isinstance(expr, ast.Constant | ast.DurationLiteral):
        text = shown_text(expression_text(value))
        lines.append(f"value: `{text if len(text) <= _LONGEST else text[:_LONGEST] + '…'}`")
    return lines


def _dag(checked: Checked, at: Around) -> ResolvedDag | None:
    dags = () if checked.examined is None else tuple(checked.examined.program.all_dags)
    own = next((node for node in at.nodes if isinstance(node, ast.DagDecl | ast.TemplateDecl)), None)
    for dag in dags:
        if dag.decl is own or (dag.template is not None and dag.template.decl is own):
            return dag
    return next((dag for dag in dags if own is None and dag.scope.file.source.path == at.source.path), None)


def _scope(checked: Checked, at: Around, dag: ResolvedDag | None) -> BodyScope | None:
    if dag is not None and any(isinstance(node, ast.DagDecl | ast.TemplateDecl) for node in at.nodes):
        return dag.body
    files = () if checked.examined is None else checked.examined.program.files
    return next((BodyScope(file.scope) for file in files if file.scope.source.path == at.source.path), None)
