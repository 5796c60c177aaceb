"""Values put into SQL statements, where they can become a part of the statement."""

from __future__ import annotations

from ppacer import spec
from ppc import ast
from ppc.bodies import ResolvedTask
from ppc.callables import BUILT_IN_TASKS, FoundCallable
from ppc.checks.data import DagTypes
from ppc.infer import Inference
from ppc.resolved import ResolvedDag
from ppc.typing_model import NONE, Kind, LiteralType, PlainType, Type, members
from ppc.typing_outputs import Outputs

PUT_IN = "W821"

CODES = {PUT_IN: "a value put into an SQL statement"}

SQL = BUILT_IN_TASKS["sql"]
_HARMLESS = frozenset(
    {Kind.INT, Kind.FLOAT, Kind.BOOL, Kind.DECIMAL, Kind.DATE, Kind.DATETIME, Kind.TIME, Kind.DURATION}
)
"""Nothing of these kinds is written with a quote or a semicolon."""


def check(dag: ResolvedDag, outputs: Outputs) -> None:
    types: DagTypes | None = None
    for task in (*dag.tasks.values(), *dag.sketches):
        if isinstance(task.callee, FoundCallable) and task.callee.spec.id == SQL:
            types = types or DagTypes(dag, outputs)
            _check_statement(task, types.at(task))


def _check_statement(task: ResolvedTask, inference: Inference) -> None:
    statement = task.argument(1, "statement")
    if statement is None or not isinstance(statement.value, spec.FormatString):
        return
    syntax = statement.syntax.value
    written = syntax.parts if isinstance(syntax, ast.FormatLiteral) else ()
    for number, part in enumerate(statement.value.parts):
        if isinstance(part, str) or isinstance(part.value, spec.Literal | spec.RunValue | spec.TaskValue):
            continue
        if all(map(_is_harmless, members(inference.quietly(part.value)))):
            continue
        field = written[number] if number < len(written) else None
        task.scope.file.report(
            PUT_IN,
            "this text is known only at run time, and becomes a part of the statement",
            syntax.span if field is None or isinstance(field, str) else field.span,
            labels=task.labels(),
            help='write `:name` in its place, and `params = {"name": …}` beside the statement',
        )


def _is_harmless(type: Type) -> bool:
    return type == NONE or (isinstance(type, PlainType | LiteralType) and type.kind in _HARMLESS)
