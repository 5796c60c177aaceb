"""Dags made in a line, for tests of the machine: tasks, expressions, and edges filled in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from ppacer import spec
from ppacer.core.plan import DagPlan, plans
from ppacer.records import replace

AT = spec.At(1, 1)
SECOND = 1_000_000


def make_plan(
    *tasks: spec.Task,
    edges: Iterable[tuple[str, str]] = (),
    alert_on: Iterable[spec.AlertEvent] = (),
    **settings: object,
) -> DagPlan:
    """A plan of the given tasks, in this order, with parents and children filled in from the edges. Of the run itself
    nobody is told anything unless `alert_on` says so."""
    parents: dict[str, list[str]] = {}
    children: dict[str, list[str]] = {}
    for parent, child in edges:
        parents.setdefault(child, []).append(parent)
        children.setdefault(parent, []).append(child)
    nodes = tuple(
        replace(task, parents=tuple(parents.get(task.id, ())), children=tuple(children.get(task.id, ())))
        for task in tasks
    )
    dag = spec.Dag("d", AT, nodes, alert_on=tuple(alert_on), **settings)  # type: ignore[arg-type]
    sources = (spec.Source("d.ppd", "", ""),)
    program = spec.Program(
        "p", "b" * 64, "1", (dag,), (spec.Callable("m:f", spec.CallableKind.FUNCTION, hash="c0de"),), sources
    )
    return plans(program)["d"]


def make_task(
    id: str,
    *,
    over: spec.Expr | None = None,
    pairwise: Iterable[str] = (),
    variable: str = "x",
    retry_delay: float = 0.0,
    timeout: float | None = 600,
    **settings: object,
) -> spec.Task:
    """A task; with `over` a run-time family over that list. `retry_delay` and `timeout` are in seconds."""
    return spec.Task(
        id,
        "m:f",
        AT,
        fan_out=None if over is None else spec.FanOut(variable, over, tuple(pairwise)),
        retry_delay=timedelta(seconds=retry_delay),
        timeout=None if timeout is None else timedelta(seconds=timeout),
        **settings,  # type: ignore[arg-type]
    )


def constant(value: spec.Constant) -> spec.Expr:
    return spec.Literal(value, AT)


def list_of(*values: spec.Constant) -> spec.Expr:
    return spec.ListOf(tuple(constant(value) for value in values), AT)


def output(task: str) -> spec.Expr:
    return spec.Output(task, AT)


def outputs(family: str) -> spec.Expr:
    return spec.Outputs(family, AT)


def output_at(family: str) -> spec.Expr:
    return spec.OutputAt(family, AT)


def element(name: str = "x") -> spec.Expr:
    """The loop variable."""
    return spec.LoopVariable(name, AT)


def binary(left: spec.Expr, operator: str, right: spec.Expr) -> spec.Expr:
    return spec.Binary(spec.BinaryOperator(operator), left, right, AT)


def attribute(of: spec.Expr, name: str) -> spec.Expr:
    return spec.Attribute(of, name, AT)


def text(*parts: str | spec.Expr) -> spec.Expr:
    """An f-string."""
    return spec.FormatString(tuple(part if isinstance(part, str) else spec.FormatField(part, AT) for part in parts), AT)
