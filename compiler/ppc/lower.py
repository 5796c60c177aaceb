"""From resolved, sound dags to the spec's values."""

from __future__ import annotations

from collections.abc import Iterable

from ppacer import spec
from ppacer.records import replace
from ppc import ast
from ppc.callables import FoundCallable
from ppc.graph import Graph
from ppc.resolved import ResolvedDag, ResolvedProgram
from ppc.scopes import ResolvedNotifier, ResolvedParam, ResolvedPool


def lower_dag(dag: ResolvedDag, graph: Graph) -> spec.Dag:
    """The spec of a dag without faults, its tasks in topological order."""
    file, decl, layout = dag.scope.file, dag.decl, graph.layout
    rank = [0] * len(graph.ids)
    for position, node in enumerate(layout.order):
        rank[node] = position
    pairs = _pairwise(dag)
    tasks: list[spec.Task] = []
    for node in layout.order:
        task = dag.tasks[graph.ids[node]]
        args, kwargs = _arguments((argument.syntax, argument.value) for argument in task.arguments)
        fan_out = task.fan_out
        if fan_out is not None and task.id in pairs:
            fan_out = replace(fan_out, pairwise=pairs[task.id])
        tasks.append(
            # The settings fit the fields of their names: `settings` has tested them.
            spec.Task(
                task.id,
                callable_of(task.callee).spec.id,
                task.scope.file.at(task.decl.name.span),
                args,
                kwargs,
                tuple(graph.ids[parent] for parent in sorted(graph.parents[node], key=rank.__getitem__)),
                tuple(graph.ids[child] for child in sorted(graph.children[node], key=rank.__getitem__)),
                layout.layers[node],
                layout.rows[node],
                when=task.when,
                fan_out=fan_out,
                handler=task.handler,
                settings_at=task.settings_at,
                **task.settings,  # type: ignore[arg-type]
            )
        )
    return spec.Dag(
        decl.name.name,
        file.at(decl.name.span),
        tuple(tasks),
        doc="" if decl.doc is None else decl.doc.text,
        params=tuple(_param(dag, param) for param in dag.params.values()),
        groups=_groups(dag),
        settings_at=dag.settings_at,
        **dag.settings,  # type: ignore[arg-type]
    )


def lower_notifiers(program: ResolvedProgram) -> tuple[spec.Notifier, ...]:
    return tuple(_notifier(notifier) for file in program.files for notifier in file.notifiers)


def lower_pools(program: ResolvedProgram) -> tuple[spec.Pool, ...]:
    return tuple(_pool(pool) for file in program.files for pool in file.pools)


def lower_labels(program: ResolvedProgram) -> tuple[str, ...]:
    return tuple(label.name.name for file in program.files for label in file.labels)


def lower_callables(program: ResolvedProgram) -> tuple[spec.Callable, ...]:
    """All that tasks, notifiers and schedules call, each once."""
    found: dict[str, spec.Callable] = {}
    for file in program.files:
        found.update(file.callees.others)
        called = [task.callee for dag in file.dags for task in dag.tasks.values()]
        called += (notifier.callee for notifier in file.notifiers)
        for each in called:
            callable_ = callable_of(each).spec
            found[callable_.id] = callable_
    return tuple(callable_ for _, callable_ in sorted(found.items()))


def callable_of(callee: object) -> FoundCallable:
    """The callable of what has no faults."""
    assert isinstance(callee, FoundCallable)
    return callee


def _arguments(
    arguments: Iterable[tuple[ast.Argument, spec.Expr | None]],
) -> tuple[tuple[spec.Expr, ...], tuple[tuple[str, spec.Expr], ...]]:
    args: list[spec.Expr] = []
    kwargs: list[tuple[str, spec.Expr]] = []
    for syntax, value in arguments:
        assert value is not None
        if syntax.name is None:
            args.append(value)
        else:
            kwargs.append((syntax.name.name, value))
    return tuple(args), tuple(kwargs)


def _pairwise(dag: ResolvedDag) -> dict[str, tuple[str, ...]]:
    """For each family the parents of which its members wait for one member each."""
    alone: dict[str, dict[str, bool]] = {}
    for edge in dag.edges:
        if edge.pairwise:
            alone.setdefault(edge.child, {}).setdefault(edge.parent, True)
    if alone:
        for edge in dag.edges:
            if not edge.pairwise and edge.parent in alone.get(edge.child, ()):
                alone[edge.child][edge.parent] = False
    found = {child: tuple(parent for parent, only in parents.items() if only) for child, parents in alone.items()}
    return {child: parents for child, parents in found.items() if parents}


def _groups(dag: ResolvedDag) -> tuple[spec.Group, ...]:
    found: list[spec.Group] = []
    for group in dag.groups:
        doc, template = group.decl.doc, ""
        if group.call is not None:
            declared = group.call.template.decl
            doc, template = declared.doc, declared.name.name
        at = (group.call.scope if group.call is not None else group.inside).file.at(group.decl.name.span)
        found.append(spec.Group(group.id, at, "" if doc is None else doc.text, template))
    return tuple(found)


def _param(dag: ResolvedDag, param: ResolvedParam) -> spec.Param:
    assert param.type is not None
    decl = param.decl
    return spec.Param(decl.name.name, param.type, dag.scope.file.at(decl.name.span), param.default)


def _notifier(notifier: ResolvedNotifier) -> spec.Notifier:
    args, kwargs = _arguments(notifier.arguments)
    at = notifier.file.at(notifier.name.span)
    return spec.Notifier(notifier.name.name, callable_of(notifier.callee).spec.id, at, args, kwargs)


def _pool(pool: ResolvedPool) -> spec.Pool:
    assert pool.slots is not None
    return spec.Pool(pool.name.name, pool.slots, pool.file.at(pool.name.span))
