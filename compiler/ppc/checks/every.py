"""All checks of a program whose names are bound and whose settings are read, in one call."""

from __future__ import annotations

from collections.abc import Sequence

from ppc.annotations import Annotations
from ppc.callables import CallableFinder
from ppc.checks import (
    callables,
    data,
    declarations,
    effect,
    graph,
    isolation,
    names,
    run_dag,
    safety,
    sleep,
    sql,
    triggers,
)
from ppc.checks.arguments import Arguments
from ppc.graph import Graph
from ppc.resolved import ResolvedDag, ResolvedProgram
from ppc.typing_outputs import Outputs


def check_program(
    program: ResolvedProgram,
    graphs: Sequence[tuple[ResolvedDag, Graph]],
    finder: CallableFinder,
) -> None:
    """Adds the faults to the program's. `graphs` are those of all its dags, sketches included."""
    annotations = Annotations(finder)
    arguments, outputs = Arguments(annotations), Outputs(annotations)
    for file in program.files:
        callables.check_imports(file)
        declarations.check(file, arguments)
        safety.check(file)
        effect.check(file)
    for dag, drawn in graphs:
        for task in (*dag.tasks.values(), *dag.sketches):
            callables.check_callee(task)
            isolation.check(dag, task)
            sleep.check(task)
        graph.check(dag, drawn)
        triggers.check(dag, drawn)
        data.check(dag, outputs, arguments)
        sql.check(dag, outputs)
    run_dag.check(program, graphs, outputs)
    names.check(program)
