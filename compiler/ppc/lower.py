"""From resolved, sound dags to the spec's values."""

from __future__ import annotations

from ppacer import spec
from ppc.callables import FoundCallable
from ppc.graph import Graph
from ppc.resolve import ResolvedDag, ResolvedTask


def lower_dag(dag: ResolvedDag, graph: Graph) -> spec.Dag:
    """The spec of a dag without faults, its tasks in topological order."""
    file, decl, layout = dag.scope.file, dag.decl, graph.layout
    rank = [0] * len(graph.ids)
    for position, node in enumerate(layout.order):
        rank[node] = position
    tasks: list[spec.Task] = []
    for node in layout.order:
        task = dag.tasks[graph.ids[node]]
        args, kwargs = _arguments(task)
        tasks.append(
            # The settings fit the fields of their names: `settings` has tested them.
            spec.Task(
                task.decl.name.name,
                callable_of(task).spec.id,
                file.at(task.decl.name.span),
                args,
                kwargs,
                tuple(graph.ids[parent] for parent in sorted(graph.parents[node], key=rank.__getitem__)),
                tuple(graph.ids[child] for child in sorted(graph.children[node], key=rank.__getitem__)),
                layout.layers[node],
                layout.rows[node],
                settings_at=task.settings_at,
                **task.settings,  # type: ignore[arg-type]
            )
        )
    return spec.Dag(
        decl.name.name,
        file.at(decl.name.span),
        tuple(tasks),
        doc="" if decl.doc is None else decl.doc.text,
        settings_at=dag.settings_at,
        **dag.settings,  # type: ignore[arg-type]
    )


def callable_of(task: ResolvedTask) -> FoundCallable:
    """The callable of a task without faults."""
    assert isinstance(task.callee, FoundCallable)
    return task.callee


def _arguments(task: ResolvedTask) -> tuple[tuple[spec.Expr, ...], tuple[tuple[str, spec.Expr], ...]]:
    args: list[spec.Expr] = []
    kwargs: list[tuple[str, spec.Expr]] = []
    for argument in task.arguments:
        assert argument.value is not None
        if argument.syntax.name is None:
            args.append(argument.value)
        else:
            kwargs.append((argument.syntax.name.name, argument.value))
    return tuple(args), tuple(kwargs)
