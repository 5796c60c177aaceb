"""What flows between tasks: outputs that are used must be there."""

from __future__ import annotations

from ppc.callables import FoundCallable
from ppc.diagnostics import Label
from ppc.resolved import ResolvedDag

NO_OUTPUT = "E601"

CODES = {NO_OUTPUT: "the output of a task that has none"}


def check(dag: ResolvedDag) -> None:
    for edge in (*dag.edges, *dag.reads):
        parent = dag.tasks[edge.parent]
        if edge.data and isinstance(parent.callee, FoundCallable) and parent.callee.returns_nothing:
            callee = parent.decl.call.callee
            dag.tasks[edge.child].scope.file.report(
                NO_OUTPUT,
                f"task `{edge.parent}` has no output: `{callee.text}` returns nothing",
                edge.span,
                labels=(Label(callee.span, "returns nothing"),),
                help=f"for the order alone write an edge: `{edge.parent} -> {edge.child}`",
            )
