"""All checks of a program whose names are bound and whose settings are read, in one call."""

from __future__ import annotations

from collections.abc import Sequence

from ppc.annotations import Annotations
from ppc.callables import BUILT_IN_TASKS, CallableFinder, FoundCallable
from ppc.checks import callables, data, declarations, effect, graph, isolation, names, safety, triggers
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
    called: set[str] = set()
    for file in program.files:
        callables.check_imports(file)
        declarations.check(file, arguments)
        safety.check(file)
        effect.check(file)
    for dag, drawn in graphs:
        for task in (*dag.tasks.values(), *dag.sketches):
            callables.check_callee(task)
            isolation.check(dag, task)
            if isinstance(task.callee, FoundCallable):
                called.add(task.callee.spec.id)
        graph.check(dag, drawn)
        triggers.check(dag, drawn)
        data.check(dag, outputs, arguments)
    _check_built_ins(program, graphs, outputs, called)
    names.check(program)


def _check_built_ins(
    program: ResolvedProgram, graphs: Sequence[tuple[ResolvedDag, Graph]], outputs: Outputs, called: set[str]
) -> None:
    """Checks of single built-in tasks. Most programs call few of them: each is loaded where it is needed."""
    if BUILT_IN_TASKS["sleep"] in called:
        from ppc.checks import sleep  # noqa: PLC0415

        for dag, _ in graphs:
            for task in (*dag.tasks.values(), *dag.sketches):
                sleep.check(task)
    if BUILT_IN_TASKS["shell"] in called:
        from ppc.checks import pipes  # noqa: PLC0415

        for dag, _ in graphs:
            for task in (*dag.tasks.values(), *dag.sketches):
                pipes.check(task)
    if BUILT_IN_TASKS["sql"] in called:
        from ppc.checks import sql  # noqa: PLC0415

        for dag, _ in graphs:
            sql.check(dag, outputs)
    if BUILT_IN_TASKS["run_dag"] in called:
        from ppc.checks import run_dag  # noqa: PLC0415

        run_dag.check(program, graphs, outputs)
